"""What every answer has, and what is answered to requests that no page of ours makes."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response
from starlette.routing import Route

from bot.web.headers import POLICY
from bot.web.routes import page
from bot.web.texts import static
from tests.support.doors import Browser, house_behind_tls, user
from tests.support.house import House
from tests.support.signed_in import Visitor, browser, inbox, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from bot.web.visit import Visit

ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


SAID = "Claire Dupont wrote: my card is 4970 1000"


class Words(Exception):
    """What a page that fails says; it may hold a person's words."""


def failing(house: House) -> Visitor:
    """A house with a page that fails."""

    def fail(visit: Visit) -> Response:
        raise Words(SAID)

    inbox(house).router.routes.append(page("/failing", fail))
    return signed_in(house)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/sign-in", 200), ("GET", "/account", 303), ("GET", "/nothing", 404), ("PUT", "/account", 405),
     ("DELETE", "/sign-in", 405), ("TRACE", "/account", 405), ("GET", "/static/vigie.css", 200),
     ("GET", "/static/nothing.css", 404), ("POST", "/static/vigie.css", 405), ("GET", "/static/", 404),
     ("GET", "/static/..%2f..%2fapp.py", 404), ("GET", "/static/%00", 404), ("POST", "/sign-in", 403),
     ("GET", "/healthz", 200), ("GET", "/metrics", 200), ("GET", "/sign-in/", 404), ("HEAD", "/sign-in", 200),
     ("GET", "/welcome?link=x", 404)],
)  # fmt: skip
def test_every_answer_has_the_headers(house: House, method: str, path: str, status: int) -> None:
    answer = browser(house).request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["cache-control"] == (
        "public, max-age=31536000, immutable" if path == "/static/vigie.css" and status == 200 else "no-store"
    )
    assert "server" not in answer.headers


def test_a_page_that_fails_has_them_too_and_tells_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = failing(house)
    with caplog.at_level(logging.INFO):
        answer = visitor.get("/failing", accept_language="fr")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "Quelque chose a mal tourné ici." in answer.text
    for inside in ("Traceback", "Words", "Claire", "4970", ".py"):
        assert inside not in answer.text
    assert "unexpected Words" in caplog.text
    assert "Claire" not in caplog.text


def test_the_policy_lets_nothing_in_but_our_own_files(house: House) -> None:
    parts = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert parts["default-src"] == "'none'", "what is not named, such as object-src, is forbidden"
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
    assert parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert parts["form-action"] == "'self'"
    assert "unsafe" not in POLICY


def test_no_page_of_the_door_needs_what_the_policy_forbids(house: House) -> None:
    user(house, role="admin")
    visitor = signed_in(house, "admin")
    for path in ("/sign-in", "/account", "/users", "/account/second-factor", "/nothing"):
        text = visitor.get(path).text if path != "/sign-in" else browser(house).get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert "http" not in re.sub(r'"data:[^"]*"|otpauth:[^"]*', "", text), "no address of anybody else"


def test_behind_tls_browsers_are_told_to_come_by_tls_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(house_behind_tls(tmp_path, monkeypatch))
    client.base_url = "https://vigie.example.com"
    for path in ("/sign-in", "/nothing", "/static/vigie.css"):
        assert client.get(path).headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_without_tls_they_are_not(house: House) -> None:
    assert "strict-transport-security" not in browser(house).get("/sign-in").headers


def test_a_file_of_ours_changes_its_address_with_what_it_holds(house: House) -> None:
    answer = browser(house).get(static("vigie.css"))
    assert re.fullmatch(r"/static/vigie\.css\?[0-9a-f]{12}", static("vigie.css"))
    assert answer.headers["content-type"].startswith("text/css")
    again = browser(house).get(static("vigie.css"), headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_head_is_answered_as_get_without_a_body(house: House) -> None:
    visitor = signed_in(house)
    got, head = visitor.get("/account"), visitor.client.head("/account")
    assert (head.status_code, head.text) == (200, "")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/sign-out", 405)])
def test_errors_are_told_in_the_visitors_language(house: House, path: str, status: int) -> None:
    stranger = browser(house, accept_language="fr")
    answer = stranger.get(path)
    assert answer.status_code == status
    assert '<html lang="fr">' in answer.text
    assert "Retour à la file d’attente" in answer.text
    page_of_user = signed_in(house, lang="fr").get(path).text
    assert 'action="/sign-out"' in page_of_user, "who is signed in keeps the way to other pages"


# --- Whose request it is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", "", "localhost.evil.example", "[::1",
     "10.0.0.1", "localhost@evil.example", "evil.example#localhost", "a" * 5000],
)  # fmt: skip
def test_under_a_foreign_name_nothing_is_served(house: House, host: str) -> None:
    """Or a site whose name turns to 127.0.0.1 would read along."""
    visitor = signed_in(house)
    for path in ("/account", "/sign-in", "/static/vigie.css", "/metrics", "/api"):
        assert visitor.get(path, host=host).status_code == 421, path
    assert visitor.get("/healthz", host=host).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8700", "127.0.0.1", "[::1]:8700", "LOCALHOST"])
def test_this_machine_has_these_names(house: House, host: str) -> None:
    assert browser(house).get("/sign-in", headers={"host": host}).status_code == 200


def test_behind_tls_the_name_is_that_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(house_behind_tls(tmp_path, monkeypatch))
    for host, status in (("vigie.example.com", 200), ("vigie.example.com:443", 200), ("example.com", 421)):
        assert client.get("/sign-in", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403),
     ({"sec-fetch-site": "same-origin"}, 303), ({"sec-fetch-site": "none"}, 303),
     ({"origin": "https://evil.example"}, 403), ({"origin": "null"}, 403),
     ({"origin": "http://127.0.0.1:9"}, 403),
     ({"origin": "http://127.0.0.1:8700"}, 303), ({}, 303)],
)  # fmt: skip
def test_what_another_site_sends_changes_nothing_even_with_a_token(
    house: House, headers: dict[str, str], status: int
) -> None:
    visitor = signed_in(house)
    form = {"csrf": visitor.csrf, "lang": "fr"}
    answer = visitor.client.post("/account/language", data=form, headers=headers)
    assert answer.status_code == status
    assert bool(house.rows("SELECT 1 FROM users WHERE lang = 'fr'")) == (status == 303)


def test_a_page_is_opened_from_another_site_as_any_link_is(house: House) -> None:
    assert signed_in(house).get("/account", sec_fetch_site="cross-site").status_code == 200


# --- What is no form of ours ---------------------------------------------------------------------

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [(b"lang=" + b"a" * (1 << 20), FORM, 413), (b"{}", {"content-type": "application/json"}, 415),
     (b"lang=fr", {"content-type": "text/plain"}, 415), (b"lang=fr", {}, 415),
     (b"&".join(b"a%d=1" % n for n in range(200)), FORM, 400), (b"\xff\xfe\x00", FORM, 403), (b"", FORM, 403),
     (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 415)],
)  # fmt: skip
def test_what_is_no_form_is_refused(house: House, body: bytes, headers: dict[str, str], status: int) -> None:
    visitor = signed_in(house)
    answer = visitor.client.post("/account/language", content=body, headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(house: House) -> None:
    visitor = signed_in(house)
    answer = visitor.client.post("/account/language", content=(b"a" * 65536 for _ in range(32)), headers=FORM)
    assert answer.status_code == 413


def test_of_a_field_that_comes_twice_the_last_counts(house: House) -> None:
    visitor = signed_in(house)
    body = f"lang=xx&lang=fr&csrf=wrong&csrf={visitor.csrf}&role=admin".encode()
    assert visitor.client.post("/account/language", content=body, headers=FORM).status_code == 303
    assert house.row("SELECT lang, role FROM users")["role"] == "agent", "what no page asked for does nothing"


def test_hostile_addresses_are_answered(house: House) -> None:
    for path in (
        "/%ff%fe",
        "/users/../../etc/passwd",
        "/a" * 4000,
        "/?" + "x" * 8000,
        "/%0d%0aX: y",
        "//evil.example",
    ):
        answer = Browser(house).open(path)
        assert answer.status_code in (303, 404), path
        assert "x" not in answer.headers.get("x", "")
        assert not answer.headers.get("location", "/").startswith(("//", "http"))


# --- What holds of all routes --------------------------------------------------------------------


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "0", "0" * 17 + "7"])
def test_no_number_that_a_browser_may_send_upsets_anything(house: House, number: str) -> None:
    for route in inbox(house).routes:
        if isinstance(route, Route) and route.path not in ("/live", "/metrics"):
            admin, path = signed_in(house, "admin", "Ada"), route.path.replace("{id:number}", number)
            if route.methods == {"POST"}:
                numbers = dict.fromkeys(("seen", "reply", "token", "user", "delivery", "note"), number)
                assert admin.post(path, **numbers).status_code < 500, path
            else:
                asked = "&".join(f"{name}={number}" for name in ("after", "before", "done"))
                assert admin.get(f"{path}?{asked}").status_code < 500, path


def test_nothing_that_changes_something_answers_to_a_get(house: House) -> None:
    """Each route takes one method; what is a POST on a page of ours is none by GET."""
    reading, changing = set[str](), set[str]()
    for route in inbox(house).routes:
        if isinstance(route, Route):
            methods = route.methods or set()
            assert methods in ({"GET", "HEAD"}, {"POST"}), route.path
            (changing if methods == {"POST"} else reading).add(route.path)
    visitor = signed_in(house, "admin")
    before = house.rows("SELECT * FROM users")
    for path in sorted(changing - reading):
        assert visitor.get(path.replace("{id:number}", "1")).status_code == 405, path
    assert house.rows("SELECT * FROM users") == before


def test_every_action_of_every_page_asks_who_is_there_and_for_the_token(house: House) -> None:
    for route in inbox(house).routes:
        if isinstance(route, Route) and route.methods == {"POST"}:
            path = re.sub(r"\{\w+(:\w+)?\}", "1", route.path)
            assert browser(house).post(path, data={}).status_code == 403, path
            assert signed_in(house, "admin").client.post(path, data={"csrf": "x"}).status_code == 403, path


def test_every_page_asks_who_is_there(house: House) -> None:
    for_anybody = {"/sign-in", "/welcome", "/healthz", "/metrics"}
    stranger = browser(house)
    for route in inbox(house).routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()) and route.path not in for_anybody:
            path = re.sub(r"\{\w+(:\w+)?\}", "1", route.path)
            answer = stranger.get(path)
            assert answer.status_code in (303, 401, 403), path
            assert answer.headers.get("location", "/sign-in").startswith("/sign-in"), path


def test_no_answer_is_shared_with_another_origin(house: House) -> None:
    visitor = signed_in(house)
    for path in ("/account", "/sign-in", "/static/vigie.css", "/api/openapi.json", "/nothing"):
        answer = visitor.get(path, origin="https://evil.example")
        assert not [name for name in answer.headers if name.startswith("access-control-")], path


def test_every_text_says_its_charset(house: House) -> None:
    visitor = signed_in(house)
    for path in ("/account", "/nothing", "/static/vigie.css", "/static/vigie.js", "/healthz", "/metrics"):
        assert "charset=utf-8" in visitor.get(path).headers["content-type"], path


def test_with_a_store_that_fails_nobody_gets_in(house: House, tmp_path: Path) -> None:
    visitor = signed_in(house)
    house.app.watch.store.close()
    for file in tmp_path.glob("vigie.db*"):
        file.unlink()
    (tmp_path / "vigie.db").write_bytes(b"this is no database" * 1000)
    for path in ("/account", "/users", "/sign-in"):
        answer = visitor.get(path)
        assert answer.status_code == 503, path
        assert "Léa" not in answer.text
