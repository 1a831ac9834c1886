"""Answers on Instagram: under comments on the account's media, and where others @mention it.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment/replies,
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/mentions.
Permissions, and what Meta forbids: docs/networks/instagram.md.

Instagram knows no keys and takes the same words twice: what is still in flight when it is looked for can
stand twice. Comments on others' media it does not show, so there a human has to look.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from accounts.meta import NUMERIC, Access, Item, instant, part, text
from bot.errors import Refused, Unsure
from bot.models import Kind, Mention, Receipt, Refusal, Reply
from responders._graph import Looking, Standing, is_id, limits, nested, not_in_thread, ours, place

if TYPE_CHECKING:
    from accounts.graph import ModernGraph


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    ig_user_id: str = Field(pattern=NUMERIC, description="The professional account's number, not its name.")


class InstagramResponder(Looking):
    """Answers for one account."""

    config: Config
    limits = limits(2_200)

    def __init__(self, config: Config) -> None:
        self.config = config

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Ask whether the comment is there and not hidden: hidden ones cannot be answered.

        Raises:
            ServiceError: Meta could not be asked.
        """
        try:
            number = place(mention)
            if _elsewhere(mention):
                return None
            _only_comments(mention)
            with self._graph() as graph:
                if graph.read(number, fields="id,hidden").get("hidden") is True:
                    return Refusal("the comment is hidden: Instagram takes no reply to it")
        except Refused as refused:
            return Refusal(str(refused))
        return None

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply under its comment. As `Responder.send`."""
        mention = reply.mention
        place(mention)
        path, form = f"{mention.remote_id}/replies", {"message": reply.text}
        if medium := _elsewhere(mention):
            path = f"{self.config.ig_user_id}/mentions"
            form |= {"media_id": medium} | ({"comment_id": mention.remote_id} if _in_comment(mention) else {})
        else:
            _only_comments(mention)
        with self._graph() as graph:
            try:
                done = graph.write(path, **form)
            except Unsure:
                if there := self._already(graph, reply):
                    return there
                raise
        if not text(done, "id"):
            raise Unsure("Meta did not say what became of the reply")
        return Receipt(text(done, "id"), mention.url)

    def _find(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        mention, us = reply.mention, self.config.ig_user_id
        if _elsewhere(mention):
            raise Unsure("Instagram does not show comments on others' media: look whether it stands there")
        number = place(mention)
        # Instagram may know us there under another number, but by our name.
        name = text(graph.read(us, fields="username"), "username")
        standing = partial(_standing, url=mention.url, us=us, name=name)
        found = ours(reply, us, map(standing, _replies(graph, number)), thread=True)
        if found is None and nested(mention) and is_id(mention.conversation):
            not_in_thread(reply, us, map(standing, _replies(graph, mention.conversation)))
        return found


def _replies(graph: ModernGraph, number: str) -> Iterator[Item]:
    """What stands under a comment."""
    return graph.all(f"{number}/replies", fields="id,text,timestamp,username,from", limit="50")


def _standing(item: Item, url: str, us: str, name: str) -> Standing:
    who = us if name and text(item, "username") == name else text(part(item, "from"), "id")
    return Standing(text(item, "id"), who, text(item, "text"), instant(item.get("timestamp")), url)


def _elsewhere(mention: Mention) -> str:
    """The medium, where it is somebody else's, on which the account was @mentioned; else ""."""
    medium, slash, _ = mention.conversation.partition("/")
    return medium if slash and is_id(medium) else ""


def _in_comment(mention: Mention) -> bool:
    return mention.kind is Kind.COMMENT


def _only_comments(mention: Mention) -> None:
    if not _in_comment(mention):
        raise Refused("Instagram lets no app comment where the account was only tagged: answer in Instagram")
