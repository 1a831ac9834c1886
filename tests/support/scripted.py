"""A loopback server that plays a script: the answers a service gave, in their order.

An exchange is what a fixture file says of it (tests/fixtures/README.md). What was really sent is kept in
`Script.asked`, and `Script.check` compares it with what should have been.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Exchange = dict[str, Any]


@dataclass
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Script:
    """The exchanges still to be played, and the requests that came."""

    exchanges: list[Exchange]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def next(self, asked: Asked) -> dict[str, Any]:
        self.asked.append(asked)
        number = len(self.asked)
        if number > len(self.exchanges):
            return {"status": 418, "body": "this request is not in the script"}
        answer: dict[str, Any] = self.exchanges[number - 1].get("response", {})
        return answer

    def check(self) -> None:
        """Every request in the script came, in its order and as it should be, and none besides."""
        wanted = [one["request"] for one in self.exchanges]
        assert [f"{one.method} {one.path}" for one in self.asked] == wanted
        for asked, exchange in zip(self.asked, self.exchanges, strict=True):
            query = exchange.get("query", {})
            assert {name: asked.query.get(name) for name in query} == query
            headers = {name.lower(): value for name, value in exchange.get("headers", {}).items()}
            assert {name: asked.headers.get(name) for name in headers} == headers
            form = dict(parse_qsl(asked.body))
            assert {name: form.get(name) for name in exchange.get("form", {})} == exchange.get("form", {})
            if "json" in exchange:
                assert json.loads(asked.body) == exchange["json"]


class _Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.script.next(
            Asked(self.command, target.path, dict(parse_qsl(target.query)), headers, body)
        )
        time.sleep(answer.get("after", 0))
        if answer.get("drop"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        with contextlib.suppress(ConnectionError):  # the other side did not wait
            self._send(answer)

    do_POST = do_GET  # noqa: N815

    def _send(self, answer: dict[str, Any]) -> None:
        body = answer.get("body", "")
        headers = {"Content-Type": "text/html"}
        if "json" in answer:
            body, headers = json.dumps(answer["json"]), {"Content-Type": "application/json"}
        data = body.replace("{url}", self.script.url).encode() * answer.get("times", 1)
        self.send_response(answer.get("status", 200))
        for name, value in {**headers, **answer.get("headers", {})}.items():
            self.send_header(name, str(value).replace("{url}", self.script.url))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextlib.contextmanager
def playing(exchanges: list[Exchange]) -> Iterator[Script]:
    """Play `exchanges` on an address of their own."""
    script = Script(exchanges)
    with _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"script": script})) as server:
        script.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
