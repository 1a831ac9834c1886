"""Reddit: what a script of exchanges cannot show. The wire itself is in tests/fixtures/reddit/."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.models import Mention, Reply
from listeners.reddit import Config, RedditListener
from responders import reddit as answering
from tests.support.scripted import Exchange, playing

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOKEN: Exchange = {
    "request": "POST /api/v1/access_token",
    "response": {"json": {"access_token": "1", "expires_in": 86400, "scope": "*"}},
}
INBOX, OWN = "GET /message/inbox/", "GET /user/BanqueAzur/comments/"


def settings(url: str, **more: Any) -> dict[str, Any]:
    account = {"client_id": "app", "client_secret": "s3cret", "username": "BanqueAzur", "password": "pa55"}
    return {**account, "reddit_url": url, "oauth_url": url, **more}


def page(request: str, *things: dict[str, Any], after: str = "") -> Exchange:
    children = [{"kind": "t1", "data": thing} for thing in things]
    return {"request": request, "response": {"json": {"data": {"after": after, "children": children}}}}


def comment(number: int, minutes_ago: float, **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).timestamp()
    return {"name": f"t1_{number}", "author": "zoe", "body": f"n° {number}", "created_utc": at, **more}


def test_reading_goes_back_to_the_poll_before_and_a_bit_further() -> None:
    first = [TOKEN, page(INBOX, comment(1, 5)), page(OWN)]
    second = [TOKEN, page(INBOX, comment(2, 1), comment(1, 5), comment(0, 500), after="t1_0"), page(OWN)]
    with playing([*first, *second]) as script:
        ears = RedditListener(Config(**settings(script.url)), lambda: NOW)
        one = ears.poll(None)
        two = ears.poll(one.cursor)
        script.check()
    assert [mention.remote_id for mention in two.mentions] == ["t1_1", "t1_2"]
    assert (one.complete_from, two.complete_from) == (NOW - timedelta(days=1), None)
    assert one.complete_to == NOW - timedelta(seconds=30)


def test_what_reddit_shows_no_more_is_a_gap() -> None:
    pages = [
        page(INBOX, *(comment(n * 100 + i, 1 + (n * 100 + i) / 1_000) for i in range(100)), after=f"t1_{n}")
        for n in range(10)
    ]
    with playing([TOKEN, *pages, page(OWN)]) as script:
        ears = RedditListener(Config(**settings(script.url)), lambda: NOW)
        batch = ears.poll(f'"{(NOW - timedelta(hours=1)).isoformat()}"')
        script.check()
    assert len(batch.mentions) == 1_000
    assert batch.complete_from == batch.mentions[0].posted_at


def test_what_its_author_took_down_is_told_and_a_moderators_removal_is_not() -> None:
    things = [comment(1, 1, body="[deleted]"), comment(2, 1, body="[removed]"), comment(3, 1)]
    info = page("GET /api/info/", *things) | {"query": {"id": "t1_1,t1_2,t1_3"}}
    with playing([TOKEN, info]) as script:
        ears = RedditListener(Config(**settings(script.url)))
        assert ears.deleted(["t1_1", "t1_2", "t1_3", "t4_9"]) == ["t1_1"]
        script.check()


def test_nothing_that_people_write_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = {"json": {"errors": [], "data": {"things": [{"kind": "t1", "data": comment(9, 0)}]}}}
    with playing([TOKEN, {"request": "POST /api/comment/", "response": {"json": answer}}]) as script:
        mouth = answering.RedditResponder(answering.Config(**settings(script.url)))
        mention = Mention("reddit", "t1_1", "hello", NOW)
        with caplog.at_level(logging.DEBUG):
            assert mouth.send(Reply("k", "very private words", mention)).remote_id == "t1_9"
    assert not [word for word in ("private", "s3cret", "pa55") if word in caplog.text]


def test_a_config_without_praw_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "praw", None)
    with pytest.raises(ValidationError, match=r'pip install "vigie\[reddit\]"'):
        Config(**settings("http://127.0.0.1:9"))


@pytest.mark.parametrize("wrong", [{"password": None}, {"refresh_token": "both"}])
def test_there_is_one_way_to_sign_in(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either password or refresh_token"):
        Config(**settings("http://127.0.0.1:9", **wrong))
