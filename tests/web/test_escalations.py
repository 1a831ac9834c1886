"""What rings, as people see it, and how they stop the ringing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.models import Author
from bot.store import escalations, events, ms
from tests.support.hostile import HOSTILE, harmless
from tests.support.house import ANGRY, START, House, comment
from tests.support.signed_in import signed_in


def ring(house: House, key: str, reason: str, subject: str = "") -> None:
    """Something that is no mention rings."""
    with house.app.watch.store.tx() as tx:
        now = ms(house.clock())
        events.append(tx, now, escalations.open_one(tx, key, reason, subject, now))


def test_an_angry_complaint_rings_with_who_what_why_and_since_when(house: House) -> None:
    house.hears(comment("a", ANGRY, posted_at=START - timedelta(minutes=30)))
    house.clock.forward(minutes=10)
    page = signed_in(house).get("/escalations").text
    for said in (
        "Claire",
        "C&#39;est une honte",
        "an angry complaint",
        "for 10 min",
        "has not rung yet",
        "1 h 20 min left",
    ):
        assert said in page, said


def test_how_often_it_rang_and_whom_it_called_last_is_told(house: House) -> None:
    house.hears(comment("a", ANGRY))
    house.sweep()
    page = signed_in(house).get("/escalations").text
    assert "rang once" in page
    assert "called last: warned" in page
    assert len(house.paper.told) == 1


def test_that_it_reached_nobody_is_told_with_the_reason(house: House) -> None:
    house.paper.notify_raises = RuntimeError("boom")
    house.hears(comment("a", ANGRY))
    house.sweep()
    page = signed_in(house).get("/escalations").text
    assert "It reached nobody:" in page
    assert "unexpected RuntimeError" in page
    assert "boom" not in page


def test_whoever_acknowledges_is_named_and_it_is_in_hand(house: House) -> None:
    house.hears(comment("a", ANGRY))
    visitor = signed_in(house, name="Léa")
    key = f"mention:{house.mention('a')['id']}"
    page = visitor.follow(visitor.post("/escalations/acknowledge", key=key)).text
    assert "Acknowledged: it is silent until its next step." in page
    assert "Léa has it in hand since" in page
    assert 'id="calm"' in page
    assert "Nothing rings." in page
    assert "acknowledged" in house.events("a")


def test_a_second_click_says_that_somebody_was_first(house: House) -> None:
    house.hears(comment("a", ANGRY))
    key = f"mention:{house.mention('a')['id']}"
    first, second = signed_in(house, name="Léa"), signed_in(house, name="Sacha")
    first.post("/escalations/acknowledge", key=key)
    page = second.follow(second.post("/escalations/acknowledge", key=key)).text
    assert "somebody was first" in page
    assert house.row("SELECT acknowledged_by FROM escalations")["acknowledged_by"] == "Léa"


def test_a_viewer_sees_and_acknowledges_nothing(house: House) -> None:
    house.hears(comment("a", ANGRY))
    viewer = signed_in(house, "viewer", "Vera")
    assert "<button>Acknowledge" not in viewer.get("/escalations").text
    key = f"mention:{house.mention('a')['id']}"
    assert viewer.post("/escalations/acknowledge", key=key).status_code == 403
    assert house.row("SELECT acknowledged_at FROM escalations")["acknowledged_at"] is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("source:blog", "Source"), ("account:x", "Account"), ("responder:paper", "Way out"),
        ("webhook:crm", "Webhook"),
        ("crisis", "Crisis"), ("recheck:blog", "Deletions at the source"), ("something:new", "something:new"),
    ],
)  # fmt: skip
def test_what_is_no_mention_rings_here_too_and_can_be_acknowledged(house: House, key: str, said: str) -> None:
    ring(house, key, "it does not answer")
    visitor = signed_in(house)
    page = visitor.get("/escalations").text
    assert said in page
    assert "it does not answer" in page
    visitor.post("/escalations/acknowledge", key=key)
    assert "has it in hand" in visitor.get("/escalations").text


def test_the_longest_first_and_every_one_on_one_page_only(house: House) -> None:
    for n in range(120):
        ring(house, f"webhook:w{n}", "no")
        house.clock.forward(seconds=n % 3)
    visitor, path, met = signed_in(house), "/escalations", list[str]()
    while path:
        page = visitor.get(path).text
        met += re.findall(r"<bdi>(w\d+)</bdi>", page)
        after = re.search(r'href="([^"]+)" rel="next"', page)
        path = after[1] if after else ""
    assert met == [f"w{n}" for n in range(120)]


@pytest.mark.parametrize("after", ["x", "1", "1-x", "--", "9" * 30 + "-1"])
def test_a_place_that_makes_no_sense_is_the_beginning(house: House, after: str) -> None:
    ring(house, "crisis", "many complaints")
    assert "many complaints" in signed_in(house).get(f"/escalations?after={after}").text


def test_what_is_over_is_gone(house: House) -> None:
    house.hears(comment("a", ANGRY))
    house.desk.exempt(house.mention("a")["id"], "abuse", house.mention("a")["version"], "Léa")
    assert "Nothing rings." in signed_in(house).get("/escalations").text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_text(house: House, text: str) -> None:
    house.hears(comment("a", text or "x", author=Author(text[:100], text, text), network=f"n{text[:40]}"))
    number = house.row("SELECT id FROM mentions")["id"]
    with house.app.watch.store.tx() as tx:
        events.append(
            tx, ms(START), escalations.open_one(tx, f"mention:{number}", "by hand", "", ms(START), number)
        )
        tx.run("UPDATE escalations SET error = ?, reason = ?", (text.replace("\ud83d", ""),) * 2)
    page = signed_in(house).get("/escalations")
    assert page.status_code == 200
    harmless(page.text)


def test_it_is_french_for_whom_reads_french(house: House) -> None:
    house.hears(comment("a", ANGRY))
    house.sweep()
    page = signed_in(house, lang="fr").get("/escalations").text
    for said in ("plainte en colère", "a sonné une fois", "Prendre en compte", "Alertes"):
        assert said in page, said
