"""Who speaks to the brand on Mastodon, and on every server that speaks its API.

- Notifications: mentions, replies, quotes, direct messages, and boosts of the brand's statuses (shares).
  Those that the account's filters hold back are heard as well.
- Replies to the brand's statuses without its @name, which no notification tells: where a status of the brand
  has more replies than before, its thread is read.
- The brand's own statuses, so that an answer given natively on Mastodon counts.
- Hashtags, to listen only.

What was edited shows when the last days are read again (`overlap_days`, `overlap_every_minutes`). API:
https://docs.joinmastodon.org/methods/notifications/, https://docs.joinmastodon.org/methods/accounts/#statuses.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Annotated, Final

from pydantic import Field

from accounts.mastodon import (
    SHORT,
    Access,
    Entity,
    Gone,
    Read,
    Server,
    author_id,
    back,
    entities,
    entity,
    ident,
    newer,
    original,
    when,
    word,
)
from bot.errors import RateLimited, Refused, Retry
from bot.models import Batch, Kind, Mention
from listeners._statuses import author_of, kind_of, words_of

log = logging.getLogger(__name__)

_TYPES: Final = ["mention", "quote", "reblog"]
_NOTIFICATIONS: Final = 80  # the most that Mastodon gives at once
_STATUSES: Final = 40  # likewise
_AT_ONCE: Final = 20  # likewise, of statuses by their ids
_SWEPT: Final = 20  # pages at most that are read again
_BOOST: Final = "boost:"
_HANDLE: Final = re.compile(r"\A@[\w.\-]++(?:@[\w.\-:]++)?\s++")


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    network: str = Field(
        default="mastodon", min_length=1, description="The name it goes by; give each account its own."
    )
    hashtags: tuple[Annotated[str, Field(pattern=r"^\w+$")], ...] = Field(
        default=(), description="Hashtags to listen to, without #. Who uses one is owed no answer for that."
    )
    shares: bool = Field(default=True, description="Count boosts of the brand's statuses.")
    trust_language: bool = Field(
        default=True,
        description="Believe the language that a status says it is in. Not so for servers that write en "
        "everywhere (snac), or if many of your people have it set wrongly.",
    )
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    overlap_days: float = Field(default=1, ge=0, description="How many days are read again, for edits.")
    overlap_every_minutes: float = Field(
        default=5, ge=0, description="How often they are read again; 0, at every poll."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for one answer.")


@dataclass(frozen=True)
class _Place:
    """How far we have come. `floor`: the very first poll looked no further back; `swept`: when the last days
    were read again; `newest`: the last id that was read of each stream; `replies`: how many replies the
    brand's latest statuses had."""

    floor: datetime
    swept: datetime
    newest: Mapping[str, str] = field(default_factory=dict)
    replies: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> _Place:
        found = json.loads(cursor)
        floor, swept = (datetime.fromisoformat(found[name]) for name in ("floor", "swept"))
        return cls(floor, swept, found["newest"], found["replies"])

    def cursor(self) -> str:
        dates = {"floor": self.floor.isoformat(), "swept": self.swept.isoformat()}
        return json.dumps({**dates, "newest": dict(self.newest), "replies": dict(self.replies)})


class MastodonListener:
    """Reads what concerns one account."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self._me = ""

    @cached_property
    def _server(self) -> Server:
        """Kept, as its SDK asks once what kinds of timelines there are."""
        return Server(self.config, params={"include_filtered": "true"})

    def poll(self, cursor: str | None) -> Batch:
        """What is new since `cursor`, and from time to time the last days again.

        Raises:
            AuthFailed: the token is not accepted, or lacks the scope read.
            Retry, RateLimited: the server is out of order, not there, or asks us to wait.
        """
        now = self.clock()
        place = _Place.read(cursor) if cursor else _Place(self._first(now), now)
        try:
            return self._poll(place, now, first=cursor is None)
        except Refused as fault:
            raise Retry(str(fault)) from None

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        """Which of these are gone. Mastodon says no more than that we do not get to see a status: also where
        its author has blocked the brand since, whose words are no longer ours either.

        Raises:
            as `poll`.
        """
        server = Server(self.config)
        asked = [one for one in remote_ids if not one.startswith(_BOOST)]
        there = set(self._shown(server, asked))
        gone = [one for one in asked if one not in there and _is_gone(server, one)]
        if gone:
            server.me()  # or it is the account that nobody shows anything to any more
        return gone

    def _poll(self, place: _Place, now: datetime, *, first: bool) -> Batch:
        server = self._server
        self._me = self._me or server.me()
        told, wide = self._told(server, place, now)
        latest, own = self._own(server, place)
        tagged = {f"#{tag}": self._tagged(server, tag, place, now) for tag in self.config.hashtags}
        counts = {ident(one): _number(one, "replies_count") for one in latest}
        mentions = [
            *(self._mention(one, now) for read in tagged.values() for one in read.items),
            *(self._mention(one, now) for one in self._threads(server, counts, place.replies)),
            *(mention for one in told.items for mention in self._notified(one, now)),
            *(self._mention(one, now) for one in own.items),
        ]
        if first:
            mentions = [mention for mention in mentions if mention.posted_at >= place.floor]
        reads = {"notifications": told, "own": own, **tagged}
        newest = {name: read.newest for name, read in reads.items()}
        moved = _Place(place.floor, now if wide else place.swept, newest, counts)
        return Batch(
            mentions=_once(mentions),
            cursor=moved.cursor(),
            complete_to=min([now, *(read.until for read in reads.values() if read.until)]),
            complete_from=max(place.floor, told.since or place.floor) if first else None,
        )

    def _first(self, now: datetime) -> datetime:
        return now - timedelta(days=self.config.first_days)

    # --- What is read ------------------------------------------------------------------------------

    def _told(self, server: Server, place: _Place, now: datetime) -> tuple[Read, bool]:
        """New notifications, and whether those of the last days were read again."""
        types = _TYPES if self.config.shares else _TYPES[:-1]
        get = partial(server.read, server.api.notifications, types=types, limit=_NOTIFICATIONS)
        read = newer(get, place.newest.get("notifications", ""), place.floor)
        if abs(now - place.swept) < timedelta(minutes=self.config.overlap_every_minutes):
            return read, False
        again = back(get, now - timedelta(days=self.config.overlap_days), _SWEPT)
        return replace(read, items=(*again.items, *read.items)), True

    def _own(self, server: Server, place: _Place) -> tuple[list[Entity], Read]:
        """The brand's latest statuses, and those that are new."""
        get = partial(
            server.read, server.api.account_statuses, self._me, exclude_reblogs=True, limit=_STATUSES
        )
        found = [original(one) for one in entities(get())]
        latest = [one for one in found if author_id(one) == self._me]
        known, ids = place.newest.get("own", ""), [ident(one) for one in latest]
        if known and ids and known not in ids and len(found) >= SHORT:
            read = newer(get, known, place.floor)
            newest = read.newest if read.until else ids[0]
            return latest, replace(read, items=(*read.items, *latest), newest=newest)
        return latest, Read(tuple(latest), ids[0] if ids else known)

    def _tagged(self, server: Server, tag: str, place: _Place, now: datetime) -> Read:
        get = partial(server.read, server.api.timeline_hashtag, tag, limit=_STATUSES)
        known = place.newest.get(f"#{tag}")
        return newer(get, known or "", place.floor if known is not None else self._first(now))

    def _threads(self, server: Server, counts: dict[str, int], before: Mapping[str, int]) -> list[Entity]:
        """What people said below those of the brand's statuses that have more replies than before. A thread
        that cannot be read just now holds up nobody: it keeps its count, and is read the next time."""
        found = list[Entity]()
        for one in [one for one, count in counts.items() if count > before.get(one, 0)]:
            try:
                context = server.read(server.api.status_context, one)
            except RateLimited:
                raise
            except Retry as fault:
                log.warning("a thread was left for the next time: %s", fault)
                counts[one] = before.get(one, 0)
            except Gone:  # it was taken down in the meantime
                continue
            else:
                found += entities(context.get("descendants") if isinstance(context, Mapping) else None)
        return found

    def _shown(self, server: Server, ids: Sequence[str]) -> Iterator[str]:
        """Those of these statuses that the server shows; none where it can only be asked for one at a time
        (Mastodon before 4.3)."""
        for start in range(0, len(ids), _AT_ONCE):
            try:
                found = server.read(server.api.statuses, list(ids[start : start + _AT_ONCE]))
            except Gone:
                return
            yield from (ident(one) for one in entities(found))

    # --- What it means -----------------------------------------------------------------------------

    def _notified(self, notification: Entity, now: datetime) -> Iterator[Mention]:
        status = original(entity(notification.get("status")))
        if not status:
            return  # its author took it down, or it is about no status
        if notification.get("type") != "reblog":
            yield self._mention(status, now, addressed=True)
        elif self.config.shares:
            yield self._share(notification, status, now)

    def _share(self, notification: Entity, status: Entity, now: datetime) -> Mention:
        author = author_of(entity(notification.get("account")))
        return Mention(
            network=self.config.network,
            remote_id=f"{_BOOST}{ident(status)}:{author.id}",
            text="",
            posted_at=when(notification, "created_at") or now,
            author=author,
            kind=Kind.SHARE,
            url=word(status, "url") or word(status, "uri"),
            in_reply_to=ident(status),
        )

    def _mention(self, status: Entity, now: datetime, *, addressed: bool = False) -> Mention:
        status = original(status)
        ours, text = author_id(status) == self._me, words_of(status)
        return Mention(
            network=self.config.network,
            remote_id=ident(status),
            # Whom an answer is for stands before it on Mastodon, and is not part of what was approved.
            text=_HANDLE.sub("", text) if ours else text,
            posted_at=when(status, "created_at") or now,
            author=author_of(entity(status.get("account"))),
            kind=kind_of(status),
            addressed=not ours and (addressed or self._speaks_to_us(status)),
            url=word(status, "url") or word(status, "uri"),
            lang=word(status, "language") if self.config.trust_language else "",
            in_reply_to=ident(status, "in_reply_to_id"),
            own=ours,
        )

    def _speaks_to_us(self, status: Entity) -> bool:
        named = [word(one, "id") for one in entities(status.get("mentions"))]
        return self._me in (*named, word(status, "in_reply_to_account_id"))


def _once(mentions: Iterable[Mention]) -> tuple[Mention, ...]:
    """Each message once, oldest first. The last word counts, but an address stays one."""
    found = dict[str, Mention]()
    for mention in mentions:
        if not found.get(mention.remote_id, mention).addressed or mention.addressed:
            found[mention.remote_id] = mention
    return tuple(sorted(found.values(), key=lambda mention: mention.posted_at))


def _is_gone(server: Server, status: str) -> bool:
    try:
        server.read(server.api.status, status)
    except Gone:
        return True
    return False


def _number(found: Entity, name: str) -> int:
    value = found.get(name)
    return value if isinstance(value, int) else 0
