"""The desk in Slack: the real slack_bolt and slack_sdk, a real store, and the sandbox's Slack on loopback."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner, Result

from bot.errors import NotPossible
from bot.grouping import Due, grouped
from bot.models import Escalation
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox, running
from bot.sandbox.slack import APP_TOKEN, SIGNING_SECRET, SlackWire
from bot.sandbox.town import Town
from bot.slack import SlackDesk
from bot.slack_settings import SlackSettings
from bot.slack_setup import lacking, manifest
from bot.steps.sweep import ring
from responders.slack import Config, SlackNotifier
from tests.support import slack_socket
from tests.support.house import CONFIG, QUESTION, Clock, House, build_house, comment

SLACK = """\
  slack: {{type: slack, token: sandbox-slack-token, channel: C0SANDBOX, api_url: "{url}/slack/api/",
    inbox_url: "https://vigie.example.org/mention/{{mention}}"}}
"""
X = """paper: {type: x, handle: banqueazur, user_id: "1", consumer_key: sandbox-1, consumer_secret: sandbox-2,
    access_token: sandbox-3, access_token_secret: sandbox-4}"""
USERS = {"U0LEA": "lea", "U0MAX": "max"}


@dataclass
class Office:
    """A house with a desk in Slack, and people at their buttons."""

    house: House
    sandbox: Sandbox
    wire: SlackWire
    desk: SlackDesk
    url: str = ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.wire.messages

    def about(self, remote_id: str) -> dict[str, Any]:
        """The message about a mention."""
        number = self.house.mention(remote_id)["id"]
        (found,) = [one for one in self.messages if _payload(one).get("mention") == number]
        return found

    def buttons(self, remote_id: str) -> list[str]:
        return [
            one["action_id"] for block in self.about(remote_id)["blocks"] for one in block.get("elements", [])
            if "action_id" in one
        ]  # fmt: skip

    def pressed(self, user: str, remote_id: str, action: str) -> dict[str, Any]:
        """What Slack tells when somebody presses a button as it is now."""
        return self.wire.people.pressed(user, self.about(remote_id)["ts"], action)

    def tell(self, payload: dict[str, Any], *, at: float | None = None) -> Any:
        return self.wire.people.tell(self.url, payload, at=at)

    def press(self, user: str, remote_id: str, action: str) -> None:
        """Press it, and wait until the app has done what there is to do."""
        edits, before = self.about(remote_id).get("edited"), len(self.wire.whispers)
        assert self.tell(self.pressed(user, remote_id, action))["status"] == 200
        until(lambda: self.about(remote_id).get("edited") != edits or len(self.wire.whispers) > before)

    def whispered(self) -> list[tuple[str, str]]:
        return [(one["user"], one["text"]) for one in self.wire.whispers]

    def again(self) -> SlackDesk:
        """The same desk after a restart."""
        return SlackDesk(self.house.app, settings())


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = message.get("metadata", {}).get("event_payload", {})
    return found


def settings(**more: Any) -> SlackSettings:
    return SlackSettings(**{"users": USERS, "signing_secret": SecretStr(SIGNING_SECRET), **more})


def until(what: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


@contextlib.contextmanager
def door(desk: SlackDesk) -> Iterator[str]:
    """What a web server does for the desk: hand over the body and the headers as they came."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, text, headers = desk.take(body, dict(self.headers.items()))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/slack/events"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock = Clock()
    with running(Town(clock)) as sandbox:
        house = build_house(tmp_path, CONFIG + SLACK.format(url=sandbox.url), clock=clock)
        wire = next(one for one in sandbox.wires if isinstance(one, SlackWire))
        desk = SlackDesk(house.app, settings(), house.wake)
        with door(desk) as url:
            yield Office(house, sandbox, wire, desk, url)


@pytest.fixture
def asked(office: Office) -> Office:
    """Claire asked something; a draft is in the channel."""
    office.house.hears(comment("c1", QUESTION))
    office.desk.board.tick()
    return office


# --- Approving ---------------------------------------------------------------------------------------


def test_what_waits_is_posted_with_its_draft_and_the_network_s_count(asked: Office) -> None:
    message, draft = asked.about("c1"), asked.house.replies("c1", "draft")[0]
    assert message["text"] == "Waits for an answer: Claire on blog"
    shown = json.dumps(message["blocks"], ensure_ascii=False)
    assert QUESTION in shown
    assert json.dumps(draft["text"], ensure_ascii=False)[1:-1] in shown
    assert f"{len(draft['text'])} of 500 characters" in shown
    assert "https://vigie.example.org/mention/" in shown
    assert asked.buttons("c1")[:3] == ["approve", "edit", "reject"]
    asked.desk.board.tick()
    assert len(asked.messages) == 1
    assert "edited" not in asked.about("c1")


def test_approve_sends_the_reply_and_the_message_says_who_approved(asked: Office) -> None:
    asked.press("U0LEA", "c1", "approve")
    assert asked.about("c1")["text"] == "An answer is on its way: Claire on blog"
    assert "lea approved a reply" in str(asked.about("c1")["blocks"])
    assert "approve" not in asked.buttons("c1")
    assert asked.house.woken[-1] == ("deliver", "paper")
    asked.house.deliver()
    asked.desk.board.tick()
    (published,) = asked.house.paper.published
    assert published.text == asked.house.replies("c1", "sent")[0]["text"]
    message = asked.about("c1")
    assert message["text"] == "Answered: Claire on blog"
    assert "lea approved a reply" in str(message["blocks"])
    assert "https://blog.example/c1#reply" in str(message["blocks"])
    assert asked.buttons("c1") == []


def test_a_second_click_says_by_whom_it_was_already_handled(asked: Office) -> None:
    late = asked.pressed("U0MAX", "c1", "approve")
    asked.press("U0LEA", "c1", "approve")
    asked.tell(late)
    until(asked.whispered)
    ((user, text),) = asked.whispered()
    assert user == "U0MAX"
    assert text.startswith("Already handled by lea: lea approved a reply at ")
    asked.house.deliver()
    assert len(asked.house.paper.published) == 1


def test_two_who_click_in_the_same_instant_send_one_reply_and_one_is_told(asked: Office) -> None:
    clicks = [asked.pressed(user, "c1", "approve") for user in USERS]
    threads = [threading.Thread(target=asked.tell, args=(click,)) for click in clicks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(asked.whispered)
    asked.house.deliver()
    assert len(asked.house.paper.published) == 1
    (approved,) = asked.house.rows("SELECT actor FROM events WHERE kind = 'approved'")
    ((user, text),) = asked.whispered()
    assert (USERS[user] != approved["actor"], f"by {approved['actor']}" in text) == (True, True)


def test_a_click_that_slack_delivers_twice_is_done_once_and_nobody_is_bothered(asked: Office) -> None:
    click = asked.pressed("U0LEA", "c1", "approve")
    for _ in range(3):
        assert asked.tell(click)["status"] == 200
    until(lambda: asked.house.replies("c1", "ready"))
    time.sleep(0.1)
    assert asked.whispered() == []
    assert asked.house.events("c1").count("approved") == 1


def test_what_the_person_wrote_meanwhile_stops_an_approval(asked: Office) -> None:
    click = asked.pressed("U0LEA", "c1", "approve")
    asked.house.hears(
        comment("c2", "C'est bon, j'ai trouvé !", in_reply_to="c1"), comment("c1", QUESTION + " Svp")
    )
    asked.tell(click)
    until(asked.whispered)
    ((_, text),) = asked.whispered()
    assert text.startswith("Nothing was done: the person ")
    assert asked.house.replies("c1", "ready") == []


# --- The other buttons ---------------------------------------------------------------------------------


def test_the_form_keeps_a_text_and_says_what_is_wrong_with_one(asked: Office) -> None:
    before = asked.house.replies("c1", "draft")[0]
    assert asked.tell(asked.pressed("U0LEA", "c1", "edit"))["status"] == 200
    until(lambda: asked.wire.people.views)
    (view,) = asked.wire.people.views
    typed = view["blocks"][-1]
    assert typed["element"]["initial_value"] == before["text"]
    assert f"{len(before['text'])} of 500 characters now" in typed["hint"]["text"]
    empty = asked.wire.people.submitted("U0LEA", view["id"], {"text": " "})
    answer = asked.tell(empty)["answer"]
    errors = {"text": "Nothing was done: the text is empty."}
    assert answer == {"response_action": "errors", "errors": errors}
    assert asked.tell(empty)["answer"] == answer
    assert asked.house.replies("c1", "draft")[0]["text"] == before["text"]
    good = asked.wire.people.submitted("U0LEA", view["id"], {"text": "Samedi à 9 h <3 & bienvenue"})
    assert asked.tell(good) == {"status": 200, "answer": None}
    assert asked.house.replies("c1", "draft")[0]["text"] == "Samedi à 9 h <3 & bienvenue"
    until(lambda: "Samedi à 9 h <3 & bienvenue" in str(asked.about("c1")["blocks"]))
    asked.press("U0MAX", "c1", "approve")
    asked.house.deliver()
    assert [reply.text for reply in asked.house.paper.published] == ["Samedi à 9 h <3 & bienvenue"]


def test_a_text_that_the_network_would_not_take_stays_in_the_form_and_a_dear_one_is_marked(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with running(Town(clock)) as sandbox:
        config = CONFIG.replace("paper: {type: console}", X) + SLACK.format(url=sandbox.url)
        house = build_house(tmp_path, config, clock=clock)
        house.hears(comment("c1", QUESTION))
        wire = next(one for one in sandbox.wires if isinstance(one, SlackWire))
        desk = SlackDesk(house.app, settings())
        desk.board.tick()
        with door(desk) as url:
            office = Office(house, sandbox, wire, desk, url)
            office.tell(office.pressed("U0LEA", "c1", "edit"))
            until(lambda: wire.people.views)
            number = wire.people.views[0]["id"]
            long = wire.people.submitted("U0LEA", number, {"text": "é" * 281})
            assert "too long: 281 characters as X counts" in office.tell(long)["answer"]["errors"]["text"]
            dear = wire.people.submitted("U0LEA", number, {"text": "Voyez https://banque.fr/carte"})
            assert office.tell(dear)["answer"] is None
            until(lambda: "with a link X takes $0.200" in str(office.about("c1")["blocks"]))


def test_a_form_that_comes_too_late_says_so_and_keeps_its_text(asked: Office) -> None:
    asked.tell(asked.pressed("U0LEA", "c1", "edit"))
    until(lambda: asked.wire.people.views)
    asked.press("U0MAX", "c1", "approve")
    late = asked.wire.people.submitted("U0LEA", asked.wire.people.views[0]["id"], {"text": "Bonjour"})
    errors = asked.tell(late)["answer"]["errors"]
    assert errors["text"].startswith("Already handled by max: max approved a reply at ")


def test_a_form_is_not_opened_for_what_was_changed_meanwhile(asked: Office) -> None:
    late = asked.pressed("U0LEA", "c1", "edit")
    asked.press("U0MAX", "c1", "take")
    asked.tell(late)
    until(asked.whispered)
    assert asked.whispered()[0][1].startswith("Nothing was done: max assigned it at ")
    assert asked.wire.people.views == []


def test_reject_puts_the_draft_aside_and_the_person_goes_on_waiting(asked: Office) -> None:
    count = len(asked.house.replies("c1", "draft"))
    asked.press("U0LEA", "c1", "reject")
    assert len(asked.house.replies("c1", "draft")) == count - 1
    assert asked.house.mention("c1")["state"] == "waiting"


def test_take_gives_it_to_whoever_took_it(asked: Office) -> None:
    asked.press("U0MAX", "c1", "take")
    assert asked.house.mention("c1")["assignee"] == "max"
    assert "with max" in str(asked.about("c1")["blocks"])
    assert "take" not in asked.buttons("c1")


def test_acknowledge_stops_the_ringing_and_only_that(asked: Office) -> None:
    asked.house.desk.escalate(
        asked.house.mention("c1")["id"], "urgent", asked.house.mention("c1")["version"], "Léa"
    )
    asked.desk.board.tick()
    click = asked.pressed("U0LEA", "c1", "acknowledge")
    asked.press("U0MAX", "c1", "acknowledge")
    assert "acknowledge" not in asked.buttons("c1")
    assert "approve" in asked.buttons("c1")
    asked.tell(click)
    until(asked.whispered)
    assert asked.whispered()[0][1].startswith("Already handled by max: max acknowledged it at ")
    assert asked.house.mention("c1")["state"] == "escalated"


# --- Who may ---------------------------------------------------------------------------------------------


def test_a_stranger_is_refused_in_words_and_nothing_is_done(asked: Office) -> None:
    asked.press("U0GUEST", "c1", "approve")
    ((user, text),) = asked.whispered()
    assert (user, "Vigie does not know you" in text, "U0GUEST" in text) == ("U0GUEST", True, True)
    assert asked.house.replies("c1", "ready") == []


def test_a_stranger_s_form_is_refused(asked: Office) -> None:
    asked.tell(asked.pressed("U0LEA", "c1", "edit"))
    until(lambda: asked.wire.people.views)
    typed = asked.wire.people.submitted("U0GUEST", asked.wire.people.views[0]["id"], {"text": "Bonjour"})
    assert "Vigie does not know you" in asked.tell(typed)["answer"]["errors"]["text"]


def test_what_is_not_signed_or_older_than_five_minutes_is_refused(asked: Office) -> None:
    click = asked.pressed("U0LEA", "c1", "approve")
    assert asked.tell(click, at=time.time() - 301)["status"] == 401
    body = urlencode({"payload": json.dumps(click)})
    headers = asked.wire.people.signed(body)
    assert asked.desk.dispatch(body + "&x=1", headers).status == 401
    assert asked.desk.dispatch(body, {**headers, "X-Slack-Signature": "v0=00"}).status == 401
    assert asked.desk.dispatch(body, {"Content-Type": headers["Content-Type"]}).status == 401
    assert asked.house.replies("c1", "ready") == []
    assert asked.desk.dispatch(body, headers).status == 200


def test_without_a_signing_secret_nothing_is_taken_over_http(asked: Office) -> None:
    desk = SlackDesk(asked.house.app, settings(signing_secret=None, app_token=SecretStr("sandbox-app")))
    body = urlencode({"payload": json.dumps(asked.pressed("U0LEA", "c1", "approve"))})
    with pytest.raises(NotPossible, match="signing_secret"):
        desk.dispatch(body, asked.wire.people.signed(body))


@pytest.mark.parametrize(
    "values", [{}, {"signing_secret": ""}, {"signing_secret": "x", "users": {}}, {"app_token": "x", "a": 1}]
)
def test_settings_with_which_no_button_would_work_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlackSettings.model_validate({"users": USERS, **values})


def test_a_responder_that_is_no_slack_is_refused(office: Office) -> None:
    with pytest.raises(NotPossible, match="'paper' of type slack"):
        SlackDesk(office.house.app, settings(responder="paper"))


def test_what_is_typed_in_a_thread_is_never_read_let_alone_published(asked: Office) -> None:
    said = {
        "type": "message",
        "user": "U0LEA",
        "text": "Envoie : non !",
        "thread_ts": asked.about("c1")["ts"],
    }
    event = {"type": "event_callback", "team_id": "T0SANDBOX", "event": {**said, "channel": "C0SANDBOX"}}
    body, before = json.dumps(event), asked.house.events("c1")
    headers = asked.wire.people.signed(body) | {"Content-Type": "application/json"}
    assert asked.desk.dispatch(body, headers).status == 404
    asked.house.deliver()
    assert asked.house.paper.published == []
    assert asked.house.events("c1") == before


# --- The channel is kept as the store is ---------------------------------------------------------------


def test_the_message_is_rewritten_when_somebody_acts_elsewhere(asked: Office) -> None:
    asked.house.approve("c1", "Zélie")
    asked.desk.board.tick()
    assert "Zélie approved a reply" in str(asked.about("c1")["blocks"])
    asked.house.deliver()
    asked.desk.board.tick()
    assert asked.about("c1")["text"] == "Answered: Claire on blog"


def test_a_restart_posts_nothing_twice_and_rewrites_only_what_changed(asked: Office) -> None:
    asked.house.hears(comment("c2", QUESTION, by="paul"))
    asked.desk.board.tick()
    asked.house.approve("c2")
    desk = asked.again()
    desk.board.tick()
    assert len(asked.messages) == 2
    assert "edited" not in asked.about("c1")
    assert "Léa approved a reply" in str(asked.about("c2")["blocks"])


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.DROP_AFTER])
def test_a_post_that_got_through_unseen_is_found_and_not_repeated(fault: Fault, office: Office) -> None:
    office.house.hears(comment("c1", QUESTION))
    office.sandbox.faults.switch_on("slack", fault, "write", times=1)
    for _ in range(3):
        office.desk.board.tick()
    assert len(office.messages) == 1
    office.press("U0LEA", "c1", "approve")
    assert office.house.replies("c1", "ready")


def test_slack_being_down_stops_nothing_and_loses_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.sandbox.faults.switch_on("slack", Fault.UNAVAILABLE)
    office.house.hears(comment("c1", QUESTION))
    for _ in range(3):
        office.desk.board.tick()
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warned == ["slack: 127.0.0.1 is out of order (status 503)"]
    office.house.approve("c1")
    office.house.deliver()
    assert len(office.house.paper.published) == 1
    office.house.hears(comment("c2", QUESTION, by="paul"))
    office.sandbox.faults.clear()
    office.desk.board.tick()
    assert [one["text"] for one in office.messages] == ["Waits for an answer: Paul on blog"]


def test_a_rate_limit_is_waited_for(office: Office) -> None:
    office.house.hears(comment("c1", QUESTION))
    office.sandbox.faults.switch_on("slack", Fault.RATE_LIMITED, times=1, seconds=30)
    for _ in range(3):
        office.desk.board.tick()
    assert len([one for one in office.sandbox.exchanges if one.wire == "slack"]) == 1


def test_a_message_that_somebody_deleted_is_left_alone(asked: Office) -> None:
    asked.wire.messages.clear()
    asked.house.desk.assign(
        asked.house.mention("c1")["id"], "max", asked.house.mention("c1")["version"], "Léa"
    )
    asked.house.approve("c1")
    asked.desk.board.tick()
    assert asked.messages == []


def test_a_ringing_by_the_notifier_gets_the_draft_and_the_buttons(office: Office) -> None:
    desk = SlackDesk(office.house.app, settings(drafts=False))
    config = office.house.app.watch.settings.responders["slack"].config
    assert isinstance(config, Config)
    watch = replace(office.house.app.watch, notifiers={"slack": SlackNotifier(config)})
    office.house.hears(comment("c1", QUESTION))
    desk.board.tick()
    assert office.messages == []
    mention = office.house.mention("c1")
    office.house.desk.escalate(mention["id"], "on nous l'a signalé", mention["version"], "Léa")
    ring(watch)
    assert office.buttons("c1") == []
    desk.board.tick()
    assert office.buttons("c1")[:3] == ["approve", "edit", "reject"]
    assert office.buttons("c1")[-2:] == ["take", "acknowledge"]
    assert len(office.messages) == 1
    assert "Rings: on nous l'a signalé" in str(office.about("c1")["blocks"])
    office.press("U0LEA", "c1", "acknowledge")
    assert "Rings: " not in str(office.about("c1")["blocks"])


def test_many_alarms_in_one_message_stay_as_they_are(asked: Office) -> None:
    config = asked.house.app.watch.settings.responders["slack"].config
    assert isinstance(config, Config)
    calls = [
        Escalation(f"mention:{n}", "overdue", "", 1, asked.house.clock(), n, "blog", "Claire", QUESTION)
        for n in (asked.house.mention("c1")["id"], 8, 9)
    ]
    (group,) = grouped([Due(frozenset({"slack"}), call) for call in calls], limit=2)
    SlackNotifier(config).notify(group.shown)
    asked.desk.board.tick()
    assert asked.messages[1]["text"].startswith("3 at once, 0 of them overdue; the worst: overdue")
    assert "edited" not in asked.messages[1]


def test_a_source_that_rings_can_be_acknowledged_and_says_when_it_is_over(office: Office) -> None:
    config = office.house.app.watch.settings.responders["slack"].config
    assert isinstance(config, Config)
    watch = replace(office.house.app.watch, notifiers={"slack": SlackNotifier(config)})
    office.house.listen()
    office.house.clock.forward(hours=2)
    office.house.sweep()
    office.house.clock.forward(hours=2)
    ring(watch)
    office.desk.board.tick()
    (message,) = office.messages
    assert message["text"] == "Rings: listener blog"
    click = office.wire.people.pressed("U0LEA", message["ts"], "acknowledge")
    office.tell(click)
    until(lambda: message["text"] == "lea sees to it: listener blog")
    office.house.wire.says()
    office.house.listen()
    office.desk.board.tick()
    assert message["text"] == "Over: source:blog"


def test_nobody_s_words_can_ping_or_be_taken_for_markup(office: Office) -> None:
    words = "<!channel> *gras* <@U0LEA> <https://a.example|clic> & @here ?"
    office.house.hears(comment("c1", words, by="eve"))
    office.desk.board.tick()
    for block in office.about("c1")["blocks"]:
        if "<!channel>" in json.dumps(block):
            assert block["type"] == "rich_text"
            kinds = {part["type"] for quote in block["elements"] for part in quote["elements"]}
            assert kinds == {"text"}
    assert "<!channel>" not in office.about("c1")["text"]


def test_it_keeps_up_by_itself_until_it_is_stopped(office: Office) -> None:
    desk = SlackDesk(office.house.app, settings(every=timedelta(milliseconds=50)))
    desk.start()
    office.house.hears(comment("c1", QUESTION))
    until(lambda: office.messages)
    desk.stop()
    office.house.approve("c1")
    time.sleep(0.3)
    assert "approved" not in str(office.about("c1")["blocks"])


# --- Socket Mode -----------------------------------------------------------------------------------------


def test_over_socket_mode_a_click_is_acknowledged_done_once_and_shown(office: Office) -> None:
    office.house.hears(comment("c1", QUESTION))
    with slack_socket.listening() as socket:
        office.wire.socket_url = socket.url
        desk = SlackDesk(office.house.app, settings(signing_secret=None, app_token=SecretStr(APP_TOKEN)))
        desk.start()
        until(lambda: office.messages and socket.open)
        click = office.pressed("U0LEA", "c1", "approve")
        for number in ("e1", "e2"):  # the same click in two envelopes
            socket.send(number, click)
        until(lambda: len(socket.acks) == 2)
        until(lambda: "lea approved a reply" in str(office.about("c1")["blocks"]))
        assert office.house.events("c1").count("approved") == 1
        socket.refresh()
        until(lambda: socket.connections == 2 and len(socket.open) == 1)
        office.house.hears(comment("c2", QUESTION, by="paul"))
        desk.board.tick()
        socket.send("e3", office.pressed("U0MAX", "c2", "take"))
        until(lambda: office.house.mention("c2")["assignee"] == "max")
        desk.stop()
        until(lambda: not socket.open)


def test_socket_mode_that_cannot_be_reached_stops_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    desk = SlackDesk(office.house.app, settings(signing_secret=None, app_token=SecretStr(APP_TOKEN)))
    desk.start()
    until(lambda: "Socket Mode cannot be reached" in caplog.text)
    office.house.hears(comment("c1", QUESTION))
    desk.board.tick()
    assert office.about("c1")
    desk.stop()
    assert APP_TOKEN not in caplog.text


# --- Setting it up ---------------------------------------------------------------------------------------


def test_the_manifest_asks_for_what_is_needed_and_no_more() -> None:
    over_socket, over_http = (
        yaml.safe_load(manifest(url)) for url in ("", "https://vigie.example/slack/events")
    )
    assert over_socket["oauth_config"]["scopes"]["bot"] == [
        "chat:write",
        "channels:history",
        "groups:history",
    ]
    assert over_socket["settings"] == {"interactivity": {"is_enabled": True}, "socket_mode_enabled": True}
    assert over_http["settings"]["interactivity"]["request_url"] == "https://vigie.example/slack/events"
    assert over_http["settings"]["socket_mode_enabled"] is False
    assert "event_subscriptions" not in over_socket["settings"]


def test_what_is_still_to_be_done_in_slack_is_said_with_the_mend(office: Office) -> None:
    config = office.house.app.watch.settings.responders["slack"].config
    assert isinstance(config, Config)
    assert list(lacking(config)) == []
    office.wire.scopes.remove("groups:history")
    (line,) = lacking(config)
    assert "lacks the scope groups:history" in line
    assert "reinstall" in line
    assert "channel_not_found" in list(lacking(config.model_copy(update={"channel": "C404"})))[-1]
    office.sandbox.faults.switch_on("slack", Fault.TOKEN_EXPIRED)
    assert list(lacking(config)) == ["127.0.0.1 does not accept the token (token_expired)"]


def test_setup_prints_the_manifest_and_says_whether_slack_is_ready(office: Office, tmp_path: Path) -> None:
    import bot.cli.slack  # noqa: F401 -- it is known by being imported
    from bot.cli import app

    def run(config: Path) -> Result:
        return CliRunner().invoke(app, ["--config", str(config), "slack", "setup"])

    first = run(tmp_path / "none.yaml")
    assert (first.exit_code, "chat:write" in first.output) == (0, True)
    ready = run(tmp_path / "config.yaml")
    assert (ready.exit_code, "responder slack: its token, scopes and channel are fine" in ready.output) == (
        0,
        True,
    )
    office.wire.scopes.clear()
    unready = run(tmp_path / "config.yaml")
    assert (unready.exit_code, unready.output.count("lacks the scope")) == (1, 3)
