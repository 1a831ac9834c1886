"""Asking over HTTP: what came of it is said in the kind of fault, against a real server that misbehaves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import RateLimited, Retry, ServiceError, Unsure
from bot.http import Answer, ask, client, instant, tell, wait
from tests.support.scripted import nobody, playing

BY_BOTH = pytest.mark.parametrize("by", [ask, tell])
By = Callable[..., Answer]


def outcome(by: By, url: str, *, seconds: float = 5, most: int = 1_000) -> Answer | ServiceError:
    with client() as http:
        try:
            return by(http, "POST", url, end=time.monotonic() + seconds, most=most, content=b"x")
        except ServiceError as fault:
            return fault


def answered(by: By, response: dict[str, Any]) -> Answer | ServiceError:
    with playing([{"request": "POST /", "response": response}]) as script:
        return outcome(by, script.url)


@BY_BOTH
@pytest.mark.parametrize("status", [200, 204, 304, 307, 404, 409])
def test_what_the_service_decided_is_an_answer(by: By, status: int) -> None:
    found = answered(by, {"status": status})
    assert isinstance(found, Answer)
    assert found.status == status


@pytest.mark.parametrize(
    "response",
    [{"status": 408}, {"status": 500}, {"status": 503}, {"drop": True}, {"body": "x" * 1_001}],
    ids=str,
)
def test_what_may_have_happened_is_unsure_unless_it_may_safely_be_repeated(response: dict[str, Any]) -> None:
    assert type(answered(tell, response)) is Unsure
    assert type(answered(ask, response)) is Retry


@BY_BOTH
def test_what_never_left_us_may_be_tried_again(by: By) -> None:
    assert type(outcome(by, nobody())) is Retry
    assert type(outcome(by, "gopher://127.0.0.1/")) is Retry


@BY_BOTH
def test_a_service_that_asks_us_to_wait_says_for_how_long(by: By) -> None:
    for headers, seconds in (({"Retry-After": "7"}, 7), ({}, 60)):
        found = answered(by, {"status": 429, "headers": headers})
        assert isinstance(found, RateLimited)
        assert found.after == seconds


def test_a_service_that_is_out_of_order_may_say_for_how_long() -> None:
    found = answered(ask, {"status": 503, "headers": {"Retry-After": "600"}})
    assert isinstance(found, Retry)
    assert found.after == 600


@contextmanager
def dripping() -> Iterator[str]:
    """A server whose answer never comes to an end: a byte at a time, each in good time."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
            while not over.wait(0.02):
                connection.sendall(b"x")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def test_an_answer_that_drips_is_given_up_when_the_time_is_over() -> None:
    with dripping() as url:
        began = time.monotonic()
        assert "did not come to an end in time" in str(outcome(tell, url, seconds=0.3))
        assert time.monotonic() - began < 2


def test_no_redirect_is_followed_with_the_credentials() -> None:
    moved = {"status": 307, "headers": {"Location": "{url}/elsewhere"}}
    with playing([{"request": "POST /", "response": moved}]) as script:
        outcome(tell, script.url)
        script.check()


def test_dates_are_read_with_and_without_their_zone_and_nonsense_is_none() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert instant("Sat, 31 Jan 2026 12:00:00 GMT") == instant("Sat, 31 Jan 2026 13:00:00 +0100") == noon
    assert instant("Sat, 31 Jan 2026 12:00:00 -0000") == noon
    for nonsense in ("", "soon", "Fri, 31 Dec 9999 23:59:59 -0100", "Sat, 99 Jan 2026 12:00:00 GMT"):
        assert instant(nonsense) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90", 90),
        ("9" * 30, 86_400),
        ("-5", None),
        ("soon", None),
        ("Sat, 31 Jan 2015 12:00:00 GMT", 0),
        ("Sat, 31 Jan 2099 12:00:00 GMT", 86_400),
    ],
)
def test_nobody_can_send_us_away_for_longer_than_a_day(value: str, seconds: float | None) -> None:
    assert wait({"retry-after": value}) == seconds
