"""The other end of Slack's Socket Mode: a WebSocket server (RFC 6455) that sends envelopes and keeps acks.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socketserver
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support import loopback

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


@dataclass
class Socket:
    """What was acknowledged, by envelope id; how often somebody connected."""

    url: str = ""
    acks: dict[str, Any] = field(default_factory=dict)
    connections: int = 0
    open: list[_Handler] = field(default_factory=list)

    def send(self, number: str, payload: dict[str, Any]) -> None:
        """An envelope, over every open connection."""
        envelope = {"envelope_id": number, "type": "interactive", "accepts_response_payload": True}
        for connection in list(self.open):
            connection.frame(_TEXT, json.dumps({**envelope, "payload": payload}).encode())

    def refresh(self) -> None:
        """Ask for a new connection, as Slack does every few hours."""
        for connection in list(self.open):
            connection.frame(_TEXT, b'{"type": "disconnect", "reason": "refresh_requested"}')


class _Handler(socketserver.StreamRequestHandler):
    ours: Socket

    def handle(self) -> None:
        key = b""
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            key = value.strip() if name.lower() == b"sec-websocket-key" else key
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
        upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.wfile.write(f"{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        self.ours.connections += 1
        self.ours.open.append(self)
        self.frame(_TEXT, b'{"type": "hello", "num_connections": 1}')
        with contextlib.suppress(OSError, EOFError):
            while self._next():
                pass
        self.ours.open.remove(self)

    def frame(self, code: int, data: bytes) -> None:
        length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
        with contextlib.suppress(OSError, ValueError):  # it may be closed by now
            self.wfile.write(bytes([0x80 | code]) + length + data)
            self.wfile.flush()

    def _next(self) -> bool:
        """Read one frame, which a client always masks."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        mask, data = self._exactly(4), self._exactly(length)
        data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        if first & 0x0F == _PING:
            self.frame(_PONG, data)
        if first & 0x0F == _TEXT:
            ack = json.loads(data)
            self.ours.acks[ack["envelope_id"]] = ack.get("payload")
        return first & 0x0F != _CLOSE

    def _exactly(self, count: int) -> bytes:
        if len(found := self.rfile.read(count)) < count:
            raise EOFError
        return found


@contextlib.contextmanager
def listening() -> Iterator[Socket]:
    """Listen on loopback."""
    ours = Socket()
    with loopback.tcp(_Handler, ours=ours) as port:
        ours.url = f"ws://127.0.0.1:{port}/"
        yield ours
