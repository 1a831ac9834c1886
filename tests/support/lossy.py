"""Stands between Vigie and a real server, and loses what a test says: a request, an answer, or the server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx

REQUEST, ANSWER, SERVER = "the request", "the answer", "the server"
_KEPT: Final = ("transfer-encoding", "connection", "content-encoding", "content-length", "keep-alive")


@dataclass
class Lossy:
    """What is lost: for the how-manieth request whose path ends so, one of the three words above."""

    to: str
    ending: str
    lost: dict[int, str] = field(default_factory=dict)
    kill: Callable[[], None] = lambda: None
    url: str = ""
    asked: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    counted: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, path: str) -> str:
        with self.lock:
            self.asked.append(path)
            if not path.partition("?")[0].endswith(self.ending):
                return ""
            self.counted += 1
            return self.lost.get(self.counted, "")


class _Handler(BaseHTTPRequestHandler):
    between: Lossy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.between.fault(self.path)
        if fault == SERVER:
            threading.Thread(target=self._try, args=(body,), daemon=True).start()
            time.sleep(0.02)  # it has begun with it, and may have come to its end
            self.between.kill()
        answer = None if fault in (REQUEST, SERVER) else self._try(body)
        if answer is None or fault == ANSWER:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.between.statuses.append(answer.status_code)
        self._pass_on(answer)

    do_POST = do_GET  # noqa: N815

    def _try(self, body: bytes) -> httpx.Response | None:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        with contextlib.suppress(httpx.HTTPError):
            return httpx.request(
                self.command, self.between.to + self.path, headers=headers, content=body, timeout=30
            )
        return None

    def _pass_on(self, answer: httpx.Response) -> None:
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in (*_KEPT, "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer.content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextlib.contextmanager
def between(to: str, ending: str, kill: Callable[[], None] = lambda: None) -> Iterator[Lossy]:
    """Stand in front of `to`."""
    lossy = Lossy(to, ending, kill=kill)
    with _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"between": lossy})) as server:
        lossy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield lossy
        finally:
            server.shutdown()
            thread.join()
