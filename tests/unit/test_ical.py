"""What does an iCal file close? Days, hours, recurrence, time zones; and files that cannot be relied on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot import ical
from bot.hours import Calendar
from bot.policy import Promises, body, policy_version

HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(*lines: str, uid: str = "1") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT", ""])


def ics(folder: Path, *events: str, head: str = "") -> Path:
    file = folder / "closures.ics"
    start = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\n"
    file.write_bytes((start + head + "".join(events) + "END:VCALENDAR\r\n").encode())
    return file


def paris(file: Path, **given: Any) -> Calendar:
    hours = {"mon-fri": ["09:00-12:00", "14:00-17:00"]}
    return Calendar.model_validate({"timezone": "Europe/Paris", "hours": hours, "files": [str(file)]} | given)


def test_an_all_day_event_closes_its_days_whatever_the_hours(tmp_path: Path) -> None:
    """DTEND of whole days is the first day after them (RFC 5545, 3.6.1)."""
    file = ics(tmp_path, event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261226"))
    assert ical.read(file) == ((date(2026, 12, 24), date(2026, 12, 25)), ())
    assert paris(file).add(utc("2026-12-23T15:30"), HOUR) == utc("2026-12-28T08:30")


def test_a_day_without_an_end_is_one_day(tmp_path: Path) -> None:
    assert ical.read(ics(tmp_path, event("DTSTART;VALUE=DATE:20261224"))).days == (date(2026, 12, 24),)


def test_a_timed_event_closes_its_hours_in_its_own_zone(tmp_path: Path) -> None:
    start, end = (
        "DTSTART;TZID=America/New_York:20261124T040000",
        "DTEND;TZID=America/New_York:20261124T050000",
    )
    file = ics(tmp_path, event(start, end))  # 10:00 to 11:00 in Paris
    assert [at.isoformat() for at in ical.read(file).times[0]] == [
        "2026-11-24T09:00:00+00:00",
        "2026-11-24T10:00:00+00:00",
    ]
    assert paris(file).add(utc("2026-11-24T08:30"), HOUR) == utc("2026-11-24T10:30")


def test_a_time_without_a_zone_is_on_the_calendars_own_wall(tmp_path: Path) -> None:
    file = ics(tmp_path, event("DTSTART:20261124T100000", "DTEND:20261124T110000"))
    assert paris(file).add(utc("2026-11-24T08:30"), HOUR) == utc("2026-11-24T10:30")


def test_the_zone_of_a_whole_google_calendar_holds_for_times_without_one(tmp_path: Path) -> None:
    there = event("DTSTART:20261124T040000", "DTEND:20261124T050000")
    file = ics(tmp_path, there, head="X-WR-TIMEZONE:America/New_York\r\n")
    assert ical.read(file).times == ((utc("2026-11-24T09:00"), utc("2026-11-24T10:00")),)


def test_a_zone_that_the_file_defines_itself_is_understood(tmp_path: Path) -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Our Office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    file = ics(tmp_path, event("DTSTART;TZID=Our Office:20261124T120000", "DURATION:PT1H"), head=zone)
    assert ical.read(file).times == ((utc("2026-11-24T09:00"), utc("2026-11-24T10:00")),)


def test_a_recurring_event_recurs_but_for_its_exceptions(tmp_path: Path) -> None:
    file = ics(
        tmp_path,
        event(
            "DTSTART;VALUE=DATE:20251224", "RRULE:FREQ=YEARLY", "EXDATE;VALUE=DATE:20261224",
            "RDATE;VALUE=DATE:20260706",
        ),
    )  # fmt: skip
    days = ical.read(file).days
    assert days[:4] == (date(2025, 12, 24), date(2026, 7, 6), date(2027, 12, 24), date(2028, 12, 24))
    assert days[-1] == date(2059, 12, 24)


def test_a_weekly_meeting_stays_at_its_hour_on_the_wall_through_the_nights_of_the_dst(tmp_path: Path) -> None:
    weekly = event(
        "DTSTART;TZID=Europe/Paris:20261019T100000", "DTEND;TZID=Europe/Paris:20261019T110000",
        "RRULE:FREQ=WEEKLY;COUNT=2",
    )  # fmt: skip
    assert [start for start, _ in ical.read(ics(tmp_path, weekly)).times] == [
        utc("2026-10-19T08:00"),
        utc("2026-10-26T09:00"),
    ]


def test_a_moved_occurrence_counts_where_it_went_and_a_cancelled_one_nowhere(tmp_path: Path) -> None:
    file = ics(
        tmp_path,
        event("DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=MONTHLY;COUNT=3"),
        event("RECURRENCE-ID;VALUE=DATE:20260701", "DTSTART;VALUE=DATE:20260703"),
        event("RECURRENCE-ID;VALUE=DATE:20260801", "DTSTART;VALUE=DATE:20260801", "STATUS:CANCELLED"),
        event("DTSTART;VALUE=DATE:20260901", "STATUS:CANCELLED", uid="2"),
    )
    assert ical.read(file).days == (date(2026, 6, 1), date(2026, 7, 3))


def test_days_marked_as_free_close_all_the_same(tmp_path: Path) -> None:
    """Calendars of public holidays mark them so."""
    file = ics(tmp_path, event("DTSTART;VALUE=DATE:20260714", "TRANSP:TRANSPARENT"))
    assert ical.read(file).days == (date(2026, 7, 14),)


def test_events_that_overlap_or_take_no_time_do_no_harm(tmp_path: Path) -> None:
    file = ics(
        tmp_path,
        event("DTSTART:20261124T090000Z", "DTEND:20261124T110000Z"),
        event("DTSTART:20261124T100000Z", "DTEND:20261124T103000Z", uid="2"),
        event("DTSTART:20261124T080000Z", uid="3"),
    )
    calendar = paris(file, hours={})
    assert calendar.between(utc("2026-11-24T00:00"), utc("2026-11-25T00:00")) == 22 * HOUR


def test_a_calendar_that_is_open_around_the_clock_still_keeps_its_files(tmp_path: Path) -> None:
    file = ics(tmp_path, event("DTSTART;VALUE=DATE:20260714"))
    assert paris(file, hours={}).add(utc("2026-07-13T21:30"), HOUR) == utc("2026-07-14T22:30")


# --- Files that cannot be relied on ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["SUMMARY:no start"], "event 1 of 1: it has no DTSTART"),
        (["DTSTART:2026-12-24"], "event 1 of 1: its DTSTART cannot be read"),
        (["DTSTART;VALUE=TIME:100000"], "it has no DTSTART"),
        (["DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=SOMETIMES"], "its RRULE cannot be read"),
        (["DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=DAILY;UNTIL=never"], "its RRULE cannot be read"),
        (["DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=DAILY", "EXDATE:never"], "its EXDATE cannot be read"),
        (["DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=DAILY;INTERVAL=0"], "an INTERVAL below 1"),
        (["DTSTART:20261224T090000Z", "RRULE:FREQ=MINUTELY"], "more often than daily"),
        (["DTSTART;TZID=Mars/Olympus:20261224T090000"], "its time zone is unknown"),
        (["DTSTART:20261224T090000Z", "DTEND:20261224T080000Z"], "it ends before it starts"),
        (["DTSTART;VALUE=DATE:20261224", "DTEND:20261224T080000Z"], "the other is not"),
        (["DTSTART;TZID=Europe/Paris:20261224T070000", "DTEND:20261224T080000"], "the other is not"),
        (["DTSTART;VALUE=DATE:20000101", "DTEND;VALUE=DATE:20590101"], "more than 10000 closures"),
    ],
)
def test_an_event_that_cannot_be_understood_is_told_with_its_number(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(ValueError, match=r"closures\.ics: ") as refused:
        ical.read(ics(tmp_path, event(*lines)))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "there is no such file"),
        (b"", "it is not one iCal file"),
        (b"<html>Sign in, Jane Doe</html>", "it is not one iCal file"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101", "it is not one iCal file"),
        (b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\n", "it holds no calendar"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "there is no event in it"),
        (b"BEGIN:VCALENDAR\r\nX-NAME:\xe9t\xe9\r\nEND:VCALENDAR\r\n", "it is not written in UTF-8"),
    ],
)
def test_a_file_that_is_missing_or_broken_is_a_clear_fault(
    tmp_path: Path, data: bytes | None, told: str
) -> None:
    file = tmp_path / "closures.ics"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ValidationError) as refused:
        paris(file)
    (fault,) = refused.value.errors()
    assert fault["loc"] == ("files", 0)
    assert f"{file}: {told}" in fault["msg"]
    assert "Jane" not in fault["msg"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it cannot be read: Is a directory"):
        ical.read(tmp_path)


def test_a_zone_of_the_whole_calendar_that_nobody_knows_is_told(tmp_path: Path) -> None:
    file = ics(tmp_path, event("DTSTART:20261224T090000"), head="X-WR-TIMEZONE:Mars/Olympus\r\n")
    with pytest.raises(ValueError, match="a time zone in it cannot be worked out"):
        ical.read(file)


def test_a_file_that_closes_for_three_months_is_refused(tmp_path: Path) -> None:
    months = event("DTSTART:20260601T000000Z", "DTEND:20260901T000000Z")
    with pytest.raises(ValidationError, match=r"closed from 2026-06-0.* that is more than 60 days"):
        paris(ics(tmp_path, months))


def test_every_working_hour_closed_for_three_months_is_refused(tmp_path: Path) -> None:
    hours = "DTSTART;TZID=Europe/Paris:20260601T090000", "DTEND;TZID=Europe/Paris:20260601T170000"
    with pytest.raises(ValidationError, match="that is more than 60 days"):
        paris(ics(tmp_path, event(*hours, "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=65")))


# --- The policy ----------------------------------------------------------------------------------


def policy(file: Path) -> Promises:
    return Promises.model_validate({"calendar": {"timezone": "Europe/Paris", "files": [str(file)]}})


def test_a_changed_file_is_a_new_policy_and_an_equal_one_elsewhere_is_not(tmp_path: Path) -> None:
    days = event("DTSTART;VALUE=DATE:20261224")
    before = policy(ics(tmp_path, days))
    (tmp_path / "copy").mkdir()
    copy = ics(tmp_path / "copy", event("DTSTART;VALUE=DATE:20261224", "SUMMARY:other words"))
    assert policy_version(policy(copy)) == policy_version(before)
    after = policy(ics(tmp_path, days, event("DTSTART;VALUE=DATE:20261231", uid="2")))
    assert policy_version(after) != policy_version(before)


def test_a_stored_policy_outlives_its_file_and_holds_none_of_its_words(tmp_path: Path) -> None:
    file = ics(
        tmp_path,
        event("DTSTART;VALUE=DATE:20261224", "SUMMARY:Jane Doe is away", "ATTENDEE:mailto:jane@example.org"),
        event("DTSTART:20261231T120000", "DTEND:20261231T170000", uid="2"),
    )
    stored, version = body(policy(file)), policy_version(policy(file))
    file.unlink()
    again = Promises.model_validate_json(stored)
    assert policy_version(again) == version
    assert again.calendar.add(utc("2026-12-23T22:30"), HOUR) == utc("2026-12-24T23:30")
    assert again.calendar.add(utc("2026-12-31T10:30"), HOUR) == utc("2026-12-31T16:30")
    assert not any(word in stored for word in ("Jane", "jane", "closures.ics"))
