"""The chain: whatever is changed by hand in the past is found and named."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from bot.store import events
from bot.store.events import Event
from tests.support.house import QUESTION, THANKS, House, comment


def test_one_changed_byte_of_one_past_event_is_found_and_named(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS, by="bob"))
    assert house.audit()["balanced"]
    _by_hand(house, "UPDATE events SET data = replace(data, 'blog', 'blag') WHERE seq = 2")
    found = house.audit()
    assert not found["balanced"]
    assert not found["chain"]["ok"]
    assert found["problems"][0] == "event 2 is not what was written: the chain is broken there"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET at = at + 1 WHERE seq = 3",
        "UPDATE events SET actor = 'somebody' WHERE seq = 3",
        "UPDATE events SET hash = replace(hash, '0', '1') WHERE seq = 3",
        "UPDATE events SET mention_id = 2 WHERE seq = 3",
        "UPDATE events SET kind = 'exempted' WHERE seq = 3",
        "UPDATE events SET seq = 99 WHERE seq = 3",
    ],
)
def test_no_field_of_an_event_can_be_changed_unnoticed(house: House, change: str) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS, by="bob"))
    _by_hand(house, change)
    assert "event 3 " in house.audit()["problems"][0]


def test_an_event_taken_out_of_the_middle_is_named(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS, by="bob"))
    _by_hand(house, "DELETE FROM events WHERE seq = 2")
    assert "event 2 " in house.audit()["problems"][0]


def test_a_tail_cut_off_the_log_is_noticed(house: House) -> None:
    house.hears(comment("1", QUESTION))
    last = house.row("SELECT MAX(seq) AS seq FROM events")["seq"]
    _by_hand(house, f"DELETE FROM events WHERE seq = {last}")
    assert f"event {last} " in house.audit()["problems"][0]


def test_a_mention_marked_answered_by_hand_does_not_balance(house: House) -> None:
    house.hears(comment("1", QUESTION))
    _by_hand(house, "UPDATE mentions SET state = 'answered'")
    found = house.audit()
    assert not found["balanced"]
    assert found["problems"] == ["mention 1: the log says open, the tables answered"]


def test_an_address_removed_from_the_tables_does_not_balance(house: House) -> None:
    house.hears(comment("1", QUESTION))
    _by_hand(house, "PRAGMA foreign_keys = OFF", "DELETE FROM mentions")
    assert house.audit()["problems"] == ["the log knows 1 addresses, the tables 0"]


def test_the_database_itself_refuses_to_change_or_remove_an_event(house: House) -> None:
    house.hears(comment("1", QUESTION))
    for change in ("UPDATE events SET at = 1", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), house.app.watch.store.tx() as tx:
            tx.run(change)


def test_anybody_can_check_a_link_with_sha256sum_alone(house: House) -> None:
    house.hears(comment("1", QUESTION))
    first = house.row("SELECT * FROM events WHERE seq = 1")
    lines = [events.START, *(str(first[name]) for name in events.FIELDS)]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == first["hash"]


def test_a_line_break_that_could_blur_two_fields_is_refused(house: House) -> None:
    with house.app.watch.store.tx() as tx, pytest.raises(ValueError, match="line break"):
        events.append(tx, 0, [Event("assigned", actor="Léa\nBob")])


def test_the_log_holds_nobodys_words_or_name(house: House) -> None:
    house.hears(comment("1", "Je suis Zéphyrine et mon numéro est le 01 99 00 12 34", by="zephyrine"))
    log = " ".join(r["data"] for r in house.rows("SELECT data FROM events"))
    assert "phyrin" not in log.lower()
    assert "01 99" not in log


def _by_hand(house: House, *changes: str) -> None:
    """Somebody with the file and a SQLite shell, who also took the triggers away."""
    with sqlite3.connect(house.app.watch.store.path) as connection:  # type: ignore[attr-defined]
        connection.execute("DROP TRIGGER events_are_never_changed")
        connection.execute("DROP TRIGGER events_are_never_removed")
        for change in changes:
            connection.execute(change)
    connection.close()
