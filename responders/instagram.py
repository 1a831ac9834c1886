"""Answers on Instagram: under comments on the account's media, and where others @mention it.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment/replies,
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/mentions.
Permissions, and what Meta forbids: docs/networks/instagram.md.

Instagram knows no keys and takes the same words twice: what is still in flight when it is looked for can
stand twice. Comments on others' media it does not show, so there a human has to look.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from accounts.meta import NUMERIC, Access, instant, part, text
from bot.errors import Refused, ServiceError, Unsure
from bot.models import Kind, Mention, Receipt, Refusal, Reply
from responders._graph import Standing, is_id, limits, nested, ours, place, same

if TYPE_CHECKING:
    from accounts.graph import ModernGraph


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    ig_user_id: str = Field(pattern=NUMERIC, description="The professional account's number, not its name.")


class InstagramResponder:
    """Answers for one account."""

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
                if graph.twice and (there := self._look(graph, reply)):
                    return there
                raise
        if not text(done, "id"):
            raise Unsure("Meta did not say what became of the reply")
        return Receipt(text(done, "id"), mention.url)

    def find(self, reply: Reply) -> Receipt | None:
        """Look for the same words by the account under the comment. As `Responder.find`."""
        with self._graph() as graph:
            try:
                return self._find(graph, reply)
            except Refused as gone:
                raise Unsure(f"what was answered cannot be read any more: {gone}") from None

    def _graph(self) -> ModernGraph:
        from accounts.graph import ModernGraph

        return ModernGraph(self.config, time.monotonic() + self.config.timeout)

    def _look(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        """As `_find`, where not to know means that it may stand there."""
        try:
            return self._find(graph, reply)
        except ServiceError:
            return None

    def _find(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        mention, us = reply.mention, self.config.ig_user_id
        if _elsewhere(mention):
            raise Unsure("Instagram does not show comments on others' media: look whether it stands there")
        found = ours(reply, us, self._replies(graph, place(mention), mention.url), thread=True)
        if found is None and nested(mention) and is_id(mention.conversation):
            # Instagram puts the reply to a reply under the first comment.
            in_thread = self._replies(graph, mention.conversation, mention.url)
            if any(one.author in (us, "") and same(one.text, reply.text) for one in in_thread):
                raise Unsure("these very words stand in this thread already: look whether for this person")
        return found

    def _replies(self, graph: ModernGraph, number: str, url: str) -> Iterator[Standing]:
        """What stands under a comment. Instagram may know us there under another number, but by our name."""
        us = self.config.ig_user_id
        name = text(graph.read(us, fields="username"), "username")
        for item in graph.all(f"{number}/replies", fields="id,text,timestamp,username,from", limit="50"):
            who = us if name and text(item, "username") == name else text(part(item, "from"), "id")
            yield Standing(text(item, "id"), who, text(item, "text"), instant(item.get("timestamp")), url)


def _elsewhere(mention: Mention) -> str:
    """The medium, where it is somebody else's, on which the account was @mentioned; else ""."""
    medium, slash, _ = mention.conversation.partition("/")
    return medium if slash and is_id(medium) else ""


def _in_comment(mention: Mention) -> bool:
    return mention.kind is Kind.COMMENT


def _only_comments(mention: Mention) -> None:
    if not _in_comment(mention):
        raise Refused("Instagram lets no app comment where the account was only tagged: answer in Instagram")
