"""An Instagram account: comments on its media and under comments, media that tag it, and @mentions.

Instagram API with Facebook Login: https://developers.facebook.com/docs/instagram-platform. Permissions, and
what Meta does not show: docs/networks/instagram.md.

A medium says how many comments it has: where the number is another one than last time, its comments are read,
since a reply may stand under an old one. @mentions by others reach us by push (webhook) only: Meta lists them
nowhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field

from accounts.meta import NUMERIC, Item, instant, number, objects, part, text
from bot.errors import ServiceError
from bot.models import Author, Batch, Kind, Mention, Push
from listeners._graph import Lookback, Reading, Task, author, challenge, entries, read

_COMMENT: Final = "id,text,timestamp,username,from,parent_id"
_QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "media": {"fields": "id,timestamp,comments_count,permalink,username", "limit": "50"},
    "tags": {"fields": "id,caption,timestamp,username,permalink", "limit": "50"},
    "comments": {"fields": f"{_COMMENT},replies.limit(50){{{_COMMENT}}}", "limit": "50"},
    "replies": {"fields": _COMMENT, "limit": "50"},
}
_HANDLE: Final = re.compile(r"\s*@([A-Za-z0-9._]{1,30})")
_PUSH_SECONDS: Final = 5  # in which Meta wants its push to be answered


class Config(Lookback, extra="forbid", frozen=True, hide_input_in_errors=True):
    ig_user_id: str = Field(pattern=NUMERIC, description="The professional account's number, not its name.")


class InstagramListener:
    """Reads one account."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """What is new since `cursor`, as much as fits into one poll.

        Raises:
            AuthFailed: the token is no longer good, or lacks a permission (which).
            Retry, RateLimited: Meta is out of order, or asks us to wait.
        """
        start = [Task(edge, f"{self.config.ig_user_id}/{edge}") for edge in ("media", "tags")]
        return read(self.config, cursor, self.clock(), start, self._take, _query)

    def challenge(self, query: Mapping[str, str]) -> str:
        """As `Hooked.challenge`."""
        return challenge(self.config, query)

    def receive(self, body: bytes, headers: Mapping[str, str]) -> Push:
        """As `Hooked.receive`. The account's own words are left to the next poll, which knows more."""
        mentions = list[Mention]()
        for entry in entries(self.config, body, headers, "instagram"):
            if number(entry, "id") == self.config.ig_user_id:
                at = instant(entry.get("time")) or self.clock()
                # Depending on the app's kind, what changed stands in a list, or in the entry itself.
                for change in objects(entry.get("changes")) or [entry]:
                    mentions += self._pushed(text(change, "field"), part(change, "value"), at)
        return Push(tuple(mentions))

    # --- What was read ---------------------------------------------------------------------------

    def _take(self, reading: Reading, task: Task, found: Sequence[Item]) -> bool:
        """Makes mentions of a page of a list. True: what follows may be new, too."""
        now, floor = self.clock(), reading.round.floor
        oldest = min(floor, reading.round.began - timedelta(days=self.config.watch_days))
        dated = [(instant(item.get("timestamp")) or now, item) for item in found]
        fresh = [(at, item) for at, item in dated if at >= floor]
        match task.kind:
            case "media":
                for _, item in (one for one in dated if one[0] >= oldest):
                    _look_into(reading, item)
            case "tags":
                reading.mentions += [self._tagged(at, item) for at, item in fresh]
            case "replies":
                reading.mentions += self._comments(task, {}, found, now, floor)
            case _:
                for _, item in dated:
                    self._thread(reading, task, item, now)
        return not dated or any(
            at >= (floor if task.kind in ("tags", "again") else oldest) for at, _ in dated
        )

    def _thread(self, reading: Reading, task: Task, item: Item, now: datetime) -> None:
        """A comment, and those under it."""
        below, floor = part(item, "replies"), reading.round.floor
        replies = [one for one in objects(below.get("data")) if number(one, "id")]
        reading.mentions += self._comments(task, item, [item, *replies], now, floor)
        if text(part(below, "paging"), "next"):
            reading.also(Task("replies", f"{number(item, 'id')}/replies", task.about))

    def _comments(
        self, task: Task, top: Item, found: Sequence[Item], now: datetime, floor: datetime
    ) -> Iterator[Mention]:
        for item in found:
            at = instant(item.get("timestamp")) or now
            if at >= floor:
                parent = number(item, "parent_id")
                if not parent and item is not top:
                    parent = number(top, "id") or task.path.partition("/")[0]
                yield self._comment(at, item, task.about, parent, [top, *found])

    def _is_us(self, item: Item, us: str = "") -> bool:
        """`us` is our name, where we know it: Instagram may know us there under another number."""
        who = part(item, "from")
        return number(who, "id") == self.config.ig_user_id or _author(item).handle == us != ""

    def _comment(self, at: datetime, item: Item, about: str, parent: str, around: Sequence[Item]) -> Mention:
        medium, url, us = [*about.split(" "), "", ""][:3]
        own = self._is_us(item, us)
        return Mention(
            network="instagram",
            remote_id=number(item, "id"),
            text=text(item, "text"),
            posted_at=at,
            author=_author(item),
            kind=Kind.COMMENT,
            addressed=not own,
            url=url,
            in_reply_to=(_answered(item, parent, around) if own else parent) if parent else medium,
            conversation=parent or number(item, "id"),
            own=own,
        )

    def _tagged(self, at: datetime, item: Item) -> Mention:
        """A tag names the account and says nothing to it; an @mention in the caption is pushed as well."""
        return Mention(
            network="instagram",
            remote_id=number(item, "id"),
            text=text(item, "caption"),
            posted_at=at,
            author=_author(item),
            url=text(item, "permalink"),
            conversation=number(item, "id"),
        )

    # --- What was pushed: https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram ---

    def _pushed(self, field: str, value: Item, at: datetime) -> Iterator[Mention]:
        medium = number(part(value, "media"), "id")
        if field == "comments" and number(value, "id") and not self._is_us(value):
            parent = number(value, "parent_id")
            yield self._comment(at, value, medium, parent if parent != medium else "", [])
        elif field == "mentions" and number(value, "media_id"):
            yield self._mentioned(number(value, "media_id"), number(value, "comment_id"), at)

    def _mentioned(self, medium: str, comment: str, at: datetime) -> Mention:
        """The push holds ids only. What cannot be read is kept without its words: nothing brings it again."""
        found = self._ask_about(medium, comment)
        return Mention(
            network="instagram",
            remote_id=comment or medium,
            text=text(found, "text" if comment else "caption"),
            posted_at=instant(found.get("timestamp")) or at,
            author=_author(found),
            kind=Kind.COMMENT if comment else Kind.POST,
            addressed=True,
            url=text(part(found, "media"), "permalink") if comment else text(found, "permalink"),
            in_reply_to=medium if comment else "",
            conversation=f"{medium}/{comment}",  # tells the responder that this is on somebody else's medium
        )

    def _ask_about(self, medium: str, comment: str) -> Item:
        from accounts.graph import ModernGraph

        name, what, fields = (
            "mentioned_media",
            f"media_id({medium})",
            "id,caption,timestamp,username,permalink",
        )
        if comment:
            name, what = "mentioned_comment", f"comment_id({comment})"
            fields = "id,text,timestamp,username,media{id,permalink}"
        if not f"{medium}{comment}".isdecimal():
            return {}
        try:
            with ModernGraph(self.config, time.monotonic() + _PUSH_SECONDS) as graph:
                return part(graph.read(self.config.ig_user_id, fields=f"{name}.{what}{{{fields}}}"), name)
        except ServiceError:
            return {}


def _query(task: Task) -> Mapping[str, str]:
    return _QUERIES["comments" if task.kind == "again" else task.kind]


def _author(item: Item) -> Author:
    """Of some, Instagram shows the name only."""
    who = author(part(item, "from"))
    return Author(id=who.id, handle=who.handle or text(item, "username"))


def _look_into(reading: Reading, medium: Item) -> None:
    """Have a medium's comments read: all of them where their number is another one than last time; else
    those of the last days, when it is time for that."""
    remote_id, count = number(medium, "id"), medium.get("comments_count")
    about = f"{remote_id} {text(medium, 'permalink')} {text(medium, 'username')}"
    before = reading.counts.pop(remote_id, None)
    if not isinstance(count, int) or count != before:
        reading.also(Task("comments", f"{remote_id}/comments", about))
    elif count and reading.round.wide:
        reading.also(Task("again", f"{remote_id}/comments", about))
    if isinstance(count, int):
        reading.counts[remote_id] = count


def _answered(reply: Item, parent: str, around: Sequence[Item]) -> str:
    """Whom a reply of the account under a comment is for: threads have two levels, and where several people
    speak in one, only the handle at its beginning tells. "" where that leads to nobody that we see."""
    named = _HANDLE.match(text(reply, "text"))
    if named is None:
        return parent
    handle, at = named[1].lower(), text(reply, "timestamp")
    theirs = [one for one in around if _author(one).handle.lower() == handle and text(one, "timestamp") <= at]
    in_thread = [one for one in theirs if number(one, "id") == parent or number(one, "parent_id") == parent]
    first = next((one for one in around if number(one, "id") == parent), {})
    if in_thread:
        return number(max(in_thread, key=lambda one: text(one, "timestamp")), "id")
    return "" if _author(first).handle else parent
