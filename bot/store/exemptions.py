"""Addresses closed without an answer, and opened again."""

from __future__ import annotations

from collections.abc import Sequence

from bot.exemptions import NO_ANSWER_NEEDED
from bot.store import answers, conversations, escalations, events
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event


def close(tx: Tx, mention_id: int, reason: str, actor: str, now: int) -> list[Event]:
    """Close what waits, for this reason. `actor` is a named human, or a rule (`events.RULE`)."""
    closed = tx.run(
        "UPDATE mentions SET state = 'exempted', ended_at = ?, alarm_at = NULL"
        " WHERE id = ? AND state IN ('waiting', 'escalated')",
        (now, mention_id),
    )
    if not closed:
        return []
    tx.run(
        "INSERT INTO exemptions (mention_id, reason, rule, at) VALUES (?, ?, ?, ?)",
        (mention_id, reason, int(actor.startswith(events.RULE)), now),
    )
    return [
        Event("exempted", mention_id, actor=actor, data={"reason": reason}),
        *answers.discard_waiting(tx, [mention_id], "exempted"),
        *escalations.close_for(tx, [mention_id], now),
    ]


def reopen(
    tx: Tx, mention_ids: Sequence[int], now: int, actor: str = events.SYSTEM, why: str = ""
) -> list[Event]:
    """Those of these that are exempted wait again, under the promises that they had; not those that their
    authors have deleted since, to whom nothing is owed any more."""
    if not mention_ids:
        return []
    opened = tx.rows(
        "UPDATE mentions SET state = 'waiting', ended_at = NULL, alarm_at = due_at,"
        " outcome_alarm_at = CASE WHEN outcome IS NULL THEN outcome_due_at END"
        f" WHERE id IN ({marks(len(mention_ids))}) AND state = 'exempted'"
        " AND deleted_at IS NULL RETURNING id",
        mention_ids,
    )
    if not (ids := sorted(row["id"] for row in opened)):
        return []
    tx.run(
        f"UPDATE exemptions SET reopened_at = ? WHERE mention_id IN ({marks(len(ids))})"
        " AND reopened_at IS NULL",
        (now, *ids),
    )
    return [Event("reopened", number, actor=actor, data={"why": why} if why else {}) for number in ids]


def written_again(tx: Tx, conversation_id: int, posted_at: int, now: int) -> list[Event]:
    """The person wrote again at `posted_at`, unhappy or with a question. What was closed there before, since
    the brand last spoke, and only because it seemed to need no answer, was no end: it waits again."""
    rows = tx.rows(
        "SELECT m.id FROM mentions m JOIN exemptions e ON e.mention_id = m.id AND e.reopened_at IS NULL"
        " WHERE m.conversation_id = :conversation AND m.state = 'exempted' AND m.posted_at <= :posted_at"
        " AND m.deleted_at IS NULL AND (e.rule = 1 OR e.reason = :reason) AND NOT EXISTS"
        " (SELECT 1 FROM mentions p JOIN answers a ON a.network = p.network AND a.in_reply_to = p.remote_id"
        " WHERE p.conversation_id = :conversation AND a.posted_at >= m.posted_at)",
        {"conversation": conversation_id, "posted_at": posted_at, "reason": NO_ANSWER_NEEDED},
    )
    if log := reopen(tx, [row["id"] for row in rows], now, why="the person wrote again"):
        conversations.changed(tx, conversation_id)
    return log


def edited(tx: Tx, mention_id: int, now: int) -> list[Event]:
    """Its author changed what was closed only because it seemed to need no answer: it is read again."""
    row = tx.row(
        "SELECT 1 FROM exemptions WHERE mention_id = ? AND reopened_at IS NULL AND (rule = 1 OR reason = ?)",
        (mention_id, NO_ANSWER_NEEDED),
    )
    return reopen(tx, [mention_id], now, why="the person edited it") if row else []


def in_force(tx: Tx, mention_id: int) -> Row | None:
    """Why and when it was closed, if it is: reason, rule (1 or 0), at (ms), sampled, verdict."""
    return tx.row("SELECT * FROM exemptions WHERE mention_id = ? AND reopened_at IS NULL", (mention_id,))
