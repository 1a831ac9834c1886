"""Reviews from a drop folder: the exports, as CSV, JSON or JSONL, of sites that offer no other way in.

Somebody, or a script, drops an export into the folder, again and again; each is read once it lies still, and
is never moved or changed. One folder and one listener for each site. An export shows what was there when it
was written, so the record is complete to the time of the newest one, and no further: between two exports the
source counts as silent, which rings after its ``silent_after``. Where a line cannot be read, the others are
kept, and the record stands still until the file is mended, replaced or taken away.

A column with the brand's own answer, as many exports have one, proves that an address was answered there.

Docs: docs/networks/reviews.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, field_validator

from bot.errors import Retry
from bot.models import Batch, Mention
from listeners._exports import lines
from listeners._reviews import Reading, digest

log = logging.getLogger(__name__)

_KINDS: Final = (".csv", ".tsv", ".json", ".jsonl")
_UNFINISHED: Final = (".part", ".tmp", ".crdownload", ".filepart", ".download")
_FILES: Final = 1_000  # so many at once keep the cursor below 200 kB
Column = Literal[
    "text", "title", "rating", "posted_at", "author", "url", "id", "lang", "answer", "answered_at"
]


class Config(BaseModel, extra="forbid", frozen=True):
    folder: Path = Field(description="The folder in which the exports of one site are dropped.")
    network: str = Field(
        default="reviews", min_length=1, description="The name the site goes by; give each listener its own."
    )
    columns: Mapping[Column, str] = Field(
        default_factory=dict,
        description='What the columns are called, if nothing usual: {text: "Review", rating: "Stars"}; '
        "also title, posted_at, author, url, id, lang, answer (the brand's own) and answered_at",
    )
    day_first: bool | None = Field(
        default=None,
        description="Whether dates such as 05/12/2026 begin with the day. Default: they are a fault",
    )
    timezone: str = Field(
        default="UTC", description="In which dates without a zone are, such as Europe/Paris."
    )
    best: int = Field(default=5, ge=1, le=100, description="The highest rating that the site knows.")
    url: str = Field(
        default="", pattern="^(https?://.*)?$", description="Where to answer, for reviews without a link."
    )
    settle: float = Field(
        default=5, ge=0, description="Seconds for which a file must have lain still before it is read."
    )
    first_days: float = Field(default=30, ge=0, description="How many days back the very first poll looks.")
    page: int = Field(default=5_000, ge=1, description="How many lines one poll brings at most.")
    max_bytes: int = Field(default=50_000_000, gt=0, description="A larger file is not read.")
    timeout: float = Field(default=20, gt=0, description="Seconds a poll may take. A page needs far less.")

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            raise ValueError("timezone must be a name such as Europe/Paris") from None
        return name


class _File(NamedTuple):
    """What is known of a file: how it looked, how many of its lines were read (-1: all), its first fault."""

    size: int
    mtime: int  # nanoseconds
    digest: str = ""
    read: int = 0
    fault: str = ""

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.mtime / 1e9, UTC)

    def is_same(self, other: _File) -> bool:
        return self[:2] == other[:2]


@dataclass
class _Place:
    """The cursor. `settings`: under which the files were read; before `since`, nothing is brought."""

    since: datetime
    settings: str
    files: dict[str, _File] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> _Place:
        found = json.loads(cursor)
        files = {name: _File(*values) for name, values in found["files"].items()}
        return cls(datetime.fromisoformat(found["since"]), found["settings"], files)

    def cursor(self) -> str:
        return json.dumps({"since": self.since.isoformat(), "settings": self.settings, "files": self.files})

    @property
    def complete_to(self) -> datetime:
        """What lies behind a fault, or was not read yet, may be of any time."""
        whole = all(one.read == -1 and not one.fault for one in self.files.values())
        return max(one.at for one in self.files.values()) if whole and self.files else self.since


class ReviewsListener:
    """Reads one folder."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """What stands in files that are new or changed since `cursor`, at most `page` lines.

        Raises:
            Retry: nothing is new; the text says what is wrong with the files that are there, or how old the
                newest one is. Or the folder cannot be read.
        """
        now, settings = self.clock(), self._settings()
        place = _Place.read(cursor) if cursor else self._beginning(now)
        known = place.files if place.settings == settings else {}
        there = self._there(now)
        files = {name: known[name] for name in there if name in known and known[name].is_same(there[name])}
        todo = [name for name, file in there.items() if files.get(name, file).read != -1]
        if not todo and files == place.files:
            raise Retry(_why_nothing_is_new(files))
        mentions, left = list[Mention](), self.config.page
        for name in todo:
            found, files[name], left = self._read(name, files.get(name, there[name]), known.get(name), left)
            mentions += found
        moved = _Place(place.since, settings, files)
        kept = tuple(one for one in mentions if one.posted_at >= place.since)
        return Batch(kept, moved.cursor(), min(moved.complete_to, now), None if cursor else place.since)

    def _beginning(self, now: datetime) -> _Place:
        return _Place(now - timedelta(days=self.config.first_days), self._settings())

    def _settings(self) -> str:
        """Another config may find what an earlier one could not read: then every file is read again."""
        return digest(self.config.model_dump_json())

    def _there(self, now: datetime) -> dict[str, _File]:
        """The files that lie still, unread."""
        try:
            found = {one.name: one.stat() for one in self.config.folder.iterdir() if _is_finished(one.name)}
        except OSError as fault:
            raise Retry(f"{self.config.folder} cannot be read: {fault.strerror}") from None
        still = (now.timestamp() - self.config.settle) * 1e9
        there = {
            name: _File(one.st_size, one.st_mtime_ns)
            for name, one in found.items()
            # A clock that is ahead of ours must not keep its file from being read.
            if stat.S_ISREG(one.st_mode) and (one.st_mtime_ns <= still or one.st_mtime > now.timestamp() + 60)
        }
        if len(there) > _FILES:
            raise Retry(f"{self.config.folder} holds more than {_FILES:,} files: move the old ones away")
        return dict(sorted(there.items(), key=lambda item: item[1].mtime))

    def _read(
        self, name: str, file: _File, before: _File | None, left: int
    ) -> tuple[list[Mention], _File, int]:
        """At most `left` lines of one file from where it was left; what is then known of it; how many lines
        may still be read."""
        if not left:
            return [], file, 0
        mentions, columns = (
            list[Mention](),
            {str(ours): theirs for ours, theirs in self.config.columns.items()},
        )
        reading = Reading(self.config, file.at, file.read, file.fault, left)
        try:
            data = self._bytes(name)
            seen = hashlib.sha256(data).hexdigest()[:16]
            if before is not None and before.digest == seen and before.read == -1:
                return [], before._replace(size=file.size, mtime=file.mtime), left
            for mention in reading.take(name, lines(name, data, columns)):
                mentions.append(mention)
        except ValueError as fault:
            log.warning("%s: %s", name, fault)
            return mentions, file._replace(read=-1, fault=f"{name}: {fault}"), reading.left
        return mentions, file._replace(digest=seen, read=reading.read, fault=reading.fault), reading.left

    def _bytes(self, name: str) -> bytes:
        if not name.lower().endswith(_KINDS):
            raise ValueError("it is of no kind that can be read: save it as CSV, JSON or JSONL")
        try:
            with (self.config.folder / name).open("rb") as file:
                data = file.read(self.config.max_bytes + 1)
        except OSError as fault:
            raise ValueError(f"it cannot be read: {fault.strerror}") from None
        if len(data) > self.config.max_bytes:
            raise ValueError(f"it is larger than {self.config.max_bytes:,} bytes")
        return data


def _is_finished(name: str) -> bool:
    return not name.startswith((".", "~")) and not name.lower().endswith(_UNFINISHED)


def _why_nothing_is_new(files: Mapping[str, _File]) -> str:
    if not files:
        return "no export lies in the folder"
    faults = [file.fault for file in files.values() if file.fault]
    if faults:
        more = f" (and {len(faults) - 1} more files)" if len(faults) > 1 else ""
        return f"{faults[0]}{more}: mend or replace the file, or take it away"
    newest = max(files.values(), key=lambda file: file.mtime)
    return f"no new export since {newest.at:%Y-%m-%d %H:%M} UTC"
