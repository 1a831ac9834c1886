"""Whoever tries too often has to wait, and is told how long."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.serving import Serving
from bot.web import passwords
from tests.support.doors import PASSWORD, Browser, code, house_behind_tls, user
from tests.support.house import House
from tests.support.signed_in import inbox, signed_in

if TYPE_CHECKING:
    from pathlib import Path

WRONG = "a wrong one"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def tries(house: House, times: int, name: str = "Léa", by: str = "", password: str = WRONG) -> list[int]:
    """What so many attempts are answered with, `by` a client behind the proxy."""
    browser = Browser(house)
    if by:
        browser.client.base_url = "https://vigie.example.com"
        browser.client.headers["x-forwarded-for"] = by
    return [browser.sign_in(name, password).status_code for _ in range(times)]


@pytest.mark.parametrize("name", ["Léa", "Nobody"])
def test_after_five_attempts_one_waits_whether_the_name_exists_or_not(house: House, name: str) -> None:
    user(house)
    assert tries(house, 7, name) == [403] * 5 + [429] * 2
    browser = Browser(house)
    assert "Too many attempts. Wait 1 min, then try again." in browser.sign_in(name).text
    assert browser.sign_in(name).status_code == 429, "even with the right password"


def test_the_wait_is_told_in_the_visitors_language(house: House) -> None:
    tries(house, 5)
    browser = Browser(house, {"accept_language": "fr"})
    assert "Trop de tentatives. Attendez 1 min, puis réessayez." in browser.sign_in().text


def test_each_further_attempt_doubles_the_wait_up_to_an_hour(house: House) -> None:
    user(house)
    tries(house, 5)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        house.clock.forward(minutes=minutes, seconds=-1)
        assert tries(house, 1) == [429], minutes
        house.clock.forward(seconds=1)
        assert tries(house, 1) == [403], minutes


def test_who_then_knows_the_password_is_let_in_and_begins_anew(house: House) -> None:
    user(house)
    tries(house, 4)
    assert tries(house, 1, password=PASSWORD) == [303]
    assert tries(house, 5) == [403] * 5


def test_an_hour_without_an_attempt_forgets_those_before(house: House) -> None:
    user(house)
    tries(house, 4)
    house.clock.forward(hours=1, seconds=1)
    assert tries(house, 5) == [403] * 5


def test_many_attempts_in_one_moment_are_as_many(house: House) -> None:
    user(house)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: tries(house, 1)[0], range(16)))
    assert sorted(results) == [403] * 5 + [429] * 11


def test_who_tries_a_colleagues_name_does_not_lock_them_out_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    user(house)
    assert tries(house, 6, by="203.0.113.7")[-1] == 429
    assert tries(house, 1, by="198.51.100.1", password=PASSWORD) == [303]


def test_an_address_that_tries_many_names_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    for number in range(30):
        assert tries(house, 1, f"name{number}", by="203.0.113.7") == [403]
    assert tries(house, 1, "another", by="203.0.113.7") == [429]
    assert tries(house, 1, "another", by="203.0.113.8") == [403]


def test_a_name_that_many_addresses_try_is_tried_less_than_a_hundred_times_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    user(house)
    made = 0
    for number in range(80):
        made += tries(house, 1, by=f"10.0.{number}.1").count(403)
        house.clock.forward(seconds=45)
    assert 50 <= made < 100


def test_a_whole_network_of_ipv6_is_one_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    for number in range(5):
        tries(house, 1, by=f"2001:db8:0:1::{number + 1}")
    assert tries(house, 1, by="2001:db8:0:1:ffff::9") == [429]
    assert tries(house, 1, by="2001:db8:0:2::1") == [403]


def test_what_a_client_writes_before_the_proxy_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    for number in range(5):
        tries(house, 1, by=f"10.9.9.{number}, 203.0.113.7")
    assert tries(house, 1, by="10.9.9.99, 203.0.113.7") == [429]


def test_without_a_proxy_no_forwarded_address_is_believed(house: House) -> None:
    user(house)
    browser = Browser(house)
    for number in range(5):
        browser.client.headers["x-forwarded-for"] = f"203.0.113.{number}"
        browser.sign_in(password="wrong")
    assert browser.sign_in().status_code == 429


def test_a_user_of_ours_who_tries_others_names_waits_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_behind_tls(tmp_path, monkeypatch)
    user(house, "Marc")
    for number in range(30):
        tries(house, 1, f"name{number}", by="203.0.113.7")
        tries(house, 1, "Marc", by="203.0.113.7", password=PASSWORD)
    assert tries(house, 1, "another", by="203.0.113.7") == [429]


def test_however_many_strangers_try_at_once_users_are_not_kept_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty sign-ins hang, more than the server has threads; a page comes all the same."""
    house, done = house_behind_tls(tmp_path, monkeypatch), threading.Event()
    visitor = signed_in(house)
    monkeypatch.setattr(passwords, "matches", lambda stored, password: done.wait(30) and False)
    serving = Serving("web.listen", ("127.0.0.1", 0), lambda: inbox(house), 200)

    def try_one(number: int) -> int:
        ours = {"host": "vigie.example.com", "x-forwarded-for": f"10.0.{number}.1"}
        page = client.get("/sign-in", headers=ours)
        ours["cookie"] = page.headers["set-cookie"].partition(";")[0]
        csrf = re.findall('name="csrf" value="([^"]+)"', page.text)[0]
        form = {"csrf": csrf, "name": f"name{number}", "password": WRONG}
        return client.post("/sign-in", data=form, headers=ours).status_code

    everybody = httpx.Client(base_url=serving.url, timeout=20, limits=httpx.Limits(max_connections=100))
    with everybody as client, ThreadPoolExecutor(60) as pool:
        trying = [pool.submit(try_one, number) for number in range(60)]
        try:
            ours = {"host": "vigie.example.com", "cookie": f"__Host-vigie={visitor.client.cookies['vigie']}"}
            for _ in range(3):
                assert client.get("/account", headers=ours).status_code == 200
            assert not any(one.done() for one in trying)
        finally:
            done.set()
        assert {one.result() for one in trying} == {403}
    serving.close()


def test_nobody_guesses_the_password_of_an_open_browser(house: House) -> None:
    user(house)
    visitor = signed_in(house)
    new = {"password": "another good long one", "again": "another good long one"}
    for number in range(5):
        visitor.post("/account/password", present=f"guess {number}", **new)
    answer = visitor.follow(visitor.post("/account/password", present=PASSWORD, **new))
    assert "Too many attempts." in answer.text


def test_the_code_of_a_second_factor_cannot_be_guessed_either(house: House) -> None:
    user(house, totp=SECRET)
    browser = Browser(house)
    browser.sign_in()
    assert [browser.send("/sign-in/code", code="000000").status_code for _ in range(6)] == [403] * 5 + [429]
    # Beginning once more with the password gives no more guesses.
    other = Browser(house)
    other.sign_in()
    assert other.send("/sign-in/code", code=code(house, SECRET)).status_code == 429


def test_the_store_keeps_no_address_and_no_name_that_was_tried(house: House) -> None:
    tries(house, 3, "a password typed as a name")
    kept = str([tuple(row) for row in house.rows("SELECT * FROM attempts")])
    assert "password" not in kept
    assert "127.0.0.1" not in kept
    house.clock.forward(hours=2)
    tries(house, 1)
    assert len(house.rows("SELECT * FROM attempts")) == 3, "those before are gone"


def test_the_log_tells_of_refused_sign_ins_and_of_nothing_that_was_typed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    number = user(house, totp=SECRET)
    tries(house, 6)
    tries(house, 1, "a password typed as a name")
    browser = Browser(house)
    house.clock.forward(minutes=1)
    browser.sign_in()
    browser.send("/sign-in/code", code="000000")
    lines = [record.getMessage() for record in caplog.records if record.name == "vigie"]
    assert lines == [
        *[f"web: a sign-in was refused (wrong password): user {number}"] * 5,
        f"web: a sign-in was refused (too many attempts): user {number}",
        "web: a sign-in was refused (wrong password): no user of ours",
        f"web: a sign-in was refused (wrong code): user {number}",
    ]


def test_the_log_tells_who_was_refused_for_their_role(house: House, caplog: pytest.LogCaptureFixture) -> None:
    visitor = signed_in(house, "viewer")
    visitor.get("/users?name=private")
    visitor.post("/users/remove", user=1)
    lines = [record.getMessage() for record in caplog.records if record.name == "vigie"]
    assert lines == [
        "web: GET /users was refused to user 1, who is viewer",
        "web: POST /users/remove was refused to user 1, who is viewer",
    ]
