"""When is the daily digest due, and which day is it about? Pure.

Days are those of the promises' calendar. A day has one instant at which its digest is due, also where the
clocks change: an hour that is skipped counts as the one after it, and one that comes twice as its first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_DAY: Final = timedelta(days=1)


def _hour(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return datetime.strptime(given.strip(), "%H:%M").time()  # noqa: DTZ007 -- the calendar's zone is added
    except ValueError:
        raise ValueError(f'{given!r} is no time of the day; write for example "09:00"') from None


class DigestSettings(BaseModel):
    """Whether and to whom it is told what a day brought."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    at: Annotated[time | None, BeforeValidator(_hour), WithJsonSchema({"type": ["string", "null"]})] = Field(
        default=None, description='Such as "09:00", by the clock of the promises\' calendar. Default: never'
    )
    to: tuple[str, ...] = Field(
        default=(), description="Names of responders that can carry it. Default: all that can"
    )


def due(at: time, zone: ZoneInfo, now: datetime) -> date:
    """The last day of which the digest is due by `now`: it is due on the next day at `at`."""
    today = now.astimezone(zone).date()
    is_due = now >= datetime.combine(today, at, zone).astimezone(UTC)
    return today - (_DAY if is_due else 2 * _DAY)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def yesterday(zone: ZoneInfo, now: datetime) -> date:
    return now.astimezone(zone).date() - _DAY
