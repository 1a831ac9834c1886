"""What users are typing, kept until they save it: a closed page or an ended session loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.store.engine import Row, Tx, marks
from bot.store.events import digest

# What nobody came back to for so long is let go, in milliseconds: 30 days.
_KEPT: Final = 30 * 86_400_000


def keep(
    tx: Tx,
    mention_id: int,
    reply_id: int | None,
    user_id: int,
    text: str,
    seen: int,
    now: int,
    base: str | None = None,
) -> bool:
    """Keep what a user has typed so far into a draft, or into a new one (`reply_id` None).

    Args:
        text: an empty one lets go of what was kept, and so does one that a reply to the mention holds: it is
            saved.
        seen: the version of the conversation that they saw.
        now: in ms.
        base: the hash of the draft as they saw it when they began (`events.digest`); None: as kept before, or
            as it stands.

    Returns:
        Whether it is kept: not where there is no such mention or draft, or its author deleted it.
    """
    if not text.strip() or _holds(tx, mention_id, text):
        drop(tx, mention_id, reply_id, user_id)
        return False
    if (stands := _stands(tx, mention_id, reply_id)) is None:
        return False
    tx.run("DELETE FROM typing WHERE at < ?", (now - _KEPT,))
    began = base if base is not None else digest(stands) if reply_id else ""
    tx.run(
        "INSERT INTO typing (mention_id, reply_id, user_id, text, base, seen, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (mention_id, reply_id, user_id)"
        " DO UPDATE SET text = excluded.text, base = COALESCE(?, typing.base), seen = excluded.seen,"
        " at = excluded.at",
        (mention_id, reply_id or 0, user_id, text, began, seen, now, base),
    )
    return True


def _holds(tx: Tx, mention_id: int, text: str) -> bool:
    return bool(tx.row("SELECT 1 FROM replies WHERE mention_id = ? AND text = ?", (mention_id, text)))


def _stands(tx: Tx, mention_id: int, reply_id: int | None) -> str | None:
    """The text of the draft that is typed into ("" for a new one); None where nothing may be kept."""
    row = tx.row(
        "SELECT r.text FROM mentions m LEFT JOIN replies r ON r.mention_id = m.id AND r.id = ?"
        " WHERE m.id = ? AND m.deleted_at IS NULL",
        (reply_id or 0, mention_id),
    )
    if row is None or (reply_id and row["text"] is None):
        return None
    return row["text"] or ""


def drop(tx: Tx, mention_id: int, reply_id: int | None, user_id: int) -> None:
    """It is saved, or no longer wanted."""
    tx.run(
        "DELETE FROM typing WHERE mention_id = ? AND reply_id = ? AND user_id = ?",
        (mention_id, reply_id or 0, user_id),
    )


def drop_all(tx: Tx, mention_id: int, user_id: int) -> None:
    """This user has answered."""
    tx.run("DELETE FROM typing WHERE mention_id = ? AND user_id = ?", (mention_id, user_id))


def of_user(tx: Tx, mention_id: int, user_id: int) -> dict[int, Row]:
    """What this user has typed for a mention: {reply (0: a new one): text, base, seen, at (ms)}."""
    rows = tx.rows("SELECT * FROM typing WHERE mention_id = ? AND user_id = ?", (mention_id, user_id))
    return {row["reply_id"]: row for row in rows}


def forget(tx: Tx, mention_ids: Sequence[int]) -> None:
    """The authors of these mentions deleted them: what is typed may hold their names."""
    tx.run(f"DELETE FROM typing WHERE mention_id IN ({marks(len(mention_ids))})", mention_ids)
