"""Graph's webhooks: what happened since the last push, signed and sent to the address of an app.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started. Sent by hand, so that a test says
when, how often and in which order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from bot.sandbox.apps import ask
from bot.sandbox.graph_nodes import FB, IG, Graph
from bot.sandbox.town import BRAND, Impossible, Message, Post, Town

Seen = tuple[str, bool]


class Hooks:
    """One app's subscription to the page (feed, messages) and the Instagram account (comments)."""

    def __init__(self, town: Town, app_secret: str, verify_token: str) -> None:
        self._graph = Graph(town)
        self._secret, self._verify = app_secret.encode(), verify_token
        self._url = ""
        self._told: dict[tuple[str, str], Seen] = {}
        self._told_messages = 0

    def subscribe(self, url: str) -> None:
        """Make sure of the app, as Meta does, and tell it from now on what happens.

        Raises:
            Impossible: it is not on this machine, or did not answer the challenge.
        """
        challenge = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self._verify}
        status, body = ask(f"{url}?{urlencode(query)}")
        if (status, body) != (200, challenge.encode()):
            raise Impossible(f"the app did not answer the challenge (status {status})")
        self._url = url
        self._news()

    def push(self, *, times: int = 1, backwards: bool = False) -> list[int]:
        """Send what happened since the last time, each change `times` times; the app's answers (0: none).

        Raises:
            Impossible: nobody subscribed.
        """
        if not self._url:
            raise Impossible("nobody subscribed; POST /control/graph/hook with its url first")
        changes = self._news() * times
        return [self._post(change) for change in (reversed(changes) if backwards else changes)]

    def _post(self, change: dict[str, Any]) -> int:
        # Meta escapes what is not ASCII, and slashes: whoever parses and writes it anew breaks the signature.
        body = json.dumps(change).replace("/", "\\/").encode()
        signature = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        return ask(self._url, body, headers)[0]

    # --- What happened -------------------------------------------------------------------------------

    def _news(self) -> list[dict[str, Any]]:
        town = self._graph.town
        with town.lock:
            found = [change for network in (FB, IG) for change in self._posts(network)]
            messages = [one for one in reversed(town.messages(FB)) if one.number > self._told_messages]
            self._told_messages = max((one.number for one in messages), default=self._told_messages)
            return found + [self._message(one) for one in messages]

    def _posts(self, network: str) -> Iterator[dict[str, Any]]:
        town = self._graph.town
        standing = {post.id: post for post in reversed(town.posts(network))}
        known = {number for where, number in self._told if where == network}
        for number in sorted(known | set(standing), key=lambda one: town.post(network, one).number):
            post = town.post(network, number)
            before, now = self._told.get((network, number)), (post.text, post.stands)
            self._told[network, number] = now
            if before != now and (change := self._change(post, before)):
                yield change

    def _change(self, post: Post, before: Seen | None) -> dict[str, Any] | None:
        verb = "remove" if not post.stands else "add" if before is None or not before[1] else "edited"
        if post.network == FB:
            return self._entry("page", self._graph.page, post, "feed", self._feed(post, verb))
        if post.root or verb != "add":  # Instagram tells of new comments only
            return None
        return self._entry("instagram", self._graph.account, post, "comments", self._comment(post))

    def _entry(self, kind: str, number: str, post: Post, field: str, value: Any) -> dict[str, Any]:
        entry = {
            "id": number,
            "time": int(post.at.timestamp()),
            "changes": [{"field": field, "value": value}],
        }
        return {"object": kind, "entry": [entry]}

    def _feed(self, post: Post, verb: str) -> dict[str, Any]:
        person = self._graph.town.person(post.author)
        value: dict[str, Any] = {
            "from": {"id": person.id_on(FB), "name": person.name},
            "item": "status" if post.root else "comment",
            "verb": verb,
            "post_id": f"{self._graph.page}_{post.conversation.partition('_')[2]}",
            "created_time": int(post.at.timestamp()),
        }
        if not post.root:
            value |= {"comment_id": post.id, "parent_id": post.in_reply_to}
        return value if verb == "remove" else value | {"message": post.text}

    def _comment(self, post: Post) -> dict[str, Any]:
        person = self._graph.town.person(post.author)
        value = {
            "id": post.id,
            "text": post.text,
            "from": {"id": person.id_on(IG), "username": person.handle},
            "media": {"id": post.conversation, "media_product_type": "FEED"},
        }
        return value if post.in_reply_to == post.conversation else value | {"parent_id": post.in_reply_to}

    def _message(self, message: Message) -> dict[str, Any]:
        town, when = self._graph.town, int(message.at.timestamp() * 1000)
        said = {"mid": f"m_{message.id}", "text": message.text}
        event = {
            "sender": {"id": town.person(message.author).id_on(FB)},
            "recipient": {"id": town.person(message.to).id_on(FB)},
            "timestamp": when,
            "message": said | ({"is_echo": True} if message.author == BRAND else {}),
        }
        return {"object": "page", "entry": [{"id": self._graph.page, "time": when, "messaging": [event]}]}
