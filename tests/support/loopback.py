"""Servers of the tests' own, each on a free port of 127.0.0.1 and in threads of this process, for as long as
a `with` block lasts."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Http(ThreadingHTTPServer):
    request_queue_size = 128


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextlib.contextmanager
def http(handler: type[BaseHTTPRequestHandler], port: int = 0, **facts: Any) -> Iterator[str]:
    """Its address, "http://127.0.0.1:PORT". `facts` are attributes of the handler."""
    with _served(_Http(("127.0.0.1", port), _with(handler, facts))) as there:
        yield f"http://127.0.0.1:{there}"


@contextlib.contextmanager
def tcp(handler: type[socketserver.BaseRequestHandler], **facts: Any) -> Iterator[int]:
    """Its port. `facts` are attributes of the handler."""
    with _served(_Tcp(("127.0.0.1", 0), _with(handler, facts))) as there:
        yield there


def free_port() -> int:
    """A port at which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with(handler: type, facts: dict[str, Any]) -> Any:
    return type("Bound", (handler,), facts)


@contextlib.contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
