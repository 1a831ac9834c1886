"""The desk: every verb that a human has. Web, Slack and command line all call these.

Each verb takes the version of the conversation that the human saw. If anything changed since, nothing is
done and `Conflict` says who was first.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.config import Settings
from bot.errors import Conflict, NotPossible
from bot.exemptions import proposed
from bot.models import Process, ReplyState, State
from bot.promises import policy_version
from bot.ringing import acknowledged, outcome, terms_of, tightened
from bot.stop import ASKED
from bot.store import (
    Clock,
    Row,
    Store,
    Tx,
    answers,
    conversations,
    corrections,
    escalations,
    events,
    exemptions,
    ms,
    news,
    policies,
    samples,
    views,
)
from bot.store import mentions as mention_rows
from bot.store import replies as reply_rows
from bot.store.events import Event
from bot.store.replies import Approval, Candidates, Draft

_WHO: Final = "the name of who decides it"
_NOT_ON_A_LINE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_ON_ITS_WAY: Final = frozenset({ReplyState.READY, ReplyState.SENDING, ReplyState.UNSURE})
_WAITS: Final = frozenset({State.WAITING, State.ESCALATED})
_NOT_OVER: Final = _WAITS | {State.ANSWERING}
_WAITING: Final = (
    "approve", "edit", "reject", "confirm", "assign", "exempt", "escalate", "handover", "outcome",
)  # fmt: skip
# Which verbs fit where a mention stands.
ACTIONS: Final = {
    State.NEW: (),
    State.IGNORED: (),
    State.WAITING: _WAITING,
    State.ESCALATED: (*_WAITING, "acknowledge"),
    State.ANSWERING: ("assign", "handover", "acknowledge", "resolve", "outcome"),
    State.ANSWERED: ("outcome",),
    State.EXEMPTED: ("reopen",),
    State.DELETED: (),
}

OUTCOMES: Final = ("accepted", "resolved", "converted", "shipped", "declined")
"""What can come of an address, as the process confirms it."""
_HAS_OUTCOME: Final = _NOT_OVER | {State.ANSWERED}

Change = Callable[[Tx, Row, int], list[Event]]


@dataclass(frozen=True, slots=True)
class Desk:
    """The verbs, over one store. `actor` is the name of the human who acts."""

    store: Store
    settings: Settings
    clock: Clock

    def approve(self, reply_id: int, seen: int, actor: str) -> None:
        """Let this draft go out, exactly as it stands, for the conversation as it was seen (promise 6).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is no draft, nothing waits for it, nobody could carry it out, an earlier
                reply may already stand there, or the person asked us to stop.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            reply = views.reply_row(tx, reply_id)
            self._must_be(tx, mention, _WAITS)
            if reply["state"] not in (ReplyState.DRAFT, ReplyState.REFUSED):
                raise NotPossible(f"reply {reply_id} is {reply['state']}, not a draft")
            self._must_be_carried(tx, reply, mention)
            if mention["stopped_at"] is not None:
                raise NotPossible(f"{ASKED}: nothing may go out to them on {mention['network']} any more")
            log = reply_rows.approve(tx, reply, Approval(actor, now, mention["conversation_said"]))
            _state(tx, mention, State.ANSWERING)
            return log

        self._act(self._mention_of(reply_id), seen, actor, change)

    def edit(self, mention_id: int, reply_id: int | None, text: str, seen: int, actor: str) -> None:
        """Change the text of a draft, or of one that was refused; or write a new one (`reply_id` None).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the text is empty or too long for the network, or the reply is no draft of it.
        """
        if not text.strip():
            raise NotPossible("the text is empty")
        if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
            raise NotPossible("the text holds characters that no network takes (NUL, or halves of pairs)")

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, _WAITS)
            if reply_id is None:
                responder = self.settings.routes.get(mention["listener"], "")
                self._must_fit(responder, text)
                written = Candidates(
                    mention_id, mention["conversation_id"], responder, [Draft(text)], author=actor
                )
                return reply_rows.add(tx, [written], now)
            reply = views.reply_row(tx, reply_id)
            if reply["mention_id"] != mention_id:
                raise NotPossible(f"reply {reply_id} belongs to mention {reply['mention_id']}")
            self._must_fit(reply["responder"], text)
            log = reply_rows.edit(tx, reply, text, actor)
            if not log:
                raise NotPossible(f"reply {reply_id} is {reply['state']}, not a draft")
            return log

        self._act(mention_id, seen, actor, change)

    def reject(self, reply_id: int, seen: int, actor: str) -> None:
        """Put a draft aside. The mention goes on waiting; its clock runs on.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is no draft.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            reply = views.reply_row(tx, reply_id)
            log = reply_rows.reject(tx, reply, actor)
            if not log:
                raise NotPossible(f"reply {reply_id} is {reply['state']}, not a draft")
            return log

        self._act(self._mention_of(reply_id), seen, actor, change)

    def assign(self, mention_id: int, to: str, seen: int, actor: str) -> None:
        """Give a mention to somebody ("" takes it back). It stops no clock.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """
        if to:
            _must_be_a_line(to, "a name")

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            self._must_be(tx, mention, _NOT_OVER)
            tx.run("UPDATE mentions SET assignee = ? WHERE id = ?", (to, mention_id))
            return [Event("assigned", mention_id, actor=actor, data={"to": to})]

        self._act(mention_id, seen, actor, change)

    def exempt(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Close an address without an answer: by a named person, for a reason from the short list; "" takes
        the one that is proposed.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the reason is not in the list, none is proposed, or a reply is on its way.
        """
        known = self.settings.root.exemptions

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, _WAITS)
            why = reason or proposed(json.loads(mention["analysis"] or "{}"))
            if not why:
                raise NotPossible(f"nothing is proposed; give a reason, known are: {', '.join(known)}")
            if why not in known:
                raise NotPossible(f"{why!r} is no reason for an exemption; known are: {', '.join(known)}")
            return exemptions.close(tx, mention_id, why, actor, now)

        self._act(mention_id, seen, actor, change)

    def reopen(self, mention_id: int, seen: int, actor: str) -> None:
        """Take back an exemption: the address waits again, under the promise it had.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not exempted, or its author has deleted it since.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, frozenset({State.EXEMPTED}))
            if not (log := exemptions.reopen(tx, [mention_id], now, actor)):
                raise NotPossible(f"mention {mention_id} was deleted by its author: nobody waits any more")
            return log

        self._act(mention_id, seen, actor, change)

    def judge(self, mention_id: int, seen: int, actor: str, *, right: bool) -> None:
        """Say of one in the daily sample whether a rule was right to close it without an answer. If not, the
        address waits again, under the promise it had.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not in the sample, or somebody looked at it already.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            if not (log := samples.judge(tx, mention_id, right=right, actor=actor, now=now)):
                raise NotPossible(f"mention {mention_id} is not in the sample; `vigie sample` lists what is")
            return log

        self._act(mention_id, seen, actor, change)

    def escalate(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Put a mention before people now; it rings, anew if it was acknowledged before, until somebody
        acknowledges it.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over, or there is no reason.
        """
        _must_be_a_line(reason, "a reason")

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, _WAITS)
            if mention["state"] == State.WAITING:
                _state(tx, mention, State.ESCALATED)
            log = escalations.open_one(tx, f"mention:{mention_id}", reason, f"by {actor}", now, mention_id)
            return [*log, Event("escalated_by_hand", mention_id, actor=actor)]

        self._act(mention_id, seen, actor, change)

    def hand_over(self, mention_id: int, process: Process, seen: int, actor: str) -> None:
        """Pass the person on to a process. The promise may be tightened by it, never loosened; and where the
        process owes an outcome, that is promised from now on.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, _NOT_OVER)
            tx.run("UPDATE mentions SET process = ? WHERE id = ?", (process, mention_id))
            data: dict[str, object] = {"priority": mention["priority"], "process": process}
            policy = self.settings.root.promises
            policies.know(tx, policy, now)
            if (found := tightened(policy, mention, mention["priority"], process)) is not None:
                mention_rows.tighten(tx, mention, found)
                data |= found.facts
            if mention["addressed"]:
                data |= self._outcome_of(tx, mention, process)
            return [Event("handed_over", mention_id, actor=actor, data=data)]

        self._act(mention_id, seen, actor, change)

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

        self._act(mention_id, seen, actor, change)

    def acknowledge(self, mention_id: int, actor: str) -> None:
        """Stop the ringing for a mention, not its clock. Twice does no harm, so no version is asked.

        Raises:
            NotPossible: nothing rings for it.
        """
        _must_be_a_line(actor, _WHO)
        with self.store.tx() as tx:
            now = ms(self.clock())
            mention = views.mention_row(tx, mention_id)
            rows = escalations.ringing_for(tx, mention_id)
            if not rows:
                raise NotPossible(f"nothing rings for mention {mention_id}")
            conversations.changed(tx, mention["conversation_id"])
            events.append(tx, now, [self._acknowledge(tx, row, mention, actor) for row in rows])

    def acknowledge_key(self, key: str, actor: str) -> None:
        """Stop the ringing of what is no mention, such as ``source:blog``.

        Raises:
            NotPossible: nothing of that name rings.
        """
        _must_be_a_line(actor, _WHO)
        with self.store.tx() as tx:
            now = ms(self.clock())
            rows = escalations.ringing(tx, key)
            if not rows:
                raise NotPossible(f"nothing called {key!r} rings")
            number = rows[0]["mention_id"]
            mention = None if number is None else views.mention_row(tx, number)
            events.append(tx, now, [self._acknowledge(tx, row, mention, actor) for row in rows])

    def _acknowledge(self, tx: Tx, row: Row, mention: Row | None, actor: str) -> Event:
        now = self.clock()
        again = acknowledged(tx, self.settings.root.promises, row, mention, now)
        return escalations.acknowledge(tx, row, actor, ms(now), again)

    def outcome(self, mention_id: int, what: str, actor: str) -> None:
        """Say what came of it, as its process confirms: one of `OUTCOMES`. The last word counts, so no
        version is asked; what rings for it is over.

        Raises:
            NotPossible: it is none of these, or nothing can come of this mention.
        """
        _must_be_a_line(actor, _WHO)
        if what not in OUTCOMES:
            raise NotPossible(f"{what!r} is no outcome; there are: {', '.join(OUTCOMES)}")
        with self.store.tx() as tx:
            now = ms(self.clock())
            mention = views.mention_row(tx, mention_id)
            self._must_be(tx, mention, _HAS_OUTCOME)
            tx.run(
                "UPDATE mentions SET outcome = ?, outcome_alarm_at = NULL WHERE id = ?", (what, mention_id)
            )
            conversations.changed(tx, mention["conversation_id"])
            said = Event("outcome", mention_id, actor=actor, data={"what": what})
            closed = escalations.close(tx, escalations.key_of_outcome(mention_id), now)
            events.append(tx, now, [said, *closed])

    def resolve(self, reply_id: int, verdict: str, seen: int, actor: str, url: str = "") -> None:
        """Say what became of a reply that may already be posted: "sent" (with its public link), "again"
        (it surely is not there: send it) or "discard".

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not in doubt, or the link is missing.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            reply = views.reply_row(tx, reply_id)
            if reply["state"] != ReplyState.UNSURE:
                raise NotPossible(f"reply {reply_id} is {reply['state']}: nobody doubts it")
            log = escalations.close(tx, f"reply:{reply_id}", now)
            if verdict == "sent":
                _must_be_a_link(url)
                answers.from_reply(tx, reply, url, url, now, actor=actor)
                return log
            if verdict == "again":
                return [*log, *reply_rows.never_arrived(tx, reply, now, actor)]
            if verdict == "discard":
                return [*log, *reply_rows.discard_doubt(tx, reply, actor)]
            raise NotPossible("say sent, again or discard")

        self._act(self._mention_of(reply_id), seen, actor, change)

    def confirm(self, mention_id: int, url: str, seen: int, actor: str) -> None:
        """Say that you answered by hand, with the public link, where no responder carries answers: under a
        review from an export, say.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: a responder answers there, nothing waits for it, or the link is missing.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(tx, mention, _WAITS)
            if responder := self.settings.routes.get(mention["listener"], ""):
                raise NotPossible(f"answers there go out through {responder}: approve or write a draft")
            _must_be_a_link(url)
            return answers.by_hand(tx, mention, url, actor, now)

        self._act(mention_id, seen, actor, change)

    # --- What all verbs share ---

    def _act(self, mention_id: int, seen: int, actor: str, change: Change) -> None:
        _must_be_a_line(actor, _WHO)
        with self.store.tx() as tx:
            now = ms(self.clock())
            mention = views.mention_row(tx, mention_id)
            if not conversations.act(tx, mention["conversation_id"], seen):
                first = news.last(tx, mention["conversation_id"])
                raise Conflict(f"{first}; look again before you act")
            events.append(tx, now, change(tx, mention, now))

    def _mention_of(self, reply_id: int) -> int:
        with self.store.read() as tx:
            return int(views.reply_row(tx, reply_id)["mention_id"])

    def _must_be(self, tx: Tx, mention: Row, states: frozenset[State]) -> None:
        if mention["state"] not in states:
            last = news.last(tx, mention["conversation_id"])
            raise NotPossible(f"mention {mention['id']} is {mention['state']}: {last}")

    def _must_be_carried(self, tx: Tx, reply: Row, mention: Row) -> None:
        """Somebody can carry this reply out, and no other one for the mention may stand there (promise 5)."""
        if not reply["responder"]:
            raise NotPossible(
                f"nobody carries replies to {mention['network']}: answer there by hand, then "
                f"`vigie exempt {mention['id']} answered_elsewhere`"
            )
        if reply["responder"] not in self.settings.responders:
            raise NotPossible(f"responder {reply['responder']} is no longer in the config")
        for other in views.replies_of(tx, mention["id"]):
            if other["state"] in _ON_ITS_WAY:
                raise NotPossible(f"reply {other['id']} is {other['state']}: it must be settled first")

    def _must_fit(self, responder: str, text: str) -> None:
        service = self.settings.responders.get(responder)
        if service is None:
            return
        limits = service.plugin.build(service.config).limits
        if (length := limits.count(text)) > limits.maximum:
            raise NotPossible(
                f"the text is too long: {length} {limits.unit}, {responder} takes {limits.maximum}"
            )

    def _outcome_of(self, tx: Tx, mention: Row, process: Process) -> dict[str, object]:
        """What the event says of the outcome that a process owes from now on: nothing if it owes none, or
        owes one by then already."""
        policy = self.settings.root.promises
        terms = terms_of(mention)._replace(priority=mention["priority"], process=process)
        due, before = outcome(policy, terms), mention["outcome_due_at"]
        known = mention["outcome"] is not None or (before is not None and due is not None and before <= due)
        if due is None or known:
            return {}
        tx.run(
            "UPDATE mentions SET outcome_due_at = ?, outcome_alarm_at = ? WHERE id = ?",
            (due, due, mention["id"]),
        )
        return {"outcome_due_at": due, "policy": policy_version(policy)}


def actions_for(mention: Row) -> tuple[str, ...]:
    """The verbs that fit where this mention stands."""
    return ACTIONS[State(mention["state"])]


def _state(tx: Tx, mention: Row, state: State) -> None:
    tx.run("UPDATE mentions SET state = ? WHERE id = ?", (state, mention["id"]))


def _must_be_a_link(url: str) -> None:
    if not url.startswith(("https://", "http://")):
        raise NotPossible("give the link under which the reply stands: --url https://...")


def _must_be_a_line(text: str, what: str) -> None:
    """The log keeps names and reasons: on one line, and fit to be printed.

    Raises:
        NotPossible: it is empty, or holds control characters.
    """
    if not text.strip() or any(unicodedata.category(c) in _NOT_ON_A_LINE for c in text):
        raise NotPossible(f"give {what}, in letters on one line")
