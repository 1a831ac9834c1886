"""What the brand said, and what it ends: replies of ours and answers given natively on the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.instants import ms
from bot.models import Mention
from bot.store import conversations, escalations, events, replies
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event
from bot.store.states import OPEN


@dataclass(frozen=True, slots=True)
class Ended:
    """Which mentions an answer ended, and through what: goes into the log with each of them."""

    how: str
    remote_id: str
    url: str


def native(tx: Tx, mention: Mention, now: int) -> None:
    """A message by the brand itself was heard. It is one of ours coming back, one of ours that we were
    not sure of, or an answer that somebody gave on the network without Vigie."""
    known = tx.row(
        "SELECT id FROM answers WHERE network = ? AND remote_id = ?", (mention.network, mention.remote_id)
    )
    if known is not None:
        return
    if (pending := _pending_reply(tx, mention)) is not None:
        from_reply(tx, pending, mention.remote_id, mention.url, now, actor="listener")
        return
    parent = _parent(tx, mention)
    thread = parent["thread"] if parent else mention.in_reply_to or mention.remote_id
    _keep(tx, mention.network, mention.remote_id, mention.in_reply_to, thread, None, mention.text,
          mention.url, ms(mention.posted_at))  # fmt: skip
    if parent is not None:
        before = _open_ones(tx, parent["conversation_id"], "posted_at", ms(mention.posted_at))
        ended = Ended("native", mention.remote_id, mention.url)
        events.append(tx, now, end(tx, {parent["id"], *before}, now, ended))
        conversations.said(tx, parent["conversation_id"])


def by_hand(tx: Tx, mention: Row, url: str, actor: str, now: int) -> list[Event]:
    """A named human answered where nothing of ours could: `url` is the proof."""
    thread = tx.row("SELECT thread FROM conversations WHERE id = ?", (mention["conversation_id"],))
    assert thread is not None, "a mention belongs to a conversation"
    _keep(tx, mention["network"], url, mention["remote_id"], thread["thread"], None, "", url, now)
    conversations.said(tx, mention["conversation_id"])
    log = [Event("confirmed", mention["id"], actor=actor, data={"url": url})]
    return [*log, *end(tx, {mention["id"]}, now, Ended("by_hand", url, url))]


def already_given(tx: Tx, network: str, remote_ids: Sequence[str]) -> list[Row]:
    """The brand's answers to messages that are heard only now."""
    return tx.rows(
        "SELECT in_reply_to, remote_id, url FROM answers"
        f" WHERE network = ? AND in_reply_to IN ({marks(len(remote_ids))})",
        (network, *remote_ids),
    )


def from_reply(
    tx: Tx, reply: Row, remote_id: str, url: str, now: int, actor: str = events.SYSTEM, token: int = 0
) -> None:
    """The network confirmed a reply of ours: keep the proof and end what the approver saw open.

    A reply that a human approved answers all that this person had said in the conversation by then; one
    that went out by itself answers only the mention it was made for. Neither answers what was edited while
    it was on its way: that is read anew. A holding reply answers nothing.

    The news may come late, when it was taken for lost: then it must not go out again. If it is a draft by
    now, or put aside, what stands there is an answer all the same, as if it were given natively.
    """
    mention = tx.row(
        "SELECT m.*, c.thread FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.id = ?",
        (reply["mention_id"],),
    )
    assert mention is not None, "a reply belongs to a mention"
    state = _settle_as_sent(tx, reply, remote_id, url)
    if state == "sent":
        return
    _keep(tx, mention["network"], remote_id, mention["remote_id"], mention["thread"], reply["id"],
          reply["text"], url, now)  # fmt: skip
    log = list[Event]()
    log += escalations.close(tx, replies.key(reply["id"]), now)
    if state == "":
        proof = {"remote_id": remote_id, "url": url, "text": events.digest(reply["text"])}
        log.append(Event("sent", mention["id"], reply["id"], actor=actor, data=proof))
    if reply["holding"]:
        log += _wait_on(tx, mention["id"])
    else:
        ended = Ended("native" if state else "reply", remote_id, url)
        log += end(tx, _answered_by(tx, reply, mention), now, ended)
        log += _read_anew(tx, mention["id"])
    events.append(tx, now, events.through(token, log))
    conversations.said(tx, mention["conversation_id"])


def _settle_as_sent(tx: Tx, reply: Row, remote_id: str, url: str) -> str:
    """ "" where it is settled by this; else the state in which it was found."""
    # What waits to go out once more is the same approved text, and the graph leads through the attempt.
    tx.run(
        "UPDATE replies SET state = 'sending' WHERE id = ? AND state = 'ready' AND approved_hash = ?",
        (reply["id"], reply["approved_hash"]),
    )
    settled = tx.run(
        "UPDATE replies SET state = 'sent', remote_id = :remote_id, url = :url, lease_until = NULL,"
        " reason = '' WHERE id = :id AND state IN ('sending', 'unsure')",
        {"id": reply["id"], "remote_id": remote_id, "url": url},
    )
    found = tx.row("SELECT state FROM replies WHERE id = ?", (reply["id"],))
    return "" if settled or found is None else str(found["state"])


def _answered_by(tx: Tx, reply: Row, mention: Row) -> set[int]:
    said = reply["approved_said"]
    own = {mention["id"]} if mention["said"] <= said else set()
    if reply["approved_by"].startswith(events.RULE):
        return own
    return {*own, *_open_ones(tx, mention["conversation_id"], "said", said)}


def _wait_on(tx: Tx, mention_id: int) -> list[Event]:
    """Somebody was told that their matter is looked into: now it must be."""
    waits = tx.run(
        "UPDATE mentions SET state = 'waiting' WHERE id = ? AND state = 'answering'", (mention_id,)
    )
    return [Event("waits_again", mention_id)] if waits else []


def _read_anew(tx: Tx, mention_id: int) -> list[Event]:
    """It is still open, though its reply went out: its author edited it meanwhile."""
    if not tx.run(
        "UPDATE mentions SET state = 'waiting' WHERE id = ? AND state = 'answering'", (mention_id,)
    ):
        return []
    tx.run("UPDATE mentions SET state = 'new', lease_until = NULL WHERE id = ?", (mention_id,))
    return [Event("waits_again", mention_id), *replies.withdraw(tx, mention_id)]


def end(tx: Tx, mention_ids: set[int], now: int, ended: Ended) -> list[Event]:
    """Mark the open ones among these as answered; what waited for them is no longer needed. Returns what
    the log must say of it."""
    ids = sorted(mention_ids)
    answered = tx.rows(
        "UPDATE mentions SET state = 'answered', ended_at = ?, alarm_at = NULL, lease_until = NULL"
        f" WHERE id IN ({marks(len(ids))}) AND state IN {OPEN}"
        " RETURNING id",
        (now, *ids),
    )
    data = {"how": ended.how, "remote_id": ended.remote_id, "url": ended.url}
    log = [Event("answered", row["id"], data=data) for row in answered]
    done = [row["id"] for row in answered]
    log += discard_waiting(tx, done, "answered")
    log += escalations.close_for(tx, done, now, outcomes=False)
    return log


def discard_waiting(tx: Tx, mention_ids: list[int], reason: str) -> list[Event]:
    """Nothing more is to be sent for these mentions; what may already be on its way is left alone."""
    if not mention_ids:
        return []
    gone = tx.rows(
        f"UPDATE replies SET state = 'discarded', reason = ? WHERE mention_id IN ({marks(len(mention_ids))})"
        " AND state IN ('draft', 'ready', 'refused') RETURNING id, mention_id",
        (reason, *mention_ids),
    )
    return [Event("discarded", r["mention_id"], r["id"], data={"reason": reason}) for r in gone]


def _open_ones(tx: Tx, conversation: int, condition: str, bound: int) -> list[int]:
    rows = tx.rows(
        f"SELECT id FROM mentions WHERE conversation_id = ? AND {condition} <= ? AND state IN {OPEN}",
        (conversation, bound),
    )
    return [row["id"] for row in rows]


def _pending_reply(tx: Tx, mention: Mention) -> Row | None:
    found = tx.rows(
        "SELECT r.* FROM replies r JOIN mentions m ON m.id = r.mention_id"
        " WHERE m.network = ? AND m.remote_id = ? AND r.state IN ('sending', 'unsure')",
        (mention.network, mention.in_reply_to),
    )
    return next((row for row in found if row["text"].split() == mention.text.split()), None)


def _parent(tx: Tx, mention: Mention) -> Row | None:
    if not mention.in_reply_to:
        return None
    return tx.row(
        "SELECT m.id, m.conversation_id, c.thread FROM mentions m"
        " JOIN conversations c ON c.id = m.conversation_id WHERE m.network = ? AND m.remote_id = ?",
        (mention.network, mention.in_reply_to),
    )


def _keep(tx: Tx, *values: Any) -> None:
    tx.run(
        "INSERT INTO answers (network, remote_id, in_reply_to, thread, reply_id, text, url, posted_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (network, remote_id) DO NOTHING",
        values,
    )
