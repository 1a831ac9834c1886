"""The page on which somebody is answered: what it shows, and what its forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.models import Author, Limits, Process, Refusal
from bot.roles import Role
from responders.x import XResponder
from tests.journeys.test_spend import dear_settings
from tests.support.house import ANGRY, QUESTION, START, THANKS, House, build_house, comment
from tests.support.signed_in import Visitor, signed_in

if TYPE_CHECKING:
    from httpx import Response

CLAIRE = Author("claire", "@claire", "Claire Martin", 1200)
HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>",
    "template": "{{ 7 * 7 }}{% include 'base.html' %}${7*7}#{7*7}%(name)s",
    "direction": "abc \u202egnp.exe\u202c \u2066x\u2069",
    "zalgo": "Z" + "\u0351\u0352\u0489" * 200 + "algo",
    "controls": "a\x07b\x1b[31mc",
    "long": "wort " * 20_000,
    "sql": "'; DROP TABLE mentions; --",
    "link": "javascript:alert(1)",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Without rules, so that nothing here hangs on how a text is tagged."""
    built = build_house(tmp_path, extra="rules: []\nexemptions: [no_answer_needed, spam, answered_elsewhere]")
    yield built
    built.app.watch.store.close()


def version(house: House, remote_id: str = "1") -> int:
    return int(house.mention(remote_id)["version"])


def text(answer: Response) -> str:
    """What a page says, without its marks."""
    bare = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"[ \t\n]+", " ", unescape(bare))


def answer(visitor: Visitor, house: House, do: str = "approve", **fields: object) -> Response:
    """A button below the first draft, pressed on the page as it stands now."""
    draft = house.replies("1", "draft")[0]
    known = {"reply": draft["id"], "seen": version(house), "do": do}
    return visitor.post("/mentions/1/answer", **(known | fields))


# --- What is shown --------------------------------------------------------------------------------


def test_the_page_shows_the_person_the_words_the_drafts_and_what_they_would_cost_in_length(
    house: House,
) -> None:
    house.hears(comment("1", QUESTION, author=CLAIRE))
    shown = signed_in(house).get("/mentions/1")
    assert shown.status_code == 200
    said, draft = text(shown), house.replies("1", "draft")[0]["text"]
    for wanted in ("Claire Martin", "@claire", "1,200 followers", QUESTION, draft, "left"):
        assert wanted in said
    assert f"{len(draft)} of 500 characters" in said
    assert "Approve and send" in said


def test_it_is_french_for_whoever_reads_french(house: House) -> None:
    house.hears(comment("1", QUESTION, author=CLAIRE))
    said = text(signed_in(house).get("/mentions/1", accept_language="fr"))
    assert "Approuver et envoyer" in said
    assert "1\u202f200 abonnés" in said
    for english in ("Approve", "Draft ", "Edit", "The person", "Notes for", "Take it"):
        assert english not in said


def test_a_mention_that_is_not_there_is_told_of_in_words(house: House) -> None:
    shown = signed_in(house).get("/mentions/99", accept_language="fr")
    assert shown.status_code == 404
    assert "Il n’y a pas de mention n°\u202f99" in text(shown)
    assert signed_in(house).get(f"/mentions/{10**30}").status_code == 404


def test_the_thread_is_shown_as_it_went_with_edits_and_deletions_marked(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", "Vous êtes là ?", in_reply_to="1"))
    house.hears(comment("1", "Et le dimanche ?"))
    later = [START + timedelta(minutes=n) for n in range(3)]
    house.clock.forward(minutes=3)
    house.hears(comment("9", "Nous regardons.", own=True, in_reply_to="1", posted_at=later[1]))
    house.hears(comment("3", "Merci.", in_reply_to="1", posted_at=later[2]), deleted=["2"])
    said = text(signed_in(house).get("/mentions/1"))
    assert "edited" in said
    assert "Its author took it down" in said
    assert "Vous êtes là" not in said
    assert "answered on the network itself" in said
    assert said.index("Et le dimanche ?") < said.index("Nous regardons.") < said.rindex("Merci.")


def test_what_of_ours_they_spoke_to_first_stands_before_it(house: House) -> None:
    house.hears(comment("post", "Notre application a fait peau neuve.", own=True))
    house.hears(comment("1", QUESTION, in_reply_to="post"))
    said = text(signed_in(house).get("/mentions/1"))
    assert said.index("Notre application a fait peau neuve.") < said.index(QUESTION)


def test_the_tags_say_why_and_only_when_they_are_asked(house: House) -> None:
    house.hears(comment("1", ANGRY))
    lea = signed_in(house)
    assert "weighed most" not in text(lea.get("/mentions/1"))
    said = text(lea.get("/mentions/1?why=1"))
    assert "weighed most" in said
    assert "honte" in said.partition("Why")[2]


def test_personal_data_in_a_text_is_pointed_out_by_its_kind(house: House) -> None:
    house.hears(comment("1", f"{QUESTION} Appelez-moi au 06 12 34 56 78."))
    assert "phone number do not repeat it in public" in text(signed_in(house).get("/mentions/1"))


def test_what_happened_is_told_in_words_with_who_did_it(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.assign(1, "Zoé", version(house), "Malik")
    house.desk.exempt(1, "spam", version(house), "Malik")
    said = text(signed_in(house, "viewer").get("/mentions/1", accept_language="fr"))
    assert "Attribuée à Zoé · Malik" in said
    assert "Close sans réponse\u202f: indésirable" in said or "Close sans réponse\u202f: spam" in said


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_a_network_says_is_shown_as_text(house: House, kind: str) -> None:
    evil = HOSTILE[kind]
    author = Author("evil", evil[:300], evil[:300], 1)
    house.hears(
        comment("1", evil, author=author, url="javascript:alert(1)"),
        comment("2", evil, author=author, network="other", url=evil[:500]),
        comment("3", evil, by="x", in_reply_to="1", url='https://x.example/"onclick="alert(1)'),
        comment("4", evil, author=author),
    )
    house.hears(comment("9", evil, own=True, in_reply_to="1", url="data:text/html,x"))
    lea = signed_in(house)
    lea.post("/mentions/3/note", words=evil[:10_000])
    for number in (1, 2, 3, 4):
        got = lea.get(f"/mentions/{number}?why=1")
        assert got.status_code == 200
        page = got.text
        assert not re.search(r"<script(?! src=\"/static/)|<img(?! src=\"/static/)|<[^>]*\son\w+=", page)
        assert not re.search(r"(?:href|src|action)=\"(?!/|https?://|#)", page)
        # What is in an editor is what is stored, and goes back there.
        shown = re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL)
        assert "\u202e" not in shown
        assert "\x1b" not in shown
        assert "49" not in re.findall(r"dir=\"auto\">([^<]*)", page)


def test_a_link_of_the_network_leads_there_and_takes_nothing_along(house: House) -> None:
    house.hears(comment("1", QUESTION))
    page = signed_in(house).get("/mentions/1").text
    assert '<a href="https://blog.example/1" rel="noopener noreferrer nofollow">' in page


# --- Answering ------------------------------------------------------------------------------------


def test_a_draft_is_approved_as_it_stands_and_the_next_one_is_shown(house: House) -> None:
    house.hears(comment("1", QUESTION, author=CLAIRE), comment("2", QUESTION, by="bob"))
    lea, draft = signed_in(house), house.replies("1", "draft")[0]
    done = answer(lea, house)
    assert done.headers["location"] == "/mentions/2?done=1"
    assert house.mention("1")["state"] == "answering"
    assert ("deliver", "paper") in house.woken
    house.deliver()
    assert [reply.text for reply in house.paper.published] == [draft["text"]]
    shown = lea.follow(done)
    assert "The answer to Claire Martin is approved" in text(shown)
    assert 'href="/mentions/1"' in shown.text


def test_whoever_answers_the_last_one_stays_and_is_told(house: House) -> None:
    house.hears(comment("1", QUESTION))
    lea = signed_in(house)
    done = answer(lea, house)
    assert done.headers["location"] == "/mentions/1"
    assert "Nobody else waits" in text(lea.follow(done))


def test_an_edited_draft_is_sent_exactly_as_it_was_written(house: House) -> None:
    house.hears(comment("1", QUESTION))
    written = "Bonjour,\n\nle samedi de 9 h à 12 h. {{ ici }} <b>&amp;\n"
    answer(signed_in(house), house, text=written.replace("\n", "\r\n"))
    house.deliver()
    assert [reply.text for reply in house.paper.published] == [written]
    assert house.events("1").count("draft_edited") == 1


def test_a_new_answer_is_written_and_sent_in_one_go(house: House) -> None:
    house.hears(comment("1", QUESTION))
    answer(signed_in(house), house, reply="", text="À 9 h.")
    house.deliver()
    assert [reply.text for reply in house.paper.published] == ["À 9 h."]


def test_a_saved_draft_waits_and_one_put_aside_is_gone(house: House) -> None:
    house.hears(comment("1", QUESTION))
    lea, number = signed_in(house), house.replies("1", "draft")[0]["id"]
    shown = lea.follow(answer(lea, house, "save", text="À 9 h."))
    assert "Saved. It is not sent yet." in text(shown)
    assert house.row("SELECT text FROM replies WHERE id = ?", number)["text"] == "À 9 h."
    answer(lea, house, "reject", reply=number)
    assert house.row("SELECT state FROM replies WHERE id = ?", number)["state"] == "discarded"
    assert house.mention("1")["state"] == "waiting"


def test_a_text_too_long_is_refused_in_the_users_language_and_kept(house: House) -> None:
    house.paper.limits = Limits(10)
    house.hears(comment("1", QUESTION))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE replies SET responder = 'paper'")
    lea = signed_in(house, lang="fr")
    refused = lea.follow(answer(lea, house, text=" \n "))
    assert "Le texte est vide." in text(refused)
    counted = lea.post("/mentions/1/count", reply="", text="Bonjour à tous").json()
    assert counted["over"] is True
    assert "14 sur 10 caractères\u202f: 4 de trop" in counted["count"]


def test_the_count_is_the_networks_own(house: House) -> None:
    house.paper.limits = Limits(280, lambda text: 2 * len(text), "characters as X counts them")
    house.hears(comment("1", QUESTION))
    lea = signed_in(house)
    assert "4 of 280 characters as X counts them" in lea.post("/mentions/1/count", text="ab").json()["count"]
    draft = house.replies("1", "draft")[0]
    assert f"{2 * len(draft['text'])} of 280" in text(lea.get("/mentions/1"))


def test_x_counts_by_weight_where_x_is_answered(house: House) -> None:
    house.paper.limits = XResponder.limits
    house.hears(comment("1", QUESTION))
    wild = "漢字 https://banque.example/" + "a" * 100
    counted = signed_in(house).post("/mentions/1/count", text=wild).json()
    assert "28 of 280 characters as X counts them" in counted["count"]


def test_what_a_reply_costs_is_said_with_its_warning_as_text(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.edit(1, None, "Voyez https://banque.example/heures", version(house), "Malik")
    house.app = replace(house.app, watch=replace(house.app.watch, settings=dear_settings(house)))
    lea = signed_in(house, lang="fr")
    shown = lea.get("/mentions/1")
    assert "coûte 0,015 $ US" in text(shown)
    assert "coûte 0,2 $ US the link makes it dear" in text(shown)
    assert "\x1b" not in shown.text
    priced = lea.post("/mentions/1/count", text="https://x.example").json()
    assert "coûte 0,2 $ US" in priced["price"]


@pytest.mark.parametrize("do", ["approve", "save", "reject"])
def test_a_button_that_is_no_longer_right_says_who_was_first_and_when(house: House, do: str) -> None:
    house.hears(comment("1", QUESTION))
    lea, seen, number = signed_in(house), version(house), house.replies("1", "draft")[0]["id"]
    house.desk.assign(1, "Zoé", seen, "Malik")
    told = text(lea.follow(lea.post("/mentions/1/answer", do=do, reply=number, seen=seen, text="À 9 h.")))
    assert "Malik assigned it at 10/03/2026" in told
    assert house.mention("1")["state"] == "waiting"
    assert house.row("SELECT state FROM replies WHERE id = ?", number)["state"] == "draft"


def test_a_reply_of_another_conversation_is_none_here(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    other, lea = house.replies("2", "draft")[0]["id"], signed_in(house)
    for do in ("approve", "save", "reject"):
        refused = lea.post("/mentions/1/answer", do=do, reply=other, seen=version(house, "2"), text="x")
        assert refused.status_code == 409
    assert house.row("SELECT state FROM replies WHERE id = ?", other)["state"] == "draft"


# --- The other verbs ------------------------------------------------------------------------------


def test_every_form_does_its_verb_and_the_books_balance(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"), comment("3", THANKS, by="zoé"))
    lea = signed_in(house, "lead")

    def does(verb: str, number: int = 1, **fields: object) -> None:
        seen = version(house, str(number))
        done = lea.post(f"/mentions/{number}/{verb}", seen=seen, **fields)
        shown = lea.follow(done)
        assert 'class="flash good"' in shown.text, (verb, text(shown))

    does("assign", to="Malik")
    does("escalate", reason="elle est à la caisse")
    assert ("sweep", "") in house.woken
    does("acknowledge")
    does("handover", process="sales")
    does("outcome", what="resolved")
    does("correct", sentiment="negative")
    does("correct", intent="complaint")
    does("correct", urgency="high")
    does("note", words="Rappelée à midi.")
    does("exempt", reason="spam")
    does("reopen")
    assert house.mention("1")["process"] == Process.SALES
    assert house.mention("1")["outcome"] == "resolved"
    assert '"intents":["complaint"]' in "".join(r["labels"] for r in house.rows("SELECT * FROM corrections"))
    does("link", other=2)
    does("unlink", other=2)
    books = house.audit()
    assert (books["balanced"], books["chain"]["ok"]) == (True, True)
    log = "".join(row["data"] for row in house.rows("SELECT data FROM events"))
    assert "Rappelée" not in log


def test_a_doubt_is_settled_by_whoever_looked(house: House) -> None:
    from bot.errors import Unsure

    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Unsure("the line broke")]
    house.paper.find_raises = Unsure("cannot be read back")
    house.deliver()
    house.clock.forward(minutes=30)
    house.sweep()
    lea = signed_in(house)
    shown = lea.get("/mentions/1")
    assert "Is this reply posted?" in text(shown)
    reply = house.replies("1", "unsure")[0]["id"]
    said = lea.post("/mentions/1/resolve", seen=version(house), reply=reply, verdict="sent", url="no link")
    assert "give the link" in text(lea.follow(said)).lower()
    link = "https://blog.example/1#there"
    lea.post("/mentions/1/resolve", seen=version(house), reply=reply, verdict="sent", url=link)
    assert house.mention("1")["state"] == "answered"
    assert house.audit()["balanced"]


def test_where_nothing_carries_answers_the_link_of_ones_own_counts(tmp_path: Path) -> None:
    config = """
    brand: {name: Banque Azur, languages: [fr]}
    listeners: {blog: {type: replay, path: none.jsonl}}
    """
    house = build_house(tmp_path, config)
    house.hears(comment("1", QUESTION))
    lea = signed_in(house)
    shown = lea.get("/mentions/1")
    assert "I answered: note it" in text(shown)
    assert "data-approve" not in shown.text
    link = "https://avis.example/1"
    assert "Noted as answered" in text(
        lea.follow(lea.post("/mentions/1/confirm", seen=version(house), url=link))
    )
    assert house.mention("1")["state"] == "answered"


def test_a_proposed_reason_stands_first(house: House) -> None:
    house.hears(comment("1", "Merci !", addressed=True))
    said = text(signed_in(house).get("/mentions/1"))
    assert "Proposed, as it seems to need none: Close: no answer needed" in said


def test_only_what_fits_is_offered(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.exempt(1, "spam", version(house), "Malik")
    page = signed_in(house, "lead").get("/mentions/1").text
    assert "/mentions/1/reopen" in page
    for verb in ("assign", "exempt", "escalate", "handover", "answer", "acknowledge"):
        assert f"/mentions/1/{verb}" not in page
    assert "/mentions/1/reopen" not in signed_in(house, "agent", "Ada").get("/mentions/1").text


def test_a_viewer_sees_all_of_it_and_is_offered_nothing(house: House) -> None:
    house.hears(comment("1", QUESTION))
    viewer = signed_in(house, Role.VIEWER)
    page = viewer.get("/mentions/1")
    assert house.replies("1", "draft")[0]["text"] in text(page)
    assert 'action="/mentions/' not in page.text
    for verb in ("answer", "assign", "exempt", "typing", "count", "note", "link"):
        assert viewer.post(f"/mentions/1/{verb}").status_code == 403


def test_whoever_asked_us_to_stop_is_pointed_out(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", "STOP", in_reply_to="1"))
    assert "asked us to stop" in text(signed_in(house).get("/mentions/1"))


def test_a_network_that_takes_no_answer_leaves_an_editor_and_no_draft(house: House) -> None:
    house.paper.refusal = Refusal("comments are closed")
    house.hears(comment("1", QUESTION))
    assert signed_in(house).get("/mentions/1").status_code == 200


# --- The queue beside it --------------------------------------------------------------------------


def test_the_ones_beside_it_in_the_queue_are_a_link_away(house: House) -> None:
    house.hears(*[comment(str(n), QUESTION, by=f"p{n}") for n in (1, 2, 3)])
    lea = signed_in(house)
    page = lea.get("/mentions/2").text
    assert re.search(r'href="/mentions/1" rel="prev"', page)
    assert re.search(r'href="/mentions/3" rel="next"', page)
    assert 'rel="prev"' not in lea.get("/mentions/1").text
    assert 'rel="next"' not in lea.get("/mentions/3").text


def test_what_is_owed_nothing_comes_after_all_addresses(house: House) -> None:
    house.hears(comment("1", QUESTION, addressed=False), comment("2", QUESTION, by="b"))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET state = 'waiting' WHERE remote_id = '1'")
    lea = signed_in(house)
    assert re.search(r'href="/mentions/1" rel="next"', lea.get("/mentions/2").text)
    assert re.search(r'href="/mentions/2" rel="prev"', lea.get("/mentions/1").text)


# --- Who else is here -----------------------------------------------------------------------------


def test_who_looks_at_the_same_one_is_seen_for_a_minute(house: House) -> None:
    house.hears(comment("1", QUESTION))
    lea, malik = signed_in(house), signed_in(house, name="Malik")
    malik.get("/mentions/1")
    assert "Malik is looking at this too" in text(lea.get("/mentions/1"))
    malik.post("/mentions/1/typing", reply="", seen=version(house), text="Bonjour")
    assert lea.get("/mentions/1/here").json()["here"] == [
        {"text": "Malik is writing an answer", "writes": True}
    ]
    house.clock.forward(seconds=61)
    assert lea.get("/mentions/1/here").json()["here"] == []


def test_the_script_learns_what_happened_since(house: House) -> None:
    house.hears(comment("1", QUESTION))
    lea = signed_in(house, lang="fr")
    house.desk.assign(1, "Zoé", version(house), "Malik")
    told = lea.get("/mentions/1/here").json()
    assert told["version"] == version(house)
    assert told["news"].startswith("Malik a changé l’attribution (10/03/2026")


def test_who_cannot_be_written_down_can_read_all_the_same(house: House) -> None:
    """A full disk, or a writer that does not end: neither the session nor who is here can be noted."""
    house.hears(comment("unwritable", THANKS))
    lea, number = signed_in(house), house.mention("unwritable")["id"]
    house.clock.forward(minutes=2)
    house.app.watch.store._timeout = 0.05  # type: ignore[attr-defined]
    with house.app.watch.store.tx():
        assert THANKS in lea.get(f"/mentions/{number}").text
        assert THANKS in lea.get("/").text
