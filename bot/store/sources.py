"""What each listener has heard: its cursor, and the record "complete from T1 to T2" with its gaps."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.instants import ms, span_ms
from bot.models import Batch
from bot.store import escalations, events
from bot.store.engine import Row, Tx
from bot.store.events import Event

_LONGEST_WAIT: Final = 86_400_000
"""After a day (ms) even a service that asked us to stay away for longer is asked again."""
SILENT: Final = "silent"
"""Why a source rings that does not fail, and yet is not complete to within its `silent_after`."""


def of(tx: Tx, listener: str, now: int) -> Row:
    """The record of one listener; it begins at `now` (ms) where there is none."""
    tx.run(
        "INSERT INTO sources (listener, since) VALUES (?, ?) ON CONFLICT (listener) DO NOTHING",
        (listener, now),
    )
    row = tx.row("SELECT * FROM sources WHERE listener = ?", (listener,))
    assert row is not None, "it was just written"
    right = _put_right(row, now)
    if any(row[name] != at for name, at in right.items()):
        tx.run(
            "UPDATE sources SET since = :since, complete_to = :complete_to, failing_since = :failing_since,"
            " retry_at = :retry_at, recheck_at = :recheck_at WHERE listener = :listener",
            right | {"listener": listener},
        )
    return {**row, **right}


def _put_right(row: Row, now: int) -> dict[str, int | str | None]:
    """Its instants, none of them beyond reach: a clock that is set back must neither stop the listening nor
    hide for how long nothing was heard."""
    past = {name: row[name] and min(row[name], now) for name in ("since", "complete_to", "failing_since")}
    return past | {
        name: row[name] if row[name] - now <= _LONGEST_WAIT else 0 for name in ("retry_at", "recheck_at")
    }


def advance(tx: Tx, source: Row, batch: Batch, now: int, silent_after: timedelta, account: str = "") -> None:
    """A poll succeeded: keep its cursor, widen the record, note a gap where one opened, and end the
    incident if there was one: of a fault at once, of silence when the source is no longer silent; and that of
    its account, if it was this source that told of it.
    Belongs in the transaction that stores the mentions (promise 1)."""
    listener, log = source["listener"], list[Event]()
    begins = ms(batch.complete_from) if batch.complete_from else source["complete_to"] or now
    until = min(max(ms(batch.complete_to), source["complete_to"] or 0), now)
    if source["complete_to"] is not None and begins > source["complete_to"]:
        hole = (listener, source["complete_to"], begins)
        tx.run("INSERT INTO gaps (listener, from_at, to_at) VALUES (?, ?, ?)", hole)
        log.append(Event("gap", source=listener, data={"from": hole[1], "to": hole[2]}))
    tx.run(
        "UPDATE sources SET cursor = ?, complete_from = COALESCE(complete_from, ?), complete_to = ?,"
        " retry_at = ?, failing_since = NULL, error = '', signed_out = 0 WHERE listener = ?",
        (batch.cursor, min(begins, until), until, _from(now, int(1000 * (batch.retry_after or 0))), listener),
    )
    if source["failing_since"] is not None:
        log.append(Event("source_recovered", source=listener))
    left = SILENT if is_silent(until, silent_after, now) else ""
    log += escalations.close(tx, key(listener), now, but=left)
    if account:
        log += escalations.close(tx, escalations.key_of_account(account), now, subject(listener))
    events.append(tx, now, log)


def fail(tx: Tx, source: Row, reason: str, now: int, retry_at: int, *, signed_out: bool = False) -> None:
    """A poll failed; `signed_out`: since the credentials are no longer good. The log gets transitions, not
    repetitions."""
    tx.run(
        "UPDATE sources SET retry_at = ?, failing_since = COALESCE(failing_since, ?), error = ?,"
        " signed_out = ? WHERE listener = ?",
        (_from(now, retry_at - now), now, reason, int(signed_out), source["listener"]),
    )
    if source["failing_since"] is None or source["error"] != reason:
        failed = Event("source_failed", source=source["listener"], data={"reason": reason})
        events.append(tx, now, [failed])


def _from(now: int, wait: int) -> int:
    """When (ms) the next poll may be. At any time, where nobody asked us to wait: not from `now` on, or a
    clock that is set back would stop the listening until it is `now` again."""
    return now + min(wait, _LONGEST_WAIT) if wait > 0 else 0


def recheck_later(tx: Tx, listener: str, now: int, wait: timedelta) -> None:
    """It is not asked for so long what was deleted."""
    at = _from(now, span_ms(wait))
    tx.run("UPDATE sources SET recheck_at = ? WHERE listener = ?", (at, listener))


def key(listener: str) -> str:
    """The escalation of a source."""
    return f"source:{listener}"


def subject(listener: str) -> str:
    """A source, as people are told of it."""
    return f"listener {listener}"


def last_heard(source: Row) -> int:
    """Until when (ms) this source is known to be complete; before its first poll, when it was set up."""
    return int(source["complete_to"] if source["complete_to"] is not None else source["since"])


def is_silent(heard: int, silent_after: timedelta, now: int) -> bool:
    """Whether what is complete only until `heard` (ms) is missed at `now` (ms)."""
    return heard < now - span_ms(silent_after)


def all_rows(tx: Tx) -> list[Row]:
    return tx.rows("SELECT * FROM sources ORDER BY listener")


def gaps(tx: Tx, listener: str) -> list[Row]:
    return tx.rows("SELECT from_at, to_at FROM gaps WHERE listener = ? ORDER BY from_at", (listener,))
