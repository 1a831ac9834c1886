"""``GET /api/figures``: what the reports show, for programs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from bot.models import Process
from bot.reports import period as periods
from bot.reports.figures import Asked
from bot.reports.figures import figures as made_of
from bot.reports.period import Period
from bot.store import figures as rows_of
from bot.store import ms
from bot.web.api.call import Call, Day, Reading
from bot.web.api.problems import answers
from bot.web.report_cells import as_json

router: Final = APIRouter(responses=answers(), tags=["reports"])
_FIRST, _LAST = date(1970, 1, 1), date(2099, 12, 31)


@router.get("/figures")
def figures(
    call: Reading,
    from_: Annotated[Day | None, Query(alias="from", description="On the brand's calendar")] = None,
    to: Annotated[Day | None, Query(description="This day too; default: today")] = None,
    network: Annotated[str, Query(max_length=200)] = "",
    process: Process | None = None,
) -> dict[str, Any]:
    """How well was whom answered, of all that was posted on these days (by default the last 30): the same
    tables as on the page of reports. Lengths are in seconds, rates parts of one, money in US dollars."""
    asked = Asked(_period(call, from_, to), network, process or "")
    with call.web.store.read() as tx:
        rows = rows_of.rows(tx, asked)
    calendar = call.web.app.watch.settings.root.promises.calendar
    return as_json(made_of(rows, asked, calendar, ms(call.web.clock())))


def _period(call: Call, first: date | None, last: date | None) -> Period:
    """The days between these two, in whichever order they are given."""
    zone = ZoneInfo(call.web.app.watch.settings.root.promises.calendar.timezone)
    if first is None and last is None:
        return periods.preset(periods.DEFAULT, zone, call.web.clock())
    today = call.web.clock().astimezone(zone).date()
    days = sorted(min(max(day, _FIRST), _LAST) for day in (first or last or today, last or today))
    return periods.between(days[0], days[1], zone)
