"""A list of the queue that somebody works through: its filters go along from one conversation to the next,
and back."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.support.doors import PASSWORD, Browser, user
from tests.support.house import QUESTION, THANKS, House, build_house, comment
from tests.support.signed_in import Visitor, signed_in

MINE = "?assignee=%40me"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Four people wait; 1 and 3 are Léa's."""
    built = build_house(tmp_path, extra="rules: []")
    built.hears(*[comment(str(n), QUESTION, by=f"p{n}") for n in (1, 2, 3, 4)])
    for number in (1, 3):
        built.desk.assign(number, "Léa", built.mention(str(number))["version"], "Malik")
    return built


def leads(page: str, rel: str) -> str | None:
    """Where the link of this relation leads."""
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    return unescape(found[1]) if found else None


def approve(visitor: Visitor, house: House, number: int, query: str) -> str:
    """Where somebody is after they let the first draft go out."""
    mention = house.mention(str(number))
    draft = house.replies(str(number), "draft")[0]
    fields = {"reply": draft["id"], "seen": mention["version"], "do": "approve"}
    answer = visitor.post(f"/mentions/{number}/answer{query}", **fields)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_the_rows_of_a_list_take_it_along(house: House) -> None:
    page = signed_in(house).get(f"/{MINE}").text
    assert re.findall(r'class="open" href="([^"]+)"', page) == [f"/mentions/1{MINE}", f"/mentions/3{MINE}"]


def test_previous_and_next_are_those_of_the_list_and_the_way_back_leads_to_it(house: House) -> None:
    lea = signed_in(house)
    page = lea.get(f"/mentions/1{MINE}").text
    assert leads(page, "prev") is None
    assert leads(page, "next") == f"/mentions/3{MINE}"
    assert leads(page, "up") == f"/{MINE}"
    page = lea.get(f"/mentions/3{MINE}").text
    assert leads(page, "prev") == f"/mentions/1{MINE}"
    assert leads(page, "next") is None


def test_what_is_not_in_the_list_has_those_around_its_place(house: House) -> None:
    page = signed_in(house).get(f"/mentions/2{MINE}").text
    assert (leads(page, "prev"), leads(page, "next")) == (f"/mentions/1{MINE}", f"/mentions/3{MINE}")


def test_what_is_over_and_what_was_searched_for_is_followed_from_the_newest_on(house: House) -> None:
    house.hears(comment("5", THANKS, by="eve"), comment("6", THANKS, by="zoé"))
    lea = signed_in(house)
    page = lea.get("/mentions/6?q=merci").text
    assert (leads(page, "prev"), leads(page, "next")) == (None, "/mentions/5?q=merci")
    assert leads(lea.get("/mentions/5?q=merci").text, "prev") == "/mentions/6?q=merci"
    page = lea.get("/mentions/3?q=%21%21").text
    assert (leads(page, "prev"), leads(page, "next")) == (None, None)


def test_after_an_approval_comes_the_next_of_the_list_then_its_first_then_nobody(house: House) -> None:
    lea = signed_in(house)
    assert approve(lea, house, 3, MINE) == "/mentions/1?done=3&assignee=%40me"
    back = lea.get("/mentions/1?done=3&assignee=%40me").text
    assert f'class="donelink"><a href="/mentions/3{MINE}"' in back
    assert approve(lea, house, 1, MINE) == f"/mentions/1{MINE}"
    assert "Nobody else waits in this view." in lea.get("/mentions/1").text


def test_among_what_was_searched_for_the_next_one_is_somebody_who_waits(house: House) -> None:
    lea = signed_in(house)
    assert approve(lea, house, 3, "?q=Lyon") == "/mentions/2?done=3&q=Lyon"
    assert approve(lea, house, 4, "?q=Lyon&state=all") == "/mentions/2?done=4&q=Lyon&state=all"


def test_every_form_of_the_page_comes_back_to_the_list(house: House) -> None:
    lea = signed_in(house)
    page = lea.get(f"/mentions/1{MINE}").text
    forms = [unescape(path) for path in re.findall(r'action="(/mentions/[^"]+)"', page)]
    assert len(forms) > 10
    assert [path for path in forms if not path.endswith(MINE)] == []
    seen = house.mention("1")["version"]
    answer = lea.post(f"/mentions/1/assign{MINE}", to="Malik", seen=seen)
    assert answer.headers["location"] == f"/mentions/1{MINE}"
    answer = lea.post(f"/mentions/1/assign{MINE}", to="Léa", seen=seen)
    assert answer.headers["location"] == f"/mentions/1{MINE}"  # Conflict: somebody was first
    assert f'data-here="/mentions/1{MINE}"' in page


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("?next=//evil.example&network=blog", "?network=blog"), ("?state=none&due=never", ""),
     ("?q=%22%3E%3Cscript%3E", "?q=%22%3E%3Cscript%3E"), ("?after=nowhere&done=x&why=2", ""),
     ("?after=1-5-2&network=blog", "?network=blog&after=1-5-2")],
)  # fmt: skip
def test_an_address_keeps_what_the_queue_knows_and_nothing_else(house: House, asked: str, kept: str) -> None:
    page = signed_in(house).get(f"/mentions/2{asked}")
    assert page.status_code == 200
    assert leads(page.text, "up") == f"/{kept}"
    assert "<script>" not in page.text


def test_who_signs_in_anew_is_in_the_same_list(house: House) -> None:
    user(house)
    late = Browser(house)
    late.open("/")
    page = late.client.post(f"/mentions/1/answer{MINE}", data={"text": "Bonjour", "reply": "", "seen": "1"})
    late.seen = page.text
    answer = late.send("/sign-in", name="Léa", password=PASSWORD)
    assert answer.headers["location"] == f"/mentions/1{MINE}"
