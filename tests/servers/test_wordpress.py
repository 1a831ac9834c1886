"""Listener and responder against a real WordPress."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.errors import AuthFailed, Refused
from bot.models import Batch, Kind, Mention, Reply
from listeners.rss import Config as RssConfig
from listeners.rss import RssListener
from listeners.wordpress import Config as ListenerConfig
from listeners.wordpress import WordPressListener
from responders.wordpress import Config as ResponderConfig
from responders.wordpress import WordPressResponder
from tests.support import wordpress_like
from tests.support.wordpress import WordPress


def account(blog: WordPress, **more: Any) -> dict[str, Any]:
    return {"url": blog.url, "username": blog.username, "password": blog.password, **more}


def listener(blog: WordPress, **more: Any) -> WordPressListener:
    return WordPressListener(ListenerConfig(**account(blog, **more)))


def responder(blog: WordPress, **more: Any) -> WordPressResponder:
    return WordPressResponder(ResponderConfig(**account(blog, **more)))


def heard(batch: Batch, *ids: int) -> list[Mention]:
    by_id = {mention.remote_id: mention for mention in batch.mentions}
    return [by_id[str(one)] for one in ids if str(one) in by_id]


@pytest.fixture
def post(wordpress: WordPress, request: pytest.FixtureRequest) -> int:
    return wordpress.new_post(request.node.name)


@pytest.fixture
def mention(wordpress: WordPress, post: int) -> Mention:
    comment = wordpress.visitor_comment(post, "Zoé", "zoe@example.org", f"Une question ({post})")
    return heard(listener(wordpress).poll(None), comment)[0]


def test_three_visitors_are_heard_one_of_them_held(wordpress: WordPress, post: int) -> None:
    angry = wordpress.visitor_comment(
        post, "Zoé & fils", "Zoe@Example.org", "Votre appli <b>plante</b> 😡\n\nC'est nul & cher : 1 < 2"
    )
    english = wordpress.visitor_comment(post, "Bob", "bob@example.org", "How do I open an account?")
    held = wordpress.visitor_comment(post, "Zoé", "zoe@example.org", "Toujours rien ?!", parent=angry)
    wordpress.hold(held)
    batch = listener(wordpress).poll(None)
    mentions = heard(batch, angry, english, held)
    assert [(m.kind, m.addressed, m.own, m.network) for m in mentions] == [
        (Kind.COMMENT, True, False, "wordpress")
    ] * 3
    assert mentions[0].text == "Votre appli plante 😡\n\nC'est nul & cher : 1 < 2"
    assert (mentions[0].author.name, mentions[2].in_reply_to) == ("Zoé & fils", str(angry))
    assert mentions[0].author.id == mentions[2].author.id != mentions[1].author.id
    assert "example.org" not in mentions[0].author.id
    assert mentions[1].url.endswith(f"#comment-{english}")
    assert abs(mentions[1].posted_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert batch.complete_to <= datetime.now(UTC)


def test_a_reply_stands_under_the_comment_on_the_page_and_in_the_feed(
    wordpress: WordPress, post: int, mention: Mention
) -> None:
    talk = responder(wordpress)
    assert talk.can_reply(mention) is None
    receipt = talk.send(Reply("k1", "Bonjour Zoé, nous vous rappelons à 15 h.", mention))
    shown = wordpress.comments(post=post, parent=mention.remote_id)
    assert [str(one["id"]) for one in shown] == [receipt.remote_id]
    page, feed = wordpress.public_html(post), wordpress.feed()
    assert page.index(f'id="comment-{mention.remote_id}"') < page.index(f'id="comment-{receipt.remote_id}"')
    assert "nous vous rappelons à 15 h." in page
    assert "nous vous rappelons à 15 h." in feed
    assert receipt.url in feed


def test_our_own_reply_comes_back_as_our_own(wordpress: WordPress, mention: Mention) -> None:
    receipt = responder(wordpress).send(Reply("k1", "Merci <3", mention))
    (own,) = heard(listener(wordpress).poll(None), int(receipt.remote_id))
    assert (own.own, own.addressed, own.in_reply_to, own.text) == (True, False, mention.remote_id, "Merci <3")


def test_a_colleague_named_in_the_config_answers_for_the_brand(
    wordpress: WordPress, mention: Mention
) -> None:
    reader = int(
        httpx.get(f"{wordpress.url}/wp-json/wp/v2/users/me", auth=("reader", wordpress.reader)).json()["id"]
    )
    comment = wordpress.php(
        f"echo wp_insert_comment(['comment_post_ID' => 1, 'user_id' => {reader},"
        f" 'comment_content' => 'Voilà', 'comment_parent' => {mention.remote_id}]);"
    )
    assert not heard(listener(wordpress).poll(None), int(comment))[0].own
    assert heard(listener(wordpress, staff=[reader]).poll(None), int(comment))[0].own


def test_a_restart_with_the_same_cursor_brings_no_news(wordpress: WordPress, mention: Mention) -> None:
    first = listener(wordpress).poll(None)
    again = listener(wordpress).poll(first.cursor)
    assert {m.remote_id for m in again.mentions} <= {m.remote_id for m in first.mentions}
    assert mention in first.mentions


def test_a_draft_waits_until_a_held_comment_is_published(wordpress: WordPress, post: int) -> None:
    comment = wordpress.visitor_comment(post, "Léa", "lea@example.org", "Mon virement ?")
    wordpress.hold(comment)
    (mention,) = heard(listener(wordpress).poll(None), comment)
    talk, reply = responder(wordpress), Reply("k1", "Il part demain.", mention)
    assert talk.can_reply(mention) is None
    with pytest.raises(Refused, match="publish it on the blog, then approve the reply again"):
        talk.send(reply)
    assert wordpress.comments(post=post) == []
    wordpress.approve(comment)
    assert talk.send(reply).remote_id == str(wordpress.comments(post=post, parent=comment)[0]["id"])


def test_a_held_comment_is_published_by_its_answer_where_the_config_says_so(
    wordpress: WordPress, post: int
) -> None:
    comment = wordpress.visitor_comment(post, "Léa", "lea@example.org", "Mon virement, encore ?")
    wordpress.hold(comment)
    (mention,) = heard(listener(wordpress).poll(None), comment)
    talk = responder(wordpress, publish_held=True)
    assert talk.can_reply(mention) is None
    receipt = talk.send(Reply("k1", "Il est parti.", mention))
    assert {one["id"] for one in wordpress.comments(post=post)} == {comment, int(receipt.remote_id)}


def test_a_comment_rescued_from_spam_days_later_is_heard(wordpress: WordPress, post: int) -> None:
    comment = wordpress.visitor_comment(post, "Max", "max@example.org", "Ce n'est pas du spam")
    two_days_ago = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%S}"
    wordpress.api("POST", f"comments/{comment}", json={"date_gmt": two_days_ago, "status": "spam"})
    first = listener(wordpress).poll(None)
    wordpress.approve(comment)
    soon = listener(wordpress).poll(first.cursor)
    later = listener(wordpress, overlap_every_minutes=0).poll(soon.cursor)
    assert [len(heard(batch, comment)) for batch in (first, soon, later)] == [0, 0, 1]


def test_trash_spam_and_what_is_gone_are_not_answered(
    wordpress: WordPress, post: int, mention: Mention
) -> None:
    talk, reply = responder(wordpress), Reply("k1", "Bonjour", mention)
    wordpress.trash(int(mention.remote_id))
    with pytest.raises(Refused, match="trash"):
        talk.send(reply)
    wordpress.erase(int(mention.remote_id))
    with pytest.raises(Refused, match="gone"):
        talk.send(reply)
    refusal = talk.can_reply(mention)
    assert refusal is not None
    assert "gone" in refusal.reason
    assert wordpress.comments(post=post) == []


def test_a_closed_discussion_is_known_before_drafting(
    wordpress: WordPress, post: int, mention: Mention
) -> None:
    wordpress.api("POST", f"posts/{post}", json={"comment_status": "closed"})
    refusal = responder(wordpress).can_reply(mention)
    assert refusal is not None
    assert "closed" in refusal.reason
    with pytest.raises(Refused, match="rest_comment_closed"):
        responder(wordpress).send(Reply("k1", "Bonjour", mention))


@pytest.mark.parametrize(("user", "match"), [("wrong", "neither user nor"), ("reader", "role Editor")])
def test_credentials_that_do_not_do_are_said_to_be_the_reason(
    wordpress: WordPress, mention: Mention, user: str, match: str
) -> None:
    password = wordpress.reader if user == "reader" else "wrong password"
    config: dict[str, Any] = {"url": wordpress.url, "username": user, "password": password}
    with pytest.raises(AuthFailed, match=match) as listening:
        WordPressListener(ListenerConfig(**config)).poll(None)
    with pytest.raises(AuthFailed, match=match) as answering:
        WordPressResponder(ResponderConfig(**config)).send(Reply("k1", "Bonjour", mention))
    assert password not in str(listening.value) + str(answering.value)


def test_the_same_reply_twice_is_one_comment_and_one_receipt(
    wordpress: WordPress, post: int, mention: Mention
) -> None:
    talk, reply = responder(wordpress), Reply("k1", "Nous regardons.", mention)
    assert talk.find(reply) is None
    first = talk.send(reply)
    assert talk.send(reply) == first == talk.find(reply)
    assert len(wordpress.comments(post=post, parent=mention.remote_id)) == 1


TEXTS = [
    "Bonjour <b>Zoé</b> & <script>alert(1)</script> &amp; &lt;i&gt; 1 < 2 > 0",
    "C'est \"réglé\" : l'app -- enfin... 10 000 € 😀👩‍👩‍👧 [caption] ça ira ;-)",
    "Voir https://example.org/aide?a=1&b=2\n\n  et C:\\temp\\new \\\\ bien\u00a0sûr.\r\nMerci",
    "مرحبا 你好 здравствуйте 100 % \u2028 fin \x07\x1b[31m",
    "x" * 65_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=["markup", "typography", "links", "scripts", "long"])
def test_whatever_is_written_is_found_again_and_shown_as_text(
    wordpress: WordPress, post: int, mention: Mention, text: str
) -> None:
    talk, reply = responder(wordpress), Reply("k1", text, mention)
    receipt = talk.send(reply)
    assert talk.find(reply) == receipt
    assert talk.send(reply) == receipt
    page = wordpress.public_html(post)
    assert "<script>alert" not in page
    assert "<b>Zoé" not in page
    (own,) = heard(listener(wordpress).poll(None), int(receipt.remote_id))
    assert own.text.split() == text.split()


def test_the_greatest_length_is_the_column_s(wordpress: WordPress, mention: Mention) -> None:
    talk = responder(wordpress)
    fits = "é" * 32_760 + "&"
    assert talk.limits.count(fits) == talk.limits.maximum == 65_525
    talk.send(Reply("k1", fits, mention))
    with pytest.raises(Refused, match="column_length"):
        talk.send(Reply("k2", "é" + fits, mention))


def test_a_reply_put_in_the_trash_by_a_colleague_is_not_taken_for_unsent(
    wordpress: WordPress, mention: Mention
) -> None:
    talk, reply = responder(wordpress), Reply("k1", "Nous regardons.", mention)
    wordpress.trash(int(talk.send(reply).remote_id))
    with pytest.raises(Exception, match="trash"):
        talk.find(reply)


def test_pages_and_comments_of_the_same_second_are_all_heard(wordpress: WordPress, post: int) -> None:
    made = wordpress.php(
        f"for ($i = 0; $i < 230; $i++) echo wp_insert_comment(['comment_post_ID' => {post}, 'comment_content'"
        " => \"n $i\", 'comment_date_gmt' => gmdate('Y-m-d H:i:s', time() - 60 - intdiv($i, 150))]), ' ';"
    )
    ids = [int(one) for one in made.split()]
    assert len(heard(listener(wordpress).poll(None), *ids)) == 230


def test_a_blog_that_keeps_another_time_zone_is_heard_at_the_right_time(
    wordpress: WordPress, post: int
) -> None:
    wordpress.php("update_option('timezone_string', 'America/New_York');")
    try:
        first = listener(wordpress).poll(None)
        comment = wordpress.visitor_comment(post, "Ann", "ann@example.org", "Good morning from New York")
        (mention,) = heard(listener(wordpress).poll(first.cursor), comment)
        assert abs(mention.posted_at - datetime.now(UTC)) < timedelta(minutes=1)
    finally:
        wordpress.php("update_option('timezone_string', 'UTC');")


def test_a_pingback_is_a_share_and_a_shop_s_own_note_is_nothing(wordpress: WordPress, post: int) -> None:
    made = wordpress.php(
        "foreach (['pingback', 'review', 'order_note'] as $type) echo wp_insert_comment(['comment_post_ID' =>"
        f" {post}, 'comment_type' => $type, 'comment_content' => $type]), ' ';"
    )
    mentions = heard(listener(wordpress).poll(None), *map(int, made.split()))
    assert [(m.kind, m.addressed) for m in mentions] == [(Kind.SHARE, False), (Kind.REVIEW, True)]


def test_the_comment_feeds_are_heard_and_a_feed_without_news_is_not_sent_again(
    wordpress: WordPress, post: int, mention: Mention
) -> None:
    receipt = responder(wordpress).send(Reply("k1", "Nous regardons.", mention))
    for feed, parent in (("comments/feed/", ""), ("comments/feed/atom/", f"#comment-{mention.remote_id}")):
        config: dict[str, Any] = {"url": f"{wordpress.url}/{feed}", "own_authors": ["Banque Exemple"]}
        ears = RssListener(RssConfig(kind=Kind.COMMENT, addressed=True, **config))
        first = ears.poll(None)
        theirs, ours = (
            next(m for m in first.mentions if m.url.endswith(f"#comment-{one}"))
            for one in (mention.remote_id, receipt.remote_id)
        )
        assert (theirs.text, theirs.author.name, theirs.addressed, theirs.own) == (
            mention.text,
            "Zoé",
            True,
            False,
        )
        assert theirs.posted_at == mention.posted_at
        assert ours.text.endswith("Nous regardons.")  # RSS says in words whom it answers
        assert (ours.addressed, ours.own) == (False, True)
        assert ours.in_reply_to.endswith(parent)
        again = ears.poll(first.cursor)
        assert (again.mentions, again.cursor) == ((), first.cursor)


REQUESTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("bot", "GET", "users/me", {}),
    ("nobody", "GET", "users/me", {}),
    ("nobody", "GET", "comments", {"params": {"context": "edit", "status": "all"}}),
    ("nobody", "POST", "comments", {"json": {"post": 1, "content": "x"}}),
    ("bot", "GET", "comments/99999", {"params": {"context": "edit"}}),
    ("bot", "GET", "nothing", {}),
    ("bot", "POST", "comments", {"json": {"post": 1, "content": ""}}),
    ("bot", "POST", "comments", {"json": {"post": 9999, "content": "x"}}),
    ("bot", "POST", "comments", {"json": {"post": 4, "content": "x"}}),
    ("bot", "POST", "comments", {"json": {"post": 1, "content": "x" * 65_526}}),
    ("bot", "POST", "comments", {"json": {"post": 1, "parent": 99999, "content": "x"}}),
    ("bot", "POST", "comments", {"json": {"post": 1, "parent": 99999, "content": " x "}}),
    ("bot", "GET", "comments", {"params": {"page": "99"}}),
]


def test_the_stand_in_answers_as_the_real_one_does(wordpress: WordPress) -> None:
    assert wordpress.closed == wordpress_like.CLOSED

    def answers(url: str, password: str) -> list[tuple[int, Any]]:
        found = []
        for user, method, path, options in REQUESTS:
            auth = (user, password if user == "bot" else "wrong")
            answer = httpx.request(method, f"{url}/wp-json/wp/v2/{path}", auth=auth, timeout=30, **options)
            body = answer.json()
            found.append((answer.status_code, body.get("code") if isinstance(body, dict) else body))
        return found

    with wordpress_like.running() as blog:
        assert answers(blog.url, blog.password) == answers(wordpress.url, wordpress.password)
