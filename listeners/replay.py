"""Replays mentions from a JSONL file, at once or in the rhythm they were written in.

A line is what `bot.jsonl` reads, and may also have ``"after"`` (seconds since the start of the replay,
instead of ``posted_at``) and ``"deleted": true`` (the author took ``remote_id`` down). Lines stand in
the order of time. A line with a fault is logged with its number and passed over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from bot import jsonl
from bot.errors import Retry
from bot.models import Batch, Mention

log = logging.getLogger(__name__)


class Config(BaseModel, extra="forbid", frozen=True):
    path: Path = Field(description="The JSONL file.")
    speed: float = Field(
        default=0,
        ge=0,
        description="How many times faster than life: 60 plays an hour in a minute; 0, all at once.",
    )
    page: int = Field(default=500, ge=1, description="How many lines one poll brings at most.")
    shift: bool = Field(
        default=False, description="Let every mention look as if it was written just now. For demonstrations."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds a poll may take. A file needs far less.")


class _Place(NamedTuple):
    """How far a replay has come; `first` is the ``posted_at`` at which the file's own time begins."""

    start: datetime
    offset: int = 0
    line: int = 0
    first: datetime | None = None

    @classmethod
    def read(cls, cursor: str | None, now: datetime) -> _Place:
        if cursor is None:
            return cls(now)
        found = json.loads(cursor)
        first = found["first"] and datetime.fromisoformat(found["first"])
        return cls(datetime.fromisoformat(found["start"]), found["offset"], found["line"], first)

    def cursor(self) -> str:
        first = self.first and self.first.isoformat()
        return json.dumps(
            {"start": self.start.isoformat(), "offset": self.offset, "line": self.line, "first": first}
        )


class _Bag:
    """What the lines of one poll hold."""

    def __init__(self) -> None:
        self.mentions: list[Mention] = []
        self.deleted: list[str] = []


class ReplayListener:
    """Plays one file, once."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """The lines that have come due since `cursor`, at most `page` of them.

        Raises:
            Retry: the file cannot be read, or is shorter than it was.
        """
        now = self.clock()
        place, bag, full = _Place.read(cursor, now), _Bag(), False
        for count, (line, length) in enumerate(self._lines(place.offset), start=1):
            moved = self._take(line, place, now, bag)
            if moved is None:
                break
            place = moved._replace(offset=place.offset + length, line=place.line + 1)
            full = count == self.config.page
        # A full page means that more may be due: then only what lies before its last line is complete.
        last = bag.mentions[-1].posted_at if full and bag.mentions else now
        return Batch(tuple(bag.mentions), place.cursor(), min(now, last), deleted=tuple(bag.deleted))

    def _lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        try:
            with self.config.path.open("rb") as file:
                if file.seek(0, 2) < offset:
                    raise Retry(f"{self.config.path} became shorter: it was replaced during the replay")
                file.seek(offset)
                for line in islice(file, self.config.page):
                    yield line, len(line)
        except OSError as fault:
            raise Retry(f"{self.config.path} cannot be read: {fault.strerror}") from None

    def _take(self, line: bytes, place: _Place, now: datetime, bag: _Bag) -> _Place | None:
        """Put the line into `bag`; `None` if its time has not come or it is still being written."""
        try:
            found = jsonl.fields(line) if line.strip() else {}
            first = place.first or jsonl.instant(found, "posted_at")
            due = self._due(found, place._replace(first=first))
            if due > now:
                return None
            if found:
                self._keep(found, due, bag)
        except ValueError as fault:
            if not line.endswith(b"\n"):
                return None
            log.warning("%s, line %d: %s", self.config.path, place.line + 1, fault)
            return place
        return place._replace(first=first)

    def _due(self, line: dict[str, Any], place: _Place) -> datetime:
        after = line.get("after")
        if after is not None and type(after) not in (int, float):
            raise ValueError("after must be a number of seconds")
        if not self.config.speed:
            return place.start
        if after is None:
            posted = jsonl.instant(line, "posted_at")
            if posted is None or place.first is None:
                return place.start
            after = (posted - place.first).total_seconds()
        try:
            return place.start + timedelta(seconds=after / self.config.speed)
        except (OverflowError, ValueError):
            raise ValueError("after is out of all bounds") from None

    def _keep(self, line: dict[str, Any], due: datetime, bag: _Bag) -> None:
        if line.get("deleted") is True:
            if type(line.get("remote_id")) is not str:
                raise ValueError("remote_id must say what was deleted")
            bag.deleted.append(line["remote_id"])
            return
        mention = jsonl.mention_from(line, due)
        bag.mentions.append(replace(mention, posted_at=due) if self.config.shift else mention)
