"""A web server in a thread of this process: the door for pushes, and the inbox."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import NotPossible
from bot.steps.watch import surprise

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Server


class Serving:
    """Open from the moment it is built; whoever knocks before the server is loaded waits a moment.

    Args:
        key: the key of the config that names `place`, for the error.
        make_app: is called in the server's thread.
        at_once: so many connections; whoever comes then gets a 503.
        patience: what a connection has for all that it wants: whoever sends a byte a minute holds no place.
            None where connections stay, for live updates.

    `url` is where it is open, such as ``http://127.0.0.1:8710``.

    Raises:
        NotPossible: the address is taken, or is none of this machine.
    """

    def __init__(
        self,
        key: str,
        place: tuple[str, int],
        make_app: Callable[[], Starlette],
        at_once: int,
        patience: timedelta | None = None,
    ) -> None:
        self._name = key.partition(".")[0]
        self._socket = _bound(key, place, at_once)
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._make_app, self._at_once, self._patience = make_app, at_once, patience
        self._closing = threading.Event()
        self._server: Server | None = None
        # A daemon: it keeps no process. The server is loaded there, which the start need not wait for.
        self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
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
                self._server = _server(self._make_app(), self._at_once, self._patience)
                if not self._closing.is_set():
                    self._server.run(sockets=[self._socket])
            except Exception as error:  # noqa: BLE001 -- a thread's end: the watch goes on without it
                surprise(error, f"{self._name}: the server")


def _bound(key: str, place: tuple[str, int], backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    try:
        return socket.create_server(place, family=family, backlog=backlog)
    except OSError as error:
        reason = error.strerror or "it cannot be used"
        raise NotPossible(
            f"{key}: nobody can listen at {place[0]} port {place[1]} ({reason.lower()}); another "
            "program may be there already: end it, or name another port"
        ) from None


def _server(app: Starlette, at_once: int, patience: timedelta | None) -> Server:
    import uvicorn  # noqa: PLC0415 -- loaded in the thread
    from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415

    class Quiet(H11Protocol):
        """Writes no access log, since paths and addresses are people's; ends with its patience."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.access_log = False  # uvicorn's own switch gives way to whoever sets a handler
            if patience is not None:
                self._end = self.loop.call_later(patience.total_seconds(), transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            if patience is not None:
                self._end.cancel()
            super().connection_lost(exc)

    return uvicorn.Server(
        uvicorn.Config(
            app, http=Quiet, ws="none", loop="asyncio", lifespan="off", log_config=None,
            server_header=False, proxy_headers=False, limit_concurrency=at_once,
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
