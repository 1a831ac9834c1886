"""A receiver of signed webhooks, as somebody who only reads https://www.standardwebhooks.com/ writes it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support import loopback

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes or more").decode()


@dataclass
class Receiver:
    """What came, by message id; `forged` counts what was not signed with `SECRET` just now."""

    url: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    forged: int = 0

    def take(self, headers: Message, body: bytes) -> int:
        """The status to answer with."""
        number, sent = headers["webhook-id"], headers["webhook-timestamp"]
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{number}.{sent}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        if headers["webhook-signature"] != signature or abs(time.time() - int(sent)) > 300:
            self.forged += 1
            return 401
        self.messages[number] = json.loads(body)
        return 204

    def about(self, text: str) -> list[dict[str, Any]]:
        """The escalations of the mention with this text, in the order of their coming."""
        return [one["data"] for one in list(self.messages.values()) if one["data"]["text"] == text]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.receiver.take(self.headers, body))
        self.end_headers()


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on loopback."""
    receiver = Receiver()
    with loopback.http(_Handler, receiver=receiver) as url:
        receiver.url = f"{url}/vigie"
        yield receiver
