"""What came of it: promised by a policy, confirmed by the process, and rung for where nobody says."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from bot.desk import actions_for
from bot.errors import NotPossible
from bot.models import Process
from bot.store import ms
from tests.journeys.test_cli import Terminal
from tests.support.house import QUESTION, START, THANKS, House, build_house, comment

CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, silent_after: 100d}}
responders: {paper: {type: console}}
rules: [{name: praise, when: {intents: [praise]}, process: product}]
promises:
  targets:
    - {process: product, answer_within: 8h, outcome_within: 2d}
    - {process: sales, answer_within: 4h, outcome_within: 1d}
    - {answer_within: 8h}
"""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path, config=CONFIG)


def answered(house: House, text: str = THANKS) -> None:
    house.hears(comment("1", text))
    house.approve("1")
    house.deliver()


def rings(house: House, until: timedelta) -> list[tuple[float, str, str]]:
    heard = []
    while house.clock() - START < until:
        house.clock.forward(minutes=30)
        house.sweep()
        heard += [((house.clock() - START) / HOUR, c.reason, c.tier) for c in house.paper.told]
        house.paper.told.clear()
    return heard


def proved(house: House) -> int:
    found = house.audit()
    assert (found["problems"], found["promises"]["wrong"]) == ([], 0)
    return int(found["promises"]["recomputed"])


def test_an_outcome_is_owed_though_the_person_was_answered_and_rings_until_it_is_said(house: House) -> None:
    answered(house)
    assert house.mention("1")["outcome_due_at"] == ms(START + 2 * DAY)
    said = "nobody said what came of it"
    assert rings(house, 3 * DAY) == [(48, said, "due"), (72, said, "overdue")]
    assert rings(house, 73 * HOUR) == [(72.5, said, "overdue"), (73, said, "overdue")]
    house.desk.acknowledge(1, "Léa")
    assert rings(house, 76 * HOUR) == []
    assert len(rings(house, 78 * HOUR)) == 3  # what somebody saw to for 4 hours
    house.desk.outcome(1, "shipped", "Marc")
    assert rings(house, 10 * DAY) == []
    assert house.mention("1")["outcome"] == "shipped"
    assert house.events("1")[-1] == "outcome"
    assert house.audit()["escalated_unacknowledged"] == 0
    said_so = house.row("SELECT actor, data FROM events WHERE kind = 'outcome'")
    assert (said_so["actor"], said_so["data"]) == ("Marc", '{"what":"shipped"}')
    assert proved(house) == 2


def test_an_outcome_that_is_put_off_behind_the_back_of_the_log_is_found(house: House) -> None:
    answered(house)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET outcome_due_at = outcome_due_at + 1")
    (problem,) = house.audit()["problems"]
    due = ms(START + 2 * DAY)
    assert problem == f"mention 1: the log promises an outcome by {due}, the tables by {due + 1}"
    assert house.audit()["promises"]["wrong"] == 1


def test_said_in_time_it_never_rings(house: House) -> None:
    answered(house)
    house.desk.outcome(1, "accepted", "Marc")
    assert rings(house, 5 * DAY) == []
    house.desk.outcome(1, "shipped", "Léa")  # the last word counts
    assert house.mention("1")["outcome"] == "shipped"


def test_a_handover_promises_the_outcome_that_the_process_owes(house: House) -> None:
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["outcome_due_at"] is None
    house.desk.hand_over(1, Process.SALES, house.mention("1")["version"], "Léa")
    row = house.mention("1")
    assert (row["due_at"], row["outcome_due_at"]) == (ms(START + 4 * HOUR), ms(START + DAY))
    house.desk.hand_over(1, Process.PRODUCT, row["version"], "Léa")
    assert house.mention("1")["outcome_due_at"] == ms(START + DAY)  # what was promised is not loosened
    assert proved(house) == 2
    house.approve("1")
    house.deliver()
    assert [at for at, _, _ in rings(house, 25 * HOUR)] == [24, 24.5, 25]


def test_what_is_closed_without_an_answer_owes_no_outcome_until_it_is_opened_again(house: House) -> None:
    house.hears(comment("1", THANKS))
    house.desk.exempt(1, "no_answer_needed", house.mention("1")["version"], "Léa")
    assert rings(house, 3 * DAY) == []
    house.desk.reopen(1, house.mention("1")["version"], "Léa")
    assert "nobody said what came of it" in {reason for _, reason, _ in rings(house, 3 * DAY + HOUR)}


def test_an_outcome_is_one_of_the_words_and_of_something_that_is_not_over(house: House) -> None:
    house.hears(comment("1", THANKS))
    assert "outcome" in actions_for(house.mention("1"))
    with pytest.raises(NotPossible, match="'great' is no outcome; there are: accepted, resolved, converted"):
        house.desk.outcome(1, "great", "Léa")
    with pytest.raises(NotPossible, match="the name of who decides it"):
        house.desk.outcome(1, "shipped", "\n")
    house.desk.exempt(1, "spam", house.mention("1")["version"], "Léa")
    with pytest.raises(NotPossible, match="mention 1 is exempted"):
        house.desk.outcome(1, "shipped", "Léa")
    with pytest.raises(NotPossible, match="there is no mention 7"):
        house.desk.outcome(7, "shipped", "Léa")


def test_on_the_command_line_it_is_said_shown_and_proved(tmp_path: Path) -> None:
    vigie = Terminal(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.replace("replay, path: none.jsonl", "replay, path: day.jsonl"), "utf-8")
    (tmp_path / "day.jsonl").write_text(f'{{"text": "{THANKS}", "addressed": true}}\n', "utf-8")
    assert vigie("import", "day.jsonl").returncode == 0
    assert "outcome owed:" in vigie("show", "1").stdout
    assert vigie("outcome", "1", "shipped").returncode == 0
    assert "outcome: shipped" in vigie("show", "1").stdout
    proof = vigie("audit")
    assert (proof.returncode, "promises recomputed: 2, wrong: 0" in proof.stdout) == (0, True)
    with sqlite3.connect(tmp_path / "vigie.db") as db:
        db.execute("UPDATE mentions SET due_at = due_at + 1")
    db.close()
    forged = vigie("audit", "--json")
    assert (forged.returncode, json.loads(forged.stdout)["promises"]) == (1, {"recomputed": 2, "wrong": 1})
