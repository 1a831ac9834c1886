"""What may be written to Graph: comments, replies, private replies and messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from bot.sandbox.graph_nodes import FB, IG, Graph, Node
from bot.sandbox.town import BRAND, Impossible, Person, Unknown

# Characters: https://developers.facebook.com/docs/messenger-platform/reference/send-api; the others as people
# found them.
_LONGEST: Final = {"Message": 2_000, "Comment": 8_000, "IGComment": 2_200}
# https://developers.facebook.com/docs/messenger-platform/policy/policy-overview#messaging_window
_WINDOW: Final = timedelta(hours=24)
_HUMAN_AGENT_WINDOW: Final = timedelta(days=7)
_WORDS: Final = {
    10900: "Activity already replied to",
    10901: "Activity expired, cannot private reply",
    10902: "Activity cannot be replied to",
}


class GraphError(Exception):
    """What Graph answers with: https://developers.facebook.com/docs/graph-api/guides/error-handling"""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        status: int = 400,
        kind: str = "OAuthException",
    ) -> None:
        self.code, self.subcode, self.status, self.kind = code, subcode, status, kind
        super().__init__(message)


def missing(number: str, verb: str) -> GraphError:
    """There is no such thing, or not for us: Graph does not tell which."""
    words = (
        f"Unsupported {verb} request. Object with ID '{number}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation"
    )
    return GraphError(100, words, subcode=33, kind="GraphMethodException")


def write(graph: Graph, node: Node, edge: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Do it; what Graph answers.

    Raises:
        GraphError: it was not done.
    """
    if (node.kind, edge) in (("PagePost", "comments"), ("Comment", "comments")):
        return _say(graph, node, FB, _message(values, "Comment"))
    if (node.kind, edge) in (("IGMedia", "comments"), ("IGComment", "replies")):
        return _say(graph, node, IG, _message(values, "IGComment"))
    if (node.kind, edge) == ("Page", "messages"):
        return _send(graph, values)
    raise missing(node.id, "post")


def _message(values: Mapping[str, Any], kind: str) -> str:
    text = values.get("message")
    if not isinstance(text, str) or not text.strip():
        raise GraphError(100, "(#100) The parameter message is required")
    return _fitting(text, kind)


def _fitting(text: str, kind: str) -> str:
    most = _LONGEST[kind]
    if len(text) > most:
        raise GraphError(100, f"(#100) Length of param message must be less than or equal to {most}")
    return text


def _say(graph: Graph, node: Node, network: str, text: str) -> dict[str, Any]:
    try:
        return {"id": graph.town.say(network, BRAND, text, to=node.id, through_api=True).id}
    except (Unknown, Impossible):
        raise missing(node.id, "post") from None


def _send(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    recipient, message = (_object(values, name) for name in ("recipient", "message"))
    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        raise GraphError(100, "(#100) Param message[text] must be a non-empty UTF-8 encoded string")
    text = _fitting(text, "Message")
    about = recipient.get("comment_id") or recipient.get("post_id")
    with graph.town.lock:  # once for each comment, whoever asks at the same time
        person = _commenter(graph, str(about)) if about else _in_window(graph, recipient, values)
        if person.handle == BRAND:
            raise GraphError(100, "(#100) No matching user found", subcode=2018001)
        sent = graph.town.message(
            FB, BRAND, person.handle, text, about=str(about) if about else None, through_api=True
        )
    return {"recipient_id": person.id_on(FB), "message_id": f"m_{sent.id}"}


def _object(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise GraphError(100, f"(#100) The parameter {name} is required")
    return value


def _commenter(graph: Graph, number: str) -> Person:
    """Who wrote the comment (or visitor post), if a private reply to it may go."""
    try:
        post = graph.node(number).of
    except Unknown:
        raise missing(number, "post") from None
    if not hasattr(post, "in_reply_to"):
        raise missing(number, "post")
    if (code := graph.no_private_reply(post)) is not None:
        raise GraphError(code, f"(#{code}) {_WORDS[code]}")
    return graph.town.person(post.author)


def _in_window(graph: Graph, recipient: Mapping[str, Any], values: Mapping[str, Any]) -> Person:
    """The person, if they wrote to the page lately."""
    try:
        person = graph.town.person_by_id(FB, str(recipient.get("id")))
    except Unknown:
        raise GraphError(100, "(#100) No matching user found", subcode=2018001) from None
    window = _HUMAN_AGENT_WINDOW if values.get("tag") == "HUMAN_AGENT" else _WINDOW
    start = graph.town.clock() - window
    wrote = graph.town.messages(FB, between=(person.handle, BRAND)) if person.handle != BRAND else []
    if person.handle != BRAND and not any(m.author == person.handle and m.at >= start for m in wrote):
        raise GraphError(10, "(#10) This message is sent outside of allowed window.", subcode=2018278)
    return person
