"""What the lines of one export of reviews say: whose, when, how many stars, and what the brand answered.

Faults are told by line and in our own words; no person's words are repeated.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bot.models import Author, Kind, Mention
from listeners._exports import Line, Row

if TYPE_CHECKING:
    from listeners.reviews import Config

log = logging.getLogger(__name__)

_LOGGED: Final = 20  # faulty lines of one file
_SLASHED: Final = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:,?[ T]+(\d{1,2})[:h](\d{2})(?::(\d{2}))?\s*([ap]m)?)?",
    re.IGNORECASE,
)
_MILLISECONDS: Final = 100_000_000_000  # a number of seconds as great as that lies in the year 5138
_WORDS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_RATED: Final = re.compile(r"(\d+(?:[.,]\d+)?)(?:\s*(?:/|sur|of|out of)\s*(\d+))?(?:\s*(?:stars?|étoiles?))?")


class Reading:
    """One file, line by line, of which `read` were brought before. `left`: how many more may be; `read`: how
    many were, -1 for all; `fault`: the first that could not be."""

    def __init__(self, config: Config, written: datetime, read: int, fault: str, left: int) -> None:
        self._config, self._written, self._before = config, written, read
        self._zone = ZoneInfo(config.timezone)
        self._ids: dict[str, str] = {}
        self._alike, self._faults = Counter[str](), 0
        self.left, self.read, self.fault = left, read, fault

    def take(self, name: str, found: Iterable[Line]) -> Iterator[Mention]:
        """The reviews, each followed by the brand's answer if it shows one."""
        for count, line in enumerate(found, start=1):
            fresh = count > self._before
            if fresh and self.left == 0:
                return
            mentions, fault = self._understood(line)  # also what is known: for the ids that came before
            if not fresh:
                continue
            self.left, self.read = self.left - 1, count
            if fault:
                self._keep(f"{name}, line {line.number}: {fault}")
            yield from mentions
        self.read = -1

    def _keep(self, fault: str) -> None:
        self._faults += 1
        self.fault = self.fault or fault
        if self._faults <= _LOGGED:
            log.warning("%s", fault)

    def _understood(self, line: Line) -> tuple[list[Mention], str]:
        try:
            return ([], line.fault) if line.fault else (self._mentions(line.row), "")
        except ValueError as fault:
            return [], str(fault)

    def _mentions(self, row: Row) -> list[Mention]:
        config, remote_id = self._config, self._id(row)
        url = row.get("url", "")
        mention = Mention(
            network=config.network,
            remote_id=remote_id,
            text=_text(row, config.best),
            posted_at=self._instant(row, "posted_at"),
            author=Author(name=row.get("author", "")),  # a name is no id: anybody may call themselves so
            kind=Kind.REVIEW,
            addressed=True,
            url=url if url.startswith(("https://", "http://")) else config.url,
            lang=row.get("lang", "")[:2].lower(),
        )
        if not row.get("answer"):
            return [mention]
        answer = Mention(
            network=config.network,
            remote_id=f"{remote_id}/answer",
            text=row["answer"],
            posted_at=max(self._instant(row, "answered_at"), mention.posted_at),
            kind=Kind.REPLY,
            url=mention.url,
            in_reply_to=remote_id,
            own=True,
        )
        return [mention, answer]

    def _instant(self, row: Row, column: str) -> datetime:
        """No export holds what came after it."""
        if not row.get(column):
            return self._written
        return min(instant(row[column], self._zone, day_first=self._config.day_first), self._written)

    def _id(self, row: Row) -> str:
        """The review's own id, or one made of its words: the same in every export. Of those that are alike in
        everything, the second is another review than the first.

        Raises:
            ValueError: another review has this id.
        """
        whole = digest(
            json.dumps([row.get(key) for key in ("author", "posted_at", "rating", "title", "text")])
        )
        if own := row.get("id", ""):
            if self._ids.setdefault(own, whole) != whole:
                raise ValueError(
                    "another line has the same id: name the right column under columns: {id: ...}"
                )
            return own
        self._alike[whole] += 1
        again = self._alike[whole]
        return f"sha256-{whole}" + (f"-{again}" if again > 1 else "")


def _text(row: Row, best: int) -> str:
    title, text = row.get("title", ""), row.get("text", "")
    words = text if text.startswith(title) else f"{title}\n\n{text}".strip()
    return f"{_stars(row.get('rating', ''), best)} {words}".strip()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# --- Values --------------------------------------------------------------------------------------


def instant(value: str, zone: tzinfo, *, day_first: bool | None) -> datetime:
    """When that was, in UTC: ISO 8601, a Unix time, or digits such as 31/12/2026 09:30. Without a zone of its
    own it was in `zone`.

    Raises:
        ValueError: nobody can tell; says what to do.
    """
    try:
        found = _numbered(value) or _slashed(value, day_first) or datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as fault:
        ours = str(fault) if isinstance(fault, _UnclearError) else "its date cannot be read"
        raise ValueError(ours) from None


class _UnclearError(ValueError):
    """A date that may be two days."""


def _numbered(value: str) -> datetime | None:
    if not (value.isascii() and value.isdecimal() and len(value) >= 9):
        return None
    seconds = int(value)
    return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)


def _slashed(value: str, day_first: bool | None) -> datetime | None:
    found = _SLASHED.fullmatch(value)
    if found is None:
        return None
    one, mark, two, year, hour, minute, second, half = found.groups()
    if mark == ".":  # nobody writes the month first with dots
        day_first = True
    if day_first is None:
        raise _UnclearError(
            "its date may be two days: say day_first: true (31/12/2026) or false (12/31/2026)"
        )
    day, month = (one, two) if day_first else (two, one)
    of_day = int(hour or 0)
    if half:
        of_day = of_day % 12 + (12 if half.lower() == "pm" else 0)
    return datetime(int(year), int(month), int(day), of_day, int(minute or 0), int(second or 0))  # noqa: DTZ001


def _stars(value: str, best: int) -> str:
    """A rating as five stars, "★★☆☆☆"; in brackets as it was, where it is no number from 0 to `best`."""
    if not value or set(value) <= {"★", "☆", "⭐"}:
        return value
    found = _RATED.fullmatch(value.lower())
    number = float(found[1].replace(",", ".")) if found else _WORDS.get(value.lower(), -1)
    scale = int(found[2] or best) if found else best
    if not 0 <= number <= scale or not scale:
        return f"({value})"
    full = int(number * 5 / scale + 0.5)
    return "★" * full + "☆" * (5 - full)
