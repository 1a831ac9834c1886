"""When is somebody there to answer? The calendar of config, and open time counted on it. Pure.

The open times of a calendar are defined by one sentence: *an instant is open when the clock on the wall
of the calendar's time zone shows a time within a span of that weekday, that date is no holiday or closed
day, and no event of an iCal file takes place.* So an hour that a DST night skips is not counted, an hour
that it repeats counts twice (it really passed twice), and a span that would start within the skipped hour
starts at its end.

Open times are worked out in UTC, a year at a time, with running totals: a deadline is then two binary
searches away, however far off it is. Lengths are whole microseconds, so nothing is rounded.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.closures import ClosedByFile, PublicHolidays, Times, merged, without
from bot.instants import EPOCH

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_END: Final = datetime.max.replace(tzinfo=UTC)
# Outside these years a date is a network's mistake: every hour counts, and no table is made.
_YEARS: Final = range(1970, 2200)
_LONGEST_CLOSURE: Final = timedelta(days=60)
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def in_utc(at: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ValueError: it has no time zone, so it names no instant.
    """
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC)


def plus(at: datetime, length: timedelta) -> datetime:
    """`at` + `length`, or the end of the calendar's ten thousand years where that is past it."""
    try:
        return at + length
    except OverflowError:
        return _END


# --- The calendar --------------------------------------------------------------------------------


def _days(key: str) -> list[str]:
    """``"mon-fri"`` or ``"sat, sun"`` → its days; a range may run over the week's end."""
    days: list[str] = []
    for part in key.lower().split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first not in _WEEK or (last or first) not in _WEEK:
            raise ValueError(f"{key!r} is no weekday or range of them; write mon, mon-fri or sat,sun")
        start, length = _WEEK.index(first), (_WEEK.index(last or first) - _WEEK.index(first)) % 7
        days += [_WEEK[(start + i) % 7] for i in range(length + 1)]
    return days


def _span(text: object) -> tuple[int, int]:
    """``"09:00-12:00"`` → minutes of the day, from and to."""
    found = re.fullmatch(r"\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*", str(text))
    if not found:
        raise ValueError(f'{text!r} is not a span of the day; write for example "09:00-12:00"')
    h1, m1, h2, m2 = map(int, found.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or end > 1440:
        raise ValueError(f"{text!r}: the day runs from 00:00 to 24:00")
    if end <= start:
        raise ValueError(f"{text!r} ends before it starts; a night is two spans, cut at 24:00 and 00:00")
    return start, end


def _spans(value: object) -> list[str]:
    """The spans of one day in order, each written ``HH:MM-HH:MM``."""
    texts = value if isinstance(value, list | tuple) else [value]
    spans = sorted(_span(text) for text in texts)
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise ValueError(f"two spans overlap at {start // 60:02}:{start % 60:02}")
    return [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans]


class _Year(NamedTuple):
    """The open times of one UTC year, in microseconds since 1970: the i-th runs from `starts[i]` to
    `ends[i]`, and `totals[i]` is how much was open from the year's start to `ends[i]`."""

    end: int
    starts: list[int]
    ends: list[int]
    totals: list[int]

    def before(self, t: int) -> int:
        """How much was open from the year's start to `t`."""
        i = bisect_right(self.starts, t) - 1
        return 0 if i < 0 else self.totals[i] - max(0, self.ends[i] - t)

    def after(self, total: int) -> int:
        """The first instant at which `total` (more than nothing, at most `totals[-1]`) was open."""
        i = bisect_left(self.totals, total)
        return self.ends[i] - (self.totals[i] - total)


class Calendar(BaseModel):
    """When people are there to answer."""

    model_config = _STRICT
    timezone: str = Field(default="UTC", description="IANA time zone, for example Europe/Paris")
    hours: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description='Open spans by weekday: {"mon-fri": ["09:00-12:00", "14:00-17:00"]}. '
        "Default: none given, which means 24 hours, 7 days",
    )
    holidays: PublicHolidays | None = Field(default=None, description="Public holidays; default: none")
    closed: tuple[date, ...] = Field(default=(), description="More dates that are closed: 2026-12-24")
    files: tuple[ClosedByFile, ...] = Field(
        default=(),
        description="iCal files (.ics), by their paths: when something takes place in them, it is closed",
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone; write for example Europe/Paris") from None
        return value

    @field_validator("hours", mode="before")
    @classmethod
    def _by_day(cls, value: object) -> object:
        """One entry a weekday, so that two ways to write the same hours are the same policy."""
        if not isinstance(value, Mapping):
            return value
        hours: dict[str, list[str]] = {}
        for key, spans in value.items():
            for day in _days(str(key)):
                if day in hours:
                    raise ValueError(f"{day} is given twice")
                hours[day] = _spans(spans)
        return {day: hours[day] for day in _WEEK if day in hours}

    @field_validator("closed")
    @classmethod
    def _in_order(cls, value: tuple[date, ...]) -> tuple[date, ...]:
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _opens(self) -> Self:
        """Refuse a calendar that stays closed for 60 days: its promises would as good as never fall due."""
        if self.hours and not any(self.hours.values()):
            raise ValueError("no weekday has an open span; give one, or leave hours out for 24 hours, 7 days")
        opens = EPOCH
        for day in self._suspects():
            start = datetime.combine(day, time(), UTC)
            if start < opens:
                continue
            if (opens := self.add(start, _MICROSECOND)) - start > _LONGEST_CLOSURE:
                raise ValueError(f"closed from {day} to {opens:%Y-%m-%d}: that is more than 60 days")
        return self

    def _suspects(self) -> Iterator[date]:
        """The days from which on enough is closed that it might be for 60 days: those have each weekday eight
        times, and on every one that has hours something must be in their way."""
        days = set(self._shut)
        for start, end in self._times_off:
            days |= {(start + i * _DAY).date() for i in range((end - start) // _DAY + 2)}
        ordered, enough = sorted(days), 8 * sum(map(bool, self._week))
        for day, last in zip(ordered, ordered[enough - 1 :], strict=False):
            if last - day <= _LONGEST_CLOSURE:
                yield day

    def add(self, start: datetime, length: timedelta) -> datetime:
        """The first instant (UTC) by which `length` of open time has passed since `start`.

        It may be the very end of a span; a length of nothing gives `start` itself.

        Raises:
            ValueError: `start` has no time zone.
        """
        start = in_utc(start)
        if self._never_closes or not length:
            return plus(start, length)
        t, left, year = (start - EPOCH) // _MICROSECOND, length // _MICROSECOND, start.year
        while year in _YEARS:
            table = self._year(year)
            total = table.before(t) + left
            if table.totals and total <= table.totals[-1]:
                return EPOCH + timedelta(microseconds=table.after(total))
            left = total - (table.totals[-1] if table.totals else 0)
            t, year = table.end, year + 1
        return plus(EPOCH, timedelta(microseconds=t + left))

    def add_each(self, start: datetime, lengths: Sequence[timedelta]) -> list[datetime]:
        """As `add`, for several lengths from one start: the year is looked into once.

        Raises:
            ValueError: `start` has no time zone.
        """
        start = in_utc(start)
        if self._never_closes or start.year not in _YEARS:
            return [self.add(start, length) for length in lengths]
        table = self._year(start.year)
        before, most = table.before((start - EPOCH) // _MICROSECOND), table.totals[-1] if table.totals else 0
        found = []
        for length in lengths:
            total = before + length // _MICROSECOND
            if before < total <= most:
                found.append(EPOCH + timedelta(0, 0, table.after(total)))
            else:
                found.append(self.add(start, length))
        return found

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much open time lies between two instants; nothing where `end` is not after `start`.

        Raises:
            ValueError: an instant has no time zone.
        """
        start, end = in_utc(start), in_utc(end)
        if self._never_closes or end <= start:
            return max(end - start, timedelta(0))
        t, last, year, total = (start - EPOCH) // _MICROSECOND, (end - EPOCH) // _MICROSECOND, start.year, 0
        while year in _YEARS and t < last:
            table = self._year(year)
            total += table.before(min(last, table.end)) - table.before(t)
            t, year = table.end, year + 1
        return timedelta(microseconds=total + max(0, last - t))

    @cached_property
    def _never_closes(self) -> bool:
        return not (self.hours or self.holidays or self.closed or self.files)

    @cached_property
    def _shut(self) -> frozenset[date]:
        """The days on the wall that are closed as a whole."""
        holidays = self.holidays.days if self.holidays else ()
        return frozenset(self.closed).union(holidays, *(file.days for file in self.files))

    @cached_property
    def _times_off(self) -> list[Times]:
        """The hours that are closed, as instants: those without a time zone are on this calendar's wall."""
        return merged((self._instant(a), self._instant(b)) for file in self.files for a, b in file.times)

    def _instant(self, at: datetime) -> datetime:
        return (at.replace(tzinfo=self._zone) if at.tzinfo is None else at).astimezone(UTC)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def _week(self) -> list[list[tuple[timedelta, timedelta]]]:
        """For each weekday, its spans as times since that day's midnight on the wall."""
        days = [self.hours.get(day, ()) if self.hours else ("00:00-24:00",) for day in _WEEK]
        return [[(timedelta(minutes=a), timedelta(minutes=b)) for a, b in map(_span, day)] for day in days]

    @cached_property
    def _tables(self) -> dict[int, _Year]:
        return {}

    def _year(self, year: int) -> _Year:
        if year not in self._tables:
            self._tables[year] = self._table(year)
        return self._tables[year]

    def _table(self, year: int) -> _Year:
        end = (datetime(year + 1, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND
        table, total = _Year(end, [], [], []), 0
        for first, last in without(self._open_in(year), self._times_off):
            start, stop = (first - EPOCH) // _MICROSECOND, (last - EPOCH) // _MICROSECOND
            total += stop - start
            for column, value in zip(table[1:], (start, stop, total), strict=True):
                column.append(value)
        return table

    def _open_in(self, year: int) -> Iterator[tuple[datetime, datetime]]:
        """The open times of a UTC year by days, in order, as pairs of UTC instants."""
        for start, end, offset in self._stretches(year):
            day = (start + offset).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
            wall_end = (end + offset).replace(tzinfo=None)
            while day < wall_end:
                if day.date() not in self._shut:
                    midnight = day.replace(tzinfo=UTC) - offset
                    for opens, closes in self._week[day.weekday()]:
                        first, last = max(start, midnight + opens), min(end, midnight + closes)
                        if first < last:
                            yield first, last
                day += _DAY

    def _stretches(self, year: int) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """The UTC year cut where the zone's offset changes: (from, to, offset that holds between)."""
        start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        at, offset = start, self._offset(start)
        while at < end:
            after = min(at + _DAY, end)
            if self._offset(after) != offset:
                change = self._change(at, after)
                yield start, change, offset
                start, offset = change, self._offset(after)
            at = after
        yield start, end, offset

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self._zone).utcoffset() or timedelta(0)

    def _change(self, low: datetime, high: datetime) -> datetime:
        """The second at which the offset of `low` gives way to that of `high`."""
        before = self._offset(low)
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        return high
