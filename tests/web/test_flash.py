"""What is done is said on the next page, once."""

from __future__ import annotations

import pytest

from tests.support.house import QUESTION, House, comment
from tests.support.signed_in import Visitor, signed_in


@pytest.fixture
def lea(house: House) -> Visitor:
    house.hears(comment("c1", QUESTION))
    return signed_in(house)


def version(lea: Visitor) -> str:
    return lea.get("/mentions/1").text.partition('name="seen" value="')[2].partition('"')[0]


def test_it_is_said_once(lea: Visitor) -> None:
    lea.post("/mentions/1/note", words="Cliente depuis 2009.")
    assert 'class="flash good"' in lea.get("/").text
    assert 'class="flash' not in lea.get("/").text


def test_a_script_that_asks_for_news_leaves_it_to_the_next_page(lea: Visitor) -> None:
    lea.post("/mentions/1/note", words="Cliente depuis 2009.")
    lea.client.get("/", headers={"sec-fetch-dest": "empty"})
    assert 'class="flash good"' in lea.get("/").text


@pytest.mark.parametrize(
    "cookie", ["", "no base64!", "bm8ganNvbg==", "WzFd", "eyJhIjogMX0=", "é", "W1tb" * 900]
)
def test_a_cookie_that_holds_something_else_says_nothing(lea: Visitor, cookie: str) -> None:
    session = lea.client.cookies["vigie"]
    shown = lea.client.get("/", headers={b"cookie": f"vigie={session}; vigie-said={cookie}".encode()})
    assert shown.status_code == 200
    assert 'class="flash' not in shown.text


def test_markup_in_it_is_text(lea: Visitor) -> None:
    lea.post("/mentions/1/assign", seen=version(lea), to="<script>alert(1)</script>")
    page = lea.get("/mentions/1").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
