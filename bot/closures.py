"""What closes a calendar beside its hours: public holidays, and the events of iCal files. Pure but for the
one look into the package or the file, when config is read.

What was found there becomes part of the policy. So a policy that is read back from the store gives the
same deadlines for ever, whatever became of the file or of the package, and a file that changes makes
another policy.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from bot import ical
from bot.ical import KNOWN, Times

__all__ = ["KNOWN", "ClosedByFile", "PublicHolidays", "Times", "merged", "without"]

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")


# --- Public holidays -----------------------------------------------------------------------------


class PublicHolidays(BaseModel):
    """The public holidays of a country, from the `holidays` package (https://pypi.org/project/holidays)."""

    model_config = _STRICT
    country: str = Field(description="ISO 3166 code of the country, for example FR")
    subdivision: str | None = Field(
        default=None, description="ISO 3166-2 code of a region without the country's, for example 57"
    )
    days: SkipJsonSchema[tuple[date, ...]] = Field(
        default=(), description="The days themselves; worked out unless they are given"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_days(cls, given: object) -> object:
        """A stored policy brings its days along: a later edition of the package may know others."""
        if not isinstance(given, Mapping) or "days" in given:
            return given
        country, subdivision = given.get("country"), given.get("subdivision")
        if not isinstance(country, str) or not isinstance(subdivision, str | None):
            return given  # whose fault is told by the field itself
        return {**given, "days": _holidays(country, subdivision)}


@lru_cache(maxsize=8)
def _holidays(country: str, subdivision: str | None) -> tuple[date, ...]:
    """The public holidays of the years `KNOWN`, as far as the package knows them.

    Raises:
        ValueError: it knows neither the country nor the subdivision, or is not installed.
    """
    try:
        import holidays  # noqa: PLC0415  80 ms that only users of holidays shall pay
    except ImportError:
        raise ValueError("public holidays need the package: pip install holidays") from None
    try:
        with warnings.catch_warnings():  # of some countries it knows fewer years, and says so
            warnings.simplefilter("ignore")
            return tuple(sorted(holidays.country_holidays(country, subdivision, years=KNOWN)))
    except NotImplementedError:
        parts = ", ".join(holidays.list_supported_countries().get(country, ()))
        mend = f"the parts known are {parts}" if parts else "write a two-letter code, for example FR"
        place = f"{country}-{subdivision}" if subdivision else country
        raise ValueError(f"no holidays are known for {place}; {mend}") from None


# --- iCal files ----------------------------------------------------------------------------------


class _FromFile(BaseModel):
    model_config = _STRICT
    days: tuple[date, ...] = ()
    times: tuple[Times, ...] = ()


def _read(given: object) -> object:
    return ical.read(Path(given))._asdict() if isinstance(given, str) else given


ClosedByFile = Annotated[_FromFile, BeforeValidator(_read), WithJsonSchema({"type": "string"})]
"""In config the path of a file; in a stored policy what it closed: `days` and `times`. The file's name and
the texts of its events are not kept."""


# --- Stretches of time ---------------------------------------------------------------------------


def merged(times: Iterable[Times]) -> list[Times]:
    """The same time in order, without overlap."""
    found: list[Times] = []
    for start, end in sorted(times):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif start < end:
            found.append((start, end))
    return found


def without(times: Iterable[Times], shut: Sequence[Times]) -> Iterator[Times]:
    """What is left of `times` when `shut` is taken away. `shut` is as `merged` gives it."""
    starts = [start for start, _ in shut]
    for start, end in times:
        at = start
        for i in range(max(0, bisect_right(starts, start) - 1), len(shut)):
            closes, opens = shut[i]
            if closes >= end:
                break
            if at < closes:
                yield at, closes
            at = max(at, opens)
        if at < end:
            yield at, end
