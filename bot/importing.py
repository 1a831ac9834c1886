"""Brings mentions in from JSONL: the same transactions and the same triage as the daemon's."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bot import jsonl
from bot.models import Mention
from bot.steps.listen import hear
from bot.steps.triage import triage, triage_these
from bot.steps.watch import Watch, no_wake

LISTENER: Final = "import"
PAGE: Final = 500
_OBJECTS_OF_PAGES: Final = 100_000


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    new: int = 0
    known: int = 0
    bad: int = 0


def bring_in(watch: Watch, lines: Iterable[bytes], tally: Tally) -> Iterator[str]:
    """Store and triage every good line, and yield a sentence for each bad one. `tally` counts along.

    A page is triaged without asking the store for it again. A daemon beside us may take some of it first:
    then its verdict stands.
    """
    numbered = enumerate(lines, start=1)
    with _few_collections():
        while page := list(islice(numbered, PAGE)):
            good: list[Mention] = []
            for number, line in page:
                try:
                    if line.strip():
                        good.append(jsonl.parse(line, watch.clock()))
                except ValueError as fault:
                    tally.bad += 1
                    yield f"line {number}: {fault}"
            heard = hear(watch, LISTENER, good)
            tally.new += heard.new
            tally.known += len(good) - heard.new
            if heard.fresh:
                triage_these(watch, no_wake, heard.fresh)
        triage(watch, no_wake)  # what changed under our hands, or was left by an import that was cut off


@contextmanager
def _few_collections() -> Iterator[None]:
    """A page is tens of thousands of objects that end with it, none of them in a circle. To look through
    them for circles at Python's usual pace, and through all that was loaded before, takes a quarter of an
    import's time."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_PAGES, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
