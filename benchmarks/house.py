"""A whole house in a temporary folder, with a watch on the time that its tagger takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.machine import cpu
from bot.app import build
from bot.config import load
from bot.importing import Tally, bring_in
from bot.models import Analysis
from bot.steps import Watch
from bot.steps.watch import Tags

# The promises are those of the config.yaml that ships.
CONFIG: Final = """
brand: {name: Banque Azur, handles: ["@banqueazur"], languages: [fr, en]}
listeners:
  day: {type: replay, path: day.jsonl}
responders:
  paper: {type: console}
promises:
  calendar:
    timezone: Europe/Paris
    hours: {mon-fri: ["09:00-12:00", "14:00-17:00"]}
    holidays: {country: FR}
"""


@dataclass(slots=True)
class Timed:
    """The real tagger; `spent` are the CPU seconds in it."""

    tagger: Tags
    spent: float = 0.0

    def tag(self, texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        start = time.process_time()
        found = self.tagger.tag(texts)
        self.spent += time.process_time() - start
        return found


@dataclass(frozen=True, slots=True)
class Imported:
    """CPU seconds of one `vigie import`, start-up left out: in spaCy, and in all the rest."""

    tagging: float
    rest: float


def import_into(store: Path, lines: Iterable[bytes], tagger: Tags) -> Imported:
    """Bring mentions in, by the same way as the command.

    Raises:
        RuntimeError: a line was refused, or not new.
    """
    with watch_on(store, tagger) as (watch, timed):
        tally = Tally()
        total = cpu(lambda: list(bring_in(watch, lines, tally)))
        if tally.bad or tally.known:
            raise RuntimeError(f"the benchmark's own mentions are refused: {tally}")
        return Imported(timed.spent, total - timed.spent)


@contextmanager
def watch_on(store: Path, tagger: Tags) -> Iterator[tuple[Watch, Timed]]:
    """A wired house on a store, closed afterwards."""
    with TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(CONFIG, "utf-8")
        timed = Timed(tagger)
        watch = replace(build(load(config), f"sqlite:///{store}").watch, tagger=timed)
        try:
            yield watch, timed
        finally:
            watch.store.close()


def loaded_tagger() -> Tags:
    """The pipeline that ships, ready."""
    from bot.analysis import Tagger  # noqa: PLC0415 -- whoever only wants the mentions need not wait

    tagger = Tagger("", ("Banque Azur", "@banqueazur"))
    tagger.load()
    return tagger
