"""The second factor: setting it up, signing in by it, losing it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.doors import PASSWORD, Browser, code, user
from tests.support.house import House, build_house, comment
from tests.support.signed_in import signed_in

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PAGE = "/account/second-factor"


def test_the_code_is_asked_after_the_password_and_lets_in(house: House) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    answer = browser.sign_in(page="/sign-in?next=/account")
    assert answer.status_code == 200
    assert "The six digits" in answer.text
    assert not Browser(house).is_in()
    answer = browser.code(SECRET)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert browser.is_in()


def test_the_password_alone_lets_in_nowhere(house: House) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    assert house.rows("SELECT 1 FROM sessions") == []
    assert browser.open("/account").status_code == 303


def test_a_code_without_the_password_before_is_none(house: House) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.open("/sign-in")
    csrf = re.findall('name="csrf" value="([^"]+)"', browser.seen)[0]
    answer = browser.client.post("/sign-in/code", data={"csrf": csrf, "code": code(house, SECRET)})
    assert answer.status_code == 403
    assert not browser.is_in()


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_clock_may_be_a_step_ahead_or_behind(house: House, ahead: int) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    assert browser.code(SECRET, ahead).status_code == 303


@pytest.mark.parametrize(
    "typed", ["", "123", "abcdef", "１２３４５６", "١٢٣٤٥٦", "0" * 1000, "12 34 5", "-00001"]
)
def test_what_is_no_code_lets_in_nowhere(house: House, typed: str) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    assert browser.send("/sign-in/code", code=typed).status_code == 403


@pytest.mark.parametrize("ahead", [-2, 2])
def test_an_old_or_a_coming_code_is_none(house: House, ahead: int) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    assert browser.code(SECRET, ahead).status_code == 403


def test_a_code_is_good_once(house: House) -> None:
    user(house, totp=SECRET)
    first, second = Browser(house), Browser(house)
    first.sign_in()
    second.sign_in()
    assert first.code(SECRET).status_code == 303
    answer = second.code(SECRET)
    assert answer.status_code == 403
    assert "was used before" in answer.text
    assert second.code(SECRET, -1).status_code == 403, "nor is the one before it"
    assert second.code(SECRET, 1).status_code == 303


def test_who_takes_longer_than_five_minutes_begins_anew(house: House) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    house.clock.forward(minutes=5)
    answer = browser.code(SECRET)
    assert "This took too long" in answer.text
    assert 'action="/sign-in"' in answer.text


def test_what_was_typed_is_carried_through_both_steps(house: House) -> None:
    user(house, totp=SECRET)
    house.hears(comment("c1", "Bonjour, quels sont vos horaires ?"))
    number = house.mention("c1")["id"]
    browser = Browser(house)
    browser.send(f"/mentions/{number}/answer", text="Deux\r\n lignes <&>", seen="1")
    browser.send("/sign-in", name="Léa", password=PASSWORD)
    assert browser.code(SECRET).headers["location"] == f"/mentions/{number}"
    assert house.row("SELECT text FROM typing")["text"] == "Deux\n lignes <&>"


def test_it_is_set_up_with_a_picture_a_code_and_the_password(house: House) -> None:
    user(house)
    mine, other = signed_in(house), signed_in(house)
    page = mine.get(PAGE).text
    secret = re.findall("<code>([A-Z2-7]{32})</code>", page)[0]
    assert re.search('<img src="data:image/svg', page)
    assert secret in mine.get(PAGE).text, "the same when the page is loaded anew"
    answer = mine.follow(mine.post(PAGE, code=code(house, secret), present=PASSWORD))
    assert "Your second factor is set up" in answer.text
    assert house.row("SELECT totp FROM users")["totp"] == secret
    assert house.row("SELECT totp FROM sessions")["totp"] == "", "it is kept in one place"
    assert (mine.get("/account").status_code, other.get("/account").status_code) == (200, 303)
    browser = Browser(house)
    browser.sign_in()
    assert browser.code(secret).status_code == 403, "the code that showed it was used by that"
    assert "second_factor_set" in [r["kind"] for r in house.rows("SELECT kind FROM events")]


def test_it_is_not_set_up_without_the_password_or_with_a_wrong_code(house: House) -> None:
    user(house)
    visitor = signed_in(house)
    secret = re.findall("<code>([A-Z2-7]{32})</code>", visitor.get(PAGE).text)[0]
    wrong = visitor.follow(visitor.post(PAGE, code=code(house, secret), present="wrong")).text
    assert "This is not your present password." in wrong
    assert "This code is wrong" in visitor.follow(visitor.post(PAGE, code="000000", present=PASSWORD)).text
    assert house.row("SELECT totp FROM users")["totp"] == ""


def test_a_code_for_nothing_that_is_being_set_up_sets_up_nothing(house: House) -> None:
    user(house)
    visitor = signed_in(house)
    visitor.post(PAGE, code=code(house, SECRET), present=PASSWORD)
    assert house.row("SELECT totp FROM users")["totp"] == ""


def test_it_is_taken_away_with_the_password(house: House) -> None:
    user(house, totp=SECRET)
    visitor = signed_in(house)
    visitor.post(f"{PAGE}/remove", present="wrong")
    assert house.row("SELECT totp FROM users")["totp"] == SECRET
    visitor.post(f"{PAGE}/remove", present=PASSWORD)
    assert house.row("SELECT totp FROM users")["totp"] == ""


def test_a_role_that_must_have_one_gets_nowhere_without(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="web: {second_factor: [lead, admin]}")
    user(house, role="admin")
    visitor = signed_in(house, role="admin")
    for path in ("/account", "/users"):
        assert visitor.get(path).headers["location"] == PAGE
    assert visitor.post("/users", name="Marc", role="agent").headers["location"] == PAGE
    assert house.rows("SELECT 1 FROM users WHERE name = 'Marc'") == []
    page = visitor.get(PAGE).text
    assert "Your role asks for a second factor" in page
    secret = re.findall("<code>([A-Z2-7]{32})</code>", page)[0]
    visitor.post(PAGE, code=code(house, secret), present=PASSWORD)
    assert visitor.get("/users").status_code == 200
    visitor.post(f"{PAGE}/remove", present=PASSWORD)
    assert house.row("SELECT totp FROM users")["totp"] == secret
    assert signed_in(house, "agent", "Marc").get("/account").status_code == 200


def test_a_secret_is_of_160_random_bits() -> None:
    from bot.web import totp

    made = {totp.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch("[A-Z2-7]{32}", one) for one in made)
