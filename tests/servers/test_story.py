"""One day of a bank's blog, for real: a WordPress, visitors, the daemon, and a community manager's terminal.

It is one story, told in its order; each chapter is a function that says what must be seen.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import wordpress as servers
from tests.support.terminal import Daemon, Terminal
from tests.support.webhooks import SECRET, Receiver, receiving
from tests.support.wordpress import WordPress

CONFIG = """
brand: {{name: Banque Exemple, languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  blog: {{url: "{blog}", username: bot, password: "${{BLOG_PASSWORD}}"}}
listeners:
  blog: {{type: wordpress, account: blog, every: 1s, overlap_every_minutes: 0}}
responders:
  blog: {{type: wordpress, account: blog}}
  terminal: {{type: console}}
  hook: {{type: webhook, url: "{hook}", secret: "${{HOOK_SECRET}}"}}
"""
ANGRY = "C'est une honte, ma carte est bloquée depuis trois semaines et personne ne répond !!!"
ENGLISH = "Hello, how do I open an account for my daughter? She is twelve."
HELD = "Bonjour, mon virement vers l'IBAN de ma sœur n'est pas arrivé, est-ce normal ?"
POST = 1


@dataclass(frozen=True)
class Stage:
    """The places of the story, and who wrote what: ids of comments on the blog."""

    blog: WordPress
    hook: Receiver
    terminal: Terminal
    angry: int
    english: int
    held: int

    def books(self) -> Any:
        return self.terminal.json("audit")

    def number(self, comment: int) -> int:
        """Vigie's number for a comment."""
        return int(waits(self)[comment]["id"])

    def replies(self, comment: int) -> list[dict[str, Any]]:
        """What the public sees under a comment."""
        return self.blog.comments(post=POST, parent=comment)

    def private(self) -> list[str]:
        return [self.blog.password, SECRET]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    servers.require()
    with servers.running() as blog, receiving() as hook:
        (tmp_path / "config.yaml").write_text(CONFIG.format(blog=blog.url, hook=hook.url))
        # What banks hold back: comments with account numbers in them.
        blog.php("update_option('moderation_keys', 'IBAN');")
        secrets = {"BLOG_PASSWORD": blog.password, "HOOK_SECRET": SECRET}
        yield Stage(
            blog, hook, Terminal(tmp_path, secrets),
            angry=blog.visitor_comment(POST, "Claire", "claire@example.org", ANGRY),
            english=blog.visitor_comment(POST, "John", "john@example.org", ENGLISH),
            held=blog.visitor_comment(POST, "Léa", "lea@example.org", HELD),
        )  # fmt: skip


def test_nobody_on_the_blog_is_met_with_silence(stage: Stage) -> None:
    with stage.terminal.daemon() as daemon:
        all_are_heard_tagged_and_drafted(stage, daemon)
        the_angry_one_rings(stage, daemon)
        an_approved_reply_stands_under_its_comment(stage)
        an_answer_given_on_the_blog_itself_counts(stage, daemon)
        a_held_comment_is_answered_after_it_is_published(stage, daemon)
        assert daemon.end() < 5
    before = stage.books()
    with stage.terminal.daemon() as daemon:
        nothing_happens_twice(stage, daemon, before)
        assert daemon.end() < 5
    no_secret_is_left_behind(stage)


def all_are_heard_tagged_and_drafted(stage: Stage, daemon: Daemon) -> None:
    daemon.until((stage.terminal.folder / "vigie.db").exists)
    daemon.until(lambda: {one["state"] for one in waits(stage).values()} == {"waiting", "escalated"})
    waiting = waits(stage)
    assert waiting.keys() == {stage.angry, stage.english, stage.held}
    assert all(stage.terminal.json("show", str(one["id"]))["drafts"] for one in waiting.values())
    angry, english, held = waiting[stage.angry], waiting[stage.english], waiting[stage.held]
    assert [one["text"] for one in (angry, english, held)] == [ANGRY, ENGLISH, HELD]
    assert [one["lang"] for one in (angry, english, held)] == ["fr", "en", "fr"]
    assert (angry["sentiment"], angry["intent"], angry["priority"]) == ("negative", "complaint", "high")
    assert (english["intent"], english["author"]["name"]) == ("question", "John")
    assert [one["id"] for one in stage.blog.api("GET", "comments?status=hold")] == [stage.held]
    assert next(iter(waiting)) == stage.angry, "the most pressing promise comes first"


def waits(stage: Stage) -> dict[int, Any]:
    """Who waits, by the comment's id on the blog, the most pressing first."""
    return {int(one["remote_id"]): one for one in stage.terminal.json("inbox")}


def the_angry_one_rings(stage: Stage, daemon: Daemon) -> None:
    (rung,) = daemon.until(lambda: stage.hook.about(ANGRY))
    assert (rung["author"], rung["priority"], rung["ring"]) == ("Claire", "high", 1)
    assert rung["url"].endswith(f"#comment-{stage.angry}")
    assert rung["mention_id"] == stage.number(stage.angry)
    daemon.until(lambda: "--- escalation 1, high" in daemon.log.read_text())
    assert "ma carte est bloquée" in daemon.log.read_text()
    assert (stage.hook.about(ENGLISH), stage.hook.about(HELD), stage.hook.forged) == ([], [], 0)


def an_approved_reply_stands_under_its_comment(stage: Stage) -> None:
    number = str(stage.number(stage.angry))
    draft = stage.terminal.json("show", number)["drafts"][0]["text"]
    done = stage.terminal.vigie("--as", "camille", "approve", number, "--yes")
    assert done.returncode == 0, done.stderr
    (reply,) = stage.replies(stage.angry)
    assert reply["link"] in done.stdout.replace("\n", "")
    stands_publicly(stage, stage.angry, reply["id"], draft)
    books = stage.books()
    assert (books["addresses"], books["answered"], books["open"], books["balanced"]) == (3, 1, 2, True)


def stands_publicly(stage: Stage, comment: int, reply: int, text: str) -> None:
    """On the page, one step deeper than its comment and before the next; and in the feed."""
    page = stage.blog.public_html(POST)
    items = re.findall(r'id="comment-(\d+)" class="[^"]*\bdepth-(\d)', page)
    place = items.index((str(comment), "1"))
    assert items[place + 1] == (str(reply), "2")
    first_words, _, _ = text.partition(",")
    assert first_words in page[page.index(f'id="comment-{reply}"') :]
    raw = stage.blog.api("GET", f"comments/{reply}?context=edit")["content"]["raw"]
    assert html.unescape(raw) == text, "what was approved is what is sent"
    feed = stage.blog.feed()
    assert f"#comment-{reply}</link>" in feed
    assert first_words in feed


def an_answer_given_on_the_blog_itself_counts(stage: Stage, daemon: Daemon) -> None:
    answer = {"post": POST, "parent": stage.english, "content": "With her passport, at any branch."}
    stage.blog.api("POST", "comments", json=answer)
    daemon.until(lambda: stage.books()["answered"] == 2)
    assert waits(stage).keys() == {stage.held}


def a_held_comment_is_answered_after_it_is_published(stage: Stage, daemon: Daemon) -> None:
    number = str(stage.number(stage.held))
    too_early = stage.terminal.vigie("approve", number, "--yes")
    assert too_early.returncode == 1
    assert "publish it on the blog, then approve" in " ".join(too_early.stdout.split())
    (rung,) = daemon.until(lambda: stage.hook.about(HELD))
    assert "held for moderation" in rung["reason"]
    assert stage.replies(stage.held) == []
    assert "IBAN" not in stage.blog.public_html(POST)
    stage.blog.approve(stage.held)
    text = "Bonjour Léa, il arrive demain matin. L’équipe"
    edited = stage.terminal.vigie("edit", number, "--text", text)
    assert edited.returncode == 0, edited.stdout + edited.stderr
    done = stage.terminal.vigie("approve", number, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    (reply,) = stage.replies(stage.held)
    stands_publicly(stage, stage.held, reply["id"], text)


def nothing_happens_twice(stage: Stage, daemon: Daemon, before: Any) -> None:
    started, rung, shown = datetime.now(UTC), len(stage.hook.messages), stage.blog.comments(post=POST)
    daemon.until(lambda: datetime.fromisoformat(stage.books()["sources"][0]["complete_to"]) > started)
    after = stage.books()
    assert (after["addresses"], after["answered"], after["open"]) == (3, 3, 0)
    assert (after["balanced"], after["overdue"], after["unsure"]) == (True, 0, 0)
    assert after["chain"] == before["chain"], "a restart with no news writes nothing"
    assert stage.blog.comments(post=POST) == shown
    assert len(shown) == 6
    assert len(stage.hook.messages) == rung
    assert stage.terminal.vigie("audit").returncode == 0


def no_secret_is_left_behind(stage: Stage) -> None:
    printed = "".join(stage.terminal.printed)
    kept = b"".join(path.read_bytes() for path in stage.terminal.folder.iterdir() if path.is_file())
    for secret in stage.private():
        assert secret not in printed
        assert secret.encode() not in kept
