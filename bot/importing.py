"""Brings mentions in from JSONL: the same transactions and the same triage as the daemon's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bot import jsonl
from bot.models import Mention
from bot.steps import triage
from bot.steps.listen import hear
from bot.steps.watch import Watch

LISTENER: Final = "import"
PAGE: Final = 500


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    new: int = 0
    known: int = 0
    bad: int = 0


def bring_in(watch: Watch, lines: Iterable[bytes], tally: Tally) -> Iterator[str]:
    """Store and triage every good line, and yield a sentence for each bad one. `tally` counts along."""
    numbered = enumerate(lines, start=1)
    while page := list(islice(numbered, PAGE)):
        good: list[Mention] = []
        for number, line in page:
            if not line.strip():
                continue
            try:
                good.append(jsonl.parse(line, watch.clock()))
            except ValueError as fault:
                tally.bad += 1
                yield f"line {number}: {fault}"
        if good:
            heard = hear(watch, LISTENER, good)
            tally.new += heard.new
            tally.known += len(good) - heard.new
            triage(watch, _no_wake)


def _no_wake(task: str, key: str) -> None:
    """The daemon, if there is one, finds what is ready by itself."""
