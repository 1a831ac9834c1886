"""One person with several accounts: their history is shown together once a colleague says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import NotPossible
from bot.models import Author
from tests.support.house import QUESTION, House, build_house, comment
from tests.support.signed_in import signed_in
from tests.web.test_conversation import text

ON_X = Author("1", "@Perle_dlf", "Perle Delafosse", 312)
ON_FACEBOOK = Author("fb-9", "perle_dlf", "Perle D.")
ON_MASTODON = Author("m-3", "perle@social.example", "Perle")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(tmp_path, extra="rules: []")
    built.hears(
        comment("1", QUESTION, network="x", author=ON_X),
        comment("2", "Vos frais augmentent encore ?", network="x", author=ON_X, conversation="other"),
        comment("3", "Votre application me déconnecte.", network="facebook", author=ON_FACEBOOK),
        comment("4", "Bravo pour l’agence du port.", network="mastodon", author=ON_MASTODON),
        comment("5", "Rien à voir.", network="x", author=Author("7", "@tom", "Tom")),
    )
    yield built
    built.app.watch.store.close()


def number(house: House, remote_id: str) -> int:
    return int(house.mention(remote_id)["id"])


def page(house: House, remote_id: str = "1") -> str:
    return text(signed_in(house).get(f"/mentions/{number(house, remote_id)}"))


def elsewhere(house: House, remote_id: str = "1") -> str:
    """What the page says of their other conversations."""
    return page(house, remote_id).partition("What they said elsewhere")[2]


def link(house: House, one: str, other: str, who: str = "Malik") -> None:
    house.desk.link(number(house, one), number(house, other), who)


def test_on_one_network_nobody_has_to_say_so(house: House) -> None:
    said = elsewhere(house)
    assert "Vos frais augmentent encore" in said
    assert "Votre application" not in said
    assert "Rien à voir" not in said


def test_linked_accounts_show_one_history_with_who_linked_them_and_when(house: House) -> None:
    link(house, "1", "3")
    said = page(house)
    assert "Perle D. @perle_dlf Facebook" in said
    assert "Linked by Malik · 10 Mar 2026" in said
    assert "Votre application me déconnecte" in elsewhere(house)
    assert QUESTION in elsewhere(house, "3")


def test_links_join_and_an_account_can_be_taken_out_again(house: House) -> None:
    link(house, "1", "3")
    link(house, "4", "3", "Léa")
    assert "l’agence du port" in elsewhere(house)
    assert "Vos frais" in elsewhere(house, "4")
    house.desk.unlink(number(house, "1"), number(house, "3"), "Léa")
    assert "l’agence du port" in elsewhere(house)
    assert "Votre application" not in elsewhere(house)
    house.desk.unlink(number(house, "1"), number(house, "4"), "Léa")
    assert house.rows("SELECT * FROM persons") == []


def test_two_persons_become_one(house: House) -> None:
    link(house, "1", "3")
    link(house, "4", "5")
    link(house, "3", "5")
    assert {row["person"] for row in house.rows("SELECT * FROM persons")} == {1}
    assert "Rien à voir" in elsewhere(house)


def test_the_log_holds_who_linked_what_and_no_name_of_the_person(house: House) -> None:
    link(house, "1", "3")
    house.desk.unlink(number(house, "3"), number(house, "1"), "Léa")
    rows = house.rows("SELECT * FROM events WHERE kind IN ('linked', 'unlinked') ORDER BY seq")
    assert [(row["kind"], row["mention_id"], row["actor"], row["data"]) for row in rows] == [
        ("linked", number(house, "1"), "Malik", f'{{"with":{number(house, "3")}}}'),
        ("linked", number(house, "3"), "Malik", f'{{"with":{number(house, "1")}}}'),
        ("unlinked", number(house, "3"), "Léa", f'{{"with":{number(house, "1")}}}'),
        ("unlinked", number(house, "1"), "Léa", f'{{"with":{number(house, "3")}}}'),
    ]
    assert house.audit()["balanced"]


def test_what_is_linked_is_linked_once_and_what_is_not_cannot_be_parted(house: House) -> None:
    link(house, "1", "3")
    for one, other in (("1", "3"), ("3", "1"), ("1", "2"), ("1", "1")):
        with pytest.raises(NotPossible, match="one person's already"):
            link(house, one, other)
    for one, other in (("1", "4"), ("1", "2"), ("4", "5")):
        with pytest.raises(NotPossible, match="not linked"):
            house.desk.unlink(number(house, one), number(house, other), "Léa")


def test_the_same_handle_on_another_network_is_proposed_and_linked_by_a_button(house: House) -> None:
    lea = signed_in(house)
    assert "The same handle on Facebook: Perle D." in page(house)
    lea.post(f"/mentions/{number(house, '1')}/link", other=number(house, "3"))
    assert "The same handle on" not in page(house)
    assert "Linked by Léa" in page(house)


@pytest.mark.parametrize(
    "way", ["{0}", " {0} ", "https://vigie.example/mentions/{0}", "/mentions/{0}?why=1#tags"]
)
def test_an_account_is_named_by_a_message_or_by_the_address_of_its_page(house: House, way: str) -> None:
    other: Any = way.format(number(house, "3"))
    signed_in(house).post(f"/mentions/{number(house, '1')}/link", other=other)
    assert "Linked by Léa" in page(house)


@pytest.mark.parametrize("wrong", ["", "perle", "999999", "9" * 40])
def test_what_names_no_message_is_refused_in_words(house: House, wrong: str) -> None:
    lea = signed_in(house)
    shown = lea.follow(lea.post(f"/mentions/{number(house, '1')}/link", other=wrong))
    assert 'class="flash bad"' in shown.text


def test_a_stop_holds_on_its_own_network_only(house: House) -> None:
    link(house, "1", "3")
    house.hears(comment("6", "STOP", network="x", author=ON_X, in_reply_to="1"))
    assert "asked us to stop" in page(house)
    assert "This person asked us to stop" not in page(house, "3")
