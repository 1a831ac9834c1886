"""What its author took down: nothing is owed for it any more, and nobody's words or name are kept. The log
keeps its hashes and times, so the books go on balancing.

X demands both within a day, also of what we were never told of: hence `to_recheck`
(https://docs.x.com/developer-terms/policy).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.models import Mention
from bot.store import answers, conversations, escalations, events, notes, replies, typing
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event
from bot.store.states import OPEN

# A remote id is unique within its network only. The names of all networks, read from the index one by one.
_NETWORKS: Final = (
    "WITH RECURSIVE known (network) AS (SELECT MIN(network) FROM mentions UNION ALL"
    " SELECT (SELECT MIN(m.network) FROM mentions m WHERE m.network > known.network) FROM known"
    " WHERE known.network IS NOT NULL) SELECT network FROM known WHERE network IS NOT NULL"
)


def delete(tx: Tx, listener: str, remote_ids: Sequence[str], now: int) -> int:
    """Their authors took these down, says the listener. How many of them were kept until now."""
    if not remote_ids:
        return 0
    ids = [
        row["id"]
        for network in [row["network"] for row in tx.rows(_NETWORKS)]
        for row in tx.rows(
            f"SELECT id FROM mentions WHERE network = ? AND remote_id IN ({marks(len(remote_ids))})"
            " AND listener = ?",
            (network, *remote_ids, listener),
        )
    ]
    return drop(tx, ids, now)


def drop(tx: Tx, mention_ids: Sequence[int], now: int) -> int:
    """Forget what these said and who said it. What was open ends as deleted; what was answered or exempted
    stays so. How many were not forgotten before."""
    if not mention_ids:
        return 0
    rows = tx.rows(
        "UPDATE mentions SET text = '', url = '', author_handle = '', author_name = '',"
        " author_followers = NULL, analysis = NULL, alarm_at = NULL, lease_until = NULL, checked_at = NULL,"
        " outcome_alarm_at = NULL,"
        " deleted_at = ?, ended_at = COALESCE(ended_at, ?),"
        f" state = CASE WHEN state IN {OPEN} OR state = 'ignored' THEN 'deleted' ELSE state END"
        f" WHERE id IN ({marks(len(mention_ids))}) AND deleted_at IS NULL"
        " RETURNING id, conversation_id, state",
        (now, now, *mention_ids),
    )
    gone = [row["id"] for row in rows]
    log = [Event("deleted" if row["state"] == "deleted" else "dropped", row["id"]) for row in rows]
    log += answers.discard_waiting(tx, gone, "deleted by author")
    log += escalations.close_for(tx, gone, now)
    replies.forget(tx, gone)
    typing.forget(tx, gone)
    notes.forget(tx, gone)
    events.append(tx, now, log)
    for row in rows:
        conversations.said(tx, row["conversation_id"])
    return len(gone)


def restore(tx: Tx, before: Row, mention: Mention, checked_at: int | None) -> Event:
    """The network shows it again, with its words. What was open is owed again, under the promise that it had,
    and is read anew; what was answered or exempted stays so."""
    author = mention.author
    tx.run(
        "UPDATE mentions SET text = ?, url = ?, author_handle = ?, author_name = ?, author_followers = ?,"
        " deleted_at = NULL, checked_at = ? WHERE id = ?",
        (mention.text, mention.url, author.handle, author.name, author.followers, checked_at, before["id"]),
    )
    data = {"text": events.digest(mention.text)}
    if before["state"] != "deleted":
        return Event("shown_again", before["id"], data=data)
    tx.run(
        "UPDATE mentions SET state = 'waiting', ended_at = NULL, alarm_at = due_at,"
        " outcome_alarm_at = CASE WHEN outcome IS NULL THEN outcome_due_at END WHERE id = ?",
        (before["id"],),
    )
    tx.run("UPDATE mentions SET state = 'new' WHERE id = ?", (before["id"],))
    return Event("restored", before["id"], data=data)


def to_recheck(tx: Tx, listener: str, asked_before: int, posted_after: int, limit: int) -> list[Row]:
    """Mentions whose words are kept and that nobody asked after since `asked_before`, the oldest check first:
    id, remote_id, checked_at. What was posted before `posted_after` is asked after no more."""
    tx.run(
        "UPDATE mentions SET checked_at = NULL WHERE listener = ? AND checked_at IS NOT NULL"
        " AND checked_at <= ? AND posted_at < ?",
        (listener, asked_before, posted_after),
    )
    return tx.rows(
        "SELECT id, remote_id, checked_at FROM mentions WHERE listener = ? AND checked_at IS NOT NULL"
        " AND checked_at <= ? ORDER BY checked_at LIMIT ?",
        (listener, asked_before, limit),
    )


def stand(tx: Tx, mention_ids: Sequence[int], now: int) -> None:
    """The network says that these still stand."""
    tx.run(
        f"UPDATE mentions SET checked_at = ? WHERE id IN ({marks(len(mention_ids))})"
        " AND checked_at IS NOT NULL",
        (now, *mention_ids),
    )
