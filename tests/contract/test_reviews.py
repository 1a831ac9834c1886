"""The drop folder of reviews: what exports look like, what is wrong with them, and what must not be lost."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import Retry
from bot.models import Batch, Kind
from listeners.reviews import Config, ReviewsListener

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def drop(folder: Path, name: str, content: str | bytes, at: datetime = NOON - HOUR) -> Path:
    """Put a file there as if it had been written at `at`."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def listener(folder: Path, clock: Clock | None = None, **more: Any) -> ReviewsListener:
    return ReviewsListener(Config(folder=folder, **more), clock or Clock())


def texts(batch: Batch) -> list[str]:
    return [mention.text for mention in batch.mentions]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_are_read_whatever_program_wrote_them(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [["Étoiles", "Commentaire", "Auteur"], ["3", '"Pas mal; mais, cher"', "Zoé"]]
    drop(tmp_path, "a.csv", "\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    (mention,) = listener(tmp_path).poll(None).mentions
    assert (mention.text, mention.author.name) == ("★★★☆☆ Pas mal; mais, cher", "Zoé")
    assert (mention.kind, mention.addressed) == (Kind.REVIEW, True)


def test_the_separator_that_excel_writes_is_no_review(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "sep=|\r\nAvis|Note\r\nBien|4\r\n")
    assert texts(listener(tmp_path).poll(None)) == ["★★★★☆ Bien"]


def test_columns_go_by_the_names_that_the_config_gives_them(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "Votre ressenti,Review,Le\nTrop lent,17,31.01.2026 09:00\n")
    columns = {"text": "votre ressenti", "id": "Review", "posted_at": "Le"}
    (mention,) = listener(tmp_path, columns=columns).poll(None).mentions
    assert (mention.text, mention.remote_id) == ("Trop lent", "17")
    assert mention.posted_at == NOON - 3 * HOUR


@pytest.mark.parametrize(
    ("date", "more", "expected"),
    [
        ("2026-01-30T10:00:00+02:00", {}, "2026-01-30T08:00:00+00:00"),
        ("2026-01-30", {"timezone": "Europe/Paris"}, "2026-01-29T23:00:00+00:00"),
        ("30/01/2026 18h05", {"day_first": True}, "2026-01-30T18:05:00+00:00"),
        ("1/30/2026 6:05 PM", {"day_first": False}, "2026-01-30T18:05:00+00:00"),
        ("30.01.2026, 18:05:09", {}, "2026-01-30T18:05:09+00:00"),
        ("1769767200", {}, "2026-01-30T10:00:00+00:00"),
        ("1769767200000", {}, "2026-01-30T10:00:00+00:00"),
        ("", {}, "2026-01-31T11:00:00+00:00"),
        ("2027-01-30", {}, "2026-01-31T11:00:00+00:00"),
    ],
)
def test_dates_are_understood_and_none_lies_after_its_export(
    tmp_path: Path, date: str, more: dict[str, Any], expected: str
) -> None:
    drop(tmp_path, "a.json", json.dumps([{"text": "x", "date": date}]))
    (mention,) = listener(tmp_path, **more).poll(None).mentions
    assert mention.posted_at.isoformat() == expected


def test_a_date_that_may_be_two_days_is_a_fault_until_the_config_says_which(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "text,date\nx,05/01/2026\n")
    clock = Clock()
    first = listener(tmp_path, clock).poll(None)
    assert first.mentions == ()
    with pytest.raises(Retry, match=r"a\.csv, line 2: its date may be two days: say day_first"):
        listener(tmp_path, clock).poll(first.cursor)
    second = listener(tmp_path, clock, day_first=True).poll(first.cursor)
    assert texts(second) == ["x"]
    assert second.complete_to == NOON - HOUR


@pytest.mark.parametrize(
    ("rating", "more", "shown"),
    [
        ("0", {}, "☆☆☆☆☆"), ("3", {}, "★★★☆☆"), ("4,5", {}, "★★★★★"), ("2/5", {}, "★★☆☆☆"),
        ("8", {"best": 10}, "★★★★☆"), ("6 sur 10", {}, "★★★☆☆"), ("4 étoiles", {}, "★★★★☆"),
        ("★★☆☆☆", {}, "★★☆☆☆"), ("TWO", {}, "★★☆☆☆"), ("9", {}, "(9)"), ("4/0", {}, "(4/0)"),
        ("A+", {}, "(A+)"),
    ],
)  # fmt: skip
def test_a_rating_is_shown_as_stars_or_as_it_was(
    tmp_path: Path, rating: str, more: dict[str, Any], shown: str
) -> None:
    drop(tmp_path, "a.json", json.dumps([{"text": "x", "rating": rating}]))
    assert texts(listener(tmp_path, **more).poll(None)) == [f"{shown} x"]


def test_what_stood_in_an_earlier_export_has_the_same_id_in_the_next(tmp_path: Path) -> None:
    head, one, two = "text,author,rating\n", "Super !,,5\n", "Nul,Zoé,1\n"
    drop(tmp_path, "1.csv", head + one + one + two)
    drop(tmp_path, "2.csv", head + two + one + one + one)
    found = [mention.remote_id for mention in listener(tmp_path).poll(None).mentions]
    assert len(found) == 7
    assert set(found[:3]) < set(found[3:])
    assert len(set(found)) == 4  # three nameless people who say the same are three


def test_an_id_that_is_none_is_told_and_loses_nobody_silently(tmp_path: Path) -> None:
    path = drop(tmp_path, "a.csv", "id,text\nproduct-1,one\nproduct-1,two\nproduct-1,one\n")
    ears = listener(tmp_path)
    first = ears.poll(None)
    assert texts(first) == ["one", "one"]
    with pytest.raises(Retry, match="line 3: another line has the same id") as caught:
        ears.poll(first.cursor)
    assert "two" not in str(caught.value)
    assert path.read_text().count("two") == 1


def test_an_answer_in_the_export_is_the_brands_own(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "id,text,date,reply,reply date\n1,Bad,2026-01-30,Sorry,2026-01-29\n2,Good,,,\n")
    bad, sorry, good = listener(tmp_path).poll(None).mentions
    assert (sorry.own, sorry.addressed, sorry.in_reply_to, sorry.text) == (True, False, "1", "Sorry")
    assert sorry.posted_at == bad.posted_at  # no answer comes before what it answers
    assert not good.own


def test_a_file_is_read_once_and_again_when_it_changed(tmp_path: Path) -> None:
    clock = Clock()
    path = drop(tmp_path, "a.jsonl", '{"id": "1", "text": "a"}\n')
    ears = listener(tmp_path, clock)
    first = ears.poll(None)
    with pytest.raises(Retry, match="no new export since 2026-01-31 11:00 UTC"):
        ears.poll(first.cursor)
    drop(tmp_path, "a.jsonl", path.read_text() + '{"id": "2", "text": "b"}\n', NOON)
    clock.now += HOUR
    second = ears.poll(first.cursor)
    assert texts(second) == ["a", "b"]
    assert (first.complete_to, second.complete_to) == (NOON - HOUR, NOON)


def test_the_same_export_written_again_says_that_nothing_came(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "text\nx\n")
    clock = Clock()
    ears = listener(tmp_path, clock)
    first = ears.poll(None)
    drop(tmp_path, "a.csv", "text\nx\n", NOON)
    clock.now += HOUR
    second = ears.poll(first.cursor)
    assert (second.mentions, second.complete_to, second.complete_from) == ((), NOON, None)


def test_what_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "text\nx\n", NOON - timedelta(seconds=1))
    for name in ("b.csv.part", "c.tmp", ".d.csv", "~$e.csv"):
        drop(tmp_path, name, "text\nhalf")
    clock = Clock()
    ears = listener(tmp_path, clock)
    with pytest.raises(Retry, match="no export lies in the folder"):
        ears.poll(None)
    clock.now += timedelta(seconds=5)
    assert texts(ears.poll(None)) == ["x"]


def test_good_lines_are_kept_and_the_record_stands_still_until_the_bad_one_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drop(tmp_path, "a.csv", "text,date\nsecret words,31/12\nfine,2026-01-30\nsurplus,2026-01-30,,\n")
    clock = Clock()
    ears = listener(tmp_path, clock)
    with caplog.at_level(logging.WARNING):
        first = ears.poll(None)
    assert texts(first) == ["fine"]
    assert first.complete_to == first.complete_from == NOON - timedelta(days=30)
    assert [record.message for record in caplog.records] == [
        "a.csv, line 2: its date cannot be read",
        "a.csv, line 4: it has more fields than the first line has headings",
    ]
    with pytest.raises(Retry, match="line 2: its date cannot be read: mend or replace the file"):
        ears.poll(first.cursor)
    drop(tmp_path, "b.csv", "text\nnew\n", NOON - HOUR / 2)
    second = ears.poll(first.cursor)
    assert (texts(second), second.complete_to) == (["new"], first.complete_to)
    (tmp_path / "a.csv").unlink()
    assert ears.poll(second.cursor).complete_to == NOON - HOUR / 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xlsx", "PK", "it is of no kind that can be read"),
        ("a.json", "{", "it is not JSON that can be read"),
        ("a.json", "[" * 5_000, "it is not JSON that can be read"),
        ("a.json", '{"a": [], "b": []}', "it must hold one list of reviews"),
        ("a.json", "[1]", "line 1: it is no object"),
        ("a.csv", "foo,bar\n1,2\n", "line 2: it has no column for the text"),
        ("a.csv", 'text\n"' + "x" * 140_000, "line 2 is no line of a table"),
        ("a.csv", "text\n" + "x\n" * 600, "it is larger than 1,000 bytes"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_an_incident(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    drop(tmp_path, name, content)
    ears = listener(tmp_path, max_bytes=1_000 if "bytes" in says else 1_000_000)
    first = ears.poll(None)
    assert first.mentions == ()
    with pytest.raises(Retry, match=says):
        ears.poll(first.cursor)


def test_a_great_export_comes_in_pages_that_a_restart_does_not_break(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "text\n" + "".join(f"n{i}\nsame\n" for i in range(6)))
    drop(tmp_path, "b.csv", "text\nlast\n", NOON - HOUR / 2)
    cursor, pages, to = None, list[list[str]](), list[datetime]()
    for _ in range(3):
        batch = listener(tmp_path, page=5).poll(cursor)
        cursor = batch.cursor
        pages.append(texts(batch))
        to.append(batch.complete_to)
    assert [len(page) for page in pages] == [5, 5, 3]
    assert to == [NOON - timedelta(days=30)] * 2 + [NOON - HOUR / 2]
    whole = listener(tmp_path).poll(None)
    assert texts(whole) == [text for page in pages for text in page]
    assert len({mention.remote_id for mention in whole.mentions}) == 13


def test_old_reviews_of_the_first_export_are_nobodys_debt(tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", "text,date\nold,2020-01-01\nnew,2026-01-30\nundated,\n")
    assert texts(listener(tmp_path).poll(None)) == ["new", "undated"]


def test_files_are_neither_moved_nor_changed(tmp_path: Path) -> None:
    path = drop(tmp_path, "a.csv", "text\nx\n")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    listener(tmp_path).poll(None)
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_too_many_files_are_an_incident_and_the_cursor_stays_small(tmp_path: Path) -> None:
    for number in range(1_000):
        drop(tmp_path, f"{number}.csv", f"text\nx{number}\n")
    ears = listener(tmp_path)
    assert len(ears.poll(None).cursor or "") < 200_000
    drop(tmp_path, "one-more.csv", "text\nx\n")
    with pytest.raises(Retry, match="more than 1,000 files"):
        ears.poll(None)


@pytest.mark.parametrize("wrong", [{"timezone": "Paris"}, {"columns": {"stars": "x"}}, {"url": "ftp://x"}])
def test_a_config_that_makes_no_sense_is_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Config(folder=tmp_path, **wrong)
