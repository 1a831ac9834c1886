"""What each listener has heard: its cursor, and the record "complete from T1 to T2" with its gaps."""

from __future__ import annotations

from bot.models import Batch
from bot.store import escalations, events
from bot.store.engine import Row, Tx, ms
from bot.store.events import Event


def of(tx: Tx, listener: str, now: int) -> Row:
    """The record of one listener; it begins at `now` (ms) where there is none."""
    tx.run(
        "INSERT INTO sources (listener, since) VALUES (?, ?) ON CONFLICT (listener) DO NOTHING",
        (listener, now),
    )
    row = tx.row("SELECT * FROM sources WHERE listener = ?", (listener,))
    assert row is not None, "it was just written"
    return row


def advance(tx: Tx, source: Row, batch: Batch, now: int, account: str = "") -> None:
    """A poll succeeded: keep its cursor, widen the record, note a gap where one opened, and end the
    incident if there was one, of the source and, if it was this source that told of it, of its account.
    Belongs in the transaction that stores the mentions (promise 1)."""
    listener, log = source["listener"], list[Event]()
    begins = ms(batch.complete_from) if batch.complete_from else source["complete_to"] or now
    until = max(ms(batch.complete_to), source["complete_to"] or 0)
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
    log += escalations.close(tx, key(listener), now)
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
    return now + wait if wait > 0 else 0


def recheck_later(tx: Tx, listener: str, at: int) -> None:
    """It is not asked before `at` (ms) what was deleted."""
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


def all_rows(tx: Tx) -> list[Row]:
    return tx.rows("SELECT * FROM sources ORDER BY listener")


def gaps(tx: Tx, listener: str) -> list[Row]:
    return tx.rows("SELECT from_at, to_at FROM gaps WHERE listener = ? ORDER BY from_at", (listener,))
