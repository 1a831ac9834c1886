"""Facebook listener and responder, through the real SDK, against the sandbox's Graph API and against scripts:
nothing is lost, nothing stands twice, nothing leaks, and nothing is asked that Meta does not know."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import AuthFailed, RateLimited, Refused, ServiceError, Unsure
from bot.models import Batch, Kind, Mention, Push, Refusal, Reply
from bot.sandbox.faults import Calls, Fault
from bot.sandbox.graph import APP_SECRET
from bot.sandbox.graph_fields import Field, parse
from bot.sandbox.server import Sandbox
from bot.sandbox.town import BRAND
from listeners import facebook as listening
from responders import facebook as answering
from tests.support.graph import SECRETS, access, ids, peopled, push
from tests.support.house import Clock
from tests.support.loud import everything_logged
from tests.support.scripted import playing
from tests.support.settling import settle

CONTRACTS = Path(__file__).parent.parent / "contracts" / "graph"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with peopled(clock) as one:
        yield one


def settings(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {"page_id": sandbox.town.brand.id_on("facebook"), **access(sandbox), **more}


def listener(sandbox: Sandbox, clock: Clock, **more: Any) -> listening.FacebookListener:
    return listening.FacebookListener(listening.Config(**settings(sandbox, **more)), clock)


def responder(sandbox: Sandbox, clock: Clock, **more: Any) -> answering.FacebookResponder:
    return answering.FacebookResponder(answering.Config(**settings(sandbox, **more)), clock)


def comments(sandbox: Sandbox, number: int, *, under: int = 1) -> set[str]:
    """People say something under posts of the page."""
    posts = [sandbox.town.say("facebook", BRAND, f"Bonjour {n}") for n in range(under)]
    who = ("zoe", "bob")
    said = [
        sandbox.town.say("facebook", who[n % 2], f"n° {n}", to=posts[n % under].id) for n in range(number)
    ]
    return {one.id for one in said}


def whole(sandbox: Sandbox, clock: Clock) -> list[Batch]:
    """Everything there is, in as many polls as it takes."""
    ears = listener(sandbox, clock)
    batches = [ears.poll(None)]
    while batches[-1].complete_to < clock():
        batches.append(ears.poll(batches[-1].cursor))
    return batches


# --- Listening --------------------------------------------------------------------------------------


def test_everything_that_speaks_to_the_page_is_heard(sandbox: Sandbox, clock: Clock) -> None:
    town = sandbox.town
    (comment,) = comments(sandbox, 1)
    nested = town.say("facebook", "bob", "pareil", to=comment)
    visitor = town.say("facebook", "zoe", "Allô ?")
    tagged = town.say("facebook", "bob", f"merci @{BRAND}")
    photo = town.say("facebook", "bob", "", to=comment, photo=True)
    message = town.message("facebook", "zoe", BRAND, "Ma carte est bloquée")
    clock.forward(minutes=1)
    batch = listener(sandbox, clock).poll(None)
    assert ids(batch) == {comment, nested.id, visitor.id, tagged.id, photo.id, f"m_{message.id}"}
    assert all(mention.addressed != mention.own for mention in batch.mentions)
    assert [mention.text for mention in batch.mentions if mention.own] == ["Bonjour 0"]


def test_two_hundred_and_fifty_comments_between_two_polls_are_two_hundred_and_fifty(
    sandbox: Sandbox, clock: Clock
) -> None:
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    clock.forward(minutes=1)
    said = comments(sandbox, 250)
    assert ids(ears.poll(first.cursor)) == said


def test_a_great_backlog_is_read_in_several_polls_and_whole(sandbox: Sandbox, clock: Clock) -> None:
    said = comments(sandbox, 5_200, under=2)
    clock.forward(minutes=5)
    batches = whole(sandbox, clock)
    assert {one for batch in batches for one in ids(batch)} == said
    assert len(batches) > 1
    assert batches[0].complete_to == batches[0].complete_from == clock() - timedelta(days=1)
    assert {(batch.complete_to, batch.complete_from) for batch in batches[1:-1]} <= {
        (batches[0].complete_to, None)
    }
    assert (batches[-1].complete_to, batches[-1].complete_from) == (clock(), None)


def test_what_is_said_while_a_long_round_is_read_is_heard_by_the_next(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 5_200, under=2)
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    clock.forward(minutes=3)
    post = next(one.id for one in sandbox.town.posts("facebook") if one.root)
    late = sandbox.town.say("facebook", "zoe", "et moi ?", to=post)
    clock.forward(minutes=3)
    second = ears.poll(first.cursor)
    assert second.complete_to < late.at
    assert late.id in ids(second) | ids(ears.poll(second.cursor))


def test_a_quiet_poll_is_three_small_requests(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 300, under=20)
    ears = listener(sandbox, clock)
    clock.forward(minutes=5)
    first = ears.poll(None)
    clock.forward(minutes=5)
    sandbox.exchanges.clear()
    assert ears.poll(first.cursor).mentions == ()
    assert len(sandbox.exchanges) == 3


def test_a_first_poll_does_not_flood(sandbox: Sandbox, clock: Clock) -> None:
    ago = clock() - timedelta(days=2)
    post = sandbox.town.say("facebook", BRAND, "Bonjour", at=ago)
    old = sandbox.town.say("facebook", "zoe", "vieux", to=post.id, at=ago)
    new = sandbox.town.say("facebook", "zoe", "neuf", to=post.id)
    assert ids(listener(sandbox, clock).poll(None)) == {new.id}
    assert ids(listener(sandbox, clock, first_days=3).poll(None)) == {old.id, new.id}


def test_a_new_comment_under_a_post_of_weeks_ago_is_heard(sandbox: Sandbox, clock: Clock) -> None:
    post = sandbox.town.say("facebook", BRAND, "Bonjour", at=clock() - timedelta(days=25))
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    clock.forward(minutes=10)
    comment = sandbox.town.say("facebook", "zoe", "toujours rien", to=post.id)
    assert ids(ears.poll(first.cursor)) == {comment.id}


def test_a_late_approved_comment_and_an_edited_one_are_heard_within_the_hour(
    sandbox: Sandbox, clock: Clock
) -> None:
    (edited,) = comments(sandbox, 1)
    ears = listener(sandbox, clock)
    cursor = ears.poll(None).cursor
    post = next(one.id for one in sandbox.town.posts("facebook") if one.root)
    late = sandbox.town.say("facebook", "bob", "approuvé tard", to=post, at=clock() - timedelta(hours=20))
    sandbox.town.edit("facebook", edited, "corrigé")
    texts = dict[str, str]()
    for _ in range(7):
        clock.forward(minutes=10)
        batch = ears.poll(cursor)
        cursor = batch.cursor
        texts |= {mention.remote_id: mention.text for mention in batch.mentions}
    assert (texts[late.id], texts[edited]) == ("approuvé tard", "corrigé")


def test_a_comment_of_the_same_second_as_the_poll_is_heard(sandbox: Sandbox, clock: Clock) -> None:
    post = sandbox.town.say("facebook", BRAND, "Bonjour")
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    comment = sandbox.town.say("facebook", "zoe", "juste après", to=post.id)
    clock.forward(seconds=1)
    assert comment.id in ids(ears.poll(first.cursor))


def test_a_clock_set_back_loses_nothing(sandbox: Sandbox, clock: Clock) -> None:
    post = sandbox.town.say("facebook", BRAND, "Bonjour")
    ears = listener(sandbox, clock, overlap_every_minutes=10_000)
    first = ears.poll(None)
    clock.forward(hours=-1)
    comment = sandbox.town.say("facebook", "zoe", "pendant ce temps", to=post.id)
    second = ears.poll(first.cursor)
    assert comment.id in ids(second)
    assert second.complete_to <= clock()


def test_a_clock_ahead_of_meta_s_promises_no_more_than_meta_knows() -> None:
    with playing([{"request": "GET /v24.0/1/feed"}, {"request": "GET /v24.0/1/tagged"}]) as script:
        for exchange in script.exchanges:
            exchange["response"] = {"json": {"data": []}}
        clock = Clock(Clock().now.replace(year=2999))
        config = listening.Config(api_url=script.url, page_id="1", messages=False, **SECRETS)  # type: ignore[arg-type]
        batch = listening.FacebookListener(config, clock).poll(None)
    assert batch.complete_to < clock().replace(year=2998)


def test_comments_that_hide_who_wrote_them_are_kept_each_by_itself(sandbox: Sandbox, clock: Clock) -> None:
    said = comments(sandbox, 3)
    sandbox.faults.switch_on("graph", Fault.FROM_MISSING)
    batch = listener(sandbox, clock).poll(None)
    assert ids(batch) >= said
    assert {mention.author.id for mention in batch.mentions} == {""}


@pytest.mark.parametrize("fault", [Fault.OUT_OF_ORDER, Fault.DELETED, Fault.EDITED])
def test_lists_out_of_order_and_posts_that_change_under_our_hands_lose_nobody(
    sandbox: Sandbox, clock: Clock, fault: Fault
) -> None:
    said = comments(sandbox, 450, under=3)
    sandbox.faults.switch_on("graph", fault, Calls.READ, chance=0.5)
    heard = ids(listener(sandbox, clock).poll(None))
    standing = {post.id for post in sandbox.town.posts("facebook") if not post.root}
    assert said & standing <= heard


def test_an_expired_token_is_said_at_the_next_poll_and_the_gap_is_filled_after(
    sandbox: Sandbox, clock: Clock
) -> None:
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    sandbox.faults.switch_on("graph", Fault.TOKEN_EXPIRED)
    clock.forward(hours=5)
    said = comments(sandbox, 5)
    clock.forward(hours=5)
    with pytest.raises(AuthFailed, match="make a new one"):
        ears.poll(first.cursor)
    sandbox.faults.clear()
    again = ears.poll(first.cursor)
    assert ids(again) == said
    assert (again.complete_from, again.complete_to) == (None, clock())


def test_throttled_at_once_nothing_is_lost(sandbox: Sandbox, clock: Clock) -> None:
    said = comments(sandbox, 450)
    ears = listener(sandbox, clock, messages=False)
    sandbox.faults.switch_on("graph", Fault.RATE_LIMITED, seconds=600, times=1)
    with pytest.raises(RateLimited) as caught:
        ears.poll(None)
    assert caught.value.after == 600
    assert ids(ears.poll(None)) == said


USAGE = {"X-Business-Use-Case-Usage": '{"1": [{"call_count": 96, "estimated_time_to_regain_access": 3}]}'}
COMMENTED = {"id": "1_2", "created_time": "2026-03-10T08:30:00+0000"}
COMMENT = {"id": "2_3", "message": "Allô", "created_time": "2026-03-10T08:40:00+0000"}


def scripted(*exchanges: dict[str, Any], clock: Clock) -> Iterator[Batch]:
    with playing(list(exchanges)) as script:
        config = listening.Config(api_url=script.url, page_id="1", messages=False, **SECRETS)  # type: ignore[arg-type]
        ears, cursor = listening.FacebookListener(config, clock), None
        while len(script.asked) < len(exchanges):
            batch = ears.poll(cursor)
            cursor = batch.cursor
            yield batch
        script.check()


def test_close_to_its_limit_meta_is_left_alone_and_reading_goes_on_after(clock: Clock) -> None:
    batches = list(
        scripted(
            {"request": "GET /v24.0/1/feed", "response": {"json": {"data": [COMMENTED]}, "headers": USAGE}},
            {"request": "GET /v24.0/1/tagged", "response": {"json": {"data": []}}},
            {"request": "GET /v24.0/1_2/comments", "response": {"json": {"data": [COMMENT]}}},
            clock=clock,
        )
    )
    assert [batch.retry_after for batch in batches] == [180, None]
    assert batches[0].complete_to < batches[1].complete_to == clock()
    assert [mention.remote_id for batch in batches for mention in batch.mentions] == ["1_2", "2_3"]


def test_throttled_in_the_middle_what_was_read_is_kept(clock: Clock) -> None:
    throttled = {"status": 400, "json": {"error": {"code": 32}}, "headers": USAGE}
    batches = list(
        scripted(
            {"request": "GET /v24.0/1/feed", "response": {"json": {"data": [COMMENTED]}}},
            {"request": "GET /v24.0/1/tagged", "response": throttled},
            {"request": "GET /v24.0/1/tagged", "response": {"json": {"data": []}}},
            {"request": "GET /v24.0/1_2/comments", "response": {"json": {"data": [COMMENT]}}},
            clock=clock,
        )
    )
    assert [batch.retry_after for batch in batches] == [180, None]
    assert [mention.remote_id for batch in batches for mention in batch.mentions] == ["1_2", "2_3"]


def test_a_place_in_a_list_that_is_no_longer_good_is_read_from_the_beginning(clock: Clock) -> None:
    more = {"data": [COMMENT], "paging": {"next": "https://x/?after=old"}}
    invalid = {"status": 400, "json": {"error": {"code": 100, "message": "Invalid cursors values"}}}
    batches = list(
        scripted(
            {"request": "GET /v24.0/1/feed", "response": {"json": {"data": [COMMENTED]}}},
            {"request": "GET /v24.0/1/tagged", "response": {"json": {"data": []}}},
            {"request": "GET /v24.0/1_2/comments", "response": {"json": more}},
            {"request": "GET /v24.0/1_2/comments", "query": {"after": "old"}, "response": invalid},
            {"request": "GET /v24.0/1_2/comments", "response": {"json": {"data": [COMMENT]}}},
            clock=clock,
        )
    )
    assert batches[-1].complete_to == clock()


# --- Pushes -----------------------------------------------------------------------------------------

PUSHED = listening.Config(page_id="1", **SECRETS)  # type: ignore[arg-type]


def change(**value: Any) -> dict[str, Any]:
    said = {
        "item": "comment",
        "verb": "add",
        "post_id": "1_2",
        "comment_id": "2_3",
        "parent_id": "1_2",
        "from": {"id": "7", "name": "Zoé"},
        "created_time": 1_767_225_600,
        **value,
    }
    return {"object": "page", "entry": [{"id": "1", "changes": [{"field": "feed", "value": said}]}]}


def received(body: Any, **more: Any) -> Any:
    config = PUSHED.model_copy(update=more)
    return listening.FacebookListener(config, Clock()).receive(*push(body))


def test_a_pushed_comment_is_the_mention_that_a_poll_would_bring(sandbox: Sandbox, clock: Clock) -> None:
    (comment,) = comments(sandbox, 1)
    nested = sandbox.town.say("facebook", "bob", "Été", to=comment)
    post = sandbox.town.say("facebook", "bob", "Allô ?")
    message = sandbox.town.message("facebook", "zoe", BRAND, "Bonjour")
    ears = listener(sandbox, clock)
    polled = {one.remote_id: one for one in ears.poll(None).mentions}
    graph = next(wire for wire in sandbox.wires if wire.name == "graph")
    told = graph._hooks._news()  # type: ignore[attr-defined]  # what would be sent to an app's address
    news = [json.dumps(one).replace("/", "\\/").encode() for one in told]
    pushed = [one for body in news for one in ears.receive(*push(body, key=APP_SECRET)).mentions]
    assert {one.remote_id for one in pushed} == {comment, nested.id, post.id, f"m_{message.id}"}
    for one in pushed:
        same = polled[one.remote_id]
        assert replace(one, url="", author=one.author) == replace(
            same, url="", author=replace(same.author, name=one.author.name)
        )


def test_several_entries_come_in_one_push_and_those_of_other_pages_are_not_ours() -> None:
    body = change()
    body["entry"] += [{**body["entry"][0], "id": "99"}, change(comment_id="2_4")["entry"][0]]
    assert [one.remote_id for one in received(body).mentions] == ["2_3", "2_4"]


@pytest.mark.parametrize(
    ("value", "mentions"),
    [
        ({"verb": "edited", "message": "corrigé"}, ["2_3"]),
        ({"item": "photo"}, ["1_2"]),
        ({"comment_id": "1_2_3"}, ["2_3"]),
        ({"comment_id": 3}, ["2_3"]),
        ({"from": None}, ["2_3"]),
        ({"from": {"id": "1"}}, []),
        ({"verb": "hide"}, []),
        ({"item": "reaction"}, []),
        ({"item": "share"}, []),
        ({"comment_id": None}, []),
    ],
)
def test_what_a_push_tells(value: dict[str, Any], mentions: list[str]) -> None:
    assert [one.remote_id for one in received(change(**value)).mentions] == mentions


def test_a_removal_takes_nobody_off_the_books_as_it_may_have_been_a_moderators() -> None:
    found = received(change(verb="remove"))
    assert (found.mentions, found.deleted) == ((), ())


def test_a_message_is_pushed_its_echo_is_left_to_the_poll_and_without_messages_neither_is_heard() -> None:
    event = {"sender": {"id": "7"}, "timestamp": 1_767_225_600_123, "message": {"mid": "m_1", "text": "Allô"}}
    echo = {"sender": {"id": "1"}, "recipient": {"id": "7"}, "message": {"mid": "m_2", "is_echo": True}}
    elsewhere = {**event, "message": {"mid": "m_3", "attachments": [{}]}}
    entry = {"id": "1", "messaging": [event, echo], "standby": [elsewhere]}
    found = received({"object": "page", "entry": [entry]}).mentions
    assert [(one.remote_id, one.text, one.conversation) for one in found] == [
        ("m_1", "Allô", "7"),
        ("m_3", "", "7"),
    ]
    assert found[0].posted_at.timestamp() == 1_767_225_600
    assert received({"object": "page", "entry": [entry]}, messages=False).mentions == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe",
        b"null",
        b'{"object": "page"}',
        b'{"object": "page", "entry": {"id": "1"}}',
        b'{"object": "page", "entry": [null, 7, {"id": "1"}, {"id": "1", "changes": 3, "messaging": "x"}]}',
        b'{"object": "page", "entry": [{"id": "1", "changes": [null, {"field": "feed"}, {"value": 4}]}]}',
        b'{"object": "page", "entry": [{"id": "1", "messaging": [{}, {"message": []}, {"sender": 3}]}]}',
        b'{"object": "user", "entry": [{"id": "1"}]}',
    ],
)
def test_garbage_inside_a_signed_body_is_passed_over(body: bytes) -> None:
    assert received(body) == Push()


@pytest.mark.parametrize(
    "key", ["created_time", "from", "message", "parent_id", "post", "post_id", "verb", "item"]
)
@pytest.mark.parametrize("value", [None, 7, -1, 10**30, "", "x", [], {}, [{}], {"id": []}, True, 1e300])
def test_no_value_in_a_push_breaks_anything(key: str, value: Any) -> None:
    received(change(**{key: value}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": "sha256=é"},
        {"x-hub-signature": "sha1=" + "0" * 40},
        push(change(), key="another secret")[1],
        push(b'{"object": "page"}')[1],
    ],
)
def test_a_push_whose_signature_is_not_ours_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused, match="signature"):
        listening.FacebookListener(PUSHED).receive(push(change())[0], headers)


def test_the_signature_is_looked_at_before_the_body_is_read() -> None:
    with pytest.raises(Refused):
        listening.FacebookListener(PUSHED).receive(b"[" * 1_000_000, {})


def test_the_challenge_is_echoed_to_who_knows_our_words_only() -> None:
    ears = listening.FacebookListener(PUSHED)
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-token-1", "hub.challenge": "42"}
    assert ears.challenge(query) == "42"
    wrong: list[Mapping[str, str]] = [
        {},
        {**query, "hub.verify_token": "é\udce9\ud800"},
        {**query, "hub.mode": "unsubscribe"},
        {"hub.mode": "subscribe", "hub.challenge": "42"},
    ]
    for one in wrong:
        with pytest.raises(Refused):
            ears.challenge(one)
    silent = listening.FacebookListener(PUSHED.model_copy(update={"verify_token": None}))
    with pytest.raises(Refused, match="no verify_token"):
        silent.challenge({**query, "hub.verify_token": ""})


# --- Answering --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["comment", "post", "message"])
def test_replies_that_may_have_been_published_are_found_and_never_doubled(
    sandbox: Sandbox, clock: Clock, kind: str
) -> None:
    town = sandbox.town
    people = [town.add(f"p{n}", f"P {n}").handle for n in range(100)]
    post = town.say("facebook", BRAND, "Bonjour")
    for who in people:
        match kind:
            case "comment":
                town.say("facebook", who, "Allô ?", to=post.id)
            case "post":
                town.say("facebook", who, "Allô ?")
            case _:
                town.message("facebook", who, BRAND, "Allô ?")
    heard = {one.remote_id: one for batch in whole(sandbox, clock) for one in batch.mentions}
    mentions = [one for one in heard.values() if one.kind == kind and not one.own]
    assert len(mentions) == 100
    for fault in (Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.UNAVAILABLE):
        sandbox.faults.switch_on("graph", fault, chance=0.1)
    talk = responder(sandbox, clock)
    replies = [Reply(f"k{one.remote_id}", "Merci, nous regardons.", one) for one in mentions]
    assert sum(settle(talk, reply).found for reply in replies) > 5  # the faults did happen
    answered = [one.parent for one in town.accepted]
    assert len(answered) == len(set(answered)) == 100


def test_a_reply_that_stands_is_given_back_by_the_next_poll_as_its_answer(
    sandbox: Sandbox, clock: Clock
) -> None:
    (comment,) = comments(sandbox, 1)
    nested = sandbox.town.say("facebook", "bob", "pareil", to=comment)
    sandbox.town.message("facebook", "zoe", BRAND, "Bonjour")
    ears, talk = listener(sandbox, clock), responder(sandbox, clock)
    first = ears.poll(None)
    theirs = [one for one in first.mentions if not one.own]
    clock.forward(minutes=1)
    receipts = {one.remote_id: talk.send(Reply("k", f"pour {one.remote_id}", one)) for one in theirs}
    ours = {one.remote_id: one for one in ears.poll(first.cursor).mentions if one.own}
    assert len(receipts) == 3
    for answered, receipt in receipts.items():
        assert ours[receipt.remote_id].in_reply_to == answered
        assert ours[receipt.remote_id].url == receipt.url
    assert nested.id in receipts


def test_private_replies_go_once_to_who_commented(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 1)
    visitor = sandbox.town.say("facebook", "bob", "Allô ?")
    mentions = [one for one in listener(sandbox, clock).poll(None).mentions if not one.own]
    talk = responder(sandbox, clock, reply_privately=True)
    for mention in mentions:
        assert talk.can_reply(mention) is None
        reply = Reply("k1", "Bonjour, écrivez-nous ici.", mention)
        assert talk.find(reply) is None
        receipt = talk.send(reply)
        assert isinstance(talk.can_reply(mention), Refusal)
        if mention.kind is Kind.COMMENT:
            assert talk.send(reply) == talk.find(reply) == receipt
        else:  # of a post, Meta does not say in which conversation
            with pytest.raises(Unsure):
                talk.send(reply)
    assert sorted(one.about or "" for one in sandbox.town.messages("facebook")) == sorted(
        one.remote_id for one in mentions
    )
    assert visitor.id in {one.remote_id for one in mentions}


def test_after_seven_days_no_private_reply_is_drafted(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 1)
    mention = next(one for one in listener(sandbox, clock).poll(None).mentions if not one.own)
    clock.forward(days=7)
    refusal = responder(sandbox, clock, reply_privately=True).can_reply(mention)
    assert refusal == Refusal("more than 7 days have passed: Meta no longer takes a private reply")


def test_a_message_can_be_answered_for_a_day_after_the_person_last_wrote(
    sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.town.message("facebook", "zoe", BRAND, "Bonjour")
    (mention,) = listener(sandbox, clock).poll(None).mentions
    talk = responder(sandbox, clock)
    clock.forward(hours=23)
    assert talk.can_reply(mention) is None
    clock.forward(hours=2)
    refusal = talk.can_reply(mention)
    assert refusal is not None
    assert "more than 24 hours" in refusal.reason
    with pytest.raises(Refused, match="is over"):
        talk.send(Reply("k1", "Bonjour", mention))
    sandbox.town.message("facebook", "zoe", BRAND, "Toujours là ?")
    assert talk.can_reply(mention) is None
    assert talk.send(Reply("k1", "Bonjour", mention)).remote_id


def test_all_of_a_call_together_ends_in_time(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 1)
    mention = next(one for one in listener(sandbox, clock).poll(None).mentions if not one.own)
    sandbox.faults.switch_on("graph", Fault.SLOW_AFTER, seconds=0.4)
    began = time.monotonic()
    receipt = responder(sandbox, clock, timeout=0.6).send(Reply("k1", "Bonjour", mention))
    assert time.monotonic() - began < 0.8
    assert (receipt.remote_id != "", receipt.url) == (True, mention.url)


def test_the_shortest_of_both_limits_holds_and_emoji_count_as_meta_may_count_them() -> None:
    limits = answering.FacebookResponder.limits
    assert limits.maximum == 2_000
    assert limits.count("é" * 10) == 10
    assert limits.count("👍🏽") == 4
    assert limits.count("\ud83d") == 1


# --- Held to Meta's own lists -----------------------------------------------------------------------

# Graph knows these for every call: https://developers.facebook.com/docs/graph-api/overview,
# https://developers.facebook.com/docs/graph-api/results, .../guides/secure-requests
ALWAYS = {"fields", "limit", "after", "appsecret_proof"}
# The lists have no UnifiedMessage; its fields stand in
# https://developers.facebook.com/docs/graph-api/reference/message
MESSAGE = {"id", "created_time", "from", "to", "message"}
# Parts of an object without a node of its own: https://developers.facebook.com/docs/graph-api/reference/user
PERSON = {"id", "name"}
BELOW: dict[str, str | set[str]] = {"from": PERSON, "parent": "Comment", "comments": "Comment"}
NODES = {
    "feed": "PagePost",
    "tagged": "PagePost",
    "comments": "Comment",
    "conversations": "UnifiedThread",
    "messages": "UnifiedMessage",
}


def listed(kind: str) -> tuple[set[str], dict[tuple[str, str], set[str]]]:
    """The fields of a node, and the parameters of each call on its edges."""
    if kind == "UnifiedMessage":
        return MESSAGE, {}
    contract = json.loads((CONTRACTS / f"{kind}.json").read_text(encoding="utf-8"))
    edges = {
        (api["method"], api["endpoint"]): {one["name"] for one in api["params"]} for api in contract["apis"]
    }
    return {field["name"] for field in contract["fields"]}, edges


def unknown(fields: tuple[Field, ...], kind: str | set[str]) -> Iterator[str]:
    names, edges = (kind, dict[tuple[str, str], set[str]]()) if isinstance(kind, set) else listed(kind)
    for field in fields:
        parameters = edges.get(("GET", field.name))
        if field.name not in names and parameters is None:
            yield f"{kind}: {field.name}"
        yield from (
            f"{field.name}.{one}" for one in field.arguments if one not in (parameters or set()) | {"limit"}
        )
        if field.below:
            yield from unknown(field.below, BELOW[field.name])


def kind_of(number: str, page: str) -> str:
    if number == page:
        return "Page"
    if number.startswith("t_"):
        return "UnifiedThread"
    return "PagePost" if number.startswith(f"{page}_") else "Comment"


def asked_too_much(method: str, path: str, values: Mapping[str, str], page: str) -> list[str]:
    _, _, number, *edge = path.split("/")
    kind = kind_of(number, page)
    if not edge:
        return [*unknown(parse(values.get("fields", "")), kind), *(set(values) - ALWAYS)]
    parameters = listed(kind)[1][method, edge[0]]
    found = [f"{method} {kind}/{edge[0]}: {one}" for one in set(values) - ALWAYS - parameters]
    return found + (list(unknown(parse(values["fields"]), NODES[edge[0]])) if method == "GET" else [])


def test_every_field_and_parameter_that_we_ask_for_is_one_of_meta_s(sandbox: Sandbox, clock: Clock) -> None:
    (comment,) = comments(sandbox, 1)
    sandbox.town.say("facebook", "bob", "pareil", to=comment)
    sandbox.town.say("facebook", "zoe", "Allô ?")
    sandbox.town.message("facebook", "zoe", BRAND, "Bonjour")
    mentions = [one for one in listener(sandbox, clock).poll(None).mentions if not one.own]
    clock.forward(hours=25)
    for private in (False, True):
        talk = responder(sandbox, clock, reply_privately=private)
        for mention in mentions:
            talk.can_reply(mention)
            for verb in (talk.find, talk.send, talk.find):
                try:
                    verb(Reply("k", "Bonjour", mention))
                except ServiceError:
                    continue
    page = sandbox.town.brand.id_on("facebook")
    asked = [(one.method, one.path, one.form or one.query) for one in sandbox.exchanges]
    assert len({(method, path.rpartition("/")[2]) for method, path, _ in asked}) > 6
    assert [bad for one in asked for bad in asked_too_much(*one, page)] == []
    assert all(one.keys() >= {"appsecret_proof"} and "access_token" not in one for *_, one in asked)


def test_the_check_itself_would_see_a_field_that_is_none() -> None:
    assert asked_too_much("GET", "/v24.0/1_2/comments", {"fields": "id,nonsense"}, "1") == [
        "Comment: nonsense"
    ]
    assert asked_too_much("GET", "/v24.0/1/feed", {"fields": "comments.order(x).by(y){text}"}, "1") == [
        "comments.by",
        "Comment: text",
    ]
    assert asked_too_much("POST", "/v24.0/2_3/comments", {"msg": "x"}, "1") == ["POST Comment/comments: msg"]


# --- Nothing leaks ----------------------------------------------------------------------------------


def chain(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error!r} {error} {error.args}"
        yield from chain(error.__cause__)
        error = error.__context__


WRONG = [
    {"drop": True},
    {"status": 500, "body": "page-token-1"},
    {"status": 200, "body": "page-token-1 app-secret-1"},
    {"status": 302, "headers": {"Location": "https://x.example/?access_token=page-token-1"}},
    {"status": 400, "json": {"error": {"code": 190, "message": "Malformed access token page-token-1"}}},
    {"status": 400, "json": {"error": {"code": 1, "message": "page-token-1 Allô Zoé"}}},
    {"status": 400, "json": {"error": {"code": 10, "message": "page-token-1 Allô Zoé"}}},
    {"json": {"data": [{"id": "1_2"}], "paging": {"next": "{url}/x?access_token=page-token-1&after=p2"}}},
    {"after": 0.5},
]


@pytest.mark.parametrize("response", WRONG, ids=str)
def test_with_every_logger_at_debug_neither_logs_nor_errors_hold_a_secret_or_a_person_s_words(
    response: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = Mention("facebook", "2_3", "Allô Zoé", Clock()(), kind=Kind.COMMENT)
    words = list[str]()
    for verb in ("poll", "can_reply", "send", "find"):
        exchanges = [{"request": "", "response": response}] * 3
        with playing(exchanges) as script, everything_logged():
            plain: dict[str, Any] = {"api_url": script.url, "page_id": "1", "timeout": 0.2, **SECRETS}
            ears = listening.FacebookListener(listening.Config(**plain))
            talk = answering.FacebookResponder(answering.Config(**plain))
            try:
                if verb == "poll":
                    ears.poll(None)
                else:
                    getattr(talk, verb)(said if verb == "can_reply" else Reply("k", "Bonjour Zoé", said))
            except ServiceError as error:
                words += chain(error)
            assert all("access_token" not in one.query for one in script.asked)
            assert all("page-token-1" not in one.body for one in script.asked)
    out = capfd.readouterr()
    everything = "\n".join([*words, caplog.text, out.out, out.err])
    assert [one for one in (*SECRETS.values(), "Allô", "Bonjour Zoé") if one in everything] == []
