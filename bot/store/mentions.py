"""Hearing: mentions, their promises and the first events, all in the listener's one transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from bot.models import Author, Kind, Mention
from bot.store import answers, conversations, deletions, events, exemptions, replies
from bot.store.engine import Row, Tx, instant, marks, ms
from bot.store.events import Event
from bot.store.states import OPEN

# What no database keeps as text: NUL, and halves of surrogate pairs (which UTF-8 refuses).
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_PART: Final = 500


class Promise(NamedTuple):
    """When an address must be answered by, under which policy, and when the first alarm rings (ms).

    `terms` is what it was made on (`bot.proof.Terms`); `usual`, if that is what anybody may tell without
    it. `outcome_due_at`: when it must be said what came of it, if that is promised.
    """

    due_at: int
    policy: str
    alarm_at: int | None
    terms: Mapping[str, Any] = {}
    usual: bool = False
    outcome_due_at: int | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the event that makes the promise says."""
        facts: dict[str, object] = {"due_at": self.due_at, "policy": self.policy}
        if not self.usual:
            facts |= self.terms
        if self.outcome_due_at is not None:
            facts["outcome_due_at"] = self.outcome_due_at
        return facts

    @property
    def kept_terms(self) -> str | None:
        """The terms as the mention's row keeps them."""
        return None if self.usual else events.dump(self.terms)


class Waits(NamedTuple):
    """Of the person of a conversation: when the oldest of their addresses was posted that still waits (ms;
    `None`: none does), and whether they ever had an answer there."""

    oldest: int | None = None
    answered: bool = False

    def also(self, posted_at: int) -> Waits:
        """They wait for an answer to this one as well."""
        return Waits(posted_at if self.oldest is None else min(self.oldest, posted_at), self.answered)


NOBODY_WAITS: Final = Waits()


class PromiseFor(Protocol):
    """Makes the promise for an address that was posted at an instant (ms). `fresh`: nothing is known of it
    yet, so that nobody took it for anything else."""

    def __call__(self, mention: Mention, posted_at: int, waits: Waits, *, fresh: bool) -> Promise: ...


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


def keep_terms(tx: Tx, promises: Sequence[tuple[int, Promise]]) -> None:
    """What these promises were made on, and the outcomes they promise, on the rows of their mentions."""
    tx.many(
        "UPDATE mentions SET terms = ? WHERE id = ?",
        [(promise.kept_terms, number) for number, promise in promises if not promise.usual],
    )
    tx.many(
        "UPDATE mentions SET outcome_due_at = ?, outcome_alarm_at = ? WHERE id = ?",
        [
            (promise.outcome_due_at, promise.outcome_due_at, number)
            for number, promise in promises
            if promise.outcome_due_at is not None
        ],
    )


def waiting(tx: Tx, conversation_ids: Collection[int]) -> dict[int, Waits]:
    """Who waits, by conversation."""
    ids, found = sorted(conversation_ids), dict[int, Waits]()
    for start in range(0, len(ids), _PART):
        part = ids[start : start + _PART]
        rows = tx.rows(
            "SELECT conversation_id,"
            f" MIN(CASE WHEN addressed = 1 AND state IN {OPEN} THEN posted_at END) AS oldest,"
            " MAX(CASE WHEN state = 'answered' THEN 1 ELSE 0 END) AS answered FROM mentions"
            f" WHERE conversation_id IN ({marks(len(part))}) GROUP BY conversation_id",
            part,
        )
        found |= {row["conversation_id"]: Waits(row["oldest"], bool(row["answered"])) for row in rows}
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


def _by_network(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Ids to look for, network by network, in parts that fit into one query."""
    networks: dict[str, list[str]] = {}
    for network, remote_id in keys:
        networks.setdefault(network, []).append(remote_id)
    for network, ids in networks.items():
        for start in range(0, len(ids), _PART):
            yield network, ids[start : start + _PART]


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


def raise_to_address(tx: Tx, mention_id: int, promise: Promise, reason: str) -> Event:
    """A mention turns out to be an address: from now on it is owed an answer. What was ignored is read again,
    as an address."""
    tx.run(
        "UPDATE mentions SET addressed = 1, due_at = ?, policy = ?,"
        " alarm_at = CASE WHEN state IN ('answered', 'exempted', 'deleted') THEN NULL ELSE ? END,"
        " state = CASE state WHEN 'ignored' THEN 'new' ELSE state END WHERE id = ?",
        (promise.due_at, promise.policy, promise.alarm_at, mention_id),
    )
    keep_terms(tx, [(mention_id, promise)])
    return Event("addressed", mention_id, data=promise.facts | {"reason": reason})


def tighten(tx: Tx, mention: Row, promise: Promise) -> None:
    """An address is owed an answer sooner than was promised; it rings by the new ladder."""
    alarms = [at for at in (promise.alarm_at, mention["alarm_at"]) if at is not None]
    tx.run(
        "UPDATE mentions SET due_at = ?, policy = ?, alarm_at = ?, terms = ? WHERE id = ?",
        (promise.due_at, promise.policy, min(alarms, default=None), promise.kept_terms, mention["id"]),
    )
