"""One-time links: how users, and the first administrator, come by their password."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import TYPE_CHECKING

import pytest

from bot.store import invitations, ms, users
from bot.web import first_link
from tests.support.doors import PASSWORD, Browser, user
from tests.support.house import House
from tests.support.signed_in import URL

if TYPE_CHECKING:
    from httpx import Response


def invited(house: House, name: str = "Léa") -> str:
    """The path of the one-time link of a new user."""
    with house.app.watch.store.tx() as tx:
        number = users.add(tx, name, "agent", ms(house.clock()))
        return f"/welcome?link={invitations.invite(tx, number, ms(house.clock()))}"


def first(house: House) -> str:
    link = first_link(house.app)
    assert link is not None
    assert link.startswith(f"{URL}/welcome?link=")
    return link.removeprefix(URL)


def choose(house: House, path: str, password: str = PASSWORD, again: str = "", name: str = "") -> Response:
    browser = Browser(house)
    browser.open(path)
    fields = {"password": password, "again": again or password} | ({"name": name} if name else {})
    return browser.send("/welcome", **fields)


def test_a_link_sets_a_password_and_then_one_signs_in(house: House) -> None:
    assert choose(house, invited(house)).headers["location"] == "/sign-in?set"
    browser = Browser(house)
    assert "Your password is set" in browser.open("/sign-in?set").text
    assert browser.sign_in().status_code == 303
    assert house.row("SELECT actor FROM events WHERE kind = 'password_set'")["actor"] == "Léa"


def test_looking_at_a_link_does_not_use_it_up(house: House) -> None:
    path = invited(house)
    for _ in range(3):
        assert Browser(house).open(path).status_code == 200
    assert Browser(house).client.head(path).status_code == 200
    assert choose(house, path).status_code == 303


def test_a_link_is_good_once(house: House) -> None:
    path = invited(house)
    late = Browser(house)
    late.open(path)
    choose(house, path)
    assert Browser(house).open(path).status_code == 404
    answer = late.send("/welcome", password="the password of a thief", again="the password of a thief")
    assert answer.status_code == 404
    assert Browser(house).sign_in().status_code == 303


def test_of_two_at_once_one_sets_the_password(house: House) -> None:
    path = invited(house)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: choose(house, path, f"{PASSWORD} {n}").status_code, range(4)))
    assert sorted(found) == [303, 404, 404, 404]


def test_a_link_is_good_for_a_day(house: House) -> None:
    path = invited(house)
    house.clock.forward(hours=24)
    assert "older than a day" in Browser(house).open(path).text


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "a" * 10_000, "%00", "é"])
def test_what_is_no_link_opens_nothing(house: House, token: str) -> None:
    invited(house)
    assert Browser(house).open(f"/welcome?link={token}").status_code == 404


def test_the_store_holds_no_link(house: House) -> None:
    token = invited(house).partition("=")[2]
    assert token not in str([tuple(row) for row in house.rows("SELECT * FROM invitations")])


def test_a_link_does_not_pass_by_the_second_factor(house: House) -> None:
    """Whoever intercepts the link still has no phone."""
    number = user(house, totp="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    with house.app.watch.store.tx() as tx:
        token = invitations.invite(tx, number, ms(house.clock()))
    choose(house, f"/welcome?link={token}", "another long password")
    browser = Browser(house)
    assert "The six digits" in browser.sign_in(password="another long password").text
    assert not browser.is_in()


def test_a_new_password_ends_the_sessions_of_the_old_one(house: House) -> None:
    number = user(house)
    before = Browser(house)
    before.sign_in()
    with house.app.watch.store.tx() as tx:
        token = invitations.invite(tx, number, ms(house.clock()))
    choose(house, f"/welcome?link={token}", "another long password")
    assert not before.is_in()


@pytest.mark.parametrize(
    ("password", "says"),
    [("short", "12 characters at least"), ("a" * 201, "200 characters at most"),
     ("1234567890123", "first passwords"), ("Azerty123456!", "first passwords"),
     ("passwordpassword", "first passwords"), ("aaaaaaaaaaaab", "first passwords"),
     ("MotDePasse2026", "first passwords"), ("987654321098", "first passwords"),
     ("iloveyouforever", "first passwords"), ("1q2w3e4r5t6y7u", "first passwords"),
     ("chouchou2015!", "first passwords"), ("P4ssw0rd-31/12/1999", "first passwords"),
     ("Banque-Azur-2026", "little more than a name"), ("@banqueazur123", "little more than a name"),
     ("Léa1234567890", "little more than a name"), ("lea-2024-lea-2024", "little more than a name")],
)  # fmt: skip
def test_a_password_that_anybody_would_try_is_refused(house: House, password: str, says: str) -> None:
    answer = choose(house, invited(house), password)
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.parametrize(
    ("password", "says"),
    [("iloveyouforever", "un des premiers mots de passe"), ("Léa1234567890", "guère plus qu’un nom")],
)
def test_it_is_refused_in_the_language_of_whoever_chooses_it(house: House, password: str, says: str) -> None:
    browser = Browser(house, {"accept_language": "fr"})
    browser.open(invited(house))
    answer = browser.send("/welcome", password=password, again=password)
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "été à la plage", "a long way home " * 12, "🐟 and 🐠 but no 🐡",
     "'; DROP TABLE users; --", "<script>alert(1)</script>", " leading and trailing ",
     "0f3c9a7712bd", "long" + "é#7kQ~ zz" * 20],
)  # fmt: skip
def test_any_other_password_is_good_and_checked_as_it_was_typed(house: House, password: str) -> None:
    assert choose(house, invited(house), password).status_code == 303
    assert Browser(house).sign_in(password=password).status_code == 303
    assert Browser(house).sign_in(password=password.strip() + "x").status_code == 403


def test_both_fields_must_say_the_same(house: House) -> None:
    answer = choose(house, invited(house), PASSWORD, PASSWORD + "!")
    assert "The two passwords differ." in answer.text


# --- The first administrator ---------------------------------------------------------------------


def test_a_new_house_has_no_user_and_no_password(house: House) -> None:
    assert house.rows("SELECT * FROM users") == []


def test_the_first_link_makes_an_administrator_of_the_name_that_they_choose(house: House) -> None:
    path = first(house)
    assert "The first administrator" in Browser(house).open(path).text
    assert choose(house, path, name="Zoé").status_code == 303
    row = house.row("SELECT * FROM users")
    assert (row["name"], row["role"]) == ("Zoé", "admin")
    assert [r["kind"] for r in house.rows("SELECT kind FROM events")] == ["user_added", "password_set"]
    assert first_link(house.app) is None
    assert house.audit()["balanced"]


def test_a_second_start_makes_the_first_link_anew(house: House) -> None:
    before, now = first(house), first(house)
    assert Browser(house).open(before).status_code == 404
    assert choose(house, now, name="Zoé").status_code == 303


def test_a_user_that_the_command_line_adds_voids_the_first_link(house: House) -> None:
    path = first(house)
    user(house)
    assert Browser(house).open(path).status_code == 404
    assert first_link(house.app) is None


@pytest.mark.parametrize(
    "name", ["", "  ", "vigie", "Vigie", "rule:spam", "RULE:x", "a\nb\u202e", "x" * 61, "\u200b"]
)
def test_nobody_takes_a_name_that_the_log_could_not_tell_apart(house: House, name: str) -> None:
    assert choose(house, first(house), name=name).status_code == 422
    assert house.rows("SELECT 1 FROM users") == []


def test_a_hostile_name_is_shown_as_text(house: House) -> None:
    name = "<img src=x onerror=alert(1)>{{ 7*7 }}"
    path = invited(house, name)
    assert escape(name) in Browser(house).open(path).text
