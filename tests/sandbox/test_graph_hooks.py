"""The sandbox's Graph webhooks: what an app is told, how often, in which order, and how it is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from bot.sandbox.graph import APP_SECRET, VERIFY_TOKEN
from bot.sandbox.server import Sandbox, running
from tests.support import loopback


@dataclass
class Inbox:
    """An app, as Meta's page on webhooks asks for one."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    forged: int = 0

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What each push was about: its field and value, or the message event."""
        entries = [entry for body in self.bodies for entry in json.loads(body)["entry"]]
        return [one for entry in entries for one in entry.get("changes", entry.get("messaging", []))]


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        known = query["hub.mode"] == "subscribe" and query["hub.verify_token"] == VERIFY_TOKEN
        self._send(200 if known else 403, query["hub.challenge"])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        signature = "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        if self.headers["x-hub-signature-256"] != signature:
            self.inbox.forged += 1
        self.inbox.bodies.append(body)
        self._send(200, "EVENT_RECEIVED")

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    found = Inbox()
    with loopback.http(_Handler, inbox=found) as url:
        found.url = f"{url}/hooks/facebook"
        yield found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as one:
        one.town.add("zoe", "Zoé Martin")
        yield one


def tell(sandbox: Sandbox, verb: str, **values: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/control/graph/{verb}", json=values, timeout=20)


def test_a_comment_and_a_message_are_pushed_signed_over_escaped_json(sandbox: Sandbox, inbox: Inbox) -> None:
    post = sandbox.town.say("facebook", "banqueazur", "Nouveau !")
    assert tell(sandbox, "hook", url=inbox.url).json() == {"subscribed": True}
    comment = sandbox.town.say("facebook", "zoe", "Où en est mon prêt 😡 ?", to=post.id)
    message = sandbox.town.message("facebook", "zoe", "banqueazur", "Allô / ici Zoé")
    assert tell(sandbox, "push").json() == {"answers": [200, 200]}
    assert inbox.forged == 0
    assert rb"O\u00f9 en est mon pr\u00eat \ud83d\ude21 ?" in inbox.bodies[0]
    assert rb"All\u00f4 \/ ici Zo\u00e9" in inbox.bodies[1]
    feed, event = inbox.changes
    assert feed["field"] == "feed"
    zoe = sandbox.town.person("zoe").id_on("facebook")
    expected: dict[str, Any] = {"item": "comment", "verb": "add", "post_id": post.id, "parent_id": post.id}
    expected |= {"comment_id": comment.id, "message": comment.text, "from": {"id": zoe, "name": "Zoé Martin"}}
    assert {name: feed["value"][name] for name in expected} == expected
    assert event["sender"] == {"id": zoe}
    assert event["message"] == {"mid": f"m_{message.id}", "text": "Allô / ici Zoé"}
    assert tell(sandbox, "push").json() == {"answers": []}


def test_edits_and_deletions_are_pushed_and_what_was_there_before_is_not(
    sandbox: Sandbox, inbox: Inbox
) -> None:
    post = sandbox.town.say("facebook", "banqueazur", "Nouveau !")
    comment = sandbox.town.say("facebook", "zoe", "avant", to=post.id)
    tell(sandbox, "hook", url=inbox.url)
    sandbox.town.edit("facebook", comment.id, "après")
    tell(sandbox, "push")
    sandbox.town.delete("facebook", comment.id)
    tell(sandbox, "push")
    edited, removed = (change["value"] for change in inbox.changes)
    assert (edited["verb"], edited["message"]) == ("edited", "après")
    assert (removed["verb"], removed["comment_id"], "message" in removed) == ("remove", comment.id, False)


def test_instagram_s_comments_are_pushed_to_their_own_object(sandbox: Sandbox, inbox: Inbox) -> None:
    medium = sandbox.town.say("instagram", "banqueazur", "photo", photo=True)
    tell(sandbox, "hook", url=inbox.url)
    comment = sandbox.town.say("instagram", "zoe", "joli", to=medium.id)
    tell(sandbox, "push")
    (body,) = map(json.loads, inbox.bodies)
    assert (body["object"], body["entry"][0]["changes"][0]["field"]) == ("instagram", "comments")
    value = body["entry"][0]["changes"][0]["value"]
    zoe = {"id": sandbox.town.person("zoe").id_on("instagram"), "username": "zoe"}
    medium_ = {"id": medium.id, "media_product_type": "FEED"}
    assert value == {"id": comment.id, "text": "joli", "from": zoe, "media": medium_}


def test_each_push_can_come_twice_and_out_of_order(sandbox: Sandbox, inbox: Inbox) -> None:
    post = sandbox.town.say("facebook", "banqueazur", "Nouveau !")
    tell(sandbox, "hook", url=inbox.url)
    for text in ("un", "deux"):
        sandbox.town.say("facebook", "zoe", text, to=post.id)
    assert tell(sandbox, "push", times=2, backwards=True).json() == {"answers": [200] * 4}
    assert [change["value"]["message"] for change in inbox.changes] == ["deux", "un", "deux", "un"]


@pytest.mark.parametrize("url", ["https://example.org/hook", "http://example.org/hook", "file:///etc/passwd"])
def test_nothing_is_pushed_to_another_machine(url: str, sandbox: Sandbox) -> None:
    answer = tell(sandbox, "hook", url=url)
    assert (answer.status_code, "on this machine" in answer.text) == (400, True)
    assert "nobody subscribed" in tell(sandbox, "push").json()["error"]


def test_an_app_that_does_not_answer_the_challenge_is_not_subscribed(sandbox: Sandbox) -> None:
    answer = tell(sandbox, "hook", url=f"{sandbox.url}/nowhere")
    assert (answer.status_code, "challenge" in answer.text) == (400, True)
