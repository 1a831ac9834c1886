"""A server that speaks as much of the Mastodon API as listener and responder use, and misbehaves as told.

Ids are random on purpose: their order says nothing. It ignores ``Idempotency-Key``, as real servers do.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import loopback

TOKEN = "a-token-of-the-brand"
US = "1"
Item = dict[str, Any]


@dataclass
class Faults:
    """Shares of the posts that end so, from 0 to 1; and how pages are given."""

    drop_after_accept: float = 0
    error_after_accept: float = 0
    error_before_accept: float = 0
    newest_page: bool = False  # whatever min_id says, as snac does
    page: int = 80  # the most on one page, whatever limit says
    one_by_one: bool = False  # statuses cannot be asked for together
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass
class Instance:
    """What the server knows. Lists are newest first."""

    url: str = ""
    faults: Faults = field(default_factory=Faults)
    told: list[Item] = field(default_factory=list)
    statuses: dict[str, Item] = field(default_factory=dict)
    own: list[Item] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)  # /api/v1/instance or v2, by their version
    asked: list[str] = field(default_factory=list)
    token: str = TOKEN
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def new_id(self) -> str:
        return f"{self.chance.randrange(16**32):032x}"

    def mention(self, text: str, at: datetime | None = None, **more: Any) -> Item:
        """Somebody speaks to the brand; their status."""
        at = at or datetime.now(UTC)
        status = {
            "id": self.new_id(),
            "created_at": at.isoformat(),
            "content": f"<p>{text}</p>",
            "visibility": "public",
            "account": {"id": "7", "acct": "lea@example.net"},
            **more,
        }
        self.statuses[str(status["id"])] = status
        note = {"type": "mention", "created_at": at.isoformat(), "status": status}
        self.told.insert(0, {"id": self.new_id(), **note})
        return status

    def fill(self, number: int) -> None:
        start = datetime.now(UTC) - timedelta(hours=3)
        for n in range(number):
            self.mention(f"n° {n}", start + timedelta(seconds=n))

    def says(self, text: str, parent: str | None = None) -> Item:
        """The brand says something."""
        status: Item = {
            "id": self.new_id(),
            "created_at": datetime.now(UTC).isoformat(),
            "in_reply_to_id": parent,
            "content": f"<p>{text}</p>",
            "url": f"https://example.org/@banque/{len(self.own)}",
            "account": {"id": US, "acct": "banque"},
        }
        self.statuses[status["id"]] = status
        self.own.insert(0, status)
        return status

    def deletes(self, status: Item) -> None:
        del self.statuses[status["id"]]
        self.told = [one for one in self.told if one["status"]["id"] != status["id"]]

    def answered(self) -> Counter[str]:
        """How often each status was answered."""
        return Counter(one["in_reply_to_id"] for one in self.own if one["in_reply_to_id"])

    # --- What it answers ---------------------------------------------------------------------------

    def get(self, path: str, query: dict[str, list[str]]) -> Any:
        """The answer, `None` for 404."""
        found: Any = None
        match path.strip("/").split("/")[2:]:
            case ["accounts", "verify_credentials"]:
                found = {"id": US, "acct": "banque"}
            case ["instance"]:
                found = self.about.get(path.split("/")[2])
            case ["notifications"]:
                found = self._page(self.told, query)
            case ["accounts", "1", "statuses"]:
                found = self._page(self.own, query)
            case ["statuses"] if not self.faults.one_by_one:
                found = [self.statuses[one] for one in query["id[]"] if one in self.statuses]
            case ["statuses", one]:
                found = self.statuses.get(one)
            case ["statuses", one, "context"] if one in self.statuses:
                found = {"descendants": [s for s in self.own if s["in_reply_to_id"] == one]}
        return found

    def _page(self, items: list[Item], query: dict[str, list[str]]) -> list[Item]:
        limit = min(int(query["limit"][0]), self.faults.page)
        ids = [one["id"] for one in items]
        start = ids.index(query["max_id"][0]) + 1 if "max_id" in query else 0
        end = ids.index(query["min_id"][0]) if "min_id" in query else len(items)
        between = items[start : max(start, end)]
        return between[-limit:] if "min_id" in query and not self.faults.newest_page else between[:limit]

    def post(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        """What becomes of a post: a status, or 0 for a connection that breaks."""
        luck, faults = self.chance.random(), self.faults
        if luck < faults.error_before_accept:
            return 500, {"error": "oops"}
        made = self.says(form["status"][0], form["in_reply_to_id"][0])
        if luck < faults.error_before_accept + faults.error_after_accept:
            return 500, {"error": "oops"}
        if luck < faults.error_before_accept + faults.error_after_accept + faults.drop_after_accept:
            return 0, None
        return 200, made


class _Handler(BaseHTTPRequestHandler):
    instance: Instance

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if self._may("GET"):
            found = self.instance.get(target.path, parse_qs(target.query))
            self._answer(404 if found is None else 200, found)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        if self._may("POST"):
            self._answer(*self.instance.post(form))

    def _may(self, method: str) -> bool:
        self.instance.asked.append(f"{method} {self.path}")
        if self.headers["authorization"] != f"Bearer {self.instance.token}":
            self._answer(401, {"error": "The access token is invalid"})
            return False
        if self.instance.faults.status != 200:
            self._answer(self.instance.faults.status, {"error": "as told"})
            return False
        return True

    def _answer(self, status: int, found: Any) -> None:
        if status == 0:
            return
        body = json.dumps(found if found is not None else {"error": "Record not found"}).encode()
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **self.instance.faults.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def running(instance: Instance | None = None) -> Iterator[Instance]:
    """Serve it on loopback."""
    instance = instance or Instance()
    with loopback.http(_Handler, instance=instance) as instance.url:
        yield instance
