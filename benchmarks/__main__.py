"""Run every benchmark of this folder, one after the other."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import benchmarks
from benchmarks.machine import describe


def main() -> None:
    """Print the machine, then what each benchmark found."""
    print(describe(), flush=True)
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("_"):
            continue
        run = getattr(import_module(f"benchmarks.{module.name}"), "main", None)
        if run is not None:
            print(f"\n== {module.name} ==", flush=True)
            run()


if __name__ == "__main__":
    main()
