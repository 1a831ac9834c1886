"""The desk: every verb that a human has. Web, Slack and command line all call these.

Each verb takes the version of the conversation that the human saw. If anything changed since, nothing is
done and `Conflict` says who was first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.config import Settings
from bot.errors import Conflict, NotPossible
from bot.models import Priority, Process, ReplyState, State
from bot.promises import due_at
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
    instant,
    ms,
    views,
)
from bot.store import replies as reply_rows
from bot.store.events import Event
from bot.store.replies import Approval, Candidates, Draft

_WAITS: Final = frozenset({State.WAITING, State.ESCALATED})
_NOT_OVER: Final = _WAITS | {State.ANSWERING}
# Which verbs fit where a mention stands.
ACTIONS: Final = {
    State.NEW: (),
    State.IGNORED: (),
    State.WAITING: ("approve", "edit", "reject", "assign", "exempt", "escalate", "handover"),
    State.ESCALATED: ("approve", "edit", "reject", "assign", "exempt", "escalate", "handover", "acknowledge"),
    State.ANSWERING: ("assign", "handover", "acknowledge", "resolve"),
    State.ANSWERED: (),
    State.EXEMPTED: ("reopen",),
    State.DELETED: (),
}

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
            NotPossible: it is no draft, nothing waits for it, or nobody could carry it out.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            reply = views.reply_row(tx, reply_id)
            self._must_be(mention, _WAITS)
            if reply["state"] != ReplyState.DRAFT:
                raise NotPossible(f"reply {reply_id} is {reply['state']}, not a draft")
            if not reply["responder"]:
                raise NotPossible(
                    f"nobody carries replies to {mention['network']}: answer there by hand, then "
                    f"`vigie exempt {mention['id']} answered_elsewhere`"
                )
            log = reply_rows.approve(tx, reply, Approval(actor, now, mention["conversation_said"]))
            _state(tx, mention, State.ANSWERING)
            return log

        self._act(self._mention_of(reply_id), seen, change)

    def edit(self, mention_id: int, reply_id: int | None, text: str, seen: int, actor: str) -> None:
        """Change the text of a draft, or of one that was refused; or write a new one (`reply_id` None).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the text is empty or too long for the network, or the reply is no draft.
        """
        if not text.strip():
            raise NotPossible("the text is empty")

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(mention, _WAITS)
            if reply_id is None:
                responder = self.settings.routes.get(mention["listener"], "")
                written = Candidates(
                    mention_id, mention["conversation_id"], responder, [Draft(text)], author=actor
                )
                return reply_rows.add(tx, [written], now)
            log = reply_rows.edit(tx, views.reply_row(tx, reply_id), text, actor)
            if not log:
                raise NotPossible(f"reply {reply_id} is no draft")
            return log

        self._act(mention_id, seen, change)

    def reject(self, reply_id: int, seen: int, actor: str) -> None:
        """Put a draft aside. The mention goes on waiting; its clock runs on.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is no draft.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            log = reply_rows.reject(tx, views.reply_row(tx, reply_id), actor)
            if not log:
                raise NotPossible(f"reply {reply_id} is no draft")
            return log

        self._act(self._mention_of(reply_id), seen, change)

    def assign(self, mention_id: int, to: str, seen: int, actor: str) -> None:
        """Give a mention to somebody ("" takes it back). It stops no clock.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            self._must_be(mention, _NOT_OVER)
            tx.run("UPDATE mentions SET assignee = ? WHERE id = ?", (to, mention_id))
            return [Event("assigned", mention_id, actor=actor, data={"to": to})]

        self._act(mention_id, seen, change)

    def exempt(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Close an address without an answer: by a named person, for a reason from the short list.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the reason is not in the list, or a reply is on its way.
        """
        known = self.settings.root.exemptions
        if reason not in known:
            raise NotPossible(f"{reason!r} is no reason for an exemption; known are: {', '.join(known)}")
        if not actor.strip():
            raise NotPossible("an exemption needs the name of who decides it")

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(mention, _WAITS)
            _state(tx, mention, State.EXEMPTED)
            tx.run("UPDATE mentions SET ended_at = ?, alarm_at = NULL WHERE id = ?", (now, mention_id))
            return [
                Event("exempted", mention_id, actor=actor, data={"reason": reason}),
                *answers.discard_waiting(tx, [mention_id], "exempted"),
                *escalations.close_for(tx, [mention_id], now),
            ]

        self._act(mention_id, seen, change)

    def reopen(self, mention_id: int, seen: int, actor: str) -> None:
        """Take back an exemption: the address waits again, under the promise it had.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is not exempted.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            self._must_be(mention, frozenset({State.EXEMPTED}))
            tx.run(
                "UPDATE mentions SET state = 'waiting', ended_at = NULL, alarm_at = due_at WHERE id = ?",
                (mention_id,),
            )
            return [Event("reopened", mention_id, actor=actor)]

        self._act(mention_id, seen, change)

    def escalate(self, mention_id: int, reason: str, seen: int, actor: str) -> None:
        """Put a mention before people now; it rings until somebody acknowledges it.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            self._must_be(mention, _WAITS)
            if mention["state"] == State.WAITING:
                _state(tx, mention, State.ESCALATED)
            log = escalations.open_one(tx, f"mention:{mention_id}", reason, f"by {actor}", now, mention_id)
            return [Event("escalated_by_hand", mention_id, actor=actor), *log]

        self._act(mention_id, seen, change)

    def hand_over(self, mention_id: int, process: Process, seen: int, actor: str) -> None:
        """Pass the person on to a process. The promise may be tightened by it, never loosened.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is over.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:  # noqa: ARG001
            self._must_be(mention, _NOT_OVER)
            tx.run("UPDATE mentions SET process = ? WHERE id = ?", (process, mention_id))
            data: dict[str, object] = {"process": process}
            tightened = self._due(mention, process)
            if mention["due_at"] is not None and tightened < mention["due_at"]:
                tx.run("UPDATE mentions SET due_at = ? WHERE id = ?", (tightened, mention_id))
                data["due_at"] = tightened
            return [Event("handed_over", mention_id, actor=actor, data=data)]

        self._act(mention_id, seen, change)

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

        self._act(mention_id, seen, change)

    def acknowledge(self, mention_id: int, actor: str) -> None:
        """Stop the ringing for a mention, not its clock. Twice does no harm, so no version is asked.

        Raises:
            NotPossible: nothing rings for it.
        """
        with self.store.tx() as tx:
            now = ms(self.clock())
            mention = views.mention_row(tx, mention_id)
            log = escalations.acknowledge(tx, mention_id, actor, now)
            if not log:
                raise NotPossible(f"nothing rings for mention {mention_id}")
            conversations.changed(tx, mention["conversation_id"])
            events.append(tx, now, log)

    def acknowledge_key(self, key: str, actor: str) -> None:
        """Stop the ringing of what is no mention, such as ``source:blog``.

        Raises:
            NotPossible: nothing of that name rings.
        """
        with self.store.tx() as tx:
            now = ms(self.clock())
            log = escalations.acknowledge_key(tx, key, actor, now)
            if not log:
                raise NotPossible(f"nothing called {key!r} rings")
            events.append(tx, now, log)

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
                if not url.startswith(("https://", "http://")):
                    raise NotPossible("give the link under which the reply stands: --url https://...")
                answers.from_reply(tx, reply, url, url, now, actor=actor)
                return log
            if verdict == "again":
                return [*log, *reply_rows.never_arrived(tx, reply, now, actor)]
            if verdict == "discard":
                return [*log, *reply_rows.discard_doubt(tx, reply, actor)]
            raise NotPossible("say sent, again or discard")

        self._act(self._mention_of(reply_id), seen, change)

    # --- What all verbs share ---

    def _act(self, mention_id: int, seen: int, change: Change) -> None:
        with self.store.tx() as tx:
            now = ms(self.clock())
            mention = views.mention_row(tx, mention_id)
            if not conversations.act(tx, mention["conversation_id"], seen):
                raise Conflict(_who_was_first(tx, mention))
            events.append(tx, now, change(tx, mention, now))

    def _mention_of(self, reply_id: int) -> int:
        with self.store.read() as tx:
            return int(views.reply_row(tx, reply_id)["mention_id"])

    def _must_be(self, mention: Row, states: frozenset[State]) -> None:
        if mention["state"] not in states:
            raise NotPossible(f"mention {mention['id']} is {mention['state']}")

    def _due(self, mention: Row, process: Process) -> int:
        policy = self.settings.root.promises
        priority, posted_at = Priority(mention["priority"]), instant(mention["posted_at"])
        return ms(due_at(policy, mention["network"], priority, process, posted_at))


def actions_for(mention: Row) -> tuple[str, ...]:
    """The verbs that fit where this mention stands."""
    return ACTIONS[State(mention["state"])]


def _state(tx: Tx, mention: Row, state: State) -> None:
    tx.run("UPDATE mentions SET state = ? WHERE id = ?", (state, mention["id"]))


def _who_was_first(tx: Tx, mention: Row) -> str:
    last = events.last_of_conversation(tx, mention["conversation_id"])
    if last is None:
        return "somebody was first; look again"
    return f"{_story(last)} at {_clock_time(instant(last['at']))}; look again before you act"


def _story(event: Row) -> str:
    who = event["actor"]
    told = {
        "heard": "the person wrote again",
        "edited": "the person edited what they wrote",
        "deleted": "the person deleted what they wrote",
        "approved": f"{who} approved a reply",
        "draft_edited": f"{who} edited the draft",
        "discarded": f"{who} put a draft aside",
        "assigned": f"{who} assigned it",
        "exempted": f"{who} closed it without an answer",
        "reopened": f"{who} reopened it",
        "handed_over": f"{who} handed it over",
        "escalated": "it was escalated",
        "acknowledged": f"{who} acknowledged it",
        "sent": "a reply went out",
        "answered": "it was answered",
        "rang": "it rang",
    }
    return told.get(event["kind"], f"something happened ({event['kind']})")


def _clock_time(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")
