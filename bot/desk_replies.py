"""The verbs of the desk about what goes out: drafts, replies, and answers given by hand."""

from __future__ import annotations

from typing import Final

from bot import desk_checks as checks
from bot.desk_acting import Acting
from bot.errors import NotPossible
from bot.models import ReplyState, State
from bot.store import Row, Tx, answers, escalations, views
from bot.store import mentions as mention_rows
from bot.store import replies as reply_rows
from bot.store.events import Event
from bot.store.replies import Approval, Candidates, Draft

_WAITS: Final = frozenset({State.WAITING, State.ESCALATED})


class Replies(Acting):
    """Approve, edit, answer, reject, resolve, confirm."""

    __slots__ = ()

    def approve(self, reply_id: int, seen: int, actor: str) -> None:
        """Let this draft go out, exactly as it stands, for the conversation as it was seen (promise 6).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: it is no draft, nothing waits for it, nobody could carry it out, an earlier
                reply may already stand there, or the person asked us to stop.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            return self._approved(tx, mention, views.reply_row(tx, reply_id), actor, now)

        self._act(self._mention_of(reply_id), "approve", seen, actor, change)

    def edit(self, mention_id: int, reply_id: int | None, text: str, seen: int, actor: str) -> None:
        """Change the text of a draft, or of one that was refused; or write a new one (`reply_id` None).

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: the text is empty or too long for the network, or the reply is no draft of it.
        """
        checks.must_be_sendable(text)

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            return self._written(tx, mention, reply_id, text, actor, now)[1]

        self._act(mention_id, "edit", seen, actor, change)

    def answer(self, mention_id: int, reply_id: int | None, text: str, seen: int, actor: str) -> int:
        """Edit a draft, or write a new one (`reply_id` None), and let it go out: both or neither. The number
        of the reply.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: as for `edit` and `approve`.
        """
        checks.must_be_sendable(text)
        number = 0

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            nonlocal number
            number, log = self._written(tx, mention, reply_id, text, actor, now)
            return [*log, *self._approved(tx, mention, views.reply_row(tx, number), actor, now)]

        self._act(mention_id, "approve", seen, actor, change)
        return number

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
                raise checks.no_draft(reply)
            return log

        self._act(self._mention_of(reply_id), "reject", seen, actor, change)

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
                raise NotPossible(
                    "reply %(id)s is %(state)s: nobody doubts it",
                    id=reply_id,
                    state=ReplyState(reply["state"]),
                )
            log = escalations.close(tx, f"reply:{reply_id}", now)
            if verdict == "sent":
                checks.must_be_a_link(url)
                answers.from_reply(tx, reply, url, url, now, actor=actor, token=self.token)
                return log
            if verdict == "again":
                return [*log, *reply_rows.never_arrived(tx, reply, now, actor)]
            if verdict == "discard":
                return [*log, *reply_rows.discard_doubt(tx, reply, actor)]
            raise NotPossible("say sent, again or discard")

        self._act(self._mention_of(reply_id), "resolve", seen, actor, change)

    def confirm(self, mention_id: int, url: str, seen: int, actor: str) -> None:
        """Say that you answered by hand, with the public link, where no responder carries answers: under a
        review from an export, say.

        Raises:
            Conflict: something changed since version `seen`.
            NotPossible: a responder answers there, nothing waits for it, or the link is missing.
        """

        def change(tx: Tx, mention: Row, now: int) -> list[Event]:
            checks.must_be(tx, mention, _WAITS)
            if responder := self.settings.routes.get(mention["listener"], ""):
                raise NotPossible(
                    "answers there go out through %(name)s: approve or write a draft", name=responder
                )
            checks.must_be_a_link(url)
            return answers.by_hand(tx, mention, url, actor, now)

        self._act(mention_id, "confirm", seen, actor, change)

    def _written(
        self, tx: Tx, mention: Row, reply_id: int | None, text: str, actor: str, now: int
    ) -> tuple[int, list[Event]]:
        """The number of the draft that holds `text` from now on."""
        checks.must_be(tx, mention, _WAITS)
        if reply_id is None:
            responder = self.settings.routes.get(mention["listener"], "")
            checks.must_fit(self.settings, responder, text)
            written = Candidates(
                mention["id"], mention["conversation_id"], responder, [Draft(text)], author=actor
            )
            log = reply_rows.add(tx, [written], now)
            return log[0].data["drafts"][0]["reply"], log
        reply = views.reply_row(tx, reply_id)
        if reply["mention_id"] != mention["id"]:
            raise NotPossible(
                "reply %(id)s belongs to mention %(mention)s", id=reply_id, mention=reply["mention_id"]
            )
        checks.must_fit(self.settings, reply["responder"], text)
        if not (log := reply_rows.edit(tx, reply, text, actor)):
            raise checks.no_draft(reply)
        return reply_id, log

    def _approved(self, tx: Tx, mention: Row, reply: Row, actor: str, now: int) -> list[Event]:
        checks.must_be(tx, mention, _WAITS)
        if reply["state"] not in (ReplyState.DRAFT, ReplyState.REFUSED):
            raise checks.no_draft(reply)
        checks.must_be_carried(self.settings, tx, reply, mention)
        if mention["stopped_at"] is not None:
            raise NotPossible(
                "this person asked us to stop: nothing may go out to them on %(network)s any more",
                network=mention["network"],
            )
        log = reply_rows.approve(tx, reply, Approval(actor, now, mention["conversation_said"]))
        mention_rows.becomes(tx, mention["id"], State.ANSWERING)
        return log

    def _mention_of(self, reply_id: int) -> int:
        with self.store.read() as tx:
            return int(views.reply_row(tx, reply_id)["mention_id"])
