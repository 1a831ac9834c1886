"""What was delivered to other systems by ``webhooks:``, for administrators; and having it delivered again."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import Response

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import Row, hook_deliveries, ms
from bot.web.numbers import whole
from bot.web.routes import action, page
from bot.web.visit import Visit

_HERE: Final = "/webhooks"
_PAGE: Final = 50
_STATES: Final = ("waiting", "delivered", "failed")
_NEWEST: Final = 2**63 - 1


def show(visit: Visit) -> Response:
    asked = visit.request.query_params
    configured = visit.web.app.watch.settings.root.webhooks
    name, state = asked.get("webhook", ""), asked.get("state", "")
    names = [name] if name in configured else list(configured)
    before = whole(asked.get("before", "")) or _NEWEST
    with visit.web.store.read() as tx:
        standing = hook_deliveries.standing(tx)
        rows = hook_deliveries.page(tx, names, [state] if state in _STATES else _STATES, before, _PAGE)
    return visit.render(
        "webhooks.html", configured=configured, standing=standing, name=name, state=state, states=_STATES,
        rows=[_shown(row) for row in rows], older=rows[-1]["id"] if len(rows) == _PAGE else None,
    )  # fmt: skip


def again(visit: Visit) -> Response:
    number = whole(visit.form.get("delivery", ""))
    with visit.web.store.tx() as tx:
        webhook = hook_deliveries.again(tx, number, visit.user.name, ms(visit.web.clock()))
    if not webhook:
        raise NotPossible("there is no such delivery any more")
    visit.web.wake("webhooks", webhook)
    return visit.back(_HERE, said=visit.say("It is delivered again."))


def _shown(row: Row) -> dict[str, Any]:
    """A delivery, with its request in lines."""
    request = json.dumps(json.loads(row["request"]), ensure_ascii=False, indent=2) if row["request"] else ""
    return {**row, "request": request}


ROUTES = [page(_HERE, show, Role.ADMIN), action("/webhooks/again", again, Role.ADMIN)]
