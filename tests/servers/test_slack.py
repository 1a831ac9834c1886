"""The Slack notifier and the board against a Slack that other people wrote (npm: emulate)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from slack_sdk import WebClient

from bot import slack_messages
from bot.errors import Refused
from bot.models import Escalation
from bot.slack import SlackDesk
from bot.slack_settings import SlackSettings
from bot.steps.sweep import ring
from responders.slack import Config, SlackNotifier
from tests.support import emulated_slack
from tests.support.emulated_slack import TOKEN
from tests.support.house import CONFIG, QUESTION, START, House, build_house, comment

SLACK = """\
  slack: {{type: slack, token: sandbox-slack-token, channel: {channel}, api_url: "{url}"}}
"""
WORDS = "<!channel> *Allô* & <https://a.example|clic> ?"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    emulated_slack.require()
    with emulated_slack.running(tmp_path) as api:
        yield api


@pytest.fixture
def slack(url: str) -> WebClient:
    return WebClient(TOKEN, base_url=url, retry_handlers=[])


@pytest.fixture
def channel(slack: WebClient) -> str:
    channels = slack.conversations_list()["channels"]
    return str(next(one["id"] for one in channels if one["name"] == emulated_slack.CHANNEL))


def history(slack: WebClient, channel: str) -> list[dict[str, Any]]:
    found = slack.conversations_history(channel=channel, include_all_metadata=True)["messages"]
    return [one for one in found if "subtype" not in one]


def test_an_escalation_stands_in_the_channel_and_its_second_ring_in_the_thread(
    url: str, slack: WebClient, channel: str
) -> None:
    notifier = SlackNotifier(Config(token=SecretStr(TOKEN), channel=channel, api_url=url))
    call = Escalation("mention:7", "overdue", "", 1, START, 7, "blog", "Zoé", WORDS)
    first = notifier.notify(call).remote_id
    second = notifier.notify(replace(call, ring=2)).remote_id
    thread = slack.conversations_replies(channel=channel, ts=first)["messages"]
    assert [message["ts"] for message in thread] == [first, second]
    shown = json.dumps(thread[0]["blocks"], ensure_ascii=False)
    assert "&lt;!channel&gt; *Allô* &amp; &lt;https://a.example|clic&gt; ?" in shown


def test_a_channel_that_does_not_exist_is_refused_with_the_mend(url: str) -> None:
    notifier = SlackNotifier(Config(token=SecretStr(TOKEN), channel="C404", api_url=url))
    with pytest.raises(Refused, match=r"channel_not_found.*invite the app"):
        notifier.notify(Escalation("source:blog", "silent", "listener blog", 1, START))


@pytest.fixture
def house(url: str, channel: str, tmp_path: Path) -> House:
    return build_house(tmp_path, CONFIG + SLACK.format(url=url, channel=channel))


def test_the_board_posts_rewrites_and_knows_its_messages_again(
    house: House, slack: WebClient, channel: str
) -> None:
    settings = SlackSettings(users={"U1": "lea"}, signing_secret=SecretStr("a secret"))
    house.hears(comment("c1", QUESTION))
    board = SlackDesk(house.app, settings).board
    board.tick()
    (message,) = history(slack, channel)
    assert message["text"] == "Waits for an answer: Claire on blog"
    house.approve("c1")
    house.deliver()
    board.tick()
    (message,) = history(slack, channel)
    assert message["text"] == "Answered: Claire on blog"
    assert "Léa approved a reply" in json.dumps(message["blocks"], ensure_ascii=False)


def test_a_ringing_gets_its_buttons(house: House, slack: WebClient, channel: str) -> None:
    config = house.app.watch.settings.responders["slack"].config
    assert isinstance(config, Config)
    house.hears(comment("c1", QUESTION))
    mention = house.mention("c1")
    house.desk.escalate(mention["id"], "urgent", mention["version"], "Léa")
    ring(replace(house.app.watch, notifiers={"slack": SlackNotifier(config)}))
    settings = SlackSettings(users={"U1": "lea"}, signing_secret=SecretStr("a secret"), drafts=False)
    SlackDesk(house.app, settings).board.tick()
    (message,) = history(slack, channel)
    assert '"acknowledge"' in json.dumps(message["blocks"])


def test_the_form_is_one_that_slack_opens(house: House, slack: WebClient) -> None:
    house.hears(comment("c1", QUESTION))
    draft, limits = house.replies("c1", "draft")[0], house.paper.limits
    form = slack_messages.form(house.mention("c1"), draft, limits, "1.1")
    trigger = slack.api_call("views.generateTriggerId")["trigger_id"]
    opened = slack.views_open(trigger_id=trigger, view=form)["view"]
    assert opened["blocks"][-1]["element"]["initial_value"] == draft["text"]
    assert slack_messages.Button.read(opened["private_metadata"]).reply == draft["id"]
