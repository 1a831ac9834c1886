"""The sandbox's X as tweepy asks and reads it. Every exchange is held against X's own OpenAPI document."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy  # type: ignore[import-untyped, unused-ignore]
import yaml

from bot.sandbox import x_text
from bot.sandbox.faults import Fault
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import BRAND, Post, Town
from tests.support import sandbox_x
from tests.support.house import Clock
from tests.support.openapi import check_answer, check_request

FIELDS = [
    "attachments",
    "author_id",
    "conversation_id",
    "created_at",
    "display_text_range",
    "edit_controls",
    "entities",
    "in_reply_to_user_id",
    "lang",
    "possibly_sensitive",
    "public_metrics",
    "referenced_tweets",
    "reply_settings",
]
EXPANSIONS = [
    "attachments.media_keys",
    "author_id",
    "edit_history_tweet_ids",
    "entities.mentions.username",
    "in_reply_to_user_id",
    "referenced_tweets.id",
    "referenced_tweets.id.author_id",
]
_LONG = (
    "Do not allow > 140 CJK characters by virtue of CJK chars greater than 63 punycode encoded chars"
    " in the host"
)
# The first two are counted as before emoji sequences were known; the others have links that only look like
# ones, which the sandbox takes for links.
OTHERWISE_COUNTED = {
    "Count a mix of single byte single word, and double word unicode characters",
    "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers",
    "Handle long url with invalid domain labels and short url",
    "Handle a 64 character domain without protocol",
    _LONG,
    "Tweet text containing directional characters should be considered valid",
}
TWITTER_TEXT = Path(__file__).parent.parent / "contracts" / "twitter-text" / "validate.yml"


@dataclass
class World:
    """A sandbox, and tweepy signed in there as the brand."""

    sandbox: Sandbox
    clock: Clock
    api: Any

    @property
    def town(self) -> Town:
        return self.sandbox.town

    @property
    def me(self) -> str:
        return self.town.brand.id_on("x")

    def mentions(self, **asked: Any) -> Any:
        return self.api.get_users_mentions(self.me, user_auth=True, **asked)

    def search(self, query: str, **asked: Any) -> list[str]:
        found = self.api.search_recent_tweets(query, user_auth=True, **asked).data
        return [str(one.text) for one in found or []]

    def answers(self, post: Post) -> list[str]:
        return [one.text for one in self.town.answers_to("x", post.id)]

    def hold_to_the_document(self) -> None:
        for one in self.sandbox.exchanges:
            # What X itself calls wrong, its document need not allow.
            if one.status != 400:
                check_request(one.method, one.path, one.query, one.json)
            # Nothing, or HTML, is what the fault is about.
            if one.status and isinstance(one.answer, dict):
                check_answer(one.method, one.path, one.status, one.answer)


@pytest.fixture
def x() -> Iterator[World]:
    clock = Clock()
    town = Town(clock)
    for handle in ("perle", "zoe"):
        town.add(handle, handle.title(), followers=7)
    with running(town) as sandbox:
        world = World(sandbox, clock, sandbox_x.client(sandbox.url))
        yield world
        world.api.session.close()
        world.hold_to_the_document()


def problem(caught: pytest.ExceptionInfo[Any]) -> dict[str, Any]:
    return dict(caught.value.response.json())


# --- reading ---------------------------------------------------------------------------------------------


def test_an_empty_page_has_no_data(x: World) -> None:
    found = x.mentions()
    assert found.data is None
    assert found.meta == {"result_count": 0}
    assert x.sandbox.exchanges[-1].answer == {"meta": {"result_count": 0}}


def test_without_fields_a_post_has_three(x: World) -> None:
    said = x.town.say("x", "perle", "@banqueazur bonjour")
    x.mentions()
    (given,) = x.sandbox.exchanges[-1].answer["data"]
    assert given == {"id": said.id, "text": said.text, "edit_history_tweet_ids": [said.id]}


def test_every_field_and_expansion_comes_when_it_is_asked_for(x: World) -> None:
    brand = x.town.say("x", BRAND, "Bonjour à tous")
    said = x.town.say("x", "perle", "Ma carte #bleue", to=brand.id, quotes=brand.id, photo=True)
    found = x.mentions(
        tweet_fields=FIELDS, expansions=EXPANSIONS, user_fields=["public_metrics", "created_at"]
    )
    (given,) = found.data
    assert set(FIELDS) <= given.data.keys()
    assert given.author_id == int(x.town.person("perle").id_on("x"))
    assert given.in_reply_to_user_id == int(x.me)
    assert given.conversation_id == int(brand.id)
    assert given.created_at == x.clock()
    assert [(one.type, str(one.id)) for one in given.referenced_tweets] == [
        ("replied_to", brand.id),
        ("quoted", brand.id),
    ]
    assert given.public_metrics["reply_count"] == 0
    assert {user.username for user in found.includes["users"]} == {"perle", BRAND}
    assert {str(one.id) for one in found.includes["tweets"]} == {brand.id, said.id}
    assert [one.type for one in found.includes["media"]] == ["photo"]


def test_what_is_expanded_needs_not_be_asked_for_as_a_field(x: World) -> None:
    x.town.say("x", "perle", "@banqueazur bonjour")
    (given,) = x.mentions(expansions=["author_id"]).data
    assert given.author_id == int(x.town.person("perle").id_on("x"))


def test_a_text_is_given_out_as_x_does(x: World) -> None:
    """Links shortened, three signs escaped, and whoever is answered in front."""
    brand = x.town.say("x", BRAND, "Bonjour")
    x.town.say("x", "perle", "a < b & c https://www.example.org/a?b=1&c=2.", to=brand.id)
    (given,) = x.mentions(tweet_fields=["entities"]).data
    (link,) = given.entities["urls"]
    assert link["expanded_url"] == "https://www.example.org/a?b=1&c=2"
    assert given.text == f"@banqueazur a &lt; b &amp; c {link['url']}."
    plain = given.text.replace("&lt;", "<").replace("&amp;", "&")
    assert plain[link["start"] : link["end"]] == link["url"]
    assert [one["username"] for one in given.entities["mentions"]] == [BRAND]


def test_two_hundred_and_fifty_mentions_between_two_polls_are_all_listed(x: World) -> None:
    last = x.town.say("x", "perle", "@banqueazur before")
    said = []
    for n in range(250):
        x.clock.forward(milliseconds=250)
        said.append(x.town.say("x", "perle", f"@banqueazur {n}").id)
    pages = list(
        tweepy.Paginator(x.api.get_users_mentions, x.me, user_auth=True, since_id=last.id, max_results=100)
    )
    assert [page.meta["result_count"] for page in pages] == [100, 100, 50]
    assert [str(post.id) for page in pages for post in page.data] == said[::-1]
    assert pages[0].meta["newest_id"] == said[-1]
    assert x.mentions(since_id=pages[0].meta["newest_id"]).data is None


def test_a_page_stays_where_it_is_while_people_go_on_speaking(x: World) -> None:
    for n in range(10):
        x.town.say("x", "perle", f"@banqueazur {n}")
    first = x.mentions(max_results=5)
    x.town.say("x", "perle", "@banqueazur meanwhile")
    second = x.mentions(max_results=5, pagination_token=first.meta["next_token"])
    assert [post.text[-1] for page in (first, second) for post in page.data] == list("9876543210")


def test_only_eight_hundred_mentions_are_kept(x: World) -> None:
    for n in range(810):
        x.town.say("x", "perle", f"@banqueazur {n}")
    pages = tweepy.Paginator(x.api.get_users_mentions, x.me, user_auth=True, max_results=100)
    assert sum(len(page.data) for page in pages) == 800


def test_whoever_answers_in_a_thread_speaks_to_all_who_are_in_it(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ma carte ?")
    answer = x.town.say("x", BRAND, "Bonjour", to=asked.id)
    x.town.say("x", "zoe", "Moi aussi", to=answer.id)
    assert [post.text for post in x.mentions().data] == [
        "@banqueazur @perle Moi aussi",
        "@banqueazur ma carte ?",
    ]


def test_shares_are_neither_mentions_nor_found(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ma carte ?")
    x.town.say("x", "zoe", "", shares=asked.id)
    assert len(x.mentions().data) == 1
    assert len(x.search("carte")) == 1
    (shared,) = x.api.get_users_tweets(x.town.person("zoe").id_on("x"), user_auth=True).data
    assert shared.text == "RT @perle: @banqueazur ma carte ?"


def test_quotes_are_listed_under_what_they_quote(x: World) -> None:
    brand = x.town.say("x", BRAND, "Bonjour")
    quoting = x.town.say("x", "perle", "Regardez", quotes=brand.id)
    (given,) = x.api.get_quote_tweets(brand.id, user_auth=True).data
    assert str(given.id) == quoting.id


def test_a_users_own_posts_can_leave_replies_out(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ma carte ?")
    x.town.say("x", BRAND, "Bonjour", to=asked.id)
    x.town.say("x", BRAND, "Bonne journée")
    own = x.api.get_users_tweets(x.me, user_auth=True, tweet_fields=["referenced_tweets"]).data
    assert [post.text for post in own] == ["Bonne journée", "@perle Bonjour"]
    assert str(own[1].referenced_tweets[0].id) == asked.id
    assert len(x.api.get_users_tweets(x.me, user_auth=True, exclude=["replies"]).data) == 1


def test_what_was_deleted_is_named_among_the_errors(x: World) -> None:
    stands = x.town.say("x", "perle", "a")
    gone = x.town.say("x", "perle", "b")
    x.town.delete("x", gone.id)
    found = x.api.get_tweets([stands.id, gone.id, "12"], user_auth=True)
    assert [str(post.id) for post in found.data] == [stands.id]
    assert [error["resource_id"] for error in found.errors] == [gone.id, "12"]
    alone = x.api.get_tweet(gone.id, user_auth=True)
    assert (alone.data, alone.errors[0]["title"]) == (None, "Not Found Error")


def test_an_edited_post_has_a_new_id_and_both_are_known(x: World) -> None:
    first = x.town.say("x", "perle", "@banqueazur ma carte")
    x.mentions()
    x.clock.forward(minutes=2)
    second = x.town.edit("x", first.id, "@banqueazur ma carte est bloquée")
    (given,) = x.mentions(since_id=first.id).data
    assert given.edit_history_tweet_ids == [int(first.id), int(second.id)]
    found = x.api.get_tweets([first.id, second.id], user_auth=True, tweet_fields=["edit_controls"]).data
    assert [post.text for post in found] == [first.text, second.text]
    assert found[0].edit_controls["edits_remaining"] == 4


def test_who_one_is(x: World) -> None:
    me = x.api.get_me(user_fields=["public_metrics"]).data
    assert (str(me.id), me.username, me.public_metrics["followers_count"]) == (x.me, BRAND, 48_200)


# --- searching -------------------------------------------------------------------------------------------


@pytest.fixture
def spoken(x: World) -> dict[str, Post]:
    said = {"hours": x.town.say("x", BRAND, "Nos horaires : 8 h à 20 h")}
    said["card"] = x.town.say("x", "perle", "@banqueazur ma carte est bloquée")
    said["answer"] = x.town.say("x", BRAND, "Bonjour Perle", to=said["card"].id)
    said["thread"] = x.town.say("x", "zoe", "Pareil", to=said["answer"].id)
    said["quote"] = x.town.say("x", "zoe", "Enfin des horaires", quotes=said["hours"].id)
    said["rival"] = x.town.say("x", "zoe", "Crédit du Fjord ne répond pas")
    x.clock.forward(minutes=1)
    return said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("carte", {"card"}),
        ("CARTE bloquée", {"card"}),
        ("bloqu", set()),
        ('"ma carte"', {"card"}),
        ('"carte ma"', set()),
        ("carte OR horaires", {"card", "hours", "quote"}),
        ("horaires -from:banqueazur", {"quote"}),
        ("from:zoe (carte OR fjord)", {"rival"}),
        ("@banqueazur", {"card", "thread"}),
        ("to:banqueazur", {"thread"}),
        ("to:banqueazur OR (from:zoe -is:reply -is:quote)", {"thread", "rival"}),
        ("from:zoe is:reply", {"thread"}),
        ("from:zoe is:quote", {"quote"}),
        ('url:"x.com/banqueazur/status"', {"quote"}),
        ("url:twitter.com/banqueazur", {"quote"}),
        ("from:zoe -(fjord OR pareil)", {"quote"}),
        ("from:perle lang:fr", {"card"}),
        ("from:perle lang:en", set()),
        ("carte -is:retweet", {"card"}),
    ],
)
def test_a_search_finds_what_it_says(x: World, spoken: dict[str, Post], query: str, found: set[str]) -> None:
    given = x.api.search_recent_tweets(query, user_auth=True).data or []
    assert {str(one.id) for one in given} == {spoken[name].id for name in found}


def test_a_search_finds_a_thread_and_quotes_by_id(x: World, spoken: dict[str, Post]) -> None:
    assert len(x.search(f"conversation_id:{spoken['card'].id} -from:banqueazur")) == 2
    assert len(x.search(f"quotes_of_tweet_id:{spoken['hours'].id}")) == 1
    assert len(x.search(f"in_reply_to_tweet_id:{spoken['card'].id}")) == 1


@pytest.mark.parametrize(
    "query", ["is:quote", "-carte", "(carte", "carte OR", "x:y", '"', "a" * 513, "lang:fr"]
)
def test_a_search_that_cannot_be_read_is_refused(x: World, query: str) -> None:
    with pytest.raises(tweepy.BadRequest) as caught:
        x.search(query)
    assert problem(caught)["errors"][0]["parameters"] == {"query": [query]}


def test_a_search_reaches_back_seven_days(x: World) -> None:
    old = x.town.say("x", "perle", "carte", at=x.clock() - timedelta(days=8))
    x.town.say("x", "perle", "carte", at=x.clock() - timedelta(days=6))
    assert len(x.search("carte")) == 1
    with pytest.raises(tweepy.BadRequest, match="'since_id' must be a tweet id created after"):
        x.search("carte", since_id=old.id)
    with pytest.raises(tweepy.BadRequest, match="'start_time' must be on or after"):
        x.search("carte", start_time=x.clock() - timedelta(days=8))
    with pytest.raises(tweepy.BadRequest, match="10 seconds prior"):
        x.search("carte", end_time=x.clock())


def test_a_list_can_be_cut_by_time(x: World) -> None:
    for n in range(4):
        x.town.say("x", "perle", f"@banqueazur {n}")
        x.clock.forward(minutes=1)
    start = x.clock() - timedelta(minutes=3)
    found = x.mentions(start_time=start, end_time=start + timedelta(minutes=2)).data
    assert [post.text[-1] for post in found] == ["2", "1"]


# --- writing ---------------------------------------------------------------------------------------------


def test_a_reply_stands_under_what_it_answers(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ma carte ?")
    made = x.api.create_tweet(text="Bonjour Perle", in_reply_to_tweet_id=asked.id)
    assert made.data["text"] == "@perle Bonjour Perle"
    (stands,) = x.town.answers_to("x", asked.id)
    assert (stands.id, stands.text, stands.author) == (made.data["id"], "Bonjour Perle", BRAND)
    assert x.town.state() == {"replies": 1, "answered": 1, "doubled": 0}


def test_a_quote_of_the_brand_may_be_answered(x: World) -> None:
    brand = x.town.say("x", BRAND, "Bonjour")
    quoting = x.town.say("x", "perle", "Regardez", quotes=brand.id)
    x.api.create_tweet(text="Merci", in_reply_to_tweet_id=quoting.id)
    assert x.answers(quoting) == ["Merci"]


def test_the_brand_may_go_on_in_its_own_thread(x: World) -> None:
    first = x.api.create_tweet(text="Bonjour").data["id"]
    x.api.create_tweet(text="La suite", in_reply_to_tweet_id=first)
    assert [post.text for post in x.town.posts("x")] == ["La suite", "Bonjour"]


def test_whoever_names_the_brand_in_an_answer_names_it_once(x: World) -> None:
    brand = x.town.say("x", BRAND, "Bonjour")
    x.town.say("x", "perle", "Merci @BanqueAzur !", to=brand.id)
    assert [post.text for post in x.mentions().data] == ["Merci @BanqueAzur !"]


def test_nobody_is_answered_who_did_not_speak_to_the_brand(x: World) -> None:
    asked = x.town.say("x", "perle", "Banque Azur, ma carte ?")
    with pytest.raises(tweepy.Forbidden, match="not been mentioned or otherwise engaged"):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.town.accepted == []


def test_whoever_lets_only_some_reply_is_not_answered(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?", replies="following")
    with pytest.raises(tweepy.Forbidden):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)


def test_the_same_words_twice_within_a_day_are_refused(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    x.clock.forward(hours=25)
    x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.town.state()["doubled"] == 1


def test_of_the_same_words_at_the_same_moment_one_is_taken(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")

    def answer(_: int) -> str:
        own = sandbox_x.client(x.sandbox.url)
        with own.session:
            try:
                own.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
            except tweepy.Forbidden:
                return "refused"
        return "taken"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(answer, range(16))) == {"taken": 1, "refused": 15}
    assert x.answers(asked) == ["Bonjour"]


def test_what_is_deleted_or_never_was_is_not_answered(x: World) -> None:
    gone = x.town.say("x", "perle", "@banqueazur ?")
    x.town.delete("x", gone.id)
    for parent in (gone.id, "12"):
        with pytest.raises(tweepy.Forbidden, match="deleted or not visible"):
            x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=parent)


@pytest.mark.parametrize("text", ["é" * 281, "漢" * 141, "😀" * 141, " "])
def test_a_text_that_is_too_long_or_empty_is_refused(x: World, text: str) -> None:
    with pytest.raises(tweepy.BadRequest):
        x.api.create_tweet(text=text)
    assert x.town.posts("x") == []


def test_a_text_of_just_280_is_taken(x: World) -> None:
    x.api.create_tweet(text="é" * 256 + " https://www.example.org/" + "a" * 300)
    assert len(x.town.posts("x")) == 1


def test_a_text_weighs_what_twitter_text_says() -> None:
    sections = yaml.safe_load(TWITTER_TEXT.read_text("utf-8"))["tests"].values()
    wrong = {
        case["description"]
        for cases in sections
        for case in cases
        if x_text.weight(case["text"]) != case["expected"]["weightedLength"]
    }
    assert wrong == OTHERWISE_COUNTED


def test_the_brand_takes_back_only_what_is_its_own(x: World) -> None:
    made = x.api.create_tweet(text="Bonjour").data["id"]
    other = x.town.say("x", "perle", "a")
    assert x.api.delete_tweet(made).data == {"deleted": True}
    assert x.api.delete_tweet(made).data == {"deleted": False}
    with pytest.raises(tweepy.Forbidden, match="not authorized to delete"):
        x.api.delete_tweet(other.id)
    assert [post.id for post in x.town.posts("x")] == [other.id]


def test_only_whoever_wrote_first_gets_a_message(x: World) -> None:
    perle = x.town.person("perle").id_on("x")
    with pytest.raises(tweepy.Forbidden, match="permission to DM"):
        x.api.create_direct_message(participant_id=perle, text="Bonjour")
    there = x.town.message("x", "perle", BRAND, "Bonjour & merci")
    sent = x.api.create_direct_message(participant_id=perle, text="Bonjour Perle").data
    assert sent["dm_conversation_id"] == there.conversation
    found = x.api.get_direct_message_events(
        dm_event_fields=["created_at", "dm_conversation_id"], expansions=["sender_id", "participant_ids"]
    )
    assert [(one.text, str(one.sender_id)) for one in found.data] == [
        ("Bonjour Perle", x.me),
        ("Bonjour &amp; merci", perle),
    ]
    assert {user.username for user in found.includes["users"]} == {BRAND, "perle"}
    assert x.api.get_direct_message_events(participant_id=perle).data[0].id == int(sent["dm_event_id"])


def test_messages_come_in_pages(x: World) -> None:
    for n in range(5):
        x.town.message("x", "perle", BRAND, str(n))
    pages = tweepy.Paginator(x.api.get_direct_message_events, max_results=2)
    assert [one.text for page in pages for one in page.data] == list("43210")


# --- wrong requests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"max_results": 101}, "max_results"),
        ({"max_results": 4}, "max_results"),
        ({"since_id": "five"}, "since_id"),
        ({"since_id": 5, "start_time": "2026-03-01T00:00:00Z"}, "since_id"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": "2026-02-30T00:00:00Z"}, "start_time"),
        ({"tweet_fields": ["autor_id"]}, "tweet.fields"),
        ({"user_fields": ["shoe_size"]}, "user.fields"),
        ({"expansions": ["author"]}, "expansions"),
        ({"pagination_token": "7140w"}, "pagination_token"),
    ],
)
def test_a_wrong_parameter_is_named(x: World, asked: dict[str, Any], parameter: str) -> None:
    with pytest.raises(tweepy.BadRequest) as caught:
        x.mentions(**asked)
    assert list(problem(caught)["errors"][0]["parameters"]) == [parameter]


@pytest.mark.parametrize(
    "keys",
    [
        {"consumer_key": "other"},
        {"consumer_secret": "other"},
        {"access_token": "other"},
        {"access_token_secret": "other"},
    ],
)
def test_a_wrong_key_is_refused(x: World, keys: dict[str, str]) -> None:
    stranger = sandbox_x.client(x.sandbox.url, **keys)
    with stranger.session, pytest.raises(tweepy.Unauthorized):
        stranger.get_me()


def test_a_signature_is_good_for_one_request_only(x: World) -> None:
    x.mentions()
    signed: list[requests.PreparedRequest] = []
    x.api.session.hooks["response"].append(lambda answer, **_: signed.append(answer.request))
    x.mentions(max_results=5)
    header = signed[0].headers["Authorization"]
    path = f"{x.sandbox.url}/x/2/users/{x.me}/mentions"
    for query, status in (("max_results=5", 200), ("max_results=6", 401), ("", 401)):
        answer = requests.get(f"{path}?{query}", headers={"Authorization": header}, timeout=5)
        assert answer.status_code == status
    assert requests.get(path, timeout=5).status_code == 401


def test_a_path_that_x_does_not_know_is_answered_with_nothing(x: World) -> None:
    answer = requests.get(f"{x.sandbox.url}/x/2/nowhere", timeout=5)
    assert (answer.status_code, answer.content) == (404, b"")
    x.sandbox.exchanges.clear()


def test_limits_count_down_and_end_in_429(x: World) -> None:
    wire: Any = x.sandbox.wires[0]
    wire.per_window = 2
    seen: list[dict[str, str]] = []
    x.api.session.hooks["response"].append(lambda answer, **_: seen.append(dict(answer.headers)))
    x.mentions()
    x.mentions()
    with pytest.raises(tweepy.TooManyRequests) as caught:
        x.mentions()
    assert [one["x-rate-limit-remaining"] for one in seen] == ["1", "0", "0"]
    assert 0 < caught.value.reset_time - x.clock().timestamp() <= 900
    x.clock.forward(minutes=15)
    x.mentions()


# --- faults ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault.RATE_LIMITED, tweepy.TooManyRequests, "Too Many Requests"),
        (Fault.RATE_LIMITED_NO_RESET, tweepy.TooManyRequests, "Too Many Requests"),
        (Fault.OUT_OF_CREDITS, tweepy.HTTPException, "does not have any credits"),
        (Fault.NOT_SUMMONED, tweepy.Forbidden, "not been mentioned or otherwise engaged"),
        (Fault.DUPLICATE, tweepy.Forbidden, "duplicate content"),
        (Fault.TOKEN_EXPIRED, tweepy.Unauthorized, "Unauthorized"),
        (Fault.UNAVAILABLE, tweepy.TwitterServerError, "503"),
    ],
)
def test_a_refusal_publishes_nothing(
    x: World, fault: Fault, error: type[tweepy.HTTPException], words: str
) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.sandbox.faults.switch_on("x", fault, "write", times=1, seconds=90)
    with pytest.raises(error, match=words) as caught:
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.answers(asked) == []
    assert x.sandbox.faults.met["x", fault] == 1
    reset = caught.value.response.headers.get("x-rate-limit-reset")
    assert (reset == str(int(x.clock().timestamp()) + 90)) == (fault is Fault.RATE_LIMITED)
    x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.answers(asked) == ["Bonjour"]


def test_402_is_told_by_its_status(x: World) -> None:
    x.sandbox.faults.switch_on("x", Fault.OUT_OF_CREDITS)
    with pytest.raises(tweepy.HTTPException) as caught:
        x.mentions()
    assert caught.value.response.status_code == 402
    assert problem(caught)["title"] == "CreditsDepleted"


@pytest.mark.parametrize(
    ("fault", "published"),
    [(Fault.DROP_BEFORE, 0), (Fault.DROP_AFTER, 1)],
)
def test_a_connection_drops_before_or_after(x: World, fault: Fault, published: int) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.sandbox.faults.switch_on("x", fault, "write")
    with pytest.raises(requests.exceptions.ConnectionError):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert len(x.answers(asked)) == published
    assert x.sandbox.exchanges[-1].status == 0


def test_a_500_may_have_published_all_the_same(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.sandbox.faults.switch_on("x", Fault.ERROR_AFTER, "write")
    with pytest.raises(tweepy.TwitterServerError):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.answers(asked) == ["Bonjour"]
    assert x.mentions().meta["result_count"] == 1


@pytest.mark.parametrize("fault", [Fault.SLOW_BEFORE, Fault.SLOW_AFTER])
def test_the_wire_is_slow(x: World, fault: Fault) -> None:
    x.sandbox.faults.switch_on("x", fault, "write", times=1, seconds=0.2)
    begun = time.monotonic()
    x.api.create_tweet(text="Bonjour")
    assert time.monotonic() - begun >= 0.2


def test_a_list_comes_out_of_order(x: World) -> None:
    for n in range(6):
        x.town.say("x", "perle", f"@banqueazur {n}")
    x.sandbox.faults.switch_on("x", Fault.OUT_OF_ORDER, times=1)
    mixed = x.mentions()
    ids = [post.id for post in mixed.data]
    assert ids != sorted(ids, reverse=True)
    assert sorted(ids, reverse=True) == [post.id for post in x.mentions().data]
    assert mixed.meta["newest_id"] == str(max(ids))


def test_an_author_cannot_be_found(x: World) -> None:
    x.town.say("x", "perle", "@banqueazur ?")
    x.sandbox.faults.switch_on("x", Fault.FROM_MISSING)
    found = x.mentions(expansions=["author_id"])
    assert found.includes == {}
    assert [error["resource_type"] for error in found.errors] == ["user"]
    assert found.data[0].author_id


def test_a_person_edits_in_the_moment_in_which_they_are_answered(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.town.say("x", "zoe", "@banqueazur newer")
    x.sandbox.faults.switch_on("x", Fault.EDITED, "write")
    x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)
    assert x.town.newest_version("x", asked.id).edited_at
    assert x.answers(asked) == ["Bonjour"]


def test_a_person_deletes_in_the_moment_in_which_they_are_answered(x: World) -> None:
    asked = x.town.say("x", "perle", "@banqueazur ?")
    x.sandbox.faults.switch_on("x", Fault.DELETED, "write")
    with pytest.raises(tweepy.Forbidden, match="deleted or not visible"):
        x.api.create_tweet(text="Bonjour", in_reply_to_tweet_id=asked.id)


def test_a_person_deletes_in_the_moment_in_which_they_are_listed(x: World) -> None:
    x.town.say("x", "perle", "@banqueazur 1")
    x.town.say("x", "zoe", "@banqueazur 2")
    x.sandbox.faults.switch_on("x", Fault.DELETED, "read", times=1)
    assert [post.text for post in x.mentions().data] == ["@banqueazur 1"]


# --- the judge itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/2/users/12/mentions", {"max_result": "5"}, None),
        ("GET", "/2/users/12/mentions", {"max_results": "101"}, None),
        ("GET", "/2/users/12/mentions", {"tweet.fields": "author"}, None),
        ("GET", "/2/users/12/mentions", {"start_time": "2026-03-01"}, None),
        ("GET", "/2/users/perle/mentions", {}, None),
        ("GET", "/2/users/12/mentioned", {}, None),
        ("GET", "/2/tweets/search/recent", {}, None),
        ("GET", "/2/dm_events", {"dm_event.fields": "sender_id"}, None),
        ("POST", "/2/tweets", {}, None),
        ("POST", "/2/tweets", {}, {"text": "a", "reply": {"in_reply_to_tweet_id": 12}}),
        ("POST", "/2/tweets", {}, {"text": "a", "in_reply_to_tweet_id": "12"}),
        ("DELETE", "/2/tweets/12", {}, {"text": "a"}),
    ],
)
def test_the_judge_refuses_a_wrong_request(method: str, path: str, query: dict[str, str], body: Any) -> None:
    with pytest.raises(AssertionError):
        check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"data": {}}),
        (200, {"data": [{"id": 12}]}),
        (200, {"data": [{"id": "12", "autor_id": "3"}]}),
        (200, {"data": [{"id": "12", "created_at": "yesterday"}]}),
        (200, {"data": [], "meta": {"result_count": "0"}}),
        (200, {"errors": [{"title": "no type"}]}),
        (201, {"data": []}),
        (404, {"title": "no type", "detail": "a"}),
        (404, {"title": "unlisted", "detail": "a", "type": "https://api.x.com/2/problems/bad-mood"}),
    ],
)
def test_the_judge_refuses_a_wrong_answer(status: int, body: Any) -> None:
    with pytest.raises(AssertionError):
        check_answer("GET", "/2/users/12/mentions", status, body)


def test_what_is_kept_of_xs_document_says_whose_it_is() -> None:
    file = Path(__file__).parent.parent / "contracts" / "x-openapi.json"
    info = json.loads(file.read_text("utf-8"))["info"]
    assert (info["title"], info["version"]) == ("X API v2", "2.167")
    assert info["license"]["name"] == "X Developer Agreement and Policy"
