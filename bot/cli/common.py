"""What all commands share: the global options, and ways to reach the config, the store and the house."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from bot import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from bot.app import App
    from bot.config import Settings
    from bot.store import Store

# The groups in which `vigie --help` lists the commands.
WATCH: Final = "The watch"
DESK: Final = "The desk"
BOOKS: Final = "The books"
LEARNING: Final = "Learning"


class Grouped(TyperGroup):
    """Plain help, the commands in their groups: rich would cost `vigie --help` half of its time."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        groups: dict[str, list[tuple[str, str]]] = {}
        room = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            group = getattr(command, "rich_help_panel", None) or "Commands"
            groups.setdefault(group, []).append((name, command.get_short_help_str(room)))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)


app = typer.Typer(
    name="vigie",
    cls=Grouped,
    rich_markup_mode=None,
    help="The lookout: hears what people say to a brand, and proves that nobody was met with silence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(slots=True)
class Options:
    """The global options of this call."""

    config: Path = Path("config.yaml")
    store: str = ""
    actor: str = ""


options = Options()


def _version(asked: bool) -> None:
    if asked:
        print(f"vigie {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def globals_(
    config: Annotated[
        Path, typer.Option("--config", envvar="VIGIE_CONFIG", help="The config file.", metavar="FILE")
    ] = Path("config.yaml"),
    store: Annotated[
        str,
        typer.Option(
            envvar="VIGIE_STORE",
            metavar="URL",
            help="The store, over the config's: sqlite:///relative.db or sqlite:////absolute.db.",
        ),
    ] = "",
    actor: Annotated[
        str,
        typer.Option("--as", envvar="VIGIE_USER", metavar="NAME", help="Who you are. Default: your login."),
    ] = "",
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Remember the global options for the command that follows."""
    options.config, options.store, options.actor = config, store, actor


def actor() -> str:
    """The name under which a human acts.

    Raises:
        NotPossible: nobody can tell.
    """
    from bot.errors import NotPossible

    try:
        return options.actor or getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in /etc/passwd, as in many containers
        raise NotPossible("say who you are: vigie --as NAME") from None


def settings() -> Settings:
    """The config, checked.

    Raises:
        ConfigError: with all its faults.
    """
    from bot.config import load

    return load(options.config)


@contextmanager
def house(loaded: Settings | None = None) -> Iterator[App]:
    """The wired house for one command."""
    from bot.app import build, log_to_terminal

    loaded = loaded or settings()
    log_to_terminal(loaded)
    built = build(loaded, options.store)
    try:
        yield built
    finally:
        built.watch.store.close()


@contextmanager
def store_only() -> Iterator[Store]:
    """The store alone, for commands that only read: no secret is needed for looking.

    Raises:
        ConfigError: neither --store nor the config says where it is.
        NotPossible: there is none yet.
        StoreUnavailable: it cannot be opened.
    """
    from bot.errors import NotPossible
    from bot.store import open_store

    url = options.store or _store_in_config()
    path = Path(url.partition(":///")[2])
    if url.startswith("sqlite:") and not path.exists():
        raise NotPossible(f"there is no store at {path} yet; `vigie run` or `vigie import` makes one")
    opened = open_store(url)
    try:
        yield opened
    finally:
        opened.close()


def _store_in_config() -> str:
    from bot.yaml_file import read

    data = read(options.config, os.environ).data
    return str(data.get("store", "sqlite:///vigie.db")) if isinstance(data, dict) else "sqlite:///vigie.db"


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
