"""The replay listener: rhythm, pages, restarts and faulty lines. No waiting: the clock is an argument."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Retry
from bot.models import Batch
from listeners.replay import Config, ReplayListener

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    return path


def line(number: int, minute: int = 0, **more: Any) -> dict[str, Any]:
    posted_at = datetime(2025, 6, 1, 8, tzinfo=UTC) + timedelta(minutes=minute)
    return {"remote_id": str(number), "text": f"n° {number}", "posted_at": posted_at.isoformat(), **more}


def ids(batch: Batch) -> list[str]:
    return [mention.remote_id for mention in batch.mentions]


def listener(path: Path, clock: Clock, **more: Any) -> ReplayListener:
    return ReplayListener(Config(path=path, **more), clock)


def test_everything_comes_at_once_in_pages_and_each_line_once(tmp_path: Path) -> None:
    replay = listener(write(tmp_path / "f", *map(line, range(25))), Clock(), page=10)
    cursor, seen = None, []
    for _ in range(4):
        batch = replay.poll(cursor)
        cursor = batch.cursor
        seen.append(ids(batch))
    assert [len(page) for page in seen] == [10, 10, 5, 0]
    assert [one for page in seen for one in page] == [str(n) for n in range(25)]


def test_a_full_page_promises_completeness_only_up_to_its_last_line(tmp_path: Path) -> None:
    lines = [line(n, minute=n) for n in range(3)]
    replay = listener(write(tmp_path / "f", *lines), Clock(), page=2)
    first = replay.poll(None)
    assert first.complete_to == first.mentions[-1].posted_at
    assert replay.poll(first.cursor).complete_to == NOON


def test_a_day_is_played_in_quick_time_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = write(tmp_path / "f", line(1), line(2, minute=60), line(3, minute=180))
    clock = Clock()
    first = listener(path, clock, speed=60).poll(None)
    clock.now += timedelta(seconds=61)
    second = listener(path, clock, speed=60).poll(first.cursor)
    clock.now += timedelta(seconds=118)
    third = listener(path, clock, speed=60).poll(second.cursor)
    clock.now += timedelta(seconds=1)
    fourth = listener(path, clock, speed=60).poll(third.cursor)
    assert [ids(batch) for batch in (first, second, third, fourth)] == [["1"], ["2"], [], ["3"]]


def test_after_counts_from_the_start_and_shift_makes_it_look_fresh(tmp_path: Path) -> None:
    path = write(tmp_path / "f", {"text": "a", "after": 0}, {"text": "b", "after": 90.5})
    clock = Clock()
    replay = listener(path, clock, speed=1, shift=True)
    first = replay.poll(None)
    clock.now += timedelta(minutes=2)
    second = replay.poll(first.cursor)
    assert first.mentions[0].posted_at == NOON
    assert second.mentions[0].posted_at == NOON + timedelta(seconds=90.5)


def test_deletions_and_own_messages_are_told(tmp_path: Path) -> None:
    gone = {"remote_id": "1", "deleted": True}
    batch = listener(write(tmp_path / "f", line(1), line(2, own=True, in_reply_to="1"), gone), Clock()).poll(
        None
    )
    assert batch.deleted == ("1",)
    assert [(mention.own, mention.in_reply_to) for mention in batch.mentions] == [(False, ""), (True, "1")]


def test_a_faulty_line_is_named_in_the_log_and_the_others_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "f", line(1), "not json", {"text": 5}, line(3, after="soon"), "", line(2))
    with caplog.at_level(logging.WARNING):
        batch = listener(path, Clock()).poll(None)
    assert ids(batch) == ["1", "2"]
    assert [record.args and record.args[1] for record in caplog.records] == [2, 3, 4]  # type: ignore[index]


def test_a_line_that_is_still_being_written_is_left_for_the_next_poll(tmp_path: Path) -> None:
    path = write(tmp_path / "f", line(1))
    with path.open("a") as file:
        file.write('{"remote_id": "2", "text": "ha')
    replay = listener(path, Clock())
    first = replay.poll(None)
    with path.open("a") as file:
        file.write('lf"}\n')
    assert (ids(first), ids(replay.poll(first.cursor))) == (["1"], ["2"])


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("")])
def test_a_file_that_is_gone_or_was_cut_is_an_incident_not_silence(tmp_path: Path, damage: Any) -> None:
    path = write(tmp_path / "f", line(1))
    replay = listener(path, Clock())
    cursor = replay.poll(None).cursor
    damage(path)
    with pytest.raises(Retry, match=r"f (cannot be read|became shorter)"):
        replay.poll(cursor)
