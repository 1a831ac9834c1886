"""Commands that keep the watch: run, check, demo."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli.common import WATCH, app, console, house, options, settings

if TYPE_CHECKING:
    from bot.app import App
    from bot.config import Settings
    from bot.slack import SlackDesk
    from bot.steps.watch import Wake

# How long a send that is under way may take to end after Ctrl-C; what is cut off is looked for at the next
# start.
_GRACE_SECONDS = 4.0


@app.command(rich_help_panel=WATCH)
def run(
    only: Annotated[
        str, typer.Option(metavar="STEP,...", help="Only these: listen, triage, deliver, sweep, digest.")
    ] = "",
    once: Annotated[bool, typer.Option(help="One full round, then end.")] = False,
    config: Annotated[Path | None, typer.Option("--config", hidden=True)] = None,
) -> None:
    """The daemon: listen, triage, deliver and sweep until Ctrl-C."""
    from bot.app import STEPS
    from bot.config import ready_to_run

    if config is not None:
        options.config = config
    steps = tuple(part.strip() for part in only.split(",") if part.strip()) or STEPS
    if unknown := set(steps) - set(STEPS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; steps are: {', '.join(STEPS)}")
    loaded = settings()
    ready_to_run(loaded, str(options.config))
    if once:
        with house(loaded) as built:
            raise typer.Exit(0 if built.once(steps) else 1)
    stop = set_by_signals()
    with house(loaded) as built:
        watch_until(stop, built, steps)


def set_by_signals() -> threading.Event:
    """Set by SIGINT and SIGTERM from now on. To be asked for before anything takes long: an interrupt in the
    middle of an import may be lost, or end the process in Python's own way."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    return stop


def watch_until(stop: threading.Event, built: App, steps: tuple[str, ...]) -> None:
    """Run the engine, and the door if there is one, until `stop` is set; then begin nothing new and end
    within 5 seconds."""
    if stop.is_set():
        return
    engine = built.engine(steps)
    slack = _slack(built, engine.wake) if "sweep" in steps else None
    doors = {"/slack/events": slack.take} if slack and slack.over_http else {}
    door = built.door(engine.wake, doors) if "listen" in steps else None
    engine.start()
    if slack is not None:
        slack.start()
    while not stop.wait(0.5):
        pass
    built.watch.stopping.set()
    engine.stop()
    if slack is not None:
        slack.stop()
    if door is not None:
        door.close()
    deadline = time.monotonic() + _GRACE_SECONDS
    while not (over := engine.idle() and (door is None or door.is_closed())) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not over:
        _cut_off()


def _slack(built: App, wake: Wake) -> SlackDesk | None:
    settings = built.watch.settings.root.slack
    if settings is None:
        return None
    from bot.slack import SlackDesk

    return SlackDesk(built, settings, wake)


def _cut_off() -> NoReturn:
    """End now, though something hangs: Python itself would wait for its threads. Nothing is lost by it: what
    was under way is found in the store again."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


@app.command(rich_help_panel=WATCH)
def check(
    print_schema: Annotated[
        bool, typer.Option("--print-schema", help="Print a JSON Schema of the config, for editors.")
    ] = False,
) -> None:
    """Look at the config only: every fault, with its line. Exit 2 if there is one."""
    if print_schema:
        from bot.schema import config_schema

        typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
        return
    from bot.config import ready_to_run

    loaded = settings()
    ready_to_run(loaded, str(options.config))
    out = console()
    out.print(f"{options.config}: no fault.")
    for name, service in loaded.listeners.items():
        by = loaded.routes[name]
        answered = f"answered through {by}" if by else "answered by hand"
        out.print(f"  listener {name} ({service.plugin.kind}), {answered}")
    out.print(f"  alarms ring at: {', '.join(loaded.notifiers)}")
    for line in _more(loaded):
        out.print(f"  {line}", markup=False)


def _more(loaded: Settings) -> Iterator[str]:
    """What the config sets beyond who hears and who answers: spending, rechecks, pushes."""
    for account, budget in loaded.budgets.items():
        limits = [f"{limit:.2f} US dollars a {period}" for limit, period in
                  ((budget.day, "day"), (budget.month, "month")) if limit is not None]  # fmt: skip
        yield f"{account} may spend {' and '.join(limits) or 'without limit'}"
    for name, service in loaded.listeners.items():
        if hasattr(service.plugin.build, "deleted"):
            hours = loaded.root.listeners[name].recheck.total_seconds() / 3600
            yield f"listener {name} is asked every {hours:g} hours what was deleted"
    hooked = [n for n, service in loaded.listeners.items() if hasattr(service.plugin.build, "receive")]
    if loaded.root.hooks.listen:
        doors = ", ".join(f"/hooks/{name}" for name in hooked) or "of no listener here"
        yield f"pushes are taken at {loaded.root.hooks.listen}: {doors}"


@app.command(rich_help_panel=WATCH)
def demo() -> None:
    """A brand and its people, invented: no credentials, no server. Runs until Ctrl-C."""
    from bot.demo import play

    play()
