"""The figures of reports: parts add up to the whole, days are whole days, and waits are what they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hours import Calendar
from bot.models import INTENTS, SENTIMENTS
from bot.reports.books import Books
from bot.reports.figures import Asked, Figures, Rows, figures
from bot.reports.period import PRESETS, Bucket, Period, between, preset
from bot.reports.tables import tables
from bot.reports.waits import EDGES, OpenTime, open_lengths, spread

PARIS: Final = ZoneInfo("Europe/Paris")
ZONES: Final = ("Europe/Paris", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
OFFICE: Final = Calendar(timezone="Europe/Paris", hours={"mon-fri": ("09:00-12:00", "14:00-17:00")})
HOUR: Final = 3_600_000
MARCH: Final = between(date(2026, 3, 1), date(2026, 3, 31), PARIS)
NOBODY: Final = {f"sentiment_{s}": 0 for s in SENTIMENTS} | {f"intent_{i}": 0 for i in INTENTS}


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return round(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


def address(posted_at: int, state: str = "answered", **facts: Any) -> dict[str, Any]:
    row = {
        "posted_at": posted_at, "network": "x", "process": "service", "state": state,
        "due_at": posted_at + 8 * HOUR, "answered_at": None,
    }  # fmt: skip
    if state == "answered":
        row["answered_at"] = posted_at + HOUR
    return row | facts


class InOrder(dict[str, Any]):
    """A row as the store gives it: it can be asked by name, and gives its values in their order."""

    def __iter__(self) -> Any:
        return iter(self.values())


def counted(addresses: list[dict[str, Any]], period: Period = MARCH, now: int | None = None) -> Figures:
    said = [{"mentions": 0, "addresses": 0, **NOBODY} for _ in period.buckets()]
    rows = Rows([[InOrder(one) for one in addresses]], said, (), (), (), (), ())
    return figures(rows, Asked(period), OFFICE, period.end if now is None else now)


# --- Periods -------------------------------------------------------------------------------------


@given(st.dates(date(1971, 1, 1), date(2099, 1, 1)), st.integers(0, 2500), st.sampled_from(ZONES))
def test_the_buckets_of_a_period_cover_it_without_a_gap(first: date, days: int, zone: str) -> None:
    period = between(first, first + timedelta(days=days), ZoneInfo(zone))
    buckets = period.buckets()
    assert (buckets[0].start, buckets[-1].end) == (period.start, period.end)
    assert all(a.end == b.start for a, b in pairwise(buckets))
    assert all(start < end for start, end in buckets)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_on_which_the_clocks_change_is_one_day_of_23_or_25_hours(day: date, hours: int) -> None:
    assert len(between(day, day, PARIS).buckets()) == hours
    week = between(day - timedelta(days=3), day + timedelta(days=3), PARIS)
    assert len(week.buckets()) == 7
    assert sum(end - start for start, end in week.buckets()) == (6 * 24 + hours) * HOUR


def test_each_preset_ends_where_it_says() -> None:
    now = datetime(2026, 3, 1, 0, 30, tzinfo=PARIS)
    spans = {name: (preset(name, PARIS, now).first, preset(name, PARIS, now).last) for name in PRESETS}
    today = date(2026, 3, 1)
    assert spans == {
        "today": (today, today),
        "7days": (date(2026, 2, 23), today),
        "30days": (date(2026, 1, 31), today),
        "month": (today, today),
        "last_month": (date(2026, 2, 1), date(2026, 2, 28)),
    }


def test_a_period_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="is before"):
        between(date(2026, 3, 2), date(2026, 3, 1), PARIS)
    with pytest.raises(ValueError, match="write days between"):
        between(date(1, 1, 1), date(2026, 3, 1), PARIS)
    with pytest.raises(ValueError, match="there are: today"):
        preset("week", PARIS, datetime(2026, 3, 1, tzinfo=UTC))


def test_long_periods_are_drawn_in_longer_pieces() -> None:
    first = date(2020, 2, 15)
    units = [between(first, first + timedelta(days=d), PARIS).unit for d in (0, 1, 2, 99, 100, 1849, 1850)]
    assert units == ["hour", "hour", "day", "day", "month", "month", "year"]


# --- Waits ---------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 90 * 24 * HOUR), st.integers(0, 9 * 24 * HOUR)), min_size=1, max_size=30
    ),
    st.sampled_from(
        [
            OFFICE,
            Calendar(),
            Calendar(timezone="Asia/Kathmandu", hours={"sat,sun": ("00:00-24:00",)}),
            Calendar(timezone="Europe/Paris", closed=(date(2026, 3, 29), date(2026, 4, 6))),
        ]
    ),
)
@settings(deadline=None, max_examples=60)
def test_open_time_of_many_is_that_of_each_by_the_calendar(
    pairs: list[tuple[int, int]], calendar: Calendar
) -> None:
    begin = datetime(2026, 2, 1, tzinfo=UTC)  # the span holds a DST night
    origin = round(begin.timestamp() * 1000)
    starts = np.array([origin + a for a, _ in pairs], np.int64)
    ends = starts + np.array([b for _, b in pairs], np.int64)
    first, last = (datetime.fromtimestamp(int(at) / 1000, UTC) for at in (starts.min(), ends.max()))
    found = OpenTime(calendar, first, last).between(starts, ends)
    for start, end, open_for in zip(starts, ends, found, strict=True):
        a, b = (begin + timedelta(milliseconds=int(at) - origin) for at in (start, end))
        assert abs(int(open_for) - calendar.between(a, b) / timedelta(milliseconds=1)) <= 1


def test_few_and_very_many_have_the_same_open_time() -> None:
    starts = np.arange(MARCH.start, MARCH.end, 250_000, dtype=np.int64)
    assert len(starts) > 10_000
    ends = starts + 30 * HOUR
    many = open_lengths(OFFICE, starts, ends)
    few = open_lengths(OFFICE, starts[:500], ends[:500])
    assert np.abs(many[:500] - few).max() <= 1


def test_a_post_from_1970_does_not_hold_up_a_report() -> None:
    at = ms(2026, 3, 10, 9)
    found = counted(
        [address(0, answered_at=at), address(at)], between(date(1970, 1, 1), date(2026, 3, 31), PARIS)
    )
    assert found.books.answered == 2


@given(st.lists(st.integers(0, 10 * 24 * HOUR), min_size=1))
def test_a_percentile_is_a_wait_that_somebody_had_and_no_shorter_than_that_part(waits: list[int]) -> None:
    found = spread(np.array(waits, np.int64))
    assert sum(found.bars) == found.number == len(waits)
    for part, value in ((50, found.median), (90, found.p90), (95, found.p95)):
        assert value is not None
        assert value in waits
        assert sum(w <= value for w in waits) * 100 >= part * len(waits)
        assert sum(w < value for w in waits) * 100 < part * len(waits)


def test_a_wait_of_just_an_hour_falls_into_the_bar_that_begins_there() -> None:
    found = spread(np.array([HOUR - 1, HOUR], np.int64))
    assert found.bars[EDGES.index(HOUR) - 1 : EDGES.index(HOUR) + 1] == (1, 1)


def test_nobody_waited_where_nobody_was_answered() -> None:
    books = counted([address(ms(2026, 3, 10), "waiting")]).books
    assert (books.clock.number, books.clock.median, sum(books.office.bars)) == (0, None, 0)


def test_a_night_counts_by_the_clock_and_not_in_open_hours() -> None:
    friday = ms(2026, 3, 13, 15, 30)  # 16:30 in Paris; answered on Monday at 09:15
    books = counted([address(friday, answered_at=ms(2026, 3, 16, 8, 15))]).books
    assert books.clock.median == (2 * 24 + 16) * HOUR + 3 * HOUR // 4
    assert books.office.median == HOUR // 2 + HOUR // 4


def test_an_answer_that_was_there_before_its_question_took_no_time() -> None:
    posted = ms(2026, 3, 10, 9)
    assert counted([address(posted, answered_at=posted - HOUR)]).books.clock.median == 0


# --- The whole and its parts ---------------------------------------------------------------------

_ADDRESSES: Final = st.builds(
    lambda at, state, network, process, wait, target: address(
        at,
        state,
        network=network,
        process=process,
        due_at=at + target,
        answered_at=at + wait if state == "answered" else None,
    ),
    st.integers(MARCH.start, MARCH.end - 1),
    st.sampled_from(["new", "waiting", "escalated", "answering", "answered", "exempted", "deleted"]),
    st.sampled_from(["x", "facebook", "=cmd()"]),
    st.sampled_from(["service", "sales", "crisis"]),
    st.integers(0, 400 * HOUR),
    st.integers(0, 48 * HOUR),
)
_SUMS: Final = ("addresses", "answered", "exempted", "deleted", "open", "overdue", "kept", "broken")


def sums(groups: Any) -> dict[str, int]:
    return {name: sum(getattr(one, name) for one in groups) for name in _SUMS}


@given(st.lists(_ADDRESSES, max_size=60), st.integers(MARCH.start, MARCH.end + 100 * HOUR))
@settings(deadline=None, max_examples=80)
def test_the_parts_add_up_to_the_whole(addresses: list[dict[str, Any]], now: int) -> None:
    found = counted(addresses, now=now)
    whole = sums([found.books])
    assert whole["addresses"] == len(addresses)
    assert whole["addresses"] == sum(whole[n] for n in ("answered", "exempted", "deleted", "open"))
    assert whole["kept"] + whole["broken"] == whole["answered"] + whole["overdue"]
    for parts in (
        found.networks.values(), found.processes.values(), found.hours, found.weekdays,
        [books for _, books in found.times],
    ):  # fmt: skip
        assert sums(parts) == whole
        assert sum(one.clock.number for one in parts) == whole["answered"]
    overdue = [a for a in addresses if a["due_at"] <= now and a["state"] in
               ("new", "waiting", "escalated", "answering")]  # fmt: skip
    assert whole["overdue"] == len(overdue)


@given(st.lists(_ADDRESSES, min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_each_address_is_counted_in_the_hour_and_on_the_day_that_the_clock_on_the_wall_showed(
    addresses: list[dict[str, Any]],
) -> None:
    found = counted(addresses)
    walls = [datetime.fromtimestamp(a["posted_at"] / 1000, UTC).astimezone(PARIS) for a in addresses]
    hours, days = [w.hour for w in walls], [w.weekday() for w in walls]
    assert [b.addresses for b in found.hours] == [hours.count(h) for h in range(24)]
    assert [b.addresses for b in found.weekdays] == [days.count(d) for d in range(7)]
    assert [b.addresses for _, b in found.times] == [[w.day for w in walls].count(d) for d in range(1, 32)]


def test_a_message_of_the_skipped_night_falls_on_its_day() -> None:
    at = ms(2026, 3, 29, 1, 30)  # 03:30 in Paris: the hour from two to three did not happen
    found = counted([address(at)])
    assert [h for h, b in enumerate(found.hours) if b.addresses] == [3]
    assert [i for i, (_, b) in enumerate(found.times) if b.addresses] == [28]


def test_a_promise_is_kept_at_its_very_last_instant_and_broken_after_it() -> None:
    at = ms(2026, 3, 10, 9)
    kept = counted([address(at, due_at=at + HOUR, answered_at=at + HOUR)]).books
    late = counted([address(at, due_at=at + HOUR, answered_at=at + HOUR + 1)]).books
    assert (kept.kept, kept.broken, kept.kept_rate) == (1, 0, 1.0)
    assert (late.kept, late.broken, late.kept_rate) == (0, 1, 0.0)


def test_what_is_open_and_not_due_yet_has_neither_kept_nor_broken_its_promise() -> None:
    at = ms(2026, 3, 10, 9)
    books = counted([address(at, "waiting", due_at=at + HOUR)], now=at).books
    assert (books.open, books.overdue, books.kept_rate) == (1, 0, None)


def test_an_empty_period_has_tables_with_nothing_and_no_rate() -> None:
    found = counted([])
    assert found.books == Books()
    assert found.books.rates == {"all": None, "after_exemptions": None}
    every = tables(found)
    assert every["funnel"].rows[0] == ("addresses", 0, None)
    assert len(every["times"].rows) == 31


def test_every_row_of_a_table_has_a_cell_for_each_column() -> None:
    found = counted([address(ms(2026, 3, 10, 9)), address(ms(2026, 3, 11, 9), "waiting")])
    for table in tables(found).values():
        assert table.about.endswith("."), table.name
        assert all(len(row) == len(table.columns) for row in table.rows), table.name


def test_escalations_are_told_by_what_rang_and_how_long_it_took() -> None:
    rows = [
        {"key": "mention:1", "opened_at": 0, "acknowledged_at": 60_000, "closed_at": None},
        {"key": "mention:2", "opened_at": 0, "acknowledged_at": None, "closed_at": 5},
        {"key": "source:blog", "opened_at": 0, "acknowledged_at": None, "closed_at": None},
    ]
    said = [{"mentions": 0, "addresses": 0, **NOBODY} for _ in MARCH.buckets()]
    found = figures(Rows([], said, (), (), (), rows, ()), Asked(MARCH), OFFICE, MARCH.end).escalations
    assert found["mention"][:4] == (2, 1, 1, 0)
    assert found["mention"].took.median == 60_000
    assert found["source"][:4] == (1, 0, 0, 1)


def test_exemptions_are_told_by_people_and_by_rules() -> None:
    rows = [
        {"reason": "spam", "rule": 0, "number": 3},
        {"reason": "spam", "rule": 1, "number": 2},
        {"reason": "abuse", "rule": 1, "number": 9},
    ]
    said = [{"mentions": 0, "addresses": 0, **NOBODY} for _ in MARCH.buckets()]
    found = figures(Rows([], said, (), rows, (), (), ()), Asked(MARCH), OFFICE, MARCH.end)
    assert tables(found)["exempted"].rows == (("abuse", 0, 9), ("spam", 3, 2))


def test_buckets_are_named_by_what_they_are() -> None:
    assert MARCH.buckets()[0] == Bucket(MARCH.start, MARCH.start + 24 * HOUR)
