"""Hearing: mentions, their promises and the first events, all in the listener's one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from bot.models import Author, Kind, Mention
from bot.store import answers, conversations, escalations, events, replies
from bot.store.engine import Row, Tx, instant, marks, ms
from bot.store.events import Event
from bot.store.states import OPEN

# What no database keeps as text: NUL, and halves of surrogate pairs (which UTF-8 refuses).
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_PART: Final = 500


class Promise(NamedTuple):
    """When an address must be answered by, under which policy, and when the first alarm rings (ms)."""

    due_at: int
    policy: str
    alarm_at: int | None


PromiseFor = Callable[[Mention, datetime], Promise]


class Untriaged(NamedTuple):
    """A new mention, with what its row said when it was taken up for triage. `said`: how much had been said
    in its conversation by then; `posted_at` in ms."""

    id: int
    listener: str
    conversation_id: int
    said: int
    posted_at: int
    edited_at: int | None
    tier: int
    promise: Promise | None
    mention: Mention


@dataclass(slots=True)
class Heard:
    """What a batch brought. `fresh` are the new ones, for whoever wants to triage them at once."""

    fresh: list[Untriaged] = field(default_factory=list)
    new: int = 0
    edited: int = 0
    deleted: int = 0
    own: int = 0


def hear(tx: Tx, listener: str, mentions: Iterable[Mention], promise_for: PromiseFor, now: datetime) -> Heard:
    """Store what is new, note what changed, and let the brand's own answers close what they answer.

    Nothing is dropped: a mention that is known already (network, remote_id) keeps its newest text.
    """
    # The last word on an id wins; older messages first, so that a reply finds its parent's thread.
    batch = {(m.network, m.remote_id): m for m in map(storable, mentions)}
    ordered = sorted(batch.values(), key=lambda m: m.posted_at)
    theirs = [m for m in ordered if not m.own]
    known = _known(tx, theirs)
    fresh = [m for m in theirs if (m.network, m.remote_id) not in known]
    heard = Heard(_insert(tx, listener, fresh, promise_for, now), new=len(fresh))
    log = [_heard(one) for one in heard.fresh] + _answered_before(tx, heard.fresh, ms(now))
    for mention in theirs:
        if (before := known.get((mention.network, mention.remote_id))) is not None:
            changes = _update(tx, before, mention, promise_for, now)
            heard.edited += bool(changes)
            log += changes
    events.append(tx, ms(now), log)
    for mention in (m for m in ordered if m.own):
        heard.own += 1
        answers.native(tx, mention, ms(now))
    return heard


def storable(mention: Mention) -> Mention:
    """The mention with whatever cannot be stored replaced by U+FFFD; nobody is lost over a bad character.
    A share is owed nothing, whatever else is said of it."""
    author = mention.author
    texts = (mention.network, mention.remote_id, mention.text, mention.url, mention.lang,
             mention.in_reply_to, mention.conversation, author.id, author.handle, author.name)  # fmt: skip
    if mention.kind is Kind.SHARE and mention.addressed:
        mention = replace(mention, addressed=False)
    if _is_storable("".join(texts)):
        return mention
    clean = [_UNSTORABLE.sub("\ufffd", text) for text in texts]
    return replace(
        mention,
        network=clean[0], remote_id=clean[1], text=clean[2], url=clean[3], lang=clean[4],
        in_reply_to=clean[5], conversation=clean[6],
        author=Author(clean[7], clean[8], clean[9], author.followers),
    )  # fmt: skip


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def delete(tx: Tx, listener: str, remote_ids: Sequence[str], now: datetime) -> int:
    """Their authors took these down: nothing is owed for them any more. How many that ended."""
    if not remote_ids:
        return 0
    rows = tx.rows(
        "UPDATE mentions SET state = 'deleted', ended_at = ?, alarm_at = NULL, lease_until = NULL"
        f" WHERE listener = ? AND remote_id IN ({marks(len(remote_ids))})"
        f" AND (state IN {OPEN} OR state = 'ignored') RETURNING id, conversation_id",
        (ms(now), listener, *remote_ids),
    )
    gone = [row["id"] for row in rows]
    log = [Event("deleted", mention_id) for mention_id in gone]
    log += answers.discard_waiting(tx, gone, "deleted by author")
    log += escalations.close_for(tx, gone, ms(now))
    events.append(tx, ms(now), log)
    for row in rows:
        conversations.said(tx, row["conversation_id"])
    return len(gone)


def mention(row: Row) -> Mention:
    """The mention as the listener gave it, from a row of ``mentions`` joined with its thread."""
    return Mention(
        network=row["network"],
        remote_id=row["remote_id"],
        text=row["text"],
        posted_at=instant(row["posted_at"]),
        author=Author(row["author_id"], row["author_handle"], row["author_name"], row["author_followers"]),
        kind=Kind(row["kind"]),
        addressed=bool(row["addressed"]),
        url=row["url"],
        lang=row["lang"],
        in_reply_to=row["in_reply_to"],
        conversation=row["thread"],
    )


def _known(tx: Tx, mentions: Sequence[Mention]) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for network, ids in _by_network((m.network, m.remote_id) for m in mentions):
        rows = tx.rows(
            "SELECT id, network, remote_id, text, url, state, addressed, conversation_id FROM mentions"
            f" WHERE network = ? AND remote_id IN ({marks(len(ids))})",
            (network, *ids),
        )
        found |= {(network, row["remote_id"]): row for row in rows}
    return found


def _insert(
    tx: Tx, listener: str, fresh: Sequence[Mention], promise_for: PromiseFor, now: datetime
) -> list[Untriaged]:
    if not fresh:
        return []
    heard_at, threads = ms(now), zip(fresh, _threads(tx, fresh), strict=True)
    joined = conversations.join(tx, [(m.network, thread, _person(m)) for m, thread in threads])
    first = tx.reserve("mentions", len(fresh))
    rows, found = [], []
    for number, (m, (conversation, said, last)) in enumerate(zip(fresh, joined, strict=True), start=first):
        promise = promise_for(m, now) if m.addressed else None
        due_at, policy, alarm_at = promise or _NOTHING_OWED
        posted_at = min(ms(m.posted_at), heard_at)
        author = m.author
        rows.append(
            (number, m.network, m.remote_id, listener, conversation, str(m.kind), m.url, author.id,
             author.handle, author.name, author.followers, m.text, m.lang, m.in_reply_to, said, posted_at,
             heard_at, int(m.addressed), due_at, policy, alarm_at)
        )  # fmt: skip
        found.append(Untriaged(number, listener, conversation, last, posted_at, None, 0, promise, m))
    tx.many(_INSERT, rows)
    return found


_NOTHING_OWED: Final = (None, None, None)
_INSERT: Final = (
    "INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,"
    " author_handle, author_name, author_followers, text, lang, in_reply_to, said, posted_at, heard_at,"
    " addressed, due_at, policy, alarm_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _person(mention: Mention) -> str:
    """Whose conversation it is. Of two who show neither id nor handle nobody can say that they are one: each
    has a conversation of their own, so that the answer to one is never counted for the other."""
    author = mention.author
    return author.id or author.handle or f"?{mention.remote_id}"


def _heard(one: Untriaged) -> Event:
    mention, promise = one.mention, one.promise
    facts: dict[str, object] = {
        "network": mention.network,
        "addressed": mention.addressed,
        "posted_at": one.posted_at,
        "text": events.digest(mention.text),
    }
    if promise is not None:
        facts["due_at"] = promise.due_at
        facts["policy"] = promise.policy
    return Event("heard", one.id, source=one.listener, data=facts)


def _threads(tx: Tx, mentions: Sequence[Mention]) -> list[str]:
    """For each: the network's own thread id; else the thread of what it replies to; else it begins one."""
    known = _threads_of_parents(tx, [m for m in mentions if m.in_reply_to and not m.conversation])
    found = []
    for m in mentions:
        thread = m.conversation
        if not thread:
            thread = known.get((m.network, m.in_reply_to), m.in_reply_to) if m.in_reply_to else m.remote_id
        known[m.network, m.remote_id] = thread
        found.append(thread)
    return found


def _threads_of_parents(tx: Tx, mentions: Sequence[Mention]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for network, ids in _by_network((m.network, m.in_reply_to) for m in mentions):
        rows = tx.rows(
            "SELECT m.remote_id, c.thread FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
            f" WHERE m.network = ? AND m.remote_id IN ({marks(len(ids))})"
            " UNION ALL SELECT remote_id, thread FROM answers"
            f" WHERE network = ? AND remote_id IN ({marks(len(ids))})",
            (network, *ids, network, *ids),
        )
        found |= {(network, row["remote_id"]): row["thread"] for row in rows}
    return found


def _answered_before(tx: Tx, fresh: Sequence[Untriaged], now: int) -> list[Event]:
    """Pages may come in reverse order: the brand's answer was heard before what it answers."""
    numbers = {(one.mention.network, one.mention.remote_id): one.id for one in fresh}
    log = list[Event]()
    for network, ids in _by_network(numbers):
        for row in answers.already_given(tx, network, ids):
            given = answers.Ended("native", row["remote_id"], row["url"])
            log += answers.end(tx, {numbers[network, row["in_reply_to"]]}, now, given)
    return log


def _by_network(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Ids to look for, network by network, in parts that fit into one query."""
    networks: dict[str, list[str]] = {}
    for network, remote_id in keys:
        networks.setdefault(network, []).append(remote_id)
    for network, ids in networks.items():
        for start in range(0, len(ids), _PART):
            yield network, ids[start : start + _PART]


def _update(tx: Tx, before: Row, mention: Mention, promise_for: PromiseFor, now: datetime) -> list[Event]:
    log = list[Event]()
    if mention.text != before["text"]:
        log += _edit(tx, before["id"], mention, now)
    if mention.addressed and not before["addressed"]:
        log.append(raise_to_address(tx, before["id"], promise_for(mention, now), "the network says so"))
    if before["state"] == "deleted":
        # The network shows it again: its author restored it, and the promise runs on.
        tx.run(
            "UPDATE mentions SET state = 'waiting', ended_at = NULL, alarm_at = due_at WHERE id = ?",
            (before["id"],),
        )
        log.append(Event("restored", before["id"]))
    if log:
        conversations.said(tx, before["conversation_id"])
    return log


def _edit(tx: Tx, mention_id: int, mention: Mention, now: datetime) -> list[Event]:
    """Its author changed it: what nobody looks at yet is read again, with new drafts. Drafts that a human
    wrote stay."""
    tx.run(
        "UPDATE mentions SET text = ?, url = ?, edited_at = ?, lease_until = NULL,"
        " state = CASE WHEN state IN ('ignored', 'waiting') THEN 'new' ELSE state END WHERE id = ?",
        (mention.text, mention.url, ms(now), mention_id),
    )
    edited = Event("edited", mention_id, data={"text": events.digest(mention.text)})
    return [edited, *replies.withdraw(tx, mention_id)]


def raise_to_address(tx: Tx, mention_id: int, promise: Promise, reason: str) -> Event:
    """A mention turns out to be an address: from now on it is owed an answer. What was ignored is read again,
    as an address."""
    tx.run(
        "UPDATE mentions SET addressed = 1, due_at = ?, policy = ?,"
        " alarm_at = CASE WHEN state IN ('answered', 'exempted', 'deleted') THEN NULL ELSE ? END,"
        " state = CASE state WHEN 'ignored' THEN 'new' ELSE state END WHERE id = ?",
        (promise.due_at, promise.policy, promise.alarm_at, mention_id),
    )
    data = {"due_at": promise.due_at, "policy": promise.policy, "reason": reason}
    return Event("addressed", mention_id, data=data)
