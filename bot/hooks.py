"""The door at which networks push by themselves. What comes in takes the same way as what is polled: one
transaction, then triage is woken. Polling goes on: what the door misses, the next poll brings.

Who is behind a push its listener says, from the signature; nothing else here trusts what is sent. A network
that gets anything but a 200 sends it again, and what comes twice is kept once.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from bot.errors import NotPossible, Refused, StoreUnavailable
from bot.steps.listen import pushed
from bot.steps.watch import Wake, Watch, log, surprise

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from uvicorn import Server

# Takes the body and the headers of a POST; gives status, body and headers of the answer.
Taker = Callable[[bytes, Mapping[str, str]], tuple[int, str, Mapping[str, str]]]
LARGEST: Final = 1 << 20
# A connection has so long for all that it wants: whoever sends a byte a minute holds no place.
PATIENCE: Final = timedelta(seconds=30)
_AT_ONCE: Final = 100
_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Door:
    """Open from the moment it is built; whoever knocks before the server is loaded waits a moment.

    Raises:
        NotPossible: the address is taken, or is none of this machine.
    """

    def __init__(
        self,
        watch: Watch,
        wake: Wake,
        place: tuple[str, int],
        patience: timedelta = PATIENCE,
        also: Mapping[str, Taker] | None = None,
    ) -> None:
        self._socket = _bound(place)
        self._visitors = _Visitors(watch, wake, also or {})
        self._patience = patience
        self._closing = threading.Event()
        self._server: Server | None = None
        # A daemon: it keeps no process. The server is loaded there, which the start need not wait for.
        self._thread = threading.Thread(target=self._serve, name="hooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more; who is inside has a second to end."""
        self._closing.set()
        if self._server is not None:
            self._server.should_exit = True

    def is_closed(self) -> bool:
        return not self._thread.is_alive()

    def _serve(self) -> None:
        with self._socket:
            try:
                self._server = _server(self._visitors, self._patience)
                if not self._closing.is_set():
                    self._server.run(sockets=[self._socket])
            except Exception as error:  # noqa: BLE001 -- a thread's end: the watch goes on by polling
                surprise(error, "hooks: the door")


def _bound(place: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    try:
        return socket.create_server(place, family=family, backlog=_AT_ONCE)
    except OSError as error:
        reason = error.strerror or "it cannot be used"
        raise NotPossible(
            f"hooks.listen: nobody can listen at {place[0]} port {place[1]} ({reason.lower()}); another "
            "program may be there already: end it, or name another port"
        ) from None


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
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 -- see Door
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
        from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 -- see Door
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
    from starlette.responses import PlainTextResponse  # noqa: PLC0415 -- see Door

    return PlainTextResponse(text, status, _HEADERS)


def _app(visitors: _Visitors) -> Starlette:
    from starlette.applications import Starlette  # noqa: PLC0415 -- see Door
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


def _server(visitors: _Visitors, patience: timedelta) -> Server:
    import uvicorn  # noqa: PLC0415 -- see Door
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415

    class Patient(H11Protocol):
        """A connection that ends, whatever it is about, when its time is over."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.access_log = False  # uvicorn's own switch gives way to whoever sets a handler
            self._end = self.loop.call_later(patience.total_seconds(), transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end.cancel()
            super().connection_lost(exc)

    return uvicorn.Server(
        uvicorn.Config(
            _app(visitors), http=Patient, ws="none", loop="asyncio", lifespan="off", log_config=None,
            server_header=False, proxy_headers=False, limit_concurrency=_AT_ONCE,
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
