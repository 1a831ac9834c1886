"""``GET /api/mentions``, ``/api/mentions/{id}`` and ``/api/search``: what waits, what is over, all about one.

A page begins behind the last row of the one before it, so that nobody is passed over while rows come and go.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from bot.models import Priority, Process
from bot.store import as_json, ms, queue, views
from bot.store.as_json import MentionJson, WholeJson
from bot.store.queue import Place, Wanted
from bot.web.api.call import Call, Instant, Number, Reading
from bot.web.api.problems import answers

router: Final = APIRouter(responses=answers(), tags=["mentions"])
State = Literal["open", "waiting", "escalated", "answering", "answered", "exempted", "deleted", "all"]
Name = Annotated[str, Query(max_length=200)]
_CURSOR: Final = r"^[0-9]{1,18}\.[01]\.[0-9]{0,18}$"
Cursor = Annotated[str | None, Query(pattern=_CURSOR, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
_WORDS: Final = 20


class MentionsJson(TypedDict):
    """A page. `next`: give it as `cursor` for the page after it; null where there is none. Where few mentions
    fit, a page may hold less than `limit`, and there is more all the same."""

    mentions: list[MentionJson]
    next: str | None


@router.get("/mentions")
def mentions(
    call: Reading,
    state: State = "open",
    network: Name = "",
    process: Process | None = None,
    intent: Name = "",
    sentiment: Literal["negative", "neutral", "positive"] | None = None,
    priority: Priority | None = None,
    assignee: Annotated[str | None, Query(max_length=200, description='"" for what is nobody\'s')] = None,
    due_by: Annotated[Instant | None, Query(description="What was promised by then")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MentionsJson:
    """The queue: what waits, in the order of its promises; or what is over, or all, the newest first."""
    wanted = Wanted(
        state, network, process or "", intent, sentiment or "", priority or "", assignee,
        None if due_by is None else ms(due_by),
    )  # fmt: skip
    return _page(call, wanted, cursor, limit)


@router.get("/search")
def search(
    call: Reading,
    q: Annotated[str, Query(min_length=1, max_length=500, description="Words that all occur in it")],
    state: State = "all",
    network: Name = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MentionsJson:
    """In what people wrote, in their names, and in what they were answered; the newest first. Case and
    accents make no difference; the last word may be the beginning of one."""
    words = tuple(re.findall(r"\w+", q))[:_WORDS]
    if not words:
        return {"mentions": [], "next": None}
    return _page(call, Wanted(state, network, words=words), cursor, limit)


@router.get("/mentions/{id}", responses=answers(404))
def mention(call: Reading, number: Number) -> WholeJson:
    """One mention: the person, the conversation, tags, drafts, notes, history, and what can be done."""
    return call.whole(number)


def _page(call: Call, wanted: Wanted, cursor: str | None, limit: int) -> MentionsJson:
    with call.web.store.read() as tx:
        found = queue.page(tx, wanted, limit, None if cursor is None else _place(cursor))
        rows = views.these(tx, [row["id"] for row in found.rows])
    following = None if found.later is None else _cursor(found.later)
    return {"mentions": [as_json.mention(row) for row in rows], "next": following}


def _cursor(place: Place) -> str:
    return f"{place.id}.{place.addressed}.{'' if place.due_at is None else place.due_at}"


def _place(cursor: str) -> Place:
    number, addressed, due_at = cursor.split(".")
    return Place(int(number), int(addressed), int(due_at) if due_at else None)
