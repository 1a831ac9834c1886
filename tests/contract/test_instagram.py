"""Instagram listener and responder, through the real SDK, against the sandbox's Graph API and scripts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bot.errors import AuthFailed, Refused, ServiceError
from bot.models import Kind, Mention, Push, Refusal, Reply
from bot.sandbox.faults import Calls, Fault
from bot.sandbox.graph import APP_SECRET
from bot.sandbox.graph_fields import Field, parse
from bot.sandbox.server import Sandbox
from bot.sandbox.town import BRAND
from listeners import instagram as listening
from responders import instagram as answering
from tests.support.graph import SECRETS, access, ids, peopled, push
from tests.support.house import Clock
from tests.support.loud import everything_logged
from tests.support.scripted import playing
from tests.support.settling import settle


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with peopled(clock) as one:
        yield one


def settings(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {"ig_user_id": sandbox.town.brand.id_on("instagram"), **access(sandbox), **more}


def listener(sandbox: Sandbox, clock: Clock, **more: Any) -> listening.InstagramListener:
    return listening.InstagramListener(listening.Config(**settings(sandbox, **more)), clock)


def responder(sandbox: Sandbox) -> answering.InstagramResponder:
    return answering.InstagramResponder(answering.Config(**settings(sandbox)))


def comments(sandbox: Sandbox, number: int, *, under: int = 1) -> list[str]:
    posts = [sandbox.town.say("instagram", BRAND, f"Bonjour {n}", photo=True) for n in range(under)]
    said = [sandbox.town.say("instagram", "zoe", f"n° {n}", to=posts[n % under].id) for n in range(number)]
    return [one.id for one in said]


# --- Listening --------------------------------------------------------------------------------------


def test_comments_replies_and_tags_are_heard_and_our_own_words_are_known(
    sandbox: Sandbox, clock: Clock
) -> None:
    (comment,) = comments(sandbox, 1)
    nested = sandbox.town.say("instagram", "bob", "pareil", to=comment)
    ours = sandbox.town.say("instagram", BRAND, "@bob nous regardons", to=comment)
    tagged = sandbox.town.say("instagram", "bob", f"chez @{BRAND}", photo=True)
    clock.forward(minutes=5)
    batch = listener(sandbox, clock).poll(None)
    heard = {one.remote_id: one for one in batch.mentions}
    assert set(heard) == {comment, nested.id, ours.id, tagged.id}
    assert {one.remote_id for one in batch.mentions if one.addressed} == {comment, nested.id}
    assert (heard[ours.id].own, heard[ours.id].in_reply_to) == (True, nested.id)
    assert (heard[nested.id].conversation, heard[nested.id].in_reply_to) == (comment, comment)
    assert batch.complete_to == clock()


def test_two_hundred_and_fifty_comments_between_two_polls_are_two_hundred_and_fifty(
    sandbox: Sandbox, clock: Clock
) -> None:
    comments(sandbox, 3)
    clock.forward(minutes=5)
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    clock.forward(minutes=1)
    said = comments(sandbox, 250, under=3)
    assert ids(ears.poll(first.cursor)) == set(said)


def test_a_great_backlog_is_read_in_several_polls_and_whole(sandbox: Sandbox, clock: Clock) -> None:
    said = comments(sandbox, 2_600, under=2)
    clock.forward(minutes=5)
    ears = listener(sandbox, clock)
    batches = [ears.poll(None)]
    while batches[-1].complete_to < clock():
        batches.append(ears.poll(batches[-1].cursor))
    assert {one for batch in batches for one in ids(batch)} == set(said)
    assert len(batches) > 1
    assert batches[0].complete_to == batches[0].complete_from


def test_a_quiet_poll_is_two_small_requests(sandbox: Sandbox, clock: Clock) -> None:
    comments(sandbox, 100, under=20)
    clock.forward(minutes=5)
    ears = listener(sandbox, clock)
    first = ears.poll(None)
    clock.forward(minutes=5)
    sandbox.exchanges.clear()
    assert ears.poll(first.cursor).mentions == ()
    assert len(sandbox.exchanges) == 2


@pytest.mark.parametrize("fault", [Fault.OUT_OF_ORDER, Fault.DELETED, Fault.FROM_MISSING])
def test_whatever_meta_hides_or_turns_around_nobody_is_lost(
    sandbox: Sandbox, clock: Clock, fault: Fault
) -> None:
    said = set(comments(sandbox, 120, under=2))
    sandbox.faults.switch_on("graph", fault, Calls.READ, chance=0.5)
    heard = ids(listener(sandbox, clock).poll(None))
    assert said & {post.id for post in sandbox.town.posts("instagram")} <= heard


def test_an_expired_token_is_said_at_the_next_poll(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.faults.switch_on("graph", Fault.TOKEN_EXPIRED)
    with pytest.raises(AuthFailed, match="make a new one"):
        listener(sandbox, clock).poll(None)


# --- Pushes -----------------------------------------------------------------------------------------


def told(field: str, value: Any, **entry: Any) -> dict[str, Any]:
    changes = [{"field": field, "value": value}]
    return {
        "object": "instagram",
        "entry": [{"id": "200", "time": 1_767_225_600, "changes": changes, **entry}],
    }


def ears_at(url: str = "http://127.0.0.1:9") -> listening.InstagramListener:
    return listening.InstagramListener(listening.Config(ig_user_id="200", api_url=url, **SECRETS))  # type: ignore[arg-type]


COMMENT = {"id": "11", "text": "Allô", "from": {"id": "7", "username": "zoe"}, "media": {"id": "301"}}


def test_a_pushed_comment_is_heard(sandbox: Sandbox, clock: Clock) -> None:
    found = ears_at().receive(*push(told("comments", COMMENT))).mentions
    assert [(one.remote_id, one.text, one.in_reply_to, one.conversation) for one in found] == [
        ("11", "Allô", "301", "11")
    ]
    nested = ears_at().receive(*push(told("comments", {**COMMENT, "parent_id": "10"}))).mentions[0]
    assert (nested.in_reply_to, nested.conversation) == ("10", "10")
    assert (nested.author.handle, nested.addressed, nested.posted_at.timestamp()) == (
        "zoe",
        True,
        1_767_225_600,
    )


def test_a_pushed_comment_is_the_mention_that_a_poll_would_bring(sandbox: Sandbox, clock: Clock) -> None:
    (comment,) = comments(sandbox, 1)
    nested = sandbox.town.say("instagram", "bob", "pareil", to=comment)
    ears = listener(sandbox, clock)
    polled = {one.remote_id: one for one in ears.poll(None).mentions}
    graph = next(wire for wire in sandbox.wires if wire.name == "graph")
    news = graph._hooks._news()  # type: ignore[attr-defined]  # what would be sent to an app's address
    pushed = [one for body in news for one in ears.receive(*push(body, APP_SECRET)).mentions]
    assert {one.remote_id for one in pushed} == {comment, nested.id}
    for one in pushed:
        same = polled[one.remote_id]
        assert (one.text, one.author, one.kind) == (same.text, same.author, same.kind)
        assert (one.in_reply_to, one.conversation) == (same.in_reply_to, same.conversation)


def test_where_the_change_stands_in_the_entry_itself_it_is_found_too() -> None:
    entry = {"id": "200", "time": 1_767_225_600, "field": "comments", "value": COMMENT}
    found = ears_at().receive(*push({"object": "instagram", "entry": [entry]})).mentions
    assert [one.remote_id for one in found] == ["11"]


def test_our_own_comments_and_those_of_other_accounts_are_not_brought() -> None:
    ours = told("comments", {**COMMENT, "from": {"id": "200"}})
    theirs = told("comments", COMMENT, id="201")
    for body in (ours, theirs, told("story_insights", COMMENT), told("comments", {})):
        assert ears_at().receive(*push(body)) == Push()


def mentioned(answer: dict[str, Any], value: dict[str, str], fields: str) -> Mention:
    exchange = {"request": "GET /v24.0/200", "query": {"fields": fields}, "response": answer}
    with playing([exchange]) as script:
        (found,) = ears_at(script.url).receive(*push(told("mentions", value))).mentions
        script.check()
    return found


IN_COMMENT = "mentioned_comment.comment_id(55){id,text,timestamp,username,media{id,permalink}}"
IN_CAPTION = "mentioned_media.media_id(777){id,caption,timestamp,username,permalink}"


def test_who_mentions_us_elsewhere_is_read_at_once_since_no_poll_brings_it() -> None:
    words = {
        "id": "55",
        "text": "banque ?",
        "timestamp": "2026-01-31T10:00:00+0000",
        "username": "zoe",
        "media": {"id": "777", "permalink": "https://www.instagram.com/p/z/"},
    }
    answer = {"json": {"mentioned_comment": words, "id": "200"}}
    found = mentioned(answer, {"media_id": "777", "comment_id": "55"}, IN_COMMENT)
    assert (found.remote_id, found.text, found.author.handle, found.addressed) == (
        "55",
        "banque ?",
        "zoe",
        True,
    )
    assert (found.kind, found.conversation) == (Kind.COMMENT, "777/55")
    assert found.url == "https://www.instagram.com/p/z/"
    answer = {"json": {"mentioned_media": {"id": "777", "caption": "chez banque", "username": "zoe"}}}
    found = mentioned(answer, {"media_id": "777"}, IN_CAPTION)
    assert (found.remote_id, found.text, found.kind) == ("777", "chez banque", Kind.POST)
    assert found.conversation == "777/"


@pytest.mark.parametrize("answer", [{"drop": True}, {"status": 500, "body": "x"}, {"json": {}}])
def test_who_mentions_us_elsewhere_is_kept_even_when_it_cannot_be_read(answer: dict[str, Any]) -> None:
    found = mentioned(answer, {"media_id": "777", "comment_id": "55"}, IN_COMMENT)
    assert (found.remote_id, found.text, found.addressed) == ("55", "", True)


def test_an_id_in_a_push_that_is_none_is_asked_for_nowhere() -> None:
    with playing([]) as script:
        body = told("mentions", {"media_id": "777){x},me{", "comment_id": "5"})
        assert ears_at(script.url).receive(*push(body)).mentions[0].text == ""
        script.check()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b'{"object": "instagram", "entry": [null, {"id": "200", "changes": [3, {}]}]}'],
)
def test_garbage_inside_a_signed_body_is_passed_over(body: bytes) -> None:
    assert ears_at().receive(*push(body)) == Push()


@pytest.mark.parametrize("field", ["comments", "mentions", None, 7])
@pytest.mark.parametrize(
    "value", [None, 7, "x", [], {"id": []}, {"id": 7, "from": 3, "media": "x", "text": {}}]
)
def test_no_value_in_a_push_breaks_anything(field: Any, value: Any) -> None:
    for at in (0, None, "x", -1, 10**30):
        ears_at().receive(*push(told(field, value, time=at)))


def test_a_push_whose_signature_is_not_ours_is_refused() -> None:
    for headers in ({}, push(told("comments", COMMENT), "another secret")[1]):
        with pytest.raises(Refused, match="signature"):
            ears_at().receive(push(told("comments", COMMENT))[0], headers)


def test_the_challenge_is_echoed_to_who_knows_our_words_only() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-token-1", "hub.challenge": "42"}
    assert ears_at().challenge(query) == "42"
    with pytest.raises(Refused):
        ears_at().challenge({**query, "hub.verify_token": "another"})


# --- Answering --------------------------------------------------------------------------------------


def test_replies_that_may_have_been_published_are_found_and_never_doubled(
    sandbox: Sandbox, clock: Clock
) -> None:
    comments(sandbox, 100)
    mentions = listener(sandbox, clock).poll(None).mentions
    for fault in (Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.DROP_BEFORE, Fault.UNAVAILABLE):
        sandbox.faults.switch_on("graph", fault, chance=0.1)
    talk = responder(sandbox)
    replies = [Reply(f"k{one.remote_id}", "Merci, nous regardons.", one) for one in mentions]
    assert sum(settle(talk, reply).found for reply in replies) > 5  # the faults did happen
    answered = [one.parent for one in sandbox.town.accepted]
    assert len(answered) == len(set(answered)) == 100


def test_a_reply_that_stands_is_given_back_by_the_next_poll_as_its_answer(
    sandbox: Sandbox, clock: Clock
) -> None:
    (comment,) = comments(sandbox, 1)
    ears, talk = listener(sandbox, clock), responder(sandbox)
    first = ears.poll(None)
    clock.forward(minutes=1)
    (mention,) = first.mentions
    assert talk.can_reply(mention) is None
    receipt = talk.send(Reply("k", "Bonjour Zoé", mention))
    # So that the medium has another number of comments than before, whether or not replies count.
    sandbox.town.say("instagram", "bob", "moi aussi", to=sandbox.town.post("instagram", comment).conversation)
    (ours,) = (one for one in ears.poll(first.cursor).mentions if one.own)
    assert (ours.remote_id, ours.in_reply_to, ours.url) == (receipt.remote_id, comment, receipt.url)


def test_a_deleted_comment_takes_no_reply(sandbox: Sandbox, clock: Clock) -> None:
    (comment,) = comments(sandbox, 1)
    (mention,) = listener(sandbox, clock).poll(None).mentions
    sandbox.town.delete("instagram", comment)
    assert isinstance(responder(sandbox).can_reply(mention), Refusal)
    with pytest.raises(Refused, match="gone"):
        responder(sandbox).send(Reply("k", "Bonjour", mention))


# --- Held to Meta's own lists -----------------------------------------------------------------------

# Graph knows these for every call, see test_facebook.py. The specifications that we hold Facebook to have no
# Instagram: these are from https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/
# (ig-user, ig-media, ig-comment, ig-user/tags, ig-user/mentions).
ALWAYS = {"fields", "limit", "after", "appsecret_proof"}
MEDIA = {"id", "caption", "timestamp", "username", "permalink", "comments_count"}
IG_COMMENT = {"id", "text", "timestamp", "username", "from", "parent_id", "hidden", "media", "replies"}
NODES = {"media": MEDIA, "tags": MEDIA, "comments": IG_COMMENT, "replies": IG_COMMENT, "": IG_COMMENT}
BELOW = {"replies": IG_COMMENT, "media": MEDIA, "mentioned_comment": IG_COMMENT, "mentioned_media": MEDIA}
ACCOUNT = {"id", "username", "mentioned_comment", "mentioned_media"}
ARGUMENTS = {"replies": {"limit"}, "mentioned_comment": {"comment_id"}, "mentioned_media": {"media_id"}}
FORMS = {"replies": {"message"}, "mentions": {"message", "media_id", "comment_id"}}


def unknown(fields: tuple[Field, ...], names: set[str]) -> Iterator[str]:
    for field in fields:
        if field.name not in names or set(field.arguments) - ARGUMENTS.get(field.name, set()):
            yield field.name
        if field.below:
            yield from unknown(field.below, BELOW[field.name])


def test_every_field_and_parameter_that_we_ask_for_is_one_of_meta_s(sandbox: Sandbox, clock: Clock) -> None:
    (comment,) = comments(sandbox, 1)
    sandbox.town.say("instagram", "bob", "pareil", to=comment)
    sandbox.town.say("instagram", "bob", f"chez @{BRAND}", photo=True)
    talk = responder(sandbox)
    elsewhere = Mention("instagram", "55", "?", clock(), kind=Kind.COMMENT, conversation="777/55")
    for mention in (*listener(sandbox, clock).poll(None).mentions, elsewhere):
        talk.can_reply(mention)
        for verb in (talk.find, talk.send):
            try:
                verb(Reply("k", "Bonjour", mention))
            except ServiceError:
                continue
    us, seen = sandbox.town.brand.id_on("instagram"), set[str]()
    for one in sandbox.exchanges:
        _, _, number, *edge = one.path.split("/")
        where = edge[0] if edge else ""
        seen.add(f"{one.method} {where}")
        values = one.form or one.query
        assert set(values) - ALWAYS <= (FORMS[where] if one.method == "POST" else set())
        names = ACCOUNT if number == us and not where else NODES.get(where, set())
        assert list(unknown(parse(values.get("fields", "")), names)) == []
    assert seen >= {
        "GET media",
        "GET tags",
        "GET comments",
        "GET replies",
        "GET ",
        "POST replies",
        "POST mentions",
    }
    for fields in (IN_COMMENT, IN_CAPTION):  # asked for by pushes
        assert list(unknown(parse(fields), ACCOUNT)) == []


# --- Nothing leaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        {"drop": True},
        {"status": 500, "body": "page-token-1"},
        {"status": 400, "json": {"error": {"code": 190, "message": "Malformed access token page-token-1"}}},
        {"status": 400, "json": {"error": {"code": 100, "message": "page-token-1 Allô Zoé"}}},
        {"after": 0.5},
    ],
    ids=str,
)
def test_with_every_logger_at_debug_neither_logs_nor_errors_hold_a_secret_or_a_person_s_words(
    response: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = Mention("instagram", "11", "Allô Zoé", Clock()(), kind=Kind.COMMENT)
    words = list[str]()
    for verb in ("poll", "can_reply", "send", "find", "receive"):
        with playing([{"request": "", "response": response}] * 3) as script, everything_logged():
            plain: dict[str, Any] = {"api_url": script.url, "ig_user_id": "200", "timeout": 0.2, **SECRETS}
            ears = listening.InstagramListener(listening.Config(**plain))
            talk = answering.InstagramResponder(answering.Config(**plain))
            try:
                if verb == "poll":
                    ears.poll(None)
                elif verb == "receive":
                    ears.receive(*push(told("mentions", {"media_id": "777"})))
                else:
                    getattr(talk, verb)(said if verb == "can_reply" else Reply("k", "Bonjour Zoé", said))
            except ServiceError as error:
                words.append(f"{error!r} {error.args} {error.__cause__!r} {error.__context__!r}")
    out = capfd.readouterr()
    everything = "\n".join([*words, caplog.text, out.out, out.err])
    assert [one for one in (*SECRETS.values(), "Allô", "Bonjour Zoé") if one in everything] == []
