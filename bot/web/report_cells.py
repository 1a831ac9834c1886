"""How the cells of a report are written: for people on a page, for spreadsheets, and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.reports.figures import Figures
from bot.reports.period import Unit
from bot.reports.spreadsheet import BOM, line
from bot.reports.tables import Cell, Column, Table, tables
from bot.store import instant, ms
from bot.web import words
from bot.web.language import Language
from bot.web.texts import short

_MINUTE: Final = 60_000
# How a bucket is called, as babel's patterns write dates.
_MOMENTS: Final[Mapping[Unit, str]] = {
    "hour": "EEE d MMM HH:mm", "day": "EEE d MMM y", "month": "LLLL y", "year": "y",
}  # fmt: skip
_BRIEF: Final[Mapping[Unit, str]] = {"hour": "HH:mm", "day": "d MMM", "month": "LLL y", "year": "y"}
_MONDAY: Final = datetime(1970, 1, 5, 12, tzinfo=UTC)


class Written:
    """Cells in the words of one language, for buckets of one unit. `None` is written "–"."""

    def __init__(self, language: Language, unit: Unit) -> None:
        self._language, self._unit = language, unit
        self._ways: Mapping[str, Callable[[Any], str]] = {
            "name": lambda name: short(name, 60),
            "network": lambda code: short(language.network(code), 60),
            "code": self.word,
            "count": language.number,
            "rate": language.percent,
            "length": language.length,
            "money": lambda amount: language.number(round(amount, 4)),
            "time": self._time,
            "hour": lambda hour: f"{hour:02} h",
            "weekday": self.weekday,
        }

    def __call__(self, cell: Cell, column: Column) -> str:
        return "–" if cell is None else self._ways[column.kind](cell)

    def word(self, code: str) -> str:
        return short(self._language.gettext(words.word(code)), 60)

    def weekday(self, number: int, form: str = "EEEE") -> str:
        """The name of a weekday, of which 0 is Monday."""
        at = _MONDAY + timedelta(days=number)
        return self._language.when(ms(at), form)

    def brief(self, at: int) -> str:
        """When a bucket begins (ms), in few letters, for below an axis."""
        return self._language.when(at, _BRIEF[self._unit])

    def edge(self, length: int) -> str:
        """Where a bar of the histogram begins (ms): a round length, so one unit says it."""
        return self._language.length(length).replace(" 00 min", "")

    def _time(self, at: int) -> str:
        return self._language.when(at, _MOMENTS[self._unit])


def shown(found: Figures, language: Language) -> dict[str, Any]:
    """What the templates of a report are given, on the page and in a file."""
    period, cell = found.asked.period, Written(language, found.asked.period.unit)
    starts = [bucket.start for bucket, _ in found.times]
    return {
        "found": found, "asked": found.asked, "tables": tables(found), "made_at": found.now, "cell": cell,
        "days": (period.start, period.end - 1),
        "time_marks": [cell.brief(starts[i]) for i in sorted({0, len(starts) // 2, len(starts) - 1})],
    }  # fmt: skip


# --- For spreadsheets ----------------------------------------------------------------------------


def as_csv(table: Table, language: Language) -> str:
    """A table as CSV, as spreadsheets of this language read it, with its header. Lengths are in minutes,
    times in ISO 8601 on the brand's clocks."""
    comma, columns = has_comma(language), table.columns
    written = line([_header(column, language) for column in columns], comma=comma)
    for row in table.rows:
        cells = [_in_a_sheet(*pair, language) for pair in zip(row, columns, strict=True)]
        written += line(cells, comma=comma)
    return BOM + written


def has_comma(language: Language) -> bool:
    """Whether numbers have a decimal comma."""
    return language.number(0.5) == "0,5"


def _header(column: Column, language: Language) -> str:
    title = language.gettext(column.title)
    return f"{title} ({language.gettext('minutes')})" if column.kind == "length" else title


def _in_a_sheet(cell: Cell, column: Column, language: Language) -> Cell:
    if isinstance(cell, int) and column.kind == "length":
        return round(cell / _MINUTE, 1)
    if isinstance(cell, int) and column.kind == "time":
        return instant(cell).astimezone(language.zone).isoformat(timespec="minutes")
    return language.gettext(words.word(cell)) if isinstance(cell, str) and column.kind == "code" else cell


# --- For programs --------------------------------------------------------------------------------


def as_json(found: Figures) -> dict[str, Any]:
    """The whole report: lengths in seconds, times in ISO 8601, rates as parts of one, money in US dollars."""
    period = found.asked.period
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "timezone": str(period.zone),
        "unit": period.unit,
        "network": found.asked.network or None,
        "process": found.asked.process or None,
        "made_at": instant(found.now).isoformat(timespec="seconds"),
        "tables": {name: _records(table) for name, table in tables(found).items()},
    }


def _records(table: Table) -> list[dict[str, Any]]:
    return [
        {column.key: _for_a_program(cell, column) for cell, column in zip(row, table.columns, strict=True)}
        for row in table.rows
    ]


def _for_a_program(cell: Cell, column: Column) -> Cell:
    if isinstance(cell, int) and column.kind == "length":
        return cell / 1000
    if isinstance(cell, int) and column.kind == "time":
        return instant(cell).isoformat(timespec="seconds")
    return cell
