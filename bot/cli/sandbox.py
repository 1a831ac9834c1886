"""`vigie sandbox`: the loopback networks on their own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.common import WATCH, app, console

if TYPE_CHECKING:
    from bot.sandbox.town import Town


@app.command(rich_help_panel=WATCH)
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8765,
    seed: Annotated[int, typer.Option(help="The same seed gives people the same ids.")] = 0,
    people: Annotated[bool, typer.Option(help="Whether its people speak by themselves.")] = True,
) -> None:
    """Invented networks on this machine, to try a config on. Runs until Ctrl-C."""
    from bot.cli.watch import set_by_signals
    from bot.errors import NotPossible

    stop = set_by_signals()
    from bot.sandbox.cast import Play
    from bot.sandbox.server import running
    from bot.sandbox.town import Town

    town = Town(seed=seed)
    play = Play(town)
    try:
        with running(town, port=port) as served:
            _introduce(served.url, town)
            if people:
                threading.Thread(target=play.perform, args=(stop,), name="cast", daemon=True).start()
            stop.wait()
    except OSError as error:
        raise NotPossible(f"port {port} cannot be had ({error.strerror}); try --port 0") from None


def _introduce(url: str, town: Town) -> None:
    import yaml

    from bot.sandbox.accounts import config_at

    out = console()
    out.print(f"What everybody reads, and a form to say something: {url}/", markup=False, soft_wrap=True)
    out.print()
    out.print("A config for it (the keys open nothing else):", markup=False)
    out.print()
    lines = yaml.safe_dump(config_at(url, town), sort_keys=False, allow_unicode=True)
    out.print(lines, markup=False, soft_wrap=True, style="cyan")
    out.print("Ctrl-C ends it; nothing is kept.", style="dim", markup=False)
