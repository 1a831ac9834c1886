"""What each kind of Graph node shows: its fields, the usual ones, and its edges.

The names are those of Meta's own specifications, to which tests/sandbox/test_graph_wire.py holds them:
https://github.com/facebook/facebook-business-sdk-codegen/tree/main/api_specs/specs. For Instagram, those of
https://developers.facebook.com/docs/instagram-platform/reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bot.sandbox.graph_nodes import FB, IG, Graph, Node, tags_the_brand
from bot.sandbox.town import BRAND, Post

PHOTO: Final = "https://scontent.example/photo.jpg"
_SITE: Final = "https://www.facebook.com"
_INSTAGRAM: Final = "https://www.instagram.com"


def date(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%S}+0000" if at else None


Fact = Callable[[Graph, Node], Any]


def _user(graph: Graph, handle: str, network: str = FB) -> dict[str, str]:
    person = graph.town.person(handle)
    if network == IG:
        return {"id": person.id_on(IG), "username": person.handle}
    return {"name": person.name, "id": person.id_on(FB)}


def _from(graph: Graph, node: Node) -> dict[str, str] | None:
    """Of a post that only tags the page, Facebook never says who wrote it."""
    post: Post = node.of
    if graph.hidden or (post.root and post.network == FB and tags_the_brand(post) and post.author != BRAND):
        return None
    return _user(graph, post.author, post.network)


def _username(graph: Graph, node: Node) -> str | None:
    return None if graph.hidden else str(node.of.author)


def _tags(graph: Graph, node: Node) -> list[dict[str, Any]] | None:
    start = node.of.text.lower().find(f"@{BRAND}")
    if start < 0:
        return None
    return [{**_user(graph, BRAND), "type": "page", "offset": start, "length": len(BRAND) + 1}]


def _link(graph: Graph, node: Node) -> str:
    post: Post = node.of
    if post.root:
        return f"{_SITE}/{post.id}"
    return (
        f"{_SITE}/{graph.page}_{post.conversation.partition('_')[2]}?comment_id={post.id.partition('_')[2]}"
    )


def _parent(graph: Graph, node: Node) -> Node | None:
    above = graph.town.post(FB, node.of.in_reply_to)
    return graph.of_post(above) if above.stands and not above.root else None


def _object(graph: Graph, node: Node) -> Node | None:
    root = graph.town.post(FB, node.of.conversation)
    return graph.of_post(root) if root.stands else None


def _attachment(post: Post) -> dict[str, Any] | None:
    if not post.photo:
        return None
    return {"type": "photo", "url": f"{_SITE}/photo.php", "media": {"image": {"src": PHOTO}}}


def _can_reply_privately(graph: Graph, node: Node) -> bool:
    return graph.no_private_reply(node.of) is None


def _people(*kinds: str) -> Fact:
    """The people of a message or a thread: its sender, whom it is to, or both."""

    def fact(graph: Graph, node: Node) -> dict[str, Any]:
        named = {"from": node.of.author, "to": node.of.to} if node.kind == "UnifiedMessage" else {}
        named |= {} if named else {"from": node.of.handle, "to": BRAND}
        people = [_user(graph, named[kind]) for kind in kinds]
        return {"data": [{**one, "email": f"{one['id']}@facebook.com"} for one in people]}

    return fact


def _sender(graph: Graph, node: Node) -> dict[str, str] | None:
    return None if graph.hidden else _user(graph, node.of.author)


def _private_reply(graph: Graph, node: Node) -> dict[str, str] | None:
    sent = [one for one in graph.town.messages(FB) if one.about == node.id]
    return {"id": graph.thread_of(sent[0].to)} if sent else None


def _account(graph: Graph, node: Node) -> Node:  # noqa: ARG001 -- as every fact
    return graph.node(graph.account)


def _media_count(graph: Graph, node: Node) -> int:  # noqa: ARG001
    return sum(post.author == BRAND for post in graph.roots(IG))


def _above(post: Post) -> str | None:
    return post.in_reply_to if post.in_reply_to != post.conversation else None


def _its(fact: Callable[[Any], Any]) -> Fact:
    """What needs nothing but the post, person or message itself."""
    return lambda graph, node: fact(node.of)  # noqa: ARG005


def _constant(value: Any) -> Fact:
    return _its(lambda one: value)  # noqa: ARG005


def _when(graph: Graph, node: Node) -> str | None:  # noqa: ARG001
    return date(node.at)


_text: Final = _its(lambda one: one.text or None)
_BOTH: Final = {
    "created_time": _when,
    "from": _from,
    "is_hidden": _constant(False),
    "message": _text,
    "message_tags": _tags,
    "permalink_url": _link,
    "can_reply_privately": _can_reply_privately,
}
FIELDS: Final[Mapping[str, Mapping[str, Fact]]] = {
    "Page": {
        "name": _its(lambda one: one.name),
        "username": _its(lambda one: one.handle),
        "link": _its(lambda one: f"{_SITE}/{one.handle}"),
        "category": _constant("Bank"),
        "fan_count": _its(lambda one: one.followers),
        "followers_count": _its(lambda one: one.followers),
        "instagram_business_account": _account,
    },
    "PagePost": {
        **_BOTH,
        "full_picture": _its(lambda one: PHOTO if one.photo else None),
        "is_published": _constant(True),
        "status_type": _its(lambda one: "added_photos" if one.photo else "mobile_status_update"),
        "updated_time": _its(lambda one: date(one.edited_at or one.at)),
    },
    "Comment": {
        **_BOTH,
        "attachment": _its(_attachment),
        "can_comment": _constant(True),
        "can_hide": _constant(True),
        "can_like": _constant(True),
        "can_remove": _constant(True),
        "comment_count": lambda graph, node: len(graph.comments(node, {})),
        "is_private": _constant(False),
        "like_count": _constant(0),
        "object": _object,
        "parent": _parent,
        "private_reply_conversation": _private_reply,
        "user_likes": _constant(False),
    },
    "UnifiedThread": {
        "can_reply": _constant(True),
        "link": lambda graph, node: f"/{graph.page}/inbox/{node.id[2:]}/",
        "message_count": lambda graph, node: len(graph.messages_of(node)),
        "participants": _people("from", "to"),
        "senders": _people("from", "to"),
        "snippet": lambda graph, node: graph.messages_of(node)[0].of.text[:80],
        "unread_count": _constant(0),
        "updated_time": _when,
    },
    "UnifiedMessage": {
        "created_time": _when,
        "from": _sender,
        "message": _text,
        "to": _people("to"),
    },
    "IGUser": {
        "followers_count": _its(lambda one: one.followers),
        "media_count": _media_count,
        "name": _its(lambda one: one.name),
        "username": _its(lambda one: one.handle),
    },
    "IGMedia": {
        "caption": _text,
        "comments_count": lambda graph, node: len(graph.replies(node)),
        "is_comment_enabled": _constant(True),
        "like_count": _constant(0),
        "media_product_type": _constant("FEED"),
        "media_type": _constant("IMAGE"),
        "media_url": _constant(PHOTO),
        "owner": lambda graph, node: {"id": graph.account} if node.of.author == BRAND else None,
        "permalink": _its(lambda one: f"{_INSTAGRAM}/p/{one.id}/"),
        "timestamp": _when,
        "username": _username,
    },
    "IGComment": {
        "from": _from,
        "hidden": _constant(False),
        "like_count": _constant(0),
        "media": lambda graph, node: graph.of_post(graph.town.post(IG, node.of.conversation)),
        "parent_id": _its(_above),
        "text": _text,
        "timestamp": _when,
        "username": _username,
    },
}


# What is given when no field is asked for.
USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "Page": ("name",),
    "PagePost": ("created_time", "message"),
    "Comment": ("created_time", "from", "message"),
    "UnifiedThread": ("link", "updated_time"),
    "UnifiedMessage": ("created_time",),
    "IGUser": (),
    "IGMedia": (),
    "IGComment": ("timestamp", "text"),
}

# --- Edges -----------------------------------------------------------------------------------------

Edge = Callable[[Graph, Node, Mapping[str, str]], list[Node]]


def _posts(network: str, which: Callable[[Post], bool]) -> Edge:
    def edge(graph: Graph, node: Node, arguments: Mapping[str, str]) -> list[Node]:  # noqa: ARG001
        return [graph.of_post(post) for post in graph.roots(network) if which(post)]

    return edge


def _ours(post: Post) -> bool:
    return post.author == BRAND


def _by_visitors(post: Post) -> bool:
    return not _ours(post) and not tags_the_brand(post)


def _elsewhere(post: Post) -> bool:
    return not _ours(post) and tags_the_brand(post)


def _conversations(graph: Graph, node: Node, arguments: Mapping[str, str]) -> list[Node]:  # noqa: ARG001
    if arguments.get("platform", "messenger") != "messenger":
        return []
    person = arguments.get("user_id")
    return [thread for thread in graph.threads() if person in (None, thread.id.removeprefix("t_"))]


def _comments(graph: Graph, node: Node, arguments: Mapping[str, str]) -> list[Node]:
    return graph.comments(node, arguments)


def _replies(graph: Graph, node: Node, arguments: Mapping[str, str]) -> list[Node]:  # noqa: ARG001
    return graph.replies(node)


def _messages(graph: Graph, node: Node, arguments: Mapping[str, str]) -> list[Node]:  # noqa: ARG001
    return graph.messages_of(node)


EDGES: Final[Mapping[str, Mapping[str, Edge]]] = {
    "Page": {
        "conversations": _conversations,
        "feed": _posts(FB, lambda post: not _elsewhere(post)),
        "posts": _posts(FB, _ours),
        "published_posts": _posts(FB, _ours),
        "tagged": _posts(FB, _elsewhere),
        "visitor_posts": _posts(FB, _by_visitors),
    },
    "PagePost": {"comments": _comments},
    "Comment": {"comments": _comments},
    "UnifiedThread": {"messages": _messages},
    "UnifiedMessage": {},
    "IGUser": {"media": _posts(IG, _ours), "tags": _posts(IG, _elsewhere)},
    "IGMedia": {"comments": _replies},
    "IGComment": {"replies": _replies},
}
