"""The door at which networks push by themselves. What comes in takes the same way as what is polled: one
transaction, then triage is woken. Polling goes on: what the door misses, the next poll brings.

Who is behind a push its listener says, from the signature; nothing else here trusts what is sent. A network
that gets anything but a 200 sends it again, and what comes twice is kept once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.errors import Refused, StoreUnavailable
from bot.serving import Serving
from bot.steps.listen import pushed
from bot.steps.watch import Wake, Watch, log, surprise

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# Takes the body and the headers of a POST; gives status, body and headers of the answer.
Taker = Callable[[bytes, Mapping[str, str]], tuple[int, str, Mapping[str, str]]]
LARGEST: Final = 1 << 20
# A connection has so long for all that it wants: whoever sends a byte a minute holds no place.
PATIENCE: Final = timedelta(seconds=30)
_AT_ONCE: Final = 100
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Door(Serving):
    """See `bot.serving.Serving`. `also`: who else takes POSTs here, by path."""

    def __init__(
        self,
        watch: Watch,
        wake: Wake,
        place: tuple[str, int],
        patience: timedelta = PATIENCE,
        also: Mapping[str, Taker] | None = None,
    ) -> None:
        visitors = _Visitors(watch, wake, also or {})
        super().__init__("hooks.listen", place, lambda: _app(visitors), _AT_ONCE, patience)


@dataclass(frozen=True, slots=True)
class _Visitors:
    """What is answered to whom. Never more than a status: why somebody was refused is for the log."""

    watch: Watch
    wake: Wake
    also: Mapping[str, Taker]
    refused: dict[str, str] = field(default_factory=dict)

    async def challenge(self, request: Request) -> Response:
        """The GET by which a network makes sure of us."""
        name = request.path_params["listener"]
        listener = self._hooked(name)
        if listener is None:
            return _answer(404)
        try:
            return _answer(200, listener.challenge(dict(request.query_params)))
        except Refused as error:
            return self._refuse(name, error)
        except Exception as error:  # noqa: BLE001 -- a boundary: the door stays open for the others
            surprise(error, f"hooks: listener {name}")
            return _answer(500)

    async def receive(self, request: Request) -> Response:
        """The POST with news."""
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 -- see Serving
        from starlette.requests import ClientDisconnect  # noqa: PLC0415

        name = request.path_params["listener"]
        listener = self._hooked(name)
        if listener is None:
            return _answer(404)
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _answer(400)  # nobody reads it
        if body is None:
            return _answer(413)
        return await run_in_threadpool(self._keep, name, listener, body, dict(request.headers))

    async def take(self, request: Request) -> Response:
        """A POST for somebody who answers by themselves."""
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 -- see Serving
        from starlette.requests import ClientDisconnect  # noqa: PLC0415
        from starlette.responses import Response  # noqa: PLC0415

        try:
            body = await _body(request)
        except ClientDisconnect:
            return _answer(400)  # nobody reads it
        if body is None:
            return _answer(413)
        taker = self.also[request.url.path]
        try:
            status, text, headers = await run_in_threadpool(taker, body, dict(request.headers))
        except Exception as error:  # noqa: BLE001 -- a boundary: the door stays open for the others
            surprise(error, f"hooks: {request.url.path}")
            return _answer(500)
        return Response(text, status, {**headers, **_HEADERS})

    def _keep(self, name: str, listener: Any, body: bytes, headers: dict[str, str]) -> Response:
        try:
            pushed(self.watch, self.wake, name, listener.receive(body, headers))
        except Refused as error:
            return self._refuse(name, error)
        except StoreUnavailable as error:
            log.error("hooks: listener %s: %s", name, error)
            return _answer(503)
        except Exception as error:  # noqa: BLE001 -- a boundary: the door stays open for the others
            surprise(error, f"hooks: listener {name}")
            return _answer(500)
        return _answer(200)

    def _hooked(self, name: str) -> Any:
        listener = self.watch.listeners.get(name)
        return listener if hasattr(listener, "receive") else None

    def _refuse(self, name: str, error: Refused) -> Response:
        """Logged when the reason changes: strangers may knock all day."""
        if self.refused.get(name) != str(error):
            self.refused[name] = str(error)
            log.warning("hooks: a push to listener %s was refused: %s", name, error)
        return _answer(403)


async def _body(request: Request) -> bytes | None:
    """The bytes as they came; `None` if there are too many."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > LARGEST:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _answer(status: int, text: str = "") -> Response:
    from starlette.responses import PlainTextResponse  # noqa: PLC0415 -- see Serving

    return PlainTextResponse(text, status, _HEADERS)


def _app(visitors: _Visitors) -> Starlette:
    from starlette.applications import Starlette  # noqa: PLC0415 -- see Serving
    from starlette.routing import Route  # noqa: PLC0415

    path = "/hooks/{listener}"
    app = Starlette(
        routes=[
            Route(path, visitors.challenge, methods=["GET"]),
            Route(path, visitors.receive, methods=["POST"]),
            *(Route(other, visitors.take, methods=["POST"]) for other in visitors.also),
        ]
    )
    app.router.redirect_slashes = False
    return app
