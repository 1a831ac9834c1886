"""A whole house for tests: real store, real steps, real desk, real tagger. Only the two ends of the wire are
ours: `Wire` is what a listener hears, `Paper` is where a responder's answers come to stand."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bot.analysis import Tagger
from bot.app import App, build
from bot.audit import audit
from bot.config import load
from bot.desk import Desk
from bot.models import Author, Batch, Escalation, Kind, Limits, Mention, Receipt, Refusal, Reply
from bot.steps import deliver, listen, sweep, triage
from bot.store import Row, ms, open_store, views

# A Tuesday morning.
START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
CONFIG = """
brand:
  name: Banque Azur
  handles: ["@banqueazur"]
  languages: [fr, en]
listeners:
  blog: {type: replay, path: none.jsonl, responder: paper}
responders:
  paper: {type: console}
"""


class Clock:
    """The time, as the test says."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Wire:
    """A listener whose polls are what the test puts in `batches`; an exception there is raised."""

    clock: Clock
    batches: list[Batch | Exception | Callable[[], Batch]] = field(default_factory=list)
    cursors: list[str | None] = field(default_factory=list)

    def says(self, *mentions: Mention, deleted: Sequence[str] = (), **facts: Any) -> None:
        cursor = facts.pop("cursor", f"c{len(self.batches) + len(self.cursors) + 1}")
        complete_to = facts.pop("complete_to", self.clock())
        self.batches.append(Batch(mentions, cursor, complete_to, deleted=tuple(deleted), **facts))

    def poll(self, cursor: str | None) -> Batch:
        self.cursors.append(cursor)
        if not self.batches:
            return Batch((), cursor, self.clock())
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch if isinstance(batch, Batch) else batch()


@dataclass
class Paper:
    """A responder that keeps what it published. `next_` holds what the coming calls of `send` do: an
    exception is raised (after publishing, if `published_all_the_same`)."""

    limits: Limits = field(default_factory=lambda: Limits(maximum=500))
    published: list[Reply] = field(default_factory=list)
    next_: list[Exception] = field(default_factory=list)
    published_all_the_same: bool = False
    refusal: Refusal | None = None
    find_raises: Exception | None = None
    during: Callable[[], None] = lambda: None
    told: list[Escalation] = field(default_factory=list)
    notify_raises: Exception | None = None

    def can_reply(self, mention: Mention) -> Refusal | None:
        return self.refusal

    def send(self, reply: Reply) -> Receipt:
        self.during()
        if self.next_:
            error = self.next_.pop(0)
            if self.published_all_the_same:
                self.published.append(reply)
            raise error
        self.published.append(reply)
        return self._receipt(reply)

    def find(self, reply: Reply) -> Receipt | None:
        if self.find_raises:
            raise self.find_raises
        return next((self._receipt(r) for r in self.published if r.key == reply.key), None)

    def notify(self, escalation: Escalation) -> Receipt:
        if self.notify_raises:
            raise self.notify_raises
        self.told.append(escalation)
        return Receipt(escalation.key)

    def _receipt(self, reply: Reply) -> Receipt:
        return Receipt(f"r-{reply.key}", f"https://blog.example/{reply.mention.remote_id}#reply")


@dataclass
class House:
    """Everything, and short ways to say what tests say often."""

    app: App
    clock: Clock
    wire: Wire
    paper: Paper
    woken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        return self.app.desk

    def wake(self, task: str, key: str) -> None:
        self.woken.append((task, key))

    def listen(self) -> None:
        listen(self.app.watch, self.wake, "blog")

    def triage(self) -> None:
        triage(self.app.watch, self.wake, "")

    def deliver(self) -> None:
        deliver(self.app.watch, self.wake, "paper")

    def sweep(self) -> None:
        sweep(self.app.watch, self.wake, "")

    def hears(self, *mentions: Mention, **facts: Any) -> None:
        """These are said, heard and triaged."""
        self.wire.says(*mentions, **facts)
        self.listen()
        self.triage()

    def mention(self, remote_id: str) -> Row:
        row = self.row("SELECT id FROM mentions WHERE remote_id = ?", remote_id)
        with self.app.watch.store.read() as tx:
            return views.mention_row(tx, row["id"])

    def replies(self, remote_id: str, state: str = "") -> list[Row]:
        number = self.mention(remote_id)["id"]
        with self.app.watch.store.read() as tx:
            found = views.replies_of(tx, number)
        return [r for r in found if state in ("", r["state"])]

    def approve(self, remote_id: str, actor: str = "Léa") -> int:
        draft = self.replies(remote_id, "draft")[0]
        self.desk.approve(draft["id"], self.mention(remote_id)["version"], actor)
        return int(draft["id"])

    def row(self, sql: str, *params: Any) -> Row:
        with self.app.watch.store.read() as tx:
            found = tx.row(sql, params)
        assert found is not None, sql
        return found

    def rows(self, sql: str, *params: Any) -> list[Row]:
        with self.app.watch.store.read() as tx:
            return tx.rows(sql, params)

    def events(self, remote_id: str) -> list[str]:
        number = self.mention(remote_id)["id"]
        return [
            r["kind"] for r in self.rows("SELECT kind FROM events WHERE mention_id = ? ORDER BY seq", number)
        ]

    def audit(self) -> dict[str, Any]:
        with self.app.watch.store.read() as tx:
            return audit(tx, ms(self.clock()))


@cache
def tagger() -> Tagger:
    return Tagger("", ("Banque Azur", "@banqueazur"))


def build_house(folder: Path, config: str = CONFIG, extra: str = "", clock: Clock | None = None) -> House:
    """A house whose store lies in `folder`; opened twice on one folder, it is the same house restarted."""
    clock = clock or Clock()
    file = folder / "config.yaml"
    file.write_text(textwrap.dedent(config) + textwrap.dedent(extra), "utf-8")
    store = folder / "vigie.db"
    if not store.exists():
        store.write_bytes(new_store())
    app = build(load(file), f"sqlite:///{store}", clock)
    wire, paper = Wire(clock), Paper()
    watch = replace(
        app.watch,
        listeners=dict.fromkeys(app.watch.listeners, wire),
        responders=dict.fromkeys(app.watch.responders, paper),
        notifiers=dict.fromkeys(app.watch.notifiers, paper),
        tagger=tagger(),
    )
    house = House(App(watch, Desk(watch.store, watch.settings, clock)), clock, wire, paper)
    STANDING.append(house)
    return house


@cache
def new_store() -> bytes:
    """The file of a store to which nothing has happened yet: to copy it takes a tenth of making it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vigie.db"
        open_store(f"sqlite:///{file}").close()
        return file.read_bytes()


# Every house that a test built; `tests/conftest.py` closes them.
STANDING: list[House] = []


def comment(remote_id: str, text: str, by: str = "claire", **facts: Any) -> Mention:
    """A comment on the brand's blog, posted at `START`: an address."""
    return Mention(
        **{
            "network": "blog",
            "remote_id": remote_id,
            "text": text,
            "posted_at": START,
            "author": Author(id=by, name=by.capitalize()),
            "kind": Kind.COMMENT,
            "addressed": True,
            "url": f"https://blog.example/{remote_id}",
            **facts,
        }
    )


ANGRY = "C'est une honte, ma carte est bloquée depuis trois semaines et personne ne répond !!!"
QUESTION = "Bonjour, à quelle heure ouvre l'agence de Lyon le samedi ?"
THANKS = "Merci beaucoup pour votre aide, votre équipe est formidable !"
NEWS = "Météo : il fera 12 degrés demain matin dans la région."
