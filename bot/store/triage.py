"""Triage: claim what is new, keep what was thought of it; and the alarms of promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def keep(tx: Tx, verdicts: Sequence[Verdict], now: int) -> int:
    """Store verdicts on mentions that are still new; an answer given meanwhile went before. How many."""
    log, kept = list[Event](), 0
    for verdict in verdicts:
        if _decide(tx, verdict):
            kept += 1
            log += _follow(tx, verdict, now)
    events.append(tx, now, log)
    return kept


def _decide(tx: Tx, verdict: Verdict) -> bool:
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
    return bool(
        tx.run(
            "UPDATE mentions SET state = ?, addressed = ?, priority = ?, process = ?, due_at = ?, policy = ?,"
            " alarm_at = ?, analysis = ?, lease_until = NULL WHERE id = ? AND state = 'new'",
            (state, int(decision.addressed), decision.priority, decision.process, due_at, policy, alarm_at,
             verdict.analysis, row["id"]),
        )
    )  # fmt: skip


def _follow(tx: Tx, verdict: Verdict, now: int) -> list[Event]:
    decision, row = verdict.decision, verdict.mention
    data = {
        "state": decision.state, "addressed": decision.addressed, "priority": decision.priority,
        "process": decision.process, "rules": decision.rules,
    }  # fmt: skip
    if verdict.promise is not None:
        data |= {"due_at": verdict.promise.due_at, "policy": verdict.promise.policy}
    log = [Event("triaged", row["id"], data=data)]
    auto = None
    if decision.automatic and verdict.drafts:
        auto = replies.Approval(events.RULE + decision.template, now, row["conversation_said"])
    log += replies.add(tx, row, verdict.responder, verdict.drafts, now, auto)
    if decision.escalate:
        key = f"mention:{row['id']}"
        log += escalations.open_one(tx, key, decision.escalate, "", now, row["id"])
    return log


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
