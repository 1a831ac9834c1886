"""The page of users, and what administrators do there."""

from __future__ import annotations

import re

import pytest

from bot.store import ms, tokens
from tests.support.doors import PASSWORD, Browser, code, user
from tests.support.house import House
from tests.support.signed_in import Visitor, signed_in

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def admin(house: House) -> Visitor:
    user(house, "Zoé", "admin")
    return signed_in(house, "admin", "Zoé")


def link_in(page: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8700(/welcome\?link=[\w-]{43})", page)
    assert found, page
    return found[1]


@pytest.mark.parametrize("role", ["viewer", "agent", "lead"])
def test_only_administrators_see_users_or_change_them(house: House, role: str) -> None:
    other = user(house, "Marc", "lead")
    visitor = signed_in(house, role)
    assert visitor.get("/users").status_code == 403
    for verb in ("", "/link", "/role", "/second-factor", "/sign-out", "/remove"):
        answer = visitor.post(f"/users{verb}", user=other, name="Eve", role="admin")
        assert answer.status_code == 403, verb
    rows = house.rows("SELECT name, role FROM users ORDER BY id")
    assert [tuple(row) for row in rows] == [("Marc", "lead"), ("Léa", role)]


def test_a_stranger_gets_to_the_sign_in_page(house: House) -> None:
    browser = Browser(house)
    assert browser.open("/users").headers["location"] == "/sign-in?next=/users"
    assert browser.send("/users", name="Eve", role="admin").status_code == 403
    assert house.rows("SELECT 1 FROM users") == []


def test_adding_somebody_shows_their_link_once(house: House, admin: Visitor) -> None:
    page = admin.post("/users", name=" Marc ", role="lead")
    assert page.headers["cache-control"] == "no-store"
    path = link_in(page.text)
    assert "welcome?link" not in admin.get("/users").text
    browser = Browser(house)
    browser.open(path)
    browser.send("/welcome", password=PASSWORD, again=PASSWORD)
    assert browser.sign_in("Marc").status_code == 303
    added = house.row("SELECT actor, data FROM events WHERE kind = 'user_added'")
    assert (added["actor"], added["data"]) == ("Zoé", '{"user":"Marc","role":"lead"}')
    assert house.audit()["balanced"]


def test_a_name_is_given_once_even_after_its_bearer_left(house: House, admin: Visitor) -> None:
    number = user(house, "Marc")
    assert "There is a user Marc already" in admin.post("/users", name="MARC", role="agent").text
    admin.post("/users/remove", user=number)
    page = admin.post("/users", name="marc", role="agent")
    assert page.status_code == 409
    assert "Marc has left" in page.text


@pytest.mark.parametrize("role", ["", "root", "ADMIN", "admin' --"])
def test_there_are_four_roles_and_no_other(house: House, admin: Visitor, role: str) -> None:
    assert admin.post("/users", name="Marc", role=role).status_code == 409
    assert len(house.rows("SELECT 1 FROM users")) == 1


def test_a_new_role_holds_at_once_and_they_sign_in_anew(house: House, admin: Visitor) -> None:
    marc = signed_in(house, "admin", "Marc")
    admin.post("/users/role", user=marc.user_id, role="viewer")
    assert marc.get("/users").headers["location"] == "/sign-in?next=/users"
    changed = house.row("SELECT data FROM events WHERE kind = 'role_changed'")
    assert changed["data"] == '{"user":"Marc","role":"viewer"}'
    admin.post("/users/role", user=marc.user_id, role="viewer")
    assert len(house.rows("SELECT 1 FROM events WHERE kind = 'role_changed'")) == 1


def test_the_last_administrator_stays(house: House, admin: Visitor) -> None:
    invited = admin.post("/users", name="Marc", role="admin")
    assert invited.status_code == 200, "but has no password yet"
    for verb, role in (("remove", ""), ("role", "agent")):
        answer = admin.follow(admin.post(f"/users/{verb}", user=admin.user_id, role=role))
        assert "Zoé is the last administrator" in answer.text
    user(house, "Nora", "admin")
    assert admin.post("/users/role", user=admin.user_id, role="agent").status_code == 303
    assert house.row("SELECT role FROM users WHERE name = 'Zoé'")["role"] == "agent"


def test_who_leaves_is_out_at_once_by_every_way(house: House, admin: Visitor) -> None:
    number = user(house, "Marc")
    marc = signed_in(house, name="Marc")
    path = link_in(admin.post("/users/link", user=number).text)
    with house.app.watch.store.tx() as tx:
        made = {"id": number, "name": "Marc"}
        token, _ = tokens.make(tx, made, "script", tokens.Scope.READ, ms(house.clock()), 2**50)
    admin.post("/users/remove", user=number)
    assert marc.get("/account").status_code == 303
    assert Browser(house).sign_in("Marc").status_code == 403
    assert Browser(house).open(path).status_code == 404
    with house.app.watch.store.read() as tx:
        assert tokens.find(tx, token, ms(house.clock())) is None
    assert "has left" in admin.get("/users").text
    assert "There is no such user." in admin.follow(admin.post("/users/remove", user=number)).text
    assert house.audit()["balanced"]


def test_a_new_link_leaves_the_password_until_it_is_used(house: House, admin: Visitor) -> None:
    number = user(house, "Marc")
    first = link_in(admin.post("/users/link", user=number).text)
    second = link_in(admin.post("/users/link", user=number).text)
    assert Browser(house).sign_in("Marc").status_code == 303
    assert Browser(house).open(first).status_code == 404
    assert Browser(house).open(second).status_code == 200


def test_who_lost_their_phone_gets_in_by_the_password_again(house: House, admin: Visitor) -> None:
    number = user(house, "Marc", totp=SECRET)
    browser = Browser(house)
    browser.sign_in("Marc")
    browser.code(SECRET)
    admin.post("/users/second-factor", user=number)
    assert not browser.is_in()
    assert browser.sign_in("Marc").status_code == 303
    assert code(house, SECRET) not in admin.get("/users").text


def test_an_administrator_signs_somebody_out_everywhere(house: House, admin: Visitor) -> None:
    marc = signed_in(house, name="Marc")
    admin.post("/users/sign-out", user=marc.user_id)
    assert marc.get("/account").status_code == 303


@pytest.mark.parametrize("number", ["", "0", "999", "-1", "1 OR 1=1", "9" * 40, "１"])
def test_what_is_no_user_is_said_to_be_none(house: House, admin: Visitor, number: str) -> None:
    answer = admin.follow(admin.post("/users/remove", user=number))
    assert "There is no such user." in answer.text


def test_hostile_names_are_shown_as_text(house: House, admin: Visitor) -> None:
    admin.post("/users", name='"><script>alert(1)</script>', role="agent")
    page = admin.get("/users").text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "style=" not in page


def test_the_page_speaks_french(house: House) -> None:
    user(house, "Zoé", "admin")
    page = signed_in(house, "admin", "Zoé", lang="fr").get("/users").text
    assert '<html lang="fr">' in page
    assert "Ajouter quelqu’un" in page
