"""Mastodon listener and responder against a server that misbehaves: nobody is lost, nothing stands twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import AuthFailed, RateLimited, Refused, Retry, Unsure
from bot.models import Batch, Limits, Mention, Reply
from listeners import mastodon as listening
from responders import mastodon as answering
from tests.support.mastodon_like import TOKEN, Faults, Instance, running
from tests.support.scripted import nobody
from tests.support.settling import settle


@pytest.fixture
def server() -> Iterator[Instance]:
    with running() as started:
        yield started


def listener(server: Instance, now: datetime | None = None, **more: Any) -> listening.MastodonListener:
    config = listening.Config.model_validate({"url": server.url, "token": TOKEN, **more})
    return listening.MastodonListener(config, (lambda: now) if now else lambda: datetime.now(UTC))


def responder(url: str, **more: Any) -> answering.MastodonResponder:
    config = answering.Config.model_validate({"url": url, "token": TOKEN, **more})
    return answering.MastodonResponder(config)


def ids(batch: Batch) -> set[str]:
    return {mention.remote_id for mention in batch.mentions}


# --- Listening ------------------------------------------------------------------------------------

PAGES = [Faults(), Faults(page=40), Faults(newest_page=True), Faults(newest_page=True, page=20)]


@pytest.mark.parametrize("faults", PAGES, ids=["Mastodon", "short pages", "snac", "snac, short pages"])
def test_everything_is_heard_however_the_pages_come(server: Instance, faults: Faults) -> None:
    server.faults = faults
    server.fill(100)
    ears = listener(server)
    first = ears.poll(None)
    assert ids(first) == set(server.statuses)
    server.fill(100)
    second = ears.poll(first.cursor)
    assert ids(first) | ids(second) == set(server.statuses)
    assert len(ids(second)) == 100
    assert [m.posted_at for m in second.mentions] == sorted(m.posted_at for m in second.mentions)


def test_a_great_backlog_is_read_in_several_polls_and_whole(server: Instance) -> None:
    server.fill(1)
    ears = listener(server)
    batches = [ears.poll(None)]
    server.faults = Faults(page=20)
    server.fill(450)
    batches.append(ears.poll(batches[-1].cursor))
    assert len(batches[-1].mentions) == 400
    assert batches[-1].complete_to == batches[-1].mentions[-1].posted_at
    batches.append(ears.poll(batches[-1].cursor))
    assert set.union(*map(ids, batches)) == set(server.statuses)
    assert batches[-1].complete_to > batches[-2].complete_to


def test_a_first_poll_does_not_flood(server: Instance) -> None:
    now = datetime.now(UTC)
    server.mention("vieux", now - timedelta(days=2))
    new = server.mention("neuf", now - timedelta(hours=2))
    batch = listener(server).poll(None)
    assert ids(batch) == {new["id"]}
    assert batch.complete_from is not None
    assert (
        now - timedelta(days=1, seconds=5)
        < batch.complete_from
        <= now - timedelta(days=1) + timedelta(seconds=5)
    )
    assert len(listener(server, first_days=3).poll(None).mentions) == 2


def test_what_was_said_before_anybody_ever_spoke_is_not_lost(server: Instance) -> None:
    now = datetime.now(UTC)
    first = listener(server, now).poll(None)
    late = server.mention("arrivé pendant une longue panne", now + timedelta(hours=2))
    assert ids(listener(server, now + timedelta(days=5)).poll(first.cursor)) >= {late["id"]}


def test_a_quiet_poll_is_two_small_requests(server: Instance) -> None:
    server.fill(200)
    ears = listener(server)
    first = ears.poll(None)
    server.asked.clear()
    assert ears.poll(first.cursor).mentions == ()
    assert len(server.asked) == 2


def test_all_that_the_brand_says_is_known_also_after_a_busy_day(server: Instance) -> None:
    server.says("bonjour")
    ears = listener(server)
    first = ears.poll(None)
    for n in range(95):
        server.says(f"réponse {n}", parent="102")
    second = ears.poll(first.cursor)
    assert {m.remote_id for m in second.mentions if m.own} >= {one["id"] for one in server.own[:95]}
    assert not [m for m in second.mentions if m.addressed]


def test_an_edit_is_heard_when_the_last_days_are_read_again(server: Instance) -> None:
    now = datetime.now(UTC)
    status = server.mention("avant", now)
    first = listener(server, now).poll(None)
    status["content"] = "<p>après</p>"
    soon, later = now + timedelta(minutes=1), now + timedelta(minutes=6)
    assert listener(server, soon).poll(first.cursor).mentions == ()
    (mention,) = listener(server, later).poll(first.cursor).mentions
    assert (mention.remote_id, mention.text) == (status["id"], "après")


@pytest.mark.parametrize("one_by_one", [False, True], ids=["together", "one by one"])
def test_what_was_taken_down_is_told_apart_from_what_stands(server: Instance, one_by_one: bool) -> None:
    server.faults = Faults(one_by_one=one_by_one)
    server.fill(50)
    heard = [mention.remote_id for mention in listener(server).poll(None).mentions]
    for status in list(server.statuses.values())[10:13]:
        server.deletes(status)
    gone = listener(server).deleted([*heard, f"boost:{heard[0]}:7"])
    assert set(gone) == set(heard) - set(server.statuses)
    assert len(gone) == 3


def test_a_server_that_no_longer_knows_us_has_deleted_nothing(server: Instance) -> None:
    server.fill(3)
    heard = [mention.remote_id for mention in listener(server).poll(None).mentions]
    server.statuses.clear()
    server.token = "another one"
    with pytest.raises(AuthFailed):
        listener(server).deleted(heard)
    server.token, server.faults = TOKEN, Faults(status=500)
    with pytest.raises(Retry):
        listener(server).deleted(heard)


def test_the_server_says_until_when_to_stay_away(server: Instance) -> None:
    # Its clock goes ten minutes ahead of ours: its own Date tells.
    there = datetime.now(UTC) + timedelta(minutes=10)
    reset = (there + timedelta(minutes=4)).isoformat().replace("+00:00", "Z")
    date = there.strftime("%a, %d %b %Y %H:%M:%S GMT")
    server.faults = Faults(status=429, headers={"X-RateLimit-Reset": reset, "Date": date})
    with pytest.raises(RateLimited) as caught:
        listener(server).poll(None)
    assert caught.value.after == pytest.approx(240, abs=5)


# --- Answering ------------------------------------------------------------------------------------


def heard(server: Instance) -> tuple[Mention, ...]:
    return listener(server).poll(None).mentions


def test_replies_that_may_have_been_published_are_found_and_never_doubled(server: Instance) -> None:
    server.fill(30)
    mentions = heard(server)
    server.faults = Faults(drop_after_accept=0.2, error_after_accept=0.2, error_before_accept=0.2)
    talk = responder(server.url)
    replies = [Reply(f"k{one.remote_id}", "Merci, nous regardons.", one) for one in mentions]
    assert sum(settle(talk, reply).unsure for reply in replies) > 8  # the faults did happen
    assert server.answered() == dict.fromkeys(server.statuses.keys() - {one["id"] for one in server.own}, 1)


def test_a_second_attempt_looks_before_it_sends(server: Instance) -> None:
    server.mention("Bonjour")
    (mention,) = heard(server)
    talk, reply = responder(server.url), Reply("k1", "Merci !", mention)
    first = talk.send(reply)
    assert talk.send(replace(reply, attempt=2)) == first
    server.deletes(server.statuses[mention.remote_id])
    assert talk.send(replace(reply, attempt=3)) == first
    with pytest.raises(Refused, match="it is gone"):
        talk.send(replace(reply, text="Autre chose", attempt=2))
    assert server.answered() == {mention.remote_id: 1}


def test_where_nobody_can_look_a_human_must(server: Instance) -> None:
    status = server.mention("Bonjour")
    (mention,) = heard(server)
    for n in range(250):
        server.says(f"autre chose {n}")
    server.deletes(status)
    with pytest.raises(Unsure, match="too many"):
        responder(server.url).find(Reply("k1", "Merci !", mention))


def test_our_own_reply_comes_back_in_the_words_that_were_approved(server: Instance) -> None:
    server.mention("Bonjour")
    ears = listener(server)
    first = ears.poll(None)
    responder(server.url).send(Reply("k1", "Merci, @bob vous appelle.", first.mentions[0]))
    (own,) = ears.poll(first.cursor).mentions
    assert (own.own, own.text, own.in_reply_to) == (
        True,
        "Merci, @bob vous appelle.",
        first.mentions[0].remote_id,
    )


def statuses(**rules: int) -> dict[str, Any]:
    return {"version": "4.0.0 (not true; really snac/2.75)", "configuration": {"statuses": rules}}


@pytest.mark.parametrize(
    ("about", "maximum", "link"),
    [
        ({"v2": statuses(max_characters=5000, characters_reserved_per_url=23)}, 4968, 23),
        ({"v1": statuses(max_characters=100_000, characters_reserved_per_url=32)}, 99_968, 32),
        ({"v1": {"version": "2.7.2 (compatible; Pleroma)", "max_toot_chars": 1000}}, 968, 23),
        ({"v2": {"configuration": {"statuses": {"max_characters": "many"}}}}, 468, 23),
        ({}, 468, 23),
    ],
)
def test_limits_are_the_server_s_own(
    server: Instance, about: dict[str, Any], maximum: int, link: int
) -> None:
    server.about = about
    limits = responder(server.url).limits
    assert (limits.maximum, limits.count("https://example.com/a")) == (maximum, link)
    asked = len(server.asked)
    assert responder(server.url).limits == limits
    assert len(server.asked) == asked, "once in a while is enough"


def test_limits_are_the_usual_ones_where_nobody_can_be_asked() -> None:
    assert responder(nobody()).limits == answering.MastodonResponder.limits == answering.USUAL
    assert isinstance(answering.USUAL, Limits)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Bonjour", 7),
        ("@lea@social.example.net merci", 10),
        ("https://example.com/" + "a" * 200, 23),
        ("Voir http://a.fr, puis https://b.example.org/x?y=1#z.", 5 + 23 + 7 + 23 + 1),
        ("example.com sans http", 21),
        ("http://localhost/abc", 20),
        ("écrire à lea@example.net", 24),
        ("https://example.com/é" + "é" * 50, 23 + 51),
    ],
)
def test_links_and_handles_count_as_mastodon_counts_them(text: str, length: int) -> None:
    assert answering.length(text) == length


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Merci", "@lea@example.net Merci"),
        ("@lea@example.net Merci", "@lea@example.net Merci"),
        ("Merci @LEA@example.net.", "Merci @LEA@example.net."),
        ("Merci @lea", "@lea@example.net Merci @lea"),
        ("Merci @lea@example.network", "@lea@example.net Merci @lea@example.network"),
        ("", "@lea@example.net "),
    ],
)
def test_who_is_answered_is_addressed_exactly_once(text: str, sent: str) -> None:
    assert answering.addressed(text, "lea@example.net") == sent


def test_nothing_private_is_logged_at_any_level(server: Instance, caplog: pytest.LogCaptureFixture) -> None:
    server.mention("mon secret")
    heard(server)  # so that all that might log is imported
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, logger=name)
    (mention,) = heard(server)
    talk, reply = responder(server.url), Reply("k1", "notre réponse", mention)
    assert talk.can_reply(mention) is None
    talk.send(reply)
    talk.find(reply)
    server.faults = Faults(error_after_accept=1)
    with pytest.raises(Unsure) as caught:
        talk.send(reply)
    said = caplog.text + str(caught.value)
    assert not [
        private for private in (TOKEN, "secret", "réponse", "lea@", mention.remote_id) if private in said
    ]


@pytest.mark.parametrize("tag", ["#banque", "ma banque", "../accounts", ""])
def test_a_hashtag_that_is_none_is_refused(server: Instance, tag: str) -> None:
    with pytest.raises(ValidationError, match="hashtags"):
        listener(server, hashtags=[tag])


def test_a_token_that_was_copied_with_a_line_end_is_good(server: Instance) -> None:
    config = listening.Config.model_validate({"url": server.url, "token": f"{TOKEN}\n"})
    assert listening.MastodonListener(config).poll(None).mentions == ()


@pytest.mark.parametrize("config", [listening.Config, answering.Config])
@pytest.mark.parametrize(
    "url", ["http://mastodon.example", "https://me:hunter2@mastodon.example", "mastodon.example"]
)
def test_an_address_that_the_token_must_not_go_to_is_refused(config: Any, url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(url=url, token=TOKEN)
    assert TOKEN not in str(caught.value)
    assert "hunter2" not in str(caught.value)
