"""Every fault that a network knows, before, during and after the call, on every network that is answered.

Whoever wrote to the brand ends answered once, or before a human with the reason. The networks count for
themselves what came in: the sandbox for X, Facebook and Instagram, and a WordPress-like blog.
"""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from bot.app import App, build
from bot.audit import audit
from bot.config import load
from bot.errors import VigieError
from bot.sandbox.faults import Calls, Fault
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import BRAND, Town
from bot.steps import deliver, listen, sweep, triage
from bot.steps.watch import no_wake
from bot.store import Row, ms, views
from tests.support import wordpress_like
from tests.support.house import Clock
from tests.support.wordpress_like import Blog

EACH: Final = int(os.environ.get("VIGIE_EACH", "3"))
NETWORKS: Final = ("x", "facebook", "instagram", "wordpress")
PHASES: Final = ("before", "during", "after")
WORDS: Final = (
    "bonjour, où en est mon virement",
    "my card is blocked, what now",
    "c'est une honte, personne ne répond",
)
SECRETS: Final = (
    "sandbox-key",
    "sandbox-secret",
    "sandbox-token",
    "sandbox-page-token",
    "sandbox-app-secret",
    "sandbox-verify",
    "open sesame",
)
CONFIG: Final = """
brand: {{name: Banque Azur, handles: ["@banqueazur"], languages: [fr, en]}}
store: sqlite:///{folder}/vigie.db
accounts:
  x: {{api_url: "{sandbox}/x", handle: banqueazur, user_id: "{x}", consumer_key: sandbox-key,
      consumer_secret: sandbox-secret, access_token: sandbox-token,
      access_token_secret: sandbox-token-secret, timeout: 1}}
  page: {{api_url: "{sandbox}/graph", page_id: "{facebook}",
      token: sandbox-page-token, app_secret: sandbox-app-secret, verify_token: sandbox-verify, timeout: 1}}
  insta: {{api_url: "{sandbox}/graph", ig_user_id: "{instagram}",
      token: sandbox-page-token, app_secret: sandbox-app-secret, verify_token: sandbox-verify, timeout: 1}}
  blog: {{url: "{blog}", username: bot, password: "${{BLOG_PASSWORD}}", timeout: 1}}
listeners:
  x: {{type: x, account: x}}
  facebook: {{type: facebook, account: page}}
  instagram: {{type: instagram, account: insta}}
  wordpress: {{type: wordpress, account: blog}}
responders:
  x: {{type: x, account: x}}
  facebook: {{type: facebook, account: page}}
  instagram: {{type: instagram, account: insta}}
  wordpress: {{type: wordpress, account: blog}}
  bell: {{type: console}}
delivery: {{lease: 30s, look_after: 5s, backoff: 5s, attempts: 4}}
"""
SLOW: Final = (Fault.SLOW_BEFORE, Fault.SLOW_AFTER)
SLOWNESS: Final = 1.5  # seconds; more than a call may take
# What the blog's own stand-in can do of it. It has no credits, nobody who must be summoned, and an author for
# every comment.
ON_THE_BLOG: Final = {
    Fault.RATE_LIMITED: wordpress_like.Faults(status=429, body="{}", retry_after="30"),
    Fault.RATE_LIMITED_NO_RESET: wordpress_like.Faults(status=429, body="{}"),
    Fault.TOKEN_EXPIRED: wordpress_like.Faults(status=401, body='{"code": "rest_not_logged_in"}'),
    Fault.NOT_SUMMONED: wordpress_like.Faults(status=403, body='{"code": "rest_comment_closed"}'),
    Fault.DUPLICATE: wordpress_like.Faults(status=409, body='{"code": "comment_duplicate"}'),
    Fault.UNAVAILABLE: wordpress_like.Faults(status=503, body="<h1>Briefly unavailable</h1>"),
    Fault.ERROR_AFTER: wordpress_like.Faults(error_after_accept=1),
    Fault.DROP_AFTER: wordpress_like.Faults(drop_after_accept=1),
    Fault.OUT_OF_ORDER: wordpress_like.Faults(reverse=True),
}


@dataclass
class Street:
    """A house on a street with four networks, whose clock is the test's."""

    app: App
    clock: Clock
    sandbox: Sandbox
    blog: Blog
    numbers: Iterator[int] = field(default_factory=itertools.count)
    said: dict[tuple[str, str], str] = field(default_factory=dict)  # (network, remote id) → the combination

    def say(self, network: str, combination: str) -> None:
        number = next(self.numbers)
        text, who = f"{WORDS[number % len(WORDS)]} ? ({number})", f"person{number}"
        town = self.sandbox.town
        if network == "wordpress":
            remote = str(self.blog.visitor_comment(text, name=who, at=self.clock()))
        else:
            town.add(who)
            if network == "x":
                remote = town.say("x", who, f"@{BRAND} {text}").id
            else:
                remote = town.say(network, who, text, to=self.root(network)).id
        self.said[network, remote] = combination

    def root(self, network: str) -> str:
        """The brand's own post, under which people comment; a new one for each hundred of them."""
        town = self.sandbox.town
        own = [p for p in town.posts(network) if p.author == BRAND and p.root]
        if not own or sum(1 for n, _ in self.said if n == network) % 100 == 0:
            return town.say(network, BRAND, "Bonjour à tous", photo=True).id
        return own[0].id

    def switch_on(self, fault: Fault, calls: Calls) -> None:
        slow = fault in SLOW
        for wire in ("x", "graph"):
            self.sandbox.faults.switch_on(
                wire, fault, calls, times=2 if slow else None, seconds=SLOWNESS if slow else 30
            )
        self.blog.faults = ON_THE_BLOG.get(fault, wordpress_like.Faults(duplicates_welcome=True))

    def clear(self) -> None:
        self.sandbox.faults.clear()
        self.blog.faults = wordpress_like.Faults(duplicates_welcome=True)

    def listen(self) -> None:
        for name in NETWORKS:
            listen(self.app.watch, no_wake, name)

    def triage(self) -> None:
        triage(self.app.watch, no_wake, "")

    def approve(self) -> None:
        """Léa approves the first draft of whatever waits."""
        with self.app.watch.store.read() as tx:
            waiting = views.inbox(tx, 5000)
            drafts = [(row, [r for r in views.replies_of(tx, row["id"]) if r["state"] == "draft"])
                      for row in waiting]  # fmt: skip
        for row, found in drafts:
            if found:
                with second_looks_again():
                    self.app.desk.approve(found[0]["id"], row["version"], "Léa")

    def deliver(self) -> None:
        for name in NETWORKS:
            deliver(self.app.watch, no_wake, name)

    def sweep(self) -> None:
        sweep(self.app.watch, no_wake, "")

    def settle(self, rounds: int) -> None:
        for _ in range(rounds):
            self.clock.forward(minutes=6)
            self.listen()
            self.triage()
            self.approve()
            self.deliver()
            self.sweep()

    def rows(self, query: str) -> list[Row]:
        with self.app.watch.store.read() as tx:
            return tx.rows(query)


@contextmanager
def second_looks_again() -> Iterator[None]:
    """Whoever came second looks again."""
    try:
        yield
    except VigieError:
        return


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    monkeypatch.setenv("BLOG_PASSWORD", "open sesame")
    clock = Clock(datetime.now(UTC))
    blog = Blog(faults=wordpress_like.Faults(duplicates_welcome=True))
    with running(Town(clock=clock)) as sandbox, wordpress_like.running(blog):
        ids = sandbox.town.brand.ids
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(folder=tmp_path, sandbox=sandbox.url, blog=blog.url, **ids), "utf-8")
        app = build(load(config), clock=clock)
        for service in (*app.watch.listeners.values(), *app.watch.responders.values()):
            if hasattr(service, "clock"):
                service.clock = clock
        try:
            yield Street(app, clock, sandbox, blog)
        finally:
            app.watch.store.close()


def play(street: Street, fault: Fault, phase: str) -> None:
    """Some people on every network speak to the brand, and one thing goes wrong in one place."""
    street.clock.forward(seconds=10)
    for network in NETWORKS * EACH:
        street.say(network, f"{fault} {phase}")
    street.listen()
    if phase == "before":
        street.switch_on(fault, Calls.READ)
    street.triage()
    street.approve()
    street.clear()
    if phase == "after":  # published, nobody heard of it, and now the network is asked whether it was
        street.switch_on(Fault.DROP_AFTER, Calls.WRITE)
        street.deliver()
        street.clear()
        street.clock.forward(seconds=40)
        street.switch_on(fault, Calls.READ)
        street.sweep()
    else:
        if phase == "during":
            street.switch_on(fault, Calls.WRITE)
        street.deliver()
    street.clear()
    if fault in SLOW:
        time.sleep(SLOWNESS)  # the network's own time: what it was sent is published by then
    street.settle(1)


@pytest.mark.timeout(900)
def test_every_fault_on_every_network_leaves_each_person_answered_once_or_before_a_human(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for fault in Fault:
        for phase in PHASES:
            play(street, fault, phase)
    street.settle(12)

    ended = {(row["network"], row["remote_id"]): row for row in street.rows(
        "SELECT m.*, (SELECT COUNT(*) FROM escalations e WHERE e.mention_id = m.id AND e.closed_at IS NULL"
        " AND e.reason <> '') AS ringing FROM mentions m"
    )}  # fmt: skip
    lost = street.said.keys() - ended.keys()
    assert not lost, f"never heard: {Counter(street.said[one] for one in lost)}"
    answered = Counter((one.network, one.parent) for one in street.sandbox.town.accepted)
    answered.update(("wordpress", str(one["parent"])) for one in street.blog.posted)
    doubled = {key: count for key, count in answered.items() if count > 1}
    assert not doubled, f"answered twice: {[(street.said.get(one), one) for one in doubled]}"
    for key, combination in street.said.items():
        row = ended[key]
        before_a_human = row["state"] in ("waiting", "escalated", "answering") and row["ringing"]
        done = row["state"] == "answered" and answered[key] == 1
        gone = row["state"] == "deleted" and combination.startswith(Fault.DELETED)
        assert done or before_a_human or gone, (combination, key[0], dict(row))
    with street.app.watch.store.read() as tx:
        books = audit(tx, ms(street.clock()))
    assert books["balanced"], books
    nothing_leaked(street, caplog.text)
    states = Counter(row["state"] for row in ended.values())
    print(f"{len(street.said)} people, {len(Fault)} faults, {len(PHASES)} moments, {len(NETWORKS)} networks:"
          f" {dict(states)}; 0 lost, 0 answered twice")  # fmt: skip


def nothing_leaked(street: Street, log: str) -> None:
    """No secret and nobody's words in the log; no secret in anything that was stored."""
    stored = "\n".join(
        str(list(row.values() if isinstance(row, dict) else row))
        for table in ("events", "escalations", "sources", "replies")
        for row in street.rows(f"SELECT * FROM {table}")
    )
    for secret in SECRETS:
        assert secret not in log, f"{secret!r} in the log"
        assert secret not in stored, f"{secret!r} in the store"
    for words in WORDS:
        assert words not in log, "a person's words in the log"
