"""The audit page: the proof, when it was worked out, and what people think of the sample."""

from __future__ import annotations

import html
import re
import threading
from pathlib import Path

import pytest

from bot.models import Batch
from bot.store import ms, samples
from bot.web.pages.audit import AT_ONCE
from tests.support import hostile
from tests.support.house import QUESTION, THANKS, House, build_house, comment
from tests.support.signed_in import Visitor, signed_in

RULES = """
rules:
  - {name: thanks, when: {needs_answer: false, addressed: true}, exempt: no_answer_needed}
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path, extra=RULES)


def words(visitor: Visitor, path: str = "/audit") -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def thanked(house: House, *remote_ids: str, text: str = THANKS) -> None:
    """A rule closes these, and they are drawn for a human to look at."""
    house.hears(*(comment(remote_id, text) for remote_id in remote_ids))
    with house.app.watch.store.tx() as tx:
        samples.draw(tx, house.app.watch.settings.root.sample)


def test_the_equation_balances_before_ones_eyes(house: House) -> None:
    thanked(house, "m1")
    house.hears(comment("m2", QUESTION), comment("m3", QUESTION))
    house.hears(deleted=["m3"])
    told = words(signed_in(house, "viewer"))
    assert ("addresses 3 = answered 0 + closed without an answer 1 + deleted by author 1 + open 1") in told
    assert "✓ The books balance" in told
    assert "✓ The chain is whole" in told
    assert house.row("SELECT hash FROM chain")["hash"] in told


def test_a_fault_in_the_tables_is_shown_with_its_mention(house: House) -> None:
    house.hears(comment("m1", QUESTION))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET state = 'answered', ended_at = 1")
    told = words(signed_in(house))
    assert "✗ The books do not balance." in told
    assert "mention 1: the log says open, the tables answered" in told


def test_a_changed_past_is_shown(house: House) -> None:
    house.hears(comment("m1", QUESTION))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE chain SET hash = 'x'")
    assert "✗ The chain is broken" in words(signed_in(house))


def test_exemptions_are_told_by_reason_and_by_whom(house: House) -> None:
    thanked(house, "m1", "m2")
    house.hears(comment("m3", QUESTION))
    house.desk.exempt(house.mention("m3")["id"], "spam", house.mention("m3")["version"], "Karim")
    told = words(signed_in(house))
    assert "no answer needed rule thanks 2" in told
    assert "spam Karim 1" in told


def test_what_was_reopened_and_closed_again_is_counted_once(house: House) -> None:
    house.hears(comment("m1", QUESTION))
    house.desk.exempt(1, "spam", house.mention("m1")["version"], "Karim")
    house.clock.forward(minutes=1)
    house.desk.reopen(1, house.mention("m1")["version"], "Zoé")
    house.clock.forward(minutes=1)
    house.desk.exempt(1, "abuse", house.mention("m1")["version"], "Léa")
    told = words(signed_in(house))
    assert "abuse Léa 1" in told
    assert "spam Karim" not in told


def test_a_lead_says_that_a_rule_was_right(house: House) -> None:
    thanked(house, "m1")
    lead = signed_in(house, "lead", "Zoé")
    seen = house.mention("m1")["version"]
    answer = lead.post("/audit/sample/1", seen=seen, verdict="ok")
    assert answer.headers["location"] == "/audit#sample"
    told = words(lead)
    assert "Noted: the rule was right." in told
    assert "Looked at: 1, of those wrong: 0. Still to look at: 0." in told
    assert house.audit()["sample"]["looked_at"] == 1


def test_a_lead_says_that_a_rule_was_wrong_and_the_person_waits_again(house: House) -> None:
    thanked(house, "m1")
    lead = signed_in(house, "lead", "Zoé")
    lead.post("/audit/sample/1", seen=house.mention("m1")["version"], verdict="wrong")
    assert house.mention("m1")["state"] == "waiting"
    assert house.audit()["balanced"]
    last = house.row("SELECT actor FROM events WHERE kind = 'sampled'")
    assert last["actor"] == "Zoé"


def test_who_judges_what_somebody_else_has_just_judged_is_told_so(house: House) -> None:
    thanked(house, "m1")
    lead, seen = signed_in(house, "lead", "Zoé"), house.mention("m1")["version"]
    lead.post("/audit/sample/1", seen=seen, verdict="wrong")
    assert lead.post("/audit/sample/1", seen=seen, verdict="ok").status_code == 409
    assert lead.post("/audit/sample/1", seen="x", verdict="ok").status_code == 409


def test_agents_see_the_sample_and_do_not_judge_it(house: House) -> None:
    thanked(house, "m1")
    agent = signed_in(house, "agent")
    assert THANKS in words(agent)
    assert 'name="verdict"' not in agent.get("/audit").text
    assert agent.post("/audit/sample/1", seen=1, verdict="ok").status_code == 403
    assert house.mention("m1")["state"] == "exempted"


def test_a_long_sample_is_shown_in_part(house: House) -> None:
    thanked(house, *(f"m{i}" for i in range(400)))
    told = words(signed_in(house))
    assert "Still to look at: 20." in told
    assert "And 10 more." in told


def test_a_gap_of_a_source_is_shown(house: House) -> None:
    house.listen()
    house.clock.forward(hours=5)
    now = house.clock()
    house.wire.batches.append(Batch((), "c", now, complete_from=now))
    house.listen()
    assert "10/03/2026, 09:00 – 10/03/2026, 14:00" in words(signed_in(house))


# --- A long log ----------------------------------------------------------------------------------


@pytest.fixture
def long(house: House) -> House:
    """A house whose log is too long to be read while a page is made."""
    house.hears(*(comment(f"m{i}", QUESTION) for i in range(AT_ONCE // 3 + 1)))
    assert house.row("SELECT seq FROM chain")["seq"] > AT_ONCE
    return house


def worked_out() -> None:
    """Wait for the thread that reads the log."""
    for thread in threading.enumerate():
        if thread.name == "proof":
            thread.join(60)


def test_a_long_log_is_read_when_somebody_asks_and_the_page_says_as_of_when(long: House) -> None:
    viewer = signed_in(long, "viewer", "Zoé")
    assert "worked out when somebody asks for it" in words(viewer)
    assert viewer.post("/audit/proof").status_code == 303
    worked_out()
    told = words(viewer)
    assert "✓ The books balance" in told
    assert "As of 10/03/2026, 09:00." in told
    long.clock.forward(minutes=30)
    assert "As of 10/03/2026, 09:00." in words(viewer)
    viewer.post("/audit/proof")
    worked_out()
    assert "As of 10/03/2026, 09:30." in words(viewer)


def test_the_log_is_not_read_twice_at_the_same_time(long: House) -> None:
    viewer = signed_in(long, "viewer", "Zoé")
    with long.app.watch.store.tx() as tx:  # somebody else asked just now
        tx.run("INSERT INTO proofs (asked_by, asked_at) VALUES ('Karim', ?)", (ms(long.clock()),))
    viewer.post("/audit/proof")
    assert long.row("SELECT COUNT(*) AS n FROM proofs")["n"] == 1
    told = words(viewer)
    assert "asked for by Karim" in told
    long.clock.forward(hours=1)  # that program ended without a word
    viewer.post("/audit/proof")
    worked_out()
    assert "✓ The books balance" in words(viewer)


def test_the_page_is_french_for_who_reads_french(house: House) -> None:
    thanked(house, "m1")
    told = words(signed_in(house, "lead", lang="fr"))
    for said in ("Les comptes sont justes", "clôturées sans réponse 1", "À tort", "règle thanks"):
        assert said in told
    for said in ("answered", "The books", "Right:", "none"):
        assert said not in told.replace("the log says open, the tables answered", "")


@pytest.mark.parametrize("kind", hostile.TEXTS)
def test_hostile_texts_in_the_sample_are_shown_as_text(house: House, kind: str) -> None:
    house.hears(hostile.mention("m1", hostile.TEXTS[kind]))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET state = 'exempted' WHERE state = 'waiting'")
        tx.run("INSERT INTO exemptions (mention_id, reason, rule, at, sampled) VALUES (1, 'spam', 1, 1, 1)")
    text = signed_in(house, "lead").get("/audit").text
    assert 'name="verdict"' in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert ' onfocus="' not in text
    assert "\u202e" not in text
    assert "javascript:" not in text
