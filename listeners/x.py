"""X: who names the brand, replies to it, quotes it or writes to it, and what saved searches find.

API v2, https://docs.x.com/x-api. The timeline of mentions is read at every poll, as it is cheap; replies,
quotes, searches, messages and the brand's own posts every `searches_every_minutes`. A timeline leaves some
mentions out when it is asked for what came since an id, so that a search for the @handle looks again every
`reconcile_every_minutes`; what is known is dropped by the store. What is called complete ends a minute
before the request (`LAG`): X shows a post only some time after it was posted.

Docs: docs/networks/x.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from accounts.x import Account, session
from accounts.x_posts import Post, is_id, made_at, moment, plain, without_names
from bot.errors import RateLimited, Retry, ServiceError
from bot.meter import Meter
from bot.models import Author, Batch, Kind, Mention
from listeners._x_place import Place, Track
from listeners._x_reader import LAG, Reader

_GONE: Final = ("resource-not-found", "not-authorized-for-resource")
_SAVED: Final = "search: "
_TELL_AGAIN: Final = timedelta(hours=1)
_MESSAGE: Final = "dm-"  # before the ids of messages, which are no posts


class Config(Account, extra="forbid", frozen=True, hide_input_in_errors=True):
    searches: tuple[Annotated[str, Field(min_length=1, max_length=512)], ...] = Field(
        default=(),
        description="Saved searches in X's own language: heard and told of, never answered, as X forbids it",
    )
    messages: bool = Field(default=False, description="Read direct messages too")
    searches_every_minutes: float = Field(
        default=5, ge=0, description="How often everything but mentions is read; 0, at every poll"
    )
    reconcile_every_minutes: float = Field(
        default=15, ge=0, description="How often mentions are searched for once more; 0, at every poll"
    )
    first_days: float = Field(
        default=1, ge=0, lt=7, description="How many days back the very first poll looks."
    )


class XListener:
    """Reads one account, and what is said around it."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self.meter = Meter(config.budget)
        self._fault: ServiceError | None = None
        self._told: dict[str, datetime] = {}

    def poll(self, cursor: str | None) -> Batch:
        """Mentions, and whatever else is due. Where only that else fails, the mentions are not held up: the
        next poll tells of the fault.

        Raises:
            AuthFailed: X accepts the credentials no more, lets the app not read, or its credits are used up.
            RateLimited: X asks us to wait, or the budget for reading is used up.
            Refused: X does not take a saved search.
            Retry: X is out of order, or not there.
        """
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        now = self.clock()
        place = Place.read(cursor) if cursor else self._beginning(now)
        gap = None if cursor else place.tracks["mentions"].to
        with session(self.config, self.meter, self.clock) as api:
            reader = Reader(api, self.config, place, now)
            reader.mentions(place.tracks["mentions"], place.tracks["reconcile"])
            self._others(reader, place, now)
        mentions = sorted(self._mentions(reader, place, now), key=lambda mention: mention.posted_at)
        complete_to = min(track.to for track in self._counted(place))
        return Batch(tuple(mentions), place.cursor(), complete_to, gap or reader.gap)

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        """Which of these posts X shows no more: deleted by their authors, or by authors who are suspended or
        now protect their posts, which X wants dropped as well. Messages are not looked up.

        Raises:
            as `poll`.
        """
        ids = [one for one in remote_ids if is_id(one)]
        if not ids:
            return ()
        with session(self.config, self.meter, self.clock) as api:
            price = self.config.prices.post_read
            call = api.client.get_tweets
            body = api.read(call, "post read", price, errors=True, ids=ids, tweet_fields=["id"])
        errors = [one for one in body.get("errors") or [] if isinstance(one, dict)]
        gone = {str(one.get("resource_id") or one.get("value")) for one in errors if _is_gone(one)}
        return [one for one in ids if one in gone]

    def _beginning(self, now: datetime) -> Place:
        start = now - timedelta(days=self.config.first_days)
        others = {name: Track(start) for name in self._paces}
        return Place({"mentions": Track(start), **others, "reconcile": Track(now - LAG, begun=now)})

    @property
    def _paces(self) -> dict[str, float]:
        """Everything that is read beside the mentions, and every how many minutes."""
        every = self.config.searches_every_minutes
        names = ["own", "brand", *(_SAVED + query for query in self.config.searches)]
        names += ["messages"] if self.config.messages else []
        return dict.fromkeys(names, every) | {"reconcile": self.config.reconcile_every_minutes}

    def _others(self, reader: Reader, place: Place, now: datetime) -> None:
        """Whatever is due beside the mentions. What fails waits for its next time."""
        paces = self._paces
        place.keep_only({"mentions", *paces}, now - LAG)
        for name, minutes in paces.items():
            track = place.tracks[name]
            if not track.due(now, minutes):
                continue
            try:
                self._reading(reader, name)(track)
            except RateLimited as limit:
                track.paused = now + timedelta(seconds=limit.after or 60)
            except Retry:
                continue
            except ServiceError as fault:
                track.paused = now + timedelta(minutes=minutes)
                self._tell(fault, now)

    def _reading(self, reader: Reader, name: str) -> Callable[[Track], None]:
        if name.startswith(_SAVED):
            return lambda track: reader.saved(track, name.removeprefix(_SAVED))
        readings = {
            "own": reader.own,
            "brand": reader.brand,
            "reconcile": reader.reconcile,
            "messages": reader.direct,
        }
        return readings[name]

    def _tell(self, fault: ServiceError, now: datetime) -> None:
        """Let the next poll raise it, unless it did so within the hour."""
        told = self._told.get(str(fault))
        if told is None or now - told >= _TELL_AGAIN:
            self._fault, self._told[str(fault)] = self._fault or fault, now

    def _counted(self, place: Place) -> Iterator[Track]:
        """The readings without which nothing is complete."""
        beside = {"own"} if place.owed else {"own", "reconcile"}
        yield from (track for name, track in place.tracks.items() if name not in beside)

    # --- in our words ------------------------------------------------------------------------------

    def _mentions(self, reader: Reader, place: Place, now: datetime) -> list[Mention]:
        newest: dict[str, Post] = {}
        for post in reader.heard:
            known = newest.get(post.first)
            if known is None or int(post.id) > int(known.id):
                newest[post.first] = post
        named = reader.addressed
        heard = [self._mention(post, place, named=post.first in named) for post in newest.values()]
        return heard + [self._message(event, reader.people, now) for event in reader.messages]

    def _mention(self, post: Post, place: Place, *, named: bool) -> Mention:
        own = post.author.id == self.config.me
        handle = self.config.handle if own else post.author.handle
        return Mention(
            network="x",
            remote_id=post.first,
            text=without_names(post.text) if own else post.text,
            posted_at=post.posted_at,
            author=replace(post.author, handle=handle),
            kind=Kind.SHARE if post.is_share else Kind.REPLY if post.replied_to else Kind.POST,
            addressed=not own and not post.is_share and (named or self._speaks_to_us(post, place)),
            url=f"https://x.com/{handle or 'i'}/status/{post.id}",
            lang=post.lang,
            in_reply_to=place.first_version(post.replied_to),
            conversation=post.conversation,
            own=own,
        )

    def _speaks_to_us(self, post: Post, place: Place) -> bool:
        us = {self.config.me, self.config.handle.lower()}
        link = f"/{self.config.handle}/status/{post.quoted}".lower()
        quotes_us = bool(post.quoted) and (post.quoted in place.posts or link in post.text.lower())
        return bool(us & post.named) or post.replied_to_user in us or quotes_us

    def _message(self, event: dict[str, Any], people: dict[str, Author], now: datetime) -> Mention:
        sender = event.get("sender_id")
        author = people.get(sender, Author(id=sender)) if is_id(sender) else Author()
        conversation = str(event.get("dm_conversation_id") or "")
        return Mention(
            network="x",
            remote_id=_MESSAGE + event["id"],
            text=plain(str(event.get("text") or ""), event.get("entities")),
            posted_at=moment(event.get("created_at")) or min(made_at(event["id"]), now),
            author=author,
            kind=Kind.MESSAGE,
            addressed=author.id != self.config.me,
            url=f"https://x.com/messages/{conversation}" if conversation else "",
            conversation=conversation,
            own=author.id == self.config.me,
        )


def _is_gone(error: dict[str, Any]) -> bool:
    return str(error.get("type", "")).rpartition("/")[2] in _GONE
