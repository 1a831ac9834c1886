"""How do some addresses stand, and how long did people wait? Pure.

They are kept as columns, a few numbers each, so that half a million are counted in a moment and never stand
in memory as rows all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bot.exemptions import rates
from bot.instants import instant, span_ms
from bot.models import State
from bot.reports.period import Bucket, Period
from bot.reports.waits import Spread, open_lengths, spread

if TYPE_CHECKING:
    from bot.hours import Calendar

Row = Mapping[str, Any]


class Books(NamedTuple):
    """Some addresses, and how they stand: ``addresses = answered + exempted + deleted + open``.

    `kept` were answered by their promise; `broken` were answered later, or are `overdue`, which is to say
    open past it. `clock` is how long those answered had waited, `office` how much of that somebody was
    there.
    """

    answered: int = 0
    exempted: int = 0
    deleted: int = 0
    open: int = 0
    overdue: int = 0
    kept: int = 0
    broken: int = 0
    clock: Spread = Spread()
    office: Spread = Spread()

    @property
    def addresses(self) -> int:
        return self.answered + self.exempted + self.deleted + self.open

    @property
    def rates(self) -> Mapping[str, float | None]:
        """Both answer rates: "all", "after_exemptions"."""
        return rates(self.answered, self.exempted, self.open)

    @property
    def kept_rate(self) -> float | None:
        """Of the promises that were either kept or broken by now, those kept."""
        ended = self.kept + self.broken
        return round(self.kept / ended, 4) if ended else None


_ANSWERED, _EXEMPTED, _DELETED, _OPEN = range(4)
_STANDS: Final = {
    **dict.fromkeys(State, _OPEN),
    State.ANSWERED: _ANSWERED, State.EXEMPTED: _EXEMPTED, State.DELETED: _DELETED,
}  # fmt: skip
_QUARTER: Final = 900_000  # milliseconds; no zone changes its clocks at other minutes


class Addresses:
    """Addresses as columns.

    Args:
        batches: rows of posted_at, network, process, state, due_at, answered_at, in this order (ms).
        calendar: when somebody is there to answer.
        now: until when (ms) what is open counts as overdue.
    """

    def __init__(
        self, batches: Iterable[Sequence[Row]], calendar: Calendar, period: Period, now: int
    ) -> None:
        import numpy as np  # noqa: PLC0415 -- only who counts needs it

        self._np, self._period = np, period
        self._names: dict[str, dict[str, int]] = {"network": {}, "process": {}}
        parts = [self._columns(batch) for batch in batches if batch]
        columns = zip(*parts, strict=True) if parts else [(np.empty(0, np.int64),)] * 6
        self._posted, networks, processes, self._stands, due, answered = map(np.concatenate, columns)
        self._codes = {"network": networks, "process": processes}
        is_answered = self._stands == _ANSWERED
        self._overdue = (self._stands == _OPEN) & (due <= now)
        self._kept = is_answered & (answered <= due)
        self._broken = self._overdue | (is_answered & ~self._kept)
        self._clock = np.maximum(answered - self._posted, 0)
        self._office = open_lengths(calendar, self._posted, self._posted + self._clock)
        self.all = self._books(np.arange(len(self._posted)))

    def _columns(self, batch: Sequence[Row]) -> tuple[Any, ...]:
        """One batch; who was not answered counts as answered at once, and is left out of all waits."""
        np = self._np
        posted, networks, processes, states, due, answered = zip(*batch, strict=True)
        ended = [start if at is None else at for start, at in zip(posted, answered, strict=True)]
        return (
            np.array(posted, np.int64),
            self._coded("network", networks),
            self._coded("process", processes),
            np.fromiter(map(_STANDS.__getitem__, states), np.int64, len(states)),
            np.array(due, np.int64),
            np.array(ended, np.int64),
        )

    def _coded(self, column: str, values: Sequence[str]) -> Any:
        """Names as numbers, in the order in which they first come."""
        known = self._names[column]
        for name in sorted(set(values)):
            known.setdefault(name, len(known))
        return self._np.fromiter(map(known.__getitem__, values), self._np.int64, len(values))

    def _books(self, some: Any) -> Books:
        """Those of these row numbers."""
        stands = self._stands[some]
        answered, exempted, deleted, open_ = (int(n) for n in self._np.bincount(stands, minlength=4))
        overdue, kept, broken = (int(flag[some].sum()) for flag in (self._overdue, self._kept, self._broken))
        done = some[stands == _ANSWERED]
        clock, office = spread(self._clock[done]), spread(self._office[done])
        return Books(answered, exempted, deleted, open_, overdue, kept, broken, clock, office)

    def _groups(self, codes: Any, number: int) -> list[Books]:
        """The books of those with code 0, 1, ... below `number`."""
        np = self._np
        order = np.argsort(codes, kind="stable")
        cuts = np.searchsorted(codes[order], np.arange(number + 1))
        return [self._books(order[a:b]) for a, b in pairwise(cuts)]

    def by_name(self, column: str) -> dict[str, Books]:
        """By network or process, in the order of their names."""
        names = self._names[column]
        groups = self._groups(self._codes[column], len(names))
        return dict(sorted(zip(names, groups, strict=True)))

    def by_bucket(self, buckets: Sequence[Bucket]) -> list[Books]:
        starts = [bucket.start for bucket in buckets]
        return self._groups(self._np.searchsorted(starts, self._posted, side="right") - 1, len(buckets))

    def by_hour(self) -> list[Books]:
        return self._groups(self._wall() // 3_600_000 % 24, 24)

    def by_weekday(self) -> list[Books]:
        return self._groups((self._wall() // 86_400_000 + 3) % 7, 7)  # 1970 began on a Thursday

    def _wall(self) -> Any:
        """When each was posted, as the clocks of the zone showed it (ms since their 1970)."""
        quarters, which = self._np.unique(self._posted // _QUARTER, return_inverse=True)
        offsets = [_offset(int(quarter) * _QUARTER, self._period) for quarter in quarters]
        return self._posted + self._np.array(offsets, self._np.int64)[which]


def _offset(at: int, period: Period) -> int:
    return span_ms(instant(at).astimezone(period.zone).utcoffset() or timedelta(0))
