"""Addresses that are closed without an answer: proposed, closed by rule, looked at, and opened again."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config import load
from bot.errors import ConfigError, Conflict, NotPossible
from bot.models import Author, Mention
from bot.steps import digest
from bot.steps.watch import no_wake
from bot.store import ms, samples, views
from tests.support.house import ANGRY, CONFIG, NEWS, QUESTION, START, THANKS, House, build_house, comment
from tests.support.terminal import Terminal

RULE = """
rules:
  - {name: thanks, when: {needs_answer: false, addressed: true}, exempt: no_answer_needed}
"""
# Of which the shipped pipeline says that it needs no answer, and is wrong.
STILL_NOTHING = "merci mais toujours rien"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, {}, columns=160)


@pytest.fixture
def ruled(tmp_path: Path) -> House:
    """A house in which a rule closes what needs no answer."""
    return build_house(tmp_path, CONFIG, RULE)


def waiting(house: House) -> list[str]:
    """What the sample asks a human to look at."""
    with house.app.watch.store.read() as tx:
        return [row["remote_id"] for row in samples.waiting(tx)]


def judge(house: House, remote_id: str, *, right: bool) -> None:
    row = house.mention(remote_id)
    house.desk.judge(row["id"], row["version"], "Léa", right=right)


def exempt(house: House, remote_id: str, reason: str = "") -> None:
    row = house.mention(remote_id)
    house.desk.exempt(row["id"], reason, row["version"], "Léa")


def event(house: House, remote_id: str, kind: str) -> dict[str, Any]:
    row = house.row(
        "SELECT * FROM events WHERE mention_id = ? AND kind = ? ORDER BY seq DESC LIMIT 1",
        house.mention(remote_id)["id"], kind,
    )  # fmt: skip
    return {**dict(row), "data": json.loads(row["data"])}


def later(remote_id: str, text: str, minutes: int = 5, **facts: Any) -> Mention:
    """The same person, in the same conversation, a little later."""
    return comment(
        remote_id,
        text,
        in_reply_to="1",
        posted_at=START + timedelta(minutes=minutes),
        conversation="t",
        **facts,
    )


# --- Proposed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["merci !", "👍", "thanks!", THANKS])
def test_that_no_answer_is_needed_is_proposed_and_decided_by_nobody_but_a_human(
    house: House, text: str
) -> None:
    house.hears(comment("1", text))
    assert house.mention("1")["state"] == "waiting"
    assert house.audit()["open"] == 1
    exempt(house, "1")
    assert house.mention("1")["state"] == "exempted"
    closed = event(house, "1", "exempted")
    assert (closed["actor"], closed["data"]) == ("Léa", {"reason": "no_answer_needed"})
    assert house.audit()["exemptions"] == {"no_answer_needed": 1}


@pytest.mark.parametrize("text", [QUESTION, ANGRY, "😡", "Je vous quitte, je change de banque."])
def test_of_who_is_unhappy_or_asks_nothing_is_proposed(house: House, text: str) -> None:
    house.hears(comment("1", text))
    with pytest.raises(NotPossible, match="nothing is proposed; give a reason, known are: no_answer_needed"):
        exempt(house, "1")
    assert house.mention("1")["state"] in ("waiting", "escalated")


def test_a_proposal_is_taken_for_the_conversation_as_it_was_seen(house: House) -> None:
    house.hears(comment("1", "merci !", conversation="t"))
    seen = house.mention("1")["version"]
    house.hears(later("2", QUESTION))
    with pytest.raises(Conflict, match="the person wrote again"):
        house.desk.exempt(house.mention("1")["id"], "", seen, "Léa")


def test_the_inbox_and_the_mention_show_what_is_proposed(
    house: House, terminal: Terminal, tmp_path: Path
) -> None:
    house.hears(comment("1", "merci !"), comment("2", QUESTION, by="zoe"))
    shown = terminal.json("inbox")
    assert {one["remote_id"]: one["proposed"] for one in shown} == {"1": "no_answer_needed", "2": None}
    number = str(house.mention("1")["id"])
    assert "proposed: no_answer_needed" in terminal.vigie("show", number).stdout
    done = terminal.vigie("--as", "Léa", "exempt", number)
    assert (done.returncode, done.stdout) == (
        0, f"Mention {number} is closed without an answer: no_answer_needed, by Léa.\n",
    )  # fmt: skip


# --- By rule ------------------------------------------------------------------------------------------


def test_a_rule_closes_it_in_its_own_name(ruled: House) -> None:
    ruled.hears(comment("1", "merci !"))
    assert ruled.mention("1")["state"] == "exempted"
    closed = event(ruled, "1", "exempted")
    assert (closed["actor"], closed["data"]) == ("rule:thanks", {"reason": "no_answer_needed"})
    assert ruled.replies("1") == []
    books = ruled.audit()
    assert books["balanced"], books["problems"]
    assert (books["exempted"], books["exempted_by_rule"], books["open"]) == (1, 1, 0)
    assert books["answer_rate"] == {"all": 0.0, "after_exemptions": None}


@pytest.mark.parametrize("text", [QUESTION, ANGRY, "😡", "Je vous quitte, je change de banque."])
def test_no_rule_closes_what_somebody_unhappy_or_asking_wrote(tmp_path: Path, text: str) -> None:
    house = build_house(tmp_path, CONFIG, "rules: [{name: all, exempt: spam}]\n")
    house.hears(comment("1", text), comment("2", "merci !", by="zoe"))
    assert house.mention("1")["state"] in ("waiting", "escalated")
    assert house.mention("2")["state"] == "exempted"


def test_no_rule_closes_it_where_people_are_called_or_a_template_goes_out(tmp_path: Path) -> None:
    house = build_house(
        tmp_path, CONFIG,
        """
        rules:
          - {name: vip, when: {authors: [zoe]}, escalate: somebody to look after}
          - {name: fan, when: {authors: [max]}, template: praise, approve: auto}
          - {name: all, exempt: no_answer_needed}
        """,
    )  # fmt: skip
    house.hears(
        comment("1", "merci !", by="zoe"),
        comment("2", "merci !", by="max"),
        comment("3", "merci !", by="ana"),
    )
    assert [house.mention(one)["state"] for one in "123"] == ["escalated", "answering", "exempted"]


def test_who_asks_us_to_stop_goes_before_a_human_whatever_a_rule_says(tmp_path: Path) -> None:
    house = build_house(tmp_path, CONFIG, "rules: [{name: all, exempt: no_answer_needed}]\n")
    house.hears(comment("1", "stop"))
    assert house.mention("1")["state"] == "escalated"


def test_what_is_no_address_is_not_closed_but_ignored(ruled: House) -> None:
    ruled.hears(comment("1", NEWS, addressed=False))
    assert ruled.mention("1")["state"] == "ignored"
    assert ruled.audit()["addresses"] == 0


def test_a_rule_with_a_reason_that_is_not_in_the_list_is_a_fault_of_the_config(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG + "rules: [{name: thanks, exempt: no_answer}]\n", "utf-8")
    with pytest.raises(ConfigError, match=r"rules\[0\]\.exempt.*did you mean no_answer_needed"):
        load(file)


# --- The sample ---------------------------------------------------------------------------------------


def test_of_each_day_some_of_what_rules_closed_are_put_before_a_human(ruled: House) -> None:
    ruled.hears(*(comment(f"a{i}", "merci !", by=f"p{i}") for i in range(200)))
    ruled.clock.forward(days=1)
    ruled.hears(*(comment(f"b{i}", "merci !", by=f"q{i}") for i in range(20)))
    digest(ruled.app.watch, no_wake)
    drawn = waiting(ruled)
    assert sum(one.startswith("a") for one in drawn) == 10
    assert sum(one.startswith("b") for one in drawn) == 5
    digest(ruled.app.watch, no_wake)
    assert waiting(ruled) == drawn
    assert ruled.audit()["sample"] == {"looked_at": 0, "wrong": 0, "waiting": 15}


def test_a_day_that_goes_on_is_drawn_from_again_and_nothing_drawn_is_taken_back(ruled: House) -> None:
    ruled.hears(*(comment(f"a{i}", "merci !", by=f"p{i}") for i in range(5)))
    digest(ruled.app.watch, no_wake)
    before = waiting(ruled)
    ruled.hears(*(comment(f"b{i}", "merci !", by=f"q{i}") for i in range(300)))
    digest(ruled.app.watch, no_wake)
    assert len(before) == 5
    assert set(before) < set(waiting(ruled))
    assert 16 <= len(waiting(ruled)) <= 21


def test_what_a_human_closed_is_in_no_sample(house: House) -> None:
    house.hears(comment("1", "merci !"))
    exempt(house, "1")
    digest(house.app.watch, no_wake)
    assert waiting(house) == []


def test_right_stays_closed_and_wrong_waits_again_from_when_it_was_posted(ruled: House) -> None:
    ruled.hears(comment("1", "merci !"), comment("2", STILL_NOTHING, by="zoe"))
    due = ruled.mention("2")["due_at"]
    digest(ruled.app.watch, no_wake)
    ruled.clock.forward(hours=30)
    judge(ruled, "1", right=True)
    judge(ruled, "2", right=False)
    assert (ruled.mention("1")["state"], ruled.mention("2")["state"]) == ("exempted", "waiting")
    assert ruled.mention("2")["due_at"] == due < ms(ruled.clock())
    assert ruled.events("2")[-2:] == ["sampled", "reopened"]
    ruled.sweep()
    assert ruled.mention("2")["id"] in [call.mention_id for call in ruled.paper.told]
    books = ruled.audit()
    assert books["sample"] == {"looked_at": 2, "wrong": 1, "waiting": 0}
    assert books["balanced"], books["problems"]
    assert (books["exempted"], books["open"], books["overdue"]) == (1, 1, 1)


def test_nobody_judges_twice_or_what_is_not_in_the_sample(ruled: House) -> None:
    ruled.hears(comment("1", "merci !"))
    with pytest.raises(NotPossible, match="is not in the sample"):
        judge(ruled, "1", right=True)
    digest(ruled.app.watch, no_wake)
    judge(ruled, "1", right=True)
    with pytest.raises(NotPossible, match="is not in the sample"):
        judge(ruled, "1", right=False)
    assert ruled.mention("1")["state"] == "exempted"


def test_what_is_judged_wrong_stays_counted_when_a_human_closes_it_again(ruled: House) -> None:
    ruled.hears(comment("1", STILL_NOTHING))
    digest(ruled.app.watch, no_wake)
    judge(ruled, "1", right=False)
    exempt(ruled, "1", "duplicate")
    books = ruled.audit()
    assert books["sample"] == {"looked_at": 1, "wrong": 1, "waiting": 0}
    assert (books["exemptions"], books["exempted_by_rule"]) == ({"duplicate": 1}, 0)


def test_without_a_sample_in_the_config_none_is_drawn(tmp_path: Path) -> None:
    house = build_house(tmp_path, CONFIG, RULE + "sample: {share: 0, at_least: 0}\n")
    house.hears(comment("1", "merci !"))
    digest(house.app.watch, no_wake)
    assert waiting(house) == []


def test_the_command_lists_the_sample_and_takes_what_a_human_says_of_it(
    ruled: House, terminal: Terminal
) -> None:
    ruled.hears(comment("1", "merci !"), comment("2", STILL_NOTHING, by="zoe"))
    numbers = [str(ruled.mention(one)["id"]) for one in "12"]
    listed = terminal.vigie("sample").stdout.splitlines()
    assert listed == [
        f"{numbers[0]}  Claire on blog, no_answer_needed: merci !",
        f"{numbers[1]}  Zoe on blog, no_answer_needed: {STILL_NOTHING}",
    ]
    assert terminal.vigie("--as", "Léa", "sample", numbers[0], "ok").returncode == 0
    said = terminal.vigie("--as", "Léa", "sample", numbers[1], "wrong").stdout
    assert said == f"Noted. Mention {numbers[1]} waits for an answer again.\n"
    assert terminal.vigie("sample").stdout == "Nothing to look at.\n"
    assert terminal.json("sample") == []
    assert "of a sample, 2 looked at, 1 wrong" in terminal.vigie("audit").stdout
    assert terminal.vigie("sample", numbers[0]).returncode == 2


# --- Opened again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [QUESTION, ANGRY, "Et ma carte, elle arrive quand ?"])
def test_what_a_rule_closed_waits_again_when_the_person_is_unhappy_or_asks(ruled: House, text: str) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"))
    due = ruled.mention("1")["due_at"]
    ruled.hears(later("2", text))
    assert ruled.mention("1")["state"] == "waiting"
    assert ruled.mention("1")["due_at"] == due
    opened = event(ruled, "1", "reopened")
    assert (opened["actor"], opened["data"]) == ("vigie", {"why": "the person wrote again"})
    books = ruled.audit()
    assert books["balanced"], books["problems"]
    assert (books["addresses"], books["open"], books["exempted"]) == (2, 2, 0)


def test_one_answer_then_answers_both(ruled: House) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"))
    ruled.hears(later("2", QUESTION))
    ruled.approve("2")
    ruled.deliver()
    assert [ruled.mention(one)["state"] for one in "12"] == ["answered", "answered"]
    assert ruled.audit()["answer_rate"] == {"all": 1.0, "after_exemptions": 1.0}


def test_heard_together_the_question_opens_what_was_said_before_it(ruled: House) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"), later("2", QUESTION))
    assert ruled.mention("1")["state"] == "waiting"
    assert ruled.audit()["balanced"]


def test_what_a_human_closed_as_needing_no_answer_waits_again_too_and_for_another_reason_stays(
    house: House,
) -> None:
    house.hears(comment("1", "merci !", conversation="t"), later("2", "merci bien", 1))
    exempt(house, "1")
    exempt(house, "2", "duplicate")
    house.hears(later("3", QUESTION))
    assert [house.mention(one)["state"] for one in "12"] == ["waiting", "exempted"]


def test_more_thanks_open_nothing(ruled: House) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"))
    ruled.hears(later("2", "merci encore !"))
    assert [ruled.mention(one)["state"] for one in "12"] == ["exempted", "exempted"]


def test_somebody_else_in_the_thread_opens_nothing(ruled: House) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"))
    ruled.hears(later("2", QUESTION, by="zoe"))
    assert ruled.mention("1")["state"] == "exempted"


def test_what_was_closed_before_the_brand_last_spoke_there_stays_closed(ruled: House) -> None:
    ruled.hears(comment("1", "merci !", conversation="t"))
    ours = comment("ours", "Avec plaisir !", by="banqueazur", own=True, in_reply_to="1", conversation="t")
    ruled.hears(replace(ours, posted_at=START + timedelta(minutes=2)))
    ruled.hears(later("2", QUESTION))
    assert ruled.mention("1")["state"] == "exempted"


def test_who_edits_thanks_into_a_question_is_read_again(ruled: House) -> None:
    ruled.hears(comment("1", "merci !"))
    ruled.hears(comment("1", QUESTION))
    assert ruled.mention("1")["state"] == "waiting"
    assert ruled.replies("1", "draft")
    assert ruled.audit()["balanced"]
    ruled.hears(comment("1", "merci !"))
    assert ruled.mention("1")["state"] == "exempted"
    assert ruled.audit()["balanced"]


def test_a_restart_forgets_no_proposal_rule_or_sample(ruled: House, tmp_path: Path) -> None:
    ruled.hears(comment("1", "merci !"))
    digest(ruled.app.watch, no_wake)
    again = build_house(tmp_path, CONFIG, RULE, ruled.clock)
    assert waiting(again) == ["1"]


# --- Who is speaking ----------------------------------------------------------------------------------


def test_who_is_speaking_is_shown_with_what_became_of_all_they_ever_said(
    house: House, terminal: Terminal
) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS), comment("3", QUESTION, by="zoe"))
    house.approve("1")
    house.deliver()
    exempt(house, "2")
    house.clock.forward(days=1)
    house.hears(comment("4", ANGRY, posted_at=START + timedelta(days=1)))
    row = house.mention("4")
    with house.app.watch.store.read() as tx:
        person = dict(views.person(tx, row))
    answered = person.pop("answered_at")
    assert START <= START + timedelta(milliseconds=answered - ms(START)) < house.clock()
    assert person == {"said": 3, "addresses": 3, "answered": 1, "exempted": 1, "open": 1,
                      "first_at": ms(START), "last_at": ms(START + timedelta(days=1))}  # fmt: skip
    shown = " ".join(terminal.vigie("show", str(row["id"])).stdout.split())
    counts = "3 of them to us: 1 answered, 1 exempted, 1 open"
    assert f"Claire: 3 messages from 2026-03-10 to 2026-03-11, {counts}; last answered 2026-03-10" in shown
    assert terminal.json("show", str(row["id"]))["person"]["open"] == 1


def test_of_somebody_known_by_a_handle_alone_the_history_is_found_as_well(house: House) -> None:
    known = Author(handle="@claire")
    house.hears(comment("1", QUESTION, author=known), comment("2", QUESTION, author=known))
    first, second = house.mention("1"), house.mention("2")
    with house.app.watch.store.read() as tx:
        assert [row["id"] for row in views.others_of_author(tx, second)] == [first["id"]]
        assert views.person(tx, second)["said"] == 2


def test_a_store_of_before_is_brought_up_to_date_with_the_exemptions_in_its_log(
    house: House, tmp_path: Path
) -> None:
    house.hears(comment("1", "merci !"), comment("2", "merci !", by="zoe"))
    exempt(house, "1", "spam")
    exempt(house, "2")
    row = house.mention("2")
    house.desk.reopen(row["id"], row["version"], "Léa")
    with contextlib.closing(sqlite3.connect(tmp_path / "vigie.db")) as raw, raw:
        raw.execute("DROP TABLE exemptions")
        raw.execute("DROP TABLE digests")
        raw.execute("DELETE FROM _sqlite_migrations WHERE name = '0004_samples'")
    again = build_house(tmp_path, clock=house.clock)
    found = [dict(one) for one in again.rows("SELECT mention_id, reason, rule, at FROM exemptions")]
    assert found == [
        {"mention_id": house.mention("1")["id"], "reason": "spam", "rule": 0, "at": ms(house.clock())}
    ]


def test_what_its_author_has_deleted_since_is_not_reopened(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.exempt(1, "spam", house.mention("1")["version"], "Léa")
    house.hears(deleted=["1"])
    with pytest.raises(NotPossible, match="mention 1 was deleted by its author"):
        house.desk.reopen(1, house.mention("1")["version"], "Léa")
    assert house.mention("1")["state"] == "exempted"
    assert (house.audit()["open"], house.audit()["balanced"]) == (0, True)
