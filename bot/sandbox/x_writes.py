"""What the brand can do on X: say something, take it back, write to somebody. And what X refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from bot.sandbox import x_problems, x_text
from bot.sandbox.town import BRAND, Post, Town
from bot.sandbox.wire import Answer, Request, in_json
from bot.sandbox.x_params import known_only
from bot.sandbox.x_problems import Invalid
from bot.sandbox.x_view import NETWORK, View, handle_of, visible

_DUPLICATES: Final = timedelta(hours=24)
_LONGEST_MESSAGE: Final = 10_000


class Writes:
    """Each takes the request and the ids in its path.

    Raises:
        Invalid: X would answer 400.
    """

    def __init__(self, town: Town) -> None:
        self._town = town

    def create(self, request: Request) -> Answer:
        """Say it as the brand. https://docs.x.com/x-api/posts/create-post"""
        known_only(request.query, ())
        body = request.json
        text = _text(body)
        if x_text.weight(text) > x_text.LONGEST:
            raise Invalid(
                "text", text, f"Your Tweet text is too long: {x_text.weight(text)} of 280 characters."
            )
        with self._town.lock:
            if refusal := self._refused(text, parent := parent_of(body)):
                return x_problems.forbidden(refusal)
            post = self._town.say(NETWORK, BRAND, text, to=parent, through_api=True)
        made = View(self._town).post(post, frozenset())
        return in_json(201, {"data": made})

    def _refused(self, text: str, parent: str | None) -> str | None:
        if parent is not None:
            above = visible(self._town, parent)
            if above is None:
                return x_problems.NOT_VISIBLE
            if not self._summoned_by(above):
                return x_problems.NOT_SUMMONED
        if self._town.said_lately(NETWORK, BRAND, text, _DUPLICATES):
            return x_problems.DUPLICATE
        return None

    def _summoned_by(self, post: Post) -> bool:
        """Apps may answer only whoever mentions the brand or quotes it, or itself.

        https://docs.x.com/changelog, 23 February 2026.
        """
        if post.author == BRAND:
            return True
        quoted = visible(self._town, post.quotes) if post.quotes else None
        spoken_to = BRAND in View(self._town).mentioned(post) or (quoted and quoted.author == BRAND)
        return bool(spoken_to) and post.replies != "following"

    def delete(self, request: Request, number: str) -> Answer:
        known_only(request.query, ())
        post = visible(self._town, number)
        if post and post.author != BRAND:
            return x_problems.forbidden("You are not authorized to delete this Tweet.")
        if post:
            self._town.delete(NETWORK, number)
        return in_json(200, {"data": {"deleted": post is not None}})

    def message(self, request: Request, other: str) -> Answer:
        """Only to whoever wrote first: nobody here takes messages from strangers."""
        known_only(request.query, ())
        text, person = _text(request.json), handle_of(self._town, other)
        if len(text) > _LONGEST_MESSAGE:
            raise Invalid("text", text, f"`text` is over {_LONGEST_MESSAGE} characters")
        wrote = (one.author == person for one in self._town.messages(NETWORK, between=(BRAND, person)))
        if person == BRAND or not any(wrote):
            return x_problems.forbidden(x_problems.NO_MESSAGES)
        sent = self._town.message(NETWORK, BRAND, person, text, through_api=True)
        return in_json(201, {"data": {"dm_conversation_id": sent.conversation, "dm_event_id": sent.id}})


def _text(body: Any) -> str:
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise Invalid("text", "", "Requires text or media.")
    return text


def parent_of(body: Any) -> str | None:
    """What the post answers, if anything."""
    reply = body.get("reply") if isinstance(body, dict) else None
    if reply is None:
        return None
    parent = reply.get("in_reply_to_tweet_id") if isinstance(reply, dict) else None
    return parent if isinstance(parent, str) else "0"
