"""`vigie demo`: an invented bank and its people, on networks that a sandbox plays. No credentials, no server.

What they say stands in ``bot/sandbox/script.jsonl``, what is done about it in ``config.yaml``.
"""

from __future__ import annotations

import io
import logging
import os
import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from bot.app import App, build, log_to_terminal
from bot.cli.watch import parts, set_by_signals, watch_until
from bot.config import load
from bot.demo import folder
from bot.demo.follow import Follower
from bot.demo.words import Words, words_for
from bot.errors import NotPossible
from bot.sandbox.accounts import config_at
from bot.sandbox.cast import Play
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import Town
from bot.web import first_link

_PORT: Final = 8765
_INBOX_PORT: Final = 8700


def play() -> None:
    """Play the day in a folder of its own, ``./vigie-demo``, and tell what happens, until Ctrl-C.

    Raises:
        NotPossible: there is a folder of that name which is not the demo's, or another demo plays in it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an old terminal shall not end the demo
    out = Console(highlight=False)
    words = words_for(os.environ)
    stop = set_by_signals()
    town = Town()
    with _served(town) as sandbox, folder.begun_afresh(Path("vigie-demo"), _services(sandbox)) as config:
        settings = load(config)
        log_to_terminal(settings)
        logging.getLogger("vigie").setLevel(logging.WARNING)  # the follower tells the rest, in words
        built = build(settings)
        try:
            _introduce(out, words, config, sandbox.url, built)
            _watch(stop, built, Play(town), Follower(built.watch.store, out, words))
        finally:
            built.watch.store.close()


@contextmanager
def _served(town: Town) -> Iterator[Sandbox]:
    """At the usual port, if nobody else is there."""
    with ExitStack() as stack:
        try:
            sandbox = stack.enter_context(running(town, port=_PORT))
        except OSError:
            sandbox = stack.enter_context(running(town))
        yield sandbox


def _services(sandbox: Sandbox) -> dict[str, Any]:
    """Accounts, listeners and responders for the sandbox's public networks; alarms ring in the terminal."""
    found = config_at(sandbox.url, sandbox.town)
    for section in ("accounts", "responders"):
        del found[section]["slack"]
    found["responders"]["terminal"] = {"type": "console"}
    found["web"] = {"listen": f"127.0.0.1:{_free(_INBOX_PORT)}"}
    return {section: found[section] for section in ("accounts", "listeners", "responders", "web")}


def _free(port: int) -> int:
    """This port of the loopback, or another where somebody is there already."""
    for wanted in (port, 0):
        with suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as found:
            return int(found.getsockname()[1])
    raise NotPossible("no port of this machine is free")


def _watch(stop: threading.Event, built: App, play: Play, follower: Follower) -> None:
    threads = [
        threading.Thread(target=work, args=(stop,), daemon=True) for work in (play.perform, follower.follow)
    ]
    for thread in threads:
        thread.start()
    watch_until(stop, built, parts())
    for thread in threads:
        thread.join(1)
    follower.say_goodbye()


def _introduce(out: Console, words: Words, config: Path, page: str, built: App) -> None:
    vigie = f"{_this_program()} --config {shlex.quote(str(config))}"
    if os.environ.get("VIGIE_STORE"):  # it would lead the other terminal away from the demo's store
        vigie += f" --store {shlex.quote(built.watch.settings.root.store)}"
    out.print(words.welcome, style="bold", markup=False)
    out.print(words.about, markup=False)
    out.print()
    out.print(words.page, markup=False)
    out.print(Text(f"  {page}/", style="cyan"), soft_wrap=True)
    out.print()
    out.print(words.inbox, markup=False)
    out.print(Text(f"  {first_link(built)}", style="cyan"), soft_wrap=True)
    out.print()
    out.print(words.elsewhere, markup=False)
    commands = [f"cd {shlex.quote(str(Path.cwd()))}", *(f"{vigie} {verb}" for verb in words.verbs)]
    for command in commands:
        # Never wrapped: a command is there to be copied.
        out.print(Text(f"  {command}", style="cyan"), soft_wrap=True)
    out.print()
    out.print(words.stop, style="dim", markup=False)
    out.print()


def _this_program() -> str:
    """How to call this very Vigie again from the folder we are in."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(_from_here(Path(sys.executable)))} -m bot"
    return shlex.quote(_from_here(called))


def _from_here(program: Path) -> str:
    program = Path(os.path.abspath(program))  # noqa: PTH100 -- resolve() would leave the virtual environment
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)
