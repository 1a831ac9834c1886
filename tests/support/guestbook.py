"""A guestbook with a JSON interface, on loopback: a network that nobody has yet.

Its documentation, all of it. Every request carries ``Authorization: Bearer TOKEN`` (else 401).

* ``GET /api/entries?after=N``: the entries numbered above N, oldest first, ten at most: ``{"entries": [...],
  "more": true}``. An entry is ``{"number", "name", "words", "written", "to", "by_owner", "link"}``: "written"
  is ISO 8601, "to" the entry that it answers or null, "by_owner" whether the owner of the guestbook wrote it.
* ``GET /api/entries/N``: ``{"entry": {...}, "answers": [...]}``, or 404.
* ``POST /api/entries`` with ``{"words", "to"}``: 201 and the entry; 404 where "to" is not there, 413 above
  280 characters, 429 with Retry-After. It knows no keys.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import loopback

TOKEN = "guest-token"
Entry = dict[str, Any]


@dataclass
class Guestbook:
    """What stands in it. `hangs_up`: take the next entry, and end the connection without a word."""

    entries: dict[int, Entry] = field(default_factory=dict)
    url: str = ""
    hangs_up: bool = False

    def write(self, words: str, *, name: str = "Zoé", to: int | None = None, by_owner: bool = False) -> Entry:
        number = len(self.entries) + 1
        entry = {"number": number, "name": name, "words": words, "to": to, "by_owner": by_owner,
                 "written": datetime.now(UTC).isoformat(), "link": f"{self.url}/#{number}"}  # fmt: skip
        self.entries[number] = entry
        return entry

    def answers(self, number: int) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry["to"] == number]

    def get(self, path: str, after: int) -> tuple[int, Any]:
        if path == "/api/entries":
            newer = [entry for number, entry in self.entries.items() if number > after]
            return 200, {"entries": newer[:10], "more": len(newer) > 10}
        number = int(path.rpartition("/")[2])
        if number not in self.entries:
            return 404, {}
        return 200, {"entry": self.entries[number], "answers": self.answers(number)}

    def post(self, body: Any) -> tuple[int, Any]:
        if body["to"] not in self.entries:
            return 404, {}
        if len(body["words"]) > 280:
            return 413, {}
        return 201, self.write(body["words"], name="The owner", to=body["to"], by_owner=True)


class _Handler(BaseHTTPRequestHandler):
    book: Guestbook

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        self._answer(*self.book.get(target.path, int(parse_qs(target.query).get("after", ["0"])[0])))

    def do_POST(self) -> None:
        status, entry = self.book.post(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        if self.book.hangs_up:
            self.book.hangs_up = False
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(status, entry)

    def _answer(self, status: int, value: Any) -> None:
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            status, value = 401, {}
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def opened() -> Iterator[Guestbook]:
    """A guestbook on an address of its own."""
    book = Guestbook()
    with loopback.http(_Handler, book=book) as book.url:
        yield book
