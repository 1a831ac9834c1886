"""Calls to outside services: given up in time, one of each name, in threads that serve again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.steps.watch import Busy, TookTooLong, Watch, bounded, under_way
from tests.support.house import build_house

SOON, LATE = timedelta(milliseconds=20), timedelta(seconds=20)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return build_house(tmp_path).app.watch


@pytest.fixture
def hung(watch: Watch) -> Iterator[threading.Event]:
    """A send of reply 7 that was given up, and goes on until this is set."""
    go_on = threading.Event()
    with pytest.raises(TookTooLong):
        bounded(watch, "deliver blog", lambda: go_on.wait(20), SOON, about=7)
    yield go_on
    go_on.set()


def test_what_hangs_is_given_up_and_keeps_only_its_own_name_busy(watch: Watch, hung: threading.Event) -> None:
    begun: list[str] = []
    with pytest.raises(Busy):
        bounded(watch, "deliver blog", lambda: begun.append("again"), LATE)
    assert bounded(watch, "deliver page", lambda: "sent", LATE) == "sent"
    assert under_way(watch) == {7}
    answer = watch.calls["deliver blog"].answer
    hung.set()
    assert answer.result(20)
    assert not begun
    assert under_way(watch) == set()
    assert bounded(watch, "deliver blog", lambda: "sent", LATE) == "sent"


def test_what_a_call_raises_is_raised_be_it_that_it_took_too_long_itself(watch: Watch) -> None:
    def fail(error: BaseException) -> None:
        raise error

    for error in (ValueError("no"), TimeoutError("read timed out"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised:
            bounded(watch, "listen blog", lambda error=error: fail(error), LATE)  # type: ignore[misc]
        assert raised.value is error


def test_threads_serve_again(watch: Watch) -> None:
    """A thread that is about to wait for work may be missed, so there may be a few; not one for each call."""
    threads = {bounded(watch, f"listen {n}", threading.get_ident, LATE) for n in range(200)}
    assert len(threads) < 20
