"""What machines ask: whether we are well, and our figures."""

from __future__ import annotations

import secrets
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response

from bot.errors import StoreUnavailable
from bot.steps.pulse import beats
from bot.store import users
from bot.web.clients import peer
from bot.web.metrics import exposition
from bot.web.routes import door
from bot.web.stranger import Stranger

if TYPE_CHECKING:
    from bot.web.visit import Web

# A step that did not run to its end for so long, or for three of its periods, hangs.
_PATIENCE: Final = timedelta(minutes=5)
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


def healthz(who: Stranger) -> Response:
    """Nothing but whether."""
    return PlainTextResponse("ok\n") if _is_well(who.web) else PlainTextResponse("not ok\n", 503)


def metrics(who: Stranger) -> Response:
    """For who holds the token; without one in the config, for this machine."""
    if not _may_read(who):
        return PlainTextResponse("not for you\n", 403)
    try:
        return Response(exposition(who.web), media_type=_TEXT)
    except StoreUnavailable:
        return PlainTextResponse("not ok\n", 503)


def _is_well(web: Web) -> bool:
    try:
        with web.store.read() as tx:
            users.count(tx)
    except StoreUnavailable:
        return False
    now, last, pace = web.clock(), beats(web.app.watch), web.app.watch.settings.root.pace
    periods = {"triage": pace.triage, "deliver": pace.deliver, "sweep": pace.sweep}
    return all(
        now - last[step] < max(_PATIENCE, 3 * every) for step, every in periods.items() if step in last
    )


def _may_read(who: Stranger) -> bool:
    token = who.web.settings.metrics_token
    if token is None:
        # Behind a proxy everybody comes from this machine.
        return not who.web.secure and _is_here(peer(who.request))
    scheme, _, given = who.request.headers.get("authorization", "").partition(" ")
    right = secrets.compare_digest(given.strip().encode(), token.get_secret_value().encode())
    return right and scheme.lower() == "bearer"


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


ROUTES = [door("/healthz", healthz), door("/metrics", metrics)]
