"""Answers on a Facebook page: under comments and visitors' posts, by private reply, by Messenger message.

Graph API: https://developers.facebook.com/docs/pages-api/comments-mentions,
https://developers.facebook.com/docs/messenger-platform/discovery/private-replies,
https://developers.facebook.com/docs/messenger-platform/policy/policy-overview. Permissions, and what Meta
forbids: docs/networks/facebook.md.

Facebook knows no keys and takes the same words twice; it has published and answered with an error all the
same (https://github.com/arsduo/koala/issues/699). So after every doubt it is looked for, and what is still in
flight when it is looked for can stand twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from accounts.meta import NUMERIC, Access, instant, part, text
from bot.errors import Refused, ServiceError, Unsure
from bot.models import Kind, Mention, Receipt, Refusal, Reply
from responders._graph import Looking, Standing, is_id, limits, nested, not_in_thread, ours, place

if TYPE_CHECKING:
    from accounts.graph import ModernGraph

_SITE: Final = "https://www.facebook.com"
_WINDOW: Final = timedelta(hours=24)
_PRIVATE_WINDOW: Final = timedelta(days=7)
_TOO_LATE: Final = (
    "more than 24 hours have passed since this person last wrote: Meta no longer lets a page write to them"
)


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    page_id: str = Field(pattern=NUMERIC, description="The page's number (Page transparency > Page ID).")
    reply_privately: bool = Field(
        default=False,
        description="Answer comments and visitors' posts by a private message, once and within 7 days, "
        "instead of publicly; needs the permission pages_messaging.",
    )


class FacebookResponder(Looking):
    """Answers for one page."""

    config: Config
    # A comment may have 8,000 characters and a message 2,000: the same drafts must fit both.
    limits = limits(2_000)

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Ask Meta whether it would take a reply, and look at the time that is left for it.

        Raises:
            ServiceError: Meta could not be asked.
        """
        try:
            with self._graph() as graph:
                return self._refusal(graph, mention)
        except Refused as refused:
            return Refusal(str(refused))

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply where it belongs. As `Responder.send`."""
        with self._graph() as graph:
            try:
                if reply.mention.kind is Kind.MESSAGE or self.config.reply_privately:
                    return self._write(graph, reply)
                return self._comment(graph, reply)
            except Unsure:
                if there := self._already(graph, reply):
                    return there
                raise

    # --- May we? ---------------------------------------------------------------------------------

    def _refusal(self, graph: ModernGraph, mention: Mention) -> Refusal | None:
        if mention.kind is Kind.MESSAGE:
            return self._message_refusal(graph, mention)
        number = place(mention)
        if self.config.reply_privately:
            return self._private_refusal(graph, mention)
        if mention.kind is not Kind.COMMENT:
            graph.read(number, fields="id")
            return None
        _target(graph, number)
        return None

    def _message_refusal(self, graph: ModernGraph, mention: Mention) -> Refusal | None:
        since = self.clock() - _WINDOW
        if mention.posted_at > since:
            return None
        newer = self._messages(graph, _person(mention), since)
        return None if any(one.author == mention.author.id for one in newer) else Refusal(_TOO_LATE)

    def _private_refusal(self, graph: ModernGraph, mention: Mention) -> Refusal | None:
        if mention.posted_at <= self.clock() - _PRIVATE_WINDOW:
            return Refusal("more than 7 days have passed: Meta no longer takes a private reply")
        found = graph.read(place(mention), fields="id,can_reply_privately")
        if found.get("can_reply_privately") is False:
            return Refusal("Meta takes no private reply to this, or has one already")
        return None

    # --- Out -------------------------------------------------------------------------------------

    def _comment(self, graph: ModernGraph, reply: Reply) -> Receipt:
        number = place(reply.mention)
        if nested(reply.mention):
            number = _target(graph, number)
        done = graph.write(f"{number}/comments", message=reply.text)
        if not text(done, "id"):
            raise Unsure("Meta did not say what became of the reply")
        return Receipt(text(done, "id"), _link(graph, text(done, "id")) or reply.mention.url)

    def _write(self, graph: ModernGraph, reply: Reply) -> Receipt:
        """A message, or a private reply, which is a message about a comment or a post."""
        mention, form = reply.mention, {"message": json.dumps({"text": reply.text})}
        if mention.kind is Kind.MESSAGE:
            recipient = {"id": _person(mention)}
            form["messaging_type"] = "RESPONSE"
        else:
            recipient = {"comment_id" if mention.kind is Kind.COMMENT else "post_id": place(mention)}
        done = graph.write(f"{self.config.page_id}/messages", recipient=json.dumps(recipient), **form)
        if not text(done, "message_id"):
            raise Unsure("Meta did not say what became of the message")
        return Receipt(text(done, "message_id"), mention.url)

    # --- Is it there? ----------------------------------------------------------------------------

    def _find(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        mention, us = reply.mention, self.config.page_id
        if mention.kind is Kind.MESSAGE:
            there = self._messages(graph, _person(mention), mention.posted_at)
            return ours(reply, us, there, thread=False)
        if self.config.reply_privately:
            return self._find_private(graph, reply)
        number = place(mention)
        found = ours(reply, us, _comments(graph, number), thread=mention.kind is Kind.COMMENT)
        if found is None and nested(mention) and is_id(mention.conversation):
            not_in_thread(reply, us, _comments(graph, mention.conversation))
        return found

    def _find_private(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        mention = reply.mention
        number = place(mention)
        if graph.read(number, fields="id,can_reply_privately").get("can_reply_privately") is True:
            return None  # Meta takes one only
        if mention.kind is Kind.COMMENT:
            about = graph.read(number, fields="id,private_reply_conversation")
            thread = text(part(about, "private_reply_conversation"), "id")
            found = _said(graph, thread, mention.posted_at, mention.url) if thread else ()
            if receipt := ours(reply, self.config.page_id, found, thread=False):
                return receipt
        raise Unsure("Meta takes no private reply any more and does not show one: look in the page's inbox")

    def _messages(self, graph: ModernGraph, person: str, since: datetime) -> Iterator[Standing]:
        query = {"user_id": person, "platform": "messenger", "fields": "id,link,participants"}
        for thread in graph.all(f"{self.config.page_id}/conversations", **query):
            if _takes_part(thread, person):
                yield from _said(graph, text(thread, "id"), since, f"{_SITE}{text(thread, 'link')}")


def _person(mention: Mention) -> str:
    if not is_id(mention.author.id):
        raise Refused("Meta does not say who wrote this message")
    return mention.author.id


def _target(graph: ModernGraph, number: str) -> str:
    """Where a reply to this comment goes: under it, or, since threads have two levels, under the comment that
    it is itself under."""
    comment = graph.read(number, fields="id,can_comment,parent{id,can_comment}")
    parent = part(comment, "parent")
    if comment.get("can_comment") is not False:
        return number
    if parent.get("can_comment") and is_id(text(parent, "id")):
        return text(parent, "id")
    raise Refused("Meta takes no reply to this comment: comments are closed there, or only for some")


def _link(graph: ModernGraph, number: str) -> str:
    """Where it can be seen; "" where Meta does not say. It stands there, whatever becomes of asking."""
    try:
        return text(graph.read(number, fields="permalink_url"), "permalink_url")
    except ServiceError:
        return ""


def _comments(graph: ModernGraph, number: str) -> Iterator[Standing]:
    query = {
        "fields": "id,message,created_time,from{id},permalink_url",
        "order": "reverse_chronological",
        "limit": "100",
    }
    return map(_standing, graph.all(f"{number}/comments", **query))


def _said(graph: ModernGraph, thread: str, since: datetime, url: str) -> Iterator[Standing]:
    """The messages of a conversation since then; Meta gives the newest first."""
    for item in graph.all(f"{thread}/messages", fields="id,created_time,from,message", limit="50"):
        one = _standing(item)._replace(url=url)
        if one.at is not None and one.at < since.replace(microsecond=0):
            return
        yield one


def _standing(item: dict[str, Any]) -> Standing:
    who = text(part(item, "from"), "id")
    at = instant(item.get("created_time"))
    return Standing(text(item, "id"), who, text(item, "message"), at, text(item, "permalink_url"))


def _takes_part(thread: dict[str, Any], person: str) -> bool:
    people = part(thread, "participants").get("data")
    return not isinstance(people, list) or any(
        isinstance(one, dict) and text(one, "id") == person for one in people
    )
