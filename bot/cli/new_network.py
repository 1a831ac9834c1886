"""`vigie new-network`: the files of a network that is not there yet, with every rule at its place."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.common import app, console

CONTRIBUTING: Final = "Contributing"
# What stands in bot/scaffold/, and where it goes.
_FILES: Final = {
    "listener.py": "listeners/{name}.py",
    "responder.py": "responders/{name}.py",
    "listener.yaml": "tests/fixtures/{name}/listener.yaml",
    "responder.yaml": "tests/fixtures/{name}/responder.yaml",
    "test_sample.py": "tests/contract/test_{name}.py",
}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_LONGEST: Final = 20


@app.command("new-network", rich_help_panel=CONTRIBUTING)
def new_network(
    name: Annotated[str, typer.Argument(help="What it will be called in `type:`, such as guestbook.")],
    here: Annotated[
        Path,
        typer.Option("--here", metavar="DIR", help="Your copy of Vigie's repository; default: this folder."),
    ] = Path(),
) -> None:
    """Write the files of a new network: listener, responder, fixtures, and a test that fails until they are
    filled in. Overwrites nothing."""
    _check_name(name)
    _check_place(here)
    paths = {source: here / target.format(name=name) for source, target in _FILES.items()}
    _check_free(paths.values())
    for source, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(source, name), encoding="utf-8")
    out = console()
    for path in paths.values():
        out.print(f"wrote {path}", markup=False, soft_wrap=True)
    out.print(f"Fill them in until this is green: python -m pytest tests/contract -k {name}", markup=False)


def _text(source: str, name: str) -> str:
    from importlib.resources import files

    text = files("bot.scaffold").joinpath(source).read_text(encoding="utf-8")
    title = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("sample", name).replace("Sample", title)


def _check_name(name: str) -> None:
    from bot.errors import NotPossible

    fits = _NAME.fullmatch(name) and len(name) <= _LONGEST
    if not fits or keyword.iskeyword(name) or name == "base":
        raise NotPossible(
            f"{name!r} cannot be a type: write up to {_LONGEST} lower-case letters, digits, single _, such as"
            " guestbook"
        )


def _check_place(here: Path) -> None:
    from bot.errors import NotPossible

    if not all(
        (here / one).is_file()
        for one in ("listeners/base.py", "responders/base.py", "tests/fixtures/README.md")
    ):
        raise NotPossible(
            f"{here.absolute()} is no copy of Vigie's repository: go there, or name it with --here DIR"
        )


def _check_free(paths: Iterable[Path]) -> None:
    from bot.errors import NotPossible

    if taken := [str(path) for path in paths if path.exists()]:
        raise NotPossible(f"nothing was written, as there is already: {', '.join(taken)}")
