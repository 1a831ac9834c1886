"""Search: what people wrote, who they are, what the brand answered. Whatever is typed is words."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import sqlite_utils
from sqlite_utils.migrations import Migrations

import bot.store
from bot.models import Author
from bot.store import open_store
from bot.store.sqlite import DIALECT
from tests.support.hostile import HOSTILE
from tests.support.house import ANGRY, QUESTION, START, THANKS, House, comment
from tests.support.signed_in import Visitor, signed_in

MIGRATIONS: Final = Path(bot.store.__file__).parent / "migrations"


def found(house: House, text: str) -> list[str]:
    """The remote ids of what is found, as the page shows it."""
    visitor: Visitor = signed_in(house)
    page = visitor.client.get("/", params={"q": text}, follow_redirects=True)
    assert page.status_code == 200, page.text
    ids = re.findall(r'data-id="(\d+)"', page.text)
    return [house.row("SELECT remote_id FROM mentions WHERE id = ?", number)["remote_id"] for number in ids]


def _known(house: House) -> None:
    house.hears(
        comment("card", ANGRY, author=Author("1", "claire.b", "Claire Bonnet")),
        comment("hours", QUESTION, author=Author("2", "émile_p", "Émile Petit")),
        comment("thanks", THANKS, author=Author("3", "noa", "נועה")),
    )


@pytest.mark.parametrize(
    ("text", "these"),
    [
        ("carte", ["card"]), ("CARTE", ["card"]), ("carte bloquée", ["card"]), ("bloquee carte", ["card"]),
        ("samedi", ["hours"]), ("sam", ["hours"]), ("carte samedi", []), ("agence", ["hours"]),
        ("l'agence", ["hours"]), ("l’agence", ["hours"]), ("Bonnet", ["card"]), ("claire.b", ["card"]),
        ("@claire", ["card"]), ("emile", ["hours"]), ("Émi", ["hours"]), ("נועה", ["thanks"]),
        ("votre", ["thanks"]), ("votre !!! équipe ???", ["thanks"]), ("ornithorynque", []),
        ("arte", []), ("sam agence", []), ("agence sam", ["hours"]),
    ],
)  # fmt: skip
def test_words_are_found_without_accents_case_or_marks_the_last_by_its_beginning(
    house: House, text: str, these: list[str]
) -> None:
    _known(house)
    assert found(house, text) == these


def test_what_the_brand_answered_is_found_too_and_also_along_with_the_question(house: House) -> None:
    _known(house)
    draft = house.replies("card", "draft")[0]
    mention = house.mention("card")
    house.desk.edit(
        mention["id"],
        draft["id"],
        "Bonjour Claire, un chèque de zibeline vous attend.",
        mention["version"],
        "Léa",
    )
    house.approve("card")
    assert found(house, "zibeline") == []
    house.deliver()
    assert found(house, "zibeline") == ["card"]
    assert found(house, "honte zibeline") == ["card"]


def test_an_answer_given_natively_is_found_though_it_was_heard_before_the_question(house: House) -> None:
    early = comment("late", "Où est le guichet ?", posted_at=START - timedelta(hours=1))
    ours = comment("ours", "Le guichet est au vermillon.", "brand", own=True, in_reply_to="late")
    house.hears(ours)
    house.hears(early)
    assert found(house, "vermillon") == ["late"]


def test_the_newest_comes_first(house: House) -> None:
    house.hears(*(comment(f"c{n}", f"Bonjour, question {n}", f"p{n}") for n in range(3)))
    assert found(house, "bonjour") == ["c2", "c1", "c0"]


def test_a_search_is_narrowed_by_the_filters_and_finds_what_is_over(house: House) -> None:
    _known(house)
    house.approve("hours")
    house.deliver()
    assert found(house, "bonjour") == ["hours"]
    visitor = signed_in(house)
    assert 'data-id="' in visitor.get("/?q=agence&state=answered").text
    assert 'data-id="' not in visitor.get("/?q=agence&state=open").text
    assert 'data-id="' not in visitor.get("/?q=carte&sentiment=positive").text


def test_edited_words_are_found_and_the_words_before_no_longer(house: House) -> None:
    house.hears(comment("a", "Une histoire de parapluie"))
    house.hears(comment("a", "Une histoire de tabouret"))
    assert found(house, "tabouret") == ["a"]
    assert found(house, "parapluie") == []


def test_words_that_their_author_deleted_leave_the_index(house: House) -> None:
    house.hears(comment("a", "Une histoire de parapluie", author=Author("1", "xanthippe", "Xanthippe")))
    house.hears(deleted=["a"])
    assert found(house, "parapluie") == []
    assert found(house, "xanthippe") == []
    # Nor do they lie in the table behind the index.
    assert house.rows("SELECT * FROM words_content WHERE id = ?", house.mention("a")["id"]) == []


def test_what_is_shown_again_is_found_again(house: House) -> None:
    house.hears(comment("a", "Une histoire de parapluie"))
    house.hears(deleted=["a"])
    house.hears(comment("a", "Une histoire de parapluie"))
    assert found(house, "parapluie") == ["a"]


@pytest.mark.parametrize(
    "text",
    [*HOSTILE, *"\"'*^:-+(){}", "AND", "OR", "NOT", "NEAR(a b)", "said:carte", "a" * 5000, '"', '""', "a\0b"],
)
def test_no_text_is_a_query_of_the_engine(house: House, text: str) -> None:
    _known(house)
    assert set(found(house, text.replace("\ud83d", "")[:5000])) <= {"card", "hours", "thanks"}


@pytest.mark.parametrize("text", ["!!!", "🙂", "* * *"])
def test_what_has_no_letters_or_digits_finds_nothing_and_says_why(house: House, text: str) -> None:
    _known(house)
    page = signed_in(house).client.get("/", params={"q": text}, follow_redirects=True).text
    assert "write letters or digits" in page
    assert 'data-id="' not in page


def test_a_store_from_before_the_search_is_learned_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "vigie.db"
    before, database = Migrations("vigie"), sqlite_utils.Database(file)
    for migration in sorted(MIGRATIONS.glob("*.sql"))[:6]:
        text = migration.read_text("utf-8").format(**DIALECT)
        before(name=migration.stem)(_applying(text))
    before.apply(database)
    database.conn.executescript(
        "INSERT INTO conversations (id, network, thread, author_id) VALUES (1, 'blog', 't', 'a');"
        "INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,"
        " author_handle, author_name, text, lang, in_reply_to, said, posted_at, heard_at, addressed,"
        " analysis) VALUES (7, 'blog', 'r', 'blog', 1, 'comment', '', 'a', '', 'Claire',"
        """ 'Une histoire de parapluie', '', '', 1, 1, 1, 0, '{"intent":"praise"}');"""
        "INSERT INTO answers (network, remote_id, in_reply_to, thread, text, url, posted_at)"
        " VALUES ('blog', 'o', 'r', 't', 'Prenez le tabouret', '', 2);"
    )
    database.conn.close()
    store = open_store(f"sqlite:///{file}")
    with store.read() as tx:
        assert tx.matching(["claire", "tabouret", "para"], 10) == [7]
        assert tx.rows("SELECT intent FROM mentions")[0]["intent"] == "praise"
    store.close()


def _applying(text: str) -> Callable[[sqlite_utils.Database], None]:
    """What makes the changes of one migration, statement by statement."""

    def apply(database: sqlite_utils.Database) -> None:
        statement = ""
        for line in text.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                database.execute(statement)
                statement = ""

    return apply


def test_the_index_holds_each_mention_once(house: House) -> None:
    _known(house)
    house.hears(comment("card", ANGRY + " Encore !"))
    house.approve("hours")
    house.deliver()
    assert house.row("SELECT COUNT(*) AS n FROM words")["n"] == 3
    with house.app.watch.store.tx() as tx:
        tx.run("INSERT INTO words (words) VALUES ('integrity-check')")
