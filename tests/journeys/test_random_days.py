"""Days that nobody planned: people, networks, faults and humans at the desk in every order. After each step
the books balance, every state was reached along its graph, and nobody is lost or answered twice."""

from __future__ import annotations

import contextlib
import os
import random
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bot.app import App
from bot.desk import Desk
from bot.errors import AuthFailed, Conflict, NotPossible, RateLimited, Refused, Retry, Unsure
from bot.models import (
    MENTION_GRAPH,
    REPLY_GRAPH,
    Analysis,
    Batch,
    Kind,
    Mention,
    Process,
    ReplyState,
    State,
)
from bot.store import Row
from tests.support.house import House, build_house, comment

DAYS: Final = int(os.environ.get("VIGIE_DAYS", "40"))
STEPS: Final = 80
SEED: Final = int(os.environ.get("VIGIE_SEED", "0")) or random.SystemRandom().randrange(10**6)
PEOPLE: Final = ("claire", "bob", "zoe")
WORDS: Final = ("merci", "honte", "où ?", "", "météo")
CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper}}
responders: {paper: {type: console}}
rules:
  - {name: angry, when: {intents: [complaint]}, priority: high, escalate: an angry complaint}
  - {name: thank them, when: {intents: [praise]}, template: thanks, approve: auto, priority: low}
  - {name: ask, when: {intents: [question]}, process: sales}
templates: [{name: thanks, text: "Merci à vous !"}]
promises:
  targets:
    - {process: sales, answer_within: 2h}
    - {priority: high, answer_within: 1h}
    - {priority: low, answer_within: 24h}
    - {answer_within: 8h}
delivery: {attempts: 3}
"""
# Written by the store itself, so that no step in between is missed.
WALKED = """
CREATE TABLE IF NOT EXISTS walked (what TEXT, id INTEGER, before TEXT, after TEXT) STRICT;
CREATE TRIGGER IF NOT EXISTS mention_walked AFTER UPDATE OF state ON mentions WHEN OLD.state <> NEW.state
    BEGIN INSERT INTO walked VALUES ('mention', NEW.id, OLD.state, NEW.state); END;
CREATE TRIGGER IF NOT EXISTS reply_walked AFTER UPDATE OF state ON replies WHEN OLD.state <> NEW.state
    BEGIN INSERT INTO walked VALUES ('reply', NEW.id, OLD.state, NEW.state); END;
"""


class Quick:
    """Tags by a word. The shipped pipeline would take most of the time, and here its verdicts do not matter,
    only that there are all kinds of them."""

    INTENTS: Final = {"merci": "praise", "honte": "complaint", "où ?": "question"}

    def tag(self, texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        if any("poison" in text for text, _ in texts):
            raise RuntimeError
        return [self._one(text) for text, _ in texts]

    def _one(self, text: str) -> Analysis:
        word = text.partition(" n° ")[0]
        intent = self.INTENTS.get(word, "other")
        mood = {"praise": "positive", "complaint": "negative"}.get(intent, "neutral")
        return Analysis(
            lang="fr", sentiment=mood, scores={mood: 0.9}, intent=intent, intents=((intent, 0.9),)
        )


class Day:
    """One house on one random day. `script` says what was done, for whoever must repeat it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance, self.script = folder, random.Random(seed), list[str]()
        self.said = dict[str, Mention]()
        self.owed = set[str]()
        self.heard_own = 0
        self.house = self._open(None)

    def _open(self, before: House | None) -> House:
        built = build_house(self.folder, config=CONFIG, clock=before.clock if before else None)
        with built.app.watch.store.tx() as tx:
            for statement in (
                WALKED.strip().replace("END;\n", "END;\0").replace("STRICT;\n", "STRICT;\0").split("\0")
            ):
                tx.run(statement)
        watch = replace(built.app.watch, tagger=Quick())
        built = replace(built, app=App(watch, Desk(watch.store, watch.settings, built.clock)))
        if before is not None:  # the network outside goes on as it was
            built.paper.published = before.paper.published
            built.wire.batches = before.wire.batches
        return built

    # --- What may happen ---

    def step(self) -> None:
        name = self.chance.choices(list(self.RULES), weights=[w for _, w in self.RULES.values()])[0]
        self.script.append(name)
        self.RULES[name][0](self)

    def _mentions(self) -> list[Row]:
        return self.house.rows(
            "SELECT m.*, c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
        )

    def _text(self) -> str:
        poison = " poison" if self.chance.random() < 0.03 else ""
        return f"{self.chance.choice(WORDS)} n° {len(self.said)}{poison}"

    def speak(self) -> None:
        """Somebody writes, perhaps to somebody, perhaps in the past; the page may repeat what is known."""
        number, by = str(len(self.said) + 1), self.chance.choice(PEOPLE)
        parent = self.chance.choice([*self.said, ""]) if self.said else ""
        late = timedelta(minutes=self.chance.choice((0, 0, 1, 90, 600)))
        addressed = self.chance.random() < 0.8
        kind = Kind.SHARE if self.chance.random() < 0.05 else Kind.COMMENT
        self.said[number] = comment(
            number, self._text(), by=by, in_reply_to=parent, addressed=addressed, kind=kind,
            posted_at=self.house.clock() - late,
        )  # fmt: skip
        again = self.chance.sample(list(self.said), k=min(2, len(self.said)))
        page = [self.said[n] for n in {number, *again}]
        self.chance.shuffle(page)
        self._hear(*page)

    def _hear(self, *page: Mention, deleted: Sequence[str] = ()) -> None:
        """It stands on the network now, and is heard at the next poll that gets through."""

        def polled() -> Batch:
            self.owed |= {m.remote_id for m in page if m.addressed and not m.own and m.kind is not Kind.SHARE}
            return Batch(page, "cursor", self.house.clock(), deleted=tuple(deleted))

        self.house.wire.batches.append(polled)
        self.house.listen()

    def edit(self) -> None:
        if self.said:
            number = self.chance.choice(list(self.said))
            raised = self.said[number].addressed or self.chance.random() < 0.3
            self.said[number] = replace(self.said[number], text=self._text(), addressed=raised)
            self._hear(self.said[number])

    def delete(self) -> None:
        if self.said:
            self._hear(deleted=[self.chance.choice(list(self.said))])

    def answer_natively(self) -> None:
        if self.said:
            self.heard_own += 1
            sent = [r for r in self.house.paper.published if self.chance.random() < 0.3]
            text = sent[-1].text if sent else "Voyez avec nous"
            to = sent[-1].mention.remote_id if sent else self.chance.choice(list(self.said))
            self._hear(comment(f"own-{self.heard_own}", text, own=True, by="brand", in_reply_to=to,
                               posted_at=self.house.clock()))  # fmt: skip

    def listening_fails(self) -> None:
        faults = (Retry("503"), RateLimited("429", after=60), AuthFailed("401"), RuntimeError())
        self.house.wire.batches.insert(0, self.chance.choice(faults))
        self.house.listen()

    def triage(self) -> None:
        self.house.triage()

    def deliver(self) -> None:
        faults = (Retry("503"), RateLimited("429", after=60), AuthFailed("401"), Refused("closed"),
                  Unsure("502"), TimeoutError())  # fmt: skip
        paper = self.house.paper
        paper.next_ = [self.chance.choice(faults) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        # Only who does not know may have published.
        doubtful = all(isinstance(e, (Unsure, TimeoutError)) for e in paper.next_)
        paper.published_all_the_same = doubtful and self.chance.random() < 0.5
        self.house.deliver()
        paper.next_, paper.published_all_the_same = [], False

    def sweep(self) -> None:
        paper = self.house.paper
        paper.find_raises = self.chance.choice((None, None, None, Unsure("cannot look"), Retry("503")))
        paper.notify_raises = self.chance.choice((None, None, Retry("503")))
        self.house.sweep()
        paper.find_raises = paper.notify_raises = None

    def time_passes(self) -> None:
        self.house.clock.forward(seconds=self.chance.choice((1, 11, 61, 400, 3600, 4 * 3600)))

    def clock_is_set_back(self) -> None:
        self.house.clock.forward(seconds=-self.chance.choice((1, 61, 3600)))

    def restart(self) -> None:
        self.house.app.watch.store.close()
        self.house = self._open(self.house)

    def worker_dies(self) -> None:
        """It had claimed what was new, or a reply, and is never heard of again; perhaps after
        it published."""
        paper = self.house.paper

        def die() -> None:
            raise KeyboardInterrupt

        paper.during = die
        if self.chance.random() < 0.3:
            paper.next_, paper.published_all_the_same = [], True
        with contextlib.suppress(KeyboardInterrupt):
            self.house.deliver()
        paper.during, paper.published_all_the_same = lambda: None, False

    def act(self) -> None:
        """A human at the desk, who sometimes saw an older version, or presses what does not fit."""
        if not (mentions := self._mentions()):
            return
        mention = self.chance.choice(mentions)
        seen = mention["version"] - (self.chance.random() < 0.1)
        drafts = self.house.rows("SELECT id FROM replies WHERE mention_id = ?", mention["id"])
        draft = self.chance.choice(drafts)["id"] if drafts else 999
        desk, number, who = self.house.desk, mention["id"], self.chance.choice(("Léa", "Marc"))
        verbs: dict[str, Callable[[], None]] = {
            "approve": lambda: desk.approve(draft, seen, who),
            "approve again": lambda: desk.approve(draft, seen, who),
            "approve once more": lambda: desk.approve(draft, seen, who),
            "edit": lambda: desk.edit(number, draft, "Autrement", seen, who),
            "write": lambda: desk.edit(number, None, "Bonjour", seen, who),
            "reject": lambda: desk.reject(draft, seen, who),
            "assign": lambda: desk.assign(number, "Marc", seen, who),
            "exempt": lambda: desk.exempt(number, "spam", seen, who),
            "reopen": lambda: desk.reopen(number, seen, who),
            "escalate": lambda: desk.escalate(number, "call", seen, who),
            "hand over": lambda: desk.hand_over(number, self.chance.choice(list(Process)), seen, who),
            "acknowledge": lambda: desk.acknowledge(number, who),
            "sent": lambda: desk.resolve(draft, "sent", seen, who, "https://blog.example/1#r"),
            "discard": lambda: desk.resolve(draft, "discard", seen, who),
        }  # fmt: skip
        verb = self.chance.choice(list(verbs))
        self.script[-1] = f"{who}: {verb} {number}"
        try:
            verbs[verb]()
        except (Conflict, NotPossible) as refused:
            self.script[-1] += f" ({refused})"

    RULES: Final[dict[str, tuple[Callable[[Any], None], int]]] = {
        "speak": (speak, 12), "edit": (edit, 3), "delete": (delete, 3), "native": (answer_natively, 4),
        "listening fails": (listening_fails, 2), "triage": (triage, 14), "deliver": (deliver, 14),
        "sweep": (sweep, 10), "time passes": (time_passes, 10), "clock set back": (clock_is_set_back, 2),
        "restart": (restart, 1), "worker dies": (worker_dies, 2), "desk": (act, 26),
    }  # fmt: skip

    # --- What must hold after every step ---

    def check(self) -> None:
        found = self.house.audit()
        assert found["balanced"], found["problems"]
        assert found["addresses"] == sum(found[k] for k in ("answered", "exempted", "deleted", "open"))
        self._along_the_graphs()
        rows = {row["remote_id"]: row for row in self._mentions()}
        heard = {n for n in self.owed if n in rows}
        assert heard == self.owed, f"lost: {self.owed - heard}"
        for remote_id in self.owed:
            assert rows[remote_id]["addressed"], f"{remote_id} is no address any more"
            assert rows[remote_id]["due_at"] is not None
        self._every_alarm_has_its_bell(rows.values())
        keys = Counter(reply.key for reply in self.house.paper.published)
        assert max(keys.values(), default=0) <= 1, f"published twice: {keys}"

    def _along_the_graphs(self) -> None:
        with self.house.app.watch.store.tx() as tx:
            walked = tx.rows("DELETE FROM walked RETURNING *")
        for row in walked:
            if row["what"] == "mention":
                edge: tuple[Any, Any] = (State(row["before"]), State(row["after"]))
                assert edge[1] in MENTION_GRAPH[edge[0]], f"mention {row['id']} walked {edge}"
            else:
                edge = (ReplyState(row["before"]), ReplyState(row["after"]))
                assert edge[1] in REPLY_GRAPH[edge[0]], f"reply {row['id']} walked {edge}"

    def _every_alarm_has_its_bell(self, rows: Any) -> None:
        open_ones = {r["id"] for r in rows if r["state"] in ("new", "waiting", "escalated", "answering")}
        for row in rows:
            over = row["id"] not in open_ones
            assert not (over and row["alarm_at"] is not None), f"mention {row['id']} is over and has an alarm"
            if not over and row["addressed"] and row["alarm_at"] is None:
                assert self._rings(row["id"]), f"mention {row['id']} has neither an alarm nor a bell"
        for bell in self.house.rows(
            "SELECT * FROM escalations WHERE closed_at IS NULL AND key LIKE 'mention:%'"
        ):
            assert bell["mention_id"] in open_ones, f"{bell['key']} rings and is over"

    def _rings(self, number: int) -> bool:
        return bool(
            self.house.rows("SELECT 1 FROM escalations WHERE mention_id = ? AND closed_at IS NULL", number)
        )


def test_whatever_happens_in_whatever_order_the_books_balance_and_nobody_is_lost(tmp_path: Path) -> None:
    for number in range(DAYS):
        seed = SEED + number
        folder = tmp_path / str(number)
        folder.mkdir()
        day = Day(folder, seed)
        try:
            for _ in range(STEPS):
                day.step()
                day.check()
        except Exception:  # noqa: BLE001 -- told with all that led to it
            script = "\n".join(f"{n:3} {line}" for n, line in enumerate(day.script, start=1))
            pytest.fail(f"VIGIE_SEED={seed} VIGIE_DAYS=1:\n{script}\n{traceback.format_exc()}", pytrace=False)
        finally:
            day.house.app.watch.store.close()
    print(f"seed {SEED}: {DAYS} days of {STEPS} steps")
