"""The sandbox's Graph side: asked by facebook-sdk as it stands on PyPI, and held to Meta's lists of names."""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts.sdk import lead
from bot.errors import Unsure
from bot.sandbox.faults import Fault
from bot.sandbox.graph import APP_SECRET, TOKEN
from bot.sandbox.graph_facts import EDGES, FIELDS
from bot.sandbox.graph_fields import Field, Malformed, parse
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import Post, Town
from tests.support.house import Clock

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import facebook

CONTRACTS = Path(__file__).parent.parent / "contracts" / "graph"
SPECIFIED = ("Comment", "Page", "PagePost", "UnifiedThread")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with running(Town(clock)) as one:
        one.town.add("zoe", "Zoé Martin")
        one.town.add("max", "Max Roy")
        yield one


@pytest.fixture
def sdk(sandbox: Sandbox) -> Any:
    return graph(sandbox, TOKEN)


def graph(sandbox: Sandbox, token: str) -> Any:
    """The SDK, unchanged, on a session that leads to the sandbox."""
    api = facebook.GraphAPI(token, version="3.1")
    api.version = "v24.0"
    lead(api.session, "https://graph.facebook.com", to=f"{sandbox.url}/graph", timeout=10)
    return api


def page(sandbox: Sandbox) -> str:
    return sandbox.town.brand.id_on("facebook")


def commented(sandbox: Sandbox, *texts: str) -> tuple[Post, list[Post]]:
    """A post of the page, and comments on it."""
    post = sandbox.town.say("facebook", "banqueazur", "Notre nouvelle application est là")
    return post, [sandbox.town.say("facebook", "zoe", text, to=post.id) for text in texts]


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[int, int | None]:
    """The code and subcode with which Graph refuses."""
    with pytest.raises(facebook.GraphAPIError) as caught:
        call(*args, **kwargs)
    error = caught.value.result["error"]
    assert set(error) >= {"message", "type", "code", "fbtrace_id"}
    return error["code"], error.get("error_subcode")


# --- Against Meta's own lists ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", SPECIFIED)
def test_every_field_and_edge_is_one_of_meta_s(kind: str) -> None:
    contract = json.loads((CONTRACTS / f"{kind}.json").read_text())
    fields = {field["name"] for field in contract["fields"]}
    edges = {api["endpoint"] for api in contract["apis"] if api["method"] == "GET"}
    assert set(FIELDS[kind]) - fields == set()
    assert set(EDGES[kind]) - edges == set()


@pytest.mark.parametrize("kind", SPECIFIED)
def test_all_that_a_node_can_show_is_what_meta_names(kind: str, sandbox: Sandbox, sdk: Any) -> None:
    post, (comment,) = commented(sandbox, "Allô @banqueazur ?")
    reply = sandbox.town.say("facebook", "max", "moi aussi", to=comment.id, photo=True)
    sandbox.town.message("facebook", "zoe", "banqueazur", "bonjour")
    thread = f"t_{sandbox.town.person('zoe').id_on('facebook')}"
    number = {"Comment": reply.id, "Page": page(sandbox), "PagePost": post.id, "UnifiedThread": thread}[kind]
    shown = sdk.get_object(number, fields=",".join(FIELDS[kind]))
    contract = json.loads((CONTRACTS / f"{kind}.json").read_text())
    assert set(shown) <= {field["name"] for field in contract["fields"]}
    lacking = {"message_tags", "full_picture", "private_reply_conversation"}
    assert set(FIELDS[kind]) - set(shown) <= lacking


# --- Reading ---------------------------------------------------------------------------------------


def test_only_the_fields_that_are_asked_for_are_given(sandbox: Sandbox, sdk: Any) -> None:
    post, (comment,) = commented(sandbox, "Ma carte est bloquée")
    zoe = sandbox.town.person("zoe").id_on("facebook")
    assert sdk.get_object(comment.id, fields="from{id}") == {"from": {"id": zoe}, "id": comment.id}
    usual = sdk.get_object(comment.id)
    assert set(usual) == {"created_time", "from", "message", "id"}
    asked = "message,comments.limit(1).order(chronological){message,parent{id},from}"
    found = sdk.get_object(f"{page(sandbox)}", fields=f"name,feed.limit(2){{{asked}}}")
    (shown,) = found["feed"]["data"]
    assert set(shown) == {"message", "comments", "id"}
    person = {"name": "Zoé Martin", "id": zoe}
    assert shown["comments"]["data"] == [{"message": comment.text, "from": person, "id": comment.id}]
    assert post.id == shown["id"]


def test_a_field_that_does_not_exist_is_refused_with_its_name(sandbox: Sandbox, sdk: Any) -> None:
    _, (comment,) = commented(sandbox, "?")
    with pytest.raises(facebook.GraphAPIError, match=r"nonexisting field \(text\) on node type \(Comment\)"):
        sdk.get_object(comment.id, fields="id,text")
    assert refused(sdk.get_object, comment.id, fields="from{id") == (2500, None)


def test_pages_of_comments_join_without_a_gap_also_while_more_are_written(sandbox: Sandbox, sdk: Any) -> None:
    post, comments = commented(sandbox, *(f"n° {number}" for number in range(7)))
    newest = {"filter": "stream", "order": "reverse_chronological", "fields": "message", "limit": 3}
    first = sdk.get_connections(post.id, "comments", **newest)
    assert [one["message"] for one in first["data"]] == ["n° 6", "n° 5", "n° 4"]
    sandbox.town.say("facebook", "max", "n° 7", to=post.id)
    sandbox.town.delete("facebook", comments[4].id)
    second = sdk.get_connections(post.id, "comments", **newest, after=first["paging"]["cursors"]["after"])
    assert [one["message"] for one in second["data"]] == ["n° 3", "n° 2", "n° 1"]
    assert f"access_token={TOKEN}" in second["paging"]["next"]
    everything = list(sdk.get_all_connections(post.id, "comments", order="chronological", limit=2))
    assert [one["message"] for one in everything] == [f"n° {n}" for n in (0, 1, 2, 3, 5, 6, 7)]


def test_the_stream_has_answers_to_comments_and_the_usual_list_has_not(sandbox: Sandbox, sdk: Any) -> None:
    post, (comment,) = commented(sandbox, "qui d'autre ?")
    reply = sandbox.town.say("facebook", "max", "moi", to=comment.id)
    own = sandbox.town.say("facebook", "zoe", "merci", to=reply.id)

    def ids(number: str, **how: str) -> list[str]:
        return [one["id"] for one in sdk.get_connections(number, "comments", **how)["data"]]

    assert ids(post.id) == [comment.id]
    assert ids(post.id, filter="stream", order="chronological") == [comment.id, reply.id, own.id]
    assert ids(comment.id) == [reply.id]
    assert ids(comment.id, filter="stream") == [reply.id, own.id]
    assert sdk.get_object(reply.id, fields="parent{id}")["parent"] == {"id": comment.id}


def test_posts_are_listed_where_facebook_lists_them(sandbox: Sandbox, sdk: Any) -> None:
    ours, _ = commented(sandbox)
    visitor = sandbox.town.say("facebook", "zoe", "Bonjour, une question")
    tagged = sandbox.town.say("facebook", "max", "Merci @banqueazur !")

    def ids(edge: str) -> list[str]:
        found = sdk.get_connections(page(sandbox), edge, fields="id,from")["data"]
        return [one["id"] for one in found]

    assert ids("feed") == [visitor.id, ours.id]
    assert ids("visitor_posts") == [visitor.id]
    assert ids("tagged") == [tagged.id]


def test_who_tagged_the_page_is_never_told_and_others_only_while_the_fault_is_off(
    sandbox: Sandbox, sdk: Any
) -> None:
    _, (comment,) = commented(sandbox, "coucou")
    tagged = sandbox.town.say("facebook", "max", "Merci @banqueazur !")
    assert "from" not in sdk.get_object(tagged.id, fields="from,message")
    assert "from" in sdk.get_object(comment.id, fields="from")
    sandbox.faults.switch_on("graph", Fault.FROM_MISSING)
    assert "from" not in sdk.get_object(comment.id, fields="from")


def test_since_leaves_out_what_is_older(sandbox: Sandbox, sdk: Any, clock: Clock) -> None:
    post, (old,) = commented(sandbox, "hier")
    clock.forward(days=1)
    new = sandbox.town.say("facebook", "max", "aujourd'hui", to=post.id)
    since = int((clock() - timedelta(hours=1)).timestamp())
    found = sdk.get_connections(post.id, "comments", since=since)["data"]
    assert [one["id"] for one in found] == [new.id]
    assert old.id in [one["id"] for one in sdk.get_connections(post.id, "comments")["data"]]


def test_what_is_deleted_and_ids_of_three_parts_are_not_found(sandbox: Sandbox, sdk: Any) -> None:
    _, (comment,) = commented(sandbox, "je retire")
    assert refused(sdk.get_object, f"{page(sandbox)}_{comment.id}") == (100, 33)
    sandbox.town.delete("facebook", comment.id)
    assert refused(sdk.get_object, comment.id) == (100, 33)
    assert refused(sdk.put_object, comment.id, "comments", message="trop tard") == (100, 33)


def test_instagram_s_comments_and_answers_to_them(sandbox: Sandbox, sdk: Any) -> None:
    town = sandbox.town
    medium = town.say("instagram", "banqueazur", "Notre équipe", photo=True)
    tagged = town.say("instagram", "max", "Chez @banqueazur", photo=True)
    comment = town.say("instagram", "zoe", "Ma carte ?", to=medium.id)
    account = town.brand.id_on("instagram")
    (found,) = sdk.get_connections(account, "media", fields="caption,comments{text,username,from}")["data"]
    (shown,) = found["comments"]["data"]
    zoe = {"id": town.person("zoe").id_on("instagram"), "username": "zoe"}
    assert shown == {"text": "Ma carte ?", "username": "zoe", "from": zoe, "id": comment.id}
    made = sdk.put_object(comment.id, "replies", message="On regarde !")["id"]
    fields = "text,username,parent_id,media{id}"
    (answer,) = sdk.get_connections(comment.id, "replies", fields=fields)["data"]
    expected = {"text": "On regarde !", "username": "banqueazur", "parent_id": comment.id, "id": made}
    assert answer == {**expected, "media": {"id": medium.id}}
    assert [one["id"] for one in sdk.get_connections(account, "tags", fields="id")["data"]] == [tagged.id]
    assert sandbox.town.state() == {"replies": 1, "answered": 1, "doubled": 0}


# --- Writing ---------------------------------------------------------------------------------------


def test_a_reply_stands_under_its_comment_and_is_counted(sandbox: Sandbox, sdk: Any) -> None:
    _, (comment,) = commented(sandbox, "Ma carte est bloquée")
    made = sdk.put_object(comment.id, "comments", message="Nous regardons tout de suite.")["id"]
    fields = "message,from{id},parent{id}"
    assert sdk.get_object(made, fields=fields) == {
        "message": "Nous regardons tout de suite.",
        "from": {"id": page(sandbox)},
        "parent": {"id": comment.id},
        "id": made,
    }
    assert sandbox.town.state() == {"replies": 1, "answered": 1, "doubled": 0}
    assert refused(sdk.put_object, comment.id, "comments", message=" ") == (100, None)
    assert refused(sdk.put_object, comment.id, "comments", message="x" * 8001) == (100, None)


def send(sdk: Any, sandbox: Sandbox, recipient: dict[str, str], text: str = "Bonjour", **more: str) -> Any:
    form = {"recipient": json.dumps(recipient), "message": json.dumps({"text": text}), **more}
    return sdk.request(f"v24.0/{page(sandbox)}/messages", post_args=form, method="POST")


def test_a_private_reply_goes_once_and_within_seven_days(sandbox: Sandbox, sdk: Any, clock: Clock) -> None:
    _, (comment, late) = commented(sandbox, "Mon compte ?", "Et le mien ?")
    zoe = sandbox.town.person("zoe").id_on("facebook")
    assert sdk.get_object(comment.id, fields="can_reply_privately")["can_reply_privately"] is True
    assert "private_reply_conversation" not in sdk.get_object(comment.id, fields="private_reply_conversation")
    assert send(sdk, sandbox, {"comment_id": comment.id})["recipient_id"] == zoe
    found = sdk.get_object(comment.id, fields="private_reply_conversation")["private_reply_conversation"]
    (thread,) = sdk.get_connections(page(sandbox), "conversations", user_id=zoe)["data"]
    assert found == {"id": thread["id"]}
    assert sdk.get_connections(page(sandbox), "conversations", user_id="404")["data"] == []
    assert refused(send, sdk, sandbox, {"comment_id": comment.id}) == (10900, None)
    assert refused(send, sdk, sandbox, {"id": zoe}) == (10, 2018278)
    clock.forward(days=7, seconds=1)
    assert refused(send, sdk, sandbox, {"comment_id": late.id}) == (10901, None)
    assert sdk.get_object(late.id, fields="can_reply_privately")["can_reply_privately"] is False


def test_a_message_goes_within_a_day_of_the_person_s_last_one(
    sandbox: Sandbox, sdk: Any, clock: Clock
) -> None:
    zoe = sandbox.town.person("zoe").id_on("facebook")
    assert refused(send, sdk, sandbox, {"id": zoe}) == (10, 2018278)
    sandbox.town.message("facebook", "zoe", "banqueazur", "Bonjour, ma carte est bloquée")
    clock.forward(hours=23)
    sent = send(sdk, sandbox, {"id": zoe}, "Nous regardons.")["message_id"]
    (thread,) = sdk.get_connections(page(sandbox), "conversations", fields="messages{message,from}")["data"]
    said = [one["message"] for one in thread["messages"]["data"]]
    assert said == ["Nous regardons.", "Bonjour, ma carte est bloquée"]
    assert sdk.get_object(sent, fields="from{id}")["from"] == {"id": page(sandbox)}
    clock.forward(hours=2)
    assert refused(send, sdk, sandbox, {"id": zoe}) == (10, 2018278)
    assert send(sdk, sandbox, {"id": zoe}, tag="HUMAN_AGENT")["recipient_id"] == zoe
    assert refused(send, sdk, sandbox, {"id": "404"}) == (100, 2018001)
    assert refused(send, sdk, sandbox, {"id": zoe}, "x" * 2001) == (100, None)


# --- Signing in, limits and faults -----------------------------------------------------------------


def test_a_token_that_is_not_the_page_s_is_refused(sandbox: Sandbox) -> None:
    assert refused(graph(sandbox, "another").get_object, "me") == (190, None)


def test_a_proof_is_checked_where_one_is_given(sandbox: Sandbox, sdk: Any) -> None:
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert sdk.get_object("me", appsecret_proof=proof)["id"] == page(sandbox)
    with pytest.raises(facebook.GraphAPIError, match="Invalid appsecret_proof"):
        sdk.get_object("me", appsecret_proof=proof[::-1])


def test_the_token_may_stand_in_a_header(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{sandbox.url}/graph/v24.0/me", headers=headers, timeout=10)
    assert answer.json() == {"name": "Banque Azur", "id": page(sandbox)}
    assert json.loads(answer.headers["x-app-usage"])["call_count"] == 1
    (usage,) = json.loads(answer.headers["x-business-use-case-usage"])[page(sandbox)]
    assert usage["estimated_time_to_regain_access"] == 0
    assert answer.headers["facebook-api-version"] == "v24.0"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.TOKEN_EXPIRED, (190, 463)),
        (Fault.RATE_LIMITED, (32, None)),
        (Fault.RATE_LIMITED_NO_RESET, (4, None)),
        (Fault.OUT_OF_CREDITS, (368, None)),
        (Fault.NOT_SUMMONED, (200, None)),
        (Fault.DUPLICATE, (506, None)),
    ],
)
def test_a_fault_is_told_in_meta_s_words_and_nothing_is_published(
    fault: Fault, code: tuple[int, int | None], sandbox: Sandbox, sdk: Any
) -> None:
    _, (comment,) = commented(sandbox, "allô")
    sandbox.faults.switch_on("graph", fault, "write", times=1, seconds=90)
    assert refused(sdk.put_object, comment.id, "comments", message="oui ?") == code
    assert sandbox.town.accepted == []
    assert sdk.put_object(comment.id, "comments", message="oui ?")["id"]


def test_a_limit_says_for_how_many_minutes(sandbox: Sandbox) -> None:
    sandbox.faults.switch_on("graph", Fault.RATE_LIMITED, times=1, seconds=90)
    answer = requests.get(f"{sandbox.url}/graph/v24.0/me", params={"access_token": TOKEN}, timeout=10)
    (usage,) = json.loads(answer.headers["x-business-use-case-usage"])[page(sandbox)]
    assert (answer.status_code, usage["estimated_time_to_regain_access"]) == (400, 2)


def test_a_server_error_and_a_broken_connection_come_after_it_was_published(
    sandbox: Sandbox, sdk: Any
) -> None:
    _, (comment, other) = commented(sandbox, "un", "deux")
    sandbox.faults.switch_on("graph", Fault.ERROR_AFTER, "write", times=1)
    assert refused(sdk.put_object, comment.id, "comments", message="oui") == (2, None)
    sandbox.faults.switch_on("graph", Fault.DROP_AFTER, "write", times=1)
    with pytest.raises(Unsure):
        sdk.put_object(other.id, "comments", message="oui")
    assert sandbox.town.state() == {"replies": 2, "answered": 2, "doubled": 0}


def test_out_of_order_turns_each_page_around(sandbox: Sandbox, sdk: Any) -> None:
    post, comments = commented(sandbox, "un", "deux", "trois")
    sandbox.faults.switch_on("graph", Fault.OUT_OF_ORDER, "read")
    found = list(sdk.get_all_connections(post.id, "comments", order="chronological", limit=2))
    assert [one["id"] for one in found] == [comments[1].id, comments[0].id, comments[2].id]


def test_an_author_can_delete_in_the_last_moment(sandbox: Sandbox, sdk: Any) -> None:
    _, (comment,) = commented(sandbox, "je retire")
    sandbox.faults.switch_on("graph", Fault.DELETED, "write", times=1)
    assert refused(sdk.put_object, comment.id, "comments", message="oui ?") == (100, 33)


# --- What is asked for, read -------------------------------------------------------------------------


def test_nested_fields_are_read_with_their_arguments() -> None:
    assert parse("id, comments.limit(5).order(chronological){from{id},message}") == (
        Field("id"),
        Field(
            "comments",
            {"limit": "5", "order": "chronological"},
            (Field("from", {}, (Field("id"),)), Field("message")),
        ),
    )
    assert parse("") == ()


@pytest.mark.parametrize("text", ["a{b", "a}", "a;b", "{a}", "a.limit(", ".limit(5)"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="Syntax error"):
        parse(text)
