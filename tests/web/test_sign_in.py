"""Sign-in and sign-out, and what a session is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.store import ms, sessions, users
from bot.web import passwords
from tests.support.doors import PASSWORD, Browser, house_behind_tls, user
from tests.support.house import House, build_house, comment
from tests.support.signed_in import signed_in

if TYPE_CHECKING:
    from pathlib import Path


def test_name_and_password_let_in(house: House) -> None:
    user(house)
    browser = Browser(house)
    assert browser.open("/account").headers["location"] == "/sign-in?next=/account"
    answer = browser.sign_in(page="/sign-in?next=/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Léa" in browser.open("/account").text
    assert house.row("SELECT actor FROM events WHERE kind = 'signed_in'")["actor"] == "Léa"
    assert house.audit()["balanced"]


def test_a_name_is_found_in_whatever_case_it_is_typed(house: House) -> None:
    user(house, "Léa Martin")
    assert Browser(house).sign_in("  LÉA  martin").status_code == 303


@pytest.mark.parametrize(
    ("name", "password"),
    [("Léa", "wrong"), ("Léa", ""), ("Nobody", PASSWORD), ("", ""), ("Léa", PASSWORD.upper()),
     ("Léa", PASSWORD + " "), ("Léa", PASSWORD * 10), ("Lé\0a", PASSWORD), ("' OR 1=1 --", "' OR 1=1 --"),
     ("Left", PASSWORD), ("Invited", "")],
)  # fmt: skip
def test_who_does_not_know_both_is_told_the_same_and_let_in_nowhere(
    house: House, name: str, password: str
) -> None:
    user(house)
    left = user(house, "Left")
    with house.app.watch.store.tx() as tx:
        users.add(tx, "Invited", "agent", 0)
        tx.run("UPDATE users SET left_at = 1 WHERE id = ?", (left,))
    browser = Browser(house)
    answer = browser.sign_in(name, password)
    assert answer.status_code == 403
    assert "This name and this password do not go together." in answer.text
    assert not browser.is_in()
    assert house.rows("SELECT 1 FROM sessions") == []


def test_an_unknown_name_takes_as_long_as_a_known_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in what takes the time: one argon2 verification each, whoever it is."""
    user(house)
    counted = []
    real = passwords._HASHER.__class__.verify

    def verify(self: object, stored: str, password: str) -> bool:
        counted.append(stored.rpartition("$")[0].rpartition("$")[0])
        return real(self, stored, password)  # type: ignore[arg-type]

    monkeypatch.setattr(passwords._HASHER.__class__, "verify", verify)
    for name in ("Léa", "Nobody"):
        Browser(house).sign_in(name, "a wrong password")
    assert len(counted) == 2
    assert counted[0] == counted[1], "hashed with the same parameters"


def test_sign_in_begins_a_new_session_and_ends_the_one_that_the_browser_had(house: House) -> None:
    user(house)
    browser = Browser(house)
    browser.sign_in()
    before = browser.client.cookies["vigie"]
    browser.open("/sign-in")
    # It would go on to the queue; the form is what somebody else's tab still shows.
    other = Browser(house)
    other.open("/sign-in")
    other.client.cookies.set("vigie", before, domain="127.0.0.1")
    assert other.send("/sign-in", name="Léa", password=PASSWORD).status_code == 303
    assert len(house.rows("SELECT 1 FROM sessions")) == 1
    assert not browser.is_in()


def test_a_session_that_somebody_planted_is_none(house: House) -> None:
    user(house)
    browser = Browser(house)
    browser.client.cookies.set("vigie", "planted", domain="127.0.0.1")
    browser.sign_in()
    assert "planted" not in browser.client.cookies.values()
    assert browser.is_in()


def test_the_store_holds_no_token(house: House) -> None:
    visitor = signed_in(house)
    token = visitor.client.cookies["vigie"]
    assert len(token) >= 43, "256 bits"
    assert token not in str([tuple(row) for row in house.rows("SELECT * FROM sessions")])


def test_the_cookie_is_for_this_host_alone_and_for_no_script(house: House) -> None:
    user(house)
    given = Browser(house).sign_in().headers.get_list("set-cookie")
    assert all("HttpOnly" in one and "SameSite=lax" in one and "Path=/" in one for one in given)
    assert not any("Secure" in one or "Domain" in one for one in given)


def test_behind_tls_the_cookie_travels_by_tls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    user(house)
    browser = Browser(house)
    browser.client.base_url = "https://vigie.example.com"
    given = browser.sign_in().headers.get_list("set-cookie")
    assert all(one.startswith("__Host-vigie") and "Secure" in one and "HttpOnly" in one for one in given)
    assert browser.open("/account").headers["strict-transport-security"].startswith("max-age=31536000")


def test_whoever_does_nothing_for_too_long_is_signed_out(house: House) -> None:
    visitor = signed_in(house)
    for _ in range(3):
        house.clock.forward(hours=7)
        assert visitor.get("/account").status_code == 200
    house.clock.forward(hours=8)
    assert visitor.get("/account").status_code == 303


def test_after_a_week_everybody_signs_in_anew(house: House) -> None:
    visitor = signed_in(house)
    for _ in range(23):
        house.clock.forward(hours=7)
        assert visitor.get("/account").status_code == 200
    house.clock.forward(hours=7)
    assert visitor.get("/account").status_code == 303


def test_how_long_is_set_in_the_config(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="web: {idle: 10m, session: 1h}")
    visitor = signed_in(house)
    house.clock.forward(minutes=9)
    assert visitor.get("/account").status_code == 200
    house.clock.forward(minutes=10)
    assert visitor.get("/account").status_code == 303


def test_sign_out_ends_the_session_in_the_store(house: House) -> None:
    visitor = signed_in(house)
    token = visitor.client.cookies["vigie"]
    answer = visitor.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?out"
    assert answer.headers["clear-site-data"] == '"storage"'
    visitor.client.cookies.set("vigie", token, domain="127.0.0.1")
    assert visitor.get("/account").status_code == 303
    assert "You are signed out." in visitor.get("/sign-in?out").text


def test_sessions_that_are_over_are_forgotten_at_the_next_sign_in(house: House) -> None:
    user(house)
    Browser(house).sign_in()
    house.clock.forward(days=8)
    Browser(house).sign_in()
    assert len(house.rows("SELECT 1 FROM sessions")) == 1


@pytest.mark.parametrize(
    "hostile",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/%0d%0aSet-Cookie:x=1\r\n", "evil", "/" + "a" * 3000, "/\u202e", "///evil.example", "http:/evil"],
)  # fmt: skip
def test_after_sign_in_a_browser_goes_to_a_page_of_this_house_alone(house: House, hostile: str) -> None:
    user(house)
    browser = Browser(house)
    browser.open("/sign-in")
    answer = browser.send("/sign-in", name="Léa", password=PASSWORD, next=hostile)
    assert answer.headers["location"] == "/"


def test_who_is_signed_in_is_not_asked_again(house: House) -> None:
    assert signed_in(house).get("/sign-in?next=/audit").headers["location"] == "/audit"


def test_an_old_hash_is_made_anew_at_sign_in(house: House) -> None:
    from argon2 import PasswordHasher

    number = user(house)
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with house.app.watch.store.tx() as tx:
        users.set_password(tx, number, weak)
    assert Browser(house).sign_in().status_code == 303
    stored = house.row("SELECT password FROM users")["password"]
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert Browser(house).sign_in().status_code == 303


def test_the_password_is_checked_outside_of_any_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes meanwhile does not wait for a hash."""
    user(house)
    real = passwords.matches

    def matches(stored: str, password: str) -> bool:
        with house.app.watch.store.tx() as tx:  # would fail inside another transaction of this thread
            tx.run("UPDATE users SET lang = 'fr'")
        return real(stored, password)

    monkeypatch.setattr(passwords, "matches", matches)
    assert Browser(house).sign_in().status_code == 303


@pytest.mark.parametrize("totp", ["", "JBSWY3DPEHPK3PXP"])
def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(
    house: House, monkeypatch: pytest.MonkeyPatch, totp: str
) -> None:
    """It was changed to keep out who knows it, and a hash takes a moment."""
    number = user(house, totp=totp)
    real, anew = passwords.matches, passwords.hashed("another one that only I know")

    def matches(stored: str, password: str) -> bool:
        with house.app.watch.store.tx() as tx:
            users.set_password(tx, number, anew)
        return real(stored, password)

    monkeypatch.setattr(passwords, "matches", matches)
    assert Browser(house).sign_in().status_code == 403
    assert house.rows("SELECT token FROM sessions UNION ALL SELECT token FROM half_signed_in") == []


# --- A form that comes too late ------------------------------------------------------------------


def test_what_was_typed_when_the_session_ended_stands_in_the_editor_after_sign_in(house: House) -> None:
    user(house)
    house.hears(comment("c1", "Bonjour, quels sont vos horaires ?"))
    number = house.mention("c1")["id"]
    draft = house.replies("c1", "draft")[0]["id"]
    typed = 'Bonjour,\r\n\r\nà 9 h <b>"demain"</b> & après {{ 7*7 }}'
    browser = Browser(house)
    answer = browser.send(f"/mentions/{number}/answer", csrf="old", reply=str(draft), seen="3", text=typed)
    assert answer.status_code == 403
    assert "What you typed is kept" in answer.text
    # A slip in between loses nothing either.
    assert browser.send("/sign-in", name="Léa", password="a slip").status_code == 403
    answer = browser.send("/sign-in", name="Léa", password=PASSWORD)
    assert answer.headers["location"] == f"/mentions/{number}"
    row = house.row("SELECT * FROM typing")
    assert row["text"] == typed.replace("\r\n", "\n")
    assert (row["mention_id"], row["reply_id"]) == (number, draft)
    assert house.replies("c1", "ready") == [], "nothing was sent by it"


def test_a_form_without_a_text_says_that_nothing_was_done_and_leads_back(house: House) -> None:
    browser = Browser(house)
    browser.client.headers["referer"] = "http://127.0.0.1:8700/users?x=1"
    answer = browser.send("/users/remove", user="3")
    assert "was not done" in answer.text
    assert 'name="next" value="/users"' in answer.text


def test_the_page_before_is_believed_only_if_it_is_ours(house: House) -> None:
    browser = Browser(house)
    browser.client.headers["referer"] = "http://evil.example/users"
    assert 'name="next" value="/"' in browser.send("/users/remove").text


@pytest.mark.parametrize(
    ("path", "field"),
    [("/mentions/99/answer", "text"), ("/mentions/1/note", "words"), ("/account/language", "text")],
)
def test_a_text_that_is_no_draft_is_shown_once_and_put_into_no_editor(
    house: House, path: str, field: str
) -> None:
    """A note among colleagues must not come to stand where the next click publishes it."""
    user(house)
    house.hears(comment("c1", "Bonjour, quels sont vos horaires ?"))
    browser = Browser(house)
    browser.send(path, reply="1", seen="x", **{field: "Attention, <b>client</b> difficile"})
    answer = browser.send("/sign-in", name="Léa", password=PASSWORD)
    assert answer.status_code == 200
    assert "Attention, &lt;b&gt;client&lt;/b&gt; difficile" in answer.text
    assert house.rows("SELECT 1 FROM typing") == []
    assert browser.is_in()


# --- Whose form it is ----------------------------------------------------------------------------


def test_nobody_is_signed_in_by_a_form_of_another_site(house: House) -> None:
    user(house)
    browser = Browser(house)
    answer = browser.client.post("/sign-in", data={"name": "Léa", "password": PASSWORD})
    assert answer.status_code == 403
    assert not browser.is_in()


def test_a_form_is_good_only_in_the_browser_that_it_was_shown_to(house: House) -> None:
    user(house)
    mine, theirs = Browser(house), Browser(house)
    mine.open("/sign-in")
    theirs.open("/sign-in")
    theirs.seen = mine.seen
    assert theirs.send("/sign-in", name="Léa", password=PASSWORD).status_code == 403


def test_an_action_without_the_token_of_the_session_is_refused(house: House) -> None:
    visitor = signed_in(house)
    for csrf in ("", "wrong", "é"):
        answer = visitor.client.post("/account/language", data={"lang": "fr", "csrf": csrf})
        assert answer.status_code == 403
    other = signed_in(house, name="Marc")
    assert visitor.post("/account/language", lang="fr", csrf=other.csrf).status_code == 403
    assert house.rows("SELECT 1 FROM users WHERE lang = 'fr'") == []


def test_seen_is_written_once_a_minute(house: House) -> None:
    visitor = signed_in(house)
    began = ms(house.clock())
    house.clock.forward(seconds=59)
    visitor.get("/account")
    assert house.row("SELECT seen_at FROM sessions")["seen_at"] == began
    house.clock.forward(seconds=1)
    visitor.get("/account")
    assert house.row("SELECT seen_at FROM sessions")["seen_at"] == began + 60_000


def test_many_sessions_of_one_user_stand_beside_each_other(house: House) -> None:
    one, two = signed_in(house), signed_in(house)
    assert one.get("/account").status_code == two.get("/account").status_code == 200
    with house.app.watch.store.tx() as tx:
        sessions.end_all(tx, one.user_id, but=two.client.cookies["vigie"])
    assert (one.get("/account").status_code, two.get("/account").status_code) == (303, 200)


def test_a_page_that_looks_for_news_by_itself_keeps_nobody_signed_in(house: House) -> None:
    """An inbox left open on a desk fetches itself anew all night."""
    visitor = signed_in(house)
    for _ in range(8):
        house.clock.forward(hours=1)
        answer = visitor.get("/account", sec_fetch_dest="empty")
    assert answer.status_code == 303


def test_what_is_said_once_is_not_said_to_a_script(house: House) -> None:
    visitor = signed_in(house)
    answer = visitor.post("/account/language", lang="en")
    assert "Kept." not in visitor.get("/account", sec_fetch_dest="empty").text
    assert "Kept." in visitor.follow(answer).text
    assert "Kept." not in visitor.get("/account").text
