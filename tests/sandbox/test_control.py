"""Faults, the control endpoints, the server around them, and the command."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from bot.config import load
from bot.sandbox.accounts import config_at
from bot.sandbox.faults import Calls, Fault, Faults
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import BRAND, NETWORKS, Town

Post = Callable[..., requests.Response]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    town = Town()
    town.add("perle", "Perle")
    with running(town) as served:
        yield served


@pytest.fixture
def control(sandbox: Sandbox) -> Post:
    def post(verb: str, values: Any = None, **more: Any) -> requests.Response:
        return requests.post(f"{sandbox.url}/control/{verb}", json=values, timeout=5, **more)

    return post


def get(sandbox: Sandbox, path: str, **more: Any) -> requests.Response:
    return requests.get(sandbox.url + path, timeout=5, **more)


# --- control -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
def test_anybody_can_be_made_to_say_anything(sandbox: Sandbox, control: Post, network: str) -> None:
    first = control("say", {"network": network, "who": "perle", "text": "Bonjour"}).json()["id"]
    control("say", {"network": network, "who": BRAND, "text": "Bonjour Perle", "to": first})
    listed = get(sandbox, "/control/timeline").json()
    assert [(one["author"], one["text"], one["in_reply_to"]) for one in listed] == [
        (BRAND, "Bonjour Perle", first),
        ("perle", "Bonjour", None),
    ]
    assert get(sandbox, "/control/state").json() == {"replies": 0, "answered": 0, "doubled": 0}


def test_what_was_said_can_be_quoted_shared_edited_and_deleted(sandbox: Sandbox, control: Post) -> None:
    first = control("say", {"network": "x", "who": "perle", "text": "a", "photo": True}).json()["id"]
    control("say", {"network": "x", "who": BRAND, "text": "b", "quotes": first})
    control("say", {"network": "x", "who": BRAND, "shares": first})
    edited = control("edit", {"network": "x", "id": first, "text": "aa"}).json()["id"]
    assert edited != first
    control("delete", {"network": "x", "id": first})
    assert {one["text"] for one in get(sandbox, "/control/timeline").json()} == {"b", ""}


def test_a_private_word_goes_to_the_brand_or_to_somebody(sandbox: Sandbox, control: Post) -> None:
    control("say", {"network": "x", "who": "perle", "text": "Bonjour", "private": True})
    control("say", {"network": "x", "who": BRAND, "text": "Bonsoir", "private": True, "to": "perle"})
    assert [(one.author, one.to) for one in sandbox.town.messages("x")] == [
        (BRAND, "perle"),
        ("perle", BRAND),
    ]
    assert get(sandbox, "/control/timeline").json() == []


def test_somebody_can_move_in(sandbox: Sandbox, control: Post) -> None:
    made = control("person", {"handle": "@ruth", "name": "Ruth", "language": "en", "followers": 12}).json()
    assert made["handle"] == "ruth"
    assert set(made["ids"]) == set(NETWORKS)
    assert sandbox.town.person("ruth").followers == 12


@pytest.mark.parametrize(
    ("verb", "values", "words"),
    [
        ("say", None, "send a JSON object, or a form"),
        ("say", [1], "send a JSON object, or a form"),
        ("say", {}, "network is one of x, facebook, instagram"),
        ("say", {"network": "x"}, "who is missing"),
        ("say", {"network": "x", "who": 12}, "who is missing, or no text"),
        ("say", {"network": "x", "who": "ruth", "text": "a"}, "POST /control/person adds somebody"),
        ("say", {"network": "x", "who": "perle"}, "text is empty"),
        ("say", {"network": "x", "who": "perle", "text": "a", "to": "12"}, "there is no post '12' on x"),
        ("say", {"network": "x", "who": "perle", "text": "a", "photo": "maybe"}, "photo is true or false"),
        ("say", {"network": "x", "who": "perle", "txt": "a"}, "say knows network, photo, private"),
        ("edit", {"network": "x", "id": "12", "text": "a"}, "there is no post '12'"),
        ("person", {"handle": "émile"}, "1 to 15 letters"),
        ("person", {"handle": "ruth", "followers": "many"}, "followers is a figure"),
        ("shout", {}, "there is no verb 'shout'; there are say, edit, delete, person, faults"),
        ("faults", {"wire": "myspace", "fault": "duplicate"}, "there is no wire 'myspace'"),
        ("faults", {"wire": "x", "fault": "bad-mood"}, "fault is one of rate-limited"),
        ("faults", {"wire": "x", "fault": "duplicate", "calls": "some"}, "calls is one of read, write, all"),
        ("faults", {"wire": "x", "fault": "duplicate", "chance": 2}, "chance is over 0 and up to 1"),
        ("faults", {"wire": "x", "fault": "duplicate", "times": 0}, "times 1 or more"),
    ],
)
def test_bad_input_says_how_to_mend_it(
    sandbox: Sandbox, control: Post, verb: str, values: Any, words: str
) -> None:
    answer = control(verb, values)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert sandbox.town.posts("x") == []


def test_a_form_says_something_and_leads_back(sandbox: Sandbox) -> None:
    form = {"network": "x", "who": "perle", "text": "@banqueazur bonjour, ma carte est bloquée"}
    answer = requests.post(f"{sandbox.url}/control/say", data=form, timeout=5)
    assert [one.status_code for one in answer.history] == [303]
    assert form["text"] in answer.text


def test_a_form_that_is_wrong_comes_back_with_what_was_in_it(sandbox: Sandbox) -> None:
    form = {"network": "x", "who": "nobody", "text": "l’ébauche de ma phrase"}
    answer = requests.post(f"{sandbox.url}/control/say", data=form, timeout=5)
    assert answer.status_code == 400
    assert "nobody here has the handle" in answer.text
    assert form["text"] in answer.text


def test_the_page_says_what_may_be_loaded(sandbox: Sandbox) -> None:
    for path in ("/", "/say"):
        answer = get(sandbox, path)
        assert answer.status_code == 200
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_there_is_nothing_elsewhere(sandbox: Sandbox, control: Post) -> None:
    assert get(sandbox, "/control/say").status_code == 404
    assert get(sandbox, "/etc/passwd").status_code == 404
    assert requests.post(sandbox.url, json={}, timeout=5).status_code == 404


# --- who may ask ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/control/state", "/x/2/users/me", "/graph/v24.0/me"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused(sandbox: Sandbox, path: str, host: str) -> None:
    answer = get(sandbox, path, headers={"Host": host})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_elsewhere_cannot_make_people_speak(sandbox: Sandbox) -> None:
    form = {"network": "x", "who": "perle", "text": "a"}
    for origin in ("https://evil.example", "null", sandbox.url.replace("127.0.0.1", "localhost")):
        address = f"{sandbox.url}/control/say"
        answer = requests.post(address, data=form, headers={"Origin": origin}, timeout=5)
        assert answer.status_code == 403
    own = requests.post(f"{sandbox.url}/control/say", data=form, headers={"Origin": sandbox.url}, timeout=5)
    assert own.status_code == 200
    assert len(sandbox.town.posts("x")) == 1


def test_localhost_is_as_good_as_its_number(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    assert get(sandbox, "/control/state", headers={"Host": f"localhost:{port}"}).status_code == 200


def test_a_body_that_is_too_long_or_has_no_length_is_refused(sandbox: Sandbox, control: Post) -> None:
    assert control("say", {"text": "a" * 1_100_000}).status_code == 413
    chunks = (part for part in [b"{", b"}"])
    assert requests.post(f"{sandbox.url}/control/say", data=chunks, timeout=5).status_code == 411


# --- faults ----------------------------------------------------------------------------------------------


def test_a_fault_strikes_so_often_and_no_more() -> None:
    faults = Faults()
    faults.switch_on("x", Fault.DUPLICATE, times=2)
    struck = [faults.strike("x", writes=True) for _ in range(3)]
    assert struck == [{Fault.DUPLICATE: 1.0}, {Fault.DUPLICATE: 1.0}, {}]
    assert faults.met == {("x", Fault.DUPLICATE): 2}


def test_a_fault_meets_only_its_wire_and_its_calls() -> None:
    faults = Faults()
    faults.switch_on("x", Fault.DUPLICATE, Calls.WRITE)
    faults.switch_on("graph", Fault.TOKEN_EXPIRED, Calls.READ)
    assert faults.strike("x", writes=False) == {}
    assert faults.strike("graph", writes=True) == {}
    assert faults.strike("slack", writes=True) == {}
    assert faults.strike("graph", writes=False) == {Fault.TOKEN_EXPIRED: 1.0}


def test_a_fault_strikes_with_its_chance_and_alike_with_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.switch_on("x", Fault.DROP_AFTER, chance=0.3)
        return [bool(faults.strike("x", writes=True)) for _ in range(1_000)]

    assert 240 < sum(struck(1)) < 360
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_only_one_fault_hinders_a_call_but_it_may_be_slow_as_well() -> None:
    faults = Faults()
    for fault in (Fault.DROP_AFTER, Fault.DUPLICATE, Fault.SLOW_AFTER):
        faults.switch_on("x", fault, seconds=2, times=1)
    assert faults.strike("x", writes=True) == {Fault.DROP_AFTER: 2, Fault.SLOW_AFTER: 2}
    assert faults.strike("x", writes=True) == {Fault.DUPLICATE: 2}


def test_faults_are_switched_over_the_wire(sandbox: Sandbox, control: Post) -> None:
    asked = {"wire": "x", "fault": "rate-limited", "calls": "read", "chance": 0.5, "times": 3, "seconds": 9}
    (listed,) = control("faults", asked).json()["faults"]
    assert listed == asked
    control("faults", {"wire": "slack", "fault": "unavailable"})
    assert len(get(sandbox, "/control/faults").json()) == 2
    assert len(control("faults", {"clear": True, "wire": "x"}).json()["faults"]) == 1
    assert control("faults", {"clear": True}).json()["faults"] == []


@pytest.mark.parametrize("wire", ["x", "graph", "slack"])
@pytest.mark.parametrize("fault", Fault)
def test_every_fault_strikes_on_every_wire(sandbox: Sandbox, wire: str, fault: Fault) -> None:
    """Whatever it is, the server outlives it, and the next call is as before."""
    sandbox.faults.switch_on(wire, fault, times=1, seconds=0.01)
    path = {"x": "/x/2/users/me", "graph": "/graph/v24.0/me", "slack": "/slack/api/auth.test"}[wire]
    usual = get(sandbox, "/control/state").json()
    if fault in (Fault.DROP_BEFORE, Fault.DROP_AFTER):
        with pytest.raises(requests.ConnectionError):
            get(sandbox, path)
    else:
        answer = get(sandbox, path)
        assert answer.headers["content-type"].startswith("text/html") == (fault is Fault.UNAVAILABLE)
    assert sandbox.faults.met == {(wire, fault): 1}
    assert sandbox.faults.settings() == []
    assert get(sandbox, "/control/state").json() == usual
    get(sandbox, path)


# --- the server ------------------------------------------------------------------------------------------


def test_every_exchange_is_remembered_without_its_prefix(sandbox: Sandbox) -> None:
    get(sandbox, "/x/2/tweets?ids=1,2")
    get(sandbox, "/control/state")
    (one,) = sandbox.exchanges
    assert (one.wire, one.method, one.path, one.query) == ("x", "GET", "/2/tweets", {"ids": "1,2"})
    assert (one.json, one.status, one.answer["title"]) == (None, 401, "Unauthorized")


def test_whoever_kept_a_connection_open_is_hung_up_on_at_the_end() -> None:
    with running() as served:
        kept = socket.create_connection(("127.0.0.1", _port(served)), timeout=5)
        kept.sendall(b"GET /control/state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert kept.recv(9_999)
    with kept:
        assert kept.recv(9_999) == b""
    with pytest.raises(requests.ConnectionError):
        requests.get(served.url, timeout=5)


def test_a_slow_answer_does_not_hold_up_the_end() -> None:
    begun = time.monotonic()
    with running() as served:
        served.faults.switch_on("x", Fault.SLOW_BEFORE, seconds=60)
        with pytest.raises(requests.Timeout):
            requests.get(f"{served.url}/x/2/users/me", timeout=0.3)
    assert time.monotonic() - begun < 5


def test_a_port_that_is_taken_is_said_so() -> None:
    with running() as served, pytest.raises(OSError, match="in use"), running(port=_port(served)):
        pass


def _port(sandbox: Sandbox) -> int:
    return int(sandbox.url.rpartition(":")[2])


# --- the command -----------------------------------------------------------------------------------------


def test_the_config_that_is_printed_is_one(tmp_path: Path) -> None:
    town = Town()
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config_at("http://127.0.0.1:8765", town)))
    loaded = load(file)
    assert set(loaded.listeners) == set(NETWORKS)
    assert set(loaded.responders) >= set(NETWORKS)


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "sandbox", "--port", "0", "--no-people"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as running_:
        assert running_.stdout
        line = running_.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        assert json.loads(requests.get(f"{found[0]}/control/timeline", timeout=5).text) == []
        begun = time.monotonic()
        running_.send_signal(signal.SIGINT)
        running_.stdout.read()
        assert running_.wait(5) == 0
        assert time.monotonic() - begun < 2


def test_a_taken_port_ends_the_command_in_words() -> None:
    with running() as served:
        command = [sys.executable, "-m", "bot", "sandbox", "--port", str(_port(served))]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "try --port 0" in ended.stderr
    assert "Traceback" not in ended.stderr
