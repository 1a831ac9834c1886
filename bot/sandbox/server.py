"""The loopback server: it finds the wire, plays the faults, and remembers every exchange for tests."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from bot.sandbox.control import Control
from bot.sandbox.faults import REFUSALS, Fault, Faults
from bot.sandbox.town import BRAND, Post, Town, Unknown
from bot.sandbox.wire import Answer, Request, Wire, in_html, in_json

_MOST_BYTES: Final = 1_000_000
_HOSTS: Final = {"127.0.0.1", "localhost", "[::1]"}
_NETWORKS: Final = {"x": ("x",), "graph": ("facebook", "instagram")}
_UNAVAILABLE: Final = "<!DOCTYPE html><title>503</title><h1>Service temporarily unavailable</h1>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as a wire saw it. `path` lacks the wire's prefix; `json` is the request's body, None where it
    is none; `answer` is the parsed JSON, or text; `status` 0: the connection was dropped instead."""

    wire: str
    method: str
    path: str
    query: dict[str, str]
    json: Any
    form: dict[str, str]
    status: int
    answer: Any


class _Dropped(Exception):
    """End the connection without an answer."""


@dataclass
class Sandbox:
    """Everything behind the port. `exchanges` has the last 20,000 calls on the wires, in the order in which
    they ended; `url` is where it stands; `ended` is set when it is over."""

    town: Town
    wires: Sequence[Wire]
    faults: Faults = field(default_factory=Faults)
    url: str = ""
    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=20_000))

    def __post_init__(self) -> None:
        self.ended = threading.Event()
        self._wires = {wire.name: wire for wire in self.wires}
        self._control = Control(self.town, self.faults, self._wires)

    def answer(self, request: Request) -> Answer:
        """Find who is asked. `request.path` still has its prefix here.

        Raises:
            _Dropped: there shall be no answer.
        """
        if not _from_here(request):
            return in_json(403, {"error": "this sandbox answers to 127.0.0.1 and localhost only"})
        name, _, rest = request.path.removeprefix("/").partition("/")
        wire = self._wires.get(name)
        if wire is None:
            return self._control.handle(request)
        target = request.target.removeprefix(f"/{name}")
        return self._over(wire, replace(request, path=f"/{rest}", target=target))

    def _over(self, wire: Wire, request: Request) -> Answer:
        struck = self.faults.strike(wire.name, writes=wire.writes(request))
        request = replace(request, struck=frozenset(struck))
        try:
            answer = self._faulty(wire, request, struck)
        except _Dropped:
            self._note(wire, request, None)
            raise
        self._note(wire, request, answer)
        return answer

    def _faulty(self, wire: Wire, request: Request, struck: dict[Fault, float]) -> Answer:
        """Before the call, the call, after the call."""
        self.ended.wait(struck.get(Fault.SLOW_BEFORE, 0))
        if Fault.DROP_BEFORE in struck:
            raise _Dropped
        if Fault.UNAVAILABLE in struck:
            return in_html(503, _UNAVAILABLE)
        if refusal := next((one for one in REFUSALS if one in struck), None):
            return wire.refuse(refusal, request, struck[refusal])
        self._meddle(wire, request, struck)
        answer = wire.handle(request)
        self.ended.wait(struck.get(Fault.SLOW_AFTER, 0))
        if Fault.DROP_AFTER in struck:
            raise _Dropped
        return wire.refuse(Fault.ERROR_AFTER, request, 0) if Fault.ERROR_AFTER in struck else answer

    def _meddle(self, wire: Wire, request: Request, struck: dict[Fault, float]) -> None:
        """An author edits or deletes in the last moment."""
        if not struck.keys() & {Fault.EDITED, Fault.DELETED} or (post := self._met(wire, request)) is None:
            return
        if Fault.EDITED in struck:
            self.town.edit(post.network, post.id, f"{post.text} (edit)")
        if Fault.DELETED in struck:
            self.town.delete(post.network, post.id)

    def _met(self, wire: Wire, request: Request) -> Post | None:
        """What the call answers; for a read, the newest post of others."""
        if found := wire.subject(request):
            with contextlib.suppress(Unknown):
                post = self.town.newest_version(*found)
                return post if post.stands else None
            return None
        networks = _NETWORKS.get(wire.name, ())
        posts = (post for network in networks for post in self.town.posts(network) if post.author != BRAND)
        return max(posts, key=lambda post: post.at, default=None)

    def _note(self, wire: Wire, request: Request, answer: Answer | None) -> None:
        said: Any = answer.body.decode() if answer else None
        with contextlib.suppress(ValueError, TypeError):
            said = json.loads(said)
        self.exchanges.append(
            Exchange(
                wire.name,
                request.method,
                request.path,
                request.query,
                request.json,
                request.form,
                answer.status if answer else 0,
                said,
            )
        )


def _from_here(request: Request) -> bool:
    """A page elsewhere can make a browser send requests here, under a name of its own (DNS rebinding) or as a
    form. The first has a foreign Host, the second a foreign Origin."""
    host = request.headers.get("host", "")
    known = host in _HOSTS or host.rpartition(":")[0] in _HOSTS
    return known and request.headers.get("origin") in {None, f"http://{host}"}


class _Handler(BaseHTTPRequestHandler):
    """The wire itself. `sandbox` is set on the class that `running` makes of it."""

    sandbox: Sandbox
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.open_connections.add(self.connection)

    def finish(self) -> None:
        self.server.open_connections.discard(self.connection)
        with contextlib.suppress(OSError):  # whoever asked may have left
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: what people say is nobody's log."""

    def _answer(self) -> None:
        length = self.headers.get("content-length") or "0"
        if not length.isdecimal() or "transfer-encoding" in self.headers:
            return self._send(in_json(411, {"error": "say how long the body is: Content-Length"}), close=True)
        if int(length) > _MOST_BYTES:
            return self._send(in_json(413, {"error": "the body may have 1,000,000 bytes"}), close=True)
        body = self.rfile.read(int(length))
        target = urlsplit(self.path)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, target.path, self.path, query, headers, body)
        try:
            answer = self.sandbox.answer(request)
        except _Dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        return self._send(answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _answer  # noqa: N815

    def _send(self, answer: Answer, *, close: bool = False) -> None:
        self.close_connection = self.close_connection or close
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, sandbox: Sandbox) -> None:
        self.open_connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), type("_Bound", (_Handler,), {"sandbox": sandbox}))

    def server_bind(self) -> None:
        """Without asking the name service what 127.0.0.1 is called, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has left; anything else is a bug and shall be seen."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """No connection that was kept open shall be answered any more."""
        for connection in list(self.open_connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running(town: Town | None = None, *, port: int = 0, faults: Faults | None = None) -> Iterator[Sandbox]:
    """Serve a town, with all its wires, in threads of this process, on a port of 127.0.0.1 (0: any free one).

    Raises:
        OSError: the port is taken.
    """
    town = town or Town()
    sandbox = Sandbox(town, _wires_of(town), faults or Faults(town.seed))
    with _Server(port, sandbox) as server:
        sandbox.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        thread.start()
        try:
            yield sandbox
        finally:
            sandbox.ended.set()
            server.shutdown()
            server.hang_up()
            thread.join()


def _wires_of(town: Town) -> list[Wire]:
    """Every network that there is."""
    from bot.sandbox.graph import GraphWire
    from bot.sandbox.slack import SlackWire
    from bot.sandbox.x import XWire

    return [XWire(town), GraphWire(town), SlackWire(town)]
