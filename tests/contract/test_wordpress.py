"""WordPress listener and responder against a blog that misbehaves: nothing is lost, nothing stands twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import AuthFailed, Retry, ServiceError, Unsure
from bot.models import Batch, Refusal, Reply
from listeners import wordpress as listening
from responders import wordpress as answering
from tests.support.settling import settle
from tests.support.wordpress_like import Blog, Faults, running


@pytest.fixture
def blog() -> Iterator[Blog]:
    with running() as started:
        yield started


def settings(blog: Blog, **more: Any) -> dict[str, Any]:
    return {"url": blog.url, "username": blog.username, "password": blog.password, **more}


def listener(blog: Blog, now: datetime | None = None, **more: Any) -> listening.WordPressListener:
    config = listening.Config(**settings(blog, **more))
    return listening.WordPressListener(config, (lambda: now) if now else lambda: datetime.now(UTC))


def responder(blog: Blog, **more: Any) -> answering.WordPressResponder:
    return answering.WordPressResponder(answering.Config(**settings(blog, **more)))


def ids(batch: Batch) -> set[int]:
    return {int(mention.remote_id) for mention in batch.mentions}


def test_everything_is_heard_however_the_pages_come(blog: Blog) -> None:
    blog.fill(950, hold_every=7)
    for faults in (Faults(), Faults(reverse=True)):
        blog.faults = faults
        assert ids(listener(blog).poll(None)) == set(blog.comments)


def test_pages_that_come_twice_are_made_good_at_the_next_poll(blog: Blog) -> None:
    blog.fill(250)
    blog.faults = Faults(twice=True)
    ears = listener(blog)
    first = ears.poll(None)
    second = ears.poll(first.cursor)
    assert ids(first) < set(blog.comments) == ids(first) | ids(second)
    assert first.complete_to < second.complete_to


def test_a_great_backlog_is_read_in_several_polls_and_whole(blog: Blog) -> None:
    blog.fill(2_450)
    ears, cursor, heard, batches = listener(blog), None, set[int](), list[Batch]()
    for _ in range(3):
        batches.append(ears.poll(cursor))
        cursor = batches[-1].cursor
        heard |= ids(batches[-1])
    assert heard == set(blog.comments)
    assert len(batches[0].mentions) == 2_000
    assert batches[0].complete_to < batches[1].complete_to
    assert batches[0].complete_to <= batches[0].mentions[-1].posted_at


def test_thousands_in_one_second_are_read_to_the_end(blog: Blog) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=5)
    for n in range(2_200):
        blog.visitor_comment(f"n° {n}", at=moment)
    ears = listener(blog)
    first = ears.poll(None)
    assert ids(first) | ids(ears.poll(first.cursor)) == set(blog.comments)


def test_a_first_poll_does_not_flood(blog: Blog) -> None:
    old = blog.visitor_comment("vieux", at=datetime.now(UTC) - timedelta(days=2))
    new = blog.visitor_comment("neuf", at=datetime.now(UTC) - timedelta(hours=2))
    assert ids(listener(blog).poll(None)) == {new}
    assert ids(listener(blog, first_days=3).poll(None)) == {old, new}


def test_a_comment_of_the_same_second_as_the_poll_is_heard(blog: Blog) -> None:
    now = datetime.now(UTC).replace(microsecond=900_000)
    first = listener(blog, now).poll(None)
    comment = blog.visitor_comment("juste après", at=now.replace(microsecond=0))
    assert comment in ids(listener(blog, now + timedelta(seconds=1)).poll(first.cursor))


def test_a_quiet_poll_is_one_small_request(blog: Blog) -> None:
    blog.fill(500)
    ears = listener(blog)
    first = ears.poll(None)
    blog.requests.clear()
    assert len(ears.poll(first.cursor).mentions) < 5
    assert len(blog.requests) == 1


def test_a_clock_set_back_loses_nothing(blog: Blog) -> None:
    now = datetime.now(UTC)
    first = listener(blog, now).poll(None)
    comment = blog.visitor_comment("pendant ce temps", at=now - timedelta(minutes=30))
    earlier = now - timedelta(hours=1)
    second = listener(blog, earlier).poll(first.cursor)
    assert comment in ids(second)
    assert second.complete_to <= earlier


def test_a_clock_ahead_of_the_blog_s_promises_no_more_than_the_blog_knows(blog: Blog) -> None:
    batch = listener(blog, datetime.now(UTC) + timedelta(hours=3)).poll(None)
    assert batch.complete_to <= datetime.now(UTC)


def test_an_edited_comment_is_brought_again_and_a_deleted_one_disturbs_nothing(blog: Blog) -> None:
    edited, gone = blog.visitor_comment("avant"), blog.visitor_comment("bientôt parti")
    ears = listener(blog)
    first = ears.poll(None)
    blog.edit(edited, "après")
    blog.delete(gone)
    assert [mention.text for mention in ears.poll(first.cursor).mentions] == ["après"]


def test_a_password_that_is_changed_is_said_at_the_next_poll(blog: Blog) -> None:
    ears = listener(blog)
    first = ears.poll(None)
    blog.password = "another one"
    with pytest.raises(AuthFailed):
        ears.poll(first.cursor)


def test_replies_that_may_have_been_published_are_found_and_never_doubled(blog: Blog) -> None:
    blog.fill(150)
    mentions = listener(blog).poll(None).mentions
    blog.faults = Faults(drop_after_accept=0.2, error_after_accept=0.2, error_before_accept=0.2)
    talk = responder(blog)
    replies = [Reply(f"k{one.remote_id}", "Merci, nous regardons.", one) for one in mentions]
    assert sum(settle(talk, reply).unsure for reply in replies) > 50  # the faults did happen
    assert blog.state() == {"replies": 150, "answered": 150, "doubled": 0}


def test_all_of_a_call_together_ends_in_time(blog: Blog) -> None:
    blog.visitor_comment("Bonjour")
    mention = listener(blog).poll(None).mentions[0]
    blog.faults = Faults(slow=0.3)
    with pytest.raises(ServiceError) as caught:  # the first request fits, both do not
        responder(blog, timeout=0.45).send(Reply("k1", "Bonjour", mention))
    assert isinstance(caught.value, (Retry, Unsure))


def test_a_post_that_was_closed_is_noticed_within_a_minute_before_drafting(blog: Blog) -> None:
    blog.visitor_comment("Bonjour")
    mention, now = listener(blog).poll(None).mentions[0], 1_000.0
    talk = answering.WordPressResponder(answering.Config(**settings(blog)), lambda: now)
    assert talk.can_reply(mention) is None
    blog.closed = True
    assert talk.can_reply(mention) is None
    now += 61
    assert talk.can_reply(mention) == Refusal("comments are closed there")


def test_a_connection_that_the_blog_closed_meanwhile_is_made_anew() -> None:
    with running(Blog(patience=0.05)) as blog:
        blog.visitor_comment("Bonjour")
        mention, talk = listener(blog).poll(None).mentions[0], responder(blog)
        assert talk.can_reply(mention) is None
        time.sleep(0.3)
        assert talk.can_reply(mention) is None


@pytest.mark.parametrize("config", [listening.Config, answering.Config])
@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://blog.example.org", "https"),
        ("http://10.0.0.7", "https"),
        ("https://bot:hunter2@blog.example.org", "must not hold credentials"),
        ("blog.example.org", "address such as"),
        ("file:///etc/passwd", "address such as"),
    ],
)
def test_an_address_that_the_password_must_not_go_to_is_refused(config: Any, url: str, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault) as caught:
        config(url=url, username="bot", password="secret")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://blog.example.org/", "http://127.0.0.1:8080", "http://[::1]", "http://localhost"]
)
def test_a_protected_or_local_address_is_fine(url: str) -> None:
    assert listening.Config.model_validate({"url": url, "username": "bot", "password": "x"}).url == url
