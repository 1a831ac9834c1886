"""Triage: claim what is new, keep what was thought of it; and the alarms of promises."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from pydantic_core import from_json

from bot.models import Decision
from bot.store import conversations, escalations, events, exemptions, mentions, replies
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event
from bot.store.mentions import Promise, Untriaged
from bot.store.states import OPEN


class Verdict(NamedTuple):
    """What was thought of one mention, ready to be stored. `analysis` is JSON; `promise` the promise under
    the decided priority and process, `None` where nothing is owed beyond what was promised already;
    `outcome_due_at`, when it must be said what came of it, where that is news (ms), under which `policy`.
    `sign`: whether it may be part of a crisis, as ``mentions.sign`` keeps it."""

    about: Untriaged
    analysis: str
    decision: Decision
    promise: Promise | None
    responder: str
    drafts: Sequence[replies.Draft]
    owed: bool = False  # the person is unhappy or asks something: no proposal or rule may leave it at that
    sign: int = 0
    outcome_due_at: int | None = None
    policy: str = ""


def claim_new(tx: Tx, now: int, lease_until: int, limit: int) -> list[Untriaged]:
    """Take the oldest new mentions for one batch of analysis. A lease that is over,
    or further ahead than two leases (the clock was set back), binds nobody."""
    longest = 2 * (lease_until - now)
    ids = tx.rows(
        "UPDATE mentions SET lease_until = :lease WHERE id IN (SELECT id FROM mentions"
        " WHERE state = 'new' AND (lease_until IS NULL OR lease_until <= :now"
        f" OR lease_until > :now + :longest) ORDER BY id LIMIT :limit {tx.skip_locked}) RETURNING id",
        {"lease": lease_until, "now": now, "longest": longest, "limit": limit},
    )
    if not ids:
        return []
    rows = tx.rows(
        "SELECT m.*, c.thread, c.said AS conversation_said FROM mentions m"
        f" JOIN conversations c ON c.id = m.conversation_id WHERE m.id IN ({marks(len(ids))}) ORDER BY m.id",
        [row["id"] for row in ids],
    )
    return [_untriaged(row) for row in rows]


def _untriaged(row: Row) -> Untriaged:
    owed = None
    if row["due_at"] is not None:
        terms = from_json(row["terms"]) if row["terms"] else {}
        owed = Promise(
            row["due_at"], row["policy"], row["alarm_at"], terms, row["terms"] is None, row["outcome_due_at"]
        )
    return Untriaged(
        row["id"], row["listener"], row["conversation_id"], row["conversation_said"], row["posted_at"],
        row["edited_at"], row["tier"], owed, mentions.mention(row),
    )  # fmt: skip


def keep(tx: Tx, verdicts: Sequence[Verdict], now: int) -> list[Verdict]:
    """Store verdicts on mentions that are as they were when they were taken up; which these are.

    An answer given meanwhile, or another's verdict, goes before. One that was edited, called an address, or
    whose alarm rang meanwhile, is free to be taken up again.
    """
    ids = [verdict.about.id for verdict in verdicts]
    rows = tx.rows(
        f"SELECT id, addressed, edited_at, tier FROM mentions WHERE id IN ({marks(len(ids))})"
        " AND state = 'new'",
        ids,
    )
    now_new = {row["id"]: (row["addressed"], row["edited_at"], row["tier"]) for row in rows}
    kept = [v for v in verdicts if now_new.get(v.about.id) == _as_taken(v.about)]
    _free(tx, now_new.keys() - {verdict.about.id for verdict in kept})
    kept = _one_by_itself(tx, kept)
    tx.many(_KEEP, [_row(verdict) for verdict in kept if verdict.promise is None])
    tx.many(
        _KEEP_PROMISE,
        [(*v.promise[:3], v.promise.kept_terms, *_row(v)) for v in kept if v.promise is not None],
    )
    tx.many(
        "UPDATE mentions SET outcome_due_at = ?, outcome_alarm_at = ? WHERE id = ?",
        [(v.outcome_due_at, v.outcome_due_at, v.about.id) for v in kept if v.outcome_due_at is not None],
    )
    tx.many(
        "UPDATE mentions SET sign = ? WHERE id = ?",
        [(v.sign or None, v.about.id) for v in kept if v.sign or v.about.edited_at],
    )
    log = [_triaged(verdict) for verdict in kept]
    log += replies.add(tx, [_candidates(verdict, now) for verdict in kept], now)
    for verdict in kept:
        if verdict.decision.escalate:
            number = verdict.about.id
            log += escalations.open_one(tx, f"mention:{number}", verdict.decision.escalate, "", now, number)
        if (exempt := verdict.decision.exempt) is not None:
            log += exemptions.close(tx, verdict.about.id, exempt.reason, events.RULE + exempt.rule, now)
    for about in [verdict.about for verdict in kept if verdict.owed]:
        log += exemptions.written_again(tx, about.conversation_id, about.posted_at, now)
    events.append(tx, now, log)
    return kept


def _one_by_itself(tx: Tx, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """In a conversation one reply may go out by itself; the next one goes before a human. X allows one per
    interaction (https://docs.x.com/developer-guidelines), and two machines would never end."""
    alone = {v.about.conversation_id for v in verdicts if v.decision.automatic and v.drafts}
    taken = replies.answered_alone(tx, alone) if alone else set()
    return [_by_itself_or_not(verdict, taken) for verdict in verdicts]


def _by_itself_or_not(verdict: Verdict, taken: set[int]) -> Verdict:
    """`taken`: the conversations in which one goes out by itself already; this one's is added."""
    if not (verdict.decision.automatic and verdict.drafts):
        return verdict
    if (conversation := verdict.about.conversation_id) in taken:
        return verdict._replace(decision=replace(verdict.decision, automatic=False))
    taken.add(conversation)
    return verdict


def _as_taken(about: Untriaged) -> tuple[int, int | None, int]:
    return about.mention.addressed, about.edited_at, about.tier


def _free(tx: Tx, ids: Collection[int]) -> None:
    if ids:
        tx.run(f"UPDATE mentions SET lease_until = NULL WHERE id IN ({marks(len(ids))})", sorted(ids))


# What an index covers is set only where it changes: setting it costs a removal and an insertion there.
_KEEP: Final = (
    "UPDATE mentions SET state = ?, addressed = ?, priority = ?, process = ?, analysis = ?,"
    " lease_until = NULL WHERE id = ?"
)
_KEEP_PROMISE: Final = _KEEP.replace("SET ", "SET due_at = ?, policy = ?, alarm_at = ?, terms = ?, ")


def _row(verdict: Verdict) -> tuple[object, ...]:
    decision, about = verdict.decision, verdict.about
    state = str(decision.state)  # an enum would be asked by the driver, at length, how it wants to be kept
    if decision.automatic and verdict.drafts:
        state = "answering"
    elif about.tier and state == "waiting":
        state = "escalated"  # its alarm rang before it could be tagged
    priority, process = str(decision.priority), str(decision.process)
    return state, int(decision.addressed), priority, process, verdict.analysis, about.id


def _triaged(verdict: Verdict) -> Event:
    decision = verdict.decision
    data: dict[str, object] = {
        "state": str(decision.state), "addressed": decision.addressed, "priority": str(decision.priority),
        "process": str(decision.process), "rules": decision.rules,
    }  # fmt: skip
    if verdict.promise is not None:
        data |= verdict.promise.facts
    if verdict.outcome_due_at is not None:
        data |= {"outcome_due_at": verdict.outcome_due_at, "policy": verdict.policy}
    return Event("triaged", verdict.about.id, data=data)


def _candidates(verdict: Verdict, now: int) -> replies.Candidates:
    about, decision, auto = verdict.about, verdict.decision, None
    if decision.automatic and verdict.drafts:
        auto = replies.Approval(events.RULE + decision.template, now, about.said)
    return replies.Candidates(about.id, about.conversation_id, verdict.responder, verdict.drafts, auto)


def outcomes_due(tx: Tx, now: int, limit: int = 200) -> list[Row]:
    """Mentions of which it should be known by now what came of them, and is not."""
    return tx.rows(
        "SELECT * FROM mentions WHERE outcome_alarm_at IS NOT NULL AND outcome_alarm_at <= ?"
        " ORDER BY outcome_alarm_at LIMIT ?",
        (now, limit),
    )


def ring_for_outcome(tx: Tx, row: Row, now: int) -> list[Event]:
    """From now on the bell of this outcome rings by itself. Nothing comes of what was exempted or deleted."""
    tx.run("UPDATE mentions SET outcome_alarm_at = NULL WHERE id = ?", (row["id"],))
    if row["state"] in ("exempted", "deleted"):
        return []
    key = escalations.key_of_outcome(row["id"])
    return escalations.open_one(tx, key, "nobody said what came of it", row["process"], now, row["id"])


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
        f" WHERE id = ? AND alarm_at = ? AND state IN {OPEN}",
        (tier, next_at, row["id"], row["alarm_at"]),
    )
    if not climbed:
        return []
    conversations.changed(tx, row["conversation_id"])
    return escalations.open_one(tx, f"mention:{row['id']}", reason, "", now, row["id"], tier)
