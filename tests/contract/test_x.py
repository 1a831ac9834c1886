"""X listener and responder, through the real tweepy, against the sandbox: nothing is lost, nothing stands
twice, nothing costs more than is said, and everything that goes over the wire is as X's own document says."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from accounts.x import session
from accounts.x_posts import moment
from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from bot.meter import Meter, Spent
from bot.models import Author, Batch, Kind, Mention, Price, Receipt, Reply
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import BRAND, Town
from listeners import x as listening
from responders import x as answering
from tests.support.house import Clock
from tests.support.openapi import check_answer, check_request
from tests.support.scripted import playing
from tests.support.settling import looked_for

SECRETS = ("sandbox-key", "sandbox-secret", "sandbox-token", "sandbox-token-secret")
LAG = timedelta(seconds=60)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 10, 9, 0, tzinfo=UTC))


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """A town where Claire and Paul live; in the end, all that went over X's wire is held against X's own
    document."""
    town = Town(clock=clock)
    town.add("claire", "Claire", followers=310)
    town.add("paul", "Paul")
    with running(town) as started:
        yield started
        for seen in started.exchanges:
            check_request(seen.method, seen.path, seen.query, seen.json)
            if seen.status and isinstance(seen.answer, dict):
                check_answer(seen.method, seen.path, seen.status, seen.answer)


def settings(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    key, secret, token, token_secret = SECRETS
    return {
        "consumer_key": key,
        "consumer_secret": secret,
        "access_token": token,
        "access_token_secret": token_secret,
        "handle": BRAND,
        "user_id": sandbox.town.brand.id_on("x"),
        "api_url": f"{sandbox.url}/x",
        **more,
    }


def listener(sandbox: Sandbox, **more: Any) -> listening.XListener:
    return listening.XListener(listening.Config(**settings(sandbox, **more)), sandbox.town.clock)


def responder(sandbox: Sandbox, **more: Any) -> answering.XResponder:
    return answering.XResponder(answering.Config(**settings(sandbox, **more)), sandbox.town.clock)


def heard(batch: Batch) -> dict[str, Mention]:
    """What was heard of others, by id; nothing twice."""
    found = [mention for mention in batch.mentions if not mention.own]
    assert len({mention.remote_id for mention in found}) == len(found)
    return {mention.remote_id: mention for mention in found}


def fill(town: Town, number: int, text: str = "@banqueazur n°", over: timedelta = timedelta(0)) -> set[str]:
    """So many posts of Claire's, evenly over the time until now, oldest first."""
    now = town.clock()
    times = [now - over + over * n / number for n in range(number)]
    return {town.say("x", "claire", f"{text} {n}", at=at).id for n, at in enumerate(times)}


def asked(sandbox: Sandbox, path: str) -> int:
    return sum(seen.path.endswith(path) for seen in sandbox.exchanges)


# --- Hearing -------------------------------------------------------------------------------------


def test_two_hundred_and_fifty_mentions_between_two_polls_are_all_heard(
    sandbox: Sandbox, clock: Clock
) -> None:
    ears = listener(sandbox)
    first = ears.poll(None)
    clock.forward(minutes=1)
    posted = fill(sandbox.town, 250)
    second = ears.poll(first.cursor)
    assert set(heard(second)) == posted
    assert second.complete_to == first.complete_to  # the searches are not due yet
    assert second.complete_from is None
    assert not heard(ears.poll(second.cursor))
    assert asked(sandbox, "/mentions") == 1 + 3 + 1


def test_the_first_poll_looks_back_a_day(sandbox: Sandbox, clock: Clock) -> None:
    old = sandbox.town.say("x", "claire", "@banqueazur hier", at=clock() - timedelta(hours=30))
    new = sandbox.town.say("x", "claire", "@banqueazur ce matin", at=clock() - timedelta(hours=3))
    batch = listener(sandbox).poll(None)
    assert set(heard(batch)) == {new.id}
    assert (batch.complete_from, batch.complete_to) == (clock() - timedelta(days=1), clock() - LAG)
    assert set(heard(listener(sandbox, first_days=2).poll(None))) == {old.id, new.id}


def test_what_the_timeline_keeps_no_more_is_searched_for(sandbox: Sandbox, clock: Clock) -> None:
    ears = listener(sandbox)
    first = ears.poll(None)
    clock.forward(hours=5)
    posted = fill(sandbox.town, 1_050, over=timedelta(hours=4))
    second = ears.poll(first.cursor)  # the timeline's 800, and as many as one poll may search for
    assert second.complete_to == first.complete_to
    third = ears.poll(second.cursor)
    assert set(heard(second)) | set(heard(third)) == posted
    assert (third.complete_from, third.complete_to) == (None, clock() - LAG)


def test_a_great_search_goes_on_in_the_next_poll(sandbox: Sandbox, clock: Clock) -> None:
    ears = listener(sandbox, searches=["azur"], searches_every_minutes=5)
    first = ears.poll(None)
    clock.forward(hours=5)
    posted = fill(sandbox.town, 1_050, "la côte d'azur", over=timedelta(hours=4))
    second = ears.poll(first.cursor)
    assert (len(heard(second)), second.complete_to) == (1_000, first.complete_to)
    third = ears.poll(second.cursor)
    assert set(heard(second)) | set(heard(third)) == posted
    assert len(heard(third)) == 50
    assert third.complete_to == clock() - LAG


def test_after_more_than_a_week_the_gap_is_said(sandbox: Sandbox, clock: Clock) -> None:
    first = listener(sandbox).poll(None)
    clock.forward(days=9)
    early = sandbox.town.say("x", "claire", "@banqueazur ?", at=clock() - timedelta(days=8))
    batch = listener(sandbox).poll(first.cursor)
    assert early.id in heard(batch)  # the timeline still had it; replies and quotes of that time are lost
    assert batch.complete_from == clock() - timedelta(days=7) + timedelta(minutes=1)
    assert batch.complete_to == clock() - LAG


def test_a_clock_ahead_of_x_s_promises_no_more_than_x_knows(sandbox: Sandbox, clock: Clock) -> None:
    clock.now = datetime.now(UTC) + timedelta(hours=3)  # the sandbox stamps its answers with the true time
    assert listener(sandbox).poll(None).complete_to <= datetime.now(UTC) - LAG


def test_a_mention_that_x_shows_late_is_found_by_searching_again(sandbox: Sandbox, clock: Clock) -> None:
    ears = listener(sandbox)
    sandbox.town.say("x", "paul", "@banqueazur bonjour")
    batch = ears.poll(None)
    clock.forward(minutes=1)
    late = sandbox.town.say("x", "claire", "@banqueazur ?", at=clock() - timedelta(minutes=4))
    batch = ears.poll(batch.cursor)
    assert late.id not in heard(batch)
    clock.forward(minutes=15)
    assert heard(ears.poll(batch.cursor))[late.id].addressed


def test_replies_in_our_threads_and_quotes_are_heard(sandbox: Sandbox, clock: Clock) -> None:
    town = sandbox.town
    ours = town.say("x", BRAND, "Nos agences ferment à 18 h")
    quote = town.say("x", "claire", "vraiment ?", quotes=ours.id)
    to_us = town.say("x", "paul", "et le samedi ?", to=ours.id)
    batch = listener(sandbox).poll(None)
    found = heard(batch)
    assert {number: (m.kind, m.addressed) for number, m in found.items()} == {
        quote.id: (Kind.POST, True),
        to_us.id: (Kind.REPLY, True),
    }
    assert (found[to_us.id].in_reply_to, found[to_us.id].conversation) == (ours.id, ours.id)
    assert [(m.remote_id, m.own) for m in batch.mentions if m.own] == [(ours.id, True)]


def test_a_quote_of_an_old_post_is_heard_too(sandbox: Sandbox, clock: Clock) -> None:
    ours = sandbox.town.say("x", BRAND, "Nouveau : la carte verte", at=clock() - timedelta(days=40))
    quote = sandbox.town.say("x", "claire", "vraiment ?", quotes=ours.id)
    assert heard(listener(sandbox).poll(None))[quote.id].addressed


def test_a_saved_search_is_heard_and_never_answered(sandbox: Sandbox) -> None:
    town = sandbox.town
    found = town.say("x", "claire", "la carte bleue est en panne")
    named = town.say("x", "claire", "@banqueazur la carte bleue est en panne")
    batch = listener(sandbox, searches=['"carte bleue"']).poll(None)
    assert {number: m.addressed for number, m in heard(batch).items()} == {found.id: False, named.id: True}
    refusal = responder(sandbox).can_reply(heard(batch)[found.id])
    assert refusal is not None
    assert "answer by hand" in refusal.reason


def test_a_saved_search_that_x_does_not_take_is_told_and_holds_up_nothing_else(
    sandbox: Sandbox, clock: Clock
) -> None:
    ears = listener(sandbox, searches=["is:nonsense", "carte"])
    mention = sandbox.town.say("x", "claire", "@banqueazur bonjour")
    other = sandbox.town.say("x", "paul", "ma carte")
    batch = ears.poll(None)
    assert set(heard(batch)) == {mention.id, other.id}
    assert batch.complete_to < clock() - timedelta(hours=1)  # that search has found nothing yet
    with pytest.raises(Refused, match="saved search that begins with 'is:nonsense'"):
        ears.poll(batch.cursor)
    clock.forward(minutes=5)
    assert ears.poll(batch.cursor).complete_to == batch.complete_to  # said once an hour
    mended = listener(sandbox, searches=["carte"]).poll(batch.cursor)
    assert mended.complete_to == clock() - LAG


@pytest.mark.parametrize("fault", ["rate-limited", "rate-limited-no-reset", "unavailable", "drop-before"])
def test_a_search_that_fails_does_not_hold_up_the_mentions(
    sandbox: Sandbox, clock: Clock, fault: str
) -> None:
    first = listener(sandbox).poll(None)
    clock.forward(minutes=6)
    mention = sandbox.town.say("x", "claire", "@banqueazur bonjour")
    looks = itertools.count(1)

    def on_the_second_call() -> datetime:
        """The clock is looked at when a poll begins and before every call."""
        if next(looks) == 3:
            sandbox.faults.switch_on("x", fault, "read")
        return clock()

    ears = listening.XListener(listening.Config(**settings(sandbox)), on_the_second_call)
    second = ears.poll(first.cursor)
    assert set(heard(second)) == {mention.id}
    assert second.complete_to == first.complete_to
    sandbox.faults.clear()
    clock.forward(minutes=2)
    assert ears.poll(second.cursor).complete_to == clock() - LAG


def test_an_edited_post_stays_one_and_our_answer_to_its_new_version_closes_it(
    sandbox: Sandbox, clock: Clock
) -> None:
    town, ears = sandbox.town, listener(sandbox)
    mention = town.say("x", "claire", "@banqueazur la cartte")
    first = ears.poll(None)
    clock.forward(minutes=6)
    edited = town.edit("x", mention.id, "@banqueazur la carte")
    town.say("x", BRAND, "C'est réparé", to=edited.id)
    second = ears.poll(first.cursor)
    again, ours = sorted(second.mentions, key=lambda m: m.own)
    assert (again.remote_id, again.text) == (mention.id, "@banqueazur la carte")
    assert again.posted_at == heard(first)[mention.id].posted_at
    assert (ours.own, ours.in_reply_to, ours.text) == (True, mention.id, "C'est réparé")


def test_messages_are_heard_both_ways_and_once(sandbox: Sandbox, clock: Clock) -> None:
    town, ears = sandbox.town, listener(sandbox, messages=True)
    before = town.message("x", "claire", BRAND, "avant-hier", at=clock() - timedelta(days=2))
    theirs = [town.message("x", "claire", BRAND, f"bonjour {n}") for n in range(15)]
    ours = town.message("x", BRAND, "claire", "Bonjour Claire")
    first = ears.poll(None)
    messages = {m.remote_id: m for m in first.mentions}
    assert set(messages) == {f"dm-{one.id}" for one in [*theirs, ours]} - {f"dm-{before.id}"}
    asking, answer = messages[f"dm-{theirs[0].id}"], messages[f"dm-{ours.id}"]
    assert (asking.kind, asking.addressed, asking.own) == (Kind.MESSAGE, True, False)
    assert (answer.addressed, answer.own, answer.conversation) == (False, True, asking.conversation)
    assert asking.author.handle == "claire"
    clock.forward(minutes=6)
    new = town.message("x", "paul", BRAND, "et moi ?", at=clock() - timedelta(minutes=1))
    clock.forward(minutes=6)
    first = ears.poll(first.cursor)
    assert f"dm-{new.id}" in {m.remote_id for m in first.mentions}
    clock.forward(minutes=6)
    assert not ears.poll(first.cursor).mentions
    assert asked(sandbox, "/dm_events") == 2 + 2 + 1


def test_without_messages_none_is_read(sandbox: Sandbox) -> None:
    sandbox.town.message("x", "claire", BRAND, "bonjour")
    assert not listener(sandbox).poll(None).mentions
    assert asked(sandbox, "/dm_events") == 0


def test_what_its_author_deleted_is_known_and_messages_are_left_alone(sandbox: Sandbox) -> None:
    town, ears = sandbox.town, listener(sandbox)
    kept, gone = (town.say("x", "claire", f"@banqueazur {n}") for n in range(2))
    town.delete("x", gone.id)
    assert list(ears.deleted([kept.id, gone.id, "dm-1234567890123456789"])) == [gone.id]
    assert [tuple(charge) for charge in ears.meter.drain()] == [("post read", 1, 5_000)]
    assert list(ears.deleted([gone.id])) == [gone.id]
    assert list(ears.deleted(["dm-1234567890123456789"])) == []
    assert asked(sandbox, "/2/tweets") == 2


def test_what_is_protected_now_counts_as_deleted_and_what_x_cannot_say_does_not(sandbox: Sandbox) -> None:
    problems = {"11": "resource-not-found", "12": "not-authorized-for-resource", "13": "resource-unavailable"}
    kinds = [{"type": f"https://api.x.com/2/problems/{kind}", "value": n} for n, kind in problems.items()]
    answer = {"data": [{"id": "14", "text": "…"}], "errors": [*kinds, {"type": "about:blank"}, None]}
    with playing([{"request": "GET /x/2/tweets", "response": {"json": answer}}]) as script:
        ears = listener(sandbox, api_url=f"{script.url}/x")
        assert list(ears.deleted(["11", "12", "13", "14", "15"])) == ["11", "12"]


def test_however_many_threads_we_are_in_x_takes_the_searches(sandbox: Sandbox, clock: Clock) -> None:
    for n in range(50):
        theirs = sandbox.town.say("x", "claire", f"@banqueazur {n}")
        sandbox.town.say("x", BRAND, f"Bonjour {n}", to=theirs.id)
    batch = listener(sandbox).poll(None)
    queries = [seen.query["query"] for seen in sandbox.exchanges if "query" in seen.query]
    assert max(map(len, queries)) <= 512
    assert sum(query.count("quotes_of_tweet_id:") for query in queries) == 40
    assert sum(query.count("conversation_id:") for query in queries) == 40
    assert len(queries) == 8
    assert batch.complete_to == clock() - LAG


def test_pages_out_of_order_and_authors_that_x_hides_lose_nobody(sandbox: Sandbox) -> None:
    posted = fill(sandbox.town, 230)
    sandbox.faults.switch_on("x", "out-of-order")
    sandbox.faults.switch_on("x", "from-missing")
    batch = listener(sandbox).poll(None)
    assert set(heard(batch)) == posted
    assert {m.author.handle for m in batch.mentions} == {""}
    assert all(m.addressed for m in batch.mentions)


def test_a_date_that_no_calendar_has_stops_no_reading() -> None:
    assert moment("0001-01-01T00:00:00+14:00") is None


def test_credentials_that_are_taken_back_are_said_at_the_next_poll(sandbox: Sandbox) -> None:
    ears = listener(sandbox)
    batch = ears.poll(None)
    sandbox.faults.switch_on("x", "token-expired")
    with pytest.raises(AuthFailed, match="make new ones"):
        ears.poll(batch.cursor)


# --- Answering -----------------------------------------------------------------------------------


def mentions(sandbox: Sandbox, number: int) -> list[Mention]:
    fill(sandbox.town, number)
    return [m for m in listener(sandbox).poll(None).mentions if m.addressed]


def settle(talk: answering.XResponder, reply: Reply) -> tuple[Receipt | None, str]:
    """As the core does: unsure is never sent again before it was looked for. What came of it, and the last
    fault on the way."""
    last = ""
    for _ in range(30):
        try:
            return talk.send(reply), last
        except Unsure as fault:
            last = type(fault).__name__
            if (there := looked_for(talk, reply)) is not None:
                return there, last
        except Retry as fault:
            last = type(fault).__name__
        except (Refused, AuthFailed) as fault:
            return None, type(fault).__name__
    raise AssertionError("never settled")


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("rate-limited", "sent"),
        ("rate-limited-no-reset", "sent"),
        ("out-of-credits", "AuthFailed"),
        ("token-expired", "AuthFailed"),
        ("not-summoned", "Rejected"),
        ("duplicate", "Refused"),
        ("unavailable", "sent"),
        ("error-after", "sent"),
        ("drop-before", "sent"),
        ("drop-after", "sent"),
        ("deleted", "Rejected"),
        ("edited", "sent"),
    ],
)
def test_whatever_goes_wrong_a_reply_stands_there_once_or_is_refused(
    sandbox: Sandbox, fault: str, ends: str
) -> None:
    (mention,) = mentions(sandbox, 1)
    sandbox.faults.switch_on("x", fault, "write", times=1)
    receipt, last = settle(responder(sandbox), Reply("k1", "Nous regardons.", mention))
    assert ("sent" if receipt else last) == ends
    standing = [post for post in sandbox.town.posts("x") if post.author == BRAND]
    assert [post.id for post in standing] == ([receipt.remote_id] if receipt else [])


def test_a_hundred_replies_over_a_bad_line_stand_once_each(sandbox: Sandbox) -> None:
    waiting = mentions(sandbox, 100)
    for fault in ("drop-after", "error-after", "drop-before", "unavailable", "rate-limited"):
        sandbox.faults.switch_on("x", fault, "write", chance=0.15)
    sandbox.faults.switch_on("x", "drop-before", "read", chance=0.1)
    talk = responder(sandbox)
    receipts = [settle(talk, Reply(m.remote_id, f"Bonjour, dossier {m.remote_id}.", m))[0] for m in waiting]
    answers = [post for post in sandbox.town.posts("x") if post.author == BRAND]
    assert sorted(post.in_reply_to or "" for post in answers) == sorted(m.remote_id for m in waiting)
    assert {post.id for post in answers} == {receipt.remote_id for receipt in receipts if receipt}
    assert sum(sandbox.faults.met.values()) > 50


def test_what_x_makes_of_a_text_is_known_again(sandbox: Sandbox) -> None:
    talk = responder(sandbox)
    for mention, text in zip(
        mentions(sandbox, 4),
        (
            "R&D <ici> : example.org/aide?a=1&b=2 !",
            "Voir https://example.org/, merci",
            "Cafe\u0301 offert\n\nà 9 h 👍🏽",
            "@claire Bonjour",
        ),
        strict=True,
    ):
        reply = Reply("k1", text, mention)
        assert talk.find(reply) is None
        assert talk.send(reply) == talk.find(reply)


def test_the_same_words_under_another_post_are_not_taken_for_the_reply(sandbox: Sandbox) -> None:
    talk, (one, other) = responder(sandbox), mentions(sandbox, 2)
    talk.send(Reply("k1", "Merci !", one))
    assert talk.find(Reply("k2", "Merci !", other)) is None
    with pytest.raises(Refused, match="takes no text twice"):
        talk.send(Reply("k2", "Merci !", other))
    with pytest.raises(Unsure, match="posted already"):
        talk.send(Reply("k2", "Merci !", other, attempt=2))


def test_a_message_is_answered_once(sandbox: Sandbox) -> None:
    sandbox.town.message("x", "claire", BRAND, "bonjour")
    (mention,) = listener(sandbox, messages=True).poll(None).mentions
    sandbox.faults.switch_on("x", "drop-after", "write", times=1)
    receipt, last = settle(responder(sandbox), Reply("k1", "Bonjour, voir https://example.org/aide", mention))
    assert last == "Unsure"
    sent = [one for one in sandbox.town.messages("x") if one.author == BRAND]
    assert receipt is not None
    assert [f"dm-{one.id}" for one in sent] == [receipt.remote_id]


def test_nobody_gets_a_message_who_did_not_write_first(sandbox: Sandbox) -> None:
    person = sandbox.town.person("paul")
    stranger = Mention("x", "dm-1", "…", sandbox.town.clock(), Author(id=person.id_on("x")), Kind.MESSAGE)
    with pytest.raises(Refused, match="takes no messages"):
        responder(sandbox).send(Reply("k1", "Bonjour", stranger))


def test_a_post_that_the_person_took_back_is_refused(sandbox: Sandbox) -> None:
    (mention,) = mentions(sandbox, 1)
    sandbox.town.delete("x", mention.remote_id)
    with pytest.raises(Refused, match="gone"):
        responder(sandbox).send(Reply("k1", "Bonjour", mention))


# --- Money ---------------------------------------------------------------------------------------


def costs(meter: Meter) -> list[tuple[str, int, int]]:
    return [(charge.item, charge.number, charge.cost) for charge in meter.drain()]


def test_what_is_returned_is_what_is_charged(sandbox: Sandbox, clock: Clock) -> None:
    fill(sandbox.town, 3)
    dear, cheap = (
        listener(sandbox),
        listener(sandbox, owned_reads=True, prices={"user_expansion": 0, "as_of": "2026-11-01"}),
    )
    batch = dear.poll(None)
    cheap.poll(None)
    assert costs(dear.meter) == [("mention read", 3, 15_000), ("author read", 1, 10_000)]
    assert costs(cheap.meter)[0] == ("mention read", 3, 3_000)
    dear.poll(batch.cursor)
    assert costs(dear.meter) == []  # nothing new, nothing to pay


def test_the_budget_stops_reading_before_replies(sandbox: Sandbox, clock: Clock) -> None:
    (mention,) = mentions(sandbox, 1)
    ears, talk = listener(sandbox, budget={"day": 1}), responder(sandbox, budget={"day": 1})
    before = len(sandbox.exchanges)
    for meter in (ears.meter, talk.meter):
        meter.tell(Spent(day=800_000, month=800_000))
    with pytest.raises(RateLimited, match="budget for reading"):
        ears.poll(None)
    assert talk.send(Reply("k1", "Bonjour", mention))
    talk.meter.tell(Spent(day=1_000_000, month=1_000_000))
    with pytest.raises(AuthFailed, match="the budget is used up"):
        talk.send(Reply("k2", "Encore bonjour", mention))
    assert len(sandbox.exchanges) - before == 1


def test_a_reply_is_paid_unless_it_surely_was_not_published(sandbox: Sandbox) -> None:
    talk, waiting = responder(sandbox), mentions(sandbox, 4)
    for mention, fault, paid in zip(
        waiting, ("drop-after", "unavailable", "rate-limited", "not-summoned"), (1, 1, 0, 0), strict=True
    ):
        sandbox.faults.switch_on("x", fault, "write", times=1)
        with pytest.raises(ServiceError):
            talk.send(Reply("k", "Bonjour", mention))
        assert costs(talk.meter) == [("reply", 1, 10_000)] * paid


def test_a_link_is_warned_of_with_its_price_and_paid(sandbox: Sandbox) -> None:
    talk, (mention,) = responder(sandbox), mentions(sandbox, 1)
    assert talk.price("Bonjour", mention) == Price(0.01)
    dear = talk.price("Voir example.org/aide", mention)
    assert dear == Price(
        0.2, "with a link X takes $0.200 for this reply instead of $0.010 (prices of 2026-08-22)"
    )
    talk.send(Reply("k", "Voir example.org/aide", mention))
    assert costs(talk.meter) == [("reply", 1, 200_000)]


def test_a_text_is_as_long_as_x_finds_it(sandbox: Sandbox) -> None:
    limits = responder(sandbox).limits
    assert (limits.maximum, limits.count("voir example.org 👍🏽")) == (280, 5 + 23 + 1 + 2)
    assert responder(sandbox, long_posts=True).limits.maximum == 25_000
    assert answering.XResponder.limits.maximum == 280


# --- Secrets and settings ------------------------------------------------------------------------


def test_no_log_of_any_level_holds_a_secret_or_somebodys_words(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.town.say("x", "claire", "@banqueazur unspeakable")
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, name)
    batch = listener(sandbox, searches=["azur"], messages=True).poll(None)
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, name)
    talk, mention = responder(sandbox), next(m for m in batch.mentions if m.addressed)
    for fault in ("drop-after", "unavailable", "token-expired"):
        sandbox.faults.switch_on("x", fault, "write", times=1)
        with pytest.raises(ServiceError) as caught:
            talk.send(Reply("k", "unutterable", mention))
        assert not [word for word in (*SECRETS, "unutterable") if word in f"{caught.value!r}"]
    talk.find(Reply("k", "unutterable", mention))
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not [word for word in (*SECRETS, "oauth", "unspeakable", "unutterable") if word in logged]


def test_a_misspelt_parameter_is_not_sent(sandbox: Sandbox, clock: Clock) -> None:
    config = listening.Config(**settings(sandbox))
    with session(config, Meter(config.budget), clock) as api, pytest.raises(TypeError, match="tweet_feilds"):
        api.read(api.client.get_users_mentions, "post read", 0, id=config.me, tweet_feilds=["lang"])
    assert not sandbox.exchanges


@pytest.mark.parametrize("config", [listening.Config, answering.Config])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"user_id": ""}, "user_id is needed"),
        ({"api_url": "http://api.example.org"}, "https"),
        ({"handle": "banque azur"}, "handle"),
        ({"budget": {"day": -1}}, "day"),
        ({"prices": {"tweet": 1}}, "tweet"),
    ],
)
def test_a_wrong_setting_is_said_without_the_secrets(
    sandbox: Sandbox, config: Any, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        config(**settings(sandbox, **change))
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_the_account_s_number_comes_from_its_token(sandbox: Sandbox) -> None:
    values = settings(sandbox, user_id="", access_token="4711-abc", handle="@banqueazur")
    config = listening.Config(**values)
    assert (config.me, config.handle) == ("4711", "banqueazur")
