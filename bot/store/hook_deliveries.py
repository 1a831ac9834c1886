"""What other systems are told: which events of the log are for which webhook, and how each delivery went.

The log is looked through by a cursor, so nothing is told before it is stored, and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from bot.store import escalations, events
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event

_PAGE: Final = 500


class Told(NamedTuple):
    """How one attempt went: what was sent (without the person's words), the status and the beginning of the
    answer, how long it took (ms), and what was wrong ("" where it was taken)."""

    request: str
    took: int
    status: int | None = None
    answer: str = ""
    error: str = ""


def key(webhook: str) -> str:
    """The escalation of a webhook, and its name in the log."""
    return f"webhook:{webhook}"


def has_work(tx: Tx, webhook: str, now: int) -> bool:
    """Whether there is anything new in the log, or anything to deliver by `now` (ms)."""
    cursor = tx.row("SELECT w.seq, c.seq AS head FROM webhooks w JOIN chain c ON c.id = 1 WHERE w.name = ?",
                    (webhook,))  # fmt: skip
    return cursor is None or cursor["head"] > cursor["seq"] or _due(tx, webhook, now) is not None


def _due(tx: Tx, webhook: str, now: int) -> Row | None:
    return tx.row(
        "SELECT id FROM hook_deliveries WHERE webhook = ? AND state = 'waiting' AND try_at <= ? LIMIT 1",
        (webhook, now),
    )


def gather(tx: Tx, webhook: str, kinds: Collection[str], now: int) -> int:
    """Note which of the next events in the log are for this webhook; how many were looked at. One that is new
    begins where the log ends. Its own troubles are no news for it."""
    cursor = tx.row("SELECT seq FROM webhooks WHERE name = ?", (webhook,))
    if cursor is None:
        tx.run("INSERT INTO webhooks (name, seq) SELECT ?, seq FROM chain WHERE id = 1", (webhook,))
        return 0
    rows = tx.rows(
        "SELECT seq, kind, source FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (cursor["seq"], _PAGE)
    )
    wanted = [row for row in rows if row["kind"] in kinds and row["source"] != key(webhook)]
    tx.many(
        "INSERT INTO hook_deliveries (webhook, seq, kind, since, try_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (webhook, seq) DO NOTHING",
        [(webhook, row["seq"], row["kind"], now, now) for row in wanted],
    )
    if rows:
        tx.run("UPDATE webhooks SET seq = ? WHERE name = ?", (rows[-1]["seq"], webhook))
    return len(rows)


def claim(tx: Tx, webhook: str, now: int, lease_until: int) -> Row | None:
    """Take the next delivery. If we die over it, it is made again at `lease_until` (ms): at least once."""
    return tx.row(
        "UPDATE hook_deliveries SET try_at = :lease, attempts = attempts + 1, tried_at = :now WHERE id ="
        " (SELECT id FROM hook_deliveries WHERE webhook = :webhook AND state = 'waiting' AND try_at <= :now"
        f" ORDER BY try_at, id LIMIT 1 {tx.skip_locked}) RETURNING *",
        {"webhook": webhook, "now": now, "lease": lease_until},
    )


def event(tx: Tx, seq: int) -> Row:
    """The event that a delivery tells of."""
    row = tx.row("SELECT * FROM events WHERE seq = ?", (seq,))
    assert row is not None, "the log loses nothing"
    return row


def delivered(tx: Tx, row: Row, told: Told, now: int) -> list[Event]:
    """It was taken. Where nothing else is undelivered for good, what rang for this webhook is over."""
    _settle(tx, row, told, "delivered", 0)
    failed = tx.row(
        "SELECT 1 FROM hook_deliveries WHERE webhook = ? AND state = 'failed' LIMIT 1", (row["webhook"],)
    )
    return [] if failed else escalations.close(tx, key(row["webhook"]), now)


def later(tx: Tx, row: Row, told: Told, at: int, *, all_of_it: bool) -> None:
    """It was not taken, and is tried again at `at` (ms); with `all_of_it`, the others wait as long."""
    _settle(tx, row, told, "waiting", at)
    if all_of_it:
        tx.run(
            "UPDATE hook_deliveries SET try_at = ? WHERE webhook = ? AND state = 'waiting' AND try_at < ?",
            (at, row["webhook"], at),
        )


def give_up(tx: Tx, row: Row, told: Told, since: int, now: int, *, all_of_it: bool) -> list[Event]:
    """It was tried for long enough; with `all_of_it`, so were all that wait since `since` (ms). A human is
    told."""
    _settle(tx, row, told, "failed", 0)
    if all_of_it:
        tx.run(
            "UPDATE hook_deliveries SET state = 'failed', error = ?"
            " WHERE webhook = ? AND state = 'waiting' AND since <= ?",
            (told.error, row["webhook"], since),
        )
    name = row["webhook"]
    return escalations.open_one(tx, key(name), f"undelivered: {told.error}", f"webhook {name}", now)


def again(tx: Tx, delivery_id: int, actor: str, now: int, token: int = 0) -> str:
    """A human has one delivered (again), whatever became of it. The name of its webhook; "": there is none of
    that number."""
    row = tx.row(
        "UPDATE hook_deliveries SET state = 'waiting', since = :now, try_at = :now, attempts = 0"
        " WHERE id = :id RETURNING webhook, seq",
        {"id": delivery_id, "now": now},
    )
    if row is None:
        return ""
    asked = Event("delivered_again", source=key(row["webhook"]), actor=actor, data={"seq": row["seq"]})
    events.append(tx, now, events.through(token, [asked]))
    return str(row["webhook"])


def purge(tx: Tx, webhook: str, before: int) -> None:
    """Forget what was settled before `before` (ms)."""
    tx.run(
        "DELETE FROM hook_deliveries WHERE id IN (SELECT id FROM hook_deliveries"
        " WHERE webhook = ? AND state <> 'waiting' AND tried_at < ? LIMIT 10000)",
        (webhook, before),
    )


def page(tx: Tx, names: Collection[str], states: Collection[str], before: int, limit: int) -> list[Row]:
    """Deliveries of these webhooks in these states with an id below `before`, the newest first, with the
    event's `mention_id`."""
    return tx.rows(
        "SELECT d.*, e.mention_id FROM hook_deliveries d JOIN events e ON e.seq = d.seq"
        f" WHERE d.id < ? AND d.webhook IN ({marks(len(names))}) AND d.state IN ({marks(len(states))})"
        " ORDER BY d.id DESC LIMIT ?",
        (before, *names, *states, limit),
    )


def standing(tx: Tx) -> Mapping[str, Row]:
    """Of each webhook, by its name: how many deliveries are `waiting` and `failed`, when the last one was
    taken (`delivered_at`, in ms), and how many events of the log are not looked through yet (`behind`)."""
    rows = tx.rows(
        "SELECT w.name, (SELECT c.seq FROM chain c WHERE c.id = 1) - w.seq AS behind,"
        " (SELECT COUNT(*) FROM hook_deliveries d WHERE d.webhook = w.name AND d.state = 'waiting')"
        " AS waiting,"
        " (SELECT COUNT(*) FROM hook_deliveries d WHERE d.webhook = w.name AND d.state = 'failed') AS failed,"
        " (SELECT d.tried_at FROM hook_deliveries d WHERE d.webhook = w.name AND d.state = 'delivered'"
        " ORDER BY d.id DESC LIMIT 1) AS delivered_at FROM webhooks w"
    )
    return {row["name"]: row for row in rows}


def _settle(tx: Tx, row: Row, told: Told, state: str, try_at: int) -> None:
    """Unless its lease ended meanwhile, and another took it over."""
    tx.run(
        "UPDATE hook_deliveries SET state = ?, try_at = ?, request = ?, took = ?, status = ?, answer = ?,"
        " error = ? WHERE id = ? AND state = 'waiting' AND attempts = ?",
        (state, try_at, told.request, told.took, told.status, told.answer, told.error, row["id"],
         row["attempts"]),
    )  # fmt: skip
