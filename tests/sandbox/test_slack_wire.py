"""The sandbox's Slack side, asked by slack_sdk's own client."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox, running
from bot.sandbox.slack import SIGNING_SECRET, TOKEN, SlackWire
from bot.sandbox.slack_people import CHANNEL
from tests.support.scripted import nobody, playing

BUTTONS = {
    "type": "actions",
    "block_id": "buttons",
    "elements": [
        {"type": "button", "action_id": "yes", "value": "7", "text": {"type": "plain_text", "text": "Yes"}}
    ],
}
HELLO = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as one:
        yield one


@pytest.fixture
def slack(sandbox: Sandbox) -> WebClient:
    return client(sandbox)


def client(sandbox: Sandbox, token: str = f"xoxb-{TOKEN}") -> WebClient:
    return WebClient(token, base_url=f"{sandbox.url}/slack/api/", timeout=10, retry_handlers=[])


def control(sandbox: Sandbox, verb: str, **values: Any) -> Any:
    return requests.post(f"{sandbox.url}/control/slack/{verb}", json=values, timeout=20).json()


def refused(call: Any, **values: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**values)
    return str(caught.value.response["error"])


def test_the_bot_knows_who_it_is_and_an_unknown_token_is_refused(sandbox: Sandbox) -> None:
    assert client(sandbox).auth_test()["user_id"] == "U0VIGIE"
    assert client(sandbox, TOKEN).auth_test()["ok"] is True
    assert refused(client(sandbox, "xoxb-another").auth_test) == "invalid_auth"


def test_a_message_is_posted_rewritten_and_found_again_by_its_metadata(slack: WebClient) -> None:
    metadata = {"event_type": "test", "event_payload": {"key": "a"}}
    posted = slack.chat_postMessage(channel="#vigie", text="one", blocks=[HELLO, BUTTONS], metadata=metadata)
    slack.chat_postMessage(channel=CHANNEL["id"], text="two")
    slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="one, done", blocks=[HELLO])
    found = slack.conversations_history(channel=CHANNEL["id"], include_all_metadata=True)["messages"]
    assert [message["text"] for message in found] == ["two", "one, done"]
    assert found[1]["metadata"] == metadata
    assert len(found[1]["blocks"]) == 1
    assert "metadata" not in slack.conversations_history(channel=CHANNEL["id"])["messages"][1]


def test_history_comes_in_pages_and_without_what_stands_in_threads_only(slack: WebClient) -> None:
    first = slack.chat_postMessage(channel=CHANNEL["id"], text="0")["ts"]
    stamps = [slack.chat_postMessage(channel=CHANNEL["id"], text=str(n))["ts"] for n in range(1, 5)]
    slack.chat_postMessage(channel=CHANNEL["id"], text="hidden", thread_ts=first)
    slack.chat_postMessage(channel=CHANNEL["id"], text="shown", thread_ts=first, reply_broadcast=True)
    page = slack.conversations_history(channel=CHANNEL["id"], limit=4)
    assert [message["text"] for message in page["messages"]] == ["shown", "4", "3", "2"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = slack.conversations_history(channel=CHANNEL["id"], limit=4, cursor=cursor)
    assert ([message["text"] for message in rest["messages"]], rest["has_more"]) == (["1", "0"], False)
    later = slack.conversations_history(channel=CHANNEL["id"], oldest=stamps[2])["messages"]
    assert [message["text"] for message in later] == ["shown", "4"]


def test_what_slack_would_not_take_is_refused_in_its_words(slack: WebClient) -> None:
    post, where = slack.chat_postMessage, CHANNEL["id"]
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    assert refused(post, channel="C404", text="x") == "channel_not_found"
    with pytest.warns(UserWarning, match="text"):
        assert refused(post, channel=where, text="") == "no_text"
    assert refused(post, channel=where, text="x", blocks=[long]) == "invalid_blocks"
    assert refused(post, channel=where, text="x", blocks=[HELLO] * 51) == "invalid_blocks"
    assert refused(post, channel=where, text="x", thread_ts="1.1") == "thread_not_found"
    assert refused(slack.chat_update, channel=where, ts="1.1", text="x") == "message_not_found"
    assert refused(slack.users_info, user="U404") == "user_not_found"
    assert refused(slack.api_call, api_method="chat.shout") == "unknown_method"


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.TOKEN_EXPIRED, "token_expired"), (Fault.NOT_SUMMONED, "not_in_channel")]
)
def test_a_fault_is_told_in_slack_s_words(fault: Fault, error: str, sandbox: Sandbox) -> None:
    sandbox.faults.switch_on("slack", fault, times=1)
    assert refused(client(sandbox).auth_test) == error


def test_a_rate_limit_is_a_429_that_says_for_how_long(sandbox: Sandbox, slack: WebClient) -> None:
    sandbox.faults.switch_on("slack", Fault.RATE_LIMITED, times=1, seconds=29.5)
    with pytest.raises(SlackApiError) as caught:
        slack.chat_postMessage(channel=CHANNEL["id"], text="x")
    answer = caught.value.response
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert control(sandbox, "messages") == {"messages": [], "whispers": []}


def test_a_message_stands_though_the_answer_was_an_error_or_none(sandbox: Sandbox, slack: WebClient) -> None:
    sandbox.faults.switch_on("slack", Fault.ERROR_AFTER, "write", times=1)
    assert refused(slack.chat_postMessage, channel=CHANNEL["id"], text="one") == "internal_error"
    sandbox.faults.switch_on("slack", Fault.DROP_AFTER, "write", times=1)
    with pytest.raises((OSError, http.client.HTTPException)):
        slack.chat_postMessage(channel=CHANNEL["id"], text="two")
    texts = [message["text"] for message in control(sandbox, "messages")["messages"]]
    assert texts == ["one", "two"]


def test_what_is_whispered_only_one_person_sees(sandbox: Sandbox, slack: WebClient) -> None:
    slack.chat_postEphemeral(channel=CHANNEL["id"], user="U0LEA", text="psst")
    shown = control(sandbox, "messages")
    assert (shown["messages"], [(one["user"], one["text"]) for one in shown["whispers"]]) == (
        [],
        [("U0LEA", "psst")],
    )


def test_a_button_that_is_pressed_reaches_the_app_signed_and_opens_one_form(
    sandbox: Sandbox, slack: WebClient
) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL["id"], text="?", blocks=[BUTTONS])["ts"]
    exchange = {"request": "POST /slack/events", "response": {"status": 200, "json": {"ok": True}}}
    with playing([exchange]) as app:
        told = control(sandbox, "press", url=f"{app.url}/slack/events", user="U0LEA", ts=ts, action="yes")
        app.check()
    assert told == {"status": 200, "answer": {"ok": True}}
    (asked,) = app.asked
    assert SignatureVerifier(SIGNING_SECRET).is_valid_request(asked.body, asked.headers)
    wire = next(one for one in sandbox.wires if isinstance(one, SlackWire))
    pressed = wire.people.pressed("U0LEA", ts, "yes")
    assert (pressed["type"], pressed["actions"][0]["value"]) == ("block_actions", "7")
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Edit"}, "blocks": [HELLO]}
    opened = slack.views_open(trigger_id=pressed["trigger_id"], view=view)
    assert opened["view"]["id"] == "V0SANDBOX"
    assert refused(slack.views_open, trigger_id=pressed["trigger_id"], view=view) == "expired_trigger_id"


def test_nobody_presses_what_is_not_there_or_elsewhere(sandbox: Sandbox, slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL["id"], text="?", blocks=[BUTTONS])["ts"]
    here = f"{sandbox.url}/"
    for values, words in (
        ({"url": here, "user": "U0LEA", "ts": "1.1", "action": "yes"}, "no message"),
        ({"url": here, "user": "U0LEA", "ts": ts, "action": "no"}, "no button"),
        ({"url": here, "user": "U404", "ts": ts, "action": "yes"}, "nobody here"),
        ({"url": "http://example.org/", "user": "U0LEA", "ts": ts, "action": "yes"}, "on this machine"),
    ):
        assert words in control(sandbox, "press", **values)["error"]


def test_an_app_that_is_not_there_gives_no_answer(sandbox: Sandbox, slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL["id"], text="?", blocks=[BUTTONS])["ts"]
    pressed = control(sandbox, "press", url=nobody(), user="U0LEA", ts=ts, action="yes")
    assert pressed == {"status": 0, "answer": None}
