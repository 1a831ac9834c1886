"""A conversation stands where its network shows it: in a thread in which others speak too."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from bot.models import Author, Kind
from bot.store import threads
from bot.store.threads import OTHERS
from tests.support.house import QUESTION, START, THANKS, House, build_house, comment
from tests.support.signed_in import signed_in


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path, extra="rules: []")


def messages(page: str) -> list[tuple[str, str]]:
    """The side and the words of each message, as they stand on the page."""
    found = re.findall(r'<li class="message (\w+).*?<p class="said"[^>]*>(.*?)</p>', page, re.DOTALL)
    return [(side, unescape(words)) for side, words in found]


def test_what_others_say_in_the_same_thread_is_shown_around_it_as_somebody_elses(house: House) -> None:
    at = [START + timedelta(minutes=n) for n in range(4)]
    house.clock.forward(minutes=5)
    house.hears(
        comment("1", "Votre appli plante !", by="paul", conversation="post", posted_at=at[0]),
        comment("2", QUESTION, conversation="post", posted_at=at[1], in_reply_to="1"),
        comment("3", "Chez moi aussi.", by="zoé", conversation="post", posted_at=at[2]),
        comment("4", THANKS, by="ines", conversation="elsewhere", posted_at=at[3]),
    )
    number = house.mention("2")["id"]
    page = signed_in(house).get(f"/mentions/{number}").text
    assert messages(page) == [
        ("others", "Votre appli plante !"), ("theirs", QUESTION), ("others", "Chez moi aussi."),
    ]  # fmt: skip
    assert page.count("somebody else</span>") == 2
    assert f'<a href="/mentions/{house.mention("1")["id"]}">' in page


def test_what_was_spoken_to_is_shown_however_far_away_and_of_the_rest_the_nearest(house: House) -> None:
    house.clock.forward(hours=2)
    crowd = [
        comment(f"c{n}", f"Moi aussi {n}", by=f"p{n}", conversation="post",
                posted_at=START + timedelta(minutes=n))
        for n in range(60)
    ]  # fmt: skip
    house.hears(*crowd)
    house.hears(comment("me", QUESTION, conversation="post", in_reply_to="c2",
                        posted_at=START + timedelta(minutes=60)))  # fmt: skip
    mention = house.mention("me")
    with house.app.watch.store.read() as tx:
        shown = threads.thread(tx, mention)
    others = [one["text"] for one in shown if one["side"] == "others"]
    assert others == ["Moi aussi 2", *(f"Moi aussi {n}" for n in range(60 - OTHERS, 60))]


def test_private_messages_what_is_deleted_and_shares_are_nobody_elses_business(house: House) -> None:
    house.hears(
        comment("1", QUESTION, conversation="t"),
        comment("2", "Entre nous", by="paul", conversation="t", kind=Kind.MESSAGE),
        comment("3", "RT", by="zoé", conversation="t", kind=Kind.SHARE, addressed=False),
        comment("4", "Regretté", by="ines", conversation="t"),
    )
    house.hears(deleted=["4"])
    lea = signed_in(house)
    assert messages(lea.get(f"/mentions/{house.mention('1')['id']}").text) == [("theirs", QUESTION)]
    assert messages(lea.get(f"/mentions/{house.mention('2')['id']}").text) == [("theirs", "Entre nous")]


def test_the_same_thread_id_on_another_network_is_another_thread(house: House) -> None:
    house.hears(
        comment("1", QUESTION, conversation="t"),
        comment("2", "Ailleurs", by="paul", conversation="t", network="forum"),
    )
    assert messages(signed_in(house).get("/mentions/1").text) == [("theirs", QUESTION)]


def test_what_the_page_is_about_is_never_folded_away(house: House) -> None:
    house.clock.forward(hours=1)
    said = [
        comment(f"m{n}", f"Message {n}", conversation="t", posted_at=START + timedelta(minutes=n))
        for n in range(20)
    ]
    house.hears(*said)
    lea = signed_in(house)

    def folded(remote_id: str) -> list[str]:
        page = lea.get(f"/mentions/{house.mention(remote_id)['id']}").text
        found = re.search(r'<details class="earlier">.*?</details>', page, re.DOTALL)
        return [words for _, words in messages(found[0])] if found else []

    assert folded("m0") == []
    assert folded("m5") == [f"Message {n}" for n in range(4)]
    assert folded("m19") == [f"Message {n}" for n in range(14)]


def test_what_others_wrote_is_text_and_nothing_else(house: House) -> None:
    evil = '<script>alert(1)</script>{{ 7 * 7 }}"onclick="x'
    house.hears(
        comment("1", QUESTION, conversation="t"),
        comment("2", evil, conversation="t", author=Author("p", evil, evil), url="javascript:alert(1)"),
    )
    page = signed_in(house).get("/mentions/1").text
    assert ("others", evil) in messages(page)
    assert "<script>alert" not in page
    assert "javascript:alert" not in page
