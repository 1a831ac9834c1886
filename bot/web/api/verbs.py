"""The verbs of the desk: ``POST /api/mentions/{id}/{verb}`` and ``POST /api/replies/{id}/{verb}``. Each
answers with the mention as it stands then."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from bot.errors import NotPossible
from bot.store import views
from bot.store.as_json import WholeJson
from bot.web.api import bodies
from bot.web.api.call import Acting, Call, Number
from bot.web.api.problems import answers
from bot.web.problem import Problem

router: Final = APIRouter(responses=answers(400, 404, 409, 413), tags=["desk"])


@router.post("/mentions/{id}/assign")
def assign(call: Acting, number: Number, body: bodies.Assign) -> WholeJson:
    """Give it to somebody. It stops no clock."""
    return call.act(number, lambda: call.desk.assign(number, body.to, body.version, call.name))


@router.post("/mentions/{id}/exempt")
def exempt(call: Acting, number: Number, body: bodies.Exempt) -> WholeJson:
    """Close it without an answer, for a reason from the short list."""
    return call.act(number, lambda: call.desk.exempt(number, body.reason, body.version, call.name))


@router.post("/mentions/{id}/reopen")
def reopen(call: Acting, number: Number, body: bodies.Seen) -> WholeJson:
    """Take back an exemption: it waits again, under the promise it had."""
    return call.act(number, lambda: call.desk.reopen(number, body.version, call.name))


@router.post("/mentions/{id}/judge")
def judge(call: Acting, number: Number, body: bodies.Judge) -> WholeJson:
    """Say of one in the daily sample whether a rule was right to close it without an answer."""
    return call.act(number, lambda: call.desk.judge(number, body.version, call.name, right=body.right))


@router.post("/mentions/{id}/escalate")
def escalate(call: Acting, number: Number, body: bodies.Escalate) -> WholeJson:
    """Put it before people now; it rings until somebody acknowledges it."""
    return call.act(number, lambda: call.desk.escalate(number, body.reason, body.version, call.name))


@router.post("/mentions/{id}/handover")
def hand_over(call: Acting, number: Number, body: bodies.HandOver) -> WholeJson:
    """Pass the person on to a process."""
    return call.act(number, lambda: call.desk.hand_over(number, body.process, body.version, call.name))


@router.post("/mentions/{id}/confirm")
def confirm(call: Acting, number: Number, body: bodies.Confirm) -> WholeJson:
    """Say that you answered by hand, with the link, where no responder carries answers."""
    return call.act(number, lambda: call.desk.confirm(number, body.url, body.version, call.name))


@router.post("/mentions/{id}/draft")
def draft(call: Acting, number: Number, body: bodies.Write) -> WholeJson:
    """Write a new draft."""
    return call.act(number, lambda: call.desk.edit(number, None, body.text, body.version, call.name))


@router.post("/mentions/{id}/correct")
def correct(call: Acting, number: Number, body: bodies.Correct) -> WholeJson:
    """Say what it really is: shown from now on, and training learns from it."""
    labels: dict[str, Any] = body.model_dump(exclude={"version"}, exclude_none=True)
    return call.act(number, lambda: call.desk.correct(number, labels, body.version, call.name))


@router.post("/mentions/{id}/outcome")
def outcome(call: Acting, number: Number, body: bodies.Outcome) -> WholeJson:
    """Say what came of it. The last word counts, so no version is asked."""
    return call.act(number, lambda: call.desk.outcome(number, body.what, call.name))


@router.post("/mentions/{id}/acknowledge")
def acknowledge(call: Acting, number: Number) -> WholeJson:
    """Stop the ringing, not the clock."""
    return call.act(number, lambda: call.desk.acknowledge(number, call.name))


@router.post("/mentions/{id}/note")
def note(call: Acting, number: Number, body: bodies.Note) -> WholeJson:
    """Leave a note for the others. It is never sent."""
    return call.act(number, lambda: call.desk.note(number, body.text, call.name))


# --- Replies -------------------------------------------------------------------------------------


@router.post("/replies/{id}/approve")
def approve(call: Acting, number: Number, body: bodies.Seen) -> WholeJson:
    """Let this draft go out, exactly as it stands."""
    mention = _mention_of(call, number)
    done = call.act(mention, lambda: call.desk.approve(number, body.version, call.name))
    _wake(call, number)
    return done


@router.post("/replies/{id}/edit")
def edit(call: Acting, number: Number, body: bodies.Write) -> WholeJson:
    """Change the text of a draft, or of one that was refused."""
    mention = _mention_of(call, number)
    return call.act(mention, lambda: call.desk.edit(mention, number, body.text, body.version, call.name))


@router.post("/replies/{id}/reject")
def reject(call: Acting, number: Number, body: bodies.Seen) -> WholeJson:
    """Put a draft aside."""
    return call.act(_mention_of(call, number), lambda: call.desk.reject(number, body.version, call.name))


@router.post("/replies/{id}/resolve")
def resolve(call: Acting, number: Number, body: bodies.Resolve) -> WholeJson:
    """Say what became of a reply that may already be posted."""
    mention = _mention_of(call, number)

    def verb() -> None:
        call.desk.resolve(number, body.verdict, body.version, call.name, body.url)

    done = call.act(mention, verb)
    if body.verdict == "again":
        _wake(call, number)
    return done


def _mention_of(call: Call, reply_id: int) -> int:
    with call.web.store.read() as tx:
        try:
            return int(views.reply_row(tx, reply_id)["mention_id"])
        except NotPossible:
            raise Problem(404, f"There is no reply {reply_id}.") from None


def _wake(call: Call, reply_id: int) -> None:
    with call.web.store.read() as tx:
        call.web.wake("deliver", views.reply_row(tx, reply_id)["responder"])
