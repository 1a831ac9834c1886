"""Triage: claim what is new, keep what was thought of it; and the alarms of promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.models import Decision
from bot.store import conversations, escalations, events, replies
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event
from bot.store.mentions import Promise


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was thought of one mention, ready to be stored. `analysis` is JSON; `promise` the promise under
    the decided priority and process, `None` where nothing is owed."""

    mention: Row
    analysis: str
    decision: Decision
    promise: Promise | None
    responder: str
    drafts: Sequence[replies.Draft]


def claim_new(tx: Tx, now: int, lease_until: int, limit: int) -> list[Row]:
    """Take the oldest new mentions, with their thread, for one batch of analysis. A lease that is over,
    or further ahead than any lease can be (the clock was set back), binds nobody."""
    longest = lease_until - now
    ids = tx.rows(
        "UPDATE mentions SET lease_until = :lease WHERE id IN (SELECT id FROM mentions"
        " WHERE state = 'new' AND (lease_until IS NULL OR lease_until <= :now"
        f" OR lease_until > :now + :longest) ORDER BY id LIMIT :limit {tx.skip_locked}) RETURNING id",
        {"lease": lease_until, "now": now, "longest": longest, "limit": limit},
    )
    if not ids:
        return []
    return tx.rows(
        "SELECT m.*, c.thread, c.said AS conversation_said FROM mentions m"
        f" JOIN conversations c ON c.id = m.conversation_id WHERE m.id IN ({marks(len(ids))}) ORDER BY m.id",
        [row["id"] for row in ids],
    )


def keep(tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
    """Store verdicts on mentions that are still new; an answer given meanwhile goes before."""
    ids = [verdict.mention["id"] for verdict in verdicts]
    still_new = {
        row["id"]
        for row in tx.rows(f"SELECT id FROM mentions WHERE id IN ({marks(len(ids))}) AND state = 'new'", ids)
    }
    kept = [verdict for verdict in verdicts if verdict.mention["id"] in still_new]
    tx.many(_KEEP, [_row(verdict) for verdict in kept])
    log = [_triaged(verdict) for verdict in kept]
    log += replies.add(tx, [_candidates(verdict, now) for verdict in kept], now)
    for verdict in kept:
        if verdict.decision.escalate:
            number = verdict.mention["id"]
            log += escalations.open_one(tx, f"mention:{number}", verdict.decision.escalate, "", now, number)
    events.append(tx, now, log)


_KEEP: Final = (
    "UPDATE mentions SET state = ?, addressed = ?, priority = ?, process = ?, due_at = ?, policy = ?,"
    " alarm_at = ?, analysis = ?, lease_until = NULL WHERE id = ?"
)


def _row(verdict: Verdict) -> tuple[object, ...]:
    decision, promise, row = verdict.decision, verdict.promise, verdict.mention
    state: str = decision.state
    if decision.automatic and verdict.drafts:
        state = "answering"
    elif row["tier"] and state == "waiting":
        state = "escalated"  # its alarm rang before it could be tagged
    # Triage may tighten a promise, never loosen it.
    due_at, alarm_at, policy = row["due_at"], row["alarm_at"], row["policy"]
    if promise is not None and (due_at is None or promise.due_at < due_at):
        due_at, alarm_at, policy = promise.due_at, promise.alarm_at, promise.policy
    return (
        state, int(decision.addressed), decision.priority, decision.process, due_at, policy, alarm_at,
        verdict.analysis, row["id"],
    )  # fmt: skip


def _triaged(verdict: Verdict) -> Event:
    decision = verdict.decision
    data = {
        "state": decision.state, "addressed": decision.addressed, "priority": decision.priority,
        "process": decision.process, "rules": decision.rules,
    }  # fmt: skip
    if verdict.promise is not None:
        data |= {"due_at": verdict.promise.due_at, "policy": verdict.promise.policy}
    return Event("triaged", verdict.mention["id"], data=data)


def _candidates(verdict: Verdict, now: int) -> replies.Candidates:
    row, decision, auto = verdict.mention, verdict.decision, None
    if decision.automatic and verdict.drafts:
        auto = replies.Approval(events.RULE + decision.template, now, row["conversation_said"])
    return replies.Candidates(row["id"], row["conversation_id"], verdict.responder, verdict.drafts, auto)


def alarming(tx: Tx, now: int, limit: int = 200) -> list[Row]:
    """Open addresses whose next alarm is due, those of the earliest alarm first."""
    return tx.rows(
        "SELECT * FROM mentions WHERE alarm_at IS NOT NULL AND alarm_at <= ? ORDER BY alarm_at LIMIT ?",
        (now, limit),
    )


def raise_alarm(tx: Tx, row: Row, tier: int, reason: str, next_at: int | None, now: int) -> list[Event]:
    """A promise is near or past: the address goes before people, with tier `tier` of the ladder."""
    climbed = tx.run(
        "UPDATE mentions SET tier = ?, alarm_at = ?,"
        " state = CASE state WHEN 'waiting' THEN 'escalated' ELSE state END"
        " WHERE id = ? AND alarm_at = ? AND state IN ('new', 'waiting', 'escalated', 'answering')",
        (tier, next_at, row["id"], row["alarm_at"]),
    )
    if not climbed:
        return []
    conversations.changed(tx, row["conversation_id"])
    return escalations.open_one(tx, f"mention:{row['id']}", reason, "", now, row["id"], tier)
