"""When each step of this process last ran to its end, for /healthz and /metrics."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.steps.watch import Watch

_RAN: Final = "ran:"


def beat(watch: Watch, step: str) -> None:
    """It ran to its end just now; or it is about to run for the first time."""
    with watch.lock:
        watch.last[_RAN + step] = watch.clock()


def beats(watch: Watch) -> dict[str, datetime]:
    """The steps that this process runs, and when each last ran to its end."""
    with watch.lock:
        return {name.removeprefix(_RAN): at for name, at in watch.last.items() if name.startswith(_RAN)}
