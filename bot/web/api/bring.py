"""``POST /api/mentions``: what another system heard. It takes the way of everything that is heard: one
transaction with the promises, then triage is woken."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from typing_extensions import TypedDict

from bot import jsonl
from bot.importing import LISTENER, PAGE
from bot.models import Mention
from bot.steps.listen import hear
from bot.store.tokens import Scope
from bot.web.api.call import MOST, Acting, Call
from bot.web.api.guard import must_have
from bot.web.api.problems import answers
from bot.web.problem import Problem

router: Final = APIRouter(responses=answers(400, 413, 415), tags=["mentions"])
_LINES: Final = "application/x-ndjson"
_ONE: Final = "application/json"
_TEXT: Final = {"type": ["string", "null"]}
_LINE: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Line",
    "description": "One mention, as `vigie import` reads it; only text is required.",
    "required": ["text"],
    "properties": {
        "network": _TEXT, "remote_id": _TEXT, "url": _TEXT, "text": {"type": "string"}, "lang": _TEXT,
        "in_reply_to": _TEXT, "conversation": _TEXT,
        "posted_at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "addressed": {"type": ["boolean", "null"], "description": "That the person spoke to the brand"},
        "kind": {"enum": ["post", "comment", "reply", "review", "message", "share", None]},
        "own": {"type": ["boolean", "null"], "description": "By the brand itself: for scope admin"},
        "author": {
            "type": ["object", "null"],
            "properties": {"id": _TEXT, "handle": _TEXT, "name": _TEXT,
                           "followers": {"type": ["integer", "null"], "minimum": 0, "maximum": MOST}},
        },
    },
}  # fmt: skip


class FaultJson(TypedDict):
    """A line that was left out, and why."""

    line: int
    detail: str


class BroughtJson(TypedDict):
    """What became of the lines."""

    new: int
    known: int
    bad: list[FaultJson]


@router.post(
    "/mentions",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                _ONE: {"schema": _LINE},
                _LINES: {"schema": {"type": "string", "description": "One mention a line"}},
            },
        }
    },
)
async def bring(call: Acting, request: Request) -> BroughtJson:
    """Bring in one mention as JSON, or many, a line each. What is known already (network, remote_id) is kept
    once; of many, the good lines are kept and the bad ones named."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise Problem(400, "The request came to no end.") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_ONE, _LINES):
        raise Problem(415, f"Send {_ONE} for one mention, or {_LINES} for many.")
    return await run_in_threadpool(_bring, call, [body] if kind == _ONE else body.split(b"\n"), kind == _ONE)


def _bring(call: Call, lines: list[bytes], alone: bool) -> BroughtJson:
    good, bad = list[Mention](), list[FaultJson]()
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip() or alone:
                good.append(jsonl.parse(line, call.web.clock()))
        except ValueError as fault:
            bad.append({"line": number, "detail": str(fault)})
    if alone and bad:
        errors = [{"where": "#", "detail": bad[0]["detail"]}]
        raise Problem(422, "What was sent does not fit; see errors.", "invalid", errors=errors)
    if any(mention.own for mention in good):
        must_have(call.caller, Scope.ADMIN)  # an answer by the brand closes what it answers
    new, own = 0, 0
    for start in range(0, len(good), PAGE):  # nobody else waits long for their turn to write
        heard = hear(call.web.app.watch, LISTENER, good[start : start + PAGE])
        new, own = new + heard.new, own + heard.own
    call.web.wake("triage", "")
    return {"new": new, "known": len(good) - new - own, "bad": bad}
