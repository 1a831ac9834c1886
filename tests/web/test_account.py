"""One's own account: language, password, sessions."""

from __future__ import annotations

import re

import pytest

from tests.support.doors import PASSWORD, Browser, user
from tests.support.house import House
from tests.support.signed_in import signed_in

NEW = "some other four words"


def test_the_language_is_the_browsers_until_one_is_chosen(house: House) -> None:
    visitor = signed_in(house)
    assert '<html lang="fr">' in visitor.get("/account", accept_language="fr-CA,en;q=0.5").text
    assert '<html lang="en">' in visitor.get("/account", accept_language="de, xx;q=nonsense").text
    visitor.post("/account/language", lang="fr")
    assert '<html lang="fr">' in visitor.get("/account", accept_language="en").text
    assert visitor.post("/account/language", lang="tlh").status_code == 409


def test_a_new_password_asks_for_the_present_one(house: House) -> None:
    user(house)
    visitor = signed_in(house)
    answer = visitor.follow(visitor.post("/account/password", present="wrong", password=NEW, again=NEW))
    assert "This is not your present password." in answer.text
    assert Browser(house).sign_in(password=NEW).status_code == 403


@pytest.mark.parametrize(
    ("password", "english", "french"),
    [("1q2w3e4r5t6y7u", "first passwords", "un des premiers mots de passe"),
     ("Banque-Azur-2026", "little more than a name", "guère plus qu’un nom"),
     ("lea-lea-2024!", "little more than a name", "guère plus qu’un nom")],
)  # fmt: skip
def test_a_password_that_anybody_would_try_is_refused_in_both_languages(
    house: House, password: str, english: str, french: str
) -> None:
    user(house)
    for lang, says in (("en", english), ("fr", french)):
        visitor = signed_in(house, lang=lang)
        answer = visitor.post("/account/password", present=PASSWORD, password=password, again=password)
        assert says in visitor.follow(answer).text
    assert Browser(house).sign_in(password=PASSWORD).status_code == 303


def test_a_new_password_renews_this_session_and_ends_the_others(house: House) -> None:
    user(house)
    here, elsewhere = signed_in(house), signed_in(house)
    before = here.client.cookies["vigie"]
    answer = here.post("/account/password", present=PASSWORD, password=NEW, again=NEW)
    assert here.client.cookies["vigie"] != before
    assert "Your password is changed." in here.follow(answer).text
    assert elsewhere.get("/account").status_code == 303
    assert Browser(house).sign_in(password=PASSWORD).status_code == 403
    assert Browser(house).sign_in(password=NEW).status_code == 303
    assert house.audit()["balanced"]


@pytest.mark.parametrize(
    ("new", "again", "says"),
    [("short", "short", "12 characters"), (NEW, NEW + "!", "differ"),
     ("qwerty123456", "qwerty123456", "first passwords")],
)  # fmt: skip
def test_a_poor_new_password_is_refused(house: House, new: str, again: str, says: str) -> None:
    user(house)
    visitor = signed_in(house)
    answer = visitor.follow(visitor.post("/account/password", present=PASSWORD, password=new, again=again))
    assert says in answer.text
    assert Browser(house).sign_in(password=PASSWORD).status_code == 303


def test_one_sees_where_one_is_signed_in_and_signs_out_there(house: House) -> None:
    user(house)
    phone = Browser(
        house, {"user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1"}
    )
    phone.sign_in()
    here = signed_in(house)
    page = here.get("/account").text
    assert "Safari, iPhone" in page
    other = re.findall('name="session" value="([0-9a-f]{64})"', page)
    assert len(other) == 1, "this one is not offered"
    here.post("/account/sessions", session=other[0], present="wrong")
    assert phone.is_in(), "that asks for the password"
    here.post("/account/sessions", session=other[0], present=PASSWORD)
    assert not phone.is_in()
    assert here.get("/account").status_code == 200


def test_one_signs_out_everywhere_else_at_once(house: House) -> None:
    user(house)
    here, one, two = signed_in(house), signed_in(house), signed_in(house)
    here.post("/account/sessions", session="others", present=PASSWORD)
    assert [v.get("/account").status_code for v in (here, one, two)] == [200, 303, 303]


def test_nobody_ends_or_sees_the_sessions_of_somebody_else(house: House) -> None:
    user(house)
    mine, theirs = signed_in(house), signed_in(house, name="Marc")
    token = house.row("SELECT token FROM sessions WHERE user_id = ?", theirs.user_id)["token"]
    assert token not in mine.get("/account").text
    mine.post("/account/sessions", session=token, present=PASSWORD)
    assert theirs.get("/account").status_code == 200


def test_a_strange_browser_is_unknown_and_no_markup(house: House) -> None:
    user(house)
    strange = Browser(house, {"user_agent": "<script>alert(1)</script>" * 100})
    strange.sign_in()
    signed_in(house)
    page = strange.open("/account").text
    assert "unknown" in page
    assert "<script>alert" not in page


def test_every_page_leads_out(house: House) -> None:
    assert 'action="/sign-out"' in signed_in(house).get("/account").text


def test_passwords_are_typed_unseen_and_may_be_pasted(house: House) -> None:
    user(house)
    pages = [Browser(house).open("/sign-in").text, signed_in(house).get("/account").text]
    for page in pages:
        fields = re.findall(r"<input[^>]*(?:password|again|present)[^>]*>", page)
        fields = [one for one in fields if 'type="hidden"' not in one]
        assert fields
        assert all('type="password"' in one and "autocomplete=" in one for one in fields)
        assert "onpaste" not in page
        assert 'autocomplete="off"' not in page
