"""Replies on their way: drafts, claims by lease, and how each attempt was settled.

Every change is one conditional UPDATE; whoever touches no row came second and does nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bot.store import conversations, escalations, events
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event

# Later than any clock: this row waits for a human.
NEVER: Final = 2**62


class Draft(NamedTuple):
    """A candidate text. `cut`: it was shortened to fit, and a human must look at its end. `holding`: it
    answers nothing yet."""

    text: str
    template: str = ""
    cut: bool = False
    holding: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved, when (ms), and what had been said by then."""

    by: str
    at: int
    said: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """The drafts for one mention, and through which responder they would go. With `auto`, the first one is
    ready to go out by itself. `author` wrote them: Vigie, or a named human."""

    mention_id: int
    conversation_id: int
    responder: str
    drafts: Sequence[Draft]
    auto: Approval | None = None
    author: str = events.SYSTEM


def add(tx: Tx, all_candidates: Sequence[Candidates], now: int) -> list[Event]:
    """Store candidates for mentions, with one event for each mention."""
    number = tx.reserve("replies", sum(len(c.drafts) for c in all_candidates))
    rows, log = list[tuple[object, ...]](), list[Event]()
    for c in all_candidates:
        if not c.drafts:
            continue
        first, drafted = number, []
        for draft in c.drafts:
            place, digest = number - first, events.digest(draft.text)
            by, at, said = (c.auto.by, c.auto.at, c.auto.said) if c.auto and not place else (None, None, None)
            rows.append(
                (number, c.mention_id, c.conversation_id, c.responder, "ready" if by else "draft", draft.text,
                 draft.template, place, int(draft.cut), int(draft.holding), now, by, at,
                 digest if by else None, said)
            )  # fmt: skip
            drafted.append({"reply": number, "template": draft.template, "text": digest})
            number += 1
        log.append(Event("drafted", c.mention_id, actor=c.author, data={"drafts": drafted}))
        if c.auto:
            log.append(_approved(c.mention_id, first, c.auto, c.drafts[0].text))
    tx.many(_INSERT, rows)
    return log


_INSERT: Final = (
    "INSERT INTO replies (id, mention_id, conversation_id, responder, state, text, template, candidate, cut,"
    " holding,"
    " created_at, approved_by, approved_at, approved_hash, approved_said)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _approved(mention_id: int, reply_id: int, approval: Approval, text: str) -> Event:
    data = {"text": events.digest(text), "said": approval.said}
    return Event("approved", mention_id, reply_id, actor=approval.by, data=data)


def approve(tx: Tx, reply: Row, approval: Approval) -> list[Event]:
    """Bind the exact text of `reply` to what had been said; the other candidates are put aside."""
    done = tx.run(
        "UPDATE replies SET state = 'ready', approved_by = :by, approved_at = :at, approved_hash = :hash,"
        " approved_said = :said, attempts = 0, not_before = 0, reason = ''"
        " WHERE id = :id AND state IN ('draft', 'refused') AND text = :text",
        {"by": approval.by, "at": approval.at, "hash": events.digest(reply["text"]),
         "said": approval.said, "id": reply["id"], "text": reply["text"]},
    )  # fmt: skip
    if not done:
        return []
    return [_approved(reply["mention_id"], reply["id"], approval, reply["text"])]


def edit(tx: Tx, reply: Row, text: str, actor: str) -> list[Event]:
    """Change the text of a draft, or of one that was refused; the log keeps what it was, as a hash."""
    done = tx.run(
        "UPDATE replies SET text = ?, template = '', cut = 0, holding = 0, state = 'draft', reason = '',"
        " attempts = 0,"
        " approved_by = NULL, approved_at = NULL, approved_hash = NULL, approved_said = NULL"
        " WHERE id = ? AND state IN ('draft', 'refused')",
        (text, reply["id"]),
    )
    data = {"before": events.digest(reply["text"]), "text": events.digest(text)}
    return [Event("draft_edited", reply["mention_id"], reply["id"], actor=actor, data=data)] if done else []


def withdraw(tx: Tx, mention_id: int) -> list[Event]:
    """Take back the drafts of a mention that is read anew, but for those in a human's own words."""
    gone = tx.rows(
        "UPDATE replies SET state = 'discarded', reason = 'the author edited the mention'"
        " WHERE mention_id = ? AND state = 'draft' AND template <> ''"
        " AND EXISTS (SELECT 1 FROM mentions m WHERE m.id = mention_id AND m.state = 'new') RETURNING id",
        (mention_id,),
    )
    return [Event("discarded", mention_id, row["id"], data={"reason": "edited"}) for row in gone]


def reject(tx: Tx, reply: Row, actor: str) -> list[Event]:
    """A human puts a draft, or a refused reply, aside."""
    done = tx.run(
        "UPDATE replies SET state = 'discarded', reason = 'rejected'"
        " WHERE id = ? AND state IN ('draft', 'refused')",
        (reply["id"],),
    )
    if not done:
        return []
    data = {"reason": "rejected"}
    return [Event("discarded", reply["mention_id"], reply["id"], actor=actor, data=data)]


def claim(tx: Tx, responder: str, now: int, lease_until: int) -> Row | None:
    """Take the next reply that may go out through `responder`; the attempt is counted before the call."""
    return tx.row(
        "UPDATE replies SET state = 'sending', attempts = attempts + 1, lease_until = :lease"
        " WHERE id = (SELECT id FROM replies WHERE responder = :responder AND state = 'ready'"
        f" AND not_before <= :now ORDER BY not_before, id LIMIT 1 {tx.skip_locked}) RETURNING *",
        {"responder": responder, "now": now, "lease": lease_until},
    )


def claim_one(tx: Tx, reply_id: int, now: int, lease_until: int) -> Row | None:
    """Take this reply, if it may go out now and nobody else has it."""
    return tx.row(
        "UPDATE replies SET state = 'sending', attempts = attempts + 1, lease_until = :lease"
        " WHERE id = :id AND state = 'ready' AND not_before <= :now RETURNING *",
        {"id": reply_id, "now": now, "lease": lease_until},
    )


def put_back(tx: Tx, reply: Row, reason: str) -> list[Event]:
    """The conversation moved after the approval (promise 6): it is a draft again, before a human."""
    done = tx.run(
        "UPDATE replies SET state = 'draft', attempts = 0, lease_until = NULL, approved_by = NULL,"
        " approved_at = NULL, approved_hash = NULL, approved_said = NULL, reason = :reason"
        " WHERE id = :id AND state = 'sending'",
        {"id": reply["id"], "reason": reason},
    )
    if not done:
        return []
    forget(tx, [reply["mention_id"]])
    return [
        Event("stale", reply["mention_id"], reply["id"], data={"reason": reason}),
        *_waits_again(tx, reply),
    ]


def postpone(tx: Tx, reply: Row, until: int, reason: str, counts: bool = True) -> list[Event]:
    """It surely did not go out; it is ready again at `until` (ms)."""
    done = _settle(
        tx, reply, "state = 'ready', not_before = :until, attempts = attempts - :given, reason = :reason",
        until=until, given=int(not counts), reason=reason,
    )  # fmt: skip
    data = {"reason": reason, "until": until}
    return [Event("postponed", reply["mention_id"], reply["id"], data=data)] if done else []


def hold_back(tx: Tx, responder: str, until: int) -> None:
    """Nothing goes out through this responder before `until` (ms)."""
    tx.run(
        "UPDATE replies SET not_before = ? WHERE responder = ? AND state = 'ready' AND not_before < ?",
        (until, responder, until),
    )


def refuse(tx: Tx, reply: Row, reason: str, now: int) -> list[Event]:
    """It will not go out as it is: back to a human, who is told why, if somebody still waits for it."""
    if not _settle(tx, reply, "state = 'refused', reason = :reason", reason=reason):
        return []
    forget(tx, [reply["mention_id"]])
    log = [Event("refused", reply["mention_id"], reply["id"], data={"reason": reason})]
    if waits := _waits_again(tx, reply, "escalated"):
        key = f"mention:{reply['mention_id']}"
        log += waits + escalations.open_one(tx, key, reason, "reply refused", now, reply["mention_id"])
    return log


def doubt(tx: Tx, reply: Row, reason: str, now: int, look_at: int) -> list[Event]:
    """It may stand on the network: look there from `look_at` (ms) on, and send nothing before."""
    change = "state = 'unsure', not_before = :at, unsure_since = :now, reason = :reason"
    if not _settle(tx, reply, change, at=look_at, now=now, reason=reason):
        return []
    return [Event("unsure", reply["mention_id"], reply["id"], data={"reason": reason})]


def expired(tx: Tx, now: int, longest: int) -> list[Row]:
    """Attempts whose worker died: the lease is over, or so far ahead (more than `longest` ms) that the
    clock was set back since."""
    return tx.rows(
        "SELECT * FROM replies WHERE state = 'sending' AND (lease_until <= ? OR lease_until > ?)",
        (now, now + longest),
    )


def unsure(tx: Tx, now: int) -> list[Row]:
    """What must be looked for on its network now."""
    return tx.rows(
        "SELECT * FROM replies WHERE state = 'unsure' AND not_before <= ? ORDER BY responder, not_before, id",
        (now,),
    )


def look_later(tx: Tx, reply: Row, at: int, reason: str) -> None:
    """The network could not be asked: look again at `at` (ms)."""
    tx.run(
        "UPDATE replies SET not_before = ?, reason = ? WHERE id = ? AND state = 'unsure'",
        (at, reason, reply["id"]),
    )


def never_arrived(tx: Tx, reply: Row, now: int, actor: str = events.SYSTEM) -> list[Event]:
    """It surely stands nowhere: ready again, if anybody still waits for it. A doubt that was renewed since
    `reply` was read stays: whoever looked before cannot know."""
    waits = tx.row("SELECT 1 FROM mentions WHERE id = ? AND state = 'answering'", (reply["mention_id"],))
    state = "ready" if waits else "discarded"
    done = tx.run(
        "UPDATE replies SET state = ?, not_before = ?, lease_until = NULL WHERE id = ? AND state = 'unsure'"
        " AND not_before = ?",
        (state, now, reply["id"], reply["not_before"]),
    )
    forget(tx, [reply["mention_id"]])
    if not done:
        return []
    kind = "not_found" if waits else "discarded"
    found = Event(kind, reply["mention_id"], reply["id"], actor=actor)
    return [found, *escalations.close(tx, key(reply["id"]), now)]


def ask_human(tx: Tx, reply: Row, reason: str, now: int) -> list[Event]:
    """Nobody but a human can tell whether it was published: ring, and look no more by ourselves."""
    done = tx.run(
        "UPDATE replies SET not_before = ?, reason = ? WHERE id = ? AND state = 'unsure'",
        (NEVER, reason, reply["id"]),
    )
    return _doubted(tx, reply, reason, now) if done else []


def key(reply_id: int) -> str:
    """The escalation of a reply that may be posted."""
    return f"reply:{reply_id}"


def _doubted(tx: Tx, reply: Row, reason: str, now: int) -> list[Event]:
    return escalations.open_one(tx, key(reply["id"]), reason, "may be posted", now, reply["mention_id"])


def ring_for_doubts(tx: Tx, before: int, now: int) -> list[Event]:
    """Nobody knows since `before` (ms) whether these were posted: that rings, if it does not already."""
    rows = tx.rows(
        "SELECT * FROM replies WHERE state = 'unsure' AND unsure_since <= ? AND NOT EXISTS ("
        "SELECT 1 FROM escalations e WHERE e.key = 'reply:' || replies.id AND e.closed_at IS NULL)",
        (before,),
    )
    reason = "nobody knows whether it is posted"
    return [event for row in rows for event in _doubted(tx, row, f"{reason}: {row['reason']}", now)]


def discard_doubt(tx: Tx, reply: Row, actor: str) -> list[Event]:
    """A human gives up on a reply that may or may not stand; the mention waits again."""
    done = tx.run("UPDATE replies SET state = 'discarded' WHERE id = ? AND state = 'unsure'", (reply["id"],))
    if not done:
        return []
    forget(tx, [reply["mention_id"]])
    return [Event("discarded", reply["mention_id"], reply["id"], actor=actor), *_waits_again(tx, reply)]


def forget(tx: Tx, mention_ids: Sequence[int]) -> None:
    """Drop the texts of replies that never went out to those of these mentions whose authors deleted them:
    they may hold a name. What went out are the brand's own words."""
    tx.run(
        f"UPDATE replies SET text = '' WHERE mention_id IN ({marks(len(mention_ids))})"
        " AND state IN ('draft', 'ready', 'refused', 'discarded') AND text <> ''"
        " AND EXISTS (SELECT 1 FROM mentions m WHERE m.id = mention_id AND m.deleted_at IS NOT NULL)",
        mention_ids,
    )


def hold_doubts(tx: Tx, reply_ids: Collection[int], until: int) -> None:
    """A send of these goes on: nobody, in whatever process, looks for them before `until` (ms)."""
    tx.run(
        f"UPDATE replies SET not_before = ? WHERE id IN ({marks(len(reply_ids))}) AND state = 'unsure'"
        " AND not_before < ?",
        (until, *sorted(reply_ids), until),
    )


def answered_alone(tx: Tx, conversation_ids: Collection[int]) -> set[int]:
    """In which of these conversations a reply went out by itself, or may have."""
    rows = tx.rows(
        "SELECT DISTINCT m.conversation_id FROM mentions m JOIN replies r ON r.mention_id = m.id"
        f" WHERE m.conversation_id IN ({marks(len(conversation_ids))})"
        f" AND substr(r.approved_by, 1, {len(events.RULE)}) = '{events.RULE}'"
        " AND (r.state IN ('ready', 'sending', 'sent', 'unsure')"
        " OR (r.state = 'discarded' AND r.attempts > 0))",
        sorted(conversation_ids),
    )
    return {row["conversation_id"] for row in rows}


def _settle(tx: Tx, reply: Row, change: str, **values: object) -> bool:
    """Settle one attempt, unless its lease ended meanwhile and another took it over (fencing)."""
    return bool(
        tx.run(
            f"UPDATE replies SET {change}, lease_until = NULL"
            " WHERE id = :id AND state = 'sending' AND attempts = :attempt",
            {**values, "id": reply["id"], "attempt": reply["attempts"]},
        )
    )


def _waits_again(tx: Tx, reply: Row, state: str = "waiting") -> list[Event]:
    done = tx.run(
        "UPDATE mentions SET state = ? WHERE id = ? AND state = 'answering'", (state, reply["mention_id"])
    )
    conversations.changed(tx, reply["conversation_id"])
    return [Event("waits_again", reply["mention_id"], reply["id"])] if done else []
