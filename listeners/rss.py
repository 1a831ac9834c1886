"""A feed of posts or comments: RSS or Atom, of a blog, a forum, a review page or a search.

A feed shows its newest items and forgets the others: where none of those that the last poll saw is in it
any more, something may have slipped by in between, and the batch says so (`Batch.complete_from`).
"""

from __future__ import annotations

import calendar
import hashlib
import io
import ipaddress
import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel, Field, field_validator

from bot.errors import AuthFailed, Retry
from bot.http import Answer, ask, client, instant
from bot.models import Author, Batch, Kind, Mention
from listeners._html import text_of

# Kinds whose title is the feed's ("Comment on ... by ..."), not the author's.
_UNTITLED: Final = (Kind.COMMENT, Kind.REPLY, Kind.MESSAGE)
_REFERENCE: Final = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_HOPS: Final = 5
_SEEN: Final = 200  # newest items whose digests are kept: enough to see whether two polls join


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    url: str = Field(description="The feed's address, such as https://blog.example.org/comments/feed/")
    network: str = Field(
        default="rss", min_length=1, description="The name it goes by; give each source its own."
    )
    kind: Kind = Field(default=Kind.POST, description="What its items are: post, comment, review...")
    addressed: bool = Field(
        default=False, description="Its authors speak to the brand: the comment feed of the brand's own blog."
    )
    own_authors: frozenset[str] = Field(
        default=frozenset(),
        description="Names under which the brand itself writes in this feed. Only where nobody else can take "
        "them: what they say is never a case, and counts as the brand's answer.",
    )
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    max_bytes: int = Field(default=5_000_000, gt=0, description="A larger feed is not read.")
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for the feed.")

    @field_validator("url")
    @classmethod
    def _on_the_web(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must begin with https:// or http://")
        if parts.username is not None:
            raise ValueError("url must not hold credentials")
        return url


class _Place(NamedTuple):
    """What the last poll saw: the feed's validators, its items (as digests), and the day before which
    nothing is brought."""

    since: str
    etag: str = ""
    modified: str = ""
    seen: tuple[str, ...] = ()


class RssListener:
    """Reads one feed."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """What stands in the feed, unless it has not changed since `cursor`.

        Raises:
            AuthFailed: the feed is not for us (401, 403).
            Retry, RateLimited: it is not there, out of order, too large, or no feed.
        """
        started = self.clock()
        first = cursor is None
        since = (started - timedelta(days=self.config.first_days)).isoformat()
        place = _Place(since) if cursor is None else _Place(**json.loads(cursor))
        answer = self._fetch(place)
        date = instant(answer.headers.get("date", ""))
        # A cache on the way gives yesterday's feed with yesterday's date.
        to = min(started, date - answer.took) if date else started
        if answer.status == 304 and cursor is not None:
            return Batch((), cursor, to)
        mentions = sorted(self._mentions(answer, started), key=lambda mention: mention.posted_at)
        seen = tuple(_digest(mention.remote_id) for mention in mentions)
        moved = place._replace(
            etag=answer.headers.get("etag", ""),
            modified=answer.headers.get("last-modified", ""),
            seen=seen[-_SEEN:] or place.seen,
        )
        floor = datetime.fromisoformat(place.since)
        kept = tuple(mention for mention in mentions if mention.posted_at >= floor)
        gap = bool(place.seen and seen) and not set(place.seen) & set(seen)
        complete_from = floor if first else min(mentions[0].posted_at, to) if gap else None
        return Batch(kept, json.dumps(moved._asdict()), to, complete_from)

    def _fetch(self, place: _Place) -> Answer:
        url = self.config.url
        known = {"If-None-Match": place.etag, "If-Modified-Since": place.modified}
        headers = {name: value for name, value in known.items() if value}
        end = time.monotonic() + self.config.timeout
        with client() as http:
            for _ in range(_HOPS):
                answer = ask(http, "GET", url, end=end, most=self.config.max_bytes, headers=headers)
                if answer.status not in (301, 302, 303, 307, 308):
                    return _usable(answer, urlsplit(url).hostname)
                url = self._followed(url, answer)
        raise Retry(f"{urlsplit(url).hostname} sends us on and on")

    def _followed(self, url: str, answer: Answer) -> str:
        """Where a redirect leads, if we go there: onto the web, not into our own network."""
        try:
            target = urljoin(url, answer.headers.get("location", ""))
            parts = urlsplit(target)
        except ValueError:
            raise Retry("the feed sends us on to what is no web address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Retry("the feed sends us on to what is no web address")
        if parts.scheme == "http" and url.startswith("https:"):
            raise Retry(f"the feed sends us on to {parts.hostname} without protection")
        if parts.hostname != urlsplit(self.config.url).hostname and not _public(parts.hostname):
            raise Retry(f"the feed sends us on to {parts.hostname}, which is no public address")
        return target

    def _mentions(self, answer: Answer, now: datetime) -> Iterator[Mention]:
        import feedparser  # only who listens to a feed pays for it

        # As a stream: it would take bytes for the name of a file to open. Its own clean-up of HTML is
        # left out because what we keep is text, and because it is slow on HTML written to be so.
        found = feedparser.parse(
            io.BytesIO(_REFERENCE.sub(_character, answer.body)),
            response_headers={"content-type": answer.headers.get("content-type", "")},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
        if not found.entries and not found.get("version"):
            raise Retry(f"{urlsplit(self.config.url).hostname} does not give a feed")
        for entry in found.entries:
            yield self._mention(entry, now)

    def _mention(self, entry: dict[str, Any], now: datetime) -> Mention:
        name = text_of(entry.get("author") or "")
        own = name in self.config.own_authors
        text, link = self._text(entry), entry.get("link") or ""
        return Mention(
            network=self.config.network,
            remote_id=self._remote_id(entry, text),
            text=text,
            posted_at=_posted_at(entry) or now,
            author=Author(name=name),  # a name is no id: anybody may call themselves so
            kind=self.config.kind,
            addressed=self.config.addressed and not own and self.config.kind is not Kind.SHARE,
            url=link if link.startswith(("http://", "https://")) else "",
            # https://www.rfc-editor.org/rfc/rfc4685: Atom only.
            in_reply_to=(entry.get("thr_in-reply-to") or {}).get("ref") or "",
            own=own,
        )

    def _text(self, entry: dict[str, Any]) -> str:
        title = text_of(entry.get("title") or "")
        content = next(iter(entry.get("content") or ()), None) or entry.get("summary_detail") or {}
        value = content.get("value") or ""
        body = value.strip() if content.get("type") == "text/plain" else text_of(value)
        if self.config.kind in _UNTITLED or body.startswith(title):
            return body or title
        return f"{title}\n\n{body}".strip()

    def _remote_id(self, entry: dict[str, Any], text: str) -> str:
        """The item's own id. One such as "17" holds for its site only."""
        own = entry.get("id") or entry.get("link") or f"sha256-{_digest(text)}"
        return own if ":" in own else f"{urlsplit(self.config.url).hostname}/{own}"


def _usable(answer: Answer, host: str | None) -> Answer:
    if answer.status in (200, 304):
        return answer
    if answer.status in (401, 403):
        raise AuthFailed(f"{host} does not let us read the feed (status {answer.status})")
    raise Retry(f"{host} has no feed at that address (status {answer.status})")


def _character(reference: re.Match[bytes]) -> bytes:
    """feedparser trips over the number of what is no character: one that somebody wrote into a comment would
    keep everybody in the feed from being heard. It stands as U+FFFD, as in a browser."""
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    number = int(digits[-9:], base) if len(digits.lstrip(b"0")) < 9 else sys.maxunicode + 1
    return reference[0] if number <= sys.maxunicode and not 0xD800 <= number <= 0xDFFF else b"&#xFFFD;"


def _posted_at(entry: dict[str, Any]) -> datetime | None:
    when = entry.get("published_parsed") or entry.get("updated_parsed")
    try:
        return datetime.fromtimestamp(calendar.timegm(when), UTC) if when else None
    except (ValueError, OverflowError):
        return None


def _public(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(address[4][0]).is_global for address in found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
