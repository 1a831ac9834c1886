"""Live updates: a real server, real connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.serving import Serving
from bot.store import events, ms
from bot.store.events import Event
from bot.web import make_app
from bot.web.pages.live import Pulse
from tests.support.house import ANGRY, House, comment
from tests.support.signed_in import signed_in

if TYPE_CHECKING:
    from starlette.applications import Starlette

HEARTBEAT = 0.2


@pytest.fixture
def server(house: House) -> Iterator[Serving]:
    """The inbox, with a quicker heart."""

    def made() -> Starlette:
        app = make_app(house.app, house.wake)
        app.state.pulse = Pulse(app.state.web, HEARTBEAT)
        return app

    serving = Serving("web.listen", ("127.0.0.1", 0), made, 100)
    yield serving
    house.app.watch.stopping.set()
    serving.close()
    _until(serving.is_closed)


def _until(done: object, patience: float = 10.0) -> None:
    assert callable(done)
    deadline = time.monotonic() + patience
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@contextmanager
def listening(
    house: House, server: Serving, after: int | str = "", **headers: str
) -> Iterator[Iterator[str]]:
    """The lines that somebody who is signed in is told."""
    token = signed_in(house).client.cookies["vigie"]
    named = {"cookie": f"vigie={token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    url = f"{server.url}/live?after={after}"
    with httpx.stream("GET", url, headers=named, timeout=10) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield answer.iter_lines()


def head(house: House) -> int:
    with house.app.watch.store.read() as tx:
        return events.head(tx)


def _next(lines: Iterator[str], begins: str) -> str:
    return next(line for line in lines if line.startswith(begins))


def test_whoever_listens_is_told_that_something_happened_and_nothing_else(
    house: House, server: Serving
) -> None:
    with listening(house, server, head(house)) as lines:
        _next(lines, ":")
        house.hears(comment("a", ANGRY))
        event, number, data, end = [_next(lines, "event: "), next(lines), next(lines), next(lines)]
    assert (event, end) == ("event: change", "")
    assert number.removeprefix("id: ") == data.removeprefix("data: ")
    assert 0 < int(data.removeprefix("data: ")) <= head(house)


def test_what_happened_since_the_page_was_made_is_told_at_once(house: House, server: Serving) -> None:
    known = head(house)
    house.hears(comment("a", ANGRY))
    with listening(house, server, known) as lines:
        assert _next(lines, "data: ") == f"data: {head(house)}"


def test_a_browser_that_comes_back_says_what_it_knows(house: House, server: Serving) -> None:
    house.hears(comment("a", ANGRY))
    with listening(house, server, 0, last_event_id=str(head(house))) as lines:
        assert _next(lines, ":") == ": still here"


def test_while_nothing_happens_there_are_signs_of_life(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        assert [_next(lines, ":") for _ in range(3)] == [": still here"] * 3


def test_it_ends_with_the_session(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        _next(lines, ":")
        with house.app.watch.store.tx() as tx:
            tx.run("DELETE FROM sessions")
        assert all(line.startswith(":") or not line for line in lines)


def test_what_happens_after_sign_out_is_told_to_nobody_there(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        _next(lines, ":")
        with house.app.watch.store.tx() as tx:
            tx.run("DELETE FROM sessions")
            events.append(tx, ms(house.clock()), [Event("noted")])
        assert not [line for line in lines if line.startswith(("event", "data"))]


def test_to_listen_makes_no_session_last(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        house.clock.forward(hours=7)
        _next(lines, ":")
        house.clock.forward(hours=2)
        list(lines)  # it ends
    assert house.row("SELECT seen_at FROM sessions")["seen_at"] < ms(house.clock()) - 8 * 3_600_000


def test_strangers_are_told_nothing(server: Serving) -> None:
    assert httpx.get(f"{server.url}/live", timeout=10).status_code == 401
    assert httpx.get(f"{server.url}/live", headers={"cookie": "vigie=x"}, timeout=10).status_code == 401


def test_what_is_no_http_is_answered_by_a_fixed_sentence_that_repeats_nothing(server: Serving) -> None:
    """The server says it before any page of ours is asked, so it has none of their headers."""
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 0), 10) as wire:
        wire.sendall(b"<script>alert(1)</script>\r\n\r\n")
        said = b"".join(iter(lambda: wire.recv(4096), b"")).decode()
    assert said.startswith("HTTP/1.1 400 ")
    assert "content-type: text/plain; charset=utf-8" in said
    assert said.endswith("\r\n\r\nInvalid HTTP request received.")
    assert "script" not in said


def test_it_ends_within_a_second_when_the_process_does(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        _next(lines, ":")
        began = time.monotonic()
        house.app.watch.stopping.set()
        server.close()
        list(lines)
        assert time.monotonic() - began < 1.0


def test_a_server_that_is_closed_while_somebody_listens_is_soon_closed(house: House, server: Serving) -> None:
    with listening(house, server, head(house)) as lines:
        _next(lines, ":")
        began = time.monotonic()
        server.close()  # and nobody said that the process ends
        _until(server.is_closed)
        assert time.monotonic() - began < 3.0


def test_many_listen_and_one_looks(house: House, server: Serving) -> None:
    """Ten browsers, one look at the store for all: each is told the same."""
    token = signed_in(house).client.cookies["vigie"]
    told, known = list[str](), head(house)

    def listen() -> None:
        with httpx.stream(
            "GET", f"{server.url}/live?after={known}", headers={"cookie": f"vigie={token}"}, timeout=10
        ) as one:
            told.append(_next(one.iter_lines(), "data: "))

    threads = [threading.Thread(target=listen) for _ in range(10)]
    for thread in threads:
        thread.start()
    with house.app.watch.store.tx() as tx:
        events.append(tx, ms(house.clock()), [Event("noted")])
    for thread in threads:
        thread.join(10)
    assert told == [f"data: {known + 1}"] * 10


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "²", "%00"])
def test_a_place_that_makes_no_sense_is_none(house: House, server: Serving, after: str) -> None:
    house.hears(comment("a", ANGRY))
    with listening(house, server, after) as lines:
        assert _next(lines, "data: ") == f"data: {head(house)}"
