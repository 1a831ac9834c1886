"""Replies under comments on a WordPress blog.

REST API: https://developer.wordpress.org/rest-api/reference/comments/. The account needs the right to
moderate comments (role Editor) and an Application Password.

WordPress refuses the same words by the same user under the same comment a second time (409,
``comment_duplicate``), which is what makes an attempt safe to look for and, at worst, to repeat.
"""

from __future__ import annotations

import html
import re
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pydantic import Field

from accounts.wordpress import MOST, Access, body_of, code_of, fault, word
from bot.errors import RateLimited, Refused, Unsure
from bot.http import Answer, ask, tell
from bot.models import Kind, Limits, Mention, Receipt, Refusal, Reply

if TYPE_CHECKING:
    import httpx

_FLOOD: Final = 15  # seconds between two comments of one user who is no editor (wp-includes/comment.php)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# Seconds for which a post is taken to be as open as it was. Only drafting relies on it: sending is up to
# the blog.
_KNOWN: Final = 60
_HELD: Final = (
    "the comment is held for moderation: publish it on the blog, then approve the reply again; or set "
    "publish_held"
)


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    publish_held: bool = Field(
        default=False,
        description='Publish a comment that is held for moderation when it is answered, as "Approve and '
        'reply" does in WordPress; otherwise its reply is refused until somebody publishes it on the blog.',
    )
    timeout: float = Field(default=20, gt=0, description="Seconds that sending one reply may take in all.")


def _bytes(text: str) -> int:
    return len(_content(text).encode())


class WordPressResponder:
    """Answers on one blog."""

    # The column that comments stand in (get_comments' wp_get_comment_fields_max_lengths).
    limits = Limits(maximum=65_525, count=_bytes, unit="bytes")

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.clock = clock
        self._open_until: dict[int, float] = {}

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Ask the blog whether the comment is there and open to replies. For one that is held, a draft may
        wait until it is published.

        Raises:
            ServiceError: the blog could not be asked.
        """
        blog = _Session(self.config, self._reader)
        try:
            comment = blog.comment(mention)
        except Refused as refused:
            return Refusal(str(refused))
        if self._open_until.get(comment["post"], 0) > self.clock():
            return None
        if blog.closed(comment):
            return Refusal("comments are closed there")
        self._open_until[comment["post"]] = self.clock() + _KNOWN
        return None

    @cached_property
    def _reader(self) -> httpx.Client:
        """Kept, because thousands of comments may be asked about in a row; for reading only."""
        kept = self.config.client()
        weakref.finalize(self, kept.close)
        return kept

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply under its comment.

        Raises:
            Refused: the comment is gone or (still) held, comments are closed, or WordPress will not have
                the text.
            Retry, RateLimited, AuthFailed: it was not published.
            Unsure: it may have been published, or waits for moderation itself.
        """
        with _session(self.config) as blog:
            comment = blog.comment(reply.mention)
            if comment["status"] == "hold":
                if not self.config.publish_held:
                    raise Refused(_HELD)
                blog.publish(comment)
            new = {"post": comment["post"], "parent": comment["id"], "content": _content(reply.text)}
            answer = blog.post(new)
            if code_of(answer) == "comment_duplicate":
                if there := blog.find(reply):
                    return there
                raise Unsure(f"{blog.host} says that this reply stands there already, but does not show it")
            return blog.receipt(answer)

    def find(self, reply: Reply) -> Receipt | None:
        """Look among our own replies under the comment for one with the same text.

        Raises:
            Unsure: it is there, but not to be seen: held, taken for spam, or put in the trash.
            ServiceError: the blog could not be asked.
        """
        with _session(self.config) as blog:
            return blog.find(reply)


@contextmanager
def _session(config: Config) -> Iterator[_Session]:
    with config.client() as http:
        yield _Session(config, http)


class _Session:
    """The requests of one call, which all together may take `Config.timeout`."""

    def __init__(self, config: Config, http: httpx.Client) -> None:
        self._api, self.host, self._http = config.api, config.host, http
        self._end = time.monotonic() + config.timeout

    def comment(self, mention: Mention) -> dict[str, Any]:
        """The comment as it stands now.

        Raises:
            Refused: it is gone, or was never a comment.
        """
        if not (mention.remote_id.isascii() and mention.remote_id.isdecimal()) or mention.kind is Kind.SHARE:
            raise Refused("this is no comment that could be answered")
        query = {"context": "edit", "_fields": "id,post,status,_links"}
        answer = self._ask("GET", f"comments/{mention.remote_id}", params=query)
        if answer.status == 404 and code_of(answer):
            raise Refused("the comment is gone")
        found = self._object(answer)
        if found.get("status") in ("trash", "spam", "post-trashed"):
            raise Refused(f"the comment was put under {found['status']}")
        if not isinstance(found.get("post"), int) or not isinstance(found.get("id"), int):
            self._stop(answer)
        return {"status": "", **found}

    def closed(self, comment: dict[str, Any]) -> bool:
        """Whether the post (or page, or product) takes no comments any more."""
        up = (comment.get("_links") or {}).get("up") or [{}]
        url = str(up[0].get("href", ""))
        if not url.startswith(self._api):  # credentials go nowhere else
            return False
        answer = self._ask("GET", url.removeprefix(self._api), params={"_fields": "comment_status"})
        return answer.status == 200 and self._object(answer).get("comment_status") == "closed"

    def publish(self, comment: dict[str, Any]) -> None:
        self._object(self._ask("POST", f"comments/{comment['id']}", json={"status": "approve"}))

    def post(self, comment: dict[str, Any]) -> Answer:
        url = f"{self._api}comments"
        return tell(self._http, "POST", url, end=self._end, most=MOST, json=comment)

    def receipt(self, answer: Answer) -> Receipt:
        """What came of `post`.

        Raises:
            as `WordPressResponder.send`.
        """
        code = code_of(answer)
        if code == "comment_flood":
            raise RateLimited(f"{self.host} asks us to wait", _FLOOD)
        if 400 <= answer.status < 500:
            if answer.status == 401 or code.startswith("rest_forbidden"):
                self._stop(answer)
            raise Refused(f"{self.host} does not take the reply ({code or answer.status})")
        found = body_of(answer)
        if not isinstance(found, dict) or not isinstance(found.get("id"), int):
            raise Unsure(f"{self.host} did not say what became of the reply (status {answer.status})")
        return self._shown(found)

    def find(self, reply: Reply) -> Receipt | None:
        """As `WordPressResponder.find`."""
        me = self._object(self._ask("GET", "users/me", params={"_fields": "id"})).get("id")
        for status in ("all", "spam", "trash"):
            for comment in self._replies(reply.mention, str(me), status):
                if _same(comment, reply.text):
                    return self._shown(comment)
        return None

    def _replies(self, mention: Mention, author: str, status: str) -> Iterator[dict[str, Any]]:
        query = {
            "context": "edit",
            "parent": mention.remote_id,
            "author": author,
            "status": status,
            "per_page": "100",
            "_fields": "id,link,status,content",
        }
        page, pages = 0, 1
        while page < pages:
            page += 1
            answer = self._ask("GET", "comments", params={**query, "page": str(page)})
            found = body_of(answer)
            if answer.status != 200 or not isinstance(found, list):
                self._stop(answer)
            total = answer.headers.get("x-wp-totalpages", "")
            pages = min(int(total), 50) if total.isdecimal() else 1
            yield from (one for one in found if isinstance(one, dict) and isinstance(one.get("id"), int))

    def _shown(self, comment: dict[str, Any]) -> Receipt:
        status = comment.get("status", "approved")
        if status != "approved":
            raise Unsure(f"{self.host} has the reply, but under {word(status)}: nobody can see it")
        return Receipt(str(comment["id"]), str(comment.get("link") or ""))

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        return ask(self._http, method, self._api + path, end=self._end, most=MOST, **request)

    def _object(self, answer: Answer) -> dict[str, Any]:
        found = body_of(answer)
        if answer.status != 200 or not isinstance(found, dict):
            self._stop(answer)
        return found

    def _stop(self, answer: Answer) -> NoReturn:
        """Say what is wrong with an answer that we cannot go on from."""
        raise fault(self.host, answer)


def _content(text: str) -> str:
    """`text` as HTML that shows it as it is: an editor's own tags would be obeyed. And without a backslash:
    WordPress 6.1 does not recognise the second of two equal comments that have one."""
    return html.escape(text, quote=False).replace("\\", "&#92;")


def _same(comment: dict[str, Any], text: str) -> bool:
    content = comment.get("content")
    raw = content.get("raw") if isinstance(content, dict) else None
    return isinstance(raw, str) and _plain(html.unescape(raw)) == _plain(text)


def _plain(text: str) -> list[str]:
    """Its words: WordPress trims, writes line ends in its own way and drops control characters."""
    return _CONTROL.sub("", text).split()
