"""A whole house on the networks of the sandbox: real listeners, responders and wires, and a clock of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.app import App, build
from bot.audit import audit
from bot.config import load
from bot.sandbox.server import Sandbox, running
from bot.sandbox.slack import SlackWire
from bot.sandbox.town import BRAND, Town
from bot.steps import deliver, listen, sweep, triage
from bot.steps.watch import no_wake
from bot.store import Row, ms, views
from tests.support.house import Clock, tagger

CONFIG: Final = """
brand: {{name: Banque Azur, handles: ["@banqueazur"], languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  x: {{api_url: "{url}/x", handle: banqueazur, user_id: "{x}", consumer_key: sandbox-key,
      consumer_secret: sandbox-secret, access_token: sandbox-token,
      access_token_secret: sandbox-token-secret, timeout: 2}}
  page: {{api_url: "{url}/graph", page_id: "{facebook}", token: sandbox-page-token,
      app_secret: sandbox-app-secret, verify_token: sandbox-verify, timeout: 2}}
listeners:
  x: {{type: x, account: x, searches_every_minutes: 0}}
  facebook: {{type: facebook, account: page}}
responders:
  x: {{type: x, account: x}}
  facebook: {{type: facebook, account: page}}
  bell: {{type: slack, token: sandbox-slack-token, channel: C0SANDBOX, api_url: "{url}/slack/api/"}}
delivery: {{lease: 30s, look_after: 5s, backoff: 5s, attempts: 4}}
"""
NETWORKS: Final = ("x", "facebook")


@dataclass
class Sandboxed:
    """The house, its clock, and the town that it listens to."""

    app: App
    clock: Clock
    sandbox: Sandbox

    @property
    def town(self) -> Town:
        return self.sandbox.town

    @property
    def slack(self) -> SlackWire:
        return next(one for one in self.sandbox.wires if isinstance(one, SlackWire))

    def says(self, network: str, who: str, text: str, **facts: Any) -> str:
        """Somebody speaks to the brand; the id of what they said."""
        if not any(person.handle == who for person in self.town.people()):
            self.town.add(who)
        if network == "x":
            return self.town.say("x", who, f"@{BRAND} {text}", **facts).id
        return self.town.say(network, who, text, **{"to": self.root(network), **facts}).id

    def root(self, network: str) -> str:
        """The brand's own post, under which people comment."""
        own = [post for post in self.town.posts(network) if post.author == BRAND and post.root]
        return own[0].id if own else self.town.say(network, BRAND, "Bonjour à tous").id

    def listen(self, *networks: str) -> None:
        for name in networks or NETWORKS:
            listen(self.app.watch, no_wake, name)

    def hear(self, **later: float) -> None:
        """Some time passes; all are polled, and what is new is triaged."""
        self.clock.forward(**(later or {"minutes": 3}))
        self.listen()
        self.triage()

    def triage(self) -> None:
        triage(self.app.watch, no_wake, "")

    def deliver(self) -> None:
        for name in NETWORKS:
            deliver(self.app.watch, no_wake, name)

    def sweep(self) -> None:
        sweep(self.app.watch, no_wake, "")

    def mention(self, remote_id: str) -> Row:
        (row,) = self.rows("SELECT id FROM mentions WHERE remote_id = ?", remote_id)
        with self.app.watch.store.read() as tx:
            return views.mention_row(tx, row["id"])

    def draft(self, remote_id: str) -> int:
        number = self.mention(remote_id)["id"]
        with self.app.watch.store.read() as tx:
            replies = views.replies_of(tx, number)
        return int(next(reply["id"] for reply in replies if reply["state"] == "draft"))

    def approve(self, remote_id: str, actor: str = "Léa") -> int:
        reply = self.draft(remote_id)
        self.app.desk.approve(reply, self.mention(remote_id)["version"], actor)
        return reply

    def rows(self, sql: str, *params: Any) -> list[Row]:
        with self.app.watch.store.read() as tx:
            return tx.rows(sql, params)

    def audit(self) -> dict[str, Any]:
        with self.app.watch.store.read() as tx:
            return audit(tx, ms(self.clock()))


@contextmanager
def sandboxed(folder: Path, extra: str = "") -> Iterator[Sandboxed]:
    """Build it in `folder`, on a sandbox of its own. `extra` is added to the config."""
    # X's answers carry the real date, and nothing counts as complete that is later than that.
    clock = Clock(datetime.now(UTC) - timedelta(hours=12))
    with running(Town(clock)) as sandbox:
        config = folder / "config.yaml"
        text = CONFIG.format(url=sandbox.url, **sandbox.town.brand.ids) + extra
        config.write_text(text, "utf-8")
        app = with_clock(build(load(config), f"sqlite:///{folder / 'vigie.db'}", clock), clock)
        try:
            yield Sandboxed(app, clock, sandbox)
        finally:
            app.watch.store.close()


def with_clock(app: App, clock: Clock) -> App:
    """Whoever talks to a network goes by the test's clock as well. The tagger is shared, as it is slow to
    load."""
    for service in (*app.watch.listeners.values(), *app.watch.responders.values()):
        if hasattr(service, "clock"):
            service.clock = clock
    watch = replace(app.watch, tagger=tagger())
    return App(watch, app.desk)
