"""When are people there? Spans, nights of the DST, holidays, and what a config may not say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bot.durations import Duration, SomeTime, parse_duration, write_duration
from bot.hours import Calendar

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def paris(**given: Any) -> Calendar:
    return Calendar.model_validate({"timezone": "Europe/Paris"} | given)


OFFICE = paris(hours={"mon-fri": ["09:00-12:00", "14:00-17:00"]})


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        ("2026-06-01T07:00", 30 * MINUTE, "2026-06-01T07:30"),  # Monday 9:00 in Paris
        ("2026-06-01T05:00", 30 * MINUTE, "2026-06-01T07:30"),  # before they open
        ("2026-06-01T09:45", 30 * MINUTE, "2026-06-01T12:15"),  # over lunch
        ("2026-06-01T10:30", 30 * MINUTE, "2026-06-01T12:30"),  # during lunch
        ("2026-06-05T14:30", HOUR, "2026-06-08T07:30"),  # over the weekend
        ("2026-06-06T12:00", HOUR, "2026-06-08T08:00"),  # on a Saturday
        ("2026-06-01T07:00", 6 * HOUR, "2026-06-01T15:00"),  # due with the last second of the day
        ("2026-06-01T15:00", HOUR, "2026-06-02T08:00"),  # posted with the last second of the day
        ("2026-06-06T12:00", 0 * HOUR, "2026-06-06T12:00"),  # nothing is nothing, even when closed
        ("2026-06-01T07:00", 60 * HOUR, "2026-06-12T15:00"),  # two weeks of work
    ],
)
def test_open_hours_are_counted_and_closed_ones_are_not(start: str, length: timedelta, end: str) -> None:
    assert OFFICE.add(utc(start), length) == utc(end)


def test_a_day_has_as_many_spans_as_it_needs() -> None:
    calendar = paris(hours={"mon": ["08:00-09:00", "10:00-11:00", "12:00-13:00", "14:00-15:00"]})
    assert calendar.between(utc("2026-06-01T00:00"), utc("2026-06-02T00:00")) == 4 * HOUR


def test_no_hours_given_means_around_the_clock() -> None:
    assert Calendar().add(utc("2026-06-06T23:00"), 2 * HOUR) == utc("2026-06-07T01:00")


def test_around_the_clock_may_still_keep_holidays() -> None:
    calendar = paris(closed=["2026-05-01"])
    assert calendar.add(utc("2026-04-30T21:00"), 2 * HOUR) == utc("2026-05-01T23:00")


def test_a_night_shift_is_two_spans() -> None:
    calendar = paris(hours={"fri": ["22:00-24:00"], "sat": ["00:00-06:00"]})
    assert calendar.add(utc("2026-06-05T20:00"), 8 * HOUR) == utc("2026-06-06T04:00")


def test_the_hour_that_a_spring_night_skips_is_not_counted() -> None:
    calendar = paris(hours={"sun": ["01:00-04:00"]})
    assert calendar.add(utc("2026-03-29T00:00"), 2 * HOUR) == utc("2026-03-29T02:00")  # 04:00, not 03:00
    assert calendar.add(utc("2026-03-29T00:00"), 3 * HOUR) == utc("2026-04-05T00:00")


def test_a_span_that_starts_in_the_skipped_hour_starts_at_its_end() -> None:
    calendar = paris(hours={"sun": ["02:30-04:00"]})
    assert calendar.add(utc("2026-03-29T00:00"), 10 * MINUTE) == utc("2026-03-29T01:10")  # 03:10


def test_the_hour_that_an_autumn_night_repeats_counts_twice() -> None:
    calendar = paris(hours={"sun": ["01:00-04:00"]})
    assert calendar.between(utc("2026-10-24T12:00"), utc("2026-10-25T12:00")) == 4 * HOUR
    assert calendar.add(utc("2026-10-24T12:00"), 4 * HOUR) == utc("2026-10-25T03:00")


def test_half_an_hour_of_daylight_saving_is_half_an_hour() -> None:
    calendar = Calendar(timezone="Australia/Lord_Howe", hours={"sun": ("00:00-06:00",)})
    assert calendar.between(utc("2026-10-03T12:00"), utc("2026-10-04T00:00")) == 5.5 * HOUR
    assert calendar.between(utc("2026-04-04T12:00"), utc("2026-04-05T00:00")) == 6.5 * HOUR


def test_a_date_that_a_zone_skipped_was_never_open() -> None:
    """Samoa went over the date line: there was no 30th of December 2011."""
    calendar = Calendar(timezone="Pacific/Apia", hours={"thu-sat": ("09:00-10:00",)})
    assert calendar.between(utc("2011-12-29T00:00"), utc("2012-01-02T00:00")) == 2 * HOUR


def test_public_holidays_are_those_of_the_country_and_region() -> None:
    hours = {"mon-fri": ["09:00-17:00"]}
    france, alsace = (paris(hours=hours, holidays={"country": "FR", "subdivision": s}) for s in (None, "57"))
    good_friday = utc("2026-04-03T08:00")
    assert france.add(good_friday, HOUR) == utc("2026-04-03T09:00")
    assert alsace.add(good_friday, HOUR) == utc("2026-04-07T08:00")  # nor on Easter Monday


def test_dates_of_ones_own_are_closed_too() -> None:
    calendar = paris(hours={"mon-fri": ["09:00-17:00"]}, closed=[date(2026, 12, 24), "2026-12-25"])
    assert calendar.add(utc("2026-12-24T08:00"), HOUR) == utc("2026-12-28T09:00")


def test_a_deadline_years_away_is_found_across_the_years() -> None:
    calendar = paris(hours={"mon": ["09:00-10:00"]})
    due = calendar.add(utc("2026-06-01T00:00"), 520 * HOUR)
    assert due == utc("2036-05-12T08:00")
    assert calendar.between(utc("2026-06-01T00:00"), due) == 520 * HOUR


def test_an_instant_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        OFFICE.add(datetime(2026, 6, 1), HOUR)  # noqa: DTZ001


def test_an_instant_in_any_zone_gives_the_same_deadline() -> None:
    start = datetime.fromisoformat("2026-06-05T16:30+02:00")
    assert OFFICE.add(start, HOUR) == OFFICE.add(start.astimezone(UTC), HOUR)


def test_two_ways_to_write_the_same_hours_are_equal() -> None:
    days = [
        paris(hours={"mon": "9:00-12:00", "tue": ["09:00-12:00"]}),
        paris(hours={"mon,tue": ["9:00-12:00"]}),
    ]
    assert days[0] == days[1]
    assert days[0] == paris(hours={"mon - tue": ["9:00-12:00"]})
    assert days[0].model_dump_json() == days[1].model_dump_json()


def test_a_range_may_run_over_the_weeks_end() -> None:
    assert list(paris(hours={"sat-mon": ["09:00-12:00"]}).hours) == ["mon", "sat", "sun"]


def test_tables_hold_each_year_in_order_without_overlap() -> None:
    table = list(OFFICE._open_in(2026))
    assert all(a < b for a, b in table)
    assert all(b <= c for (_, b), (c, _) in pairwise(table))
    assert len(table) == 2 * 261


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"timezone": "Europe/Pariss"}, "no IANA time zone; write for example Europe/Paris"),
        ({"timezone": "../etc/passwd"}, "no IANA time zone"),
        (
            {"hours": {"monday": ["09:00-12:00"]}},
            "no weekday or range of them; write mon, mon-fri",
        ),
        ({"hours": {"mon": ["9-12"]}}, 'not a span of the day; write for example "09:00-12:00"'),
        ({"hours": {"mon": [540]}}, "540 is not a span of the day"),
        ({"hours": {"mon": ["09:00-25:00"]}}, "the day runs from 00:00 to 24:00"),
        ({"hours": {"mon": ["22:00-06:00"]}}, "a night is two spans"),
        ({"hours": {"mon": ["09:00-12:00", "11:30-14:00"]}}, "two spans overlap at 11:30"),
        ({"hours": {"mon-fri": ["09:00-12:00"], "fri": ["09:00-11:00"]}}, "fri is given twice"),
        ({"hours": {"mon-fri": []}}, "no weekday has an open span"),
        ({"holidays": {"country": "XX"}}, "no holidays are known for XX; write a two-letter code"),
        ({"holidays": {"country": "FR", "subdivision": "99"}}, "for FR-99; the parts known are 57,"),
        ({"closed": [date(2026, 1, 1) + timedelta(days=i) for i in range(61)]}, "more than 60 days"),
        ({"closed": [date(2026, 1, 1) + timedelta(days=i) for i in range(730)]}, "more than 60 days"),
        ({"hour": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Calendar.model_validate(given)
    assert told in str(refused.value)


def test_a_month_of_holidays_is_no_slip_of_the_pen() -> None:
    assert paris(closed=[date(2026, 8, day) for day in range(1, 32)])


# --- Lengths of time -----------------------------------------------------------------------------


class Asked(BaseModel):
    wait: Duration = timedelta(0)
    lease: SomeTime = MINUTE


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", 30 * MINUTE),
        ("4h", 4 * HOUR),
        ("1d 2h", 26 * HOUR),
        ("1d2h", 26 * HOUR),
        (" 90 S ", timedelta(seconds=90)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta(0)),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length == parse_duration(write_duration(length))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (30, 'say the unit: "30m" for minutes'),
        ("30", 'say the unit: "30m" for minutes'),
        ("4 hours", 'is not a length of time; write for example "30m", "4h" or "1d 2h"'),
        ("-4h", "is not a length of time"),
        ("", "is not a length of time"),
        (None, "is not a length of time"),
        (True, "is not a length of time"),
        (1.5, "is not a length of time"),
        ("9" * 30 + "w", "longer than time itself"),
        (timedelta(seconds=-1), "cannot be negative"),
    ],
)
def test_what_is_no_length_of_time_is_refused_with_the_mend(value: object, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Asked.model_validate({"wait": value})
    assert told in str(refused.value)


def test_some_time_is_more_than_none() -> None:
    with pytest.raises(ValidationError, match="must be longer than nothing"):
        Asked.model_validate({"lease": "0s"})


def test_a_length_of_time_has_a_schema_and_goes_back_to_words() -> None:
    assert Asked.model_json_schema()["properties"]["lease"]["examples"] == ["30m", "4h", "1d 2h"]
    assert Asked(wait=26 * HOUR).model_dump(mode="json") == {"wait": "1d 2h", "lease": "1m"}
