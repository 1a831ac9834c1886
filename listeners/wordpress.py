"""Comments on a WordPress blog, published ones and those held for moderation.

REST API: https://developer.wordpress.org/rest-api/reference/comments/. The account needs the right to
moderate comments (role Editor) and an Application Password.

A comment that is rescued from spam keeps its old date. So beside looking at what is new, the listener
reads the last days again from time to time (`overlap_days`, `overlap_every_minutes`); what is known
already is dropped by the store.
"""

from __future__ import annotations

import hashlib
import html
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import Field

from accounts.wordpress import MOST, Access, body_of, fault
from bot.errors import Retry
from bot.http import Answer, ask, instant
from bot.models import Author, Batch, Kind, Mention
from listeners._html import text_of

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

# What WordPress and its best known plugins call what the public writes. Others are the blog's own notes
# (orders, payments), or we do not know them.
_KINDS: Final = {
    "comment": Kind.COMMENT,
    "review": Kind.REVIEW,
    "pingback": Kind.SHARE,
    "trackback": Kind.SHARE,
}
_FIELDS: Final = "id,post,parent,author,author_name,author_email,date_gmt,content,link,type"
_PAGE: Final = 100  # the most WordPress gives
_PAGES: Final = 20  # of news in one poll; the next goes on from there
# Comments have no fractions of a second, and web servers of one blog no common clock.
_MARGIN: Final = timedelta(minutes=2)


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    network: str = Field(
        default="wordpress", min_length=1, description="The name it goes by; give each blog its own."
    )
    staff: frozenset[int] = Field(
        default=frozenset(), description="Ids of other users of the blog who answer for the brand there."
    )
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    overlap_days: float = Field(
        default=3, ge=0, description="How many days are read again, for comments that appear late."
    )
    overlap_every_minutes: float = Field(
        default=15, ge=0, description="How often they are read again; 0, at every poll."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for one answer.")


class _Place(NamedTuple):
    """How far we have come. `to`: everything before it was read. `swept`: when the last days were read
    again. `again`: from where the next poll must read, because this one was given less than was there."""

    to: datetime
    swept: datetime
    again: datetime | None = None

    @classmethod
    def read(cls, cursor: str) -> _Place:
        found = json.loads(cursor)
        to, swept, again = (found[name] and datetime.fromisoformat(found[name]) for name in cls._fields)
        return cls(to, swept, again)

    def cursor(self) -> str:
        return json.dumps({name: at and at.isoformat() for name, at in self._asdict().items()})


class _Found(NamedTuple):
    """What was read: comments by id, how many the blog counted, its clock when we asked, and whether
    there is more."""

    comments: dict[int, dict[str, Any]]
    counted: int
    asked: datetime | None
    more: bool


class WordPressListener:
    """Reads one blog."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self._own_id: int | None = None

    def poll(self, cursor: str | None) -> Batch:
        """New comments since `cursor`, and from time to time those of the last days again.

        Raises:
            AuthFailed: the user or the password is not accepted, or may not moderate comments.
            Retry, RateLimited: the blog is out of order, or not there.
        """
        started = self.clock()
        place = _Place.read(cursor) if cursor else None
        after, wide = self._window(place, started)
        with self.config.client() as http:
            if self._own_id is None:
                self._own_id = self._ask_who_we_are(http)
            found = self._comments(http, after)
        mentions = sorted(self._mentions(found, started), key=lambda m: (m.posted_at, int(m.remote_id)))
        before = place.to if place else after
        to = min(started, found.asked or started)
        again = None
        if found.more:
            to = min(to, _last(found.comments))
        elif len(found.comments) < found.counted and not (place and place.again):
            again = after
        moved = _Place(to, started if wide or place is None else place.swept, again)
        complete_to = before if again else max(to, before) if found.more else to
        return Batch(tuple(mentions), moved.cursor(), complete_to, None if place else after)

    def _window(self, place: _Place | None, now: datetime) -> tuple[datetime, bool]:
        """From when on to read, and whether that reads the last days again."""
        if place is None:
            return now - timedelta(days=self.config.first_days), True
        after = min(place.to - _MARGIN, place.again or place.to)
        # A clock that was set back must not put this off.
        due = abs(now - place.swept) >= timedelta(minutes=self.config.overlap_every_minutes)
        return (
            (min(after, place.to - timedelta(days=self.config.overlap_days)), True) if due else (after, False)
        )

    def _comments(self, http: httpx.Client, after: datetime) -> _Found:
        found: dict[int, dict[str, Any]] = {}
        counted, asked, page, pages = 0, None, 0, 1
        query = {
            "context": "edit",
            "status": "all",  # published and held, neither spam nor trash
            "type": "all",
            "orderby": "date_gmt",
            "order": "asc",
            "per_page": str(_PAGE),
            # With its zone: WordPress takes a time without one as the blog's own.
            "after": f"{after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "_fields": _FIELDS,
        }
        while page < pages:
            page += 1
            answer, items = self._get(http, "comments", {**query, "page": str(page)})
            pages = _number(answer, "x-wp-totalpages", page + (len(items) == _PAGE))
            if page == 1:
                counted, date = _number(answer, "x-wp-total", 0), instant(answer.headers.get("date", ""))
                asked = date - answer.took if date else None
            found |= {item["id"]: item for item in _comments_in(items)}
            if not items:
                break
            newest = _last(found)
            # Leave off only where the next poll gets further than this one, and the order was kept.
            if _PAGES <= page < pages and newest > after + 2 * _MARGIN and newest == _posted_at(items[-1]):
                return _Found(found, counted, asked, True)
        return _Found(found, counted, asked, False)

    def _mentions(self, found: _Found, now: datetime) -> Iterator[Mention]:
        own = {*self.config.staff, self._own_id}
        for item in found.comments.values():
            kind = _KINDS.get(item.get("type") or "comment")
            if kind is None:
                continue
            ours = kind is not Kind.SHARE and item.get("author") in own
            parent = item.get("parent")
            yield Mention(
                network=self.config.network,
                remote_id=str(item["id"]),
                text=_text(item),
                posted_at=_posted_at(item) or now,
                author=_author(item),
                kind=kind,
                addressed=kind is not Kind.SHARE and not ours,
                url=item.get("link") or "",
                in_reply_to=str(parent) if parent else "",
                own=ours,
            )

    def _ask_who_we_are(self, http: httpx.Client) -> int:
        _, me = self._get(http, "users/me", {"_fields": "id"})
        if not isinstance(me.get("id"), int):
            raise Retry(f"{self.config.host} does not say who we are")
        return int(me["id"])

    def _get(self, http: httpx.Client, path: str, params: dict[str, str]) -> tuple[Answer, Any]:
        end = time.monotonic() + self.config.timeout
        answer = ask(http, "GET", self.config.api + path, end=end, most=MOST, params=params)
        body = body_of(answer)
        if answer.status == 200 and isinstance(body, list if path == "comments" else dict):
            return answer, body
        raise fault(self.config.host, answer)


def _number(answer: Answer, header: str, otherwise: int) -> int:
    value = answer.headers.get(header, "")
    return int(value) if value.isdecimal() else otherwise


def _comments_in(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("id"), int):
            yield item
        else:
            log.warning("WordPress listed a comment without an id: it was left out")


def _last(found: dict[int, dict[str, Any]]) -> datetime:
    return max(filter(None, map(_posted_at, found.values())), default=datetime.min.replace(tzinfo=UTC))


def _posted_at(item: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(item["date_gmt"]).replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError):
        return None


def _text(item: dict[str, Any]) -> str:
    """What was typed: the raw content, with the tags that WordPress lets pass taken out again."""
    content = item.get("content")
    raw = content.get("raw") if isinstance(content, dict) else None
    return text_of(raw, keep_lines=True) if isinstance(raw, str) else ""


def _author(item: dict[str, Any]) -> Author:
    """Visitors have no id. Their e-mail address tells them apart and is nobody's business: a digest of
    it does the same. A name alone is nobody's: two who call themselves Anonyme are two people."""
    name = html.unescape(item.get("author_name") or "")
    email = (item.get("author_email") or "").strip().lower()
    if item.get("author"):
        return Author(id=f"user:{item['author']}", name=name)
    if email:
        return Author(id=f"email:{hashlib.sha256(email.encode()).hexdigest()[:16]}", name=name)
    return Author(name=name)
