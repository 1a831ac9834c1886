"""Whoever says stop is heard at once and for good; and no machine speaks twice in a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import NotPossible, Retry
from bot.models import Author
from bot.steps.deliver import deliver_one
from bot.stop import ASKED, DEFAULT_WORDS, is_stop
from tests.journeys.test_delivery import AUTO
from tests.support.house import ANGRY, QUESTION, THANKS, House, build_house, comment


@pytest.mark.parametrize(
    "text",
    [
        "stop", "STOP", "Stop!!!", "@banqueazur stop", "@banqueazur @BanqueAzur_Aide : STOP.", "stop 🛑",
        "Stop! Stop! Stop!",
        "arrête", "Arretez", "ARRÊTEZ !", "Unsubscribe", "désabonner", "DESABONNER", "ne me contactez plus",
        "Ne m’écrivez plus.", "leave me alone", "Don’t contact me", "ｓｔｏｐ", "arre\u0302te",
        "@banqueazur@mastodon.example stop", "stop @banqueazur",
    ],
)  # fmt: skip
def test_this_is_a_stop(text: str) -> None:
    assert is_stop(text, DEFAULT_WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "", "@banqueazur", "!!!", "stop aux frais cachés", "Arrêtez de me facturer deux fois !", "non stop",
        "Comment puis-je me désabonner de votre lettre ?", "I can't stop smiling", "start", "stopper",
        "The bus stop", "s t o p",
    ],
)  # fmt: skip
def test_this_is_none_and_is_for_a_human(text: str) -> None:
    assert not is_stop(text, DEFAULT_WORDS)


def test_the_words_are_those_of_the_config(tmp_path: Path) -> None:
    assert is_stop("Basta!", ("basta",))
    house = build_house(tmp_path, extra="stop_words: [basta]")
    house.hears(comment("1", "Basta !"), comment("2", "stop", by="bob"))
    assert [row["author_id"] for row in house.rows("SELECT * FROM stops")] == ["claire"]


# --- At once -------------------------------------------------------------------------------------


def test_it_goes_before_a_human_who_may_exempt_it_and_nothing_is_drafted(house: House) -> None:
    house.hears(comment("1", "@banqueazur STOP"))
    assert (house.mention("1")["state"], house.replies("1")) == ("escalated", [])
    house.sweep()
    assert [call.reason for call in house.paper.told] == [ASKED]
    assert house.events("1").count("asked_to_stop") == 1
    house.desk.exempt(1, "asked_to_stop", house.mention("1")["version"], "Léa")
    assert house.audit()["exemptions"] == {"asked_to_stop": 1}
    assert house.audit()["balanced"]


def test_every_reply_that_waits_for_this_person_is_withdrawn_wherever_they_wrote(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY), comment("3", QUESTION, by="bob"))
    ready = house.approve("1")
    house.approve("3")
    house.wire.says(comment("4", "stop"))
    house.listen()  # before triage had its turn
    assert {r["state"] for n in "12" for r in house.replies(n)} == {"discarded"}
    assert {r["reason"] for n in "12" for r in house.replies(n)} == {ASKED}
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("escalated", "escalated")
    house.triage()
    house.deliver()
    deliver_one(house.app.watch, ready)
    assert [r.mention.remote_id for r in house.paper.published] == ["3"]
    house.sweep()
    assert ("mention:1", ASKED) in [(call.key, call.reason) for call in house.paper.told]
    assert house.audit()["balanced"]


def test_who_edits_what_people_look_at_already_into_a_stop_is_heard_as_well(house: House) -> None:
    house.hears(comment("1", ANGRY))
    assert house.mention("1")["state"] == "escalated"
    house.hears(comment("1", "stop"))
    assert house.replies("1", "draft") == []
    assert house.mention("1")["stopped_at"] is not None


def test_a_stop_of_which_only_the_text_says_that_it_speaks_to_us_is_heard(house: House) -> None:
    house.hears(comment("1", "@banqueazur stop", addressed=False))
    assert (house.mention("1")["state"], house.mention("1")["addressed"]) == ("escalated", 1)
    assert house.mention("1")["stopped_at"] is not None
    assert house.replies("1") == []


def test_what_people_tell_each_other_is_no_stop_for_us(house: House) -> None:
    house.hears(comment("1", "stop", addressed=False))
    assert house.rows("SELECT 1 FROM stops") == []


# --- For good ------------------------------------------------------------------------------------


def test_later_addresses_of_this_person_get_no_draft_but_a_human_with_the_reason(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", "stop"))
    house.clock.forward(days=20)
    now = house.clock()
    house.hears(comment("2", THANKS, posted_at=now), comment("3", THANKS, by="bob", posted_at=now))
    house.deliver()
    assert [r.mention.remote_id for r in house.paper.published] == ["3"]
    assert (house.mention("2")["state"], house.replies("2")) == ("escalated", [])
    house.sweep()
    assert ("mention:2", ASKED) in [(call.key, call.reason) for call in house.paper.told]


def test_the_desk_lets_nothing_out_to_them(house: House) -> None:
    house.hears(comment("1", "stop"))
    house.desk.edit(1, None, "Pardon !", house.mention("1")["version"], "Léa")
    with pytest.raises(NotPossible, match=f"{ASKED}: nothing may go out to them on blog any more"):
        house.approve("1")
    house.deliver()
    assert house.paper.published == []


def test_what_was_on_its_way_when_they_said_stop_and_did_not_arrive_does_not_go_out_again(
    house: House,
) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.during = lambda: house.hears(comment("2", "stop", conversation="elsewhere"))
    house.paper.next_ = [Retry("503")]
    house.deliver()
    assert house.mention("1")["state"] == "answering"
    house.paper.during = lambda: None
    house.clock.forward(minutes=1)
    house.deliver()
    assert house.paper.published == []
    (draft,) = house.replies("1", "draft")
    assert draft["reason"] == ASKED
    assert house.mention("1")["state"] == "waiting"
    assert house.audit()["balanced"]


def test_on_another_network_the_same_name_is_another_person(house: House) -> None:
    house.hears(comment("1", "stop"), comment("2", QUESTION, network="forum"))
    assert house.mention("2")["stopped_at"] is None
    assert house.replies("2", "draft")


def test_people_without_a_name_stop_nobody_else(house: House) -> None:
    house.hears(comment("1", "stop", author=Author()), comment("2", QUESTION, author=Author()))
    assert (house.replies("1"), bool(house.replies("2", "draft"))) == ([], True)


def test_it_holds_after_a_restart_and_after_they_deleted_it(house: House, tmp_path: Path) -> None:
    house.hears(comment("1", "stop"))
    house.hears(deleted=["1"])
    again = build_house(tmp_path, clock=house.clock)
    again.hears(comment("2", QUESTION))
    assert again.mention("2")["stopped_at"] is not None
    assert again.replies("2") == []


def test_saying_it_twice_changes_nothing(house: House) -> None:
    house.hears(comment("1", "stop"))
    first = tuple(house.row("SELECT * FROM stops"))
    house.clock.forward(hours=1)
    house.hears(comment("1", "stop"), comment("2", "stop !"))
    assert tuple(house.row("SELECT * FROM stops")) == first


# --- One automatic reply -------------------------------------------------------------------------


def test_in_a_conversation_one_reply_goes_out_by_itself_and_the_next_before_a_human(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", THANKS))
    house.deliver()
    house.hears(comment("2", THANKS, in_reply_to="1"), comment("3", THANKS, by="bob"))
    house.deliver()
    assert [r.mention.remote_id for r in house.paper.published] == ["1", "3"]
    assert (house.mention("2")["state"], len(house.replies("2", "draft")) > 0) == ("waiting", True)
    house.approve("2")
    house.deliver()
    house.hears(comment("4", THANKS, in_reply_to="2"))
    assert house.mention("4")["state"] == "waiting"  # nor after a human spoke in between


def test_of_two_in_the_same_batch_one_goes_out_by_itself(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", THANKS), comment("2", THANKS, in_reply_to="1"))
    assert sorted(house.mention(n)["state"] for n in "12") == ["answering", "waiting"]


def test_one_that_may_have_gone_out_counts_and_one_that_surely_did_not_does_not(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", THANKS))
    house.hears(comment("2", THANKS, in_reply_to="1"))  # the first one is on its way
    assert house.mention("2")["state"] == "waiting"
    house.deliver()  # and is put back, since the person wrote again
    assert house.mention("1")["state"] == "waiting"
    house.hears(comment("3", THANKS, in_reply_to="2"))
    assert house.mention("3")["state"] == "answering"
