"""What rings until somebody acknowledges it. One open row for each matter; ringing twice is allowed,
missing one is not."""

from __future__ import annotations

from collections.abc import Sequence

from bot.store.engine import Row, Tx, marks
from bot.store.events import Event


def open_one(
    tx: Tx, key: str, reason: str, subject: str, now: int, mention_id: int | None = None, tier: int = 0
) -> list[Event]:
    """Make this matter ring. Where it is open already, a higher tier rings anew, even after an
    acknowledgement; and so does news of a mention: another reason, or the same one after somebody had
    acknowledged it. A source or an account that goes on failing, in whatever words, is no news."""
    rang = tx.run(
        "INSERT INTO escalations (key, mention_id, reason, subject, tier, opened_at, ring_at)"
        " VALUES (:key, :mention, :reason, :subject, :tier, :now, :now)"
        " ON CONFLICT (key) WHERE closed_at IS NULL DO UPDATE SET reason = excluded.reason,"
        " tier = CASE WHEN excluded.tier > escalations.tier THEN excluded.tier ELSE escalations.tier END,"
        " ring_at = excluded.ring_at, acknowledged_by = NULL, acknowledged_at = NULL"
        " WHERE excluded.tier > escalations.tier OR (excluded.mention_id IS NOT NULL"
        " AND (excluded.reason <> escalations.reason OR escalations.acknowledged_at IS NOT NULL))",
        {"key": key, "mention": mention_id, "reason": reason, "subject": subject, "tier": tier, "now": now},
    )
    if not rang:
        return []
    return [Event("escalated", mention_id, source=key, data={"reason": reason, "tier": tier})]


def close(tx: Tx, key: str, now: int) -> list[Event]:
    """The matter is over (a source speaks again, credentials were renewed)."""
    done = tx.run("UPDATE escalations SET closed_at = ? WHERE key = ? AND closed_at IS NULL", (now, key))
    return [Event("escalation_closed", source=key)] if done else []


def close_for(tx: Tx, mention_ids: Sequence[int], now: int) -> list[Event]:
    """These mentions have ended, and with them all that rang for them."""
    if not mention_ids:
        return []
    done = tx.rows(
        f"UPDATE escalations SET closed_at = ? WHERE mention_id IN ({marks(len(mention_ids))})"
        " AND closed_at IS NULL RETURNING key, mention_id",
        (now, *mention_ids),
    )
    return [Event("escalation_closed", row["mention_id"], source=row["key"]) for row in done]


def acknowledge(tx: Tx, mention_id: int, actor: str, now: int) -> list[Event]:
    """Stop the ringing for a mention, not the clock."""
    done = tx.rows(
        "UPDATE escalations SET acknowledged_by = ?, acknowledged_at = ? WHERE mention_id = ?"
        " AND closed_at IS NULL AND acknowledged_at IS NULL RETURNING key",
        (actor, now, mention_id),
    )
    return [Event("acknowledged", mention_id, source=row["key"], actor=actor) for row in done]


def acknowledge_key(tx: Tx, key: str, actor: str, now: int) -> list[Event]:
    """Stop the ringing for a matter that is no mention, such as ``source:blog``."""
    done = tx.run(
        "UPDATE escalations SET acknowledged_by = ?, acknowledged_at = ? WHERE key = ?"
        " AND closed_at IS NULL AND acknowledged_at IS NULL",
        (actor, now, key),
    )
    return [Event("acknowledged", source=key, actor=actor)] if done else []


def claim_ringing(tx: Tx, now: int, again_at: int, limit: int = 50) -> list[Row]:
    """Take what must ring now. It will ring again at `again_at` (ms) unless `rang` says otherwise, so a
    crash in between loses no alarm."""
    return tx.rows(
        "UPDATE escalations SET ring_at = :again WHERE id IN (SELECT id FROM escalations"
        " WHERE closed_at IS NULL AND acknowledged_at IS NULL AND ring_at <= :now"
        f" ORDER BY ring_at LIMIT :limit {tx.skip_locked}) RETURNING *",
        {"now": now, "again": again_at, "limit": limit},
    )


def rang(tx: Tx, row: Row, again_at: int, error: str = "") -> list[Event]:
    """How the ringing went: `error` empty, it reached somebody; the next one is at `again_at` (ms)."""
    tx.run(
        "UPDATE escalations SET ring_at = :again, rings = rings + :ok, error = :error WHERE id = :id",
        {"again": again_at, "ok": int(not error), "error": error, "id": row["id"]},
    )
    if error and error == row["error"]:
        return []
    kind = "ring_failed" if error else "rang"
    return [Event(kind, row["mention_id"], source=row["key"], data={"ring": row["rings"] + 1})]


def open_rows(tx: Tx) -> list[Row]:
    return tx.rows("SELECT * FROM escalations WHERE closed_at IS NULL ORDER BY opened_at, id")
