"""What people look at: the inbox, one mention with its conversation, figures. Reads only."""

from __future__ import annotations

from typing import Any, Final

from bot.errors import NotPossible
from bot.store.engine import Row, Tx

# Sorted as the partial index mentions_inbox is, so that it is read in order at any size: addresses by
# their promise, then what is owed nothing.
INBOX: Final = """
    SELECT m.*, c.version, c.said AS conversation_said, c.thread,
        (SELECT COUNT(*) FROM replies r WHERE r.mention_id = m.id AND r.state = 'draft') AS drafts
    FROM mentions m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.state IN ('waiting', 'escalated', 'answering')
    ORDER BY m.addressed DESC, m.due_at, m.id LIMIT :limit
"""


def inbox(tx: Tx, limit: int) -> list[Row]:
    """What waits for a human, the most pressing promise first."""
    return tx.rows(INBOX, {"limit": limit})


def waiting(tx: Tx) -> int:
    """How many mentions wait for a human."""
    row = tx.row("SELECT COUNT(*) AS n FROM mentions WHERE state IN ('waiting', 'escalated', 'answering')")
    return int(row["n"]) if row else 0


def mention_row(tx: Tx, mention_id: int) -> Row:
    """One mention, with its thread and the two counts of its conversation.

    Raises:
        NotPossible: there is no such mention.
    """
    row = tx.row(
        "SELECT m.*, c.thread, c.version, c.said AS conversation_said FROM mentions m"
        " JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ?",
        (mention_id,),
    )
    if row is None:
        raise NotPossible(f"there is no mention {mention_id}; `vigie inbox` lists those that wait")
    return row


def replies_of(tx: Tx, mention_id: int) -> list[Row]:
    """All replies for a mention, candidates in their order."""
    return tx.rows("SELECT * FROM replies WHERE mention_id = ? ORDER BY id", (mention_id,))


def reply_row(tx: Tx, reply_id: int) -> Row:
    row = tx.row("SELECT * FROM replies WHERE id = ?", (reply_id,))
    if row is None:
        raise NotPossible(f"there is no reply {reply_id}")
    return row


def conversation(tx: Tx, mention: Row) -> list[dict[str, Any]]:
    """All that was said, oldest first: {"at", "own", "text", "url", "id"}."""
    theirs = tx.rows(
        "SELECT id, posted_at AS at, 0 AS own, text, url FROM mentions WHERE conversation_id = ?",
        (mention["conversation_id"],),
    )
    ours = tx.rows(
        "SELECT a.id, a.posted_at AS at, 1 AS own, a.text, a.url FROM mentions m"
        " JOIN answers a ON a.network = m.network AND a.in_reply_to = m.remote_id"
        " WHERE m.conversation_id = ?",
        (mention["conversation_id"],),
    )
    return sorted(map(dict, [*theirs, *ours]), key=lambda said: (said["at"], said["own"]))


def others_of_author(tx: Tx, mention: Row, limit: int = 5) -> list[Row]:
    """What the same person said elsewhere on that network, newest first."""
    return tx.rows(
        "SELECT m.id, m.posted_at, m.text, m.state FROM conversations c"
        " JOIN mentions m ON m.conversation_id = c.id"
        " WHERE c.network = ? AND c.author_id = ? AND c.author_id <> '' AND c.id <> ?"
        " ORDER BY m.posted_at DESC LIMIT ?",
        (mention["network"], mention["author_id"], mention["conversation_id"], limit),
    )


def page(tx: Tx, after: int, limit: int = 1000) -> list[Row]:
    """Mentions in the order they were heard, for export: those with an id above `after`."""
    return tx.rows(
        "SELECT m.*, c.thread FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.id > ? ORDER BY m.id LIMIT ?",
        (after, limit),
    )
