"""Slack's buttons in the daemon: its config, and a click that comes in at its door."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bot.app import STEPS
from bot.cli.watch import watch_until
from bot.config import load
from bot.errors import ConfigError
from bot.sandbox.server import running
from bot.sandbox.slack import SlackWire
from bot.sandbox.town import Town
from tests.journeys.test_slack import SLACK, until
from tests.support.house import CONFIG, QUESTION, Clock, build_house, comment
from tests.support.scripted import nobody

BUTTONS = """\
slack: {signing_secret: sandbox-signing-secret, users: {U0LEA: lea}, every: 1s}
hooks: {listen: "LISTEN"}
"""


def test_the_daemon_takes_clicks_at_its_door_and_ends(tmp_path: Path) -> None:
    clock, door = Clock(), nobody()
    with running(Town(clock)) as sandbox:
        buttons = BUTTONS.replace("LISTEN", door.removeprefix("http://"))
        house = build_house(tmp_path, CONFIG + SLACK.format(url=sandbox.url) + buttons, clock=clock)
        wire = next(one for one in sandbox.wires if isinstance(one, SlackWire))
        house.hears(comment("c1", QUESTION))
        stop = threading.Event()
        daemon = threading.Thread(target=watch_until, args=(stop, house.app, STEPS))
        daemon.start()
        until(lambda: wire.messages)
        click = wire.people.pressed("U0LEA", wire.messages[0]["ts"], "approve")
        assert wire.people.tell(f"{door}/slack/events", click)["status"] == 200
        until(lambda: wire.messages[0]["text"] == "Answered: Claire on blog", 20)
        stop.set()
        daemon.join(10)
        assert not daemon.is_alive()
    assert len(house.paper.published) == 1


@pytest.mark.parametrize(
    ("slack", "wrong"),
    [
        ("{users: {U1: lea}}", "give app_token"),
        ("{users: {U1: lea}, signing_secret: not-in-a-file}", "a secret must not stand in the file"),
        (
            "{users: {U1: lea}, signing_secret: sandbox-x, responder: paper}",
            "no responder 'paper' of type slack",
        ),
        ("{users: {}, signing_secret: sandbox-x}", "at least 1"),
    ],
)
def test_what_is_wrong_with_its_config_is_said_with_the_line(slack: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = CONFIG + SLACK.format(url="https://slack.com") + f"slack: {slack}\n"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=wrong) as caught:
        load(file)
    (fault,) = caught.value.faults
    assert fault.line == len(text.splitlines())
    assert "not-in-a-file" not in str(fault)
