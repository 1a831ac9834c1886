"""How long did people wait? By the clock on the wall, and in the hours in which somebody was there. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bot.instants import instant, span_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from bot.hours import Calendar

    Lengths = NDArray[np.int64]
else:
    Lengths = Any

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
EDGES: Final = (
    0, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 24 * _HOUR,
    48 * _HOUR, 168 * _HOUR,
)  # fmt: skip
"""Where each bar of a histogram begins (ms); the last one has no end."""

_MILLISECOND: Final = timedelta(milliseconds=1)
_TWO_MINUTES: Final = timedelta(minutes=2)


class Spread(NamedTuple):
    """How lengths of time spread (ms): `median`, and how long nine and 19 in 20 of them last at most. None
    where there are none. `bars`: how many fall between each of `EDGES` and the next."""

    number: int = 0
    median: int | None = None
    p90: int | None = None
    p95: int | None = None
    bars: tuple[int, ...] = (0,) * len(EDGES)


def spread(lengths: Lengths) -> Spread:
    """How these lengths spread. A percentile is the smallest of them that is not less than that part of all
    (the nearest rank), so that it is one that somebody really waited."""
    import numpy as np  # noqa: PLC0415 -- only who counts needs it

    if not len(lengths):
        return Spread()
    ordered = np.sort(lengths)
    median, p90, p95 = (int(ordered[-(-part * len(ordered) // 100) - 1]) for part in (50, 90, 95))
    below = np.searchsorted(ordered, EDGES, side="left")
    bars = tuple(int(b - a) for a, b in pairwise([*below, len(ordered)]))
    return Spread(len(ordered), median, p90, p95, bars)


def open_lengths(calendar: Calendar, starts: Lengths, ends: Lengths) -> Lengths:
    """How much open time lies between each start and its end (ms; instants in ms)."""
    import numpy as np  # noqa: PLC0415

    if not len(starts):
        return ends - starts
    first, last = instant(int(starts.min())), instant(int(ends.max()))
    if len(starts) > _MANY * ((last - first) // _YEAR + 1):
        return OpenTime(calendar, first, last).between(starts, ends)
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    each = [span_ms(calendar.between(instant(a), instant(b))) for a, b in pairs]
    return np.array(each, np.int64)


# From so many for each year on, to look for every change of the calendar takes less than to ask it for each.
_MANY: Final = 10_000
_YEAR: Final = timedelta(days=365)


class OpenTime:
    """How much of a calendar's open time has passed at each instant of a span, for very many instants at
    once. Exact: between the points that are kept, it is either open or closed throughout.

    Args:
        start: the first instant of the span; `end` the last (aware).
    """

    def __init__(self, calendar: Calendar, start: datetime, end: datetime) -> None:
        points = [start, *_changes(calendar, start, end)]
        self._at = [_ms(at) for at in points]
        self._open = [0]
        for a, b in pairwise(points):
            self._open.append(self._open[-1] + span_ms(calendar.between(a, b)))

    def between(self, starts: Lengths, ends: Lengths) -> Lengths:
        """The open time from each of `starts` to its end (ms; instants in ms)."""
        import numpy as np  # noqa: PLC0415

        until, since = (np.interp(at, self._at, self._open) for at in (ends, starts))
        return np.rint(until - since).astype(np.int64)


def _changes(calendar: Calendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """The ends of stretches in which it is open, or closed, all of the time: found by halving."""
    todo = [(start, end)]
    while todo:
        a, b = todo.pop()
        if b - a > _MILLISECOND and calendar.between(a, b) not in (timedelta(0), b - a):
            middle = a + (b - a) // _MILLISECOND // 2 * _MILLISECOND
            if b - a > _TWO_MINUTES:  # offices open and close on the minute: found in half as many steps
                middle = middle.replace(second=0, microsecond=0)
            todo += [(middle, b), (a, middle)]
        else:
            yield b


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
