"""Tokens: made by a user for their programs, shown once, and never worth more than their user."""

from __future__ import annotations

import re

import pytest

from bot.store import ms, staff, users
from bot.web import passwords
from tests.support.house import QUESTION, House, comment
from tests.support.program import program
from tests.support.signed_in import Visitor, browser, signed_in

PASSWORD = "trois-petits-phares-la-nuit"


def with_password(house: House, role: str = "agent", name: str = "Léa") -> Visitor:
    visitor = signed_in(house, role, name)
    with house.app.watch.store.tx() as tx:
        users.rehash(tx, visitor.user_id, "", passwords.hashed(PASSWORD))
    return visitor


def made(visitor: Visitor, scope: str = "act", **fields: str) -> str:
    """The token that the page shows."""
    form = {"name": "tickets", "scope": scope, "days": "30", "present": PASSWORD} | fields
    answer = visitor.post("/tokens", **form)
    assert answer.status_code == 200, answer.text
    found = re.search(r">(vigie_[\w-]+)<", answer.text)
    assert found, answer.text
    return found[1]


def status(house: House, token: str, path: str = "/api/mentions") -> int:
    return int(browser(house).get(path, headers={"authorization": f"Bearer {token}"}).status_code)


def test_a_token_is_shown_once_and_kept_as_a_hash(house: House) -> None:
    lea = with_password(house)
    token = made(lea)
    assert status(house, token) == 200
    assert token not in lea.get("/tokens").text
    row = house.row("SELECT * FROM tokens")
    assert token not in str(dict(row))
    assert row["scope"] == "act"


def test_making_one_asks_for_the_password(house: House) -> None:
    lea = with_password(house)
    answer = lea.post("/tokens", name="tickets", scope="read", days="30", present="guessed")
    assert answer.status_code == 403
    assert "not your present password" in answer.text
    assert house.rows("SELECT * FROM tokens") == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x07bell"])
def test_one_without_a_proper_name_is_not_made(house: House, name: str) -> None:
    answer = with_password(house).post("/tokens", name=name, scope="read", days="30", present=PASSWORD)
    assert answer.status_code == 409
    assert house.rows("SELECT * FROM tokens") == []


@pytest.mark.parametrize(("role", "scope"), [("viewer", "act"), ("agent", "admin"), ("lead", "admin")])
def test_nobody_makes_one_that_may_do_more_than_they(house: House, role: str, scope: str) -> None:
    visitor = with_password(house, role)
    assert f'value="{scope}"' not in visitor.get("/tokens").text
    answer = visitor.post("/tokens", name="tickets", scope=scope, days="30", present=PASSWORD)
    assert answer.status_code == 409
    assert house.rows("SELECT * FROM tokens") == []


def test_it_may_do_less_from_the_moment_its_user_may(house: House) -> None:
    house.hears(comment("c1", QUESTION))
    crm = program(house)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE users SET role = 'viewer' WHERE name = 'Léa'")
    assert crm.get("/mentions/1").status_code == 200
    refused = crm.post("/mentions/1/assign", to="Paul", version=crm.version(1))
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:vigie:problem:scope"


def test_it_is_dead_when_its_user_has_left(house: House) -> None:
    crm = program(house)
    with_password(house, "admin", "Ada")
    with house.app.watch.store.tx() as tx:
        row = users.here(tx, "Léa")
        staff.remove(tx, row, "Ada", ms(house.clock()))
    assert crm.get("/mentions").status_code == 401


def test_it_is_dead_when_its_time_is_over(house: House) -> None:
    crm = program(house, days=7)
    house.clock.forward(days=6, hours=23)
    assert crm.get("/mentions").status_code == 200
    house.clock.forward(hours=2)
    refused = crm.get("/mentions")
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_its_user_takes_it_back(house: House) -> None:
    lea = with_password(house)
    token = made(lea)
    number = house.row("SELECT id FROM tokens")["id"]
    assert "Taken back" in lea.follow(lea.post("/tokens/revoke", token=number)).text
    assert status(house, token) == 401
    assert "opens nothing already" in lea.follow(lea.post("/tokens/revoke", token=number)).text


def test_another_user_cannot_take_it_back_but_an_administrator_can(house: House) -> None:
    crm = program(house)
    number = house.row("SELECT id FROM tokens")["id"]
    paul, ada = signed_in(house, "agent", "Paul"), signed_in(house, "admin", "Ada")
    assert "tickets of Lyon" not in paul.get("/tokens").text
    paul.post("/tokens/revoke", token=number)
    assert crm.get("/mentions").status_code == 200
    assert "tickets of Lyon" in ada.get("/tokens").text
    ada.post("/tokens/revoke", token=number)
    assert crm.get("/mentions").status_code == 401


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30, "1 OR 1=1"])
def test_nonsense_takes_back_nothing(house: House, number: str) -> None:
    crm = program(house)
    assert signed_in(house, "admin", "Ada").post("/tokens/revoke", token=number).status_code == 303
    assert crm.get("/mentions").status_code == 200


def test_its_last_use_is_seen(house: House) -> None:
    crm = program(house)
    house.clock.forward(hours=1)
    crm.get("/mentions")
    used = house.row("SELECT used_at FROM tokens")["used_at"]
    assert used == ms(house.clock())
    house.clock.forward(seconds=30)
    crm.get("/mentions")
    assert house.row("SELECT used_at FROM tokens")["used_at"] == used, "written once a minute"


def test_the_log_says_who_made_and_who_took_back_and_holds_no_token(house: House) -> None:
    lea = with_password(house)
    token = made(lea)
    lea.post("/tokens/revoke", token=house.row("SELECT id FROM tokens")["id"])
    log = house.rows("SELECT kind, actor, data FROM events WHERE kind LIKE 'token%' ORDER BY seq")
    assert [(row["kind"], row["actor"]) for row in log] == [("token_made", "Léa"), ("token_revoked", "Léa")]
    assert token not in "".join(row["data"] for row in log)
    assert house.audit()["balanced"]


def test_the_history_tells_what_a_program_did_from_what_its_user_did(house: House) -> None:
    house.hears(comment("c1", QUESTION))
    crm, lea = program(house), signed_in(house)
    crm.post("/mentions/1/assign", to="Léa", version=crm.version(1))
    lea.post("/mentions/1/escalate", reason="a journalist", seen=crm.version(1))
    happened = {one["kind"]: (one["actor"], one["token"]) for one in crm.get("/mentions/1").json()["history"]}
    assert happened["assigned"] == ("Léa", 1)
    assert happened["escalated_by_hand"] == ("Léa", None)
    assert happened["heard"] == ("vigie", None)
    page = lea.get("/mentions/1").text
    assert "Given to Léa · <strong>Léa, by token 1</strong>" in page
    assert "Escalated · <strong>Léa</strong>" in page
    assert "token 1</small>" in lea.get("/tokens").text
    assert house.audit()["balanced"]


def test_nobody_has_more_than_fifty(house: House) -> None:
    for _ in range(50):
        program(house)
    answer = with_password(house).post("/tokens", name="one more", scope="read", days="7", present=PASSWORD)
    assert answer.status_code == 409
    assert "as many tokens as one may have" in answer.text


def test_the_page_speaks_french(house: House) -> None:
    page = signed_in(house, "admin", "Ada", "fr").get("/tokens").text
    assert "Créer un jeton" in page
    assert "Vos jetons" in page


def test_the_account_page_leads_to_the_tokens(house: House) -> None:
    assert 'href="/tokens"' in signed_in(house).get("/account").text
