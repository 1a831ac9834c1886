"""The Slack notifier: what a message looks like, and how a matter is recognised when it rings again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from accounts.slack import escaped, link, shortened
from bot.errors import Refused
from bot.models import Escalation, Priority
from responders.slack import Config, SlackNotifier, blocks, quoted, time_left
from tests.support.scripted import Script, playing

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
CALL = Escalation(
    "mention:7", "overdue", "", 1, AT, mention_id=7, network="blog", author="Zoé", text="Allô ?"
)
TOKEN = "xoxb-not-a-real-token"


def posted(ts: str) -> dict[str, Any]:
    return {"request": "POST /api/chat.postMessage", "response": {"json": {"ok": True, "ts": ts}}}


def notifier(script: Script) -> SlackNotifier:
    return SlackNotifier(Config(token=SecretStr(TOKEN), channel="C1", api_url=f"{script.url}/api"))


def sent(script: Script) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in script.asked]


def test_what_rings_again_stands_in_the_thread_of_the_first_and_in_the_channel() -> None:
    with playing([posted("1.1"), posted("2.2"), posted("3.3")]) as script:
        slack = notifier(script)
        receipts = [slack.notify(replace(CALL, ring=ring)) for ring in (1, 2, 3)]
        script.check()
    assert [receipt.remote_id for receipt in receipts] == ["1.1", "2.2", "3.3"]
    assert "thread_ts" not in sent(script)[0]
    assert [(m["thread_ts"], m["reply_broadcast"]) for m in sent(script)[1:]] == [("1.1", True)] * 2
    assert "rings for the 2nd time" in json.dumps(sent(script)[1]["blocks"])


def test_another_matter_and_a_matter_that_begins_anew_get_messages_of_their_own() -> None:
    with playing([posted("1.1"), posted("2.2"), posted("3.3"), posted("4.4")]) as script:
        slack = notifier(script)
        slack.notify(CALL)
        slack.notify(replace(CALL, key="mention:8"))
        slack.notify(CALL)
        slack.notify(replace(CALL, ring=2))
        script.check()
    assert [message.get("thread_ts") for message in sent(script)] == [None, None, None, "3.3"]


def test_a_thread_whose_first_message_was_deleted_costs_no_ring() -> None:
    gone = {**posted(""), "response": {"json": {"ok": False, "error": "thread_not_found"}}}
    with playing([posted("1.1"), gone, posted("3.3"), posted("4.4")]) as script:
        slack = notifier(script)
        slack.notify(CALL)
        assert slack.notify(replace(CALL, ring=2)).remote_id == "3.3"
        slack.notify(replace(CALL, ring=3))
        script.check()
    assert [message.get("thread_ts") for message in sent(script)] == [None, "1.1", None, "3.3"]


def test_a_notifier_that_started_in_between_rings_all_the_same() -> None:
    with playing([posted("5.5")]) as script:
        assert notifier(script).notify(replace(CALL, ring=4)).remote_id == "5.5"
        script.check()
    assert "thread_ts" not in sent(script)[0]


def test_a_ringing_that_was_refused_begins_no_thread() -> None:
    refused = {**posted(""), "response": {"json": {"ok": False, "error": "is_archived"}}}
    with playing([refused, posted("2.2")]) as script:
        slack = notifier(script)
        with pytest.raises(Refused, match="archived"):
            slack.notify(CALL)
        slack.notify(replace(CALL, ring=2))
        script.check()
    assert "thread_ts" not in sent(script)[1]


def test_time_left_is_told_in_the_headline_and_the_moment_in_the_reader_s_time_zone() -> None:
    call = replace(CALL, due_at=AT + timedelta(minutes=25), priority=Priority.CRISIS)
    headline, _, details = blocks(call)
    assert headline["text"]["text"] == "*Overdue: Zoé on blog (25 min left)*"
    moment = int((AT + timedelta(minutes=25)).timestamp())
    assert f"<!date^{moment}^{{date_short_pretty}} {{time}}|2026-03-10 09:25 UTC>" in str(details)
    assert "priority crisis" in str(details)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(minutes=25), "25 min left"),
        (timedelta(hours=3, minutes=10), "3 h 10 min left"),
        (timedelta(0), "0 min overdue"),
        (-timedelta(minutes=59, seconds=40), "1 h 0 min overdue"),
        (-timedelta(days=2, hours=5), "2 d 5 h overdue"),
    ],
)
def test_a_length_of_time_in_words(left: timedelta, words: str) -> None:
    assert time_left(left) == words


def test_very_long_words_are_cut_before_they_are_escaped_and_fit_slack_s_section() -> None:
    words = quoted("&" * 4000)
    assert words == "> " + "&amp;" * 499 + "…"
    assert len(quoted("<\n" * 4000)) < 3000
    assert len(json.dumps(blocks(replace(CALL, reason="<" * 9000, author="&" * 9000)))) < 8000


def test_half_a_pair_and_a_split_emoji_do_no_harm() -> None:
    assert shortened("a\ud83d", 10) == "a\ufffd"
    assert shortened("😡" * 20, 5) == "😡😡😡😡…"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "x|<!here>"]
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert link(url, "see it") == ""


def test_an_address_cannot_end_its_link_early() -> None:
    found = link("https://a.example/x>|<!channel> y", "a > b")
    assert found == "<https://a.example/x%3E%7C%3C!channel%3E%20y|a &gt; b>"


def test_escaping_is_what_slack_asks_for() -> None:
    assert escaped("a < b && b > c") == "a &lt; b &amp;&amp; b &gt; c"


def test_nothing_is_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with playing([posted("1.1")]) as script:
        notifier(script).notify(CALL)
    assert not [record for record in caplog.records if "Allô" in record.getMessage() or TOKEN in str(record)]
    assert not [record for record in caplog.records if record.name.startswith("slack")]


def test_the_token_does_not_travel_unprotected() -> None:
    with pytest.raises(ValidationError, match="https"):
        Config(token=SecretStr(TOKEN), channel="C1", api_url="http://slack.example.org/api/")
