"""`vigie demo`: an invented bank and its people, a day in three minutes. No credentials, no server.

The day stands in ``day.jsonl``, what is done about it in ``config.yaml``.
"""

from __future__ import annotations

import io
import json
import logging
import os
import shlex
import sys
import threading
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bot.app import STEPS, App, build, log_to_terminal
from bot.cli.watch import set_by_signals, watch_until
from bot.config import load
from bot.demo import folder
from bot.demo.follow import Follower
from bot.demo.words import Words, words_for


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
    with folder.begun_afresh(Path("vigie-demo")) as config:
        settings = load(config)
        _introduce(out, words, config, settings.root.store)
        log_to_terminal(settings)
        logging.getLogger("vigie").setLevel(logging.WARNING)  # the follower tells the rest, in words
        built = build(settings)
        try:
            _watch(stop, built, Follower(built.watch.store, out, words, _last_of_the_day()))
        finally:
            built.watch.store.close()


def _watch(stop: threading.Event, built: App, follower: Follower) -> None:
    thread = threading.Thread(target=follower.follow, args=(stop,), name="demo", daemon=True)
    thread.start()
    watch_until(stop, built, STEPS)
    thread.join(1)
    follower.say_goodbye()


def _last_of_the_day() -> str:
    last = (resources.files("bot.demo") / "day.jsonl").read_text("utf-8").splitlines()[-1]
    return str(json.loads(last)["remote_id"])


def _introduce(out: Console, words: Words, config: Path, store: str) -> None:
    vigie = f"{_this_program()} --config {shlex.quote(str(config))}"
    if os.environ.get("VIGIE_STORE"):  # it would lead the other terminal away from the demo's store
        vigie += f" --store {shlex.quote(store)}"
    out.print(words.welcome, style="bold", markup=False)
    out.print(words.about, markup=False)
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
