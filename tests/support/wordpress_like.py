"""A loopback server that speaks WordPress's REST API for comments, for crash tests and contract tests.

It does what a real WordPress 6.1 was seen to do (tests/servers/test_wordpress.py holds both to it), can
be told to misbehave, and appends every comment it accepts from the API to a log: a test counts doubles
there, on the blog's side.

    python -m tests.support.wordpress_like --port 0 --comments 2000 --log FILE

prints its address on the first line. ``POST /control/<verb>`` is for tests: see `Blog`.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import contextlib
import json
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import loopback

Comment = dict[str, Any]
OWN = 2  # the user id of `Blog.username`
OPEN, CLOSED = 1, 4  # posts
TEXTS = (
    "Votre application plante depuis ce matin, c'est inadmissible !",
    "How do I open an account for my daughter?",
    "Merci pour votre aide, tout est réglé 🙂",
    "Card blocked abroad AGAIN. Nobody answers the phone.",
    "Bonjour, quel est le délai pour un virement instantané ?",
)


@dataclass
class Faults:
    """How the blog misbehaves; probabilities, 0 to 1, for what happens to a POST."""

    drop_after_accept: float = 0.0  # publishes, then drops the connection
    error_after_accept: float = 0.0  # publishes, then answers 500
    error_before_accept: float = 0.0  # answers 500 and publishes nothing
    slow: float = 0.0  # seconds before each answer
    reverse: bool = False  # lists the newest first, whatever was asked
    duplicates_welcome: bool = False  # takes the same reply again, which a real WordPress does not
    twice: bool = False  # gives the page before once more, the first time each page is asked for
    status: int = 0  # answers everything with this status
    body: str | None = None  # answers everything with this body
    retry_after: str = ""


@dataclass
class Blog:
    """The comments, and what the outside did to them. One lock makes every method safe for threads."""

    username: str = "bot"
    password: str = "open sesame"
    url: str = ""
    log: Path | None = None
    seed: int = 0
    closed: bool = False  # its open post takes comments no more
    patience: float = 30  # seconds for which it keeps a connection that nothing comes over
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)  # method, target, JSON body
    posted: list[Comment] = field(default_factory=list)  # accepted through the API
    comments: dict[int, Comment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.random = random.Random(self.seed)
        self._order: list[tuple[str, int]] = []
        self._under: dict[int, list[int]] = {}
        self._asked: set[str] = set()

    def visitor_comment(
        self,
        text: str,
        *,
        name: str = "Zoé",
        email: str = "zoe@example.org",
        post: int = OPEN,
        parent: int = 0,
        status: str = "approved",
        type: str = "comment",  # noqa: A002
        at: datetime | None = None,
        author: int = 0,
    ) -> int:
        """What a visitor (or a user, by `author`) writes; the new comment's id."""
        with self.lock:
            new = max(self.comments, default=0) + 1
            at = at or datetime.now(UTC)
            self.comments[new] = {
                "id": new,
                "post": post,
                "parent": parent,
                "author": author,
                "author_name": name,
                "author_email": email,
                "date_gmt": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
                "content": {"rendered": f"<p>{text}</p>\n", "raw": text},
                "link": f"{self.url}/2026/11/hello-world/#comment-{new}",
                "status": status,
                "type": type,
                "_links": {"up": [{"href": f"{self.url}/wp-json/wp/v2/posts/{post}"}]},
            }
            bisect.insort(self._order, (self.comments[new]["date_gmt"], new))
            self._under.setdefault(parent, []).append(new)
            return new

    def fill(self, count: int, over: timedelta = timedelta(hours=12), hold_every: int = 0) -> None:
        """`count` visitors' comments, spread evenly over the time up to now."""
        now = datetime.now(UTC)
        for n in range(count):
            self.visitor_comment(
                f"{TEXTS[n % len(TEXTS)]} ({n})",
                name=f"Visitor {n % 997}",
                email=f"visitor{n % 997}@example.org",
                status="hold" if hold_every and n % hold_every == 0 else "approved",
                at=now - over * ((count - n) / count),
            )

    def edit(self, comment: int, text: str) -> None:
        self.comments[comment]["content"] = {"rendered": f"<p>{text}</p>\n", "raw": text}

    def set_status(self, comment: int, status: str) -> None:
        self.comments[comment]["status"] = status

    def delete(self, comment: int) -> None:
        with self.lock:
            gone = self.comments.pop(comment)
            self._order.remove((gone["date_gmt"], comment))
            self._under[gone["parent"]].remove(comment)

    def state(self) -> dict[str, int]:
        """Figures for a test at the end: how many replies stand, under how many comments, how many twice."""
        with self.lock:
            keys = [(one["parent"], one["content"]["raw"]) for one in self.posted]
            parents = {parent for parent, _ in keys}
            doubled = len(keys) - len(parents)
            return {"replies": len(keys), "answered": len(parents), "doubled": doubled}

    # --- what the API asks -----------------------------------------------------------------------

    def listed(self, query: dict[str, str]) -> list[Comment]:
        """All comments that a query is for, in its order."""
        with self.lock:
            if "parent" in query:
                order = sorted(self._order_of(one) for one in self._under.get(int(query["parent"]), []))
            else:
                order = self._order
            after = query.get("after", "")[:19]
            start = bisect.bisect_right(order, (after, 10**12)) if after else 0
            found = [self.comments[one] for _, one in order[start:]]
        status = query.get("status", "approve")
        allowed = {"all": ("approved", "hold"), "approve": ("approved",)}.get(status, (status,))
        kind, author = query.get("type", "comment"), query.get("author")
        found = [
            one
            for one in found
            if one["status"] in allowed
            and kind in ("all", one["type"])
            and author in (None, str(one["author"]))
        ]
        descending = query.get("order", "desc") == "desc" or self.faults.reverse
        return found[::-1] if descending else found

    def _order_of(self, comment: int) -> tuple[str, int]:
        return self.comments[comment]["date_gmt"], comment

    def page_asked(self, query: dict[str, str], page: int) -> int:
        """The page that is given for `page`."""
        key = json.dumps(query, sort_keys=True)
        if not self.faults.twice or page == 1 or key in self._asked:
            return page
        self._asked.add(key)
        return page - 1

    def create(self, new: Comment) -> tuple[int, Comment]:
        """Take a comment from the API, as WordPress does: the parent is not looked at."""
        content = str(new.get("content", "")).strip()
        if new.get("post") not in (OPEN, CLOSED):
            return _error(403, "rest_comment_invalid_post_id")
        if new["post"] == CLOSED or self.closed:
            return _error(403, "rest_comment_closed")
        if not content:
            return _error(400, "rest_comment_content_invalid")
        if len(content.encode()) > 65_525:
            return _error(400, "comment_content_column_length")
        parent = int(new.get("parent", 0))
        with self.lock:
            for one in map(self.comments.__getitem__, self._under.get(parent, [])):
                same = (one["author"], one["post"], one["content"]["raw"]) == (OWN, new["post"], content)
                if same and one["status"] != "trash" and not self.faults.duplicates_welcome:
                    return _error(409, "comment_duplicate")
            number = self.visitor_comment(content, name="Bank", post=new["post"], parent=parent, author=OWN)
            made = self.comments[number]
            self.posted.append(made)
            if self.log:
                with self.log.open("a") as log:
                    log.write(json.dumps({"id": number, "parent": parent, "content": content}) + "\n")
        return 201, made


def _error(status: int, code: str) -> tuple[int, Comment]:
    return status, {"code": code, "message": "Sorry.", "data": {"status": status}}


class Handler(BaseHTTPRequestHandler):
    """The wire. `blog` is set on the class that `running` makes of it."""

    blog: Blog
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing: the log is for comments."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw) if raw else None
        target = urlsplit(self.path)
        if target.path.startswith("/control/"):
            return self._control(target.path.removeprefix("/control/"), body or {})
        faults = self.blog.faults
        self.blog.requests.append((method, self.path, body))
        time.sleep(faults.slow)
        if faults.status or faults.body is not None:
            return self._send(faults.status or 200, faults.body or "")
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        path = target.path.removeprefix("/wp-json/wp/v2/")
        if path == target.path:
            return self._send(404, "<html>no such page</html>")
        return self._route(method, path, query, body or {})

    def _route(self, method: str, path: str, query: dict[str, str], body: Comment) -> None:
        credentials = f"{self.blog.username}:{self.blog.password}".encode()
        known = self.headers.get("authorization") == f"Basic {base64.b64encode(credentials).decode()}"
        one = re.fullmatch(r"(comments|posts)/(\d+)", path)
        if path == "users/me":
            self._json(*((200, {"id": OWN}) if known else _error(401, "rest_not_logged_in")))
        elif method == "POST" and not known:
            self._json(*_error(401, "rest_comment_login_required"))
        elif not known and (query.get("context") == "edit" or "status" in query):
            self._json(*_error(401, "rest_forbidden_context"))
        elif path == "comments":
            self._create(body) if method == "POST" else self._list(query)
        elif one and one[1] == "comments":
            self._one(int(one[2]), query, body)
        elif one:
            closed = self.blog.closed or int(one[2]) == CLOSED
            self._json(200, {"comment_status": "closed" if closed else "open"})
        else:
            self._json(*_error(404, "rest_no_route"))

    def _list(self, query: dict[str, str]) -> None:
        found = self.blog.listed(query)
        size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
        given = self.blog.page_asked(query, page)
        rows = [_fields(one, query) for one in found[(given - 1) * size : given * size]]
        pages = -(-len(found) // size)
        self._json(200, rows, {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)})

    def _one(self, number: int, query: dict[str, str], body: Comment) -> None:
        comment = self.blog.comments.get(number)
        if comment is None:
            return self._json(*_error(404, "rest_comment_invalid_id"))
        if "status" in body:
            comment["status"] = {"approve": "approved"}.get(body["status"], body["status"])
        return self._json(200, _fields(comment, query))

    def _create(self, body: Comment) -> None:
        faults, chance = self.blog.faults, self.blog.random.random
        if chance() < faults.error_before_accept:
            return self._send(500, "<h1>Error establishing a database connection</h1>")
        status, made = self.blog.create(body)
        if status == 201 and chance() < faults.drop_after_accept:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        if status == 201 and chance() < faults.error_after_accept:
            return self._send(500, "<h1>There has been a critical error</h1>")
        return self._json(status, made)

    def _control(self, verb: str, body: Comment) -> None:
        answer: dict[str, int] = {}
        if verb == "visitor":
            at = datetime.now(UTC) - timedelta(seconds=body.pop("seconds_ago", 0))
            answer["id"] = self.blog.visitor_comment(**body, at=at)
        elif verb == "faults":
            self.blog.faults = Faults(**body)
        elif verb == "edit":
            self.blog.edit(body["comment"], body["text"])
        elif verb == "status":
            self.blog.set_status(body["comment"], body["status"])
        elif verb == "delete":
            self.blog.delete(body["comment"])
        self._json(200, answer | self.blog.state())

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        data = body.encode()
        self.send_response(status)
        if self.blog.faults.retry_after:
            self.send_header("Retry-After", self.blog.faults.retry_after)
        for name, value in (headers or {"Content-Type": "text/html"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _fields(comment: Comment, query: dict[str, str]) -> Comment:
    wanted = query.get("_fields")
    if wanted is None:
        return comment
    return {
        name: comment[name] for name in {one.split(".")[0] for one in wanted.split(",")} if name in comment
    }


@contextlib.contextmanager
def running(blog: Blog | None = None, port: int = 0) -> Iterator[Blog]:
    """Serve `blog` in a thread."""
    blog = blog or Blog()
    with loopback.http(Handler, port, blog=blog, timeout=blog.patience) as blog.url:
        yield blog


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--comments", type=int, default=0, help="how many visitors have written already")
    parser.add_argument("--hold-every", type=int, default=0, help="every so many of them is held")
    parser.add_argument("--log", type=Path, help="where every accepted POST is appended to")
    parser.add_argument("--seed", type=int, default=0)
    for name, default in vars(Faults()).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=type(default) if default is not None else str, default=default)
    options = parser.parse_args()
    faults = Faults(**{name: getattr(options, name) for name in vars(Faults())})
    with running(Blog(log=options.log, seed=options.seed, faults=faults), options.port) as blog:
        blog.fill(options.comments, hold_every=options.hold_every)
        print(blog.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
