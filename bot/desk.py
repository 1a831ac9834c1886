"""The desk: every verb that a human has. Web, Slack and command line all call these.

Each verb takes the version of the conversation that the human saw. If anything changed since, nothing is
done and `Conflict` says who was first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bot import desk_checks as checks
from bot.actions import ACTIONS, actions_for
from bot.desk_replies import Replies
from bot.errors import NotPossible
from bot.exemptions import proposed
from bot.models import Outcome, Process, State
from bot.policy import policy_version
from bot.ringing import acknowledged, outcome, terms_of, tightened
from bot.store import (
    Row,
    Tx,
    conversations,
    corrections,
    escalations,
    exemptions,
    ms,
    notes,
    persons,
    policies,
    samples,
    views,
)
from bot.store import mentions as mention_rows
from bot.store.events import Event

__all__ = ["ACTIONS", "Desk", "actions_for"]

_WAITS: Final = frozenset({State.WAITING, State.ESCALATED})
_NOT_OVER: Final = _WAITS | {State.ANSWERING}
_HAS_OUTCOME: Final = _NOT_OVER | {State.ANSWERED}


class Desk(Replies):
    """The verbs, over one store. `actor` is the name of the human who acts; a user of the inbox may do what
    their role allows (`NotAllowed`)."""

    __slots__ = ()

    def assign(self, mention_id: int, to: str, seen: int, actor: str) -> None:
        """Give a mention to somebody ("" takes it back). It stops no clock.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """
        if to:
            checks.must_be_a_name(to)

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            checks.must_be(tx, mention, _NOT_OVER)
            mention_rows.assign(tx, mention_id, to)
            return [Event("assigned", mention_id, actor=actor, data={"to": to})]

        self._act(mention_id, "assign", seen, actor, change)

    def exempt(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Close an address without an answer: by a named person, for a reason from the short list; "" takes
        the one that is proposed.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the reason is not in the list, none is proposed, or a reply is on its way.
        """
        known = self.settings.root.exemptions

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            checks.must_be(tx, mention, _WAITS)
            why = reason or proposed(json.loads(mention["analysis"] or "{}"))
            if not why:
                raise NotPossible(
                    "nothing is proposed; give a reason, known are: %(known)s", known=", ".join(known)
                )
            if why not in known:
                raise NotPossible(
                    "%(reason)r is no reason for an exemption; known are: %(known)s",
                    reason=why, known=", ".join(known),
                )  # fmt: skip
            return exemptions.close(tx, mention_id, why, actor, now)

        self._act(mention_id, "exempt", seen, actor, change)

    def reopen(self, mention_id: int, seen: int, actor: str) -> None:
        """Take back an exemption: the address waits again, under the promise it had.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not exempted, or its author has deleted it since.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            checks.must_be(tx, mention, frozenset({State.EXEMPTED}))
            if not (log := exemptions.reopen(tx, [mention_id], now, actor)):
                raise NotPossible(
                    "mention %(id)s was deleted by its author: nobody waits any more", id=mention_id
                )
            return log

        self._act(mention_id, "reopen", seen, actor, change)

    def judge(self, mention_id: int, seen: int, actor: str, *, right: bool) -> None:
        """Say of one in the daily sample whether a rule was right to close it without an answer. If not, the
        address waits again, under the promise it had.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not in the sample, or somebody looked at it already.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            if not (log := samples.judge(tx, mention_id, right=right, actor=actor, now=now)):
                raise NotPossible(
                    "mention %(id)s is not in the sample; `vigie sample` lists what is", id=mention_id
                )
            return log

        self._act(mention_id, "judge", seen, actor, change)

    def escalate(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Put a mention before people now; it rings, anew if it was acknowledged before, until somebody
        acknowledges it.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over, or there is no reason.
        """
        checks.must_be_a_reason(reason)

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            checks.must_be(tx, mention, _WAITS)
            if mention["state"] == State.WAITING:
                mention_rows.becomes(tx, mention_id, State.ESCALATED)
            log = escalations.open_one(tx, f"mention:{mention_id}", reason, f"by {actor}", now, mention_id)
            return [*log, Event("escalated_by_hand", mention_id, actor=actor)]

        self._act(mention_id, "escalate", seen, actor, change)

    def hand_over(self, mention_id: int, process: Process, seen: int, actor: str) -> None:
        """Pass the person on to a process. The promise may be tightened by it, never loosened; and where the
        process owes an outcome, that is promised from now on.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            checks.must_be(tx, mention, _NOT_OVER)
            mention_rows.hand_over(tx, mention_id, process)
            data: dict[str, object] = {"priority": mention["priority"], "process": process}
            policy = self.settings.root.promises
            policies.know(tx, policy, now)
            if (found := tightened(policy, mention, mention["priority"], process)) is not None:
                mention_rows.tighten(tx, mention, found)
                data |= found.facts
            if mention["addressed"]:
                data |= self._outcome_of(tx, mention, process)
            return [Event("handed_over", mention_id, actor=actor, data=data)]

        self._act(mention_id, "handover", seen, actor, change)

    def correct(self, mention_id: int, labels: Mapping[str, Any], seen: int, actor: str) -> None:
        """Say what a mention really is. From now on that is shown, and training learns from it.

        Args:
            labels: any of ``sentiment``, ``intents`` (a list, the leading one first), ``urgency`` and
                ``needs_answer``. It is owed an answer whatever they say (promise 2).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: no label, or one that does not exist.
        """
        corrections.check(labels)

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            corrections.add(tx, mention, labels, actor, now)
            return [Event("corrected", mention_id, actor=actor, data=labels)]

        self._act(mention_id, "correct", seen, actor, change)

    def acknowledge(self, mention_id: int, actor: str) -> None:
        """Stop the ringing for a mention, not its clock. Twice does no harm, so no version is asked.

        Raises:
            NotPossible: nothing rings for it.
        """
        with self._allowed(actor, "acknowledge") as (tx, now):
            mention = views.mention_row(tx, mention_id)
            rows = escalations.ringing_for(tx, mention_id)
            if not rows:
                raise NotPossible("nothing rings for mention %(id)s", id=mention_id)
            conversations.changed(tx, mention["conversation_id"])
            self._log(tx, now, [self._acknowledge(tx, row, mention, actor) for row in rows])

    def acknowledge_key(self, key: str, actor: str) -> None:
        """Stop the ringing of what is no mention, such as ``source:blog``.

        Raises:
            NotPossible: nothing of that name rings.
        """
        with self._allowed(actor, "acknowledge") as (tx, now):
            rows = escalations.ringing(tx, key)
            if not rows:
                raise NotPossible("nothing called %(key)r rings", key=key)
            number = rows[0]["mention_id"]
            mention = None if number is None else views.mention_row(tx, number)
            self._log(tx, now, [self._acknowledge(tx, row, mention, actor) for row in rows])

    def _acknowledge(self, tx: Tx, row: Row, mention: Row | None, actor: str) -> Event:
        now = self.clock()
        again = acknowledged(tx, self.settings.root.promises, row, mention, now)
        return escalations.acknowledge(tx, row, actor, ms(now), again)

    def outcome(self, mention_id: int, what: str, actor: str) -> None:
        """Say what came of it, as its process confirms: an `Outcome`. The last word counts, so no version is
        asked; what rings for it is over.

        Raises:
            NotPossible: it is none of these, or nothing can come of this mention.
        """
        if what not in tuple(Outcome):
            raise NotPossible(
                "%(what)r is no outcome; there are: %(known)s", what=what, known=", ".join(Outcome)
            )
        with self._allowed(actor, "outcome") as (tx, now):
            mention = views.mention_row(tx, mention_id)
            checks.must_be(tx, mention, _HAS_OUTCOME)
            mention_rows.came_of(tx, mention_id, what)
            conversations.changed(tx, mention["conversation_id"])
            said = Event("outcome", mention_id, actor=actor, data={"what": what})
            closed = escalations.close(tx, escalations.key_of_outcome(mention_id), now)
            self._log(tx, now, [said, *closed])

    def note(self, mention_id: int, text: str, actor: str, note_id: int | None = None) -> None:
        """Leave a note beside the conversation, or change one of one's own (`note_id`). It is never sent.

        Raises:
            NotPossible: it is empty or too long, its author deleted the mention, or the note is somebody
                else's.
        """
        checks.must_be_a_note(text)
        with self._allowed(actor, "note") as (tx, now):
            mention = views.mention_row(tx, mention_id)
            if mention["deleted_at"] is not None:
                raise NotPossible(
                    "mention %(id)s was deleted by its author: nobody waits any more", id=mention_id
                )
            if note_id is None:
                log = notes.add(tx, mention_id, text, actor, now)
            elif not (log := notes.edit(tx, note_id, mention_id, text, actor, now)):
                raise NotPossible("that note is somebody else's: only they may change it")
            conversations.changed(tx, mention["conversation_id"])
            self._log(tx, now, log)

    def link(self, mention_id: int, other_id: int, actor: str) -> None:
        """The authors of these two mentions are one person: each one's history is shown with the other's.

        Raises:
            NotPossible: it is one account, or they are linked already.
        """
        with self._allowed(actor, "link") as (tx, now):
            one, other = views.mention_row(tx, mention_id), views.mention_row(tx, other_id)
            if not (log := persons.link(tx, one, other, actor, now)):
                raise NotPossible("these are known to be one person's already")
            self._log(tx, now, log)

    def unlink(self, mention_id: int, other_id: int, actor: str) -> None:
        """The author of the other mention is somebody else.

        Raises:
            NotPossible: they are not linked.
        """
        with self._allowed(actor, "unlink") as (tx, now):
            one, other = views.mention_row(tx, mention_id), views.mention_row(tx, other_id)
            if not (log := persons.unlink(tx, one, other, actor)):
                raise NotPossible("these are not linked")
            self._log(tx, now, log)

    def _outcome_of(self, tx: Tx, mention: Row, process: Process) -> dict[str, object]:
        """What the event says of the outcome that a process owes from now on: nothing if it owes none, or
        owes one by then already."""
        policy = self.settings.root.promises
        terms = terms_of(mention)._replace(priority=mention["priority"], process=process)
        due, before = outcome(policy, terms), mention["outcome_due_at"]
        known = mention["outcome"] is not None or (before is not None and due is not None and before <= due)
        if due is None or known:
            return {}
        mention_rows.owe_outcome(tx, mention["id"], due)
        return {"outcome_due_at": due, "policy": policy_version(policy)}
