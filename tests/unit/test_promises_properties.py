"""Deadlines against an oracle that counts minute by minute, over DST nights of both directions, with holidays
and with what iCal files close; and ladders against one that lists every ring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.hours import Calendar
from bot.ladder import Bell, Ring
from bot.policy import Promises, body, policy_version
from bot.promises import due_at, ladder_of, ladder_of_matter
from bot.proof import read_policy, recompute
from bot.targets import Goal
from tests.support.terms import posted

MINUTE = timedelta(minutes=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Nights on which the clock goes forward and back; Lord Howe moves by half an hour, Kathmandu never.
NIGHTS = {
    "Europe/Paris": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30Z", "2026-04-04T15:00Z"),
    "Africa/Cairo": ("2026-04-23T22:00Z", "2026-10-29T21:00Z"),  # at midnight itself
    "Asia/Kathmandu": ("2026-05-04T00:00Z", "2026-12-31T18:15Z"),  # 5 hours 45 minutes ahead
}


def is_open(calendar: Calendar, at: datetime) -> bool:
    """The definition itself: what does the clock on the wall show?"""
    zone = ZoneInfo(calendar.timezone)
    wall = at.astimezone(zone)
    spans = calendar.hours.get(DAYS[wall.weekday()], ()) if calendar.hours else ("00:00-24:00",)
    if not any(span[:5] <= f"{wall:%H:%M}" < span[6:] for span in spans):
        return False
    holidays = calendar.holidays.days if calendar.holidays else ()
    if wall.date() in {*calendar.closed, *holidays, *(day for file in calendar.files for day in file.days)}:
        return False
    for start, end in (times for file in calendar.files for times in file.times):
        first, last = (t.replace(tzinfo=zone) if t.tzinfo is None else t for t in (start, end))
        if first.astimezone(UTC) <= at < last.astimezone(UTC):
            return False
    return True


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
def events(draw: st.DrawFn, night: datetime) -> dict[str, list[Any]]:
    """What a file closes near a night: whole days, and stretches of up to two days, with and without zone."""
    near = st.integers(-3, 6).map(lambda i: night.date() + timedelta(days=i))
    starts = st.integers(-3000, 3000).map(lambda i: night + i * MINUTE)
    times = []
    for start in draw(st.lists(starts, max_size=3)):
        length = draw(st.integers(0, 2880)) * MINUTE
        zone = draw(st.sampled_from([UTC, None]))
        times.append((start.replace(tzinfo=zone), (start + length).replace(tzinfo=zone)))
    return {"days": draw(st.lists(near, max_size=2)), "times": times}


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    zone = draw(st.sampled_from(sorted(NIGHTS)))
    hours = draw(st.dictionaries(st.sampled_from(DAYS), days()).filter(lambda h: not h or any(h.values())))
    nights = [datetime.fromisoformat(night) for night in NIGHTS[zone]]
    near = [night.date() + timedelta(days=i) for night in nights for i in range(-2, 6)]
    given = {"timezone": zone, "hours": hours, "closed": draw(st.sets(st.sampled_from(near), max_size=2))}
    if draw(st.booleans()):
        given["holidays"] = {"country": "FR", "days": draw(st.lists(st.sampled_from(near), max_size=2))}
    if draw(st.booleans()):
        given["files"] = [draw(events(draw(st.sampled_from(nights))))]
    return Calendar.model_validate(given)


@st.composite
def moments(draw: st.DrawFn, calendar: Calendar) -> datetime:
    """A full minute within two days of a night on which that zone's clock is changed."""
    night = draw(st.sampled_from(NIGHTS[calendar.timezone]))
    return datetime.fromisoformat(night) + draw(st.integers(-2880, 2880)) * MINUTE


microseconds = st.integers(0, 40 * 86_400 * 10**6).map(lambda n: timedelta(microseconds=n))


@settings(max_examples=60)
@given(st.data(), calendars(), st.integers(1, 300))
def test_a_deadline_is_where_a_count_minute_by_minute_ends(
    data: st.DataObject, calendar: Calendar, length: int
) -> None:
    start = data.draw(moments(calendar))
    ends = list(islice(minutes_open(calendar, start, timedelta(days=9)), length))
    if ends:
        assert calendar.add(start, len(ends) * MINUTE) == ends[-1]


@settings(max_examples=60)
@given(st.data(), calendars(), st.integers(0, 4000))
def test_open_time_between_two_instants_is_what_a_count_finds(
    data: st.DataObject, calendar: Calendar, length: int
) -> None:
    start = data.draw(moments(calendar))
    counted = sum(is_open(calendar, start + i * MINUTE) for i in range(length))
    assert calendar.between(start, start + length * MINUTE) == counted * MINUTE


@settings(max_examples=100)
@given(st.data(), calendars(), microseconds, microseconds)
def test_a_deadline_adds_up_over_splits(
    data: st.DataObject, calendar: Calendar, first: timedelta, second: timedelta
) -> None:
    start = data.draw(moments(calendar))
    whole = calendar.add(start, first + second)
    assert calendar.add(calendar.add(start, first), second) == whole
    assert calendar.between(start, whole) == first + second


@settings(max_examples=100)
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


@settings(max_examples=60)
@given(calendars())
def test_a_calendar_read_back_from_its_json_is_the_same(calendar: Calendar) -> None:
    again = Calendar.model_validate_json(calendar.model_dump_json())
    assert again == calendar
    assert list(again._table(2026)) == list(calendar._table(2026))


@settings(max_examples=100)
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


# --- The ladder ----------------------------------------------------------------------------------

POSTED = datetime.fromisoformat("2026-10-23T14:30Z")  # a Friday before the clock goes back
lengths = st.integers(1, 90).map(lambda n: n * MINUTE)


@st.composite
def policies(draw: st.DrawFn) -> Promises:
    tiers = [
        {"at": at / 4, "repeat": draw(st.none() | lengths)}
        for at in sorted(draw(st.sets(st.integers(1, 16), min_size=1, max_size=4)))
    ]
    target = {"answer_within": draw(lengths), "clock": draw(st.sampled_from(["office", "always"]))}
    return Promises.model_validate(
        {
            "calendar": office(),
            "targets": [target | {"next_within": draw(lengths), "outcome_within": draw(lengths)}],
            "tiers": tiers,
            "repeat": draw(lengths),
            "cap": draw(st.integers(1, 4)),
            "acknowledged_for": draw(lengths),
        }
    )


goals = st.sampled_from(["first", "next", "outcome"])


def ring_after(policy: Promises, after: datetime, goal: Goal, bell: Bell) -> Ring:
    return ladder_of(policy, posted(POSTED, goal=goal)).next(after, bell)


def every_ring(policy: Promises, goal: Goal, most: int) -> list[tuple[timedelta, int]]:
    """How much of the clock passes until each ring, and its tier: tier by tier, repeat by repeat."""
    within = policy.targets[0].within(goal)
    assert within is not None
    rungs = [timedelta(seconds=round(within.total_seconds() * tier.at)) for tier in policy.tiers]
    found = []
    for number, (rung, end) in enumerate(pairwise([*rungs, timedelta.max])):
        last = end == timedelta.max
        repeat = policy.tiers[number].repeat or (policy.repeat if last else None)
        found.append((rung, number))
        while repeat and found[-1][0] + repeat < end and not (last and len(found) >= most):
            found.append((found[-1][0] + repeat, number))
    return found[:most]


@settings(max_examples=150)
@given(policies(), goals)
def test_the_rings_are_those_of_a_list_made_tier_by_tier(policy: Promises, goal: Goal) -> None:
    listed = every_ring(policy, goal, 40)
    clock = policy.calendar if policy.targets[0].clock == "office" else Calendar()
    at = POSTED
    for number, (length, tier) in enumerate(listed):
        ring = ring_after(policy, at, goal, Bell(tier=tier - 1))
        assert ring == (number, clock.add(POSTED, length), tier)
        assert ring.at > at
        at = ring.at


@settings(max_examples=100)
@given(policies(), goals, st.integers(-100, 20_000))
def test_a_ring_is_the_same_whenever_it_is_asked_for(policy: Promises, goal: Goal, minutes: int) -> None:
    after = POSTED + minutes * MINUTE
    ring = ring_after(policy, after, goal, Bell())
    assert ring.at > after
    assert ring_after(policy, ring.at - timedelta(microseconds=1), goal, Bell()) == ring


acts = st.lists(st.sampled_from(["reached", "reached", "not reached", "acknowledged", "asleep"]), max_size=40)


@settings(max_examples=200)
@given(policies(), goals, acts)
def test_whatever_people_do_it_rings_on_and_nobody_stays_where_nobody_reacts(
    policy: Promises, goal: Goal, acts: list[str]
) -> None:
    """As the sweep goes about it: rings strictly later each time, never for people below those called last;
    not within an acknowledged tier, and above it after `cap` repeats in vain."""
    bell, at, everybody = Bell(), POSTED, len(policy.tiers)
    ladder = ladder_of(policy, posted(POSTED, goal=goal))
    rungs = [ladder.add(length) for length in ladder.rungs]
    for act in acts:
        ring = ring_after(policy, at, goal, bell)
        assert ring.at > at
        assert bell.tier <= ring.tier <= everybody
        if bell.acknowledged_at is not None:
            left = [when for when in rungs if when > at]
            assert ring.at == left[0] if left else silent_long_enough(policy, bell, ring)
        elif bell.repeats >= policy.cap and bell.tier < everybody:
            assert ring.tier > bell.tier
        if act == "acknowledged" and bell.tier >= 0:
            bell = bell.acknowledged(at)
        elif act != "asleep":
            tier = min(ring.tier + (act == "not reached"), everybody)
            bell, at = bell.rang(tier), ring.at


def silent_long_enough(policy: Promises, bell: Bell, ring: Ring) -> bool:
    clock = policy.calendar if policy.targets[0].clock == "office" else Calendar()
    assert bell.acknowledged_at is not None
    silent = clock.between(bell.acknowledged_at, ring.at)
    repeat = policy.tiers[-1].repeat or policy.repeat
    return policy.acknowledged_for <= silent < policy.acknowledged_for + repeat


@settings(max_examples=60)
@given(policies(), st.integers(0, 300), acts)
def test_a_matter_rings_on_around_the_clock(policy: Promises, minutes: int, acts: list[str]) -> None:
    bell, at = Bell(0), POSTED + minutes * MINUTE
    for act in acts:
        ring = ladder_of_matter(policy, POSTED).next(at, bell)
        assert at < ring.at
        assert bell.tier <= ring.tier <= len(policy.tiers)
        if bell.acknowledged_at is None:
            assert ring.at - at <= policy.repeat
        else:
            assert policy.acknowledged_for <= ring.at - bell.acknowledged_at
        at = ring.at
        bell = bell.acknowledged(at) if act == "acknowledged" else bell.rang(ring.tier)


# --- Proof ---------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(policies(), goals, st.integers(0, 10**10))
def test_a_deadline_is_recomputed_to_the_millisecond(policy: Promises, goal: Goal, later: int) -> None:
    terms = posted(POSTED + timedelta(milliseconds=later), goal=goal)
    stored = read_policy(policy_version(policy), body(policy))
    due = due_at(policy, terms)
    found = recompute(stored, terms)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=found) == due
