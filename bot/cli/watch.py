"""Commands that keep the watch: run, check, demo."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli.common import WATCH, app, console, house, options, settings

if TYPE_CHECKING:
    from bot.app import App
    from bot.config import Settings
    from bot.scheduler import EmbeddedEngine
    from bot.serving import Serving
    from bot.slack import SlackDesk
    from bot.steps.watch import Wake

# How long a send that is under way may take to end after Ctrl-C; what is cut off is looked for at the next
# start.
_GRACE_SECONDS = 4.0


@app.command(rich_help_panel=WATCH)
def run(
    only: Annotated[
        str,
        typer.Option(
            metavar="PART,...", help="Only these: listen, triage, deliver, sweep, digest, webhooks, web."
        ),
    ] = "",
    once: Annotated[bool, typer.Option(help="One full round, then end.")] = False,
    config: Annotated[Path | None, typer.Option("--config", hidden=True)] = None,
) -> None:
    """The daemon: listen, triage, deliver and sweep until Ctrl-C."""
    from bot.config import ready_to_run

    if config is not None:
        options.config = config
    known = parts()
    chosen = tuple(part.strip() for part in only.split(",") if part.strip()) or known
    if unknown := set(chosen) - set(known):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; parts are: {', '.join(known)}")
    loaded = settings()
    ready_to_run(loaded, str(options.config))
    if once:
        with house(loaded) as built:
            raise typer.Exit(0 if built.once(chosen) else 1)
    stop = set_by_signals()
    with house(loaded) as built:
        if "web" in chosen and loaded.root.web.listen:
            _tell_of_inbox(built)
        watch_until(stop, built, chosen)


def _tell_of_inbox(built: App) -> None:
    """Who reads the first link is the administrator: it is shown on a terminal, and nowhere that keeps it."""
    from bot.store import users
    from bot.web import first_link

    typer.echo(f"The inbox: {built.watch.settings.root.web.address}/")
    with built.watch.store.read() as tx:
        if users.count(tx):
            return
    if not sys.stdout.isatty():
        typer.echo("Nobody can sign in yet. For a link that lets you: vigie user add NAME --role admin")
    elif link := first_link(built):
        typer.echo(
            f"Nobody can sign in yet. This link, good once and for a day, makes you administrator:\n{link}"
        )


def parts() -> tuple[str, ...]:
    """What a daemon is made of: the steps, and the inbox."""
    from bot.app import STEPS

    return *STEPS, "web"


def set_by_signals() -> threading.Event:
    """Set by SIGINT and SIGTERM from now on. To be asked for before anything takes long: an interrupt in the
    middle of an import may be lost, or end the process in Python's own way."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    return stop


def watch_until(stop: threading.Event, built: App, only: Collection[str]) -> None:
    """Run the engine and open the doors (pushes, inbox) until `stop` is set; then begin nothing new and end
    within 5 seconds. `only`: which of `parts`."""
    if stop.is_set():
        return
    engine = built.engine(only)
    slack = _slack(built, engine.wake) if "sweep" in only else None
    doors = _doors(built, engine.wake, only, slack)
    engine.start()
    if slack is not None:
        slack.start()
    while not stop.wait(0.5):
        pass
    built.watch.stopping.set()
    engine.stop()
    if slack is not None:
        slack.stop()
    for door in doors:
        door.close()
    deadline = time.monotonic() + _GRACE_SECONDS
    while not (over := _is_over(engine, doors)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not over:
        _cut_off()


def _doors(built: App, wake: Wake, only: Collection[str], slack: SlackDesk | None) -> list[Serving]:
    also = {"/slack/events": slack.take} if slack and slack.over_http else {}
    hooks = built.door(wake, also) if "listen" in only else None
    inbox = _inbox(built, wake) if "web" in only else None
    return [door for door in (hooks, inbox) if door is not None]


def _inbox(built: App, wake: Wake) -> Serving | None:
    from bot.web import open_inbox

    return open_inbox(built, wake)


def _is_over(engine: EmbeddedEngine, doors: Sequence[Serving]) -> bool:
    return engine.idle() and all(door.is_closed() for door in doors)


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
    for name, webhook in loaded.root.webhooks.items():
        yield f"webhook {name} is told of: {', '.join(webhook.events)}"
    if loaded.root.hooks.listen:
        doors = ", ".join(f"/hooks/{name}" for name in hooked) or "of no listener here"
        yield f"pushes are taken at {loaded.root.hooks.listen}: {doors}"


@app.command(rich_help_panel=WATCH)
def demo() -> None:
    """A brand and its people, invented: no credentials, no server. Runs until Ctrl-C."""
    from bot.demo import play

    play()
