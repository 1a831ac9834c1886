"""Finds the code for a listener or responder by its type. The only dynamic import in the house.

``type: wordpress`` under ``listeners:`` is the file ``listeners/wordpress.py``; a package installed beside
Vigie may offer more through the entry points ``vigie.listeners`` and ``vigie.responders``.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Final, Literal

from pydantic import BaseModel

Side = Literal["listeners", "responders"]
_ENDINGS: Final = {"listeners": ("Listener",), "responders": ("Responder", "Notifier")}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One listener or responder: its settings model, and the class that is built as ``build(config)``."""

    kind: str
    config: type[BaseModel]
    build: type[Any]

    @property
    def replies(self) -> bool:
        return hasattr(self.build, "send")

    @property
    def notifies(self) -> bool:
        return hasattr(self.build, "notify")

    @property
    def tells(self) -> bool:
        return hasattr(self.build, "tell")


def find(side: Side, kind: str) -> Plugin:
    """The listener or responder of that type.

    Raises:
        LookupError: there is none; the text lists those that there are.
    """
    if kind in _own(side):
        return _plugin(side, kind, importlib.import_module(f"{side}.{kind}"))
    for entry in entry_points(group=f"vigie.{side}", name=kind):
        return _plugin(side, kind, entry.load())
    raise LookupError(f"there is no {side[:-1]} of type {kind!r}; there are: {', '.join(names(side))}")


def names(side: Side) -> list[str]:
    """The types that can be used here."""
    return sorted({*_own(side), *(entry.name for entry in entry_points(group=f"vigie.{side}"))})


def _own(side: Side) -> set[str]:
    package = importlib.import_module(side)
    found = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return {name for name in found if name != "base" and not name.startswith("_")}


def _plugin(side: Side, kind: str, module: ModuleType) -> Plugin:
    classes = [
        value
        for name, value in vars(module).items()
        if name.endswith(_ENDINGS[side])
        and isinstance(value, type)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
    if len(classes) != 1:
        raise LookupError(
            f"{module.__name__} must define one class whose name ends in {' or '.join(_ENDINGS[side])}"
        )
    return Plugin(kind, module.Config, classes[0])
