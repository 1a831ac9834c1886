"""Reports: how well was whom answered. And the same figures, and the mentions behind them, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from bot.models import Process
from bot.reports import period as periods
from bot.reports.figures import Asked, Figures, figures
from bot.reports.spreadsheet import BOM, line
from bot.reports.tables import tables
from bot.roles import Role
from bot.store import Row, Store, Tx, instant, ms
from bot.store import figures as rows_of
from bot.web.language import Language
from bot.web.report_cells import as_csv, as_json, has_comma, shown
from bot.web.routes import page
from bot.web.visit import Visit

_NAMES: Final = {
    "today": "Today", "7days": "7 days", "30days": "30 days", "month": "This month",
    "last_month": "Last month",
}  # fmt: skip


def report(visit: Visit) -> Response:
    wrong = ""
    try:
        asked = _asked(visit)
    except ValueError as error:
        wrong, asked = (
            str(error),
            Asked(periods.preset(periods.DEFAULT, visit.language.zone, visit.web.clock())),
        )
    with visit.web.store.read() as tx:
        found, networks = _figures(visit, tx, asked), rows_of.networks(tx)
    return visit.render(
        "reports.html", 400 if wrong else 200, wrong=wrong, presets=_NAMES,
        chosen=_chosen(visit), networks=networks, processes=tuple(Process), query=_query(asked),
        **shown(found, visit.language),
    )  # fmt: skip


def table_as_csv(visit: Visit) -> Response:
    """One table of the report: `table` names it."""
    name = visit.request.query_params.get("table", "books")
    try:
        found = _found(visit)
    except ValueError as error:
        return PlainTextResponse(str(error), 400)
    if (table := tables(found).get(name)) is None:
        return PlainTextResponse(f"there is no such table; there are: {', '.join(tables(found))}", 404)
    return _file(as_csv(table, visit.language), "text/csv", f"{name}-{_days(found.asked)}.csv")


def all_as_json(visit: Visit) -> Response:
    try:
        found = _found(visit)
    except ValueError as error:
        return PlainTextResponse(str(error), 400)
    text = json.dumps(as_json(found), ensure_ascii=False, indent=2)
    return _file(text, "application/json", f"report-{_days(found.asked)}.json")


def mentions_as_csv(visit: Visit) -> Response:
    """Every mention of the period, as long as its words are kept."""
    try:
        asked = _asked(visit)
    except ValueError as error:
        return PlainTextResponse(str(error), 400)
    headers = _attachment(f"mentions-{_days(asked)}.csv")
    written = _mentions(visit.web.store, asked, visit.language)
    return StreamingResponse(written, 200, headers, "text/csv; charset=utf-8")


ROUTES = [
    page("/reports", report),
    page("/reports.csv", table_as_csv),
    page("/reports.json", all_as_json),
    page("/reports/mentions.csv", mentions_as_csv, Role.LEAD),
]


# --- What is asked -------------------------------------------------------------------------------


def _asked(visit: Visit) -> Asked:
    """As the address says.

    Raises:
        ValueError: it names no period.
    """
    given = visit.request.query_params
    return Asked(_period(visit, given), given.get("network", ""), given.get("process", ""))


def _period(visit: Visit, given: Mapping[str, str]) -> periods.Period:
    zone, now = visit.language.zone, visit.web.clock()
    if name := given.get("period", ""):
        return periods.preset(name, zone, now)
    first, last = given.get("from", ""), given.get("to", "")
    if not (first or last):
        return periods.preset(periods.DEFAULT, zone, now)
    today = now.astimezone(zone).date().isoformat()
    try:
        days = date.fromisoformat(first or last), date.fromisoformat(last or today)
    except ValueError:
        raise ValueError(visit.say("Write days as 2026-03-09.")) from None
    return periods.between(*days, zone)


def _chosen(visit: Visit) -> str:
    """The name of the preset that is shown; "" where days are given."""
    given = visit.request.query_params
    return given.get("period", "" if given.get("from") or given.get("to") else periods.DEFAULT)


def _query(asked: Asked) -> dict[str, str]:
    """What leads here again, with its days fixed."""
    return {
        "from": asked.period.first.isoformat(), "to": asked.period.last.isoformat(),
        "network": asked.network, "process": asked.process,
    }  # fmt: skip


def _found(visit: Visit) -> Figures:
    asked = _asked(visit)
    with visit.web.store.read() as tx:
        return _figures(visit, tx, asked)


def _figures(visit: Visit, tx: Tx, asked: Asked) -> Figures:
    calendar = visit.web.app.watch.settings.root.promises.calendar
    return figures(rows_of.rows(tx, asked), asked, calendar, ms(visit.web.clock()))


# --- Files ---------------------------------------------------------------------------------------


def _days(asked: Asked) -> str:
    return f"{asked.period.first}-{asked.period.last}"


def _attachment(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text.encode(), 200, _attachment(name), f"{kind}; charset=utf-8")


_AS_KEPT: Final = (
    "id", "network", "remote_id", "kind", "url", "author_handle", "author_name", "author_followers", "text",
    "lang", "addressed", "state", "process", "priority", "sentiment", "intent", "assignee", "outcome",
    "reason",
)  # fmt: skip
_TIMES: Final = ("posted_at", "heard_at", "due_at", "answered_at")


def _mentions(store: Store, asked: Asked, language: Language) -> Iterator[str]:
    """Line by line; what is in memory is one page of them."""
    comma, after = has_comma(language), (-(2**62), 0)
    yield BOM + line((*_AS_KEPT, *_TIMES), comma=comma)
    while True:
        with store.read() as tx:
            rows = rows_of.mentions(tx, asked, after)
        if not rows:
            return
        yield "".join(line(_mention(row, language), comma=comma) for row in rows)
        after = rows[-1]["posted_at"], rows[-1]["id"]


def _mention(row: Row, language: Language) -> list[Any]:
    times = (row[name] for name in _TIMES)
    zone = language.zone
    return [
        *(row[name] for name in _AS_KEPT),
        *(at and instant(at).astimezone(zone).isoformat(timespec="seconds") for at in times),
    ]
