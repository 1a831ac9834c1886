"""Deadlines against an oracle that counts minute by minute, over DST nights of both directions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.hours import Calendar

MINUTE = timedelta(minutes=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nights on which the clock goes forward and back; Lord Howe moves by half an hour, Kolkata never.
NIGHTS = {
    "Europe/Paris": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30Z", "2026-04-04T15:00Z"),
    "Africa/Cairo": ("2026-04-23T22:00Z", "2026-10-29T21:00Z"),  # at midnight itself
    "Asia/Kolkata": ("2026-05-04T00:00Z", "2026-12-31T18:00Z"),
}


def is_open(calendar: Calendar, at: datetime) -> bool:
    """The definition itself: what does the clock on the wall show?"""
    wall = at.astimezone(ZoneInfo(calendar.timezone))
    spans = calendar.hours.get(DAYS[wall.weekday()], ()) if calendar.hours else ("00:00-24:00",)
    shown = f"{wall:%H:%M}"
    return wall.date() not in calendar.closed and any(s[:5] <= shown < s[6:] for s in spans)


def minutes_open(calendar: Calendar, start: datetime, within: timedelta) -> Iterator[datetime]:
    """The ends of the open minutes from `start` (a full minute) on."""
    for at in (start + i * MINUTE for i in range(within // MINUTE)):
        if is_open(calendar, at):
            yield at + MINUTE


@st.composite
def days(draw: st.DrawFn) -> list[str]:
    """The spans of one day: none to three, anywhere in it, at any minute."""
    edges = sorted(draw(st.lists(st.integers(0, 1440), max_size=6, unique=True)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in pairs]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    zone = draw(st.sampled_from(sorted(NIGHTS)))
    hours = draw(st.dictionaries(st.sampled_from(DAYS), days()).filter(lambda h: not h or any(h.values())))
    nights = [datetime.fromisoformat(night).date() for night in NIGHTS[zone]]
    near = [night + timedelta(days=i) for night in nights for i in range(-2, 6)]
    closed = draw(st.sets(st.sampled_from(near), max_size=3))
    return Calendar.model_validate({"timezone": zone, "hours": hours, "closed": closed})


@st.composite
def moments(draw: st.DrawFn, calendar: Calendar) -> datetime:
    """A full minute within two days of a night on which that zone's clock is changed."""
    night = draw(st.sampled_from(NIGHTS[calendar.timezone]))
    return datetime.fromisoformat(night) + draw(st.integers(-2880, 2880)) * MINUTE


microseconds = st.integers(0, 40 * 86_400 * 10**6).map(lambda n: timedelta(microseconds=n))


@settings(max_examples=60, deadline=None)
@given(st.data(), calendars(), st.integers(1, 300))
def test_a_deadline_is_where_a_count_minute_by_minute_ends(
    data: st.DataObject, calendar: Calendar, length: int
) -> None:
    start = data.draw(moments(calendar))
    ends = list(islice(minutes_open(calendar, start, timedelta(days=9)), length))
    if ends:
        assert calendar.add(start, len(ends) * MINUTE) == ends[-1]


@settings(max_examples=60, deadline=None)
@given(st.data(), calendars(), st.integers(0, 4000))
def test_open_time_between_two_instants_is_what_a_count_finds(
    data: st.DataObject, calendar: Calendar, length: int
) -> None:
    start = data.draw(moments(calendar))
    counted = sum(is_open(calendar, start + i * MINUTE) for i in range(length))
    assert calendar.between(start, start + length * MINUTE) == counted * MINUTE


@settings(max_examples=100, deadline=None)
@given(st.data(), calendars(), microseconds, microseconds)
def test_a_deadline_adds_up_over_splits(
    data: st.DataObject, calendar: Calendar, first: timedelta, second: timedelta
) -> None:
    start = data.draw(moments(calendar))
    whole = calendar.add(start, first + second)
    assert calendar.add(calendar.add(start, first), second) == whole
    assert calendar.between(start, whole) == first + second


@settings(max_examples=100, deadline=None)
@given(st.data(), calendars(), microseconds, microseconds)
def test_a_deadline_never_comes_before_its_start_and_grows_with_start_and_target(
    data: st.DataObject, calendar: Calendar, length: timedelta, more: timedelta
) -> None:
    start = data.draw(moments(calendar))
    due = calendar.add(start, length)
    assert due >= start + length
    assert calendar.add(start, length + more) >= due
    assert calendar.add(start + more, length) >= due
    assert due.tzinfo is UTC


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)),
)
@example(datetime.max.replace(tzinfo=UTC), timedelta(days=1))
@example(datetime.min.replace(tzinfo=UTC), timedelta(days=1))
@example(datetime(2199, 12, 31, 23, tzinfo=UTC), timedelta(days=1))
def test_any_instant_a_network_may_invent_has_a_deadline(start: datetime, length: timedelta) -> None:
    assert start <= office().add(start, length) <= datetime.max.replace(tzinfo=UTC)
    assert office().between(start, start) == timedelta(0)


@cache
def office() -> Calendar:
    return Calendar(
        timezone="Europe/Paris", hours={"mon-fri": ("09:00-12:00", "14:00-17:00")}, closed=(date(2026, 5, 1),)
    )
