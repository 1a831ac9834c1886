"""Where we listen and through what we answer: is it complete, is it in order, what does it cost?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.responses import Response

from bot.config import Settings
from bot.meter import Budget, Spent
from bot.store import Row, Tx, escalations, events, ms, outgoing, rings, sources, span_ms, spend
from bot.web.routes import page
from bot.web.visit import Visit

_GAPS: Final = 5


class Source(NamedTuple):
    """One listener. `row` is None before it was ever asked; `gaps` are the latest, of `gaps_in_all`; `type`
    is "" where it is no longer in the config. `state`: "failing", "silent", "waits", "listens" or "new"."""

    name: str
    type: str
    row: Row | None
    state: str
    rings: Row | None
    gaps: list[Row]
    gaps_in_all: int


class WayOut(NamedTuple):
    """One responder. `on_its_way`: see `bot.store.outgoing`; None for one that only tells people."""

    name: str
    type: str
    tells: bool
    rings: Row | None
    on_its_way: Row | None


class Account(NamedTuple):
    """What an account's calls cost, in US dollars; a limit is None where there is none."""

    name: str
    day: float
    month: float
    day_limit: float | None
    month_limit: float | None


def show(visit: Visit) -> Response:
    """GET /sources."""
    settings = visit.web.app.watch.settings
    with visit.web.store.read() as tx:
        ringing, head = rings.matters(tx), events.head(tx)
        listeners = _listeners(tx, settings, ringing, ms(visit.web.clock()))
        ways = [_way_out(tx, settings, ringing, name) for name in settings.responders]
        accounts = _accounts(visit, tx, settings)
    return visit.render("sources.html", listeners=listeners, ways=ways, accounts=accounts, head=head)


def _listeners(tx: Tx, settings: Settings, ringing: Mapping[str, Row], now: int) -> list[Source]:
    rows = {row["listener"]: row for row in sources.all_rows(tx)}
    found = []
    for name in [*settings.root.listeners, *(gone for gone in rows if gone not in settings.root.listeners)]:
        row, gaps = rows.get(name), sources.gaps(tx, name)
        entry = settings.root.listeners.get(name)
        limit = span_ms(entry.silent_after) if entry else 0
        rung = ringing.get(sources.key(name)) or _of_account(ringing, entry.account if entry else "")
        found.append(
            Source(
                name,
                entry.type if entry else "",
                row,
                _state(row, now, limit),
                rung,
                gaps[: -_GAPS - 1 : -1],
                len(gaps),
            )
        )
    return found


def _state(row: Row | None, now: int, silent_after: int) -> str:
    if row is None:
        return "new"
    if row["failing_since"] is not None:
        return "failing"
    if now - sources.last_heard(row) > silent_after:
        return "silent"
    return "waits" if row["retry_at"] > now else "listens"


def _way_out(tx: Tx, settings: Settings, ringing: Mapping[str, Row], name: str) -> WayOut:
    service, entry = settings.responders[name], settings.root.responders[name]
    rung = ringing.get(f"responder:{name}") or _of_account(ringing, entry.account)
    on_its_way = outgoing.of(tx, name) if service.plugin.replies else None
    return WayOut(name, entry.type, service.plugin.notifies, rung, on_its_way)


def _of_account(ringing: Mapping[str, Row], account: str) -> Row | None:
    return ringing.get(escalations.key_of_account(account)) if account else None


def _accounts(visit: Visit, tx: Tx, settings: Settings) -> list[Account]:
    """Those that may cost anything, or ever did."""
    budgets, now = settings.budgets, visit.web.clock()
    names = sorted({*budgets, *spend.accounts(tx)})
    return [_account(name, spend.spent(tx, name, now), budgets.get(name, Budget())) for name in names]


def _account(name: str, spent: Spent, budget: Budget) -> Account:
    return Account(name, spent.day / 1e6, spent.month / 1e6, budget.day, budget.month)


ROUTES = [page("/sources", show)]
