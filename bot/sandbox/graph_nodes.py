"""The town as Graph sees it: a page, its posts, comments and messages, and an Instagram account, as nodes.

What a node shows of itself stands in `graph_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bot.sandbox.town import BRAND, Message, Post, Town, Unknown

FB: Final = "facebook"
IG: Final = "instagram"
# https://developers.facebook.com/docs/messenger-platform/discovery/private-replies
_PRIVATE_REPLY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Node:
    """Something with an id. `of` is what it stands for: a post, person or message, or a thread's partner."""

    kind: str
    id: str
    of: Any
    at: datetime | None = None


class Graph:
    """The town as Graph shows it. With `hidden`, nobody says who wrote."""

    def __init__(self, town: Town, *, hidden: bool = False) -> None:
        self.town = town
        self.hidden = hidden
        self.page = town.brand.id_on(FB)
        self.account = town.brand.id_on(IG)

    # --- finding -------------------------------------------------------------------------------------

    def node(self, number: str) -> Node:
        """What has this id, and still stands.

        Raises:
            Unknown: nothing.
        """
        if number in ("me", self.page):
            return self.page_node()
        if number == self.account:
            return Node("IGUser", number, self.town.brand)
        if number.startswith("t_"):
            return self._thread(number)
        if number.startswith("m_"):
            return self._message(number)
        if number.count("_") > 1:
            raise Unknown("ids of three parts are no longer served")
        post = self.town.post(FB if "_" in number else IG, number)
        if not post.stands:
            raise Unknown(f"{number} was deleted")
        return self.of_post(post)

    def page_node(self) -> Node:
        return Node("Page", self.page, self.town.brand)

    def of_post(self, post: Post) -> Node:
        kinds = {FB: ("PagePost", "Comment"), IG: ("IGMedia", "IGComment")}[post.network]
        return Node(kinds[not post.root], post.id, post, post.at)

    def _thread(self, number: str) -> Node:
        found = [one for one in self.threads() if one.id == number]
        if not found:
            raise Unknown(f"there is no conversation {number}")
        return found[0]

    def _message(self, number: str) -> Node:
        for message in self.town.messages(FB):
            if f"m_{message.id}" == number:
                return _of_message(message)
        raise Unknown(f"there is no message {number}")

    # --- edges ---------------------------------------------------------------------------------------

    def roots(self, network: str) -> list[Post]:
        return [post for post in self.town.posts(network) if post.root]

    def threads(self) -> list[Node]:
        """One for each person that the page exchanged messages with, the newest first."""
        newest: dict[str, Message] = {}
        for message in self.town.messages(FB):
            newest.setdefault(_partner(message), message)
        return [
            Node("UnifiedThread", self.thread_of(who), self.town.person(who), last.at)
            for who, last in newest.items()
        ]

    def thread_of(self, handle: str) -> str:
        """The id of the page's conversation with somebody."""
        return f"t_{self.town.person(handle).id_on(FB)}"

    def messages_of(self, thread: Node) -> list[Node]:
        found = self.town.messages(FB, between=(thread.of.handle, BRAND))
        return [_of_message(message) for message in found]

    def comments(self, node: Node, arguments: Mapping[str, str]) -> list[Node]:
        """Directly under it; all that hangs below with ``filter=stream``."""
        deep = arguments.get("filter") == "stream"
        found = self._below(node.of) if deep else self.town.answers_to(node.of.network, node.id)
        found = sorted(found, key=lambda post: post.number)
        if arguments.get("order") == "reverse_chronological":
            found.reverse()
        return [self.of_post(post) for post in found]

    def _below(self, top: Post) -> list[Post]:
        same = [post for post in self.town.posts(FB) if post.conversation == top.conversation]
        if top.root:
            return [post for post in same if not post.root]
        wanted, found = {top.id}, list[Post]()
        for post in reversed(same):
            if post.in_reply_to in wanted:
                wanted.add(post.id)
                found.append(post)
        return found

    def replies(self, node: Node) -> list[Node]:
        """Instagram: what answers a medium or a comment, newest first."""
        return [self.of_post(post) for post in reversed(self.town.answers_to(IG, node.id))]

    def no_private_reply(self, post: Post) -> int | None:
        """Meta's code for why a private reply to this comment or visitor post is refused; None: it may go."""
        if post.network != FB or post.author == BRAND:
            return 10902
        if self.town.clock() - post.at > _PRIVATE_REPLY:
            return 10901
        sent = self.town.messages(FB)
        return 10900 if any(one.about == post.id and one.author == BRAND for one in sent) else None


def tags_the_brand(post: Post) -> bool:
    return f"@{BRAND}" in post.text.lower()


def _partner(message: Message) -> str:
    return message.to if message.author == BRAND else message.author


def _of_message(message: Message) -> Node:
    return Node("UnifiedMessage", f"m_{message.id}", message, message.at)
