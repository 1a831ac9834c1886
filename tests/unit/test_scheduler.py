"""The engine: a clock and threads. Whatever it misses is found in the store, but it should not miss much."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.errors import StoreUnavailable
from bot.scheduler import EmbeddedEngine, Task
from bot.steps.guarded import run_guarded
from bot.steps.watch import Wake

FAR: timedelta = timedelta(hours=1)


@contextmanager
def engine(tasks: Mapping[str, Task], concurrency: int = 8) -> Iterator[EmbeddedEngine]:
    built = EmbeddedEngine(tasks, concurrency)
    try:
        yield built
    finally:
        built.stop()
        until(built.idle)


def until(holds: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def waits(hold: threading.Event) -> None:
    assert hold.wait(10)


class Work:
    """A task that notes its runs and goes on for as long as the test holds it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.most_at_once = 0
        self.go_on = threading.Event()

    def __call__(self, wake: Wake, key: str) -> None:
        self.begun.append(key)
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.ended))
        assert self.go_on.wait(10)
        self.ended.append(key)


def test_work_runs_at_once_and_then_in_every_period() -> None:
    work = Work()
    work.go_on.set()
    with engine({"listen": work}) as built:
        built.every(timedelta(seconds=0.05), "listen", "blog")
        built.start()
        until(lambda: len(work.ended) >= 4)
    assert set(work.ended) == {"blog"}


@pytest.mark.parametrize("begun_by", ["the clock", "a wake-up"])
def test_woken_while_it_runs_it_runs_once_more_and_never_twice_at_a_time(begun_by: str) -> None:
    work = Work()
    with engine({"triage": work}) as built:
        if begun_by == "the clock":
            built.every(FAR, "triage")
        built.start()
        if begun_by == "a wake-up":
            built.wake("triage", "")
        until(lambda: work.begun)
        for _ in range(20):
            built.wake("triage", "")
            time.sleep(0.005)
        assert len(work.begun) == 1
        work.go_on.set()
        until(lambda: len(work.ended) == 2)
        time.sleep(0.1)
        assert (len(work.ended), work.most_at_once) == (2, 1)


def test_many_wake_ups_lead_to_at_least_one_run_after_the_last_of_them() -> None:
    seen, said = [], [0]

    def look(wake: Wake, key: str) -> None:
        seen.append(said[0])

    with engine({"deliver": look}) as built:
        built.start()
        for number in range(1, 301):
            said[0] = number
            built.wake("deliver", "blog")
            if number % 10 == 0:
                time.sleep(0.002)
        until(lambda: seen and seen[-1] == 300)
    assert len(seen) <= 300


def test_different_keys_run_side_by_side() -> None:
    work = Work()
    with engine({"listen": work}) as built:
        for name in ("blog", "feed", "forum"):
            built.every(FAR, "listen", name)
        built.start()
        until(lambda: len(work.begun) == 3)
        work.go_on.set()
        until(lambda: len(work.ended) == 3)
    assert sorted(work.ended) == ["blog", "feed", "forum"]


def test_a_task_that_raises_stops_neither_the_others_nor_its_own_next_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    falls, works, words = list[str](), Work(), "ma carte est bloquée"
    works.go_on.set()

    def fall(wake: Wake, key: str) -> None:
        falls.append(key)
        raise RuntimeError(words)

    with caplog.at_level(logging.DEBUG, "vigie"), engine({"listen": fall, "sweep": works}) as built:
        built.every(timedelta(seconds=0.05), "listen", "blog")
        built.every(timedelta(seconds=0.05), "sweep")
        built.start()
        until(lambda: len(falls) >= 3 and len(works.ended) >= 3)
    assert "listen blog: unexpected RuntimeError" in caplog.text
    assert words not in caplog.text


def test_a_store_that_cannot_be_used_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def full(wake: Wake, key: str) -> None:
        raise StoreUnavailable("the store vigie.db cannot be used: the disk is full; free some space")

    with caplog.at_level(logging.DEBUG, "vigie"):
        assert not run_guarded(full, lambda task, key: None, "listen", "blog")
    (line,) = caplog.messages
    assert line == "listen blog: the store vigie.db cannot be used: the disk is full; free some space"


def test_one_task_may_wake_another() -> None:
    work = Work()
    work.go_on.set()
    with engine({"listen": lambda wake, key: wake("triage", "now"), "triage": work}) as built:
        built.every(FAR, "listen", "blog")
        built.start()
        until(lambda: work.ended == ["now"])


def test_what_comes_late_is_run_once_and_not_dropped() -> None:
    work, hold = Work(), threading.Event()
    work.go_on.set()
    with engine({"busy": lambda wake, key: waits(hold), "listen": work}, concurrency=1) as built:
        built.every(FAR, "busy")
        built.start()
        until(lambda: not built.idle())
        built.every(timedelta(seconds=0.3), "listen")  # the only thread is taken for many periods
        time.sleep(1.0)
        assert work.begun == []
        hold.set()
        until(lambda: work.ended)


def test_after_stop_nothing_new_begins() -> None:
    work, hold = Work(), threading.Event()
    work.go_on.set()
    with engine({"busy": lambda wake, key: waits(hold), "listen": work}, concurrency=1) as built:
        built.every(FAR, "busy")
        built.start()
        until(lambda: not built.idle())
        built.wake("listen", "waits for a thread")
        built.wake("busy", "")
        time.sleep(0.1)
        built.stop()
        built.wake("listen", "too late")
        hold.set()
        until(built.idle)
        time.sleep(0.1)
    assert work.begun == []


def test_stop_does_not_wait_for_what_hangs() -> None:
    hold = threading.Event()
    with engine({"deliver": lambda wake, key: waits(hold)}) as built:
        built.every(FAR, "deliver", "blog")
        built.start()
        until(lambda: not built.idle())
        began = time.monotonic()
        built.stop()
        assert time.monotonic() - began < 1
        assert not built.idle()
        hold.set()
