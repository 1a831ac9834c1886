"""Mentions, replies and quotes on Bluesky, or whatever a saved search finds.

Notifications (https://docs.bsky.app/docs/api/app-bsky-notification-list-notifications) are listed by the time
that a post claims to be from, the newest first. One from a phone whose clock is wrong, or that was late on
its way, turns up below what was read already. So the last minutes are read again at every poll, and the last
days from time to time (`overlap_days`, `overlap_every_minutes`); what is known already is dropped by the
store.

With `searches` it reads these instead (https://docs.bsky.app/docs/api/app-bsky-feed-search-posts); give them
an entry of their own, at a pace of its own. Whom the account has blocked or muted is not heard.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from pydantic import Field

from accounts.bluesky import Access, Session, Xrpc, account
from accounts.xrpc import POST, Rejected, link, mapping, place, string
from bot.models import Batch, Kind, Mention
from listeners._bluesky import author_of, instant, language, position, speaks_to, uri_of

log = logging.getLogger(__name__)

_SPOKEN: Final = ("mention", "reply", "quote")
_SHARED: Final = ("repost", "like")
_PAGE: Final = 100  # the most Bluesky gives
_PAGES: Final = 20  # of notifications in one poll; the next goes on from there
_SHARE_PAGES: Final = 5  # what is owed nothing must not hold up what is
_OWN_PAGES: Final = 100
_ASKED: Final = 25  # the most that can be asked about at once
_MARGIN: Final = timedelta(minutes=10)
_NOTIFICATIONS: Final = ("app.bsky.notification.listNotifications", "notifications")
_RECORDS: Final = ("com.atproto.repo.listRecords", "records")
_POSTS: Final = ("app.bsky.feed.searchPosts", "posts")


class Config(Access, frozen=True):
    """What it takes to listen."""

    network: str = Field(default="bluesky", min_length=1, description="The name it goes by.")
    searches: tuple[str, ...] = Field(
        default=(),
        description="What to search for instead of reading notifications, such as '\"Banque Azur\"'. What is "
        "found is listened to; who does not speak to the account is owed nothing.",
    )
    shares: bool = Field(default=True, description="Also hear reposts and likes, to count them.")
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    overlap_days: float = Field(
        default=3, ge=0, description="How many days are read again, for posts that appear late."
    )
    overlap_every_minutes: float = Field(
        default=15, ge=0, description="How often they are read again; 0, at every poll."
    )


class _Place(NamedTuple):
    """How far we have come. `to`: everything before it was read. `seen`: so was everything since the poll
    before, up to here. `swept`: when the last days were read again. `page`: where to go on with what was too
    long for one poll, and `until`: how far back that goes."""

    to: datetime
    seen: datetime
    swept: datetime
    page: str = ""
    until: datetime | None = None

    @classmethod
    def read(cls, cursor: str) -> _Place:
        found = json.loads(cursor)
        times = {name: found[name] and datetime.fromisoformat(found[name]) for name in _TIMES}
        return cls(page=found["page"], **times)

    def cursor(self) -> str:
        return json.dumps({**self._asdict(), **{name: _iso(getattr(self, name)) for name in _TIMES}})


_TIMES: Final = ("to", "seen", "swept", "until")


class _Read(NamedTuple):
    """A stretch of a list. `page`: where to go on; `whole`: it reached back as far as was asked."""

    items: list[dict[str, Any]]
    page: str
    whole: bool


class BlueskyListener:
    """Listens for one account."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self._account = account(config)

    def poll(self, cursor: str | None) -> Batch:
        """What is new since `cursor`, and from time to time the last days again.

        Raises:
            AuthFailed: handle or App Password is not accepted, or the account is closed.
            Retry, RateLimited: Bluesky is out of order, not there, or asks us to wait.
        """
        before = _Place.read(cursor) if cursor else None
        started = self.clock()
        with self._account.open() as xrpc:
            if self.config.searches:
                return self._search(xrpc, before, started)
            return self._listen(xrpc, before, started)

    def deleted(self, remote_ids: Sequence[str]) -> list[str]:
        """Which of these posts are gone: their authors deleted them or closed their accounts, or Bluesky took
        them down, which cannot be told apart. Who has blocked us is still there.

        Raises:
            as `poll`.
        """
        posts = [uri for uri in remote_ids if (where := place(uri)) is not None and where[1] == POST]
        gone = list[str]()
        with self._account.open() as xrpc:
            for start in range(0, len(posts), _ASKED):
                asked = posts[start : start + _ASKED]
                answer = xrpc.query("app.bsky.feed.getPosts", uris=asked)
                shown = {post["uri"] for post in _items(answer, "posts")}
                gone += [uri for uri in asked if uri not in shown and _is_gone(xrpc, uri)]
        return gone

    # --- Notifications ---------------------------------------------------------------------------

    def _listen(self, xrpc: Xrpc, before: _Place | None, started: datetime) -> Batch:
        first = started - timedelta(days=self.config.first_days)
        so_far = before or _Place(first, first, started)
        since = so_far.seen - _MARGIN if before else first
        fresh = _notifications(xrpc, _SPOKEN, since, _PAGES)
        # A clock ahead of Bluesky's promises no more than Bluesky knows.
        now = min(started, xrpc.date or started)
        moved, late = self._go_on(xrpc, so_far, fresh, since, now)
        shared = _notifications(xrpc, _SHARED, since, _SHARE_PAGES).items if self.config.shares else []
        me = xrpc.me
        mentions = [self._mention(item, me.did, started) for item in (*fresh.items, *late, *shared)]
        mentions += [self._own(item, me, started) for item in _written(xrpc, since)]
        return Batch(_ordered(mentions), moved.cursor(), moved.to, None if before else first)

    def _go_on(
        self, xrpc: Xrpc, so_far: _Place, fresh: _Read, since: datetime, now: datetime
    ) -> tuple[_Place, list[dict[str, Any]]]:
        """Read what earlier polls left, or the last days again; never before what is new."""
        if not fresh.whole:
            left = so_far._replace(seen=now, page=fresh.page, until=min(so_far.until or since, since))
            return left, []
        # What was left behind ends only with the last page of it.
        so_far = so_far._replace(seen=now, to=now if so_far.to == so_far.seen else so_far.to)
        # A clock that was set back must not put this off.
        due = abs(now - so_far.swept) >= timedelta(minutes=self.config.overlap_every_minutes)
        if due and not so_far.page and fresh.page:
            until = now - timedelta(days=self.config.overlap_days)
            so_far = so_far._replace(swept=now, page=fresh.page, until=until)
        if not so_far.page or so_far.until is None:
            return so_far, []
        more = _notifications(xrpc, _SPOKEN, so_far.until, _PAGES, so_far.page)
        if more.whole:
            return _Place(now, now, so_far.swept), more.items
        return so_far._replace(page=more.page), more.items

    def _mention(self, item: dict[str, Any], me: str, now: datetime) -> Mention:
        """One notification, or one post that a search found."""
        record, reason = mapping(item.get("record")), item.get("reason")
        author = author_of(item)
        subject = string(item.get("reasonSubject"))
        if reason in _SHARED:
            return Mention(
                self.config.network, item["uri"], "", instant(item, record) or now, author, Kind.SHARE,
                url=link(subject), in_reply_to=subject,
            )  # fmt: skip
        parent, root = (uri_of(mapping(record.get("reply")).get(which)) for which in ("parent", "root"))
        ours = author.id == me
        said = reason in ("mention", "quote") or (reason == "reply" and not parent)
        return Mention(
            network=self.config.network,
            remote_id=item["uri"],
            text=string(record.get("text")),
            posted_at=instant(item, record) or now,
            author=author,
            kind=Kind.REPLY if "reply" in record or reason == "reply" else Kind.POST,
            addressed=not ours and (said or speaks_to(record, parent, me)),
            url=link(item["uri"], author.handle),
            lang=language(record),
            in_reply_to=parent,
            conversation=root or item["uri"],
            own=ours,
        )

    def _own(self, item: dict[str, Any], me: Session, now: datetime) -> Mention:
        """What the account itself wrote, wherever it was typed."""
        author = {"did": me.did, "handle": me.handle}
        return self._mention({**item, "author": author, "record": item.get("value")}, me.did, now)

    # --- Saved searches --------------------------------------------------------------------------

    def _search(self, xrpc: Xrpc, before: _Place | None, started: datetime) -> Batch:
        so_far = before or _Place(started, started, started)
        due = abs(started - so_far.swept) >= timedelta(minutes=self.config.overlap_every_minutes)
        days = (self.config.overlap_days if due else 0.0) if before else self.config.first_days
        since = so_far.to - max(_MARGIN, timedelta(days=days))
        found: dict[str, dict[str, Any]] = {}
        for words in self.config.searches:
            posts = _found(xrpc, words, since)
            found |= {post["uri"]: post for post in posts.items}
            if not posts.whole:  # more than Bluesky shows: what lies before it is a gap
                since = max(since, min(filter(None, map(position, posts.items)), default=started))
        now = min(started, xrpc.date or started)
        moved = _Place(now, now, started if due else so_far.swept)
        mentions = [self._mention(post, xrpc.me.did, started) for post in found.values()]
        gap = since if before is None or since > before.to else None
        return Batch(_ordered(mentions), moved.cursor(), now, gap)


def _notifications(
    xrpc: Xrpc, reasons: tuple[str, ...], until: datetime, pages: int, page: str = ""
) -> _Read:
    # Without priority it depends on what somebody once set in the app, and strangers may be left out.
    query = {"limit": _PAGE, "reasons": list(reasons), "priority": False}
    found = _list(xrpc, _NOTIFICATIONS, query, until, pages, page)
    return found._replace(items=[item for item in found.items if item.get("reason") in reasons])


def _written(xrpc: Xrpc, until: datetime) -> list[dict[str, Any]]:
    """The account's own posts, from its own repository: no index that lags, and no filter, is in between."""
    query = {"repo": xrpc.me.did, "collection": POST, "limit": _PAGE}
    return _list(xrpc, _RECORDS, query, until, _OWN_PAGES).items


def _found(xrpc: Xrpc, words: str, until: datetime) -> _Read:
    query = {"q": words, "sort": "latest", "limit": _PAGE, "since": _iso(until)}
    return _list(xrpc, _POSTS, query, until, _PAGES)


def _list(
    xrpc: Xrpc, what: tuple[str, str], query: dict[str, Any], until: datetime, pages: int, page: str = ""
) -> _Read:
    """Page after page, the newest first, until one comes to what is older than `until`."""
    method, name = what
    items = list[dict[str, Any]]()
    for _ in range(pages):
        answer = xrpc.query(method, **query, **({"cursor": page} if page else {}))
        got = _items(answer, name)
        items += got
        following = string(answer.get("cursor"))
        end = not following or following == page
        page = "" if end else following
        if end or _older(got, until):
            return _Read(items, page, whole=True)
    return _Read(items, page, whole=False)


def _is_gone(xrpc: Xrpc, uri: str) -> bool:
    """Whether a post that is not shown to us is there for nobody."""
    whose, collection, key = place(uri) or ("", "", "")
    try:
        xrpc.query("com.atproto.repo.getRecord", repo=whose, collection=collection, rkey=key)
    except Rejected as rejected:
        return rejected.code in _NOT_THERE
    return False


_NOT_THERE: Final = ("RecordNotFound", "RepoNotFound", "RepoDeactivated", "RepoTakendown")


def _items(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The list in an answer, without what has no uri."""
    listed = answer.get(name)
    found = listed if isinstance(listed, list) else []
    usable = [one for one in found if isinstance(one, dict) and place(string(one.get("uri"))) is not None]
    if len(usable) < len(found):
        log.warning("Bluesky listed %d %s without a uri: left out", len(found) - len(usable), name)
    return usable


def _older(items: Sequence[dict[str, Any]], than: datetime) -> bool:
    """Whether the list has come further back than that."""
    at = next(filter(None, map(position, reversed(items))), None)
    return at is not None and at < than


def _ordered(mentions: list[Mention]) -> tuple[Mention, ...]:
    return tuple(sorted(mentions, key=lambda mention: mention.posted_at))


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
