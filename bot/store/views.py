"""What people look at: the inbox, one mention with its conversation, figures. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.errors import NotPossible
from bot.store.engine import Row, Tx, marks
from bot.store.states import OPEN

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
    """One mention, with its thread, the two counts of its conversation, and since when its author wants
    nothing from us (`stopped_at`, in ms).

    Raises:
        NotPossible: there is no such mention.
    """
    row = tx.row(
        "SELECT m.*, c.thread, c.version, c.said AS conversation_said, s.at AS stopped_at FROM mentions m"
        " JOIN conversations c ON c.id = m.conversation_id"
        " LEFT JOIN stops s ON s.network = c.network AND s.author_id = c.author_id WHERE m.id = ?",
        (mention_id,),
    )
    if row is None:
        raise NotPossible("there is no mention %(id)s; `vigie inbox` lists those that wait", id=mention_id)
    return row


def these(tx: Tx, mention_ids: Sequence[int]) -> list[Row]:
    """Mentions with the version of their conversation, in this order."""
    rows = tx.rows(
        "SELECT m.*, c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
        f" WHERE m.id IN ({marks(len(mention_ids))})",
        mention_ids,
    )
    found = {row["id"]: row for row in rows}
    return [found[number] for number in mention_ids]


def replies_of(tx: Tx, mention_id: int) -> list[Row]:
    """All replies for a mention, candidates in their order."""
    return tx.rows("SELECT * FROM replies WHERE mention_id = ? ORDER BY id", (mention_id,))


def reply_row(tx: Tx, reply_id: int) -> Row:
    row = tx.row("SELECT * FROM replies WHERE id = ?", (reply_id,))
    if row is None:
        raise NotPossible("there is no reply %(id)s", id=reply_id)
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
        "SELECT m.id, m.posted_at, m.text, m.state FROM conversations o"
        " JOIN conversations c ON c.network = o.network AND c.author_id = o.author_id"
        " JOIN mentions m ON m.conversation_id = c.id"
        " WHERE o.id = ? AND c.id <> o.id ORDER BY m.posted_at DESC LIMIT ?",
        (mention["conversation_id"], limit),
    )


def person(tx: Tx, mention: Row) -> Row:
    """Who is speaking, by all that they ever said on that network: how many of it were `addresses`, and of
    those `answered`, `exempted` and `open`; when they first and last wrote (`first_at`, `last_at`), and when
    they were last answered (`answered_at`), in ms."""
    row = tx.row(_PERSON, (mention["conversation_id"],))
    assert row is not None, "sums are always one row"
    return row


_PERSON: Final = f"""
    SELECT COUNT(*) AS said, SUM(m.addressed) AS addresses,
        SUM(CASE WHEN m.addressed = 1 AND m.state = 'answered' THEN 1 ELSE 0 END) AS answered,
        SUM(CASE WHEN m.addressed = 1 AND m.state = 'exempted' THEN 1 ELSE 0 END) AS exempted,
        SUM(CASE WHEN m.addressed = 1 AND m.state IN {OPEN} THEN 1 ELSE 0 END) AS open,
        MIN(m.posted_at) AS first_at, MAX(m.posted_at) AS last_at,
        MAX((SELECT MAX(a.posted_at) FROM answers a
            WHERE a.network = m.network AND a.in_reply_to = m.remote_id)) AS answered_at
    FROM conversations o JOIN conversations c ON c.network = o.network AND c.author_id = o.author_id
    JOIN mentions m ON m.conversation_id = c.id WHERE o.id = ?
"""


def page(tx: Tx, after: int, limit: int = 1000) -> list[Row]:
    """Mentions as they were heard, for export: those with an id above `after` whose words are kept."""
    return tx.rows(
        "SELECT m.*, c.thread FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.id > ? AND m.deleted_at IS NULL ORDER BY m.id LIMIT ?",
        (after, limit),
    )
