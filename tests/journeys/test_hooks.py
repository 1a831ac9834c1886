"""The door at which networks push, over real HTTP: what comes in is kept once; strangers learn nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.config import load
from bot.errors import ConfigError, NotPossible, Refused
from bot.hooks import LARGEST, Door
from bot.models import Push
from tests.journeys.test_kill import environment
from tests.support.house import QUESTION, House, Wire, build_house, comment

CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
web: {listen: ""}
listeners:
  blog: {type: replay, path: none.jsonl, responder: paper}
  deaf: {type: replay, path: none.jsonl, responder: ""}
responders: {paper: {type: console}}
"""
SIGNED = {"X-Signature": "good"}


@dataclass
class PushedWire(Wire):
    """A network that pushes as well: a JSON object with "said" ({id: text}) and "deleted" (ids)."""

    bodies: list[bytes] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def challenge(self, query: Mapping[str, str]) -> str:
        if query.get("verify") != "me":
            raise Refused("the word is wrong: sesame")
        return query["challenge"]

    def receive(self, body: bytes, headers: Mapping[str, str]) -> Push:
        if headers.get("x-signature") != "good":
            raise Refused("the signature is wrong: sesame")
        self.bodies.append(body)
        self.during()
        told = json.loads(body)
        said = (comment(number, text) for number, text in told.get("said", {}).items())
        return Push(tuple(said), tuple(told.get("deleted", ())))


@dataclass
class Visit:
    house: House
    wire: PushedWire
    url: str
    door: Door

    def push(self, url: str = "/hooks/blog", **told: Any) -> int:
        return httpx.post(self.url + url, json=told, headers=SIGNED, timeout=20).status_code

    def rows(self) -> list[str]:
        return [r["remote_id"] for r in self.house.rows("SELECT remote_id FROM mentions ORDER BY id")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def at_the_door(folder: Path, patience: timedelta = timedelta(seconds=30)) -> Iterator[Visit]:
    house = build_house(folder, config=CONFIG)
    wire = house.wire = PushedWire(house.clock)
    house.app.watch.listeners["blog"] = wire  # type: ignore[index]
    house.app.watch.listeners["deaf"] = Wire(house.clock)  # type: ignore[index]
    port = free_port()
    door = Door(house.app.watch, house.wake, ("127.0.0.1", port), patience)
    try:
        yield Visit(house, wire, f"http://127.0.0.1:{port}", door)
    finally:
        door.close()
        until(door.is_closed)


def until(over: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not over():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with at_the_door(tmp_path) as made:
        yield made


# --- What comes in -------------------------------------------------------------------------------


def test_what_is_pushed_is_kept_with_its_promise_and_triage_is_woken(visit: Visit) -> None:
    assert visit.push(said={"1": QUESTION}) == 200
    assert visit.house.woken == [("triage", "")]
    assert visit.house.mention("1")["due_at"] is not None
    visit.house.triage()
    assert visit.house.mention("1")["state"] == "waiting"
    assert visit.house.audit()["balanced"]


def test_the_bytes_reach_the_listener_as_they_came(visit: Visit) -> None:
    body = b'{ "said": {"1": "caf\\u00e9"} }'
    httpx.post(f"{visit.url}/hooks/blog", content=body, headers=SIGNED)
    assert visit.wire.bodies == [body]
    assert visit.house.mention("1")["text"] == "café"


def test_what_is_pushed_twice_and_polled_as_well_is_one_row(visit: Visit) -> None:
    for _ in range(3):
        assert visit.push(said={"1": QUESTION}) == 200
    visit.house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    assert visit.push(said={"2": QUESTION}) == 200
    assert visit.rows() == ["1", "2"]
    assert visit.house.audit()["addresses"] == 2


def test_many_pushes_at_once_are_all_kept_once(visit: Visit) -> None:
    def push(start: int) -> None:
        for n in range(start, start + 10):
            assert visit.push(said={str(n): QUESTION}) == 200

    threads = [threading.Thread(target=push, args=(start,)) for start in (0, 5, 10, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(visit.rows(), key=int) == [str(n) for n in range(25)]


def test_what_is_pushed_as_deleted_is_dropped(visit: Visit) -> None:
    visit.push(said={"1": QUESTION})
    assert visit.push(deleted=["1"]) == 200
    assert (visit.house.mention("1")["state"], visit.house.mention("1")["text"]) == ("deleted", "")


def test_a_push_moves_neither_the_cursor_nor_the_record_of_the_polls(visit: Visit) -> None:
    visit.house.hears(comment("1", QUESTION), cursor="here")
    visit.house.clock.forward(hours=1)
    before = dict(visit.house.row("SELECT * FROM sources"))
    visit.push(said={"2": QUESTION})
    assert dict(visit.house.row("SELECT * FROM sources")) == before


# --- Who is let in -------------------------------------------------------------------------------


def test_the_network_makes_sure_of_us(visit: Visit) -> None:
    answer = httpx.get(f"{visit.url}/hooks/blog", params={"verify": "me", "challenge": "<b>17</b>"})
    assert (answer.status_code, answer.text) == (200, "<b>17</b>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_is_not_who_they_say_is_refused_without_details(
    visit: Visit, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        answer = httpx.request(
            method, f"{visit.url}/hooks/blog", content=b'{"said": {"1": "Claire"}}' * (method == "POST")
        )
        assert (answer.status_code, answer.text) == (403, "")
    assert visit.rows() == []
    said = [record.getMessage() for record in caplog.records if record.name == "vigie"]
    assert len(said) == 1  # strangers may knock all day
    assert "refused" in said[0]
    assert "Claire" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/hooks/nobody", "/hooks/deaf", "/hooks/", "/hooks", "/", "/hooks/blog/", "/hooks/a/b"]
)
def test_where_nobody_listens_there_is_nothing(visit: Visit, path: str) -> None:
    assert visit.push(path, said={"1": QUESTION}) == 404
    assert httpx.get(visit.url + path).status_code == 404


def test_other_methods_are_not_allowed(visit: Visit) -> None:
    assert httpx.put(f"{visit.url}/hooks/blog").status_code == 405


def test_more_than_a_mebibyte_is_not_read(visit: Visit) -> None:
    large = b"x" * (LARGEST + 1)
    assert httpx.post(f"{visit.url}/hooks/blog", content=large, headers=SIGNED).status_code == 413

    def in_parts() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * (LARGEST // 10)

    with contextlib.suppress(httpx.WriteError):  # it may be answered before all was sent
        answer = httpx.post(f"{visit.url}/hooks/blog", content=in_parts(), headers=SIGNED)
        assert answer.status_code == 413
    assert visit.wire.bodies == []


def test_what_cannot_be_read_is_answered_500_and_its_words_are_not_logged(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    answer = httpx.post(f"{visit.url}/hooks/blog", content=b"Claire Dubois n'est pas JSON", headers=SIGNED)
    assert (answer.status_code, answer.text) == (500, "")
    assert "unexpected JSONDecodeError" in caplog.text
    assert "Claire" not in caplog.text
    assert visit.push(said={"1": QUESTION}) == 200


def test_when_the_store_cannot_be_written_the_network_is_asked_to_send_it_again(visit: Visit) -> None:
    store = visit.house.app.watch.store
    with store.read() as tx:
        (pages,) = tx.rows("PRAGMA page_count")[0]

    def fill_the_disk() -> None:
        with store.read() as tx:
            tx.rows(f"PRAGMA max_page_count = {pages}")

    visit.wire.during = fill_the_disk  # in the thread that then writes: the limit is its connection's
    large = "é" * 200_000
    assert visit.push(said={"1": large}) == 503
    assert visit.rows() == []
    visit.wire.during = store.close
    assert visit.push(said={"1": large}) == 200
    assert visit.rows() == ["1"]


# --- Slow, gone, closed --------------------------------------------------------------------------


BEGUN = b"POST /hooks/blog HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("begun", [b"", BEGUN, BEGUN + b"Content-Length: 99\r\n\r\n{"])
def test_who_begins_and_does_not_go_on_is_sent_away(
    tmp_path: Path, begun: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with at_the_door(tmp_path, patience=timedelta(seconds=3)) as visit:
        host, _, port = visit.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(begun)
            with contextlib.suppress(ConnectionResetError):
                assert slow.recv(100) == b""
        assert visit.push(said={"1": QUESTION}) == 200
    assert "Traceback" not in caplog.text


def test_the_door_closes_at_once_though_somebody_stands_in_it(tmp_path: Path) -> None:
    with at_the_door(tmp_path) as visit:
        visit.push(said={"1": QUESTION})
        host, _, port = visit.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as slow, httpx.Client() as keeping:
            slow.sendall(b"POST /hooks/blog HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
            keeping.get(f"{visit.url}/hooks/blog")
            began = time.monotonic()
            visit.door.close()
            until(visit.door.is_closed)
            assert time.monotonic() - began < 3
        with pytest.raises(httpx.ConnectError):
            visit.push(said={"2": QUESTION})


def test_a_door_that_is_closed_before_it_was_loaded_does_not_open(house: House) -> None:
    door = Door(house.app.watch, house.wake, ("127.0.0.1", free_port()))
    door.close()
    until(door.is_closed)


def test_where_somebody_is_already_it_says_so_at_once(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            NotPossible, match=rf"hooks.listen: nobody can listen at 127.0.0.1 port {port} \(address"
        ):
            Door(house.app.watch, house.wake, ("127.0.0.1", port))


# --- Config and daemon ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hooks", "wrong"),
    [
        ('{listen: "127.0.0.1:8710"}', ""),
        ('{listen: "localhost:8710"}', ""),
        ('{listen: "[::1]:8710"}', ""),
        ('{listen: "0.0.0.0:8710", behind_tls: true}', ""),
        ('{listen: "0.0.0.0:8710"}', "others can reach this address"),
        ('{listen: "vigie.example:8710"}', "others can reach this address"),
        ('{listen: "8710"}', "is no address and port"),
        ('{listen: "127.0.0.1:0"}', "is no address and port"),
        ('{listen: "127.0.0.1:http"}', "is no address and port"),
        ('{listn: "127.0.0.1:8710"}', "did you mean listen"),
    ],
)
def test_an_address_that_others_can_reach_needs_a_proxy_that_encrypts(
    tmp_path: Path, hooks: str, wrong: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{CONFIG}\nhooks: {hooks}\n", "utf-8")
    told = ""
    try:
        load(file)
    except ConfigError as error:
        [fault] = error.faults
        told = str(fault)
        assert fault.path.startswith("hooks")
        assert fault.line == 9
    assert wrong in told
    assert bool(told) == bool(wrong)


def test_the_daemon_opens_the_door_and_ends_with_it_within_five_seconds(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "none.jsonl").touch()
    text = CONFIG + f'\nhooks: {{listen: "127.0.0.1:{port}"}}\n'
    (tmp_path / "config.yaml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "bot", "run"]
    pipes: dict[str, Any] = {"cwd": tmp_path, "env": environment(), "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as daemon:
        until(lambda: _knock(port) == 404, 60)
        second = subprocess.run(command, **pipes, timeout=60, check=False)
        assert second.returncode == 2
        assert f"nobody can listen at 127.0.0.1 port {port}" in second.stderr.decode()
        assert "Traceback" not in second.stderr.decode()
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"POST /hooks/blog HTTP/1.1\r\n")
            began = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            _, said = daemon.communicate(timeout=20)
        assert time.monotonic() - began < 5
        assert (daemon.returncode, said.decode().count("Traceback")) == (0, 0)
    checked = subprocess.run([*command[:-1], "check"], **{**pipes, "stdout": subprocess.PIPE}, check=True)
    assert f"pushes are taken at 127.0.0.1:{port}: of no listener here" in checked.stdout.decode()


def _knock(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/hooks/blog")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_without_a_place_in_the_config_there_is_no_door_and_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    program = (
        "import sys; from pathlib import Path; from bot.app import build; from bot.config import load\n"
        "assert build(load(Path('config.yaml')), 'sqlite:///v.db').door(print) is None\n"
        "print(sorted({'uvicorn', 'starlette', 'bot.hooks'} & set(sys.modules)))"
    )
    told = subprocess.check_output([sys.executable, "-c", program], cwd=tmp_path, env=environment())
    assert told == b"[]\n"


def test_the_server_itself_logs_no_visit(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        visit.push(said={"1": QUESTION})
    assert [r.getMessage() for r in caplog.records if r.name.startswith("uvicorn.access")] == []
    assert QUESTION not in caplog.text
