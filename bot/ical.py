"""What does an iCal file (RFC 5545) close? Reads its events; the texts in them are left where they are.

Every event closes its time, whatever it is called: a calendar of public holidays marks its days as "free",
so TRANSP is not asked. Cancelled events close nothing. Recurrence is expanded by `recurring-ical-events`
(https://pypi.org/project/recurring-ical-events) on `icalendar` (https://pypi.org/project/icalendar).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from icalendar import Calendar, Component

__all__ = ["KNOWN", "Closed", "Times", "read"]

Times = tuple[datetime, datetime]
KNOWN: Final = range(2000, 2060)
"""The years for which closures are worked out once and kept in the policy."""
_MOST: Final = 10_000
_DAY: Final = timedelta(days=1)
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_MEND: Final = "export the calendar again"


class Closed(NamedTuple):
    """What a file closes: whole days, and stretches of time, each in order and once. An instant without a
    time zone is one on the wall of whoever reads the calendar."""

    days: tuple[date, ...]
    times: tuple[Times, ...]


def read(path: Path) -> Closed:
    """All that the events of a file close within the years `KNOWN`.

    Raises:
        ValueError: there is no such file, or something in it cannot be relied on; says what and which event.
    """
    calendar = _parsed(path)
    events = calendar.walk("VEVENT")
    if not events:
        raise ValueError(f"{path}: there is no event in it, so it closes nothing; {_MEND}, or take it out")
    for number, event in enumerate(events, start=1):
        if wrong := _fault(event):
            raise ValueError(f"{path}: event {number} of {len(events)}: {wrong}; {_MEND}")
    days, times = set[date](), set[Times]()
    for start, end in _occurrences(path, calendar):
        if isinstance(start, datetime):
            assert isinstance(end, datetime)  # the library gives both alike
            times.add((_in_utc(start), _in_utc(end)))
        else:
            days |= {start + i * _DAY for i in range((end - start).days)}
        if len(days) + len(times) > _MOST:
            raise ValueError(f"{path}: more than {_MOST} closures; write what recurs every day under hours")
    return Closed(tuple(sorted(days)), tuple(sorted(times, key=_in_order)))


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo is None else at.astimezone(UTC)


def _in_order(times: Times) -> tuple[str, str]:
    return times[0].isoformat(), times[1].isoformat()


def _parsed(path: Path) -> Calendar:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: it is not written in UTF-8; {_MEND}") from None
    from icalendar import Calendar  # noqa: PLC0415  160 ms that only users of such files shall pay

    try:
        found = Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError):  # its words quote the file, which may name people
        raise ValueError(f"{path}: it is not one iCal file (.ics) from BEGIN to END; {_MEND}") from None
    if isinstance(found, Calendar):
        return found
    raise ValueError(f"{path}: it holds no calendar; {_MEND}")


def _fault(event: Component) -> str:
    """What is wrong with an event, "" if nothing is. The library would pass over most of it in silence."""
    if event.errors:
        return f"its {event.errors[0][0]} cannot be read"
    start, end = _at(event, "DTSTART"), _at(event, "DTEND")
    if start is None:
        return "it has no DTSTART"
    if "TZID" in event["DTSTART"].params and _sort(start) == "wall":
        return "its time zone is unknown"
    if end is not None and _sort(end) != _sort(start):
        return "one of DTSTART and DTEND is a day or has no time zone, the other is not"
    if end is not None and end < start:
        return "it ends before it starts"
    return _rule_fault(event)


def _at(event: Component, name: str) -> date | None:
    value = getattr(event.get(name), "dt", None)
    return value if isinstance(value, date) else None


def _sort(at: date) -> Literal["day", "wall", "instant"]:
    if not isinstance(at, datetime):
        return "day"
    return "wall" if at.tzinfo is None else "instant"


def _rule_fault(event: Component) -> str:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if _TOO_OFTEN.intersection(rule.get("FREQ", ())):
            return "it recurs more often than daily; write such hours under hours"
        if any(interval < 1 for interval in rule.get("INTERVAL", ())):
            return "its RRULE has an INTERVAL below 1"
    return ""


def _occurrences(path: Path, calendar: Calendar) -> Iterator[tuple[date, date]]:
    """From and to of all that takes place, with moved and cancelled occurrences as they are."""
    import recurring_ical_events  # noqa: PLC0415

    try:
        query = recurring_ical_events.of(calendar, components=["VEVENT"])
        for year in KNOWN:  # bit by bit, so that a rule without measure is soon noticed
            for event in query.between(date(year, 1, 1), date(year + 1, 1, 1)):
                if event.get("STATUS") != "CANCELLED":
                    yield event["DTSTART"].dt, event["DTEND"].dt
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: a recurrence or a time zone in it cannot be worked out; {_MEND}") from None
