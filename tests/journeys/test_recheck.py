"""What its author took down: found out in time also where nobody tells us, and dropped with all that says who
it was. The books go on balancing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import RateLimited, Refused, Retry, Unsure
from bot.models import Author
from bot.store import corrections, events, views
from tests.support.house import ANGRY, NEWS, QUESTION, START, THANKS, House, Wire, build_house, comment

CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, recheck: 20h, recheck_days: 30}}
responders: {paper: {type: console}}
templates: [{name: hello, intents: [question], text: "Bonjour {{ name }}, à 9 h."}]
"""


@dataclass
class AskedWire(Wire):
    """A network that must be asked what was deleted."""

    gone: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)
    falls: Exception | None = None

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        self.asked.append(list(remote_ids))
        if self.falls:
            raise self.falls
        return [number for number in remote_ids if number in self.gone]


def asked_house(folder: Path) -> tuple[House, AskedWire]:
    house = build_house(folder, config=CONFIG)
    wire = house.wire = AskedWire(house.clock)
    house.app.watch.listeners["blog"] = wire  # type: ignore[index]
    return house, wire


@pytest.fixture
def asked(tmp_path: Path) -> tuple[House, AskedWire]:
    return asked_house(tmp_path)


# --- When it is asked ----------------------------------------------------------------------------


def test_what_is_kept_is_asked_after_every_20_hours_and_what_is_gone_is_dropped(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"))
    house.clock.forward(hours=19, minutes=59)
    house.listen()
    assert wire.asked == []
    house.clock.forward(minutes=1)
    wire.gone = {"1"}
    house.listen()
    assert wire.asked == [["1", "2"]]
    assert (house.mention("1")["state"], house.mention("1")["text"]) == ("deleted", "")
    assert house.mention("2")["text"] == ANGRY
    house.listen()
    assert len(wire.asked) == 1
    house.clock.forward(hours=20)
    house.listen()
    assert wire.asked[1:] == [["2"]]  # what is gone is asked after no more


def test_a_hundred_at_a_time_the_oldest_check_first_and_at_most_a_thousand_after_one_poll(asked: Any) -> None:
    house, wire = asked
    for hour in range(3):
        house.wire.says(*(comment(f"{hour}-{n}", NEWS, by=f"p{n}") for n in range(450)))
        house.listen()
        house.clock.forward(hours=1)
    house.clock.forward(hours=20)
    house.listen()
    assert [len(page) for page in wire.asked] == [100] * 10
    assert wire.asked[0][0].startswith("0-")
    assert wire.asked[-1][-1].startswith("2-")
    house.listen()
    assert sum(map(len, wire.asked)) == 1350
    assert len({number for page in wire.asked for number in page}) == 1350


def test_what_is_older_than_a_month_is_asked_after_no_more(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob", posted_at=START - timedelta(days=29)))
    house.clock.forward(days=2)
    house.listen()
    assert wire.asked == [["1"]]
    assert house.mention("2")["checked_at"] is None


def test_a_listener_that_cannot_be_asked_is_not(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.clock.forward(days=3)
    house.listen()
    assert house.mention("1")["checked_at"] is None


def test_a_service_that_cannot_say_is_asked_again_when_it_allows_it_and_listening_goes_on(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION))
    house.clock.forward(hours=20)
    wire.falls = RateLimited("429", after=900)
    house.hears(comment("2", THANKS, by="bob"))
    house.listen()
    assert len(wire.asked) == 1
    assert house.mention("2")["state"] == "waiting"
    wire.falls, wire.gone = None, {"1"}
    house.clock.forward(minutes=15)
    house.listen()
    assert house.mention("1")["state"] == "deleted"


def test_what_could_not_be_asked_after_for_a_day_rings_until_it_is(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION))
    wire.falls = Retry("503 with a long story")
    for hour in range(20, 25):
        house.clock.now = START + timedelta(hours=hour, minutes=1)
        house.listen()
        house.sweep()
        told = [call.reason for call in house.paper.told if call.key == "recheck:blog"]
        assert bool(told) == (hour == 24), hour
    assert told == ["what people deleted cannot be asked after: 503 with a long story"]
    wire.falls = None
    house.clock.forward(minutes=5)
    house.listen()
    assert house.rows("SELECT 1 FROM escalations WHERE key = 'recheck:blog' AND closed_at IS NULL") == []


def test_an_answer_that_no_contract_foresees_drops_nobody(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION))
    house.clock.forward(hours=20)
    wire.falls = ValueError("Claire wrote this")
    house.listen()
    assert house.mention("1")["text"] == QUESTION


# --- What is dropped -----------------------------------------------------------------------------


def leftovers(house: House, *words: str) -> list[str]:
    """Every table and column in which one of these words still stands."""
    found, tables = [], "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for name in [row["name"] for row in house.rows(tables)]:
        for row in house.rows(f"SELECT * FROM {name}"):
            cells = [(key, str(value)) for key, value in dict(row).items()]
            found += [f"{name}.{key}" for key, value in cells if any(word in value for word in words)]
    return sorted(set(found))


WORDS = "Ma carte 4970 est bloquée à Perpignan, à quelle heure ouvre l'agence ?"


def test_of_a_person_who_deletes_nothing_is_left_but_hashes_and_times(asked: Any) -> None:
    house, _ = asked
    author = Author("claire-7", "@claire_du_66", "Clairette", 42)
    house.hears(comment("1", WORDS, author=author, url="https://blog.example/clairette/1"))
    house.desk.edit(1, None, "Bonjour Clairette, à 10 h.", house.mention("1")["version"], "Léa")
    house.desk.correct(1, {"intents": ["question"]}, house.mention("1")["version"], "Léa")
    assert leftovers(house, "Clairette", "Perpignan", "claire_du_66", "clairette")
    house.hears(deleted=["1"])
    assert leftovers(house, "Clairette", "Perpignan", "claire_du_66", "clairette") == []
    row = house.mention("1")
    assert (row["author_followers"], row["analysis"], row["state"]) == (None, None, "deleted")
    heard = house.row("SELECT data FROM events WHERE kind = 'heard'")["data"]
    assert events.digest(WORDS) in heard
    assert house.audit()["balanced"]
    assert house.audit()["deleted"] == 1


def test_a_person_known_by_a_handle_alone_leaves_no_handle(house: House) -> None:
    house.hears(comment("1", QUESTION, author=Author(handle="@claire_du_66")))
    house.hears(comment("2", "Allô ?", author=Author(handle="@claire_du_66"), in_reply_to="1"))
    assert house.mention("1")["conversation_id"] == house.mention("2")["conversation_id"]
    house.hears(deleted=["1", "2"])
    assert leftovers(house, "claire_du_66") == []


def test_what_was_answered_stays_answered_and_the_brands_own_words_stay(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.deliver()
    house.clock.forward(hours=20)
    wire.gone = {"1"}
    house.listen()
    row = house.mention("1")
    assert (row["state"], row["text"], row["author_name"]) == ("answered", "", "")
    assert house.replies("1", "sent")[0]["text"] == house.paper.published[0].text
    assert {r["text"] for r in house.replies("1", "discarded")} == {""}
    found = house.audit()
    assert (found["answered"], found["deleted"], found["balanced"]) == (1, 0, True)
    assert "dropped" in house.events("1")


def test_what_was_exempted_or_owed_nothing_is_dropped_as_well(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", NEWS, by="bob", addressed=False))
    house.desk.exempt(1, "spam", house.mention("1")["version"], "Léa")
    house.hears(deleted=["1", "2"])
    assert [(house.mention(n)["state"], house.mention(n)["text"]) for n in "12"] == [
        ("exempted", ""),
        ("deleted", ""),
    ]
    assert house.audit()["exemptions"] == {"spam": 1}
    assert house.audit()["balanced"]


@pytest.mark.parametrize("end", [Unsure("dropped"), Retry("503"), Refused("closed")])
def test_a_reply_that_is_on_its_way_when_its_mention_is_deleted_leaves_no_name_if_it_never_arrives(
    asked: Any, end: Exception
) -> None:
    house, _ = asked
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.during = lambda: house.hears(deleted=["1"])
    house.paper.next_ = [end]
    house.deliver()
    house.paper.during = lambda: None
    if isinstance(end, Unsure):
        assert leftovers(house, "Claire") == ["replies.text"]  # it may stand there, and must be looked for
    house.clock.forward(seconds=11)
    house.sweep()
    house.deliver()
    assert leftovers(house, "Claire") == []
    assert house.paper.published == []
    assert house.audit()["balanced"]


def test_what_comes_back_has_its_words_again_and_is_owed_again(asked: Any) -> None:
    house, wire = asked
    house.hears(comment("1", QUESTION))
    due_at = house.mention("1")["due_at"]
    house.hears(deleted=["1"])
    house.hears(comment("1", QUESTION))
    row = house.mention("1")
    assert (row["state"], row["text"], row["author_name"], row["due_at"]) == (
        "waiting",
        QUESTION,
        "Claire",
        due_at,
    )
    assert "Bonjour Claire, à 9 h." in [r["text"] for r in house.replies("1", "draft")]
    assert house.audit()["open"] == 1
    assert house.audit()["balanced"]
    house.clock.forward(hours=20)
    house.listen()
    assert wire.asked == [["1"]]


def test_what_was_answered_and_comes_back_has_its_words_again_and_stays_answered(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.deliver()
    house.hears(deleted=["1"])
    house.hears(comment("1", QUESTION))
    assert (house.mention("1")["state"], house.mention("1")["text"]) == ("answered", QUESTION)
    assert house.audit()["balanced"]


def test_the_same_deletion_told_twice_is_one(house: House) -> None:
    house.hears(comment("1", QUESTION))
    for _ in range(3):
        house.hears(deleted=["1"])
    assert house.events("1").count("deleted") == 1


def test_what_was_deleted_teaches_nobody_and_is_not_exported(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"))
    house.desk.correct(1, {"intents": ["question"]}, house.mention("1")["version"], "Léa")
    house.hears(deleted=["1"])
    with house.app.watch.store.read() as tx:
        assert list(corrections.labelled(tx)) == []
        assert [row["remote_id"] for row in views.page(tx, 0)] == ["2"]


def test_the_same_number_on_another_network_is_somebody_else(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob", network="forum"))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET listener = 'other', remote_id = '1' WHERE remote_id = '2'")
    house.hears(deleted=["1"])
    states = {r["network"]: r["state"] for r in house.rows("SELECT network, state FROM mentions")}
    assert states == {"blog": "deleted", "forum": "escalated"}
