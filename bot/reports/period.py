"""Which days is a report about, and in which pieces are they drawn? Pure.

Days are those of the promises' calendar, so one of 23 or 25 hours, in which the clocks change, is one day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from bot.instants import ms, span_ms
from bot.reports.schedule import begins

Unit = Literal["hour", "day", "month", "year"]
PRESETS: Final = ("today", "7days", "30days", "month", "last_month")
DEFAULT: Final = "30days"

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
# Up to so many days are drawn in pieces of that unit.
_DRAWN_IN: Final[tuple[tuple[int, Unit], ...]] = ((2, "hour"), (100, "day"), (1850, "month"))


class Bucket(NamedTuple):
    """A piece of a period: from `start` until before `end` (ms)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both with all their hours, on the clocks of `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> int:
        """Its first instant (ms)."""
        return ms(begins(self.first, self.zone))

    @property
    def end(self) -> int:
        """The first instant after it (ms)."""
        return ms(begins(self.last + _DAY, self.zone))

    @property
    def days(self) -> int:
        return (self.last - self.first) // _DAY + 1

    @property
    def unit(self) -> Unit:
        """In which pieces it is drawn, so that there are enough of them and not too many."""
        return next((unit for most, unit in _DRAWN_IN if self.days <= most), "year")

    def buckets(self) -> tuple[Bucket, ...]:
        """Its pieces in order: they cover all of it, and nothing twice."""
        cuts = [*_CUTS[self.unit](self), self.end]
        return tuple(Bucket(a, b) for a, b in pairwise(cuts))


def preset(name: str, zone: ZoneInfo, now: datetime) -> Period:
    """One of `PRESETS`, as of `now`. "7days" and "30days" end with today.

    Raises:
        ValueError: there is none of that name.
    """
    today = now.astimezone(zone).date()
    month = today.replace(day=1)
    before = month - _DAY
    spans = {
        "today": (today, today),
        "7days": (today - 6 * _DAY, today),
        "30days": (today - 29 * _DAY, today),
        "month": (month, today),
        "last_month": (before.replace(day=1), before),
    }
    if name not in spans:
        raise ValueError(f"{name!r} is no period; there are: {', '.join(PRESETS)}")
    return Period(*spans[name], zone)


def between(first: date, last: date, zone: ZoneInfo) -> Period:
    """The days from `first` to `last`.

    Raises:
        ValueError: they are in the wrong order, or beyond the years that are kept.
    """
    if last < first:
        raise ValueError(f"{last} is before {first}")
    if not (first >= _FIRST and last <= _LAST):
        raise ValueError(f"write days between {_FIRST} and {_LAST}")
    return Period(first, last, zone)


# Far enough for whatever a network gives as the time of a post, and within what dates can tell.
_FIRST: Final = date(1, 1, 3)
_LAST: Final = date(9999, 12, 29)


def _hours(period: Period) -> list[int]:
    """Hours that passed, so that one that a night in autumn repeats is there twice."""
    return list(range(period.start, period.end, span_ms(_HOUR)))


def _days(period: Period) -> list[int]:
    return [ms(begins(period.first + i * _DAY, period.zone)) for i in range(period.days)]


def _months(period: Period) -> list[int]:
    first, last = (day.year * 12 + day.month - 1 for day in (period.first, period.last))
    later = [date(i // 12, i % 12 + 1, 1) for i in range(first + 1, last + 1)]
    return [ms(begins(day, period.zone)) for day in (period.first, *later)]


def _years(period: Period) -> list[int]:
    later = [date(year, 1, 1) for year in range(period.first.year + 1, period.last.year + 1)]
    return [ms(begins(day, period.zone)) for day in (period.first, *later)]


_CUTS: Final[dict[Unit, Callable[[Period], list[int]]]] = {
    "hour": _hours, "day": _days, "month": _months, "year": _years,
}  # fmt: skip
