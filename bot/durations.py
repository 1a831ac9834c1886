"""How is a length of time written in config? ``"30m"``, ``"4h"``, ``"1d 2h"``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS: Final = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PARTS: Final = r"(?:\d+\s*[wdhms]\s*)+"


def parse_duration(value: object) -> timedelta:
    """A length of time as people write it: ``"30m"``, ``"4h"``, ``"1d 2h"``, ``"90s"``, ``"2w"``.

    A day is 24 hours, a week seven days. A `timedelta` passes through.

    Raises:
        ValueError: it is not a length of time, or is negative; the text says what would be right.
    """
    if isinstance(value, timedelta):
        if value < timedelta(0):
            raise ValueError("a length of time cannot be negative")
        return value
    text = str(value).strip().lower()
    if text.isdecimal():
        raise ValueError(f'say the unit: "{text}m" for minutes, "{text}h" for hours, "{text}s" for seconds')
    if not re.fullmatch(_PARTS, text):
        raise ValueError(f'{value!r} is not a length of time; write for example "30m", "4h" or "1d 2h"')
    found = re.findall(r"(\d+)\s*([wdhms])", text)
    try:
        return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in found))
    except OverflowError:
        raise ValueError(f"{value!r} is longer than time itself") from None


def write_duration(value: timedelta) -> str:
    """The shortest way to write a length that `parse_duration` reads back (whole seconds)."""
    left, parts = int(value.total_seconds()), []
    for unit, seconds in list(_UNITS.items())[1:]:
        number, left = divmod(left, seconds)
        if number:
            parts.append(f"{number}{unit}")
    return " ".join(parts) or "0s"


def _some(value: timedelta) -> timedelta:
    if not value:
        raise ValueError('must be longer than nothing; write for example "30m"')
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^\\s*{_PARTS}$", "examples": ["30m", "4h", "1d 2h"]}),
]
"""A length of time in config, written ``"30m"``, ``"4h"``, ``"1d 2h"``; zero is allowed."""
SomeTime = Annotated[Duration, AfterValidator(_some)]
"""A `Duration` that is longer than nothing."""
