"""Replies on X, and answers to direct messages.

API v2, https://docs.x.com/x-api. Since February 2026 X lets an app reply only to those who named the account
or quoted one of its posts; direct messages go only to those who wrote first. X has no key by which it would
know an attempt again, so that one whose outcome is not known is looked for in the account's own timeline.

Docs: docs/networks/x.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import Field

from accounts.x import Account, Rejected, Session, session
from accounts.x_posts import FIELDS, Post, is_id, moment, plain, posts, same_words
from bot.errors import Refused, Unsure
from bot.meter import Meter
from bot.models import Kind, Limits, Mention, Price, Receipt, Refusal, Reply

_PAGE: Final = 100  # the most X gives
_PAGES: Final = 40  # more than the 3,200 posts that X keeps of one's own timeline
_KEPT: Final = 3_200
# How much earlier than the reply an attempt may stand there, by X's clock.
_MARGIN: Final = timedelta(minutes=5)
_MESSAGE: Final = "dm-"  # as in listeners/x.py


class Config(Account, extra="forbid", frozen=True, hide_input_in_errors=True):
    long_posts: bool = Field(
        default=False, description="The account pays for X Premium and may write 25,000 instead of 280"
    )


def _weight(text: str) -> int:
    from accounts.x_length import weight  # it needs the module regex

    return weight(text)


def _has_link(text: str) -> bool:
    from accounts.x_length import has_link

    return has_link(text)


class XResponder:
    """Answers in the name of one account."""

    limits = Limits(maximum=280, count=_weight, unit="characters as X counts them")

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self.meter = Meter(config.budget)
        if config.long_posts:
            self.limits = Limits(maximum=25_000, count=_weight, unit=self.limits.unit)

    def can_reply(self, mention: Mention) -> Refusal | None:
        """By X's rules alone; nobody is asked."""
        if mention.kind is Kind.MESSAGE:
            return None if _recipient(mention) else Refusal("X does not say whom this message is from")
        if mention.addressed and mention.kind is not Kind.SHARE:
            return None
        return Refusal(
            f"X lets an app answer only those who name @{self.config.handle} or quote one of its posts;"
            " this post does neither: answer by hand on X"
        )

    def price(self, text: str, mention: Mention) -> Price:
        """What X takes for sending `text`, in US dollars; a link in a reply makes it dear."""
        prices = self.config.prices
        amount = self._price(text, mention)
        if mention.kind is Kind.MESSAGE or amount <= prices.reply or not _has_link(text):
            return Price(amount)
        return Price(
            amount,
            f"with a link X takes ${amount:.3f} for this reply instead of ${prices.reply:.3f}"
            f" (prices of {prices.as_of})",
        )

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply, by one request that is never repeated.

        Raises:
            Refused: X does not let us answer this person, or will not have the text; the post is gone.
            Retry, RateLimited, AuthFailed: it was not published.
            Unsure: it may have been.
        """
        end = time.monotonic() + self.config.timeout
        with session(self.config, self.meter, self.clock, end) as api:
            price = self._price(reply.text, reply.mention)
            if reply.mention.kind is Kind.MESSAGE:
                sent = self._message(api, reply, price)
                return self._receipt(_MESSAGE, sent.get("dm_event_id"), reply)
            try:
                sent = self._post(api, reply, price)
            except Rejected as fault:
                if "duplicate content" in fault.said:
                    return self._already_there(api, reply)
                raise
            return self._receipt("", sent.get("id"), reply)

    def find(self, reply: Reply) -> Receipt | None:
        """Look for the reply among the account's own posts, or its messages to this person.

        Raises:
            Unsure: X does not show enough of them.
            ServiceError: X could not be asked.
        """
        with session(self.config, self.meter, self.clock) as api:
            return self._find(api, reply)

    # --- sending -----------------------------------------------------------------------------------

    def _price(self, text: str, mention: Mention) -> float:
        prices = self.config.prices
        if mention.kind is Kind.MESSAGE:
            return prices.message
        return max(prices.reply, prices.post_with_link) if _has_link(text) else prices.reply

    def _post(self, api: Session, reply: Reply, price: float) -> dict[str, Any]:
        parent = reply.mention.remote_id
        if not is_id(parent):
            raise Refused("this is no post of X that could be answered")
        call = api.client.create_tweet
        return api.write(call, "reply", price, text=reply.text, in_reply_to_tweet_id=parent)

    def _message(self, api: Session, reply: Reply, price: float) -> dict[str, Any]:
        to = _recipient(reply.mention)
        if not to:
            raise Refused("X does not say whom this message is from")
        return api.write(api.client.create_direct_message, "message", price, text=reply.text, **to)

    def _receipt(self, kind: str, number: Any, reply: Reply) -> Receipt:
        if not is_id(number):
            raise Unsure(f"{self.config.host} did not say under which id the reply stands")
        if kind:
            return Receipt(kind + number, reply.mention.url)
        return Receipt(number, f"https://x.com/{self.config.handle}/status/{number}")

    def _already_there(self, api: Session, reply: Reply) -> Receipt:
        """X has had this text from us: as this very reply, or as another one."""
        if (there := self._find(api, reply)) is not None:
            return there
        if reply.attempt > 1:
            raise Unsure("X says that this text was posted already, but shows it not under this post")
        raise Refused("X takes no text twice, and the account has used this one elsewhere: change some words")

    # --- finding -----------------------------------------------------------------------------------

    def _find(self, api: Session, reply: Reply) -> Receipt | None:
        since = (reply.created_at or reply.mention.posted_at) - _MARGIN
        if reply.mention.kind is Kind.MESSAGE:
            return self._find_message(api, reply, since)
        for post in self._own(api, since):
            if same_words(post.text, reply.text) and self._answers(api, post, reply.mention):
                return self._receipt("", post.id, reply)
        return None

    def _own(self, api: Session, since: datetime) -> Iterator[Post]:
        """The account's own posts, newest first; Unsure where X keeps no more before it comes to `since`."""
        asked: dict[str, Any] = {
            "id": self.config.me,
            "start_time": since,
            "max_results": _PAGE,
            "tweet_fields": FIELDS,
        }
        call, price, read = api.client.get_users_tweets, self.config.own_post, 0
        for body in _pages(lambda token: api.read(call, "own post read", price, **asked, **token)):
            for post in posts(body, self.clock()):
                read += 1
                yield post
        if read >= _KEPT - _PAGE:
            raise Unsure(f"{self.config.host} does not show the account's posts as far back as this reply")

    def _answers(self, api: Session, post: Post, mention: Mention) -> bool:
        """Whether it stands under this mention, or under a later version of it."""
        if post.replied_to == mention.remote_id:
            return True
        same_person = bool(post.replied_to_user) and post.replied_to_user == mention.author.id
        if not same_person or post.conversation != mention.conversation:
            return False
        asked: dict[str, Any] = {"ids": [post.replied_to], "tweet_fields": FIELDS}
        price = self.config.prices.post_read
        body = api.read(api.client.get_tweets, "post read", price, errors=True, **asked)
        return any(mention.remote_id in parent.versions for parent in posts(body, self.clock()))

    def _find_message(self, api: Session, reply: Reply, since: datetime) -> Receipt | None:
        asked: dict[str, Any] = {
            **_recipient(reply.mention),
            "event_types": "MessageCreate",
            "dm_event_fields": ["created_at", "dm_conversation_id", "entities", "event_type", "id", "text"],
            "expansions": ["sender_id"],
            "max_results": _PAGE,
        }
        call, price = api.client.get_direct_message_events, self.config.prices.message_read
        for body in _pages(lambda token: api.read(call, "message read", price, **asked, **token)):
            for event in filter(_is_event, body.get("data") or []):
                at = moment(event.get("created_at"))
                if at is not None and at < since:
                    return None
                text = plain(str(event.get("text") or ""), event.get("entities"))
                if event.get("sender_id") == self.config.me and same_words(text, reply.text):
                    return self._receipt(_MESSAGE, event["id"], reply)
        return None


def _recipient(mention: Mention) -> dict[str, str]:
    """Where an answer to a message goes: to the person, or to the group in which they wrote."""
    if mention.conversation and "-" not in mention.conversation:
        return {"dm_conversation_id": mention.conversation}
    return {"participant_id": mention.author.id} if is_id(mention.author.id) else {}


def _is_event(event: Any) -> bool:
    return isinstance(event, dict) and is_id(event.get("id"))


def _pages(read: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Page after page, newest first.

    Raises:
        Unsure: there is no end to them.
    """
    token: dict[str, Any] = {}
    for _ in range(_PAGES):
        body = read(token)
        yield body
        token = {"pagination_token": (body.get("meta") or {}).get("next_token")}
        if not token["pagination_token"]:
            return
    raise Unsure("X shows too much to be looked through")
