"""The rows of mentions: what is promised to whom, and where each one stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bot.instants import instant
from bot.models import Author, Kind, Mention, Process, State
from bot.store import events
from bot.store.engine import Row, Tx, marks, parts
from bot.store.events import Event
from bot.store.states import OPEN


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


def waiting(tx: Tx, conversation_ids: Collection[int]) -> dict[int, Waits]:
    """Who waits, by conversation."""
    found = dict[int, Waits]()
    for part in parts(sorted(conversation_ids)):
        rows = tx.rows(
            "SELECT conversation_id,"
            f" MIN(CASE WHEN addressed = 1 AND state IN {OPEN} THEN posted_at END) AS oldest,"
            " MAX(CASE WHEN state = 'answered' THEN 1 ELSE 0 END) AS answered FROM mentions"
            f" WHERE conversation_id IN ({marks(len(part))}) GROUP BY conversation_id",
            part,
        )
        found |= {row["conversation_id"]: Waits(row["oldest"], bool(row["answered"])) for row in rows}
    return found


# --- What is owed ---------------------------------------------------------------------------------


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


def owe_outcome(tx: Tx, mention_id: int, due_at: int) -> None:
    """By then (ms) it must be said what came of it."""
    tx.run(
        "UPDATE mentions SET outcome_due_at = ?, outcome_alarm_at = ? WHERE id = ?",
        (due_at, due_at, mention_id),
    )


# --- What the desk decides -------------------------------------------------------------------------


def becomes(tx: Tx, mention_id: int, state: State) -> None:
    tx.run("UPDATE mentions SET state = ? WHERE id = ?", (state, mention_id))


def assign(tx: Tx, mention_id: int, to: str) -> None:
    tx.run("UPDATE mentions SET assignee = ? WHERE id = ?", (to, mention_id))


def hand_over(tx: Tx, mention_id: int, process: Process) -> None:
    tx.run("UPDATE mentions SET process = ? WHERE id = ?", (process, mention_id))


def came_of(tx: Tx, mention_id: int, what: str) -> None:
    """This came of it: nobody has to be asked for it any more."""
    tx.run("UPDATE mentions SET outcome = ?, outcome_alarm_at = NULL WHERE id = ?", (what, mention_id))
