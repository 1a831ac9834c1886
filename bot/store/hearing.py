"""Hearing: mentions, their promises and the first events, all in the listener's one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from bot.instants import ms
from bot.models import Author, Kind, Mention
from bot.store import answers, conversations, deletions, events, exemptions, replies
from bot.store.engine import Row, Tx, marks, parts
from bot.store.events import Event
from bot.store.mentions import NOBODY_WAITS, Promise, Untriaged, Waits, keep_terms, raise_to_address, waiting

# What no database keeps as text: NUL, and halves of surrogate pairs (which UTF-8 refuses).
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class PromiseFor(Protocol):
    """Makes the promise for an address that was posted at an instant (ms). `fresh`: nothing is known of it
    yet, so that nobody took it for anything else."""

    def __call__(self, mention: Mention, posted_at: int, waits: Waits, *, fresh: bool) -> Promise: ...


@dataclass(slots=True)
class Heard:
    """What a batch brought. `fresh` are the new ones, for whoever wants to triage them at once."""

    fresh: list[Untriaged] = field(default_factory=list)
    new: int = 0
    edited: int = 0
    deleted: int = 0
    own: int = 0


class Ear(NamedTuple):
    """Who hears, what is promised to whom it hears, and whether it can be asked later what was deleted."""

    listener: str
    promise_for: PromiseFor
    rechecks: bool = False


def hear(tx: Tx, ear: Ear, mentions: Iterable[Mention], now: datetime) -> Heard:
    """Store what is new, note what changed, and let the brand's own answers close what they answer.

    Nobody is left out: a mention that is known already (network, remote_id) keeps its newest text.
    """
    # The last word on an id wins; older messages first, so that a reply finds its parent's thread, and what
    # came after an answer is not taken for what it answered.
    batch = {(m.network, m.remote_id): m for m in map(storable, mentions)}
    ordered, heard = sorted(batch.values(), key=lambda m: (m.posted_at, m.own)), Heard()
    for own, some in groupby(ordered, key=lambda m: m.own):
        if not own:
            _hear_people(tx, ear, list(some), now, heard)
            continue
        for mention in some:
            heard.own += 1
            answers.native(tx, mention, ms(now))
    return heard


def _hear_people(tx: Tx, ear: Ear, theirs: Sequence[Mention], now: datetime, heard: Heard) -> None:
    """What people wrote, none of it by the brand; `heard` is added to."""
    known = _known(tx, theirs)
    fresh = _insert(tx, ear, [m for m in theirs if (m.network, m.remote_id) not in known], now)
    heard.fresh += fresh
    heard.new += len(fresh)
    log = [_heard(one) for one in fresh] + _answered_before(tx, fresh, ms(now))
    for mention in theirs:
        if (before := known.get((mention.network, mention.remote_id))) is not None:
            changes = _update(tx, ear, before, mention, now)
            heard.edited += bool(changes)
            log += changes
    events.append(tx, ms(now), log)


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


def _known(tx: Tx, mentions: Sequence[Mention]) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for network, ids in _by_network((m.network, m.remote_id) for m in mentions):
        rows = tx.rows(
            "SELECT id, network, remote_id, text, state, addressed, posted_at, deleted_at, conversation_id"
            " FROM mentions"
            f" WHERE network = ? AND remote_id IN ({marks(len(ids))})",
            (network, *ids),
        )
        found |= {(network, row["remote_id"]): row for row in rows}
    return found


def _insert(tx: Tx, ear: Ear, fresh: Sequence[Mention], now: datetime) -> list[Untriaged]:
    if not fresh:
        return []
    listener, heard_at, threads = ear.listener, ms(now), zip(fresh, _threads(tx, fresh), strict=True)
    checked_at = heard_at if ear.rechecks else None
    joined = conversations.join(tx, [(m.network, thread, _person(m)) for m, thread in threads])
    first = tx.reserve("mentions", len(fresh))
    waits = waiting(tx, {one.id for one in joined} - {one.id for one in joined if one.said == 1})
    rows, found = [], []
    for number, (m, (conversation, said, last)) in enumerate(zip(fresh, joined, strict=True), start=first):
        posted_at, promise, author = min(ms(m.posted_at), heard_at), None, m.author
        if m.addressed:
            before = waits.get(conversation, NOBODY_WAITS)
            promise = ear.promise_for(m, posted_at, before, fresh=True)
            waits[conversation] = before.also(posted_at)
        due_at, policy, alarm_at = promise[:3] if promise else _NOTHING_OWED
        rows.append(
            (number, m.network, m.remote_id, listener, conversation, str(m.kind), m.url, author.id,
             author.handle, author.name, author.followers, m.text, m.lang, m.in_reply_to, said, posted_at,
             heard_at, int(m.addressed), due_at, policy, alarm_at, checked_at)
        )  # fmt: skip
        found.append(Untriaged(number, listener, conversation, last, posted_at, None, 0, promise, m))
    tx.many(_INSERT, rows)
    tx.learn_words(first, first + len(rows) - 1)
    keep_terms(tx, [(one.id, one.promise) for one in found if one.promise is not None])
    return found


_NOTHING_OWED: Final = (None, None, None)
_INSERT: Final = (
    "INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,"
    " author_handle, author_name, author_followers, text, lang, in_reply_to, said, posted_at, heard_at,"
    " addressed, due_at, policy, alarm_at, checked_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _person(mention: Mention) -> str:
    """Whose conversation it is. Of two who show neither id nor handle nobody can say that they are one: each
    has a conversation of their own, so that the answer to one is never counted for the other. A handle stands
    there as its hash, and can be dropped from the mentions alone."""
    author = mention.author
    if author.id or not author.handle:
        return author.id or f"?{mention.remote_id}"
    return f"@{events.digest(author.handle)[:32]}"


def _heard(one: Untriaged) -> Event:
    mention, promise = one.mention, one.promise
    facts: dict[str, object] = {
        "network": mention.network,
        "addressed": mention.addressed,
        "posted_at": one.posted_at,
        "text": events.digest(mention.text),
    }
    if promise is not None:
        facts |= promise.facts
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


def _by_network(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Ids to look for, network by network, in parts that fit into one query."""
    networks: dict[str, list[str]] = {}
    for network, remote_id in keys:
        networks.setdefault(network, []).append(remote_id)
    for network, ids in networks.items():
        for part in parts(ids):
            yield network, part


def _update(tx: Tx, ear: Ear, before: Row, mention: Mention, now: datetime) -> list[Event]:
    number, log = before["id"], list[Event]()
    if before["deleted_at"] is not None:
        log.append(deletions.restore(tx, before, mention, ms(now) if ear.rechecks else None))
    elif mention.text != before["text"]:
        log += _edit(tx, number, mention, now)
    speaks_anew = bool(log)
    if mention.addressed and not before["addressed"]:
        conversation = before["conversation_id"]
        waits = waiting(tx, {conversation}).get(conversation, NOBODY_WAITS)
        promise = ear.promise_for(mention, before["posted_at"], waits, fresh=False)
        log.append(raise_to_address(tx, number, promise, "the network says so"))
    if log:
        conversations.said(tx, before["conversation_id"])
    if speaks_anew:  # a reply that is on its way is none to these words
        conversations.moves_up(tx, number)
    return log


def _edit(tx: Tx, mention_id: int, mention: Mention, now: datetime) -> list[Event]:
    """Its author changed it: what nobody looks at yet is read again, with new drafts. Drafts that a human
    wrote stay."""
    log = exemptions.edited(tx, mention_id, ms(now))
    tx.run(
        "UPDATE mentions SET text = ?, url = ?, edited_at = ?, lease_until = NULL,"
        " state = CASE WHEN state IN ('ignored', 'waiting') THEN 'new' ELSE state END WHERE id = ?",
        (mention.text, mention.url, ms(now), mention_id),
    )
    edited = Event("edited", mention_id, data={"text": events.digest(mention.text)})
    return [*log, edited, *replies.withdraw(tx, mention_id)]
