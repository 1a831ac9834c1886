"""Live updates: /live tells a page that something happened (server-sent events,
https://html.spec.whatwg.org/multipage/server-sent-events.html), never what. The page then fetches itself
anew, by the way that asks who may see what.

However many listen, the store is looked at once for all of them, twice a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.errors import StoreUnavailable
from bot.store import events, sessions
from bot.web.numbers import whole
from bot.web.signed_in import cookie_name, limits
from bot.web.visit import Web

_LOOK: Final = 0.5
# Nobody is told more often than that, however much happens.
_PAUSE: Final = 2.0
# Each of them keeps a connection. Whoever comes then is told to come back later.
_MOST: Final = 150
_RETRY: Final = "retry: 5000\n\n"


class Pulse:
    """Looks at the number of the last event for as long as anybody listens. Whoever is told nothing gets a
    sign of life every `heartbeat` seconds, so that no proxy takes the connection for dead."""

    def __init__(self, web: Web, heartbeat: float = 15.0) -> None:
        self._web = web
        self._heartbeat = heartbeat
        self._head = 0
        self._looked = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.listeners = 0

    @property
    def over(self) -> bool:
        """Whether the process is about to end."""
        return self._web.app.watch.stopping.is_set()

    async def after(self, seen: int) -> int | None:
        """The number of the last event, once it is another than `seen`; None if that did not come in time for
        a heartbeat, or is not to come any more."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._beat())
        async with self._looked:
            with suppress(TimeoutError):
                news = self._looked.wait_for(lambda: self.over or self._head not in {0, seen})
                await asyncio.wait_for(news, self._heartbeat)
        return self._head if self._head not in {0, seen} else None

    async def _beat(self) -> None:
        while self.listeners:
            with suppress(StoreUnavailable):  # a store that cannot be read now is looked at again
                self._head = await run_in_threadpool(self._look)
            async with self._looked:
                self._looked.notify_all()
            await asyncio.sleep(_LOOK)

    def _look(self) -> int:
        with self._web.store.read() as tx:
            return events.head(tx)


async def live(request: Request) -> Response:
    """GET /live: `Last-Event-ID`, or `after`, is the number of the last event that the page knows."""
    web: Web = request.app.state.web
    if not await run_in_threadpool(_stands, request):
        return PlainTextResponse("sign in", 401)
    pulse = _pulse(request, web)
    if pulse.listeners >= _MOST:
        return PlainTextResponse("too many listen", 503, {"retry-after": "60"})
    seen = request.headers.get("last-event-id") or request.query_params.get("after", "")
    return StreamingResponse(_told(request, pulse, whole(seen)), media_type="text/event-stream")


async def _told(request: Request, pulse: Pulse, seen: int) -> AsyncIterator[str]:
    pulse.listeners += 1
    try:
        yield _RETRY
        while not pulse.over:
            head = await pulse.after(seen)
            if not await run_in_threadpool(_stands, request):
                return
            if head is None:
                yield ": still here\n\n"
                continue
            seen = head
            yield f"event: change\nid: {head}\ndata: {head}\n\n"
            await asyncio.sleep(_PAUSE)
    finally:
        pulse.listeners -= 1


def _stands(request: Request) -> bool:
    """Whether the session goes on. To listen is not to be there: it makes no session last."""
    web: Web = request.app.state.web
    token = request.cookies.get(cookie_name(web), "")
    with web.store.read() as tx:
        return bool(token) and sessions.find(tx, token, *limits(web)) is not None


def _pulse(request: Request, web: Web) -> Pulse:
    state = request.app.state
    if not hasattr(state, "pulse"):
        state.pulse = Pulse(web)
    pulse: Pulse = state.pulse
    return pulse


ROUTES = [Route("/live", live, methods=["GET"], name="GET /live")]
