"""Who looks at a conversation just now, and who is writing an answer there."""

from __future__ import annotations

from typing import Final

from bot.store.engine import Row, Tx

_MINUTE: Final = 60_000
# A page says so every half minute; nobody need write it down more often than this.
_FRESH: Final = 20_000


def is_known(tx: Tx, conversation_id: int, user_id: int, now: int) -> bool:
    """Whether it stands here already that this user is there, so that nothing need be written."""
    return bool(
        tx.row(
            "SELECT 1 FROM presence WHERE conversation_id = ? AND user_id = ? AND seen_at > ?",
            (conversation_id, user_id, now - _FRESH),
        )
    )


def here(tx: Tx, conversation_id: int, user_id: int, now: int) -> None:
    """This user looks at it."""
    tx.run("DELETE FROM presence WHERE user_id = ? AND seen_at < ?", (user_id, now - _MINUTE))
    tx.run(
        "INSERT INTO presence (conversation_id, user_id, seen_at) VALUES (?, ?, ?)"
        " ON CONFLICT (conversation_id, user_id) DO UPDATE SET seen_at = excluded.seen_at",
        (conversation_id, user_id, now),
    )


def others(tx: Tx, conversation_id: int, user_id: int, now: int) -> list[Row]:
    """The other users who were there within the last minute: name, and whether they type an answer
    (`writes`), those who do first."""
    return tx.rows(
        "SELECT * FROM (SELECT u.name, p.seen_at, CASE WHEN EXISTS (SELECT 1 FROM typing t"
        " JOIN mentions m ON m.id = t.mention_id WHERE t.user_id = u.id AND t.at > :since"
        " AND m.conversation_id = :conversation) THEN 1 ELSE 0 END AS writes"
        " FROM presence p JOIN users u ON u.id = p.user_id"
        " WHERE p.conversation_id = :conversation AND p.seen_at > :since AND u.id <> :user) AS there"
        " ORDER BY writes DESC, name",
        {"conversation": conversation_id, "user": user_id, "since": now - _MINUTE},
    )
