"""What rings until somebody acknowledges it. One open row for each matter; ringing twice is allowed,
missing one is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.store.engine import Row, Tx, marks
from bot.store.events import Event


def open_one(
    tx: Tx, key: str, reason: str, subject: str, now: int, mention_id: int | None = None, tier: int = 0
) -> list[Event]:
    """Make this matter ring. Where it is open already, a further tier of its ladder (`tier`, from 1) rings
    anew, even after an acknowledgement, and whoever was called before; and so does news of a mention: another
    reason, or the same one after somebody had acknowledged it. A source or an account that goes on failing,
    in whatever words, is no news."""
    rang = tx.run(
        "INSERT INTO escalations (key, mention_id, reason, subject, opened_at, ring_at, set_at)"
        " VALUES (:key, :mention, :reason, :subject, :now, :now, :now)"
        " ON CONFLICT (key) WHERE closed_at IS NULL DO UPDATE SET reason = excluded.reason,"
        " ring_at = excluded.ring_at, set_at = excluded.set_at, acknowledged_by = NULL,"
        " acknowledged_at = NULL WHERE :tier > 0 OR (excluded.mention_id IS NOT NULL"
        " AND (excluded.reason <> escalations.reason OR escalations.acknowledged_at IS NOT NULL))",
        {"key": key, "mention": mention_id, "reason": reason, "subject": subject, "tier": tier, "now": now},
    )
    if not rang:
        return []
    return [Event("escalated", mention_id, source=key, data={"reason": reason, "tier": tier})]


def close(tx: Tx, key: str, now: int, subject: str = "", but: str = "") -> list[Event]:
    """The matter is over (a source speaks again, credentials were renewed). With `subject`, only if it was
    that one's; with `but`, only if it rings for another reason."""
    done = tx.run(
        "UPDATE escalations SET closed_at = :now WHERE key = :key AND closed_at IS NULL"
        " AND (:subject = '' OR subject = :subject) AND (:but = '' OR reason <> :but)",
        {"now": now, "key": key, "subject": subject, "but": but},
    )
    return [Event("escalation_closed", source=key)] if done else []


def close_for(tx: Tx, mention_ids: Sequence[int], now: int, *, outcomes: bool = True) -> list[Event]:
    """These mentions have ended, and with them all that rang for them; with `outcomes` also for what came of
    them."""
    if not mention_ids:
        return []
    done = tx.rows(
        f"UPDATE escalations SET closed_at = ? WHERE mention_id IN ({marks(len(mention_ids))})"
        f" AND closed_at IS NULL{'' if outcomes else _BUT_OUTCOMES} RETURNING key, mention_id",
        (now, *mention_ids),
    )
    return [Event("escalation_closed", row["mention_id"], source=row["key"]) for row in done]


def ringing_for(tx: Tx, mention_id: int) -> list[Row]:
    """What rings for a mention and nobody acknowledged."""
    return tx.rows(
        "SELECT * FROM escalations WHERE mention_id = ? AND closed_at IS NULL AND acknowledged_at IS NULL",
        (mention_id,),
    )


def open_for(tx: Tx, mention_id: int) -> list[Row]:
    """What rings for a mention, acknowledged or not, oldest first."""
    return tx.rows(
        "SELECT * FROM escalations WHERE mention_id = ? AND closed_at IS NULL ORDER BY id", (mention_id,)
    )


def ringing(tx: Tx, key: str) -> list[Row]:
    """What rings under this key and nobody acknowledged: one row, or none."""
    return tx.rows(
        "SELECT * FROM escalations WHERE key = ? AND closed_at IS NULL AND acknowledged_at IS NULL", (key,)
    )


def standing(tx: Tx, key: str) -> Row | None:
    """What rings under this key, acknowledged or not."""
    return tx.row("SELECT * FROM escalations WHERE key = ? AND closed_at IS NULL", (key,))


def acknowledge(tx: Tx, row: Row, actor: str, now: int, again_at: int) -> Event:
    """Stop the ringing, not the clock: it rings again at `again_at` (ms)."""
    tx.run(
        "UPDATE escalations SET acknowledged_by = ?, acknowledged_at = ?, repeats = 0, ring_at = ?,"
        " set_at = ? WHERE id = ?",
        (actor, now, again_at, now, row["id"]),
    )
    return Event("acknowledged", row["mention_id"], source=row["key"], actor=actor)


def claim_ringing(tx: Tx, now: int, again_at: int, limit: int = 50) -> list[Row]:
    """Take what must ring now. It will ring again at `again_at` (ms) unless `rang` says otherwise, so a
    crash in between loses no alarm."""
    return tx.rows(
        "UPDATE escalations SET ring_at = :again, set_at = :now WHERE id IN (SELECT id FROM escalations"
        " WHERE closed_at IS NULL AND ring_at <= :now"
        f" ORDER BY ring_at LIMIT :limit {tx.skip_locked}) RETURNING *",
        {"now": now, "again": again_at, "limit": limit},
    )


def set_after(tx: Tx, now: int) -> list[Row]:
    """What was told later than `now` (ms) when to ring: then the clock was set back."""
    return tx.rows("SELECT * FROM escalations WHERE closed_at IS NULL AND set_at > ?", (now,))


def set_anew(tx: Tx, row: Row, at: int, now: int) -> None:
    """It rings at `at` (ms)."""
    tx.run("UPDATE escalations SET ring_at = ?, set_at = ? WHERE id = ?", (at, now, row["id"]))


def came_up_by(tx: Tx, now: int) -> None:
    """Nothing came up, and nobody acknowledged it, later than `now` (ms): then the clock was set back."""
    tx.run(
        "UPDATE escalations SET opened_at = CASE WHEN opened_at > :now THEN :now ELSE opened_at END,"
        " acknowledged_at = CASE WHEN acknowledged_at > :now THEN :now ELSE acknowledged_at END"
        " WHERE closed_at IS NULL AND (opened_at > :now OR acknowledged_at > :now)",
        {"now": now},
    )


def rang(tx: Tx, row: Row, again_at: int, tier: int, repeats: int) -> Event:
    """It reached people of `tier` (from 1), for the `repeats`-th time in vain; the next ring is at `again_at`
    (ms). Whoever acknowledged it meanwhile is not rung for again."""
    tx.run("UPDATE escalations SET rings = rings + 1, error = '' WHERE id = ?", (row["id"],))
    tx.run(
        "UPDATE escalations SET ring_at = ?, tier = ?, repeats = ?, acknowledged_by = NULL,"
        " acknowledged_at = NULL WHERE id = ? AND COALESCE(acknowledged_at, 0) = ?",
        (again_at, tier, repeats, row["id"], row["acknowledged_at"] or 0),
    )
    data = {"ring": row["rings"] + 1, "tier": tier}
    return Event("rang", row["mention_id"], source=row["key"], data=data)


def failed(tx: Tx, row: Row, again_at: int, error: str) -> list[Event]:
    """It reached nobody, and is tried again at `again_at` (ms)."""
    tx.run(
        "UPDATE escalations SET ring_at = ?, error = ? WHERE id = ? AND COALESCE(acknowledged_at, 0) = ?",
        (again_at, error, row["id"], row["acknowledged_at"] or 0),
    )
    if error == row["error"]:
        return []
    data = {"ring": row["rings"] + 1}
    return [Event("ring_failed", row["mention_id"], source=row["key"], data=data)]


def key_of_outcome(mention_id: int) -> str:
    """The escalation of an outcome that nobody confirmed."""
    return f"{_OUTCOME}{mention_id}"


_OUTCOME: Final = "outcome:"
_BUT_OUTCOMES: Final = f" AND key NOT LIKE '{_OUTCOME}%'"


def key_of_account(account: str) -> str:
    """The escalation of credentials that are no longer good: one, though both directions use them."""
    return f"account:{account}"


def open_rows(tx: Tx) -> list[Row]:
    return tx.rows("SELECT * FROM escalations WHERE closed_at IS NULL ORDER BY opened_at, id")
