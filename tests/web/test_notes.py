"""Notes: what colleagues tell each other beside a conversation, and nobody else ever reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import Conflict, NotPossible
from tests.support.house import QUESTION, House, build_house, comment
from tests.support.signed_in import signed_in
from tests.web.test_conversation import text, version


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(tmp_path, extra="rules: []")
    built.hears(comment("1", QUESTION), comment("2", "Allô ?", in_reply_to="1"))
    yield built
    built.app.watch.store.close()


def test_a_note_is_seen_by_all_with_its_author_and_time_wherever_the_conversation_is(house: House) -> None:
    signed_in(house).post("/mentions/1/note", words="Rappelée à midi.\r\nTrès gentille.")
    for number in (1, 2):
        page = signed_in(house, "viewer", "Ada").get(f"/mentions/{number}")
        assert "Léa · 10/03/2026, 09:00 Rappelée à midi. Très gentille." in text(page)


def test_a_note_is_never_sent_and_never_in_the_log(house: House) -> None:
    signed_in(house).post("/mentions/1/note", words="Cliente difficile")
    house.approve("1")
    house.deliver()
    assert "difficile" not in "".join(reply.text for reply in house.paper.published)
    assert "difficile" not in "".join(row["data"] for row in house.rows("SELECT data FROM events"))
    assert "noted" in house.events("1")
    assert house.audit()["balanced"]


def test_a_note_that_comes_after_its_session_is_put_into_no_answer(house: House) -> None:
    lea = signed_in(house)
    with house.app.watch.store.tx() as tx:
        tx.run("DELETE FROM sessions")
    late = lea.post("/mentions/1/note", words="Cliente difficile")
    assert late.status_code == 403
    assert "difficile" in late.text, "they can copy it once they are signed in"
    assert house.rows("SELECT * FROM typing") == []
    assert house.rows("SELECT * FROM notes") == []


def test_only_its_author_changes_a_note(house: House) -> None:
    lea, malik = signed_in(house), signed_in(house, "admin", "Malik")
    lea.post("/mentions/1/note", words="Rapelée.")
    refused = malik.post("/mentions/1/note", note=1, words="Autre chose.")
    assert "only they may change it" in text(malik.follow(refused))
    assert 'name="note"' not in malik.get("/mentions/1").text
    lea.post("/mentions/1/note", note=1, words="Rappelée.")
    page = text(lea.get("/mentions/1"))
    assert "Rappelée." in page
    assert "changed 10/03/2026" in page
    with pytest.raises(NotPossible, match="somebody else's"):
        house.desk.note(2, "Ailleurs.", "Léa", note_id=1)


def test_a_note_is_news_to_whoever_is_about_to_answer(house: House) -> None:
    seen, draft = version(house), house.replies("1", "draft")[0]["id"]
    house.desk.note(1, "Ne répondez pas, je l’ai au téléphone.", "Malik")
    with pytest.raises(Conflict, match=r"^Malik left a note at \d\d:\d\d:\d\d; look again before you act$"):
        house.desk.approve(draft, seen, "Léa")


@pytest.mark.parametrize("wrong", ["", " \n", "x" * 10_001, "a\0b"])
def test_a_note_that_says_nothing_or_too_much_is_refused(house: House, wrong: str) -> None:
    with pytest.raises(NotPossible, match="note"):
        house.desk.note(1, wrong, "Léa")
    assert house.rows("SELECT * FROM notes") == []


def test_a_note_goes_with_what_its_author_deletes_but_that_there_was_one_stays(house: House) -> None:
    house.desk.note(1, "Claire Martin, 06 12 34 56 78", "Léa")
    house.hears(deleted=["1"])
    assert [row["text"] for row in house.rows("SELECT * FROM notes")] == [""]
    assert "Gone with the message" in text(signed_in(house).get("/mentions/2"))
    with pytest.raises(NotPossible, match="deleted by its author"):
        house.desk.note(1, "Encore là ?", "Léa")
    assert house.audit()["balanced"]
