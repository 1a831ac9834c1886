"""A Facebook page: comments on its posts and under comments, visitors' posts, posts that tag it, messages.

Graph API: https://developers.facebook.com/docs/pages-api. What needs which permission, and what Meta does not
show: docs/networks/facebook.md.

Each poll lists the posts of the last `watch_days` and reads the comments of those to which something new was
added. What appears late with an old date, and what was edited, is found by reading the last days again from
time to time; what is known already is dropped by the store. Pushes (webhooks) only make it quicker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import Field

from accounts.meta import NUMERIC, Item, instant, number, objects, part, text
from bot.models import Batch, Kind, Mention, Push
from listeners._graph import Lookback, Reading, Task, author, challenge, entries, read

_SITE: Final = "https://www.facebook.com"
_NEWEST: Final = "comments.filter(stream).order(reverse_chronological).limit(1){created_time}"
_POST: Final = "id,message,created_time,updated_time,from{id,name},permalink_url"
_QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    # With more posts in one answer, Meta refuses: too much data.
    "feed": {"fields": f"{_POST},{_NEWEST}", "limit": "50"},
    "tagged": {"fields": _POST, "limit": "50"},
    "comments": {
        "fields": "id,message,created_time,from{id,name},parent{id,from{id}},permalink_url,message_tags",
        "filter": "stream",
        "order": "reverse_chronological",
        "limit": "100",
    },
    "conversations": {"fields": "id,updated_time,link", "platform": "messenger", "limit": "50"},
    "messages": {"fields": "id,created_time,from,to,message", "limit": "50"},
}
# What the field `feed` of a push calls a post; likes, reactions and shares are none.
_POSTS: Final = frozenset({"album", "link", "note", "photo", "post", "status", "video"})


class Config(Lookback, extra="forbid", frozen=True, hide_input_in_errors=True):
    page_id: str = Field(pattern=NUMERIC, description="The page's number (Page transparency > Page ID).")
    messages: bool = Field(
        default=True, description="Hear Messenger messages too; needs the permission pages_messaging."
    )


class FacebookListener:
    """Reads one page."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """What is new since `cursor`, as much as fits into one poll.

        Raises:
            AuthFailed: the token is no longer good, or lacks a permission (which).
            Retry, RateLimited: Meta is out of order, or asks us to wait.
        """
        edges = ("feed", "tagged", "conversations") if self.config.messages else ("feed", "tagged")
        start = [Task(edge, f"{self.config.page_id}/{edge}") for edge in edges]
        return read(self.config, cursor, self.clock(), start, self._take, lambda task: _QUERIES[task.kind])

    def challenge(self, query: Mapping[str, str]) -> str:
        """As `Hooked.challenge`."""
        return challenge(self.config, query)

    def receive(self, body: bytes, headers: Mapping[str, str]) -> Push:
        """As `Hooked.receive`. The page's own words are left to the next poll: it sees whom they answer.
        Removals are left out, as Meta does not say whether the author or a moderator removed."""
        mentions = list[Mention]()
        for entry in entries(self.config, body, headers, "page"):
            if number(entry, "id") != self.config.page_id:
                continue
            for change in objects(entry.get("changes")):
                value = part(change, "value")
                if text(change, "field") != "feed" or self._is_us(part(value, "from")):
                    continue
                mentions += self._pushed(value)
            if self.config.messages:
                events = objects(entry.get("messaging")) + objects(entry.get("standby"))
                mentions += [mention for event in events for mention in self._pushed_message(event)]
        return Push(tuple(mentions))

    # --- What was read ---------------------------------------------------------------------------

    def _take(self, reading: Reading, task: Task, found: Sequence[Item]) -> bool:
        """Makes mentions of a page of a list. True: what follows may be new, too."""
        now, floor = self.clock(), reading.round.floor
        dated = [
            (instant(item.get("created_time") or item.get("updated_time")) or now, item) for item in found
        ]
        fresh = [(at, item) for at, item in dated if at >= floor]
        match task.kind:
            case "feed":
                reading.mentions += [self._post(at, item) for at, item in fresh]
                for _, item in dated:
                    if _moved(item, now) >= floor:
                        post = text(item, "id")
                        reading.also(Task("comments", f"{post}/comments", post))
                floor = min(floor, reading.round.began - timedelta(days=self.config.watch_days))
            case "tagged":
                reading.mentions += [self._post(at, item) for at, item in fresh]
            case "comments":
                reading.mentions += [self._comment(at, item, task.about, found) for at, item in fresh]
            case "conversations":
                for _, item in fresh:
                    link = f"{_SITE}{text(item, 'link')}"
                    reading.also(Task("messages", f"{text(item, 'id')}/messages", link))
            case "messages":
                reading.mentions += [self._message(at, item, task.about, dated) for at, item in fresh]
        return not dated or any(at >= floor for at, _ in dated)

    def _is_us(self, who: Item) -> bool:
        return number(who, "id") == self.config.page_id

    def _post(self, at: datetime, item: Item) -> Mention:
        own = self._is_us(part(item, "from"))
        return Mention(
            network="facebook",
            remote_id=text(item, "id"),
            text=text(item, "message"),
            posted_at=at,
            author=author(part(item, "from")),
            kind=Kind.POST,
            addressed=not own,
            url=text(item, "permalink_url"),
            conversation=text(item, "id"),
            own=own,
        )

    def _comment(self, at: datetime, item: Item, post: str, around: Sequence[Item]) -> Mention:
        own = self._is_us(part(item, "from"))
        remote_id = comment_id(text(item, "id"), post)
        parent = comment_id(text(part(item, "parent"), "id"), post)
        answers = comment_id(_answered(item, around), post) if own and parent else parent or post
        return Mention(
            network="facebook",
            remote_id=remote_id,
            text=text(item, "message"),
            posted_at=at,
            author=author(part(item, "from")),
            kind=Kind.COMMENT,
            addressed=not own,
            url=text(item, "permalink_url"),
            in_reply_to=answers,
            conversation=parent or remote_id,
            own=own,
        )

    def _message(
        self, at: datetime, item: Item, url: str, around: Sequence[tuple[datetime, Item]]
    ) -> Mention:
        """A message belongs to the conversation with the person on the other side, and one of ours answers
        the last one of theirs before it."""
        sender = part(item, "from")
        own = self._is_us(sender)
        people = objects(part(item, "to").get("data")) if own else [sender]
        before = [
            (then, text(other, "id"))
            for then, other in around
            if then <= at and other is not item and not self._is_us(part(other, "from"))
        ]
        return Mention(
            network="facebook",
            remote_id=text(item, "id"),
            text=text(item, "message"),
            posted_at=at,
            author=author(sender),
            kind=Kind.MESSAGE,
            addressed=not own,
            url=url,
            in_reply_to=max(before)[1] if own and before else "",
            conversation=next((number(one, "id") for one in people), ""),
            own=own,
        )

    # --- What was pushed: https://developers.facebook.com/docs/graph-api/webhooks/reference/page ---

    def _pushed(self, value: Item) -> Iterator[Mention]:
        post, remote_id = number(value, "post_id"), _pushed_id(value)
        if text(value, "verb") not in ("add", "edit", "edited") or not remote_id:
            return
        comment = text(value, "item") == "comment"
        parent = number(value, "parent_id")
        nested = comment and parent not in ("", post)
        above = comment_id(parent, post) if nested else post
        yield Mention(
            network="facebook",
            remote_id=remote_id,
            text=text(value, "message"),
            posted_at=instant(value.get("created_time")) or self.clock(),
            author=author(part(value, "from")),
            kind=Kind.COMMENT if comment else Kind.POST,
            addressed=True,
            url=text(part(value, "post"), "permalink_url") or f"{_SITE}/{post}",
            in_reply_to=above if comment else "",
            conversation=above if nested else remote_id,
        )

    def _pushed_message(self, event: Item) -> Iterator[Mention]:
        message, sender = part(event, "message"), part(event, "sender")
        remote_id, at = text(message, "mid"), event.get("timestamp")
        if not remote_id or message.get("is_echo") or self._is_us(sender):
            return
        yield Mention(
            network="facebook",
            remote_id=remote_id,
            text=text(message, "text"),
            posted_at=instant(at // 1000 if isinstance(at, int) else None) or self.clock(),
            author=author(sender),
            kind=Kind.MESSAGE,
            addressed=True,
            conversation=number(sender, "id"),
        )


def comment_id(found: str, post: str) -> str:
    """The id as ``{post}_{comment}``, whichever of its forms Meta gives: with the page's number in front
    (deprecated), or the comment's alone."""
    if not found:
        return ""
    parts = found.split("_")
    return "_".join(parts[-2:]) if len(parts) > 1 else f"{post.rpartition('_')[2]}_{found}"


def _pushed_id(value: Item) -> str:
    """What a push is about; "" where that is nothing of ours."""
    item, post = text(value, "item"), number(value, "post_id")
    if item == "comment":
        return comment_id(number(value, "comment_id"), post)
    return post if item in _POSTS else ""


def _moved(post: Item, now: datetime) -> datetime:
    """When something was last added to a post. `updated_time` should say it; the newest comment does."""
    newest = objects(part(post, "comments").get("data"))
    dates = [post.get("created_time"), post.get("updated_time"), *(one.get("created_time") for one in newest)]
    return max(filter(None, map(instant, dates)), default=now)


def _answered(reply: Item, around: Sequence[Item]) -> str:
    """Whom a reply of the page under a comment is for: threads have two levels, and where several people
    speak in one, only the tag at its beginning tells. "" where that leads to nobody that we see: then it
    answers nobody, rather than somebody else."""
    parent = part(reply, "parent")
    tagged = {number(tag, "id") for tag in objects(reply.get("message_tags"))}
    first = number(part(parent, "from"), "id")
    if not tagged or first in tagged:
        return text(parent, "id")
    theirs = [
        (text(other, "created_time"), text(other, "id"))
        for other in around
        if text(part(other, "parent"), "id") == text(parent, "id")
        and number(part(other, "from"), "id") in tagged
        and text(other, "created_time") <= text(reply, "created_time")
        and other is not reply
    ]
    return max(theirs)[1] if theirs else "" if first else text(parent, "id")
