"""What was delivered to other systems by ``webhooks:``, and having it delivered again."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from typing_extensions import TypedDict

from bot.store import Row, hook_deliveries, ms
from bot.store.as_json import Time, iso_or_none
from bot.web.api.call import MOST, Number, Ruling
from bot.web.api.problems import answers
from bot.web.problem import Problem

router: Final = APIRouter(responses=answers(), tags=["webhooks"])
State = Literal["waiting", "delivered", "failed"]
_ALL: Final = ("waiting", "delivered", "failed")


class DeliveryJson(TypedDict):
    """One event for one webhook. `request` is what was sent last, without the person's words; `answer` the
    first kilobyte of what came back; `took` in milliseconds."""

    id: int
    webhook: str
    seq: int
    event: str
    mention_id: int | None
    state: str
    attempts: int
    tried_at: Time | None
    took: int | None
    status: int | None
    request: dict[str, Any] | None
    answer: str
    error: str


class DeliveriesJson(TypedDict):
    """The newest first; `next`: where the next page begins."""

    deliveries: list[DeliveryJson]
    next: int | None


class AgainJson(TypedDict):
    """It is on its way again."""

    webhook: str


@router.get("/deliveries")
def deliveries(
    call: Ruling,
    webhook: Annotated[str, Query(max_length=200)] = "",
    state: State | None = None,
    before: Annotated[int, Query(ge=1, le=MOST, description="`next` of the page before")] = MOST,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveriesJson:
    """How webhooks were delivered, the newest first."""
    names = [webhook] if webhook else list(call.web.app.watch.settings.root.webhooks)
    with call.web.store.read() as tx:
        rows = hook_deliveries.page(tx, names, [state] if state else _ALL, before, limit)
    following = rows[-1]["id"] if len(rows) == limit else None
    return {"deliveries": [_json(row) for row in rows], "next": following}


@router.post("/deliveries/{id}/again", responses=answers(404, 409))
def again(call: Ruling, number: Number) -> AgainJson:
    """Deliver it once more, whatever became of it. The receiver knows it by its id."""
    with call.web.store.tx() as tx:
        webhook = hook_deliveries.again(tx, number, call.name, ms(call.web.clock()), call.caller.token)
    if not webhook:
        raise Problem(404, f"There is no delivery {number}.")
    call.web.wake("webhooks", webhook)
    return {"webhook": webhook}


def _json(row: Row) -> DeliveryJson:
    return {
        "id": row["id"], "webhook": row["webhook"], "seq": row["seq"], "event": row["kind"],
        "mention_id": row["mention_id"], "state": row["state"], "attempts": row["attempts"],
        "tried_at": iso_or_none(row["tried_at"]), "took": row["took"], "status": row["status"],
        "request": json.loads(row["request"]) if row["request"] else None, "answer": row["answer"],
        "error": row["error"],
    }  # fmt: skip
