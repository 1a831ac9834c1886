"""One day of two processes on one store: what befalls them, and what must hold after each step."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from bot.app import App, build
from bot.audit import audit
from bot.config import Settings, load
from bot.desk import Desk
from bot.models import Mention, Reply
from bot.steps import deliver, listen, sweep, triage
from bot.steps.watch import no_wake
from bot.store import ms, open_store, span_ms
from tests.support.day_checks import Books, holds
from tests.support.day_config import BELLS, CONFIGS, MORNINGS, TOWNS, WALKED, Quick
from tests.support.day_steps import STEPS
from tests.support.house import Clock
from tests.support.outside import Bell, Doom, Fate, Line, Mortal, Rechecking, Town

AUDIT_EVERY: Final = 100
_DIES, _OVERTAKEN = 0.06, 0.14


class Did(NamedTuple):
    """A line of a script."""

    name: str
    number: int


@dataclass
class House:
    """One process. When it dies, the next one takes its place."""

    name: str
    clock: Clock
    config: int = 0
    skew: timedelta = timedelta(0)
    fate: Fate = field(default_factory=Fate)
    lines: dict[str, Line] = field(default_factory=dict)
    bells: dict[str, Bell] = field(default_factory=dict)
    app: App = field(init=False)

    def now(self) -> datetime:
        """What its own clock shows."""
        return self.clock() + self.skew

    def heals(self) -> None:
        """No fault is left in what it sees of the networks."""
        for line in self.lines.values():
            line.send_raises, line.find_raises, line.refusal = [], None, None
            line.stands_all_the_same = False
        for bell in self.bells.values():
            bell.raises = None


class Day:
    """Two processes on one store, in `folder`, on one day."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        self.towns = {name: Town(name, self.clock) for name in TOWNS}
        self.gone = list[tuple[str, Mention]]()
        self.did, self.script = Counter[str](), list[str]()
        self.audit_every = AUDIT_EVERY
        self._left = list[App]()
        self._number = 0
        (folder / "vigie.db").write_bytes(empty_store())
        self.houses = [House(name, self.clock) for name in ("first", "second")]
        for house in self.houses:
            self.opens(house)
        eye = sqlite3.connect(folder / "vigie.db", check_same_thread=False, isolation_level=None)
        eye.row_factory = sqlite3.Row
        self.books = Books(eye, self.towns)

    def opens(self, house: House, *, ended: bool = False) -> None:
        """A process begins, in the place of the one before: that `ended` in good order, or is left where it
        was when it died."""
        if ended:
            house.app.watch.store.close()
        elif hasattr(house, "app"):
            self._left.append(house.app)
        fate = house.fate = Fate()
        app = build(settings(house.config), f"sqlite:///{self.folder / 'vigie.db'}", house.now)
        kinds = {"blog": Line, "forum": Rechecking}
        house.lines = {name: kinds[name](town, fate, self._witness) for name, town in self.towns.items()}
        house.bells = {name: Bell(fate) for name in BELLS}
        watch = replace(
            app.watch, store=Mortal(app.watch.store, fate), listeners=house.lines, responders=house.lines,
            notifiers=house.bells, tagger=Quick(),
        )  # fmt: skip
        house.app = App(watch, Desk(watch.store, watch.settings, house.now))

    def _witness(self, town: Town, reply: Reply) -> None:
        self.books.witness(town, reply)

    def close(self) -> None:
        self.books.eye.close()
        for app in (*self._left, *(house.app for house in self.houses)):
            app.watch.store.close()

    # --- What steps ask for ---

    def number(self) -> str:
        """A new id on the networks."""
        self._number += 1
        return str(self._number)

    def keys(self) -> list[str]:
        """What rings, and a name of something that does not."""
        rows = self.books.rows("SELECT key FROM escalations WHERE closed_at IS NULL ORDER BY id")
        return [*(row["key"] for row in rows), "source:nothing"]

    def swept(self, house: House) -> None:
        """A sweep of this process went through, and reached somebody."""
        listeners = house.app.watch.settings.root.listeners
        silent = {name: span_ms(entry.silent_after) for name, entry in listeners.items()}
        self.books.after_sweep(ms(house.now()), silent)

    # --- One step ---

    def step(self, did: Did) -> None:
        """Do one line of a script, and look whether all promises hold.

        Raises:
            Broken: one does not.
        """
        self.books.overtaken = False
        if did.name == "morning":
            self._morning(random.Random(did.number))
        elif did.name == "night":
            self.night()
        else:
            self._do(did, random.Random(did.number))
        self.did[did.name] += 1
        self.books.check()
        if sum(self.did.values()) % self.audit_every == 0:
            self._audit()

    def _morning(self, dice: random.Random) -> None:
        self.clock.now = dice.choice(MORNINGS)
        for house in self.houses:
            house.config = dice.randrange(len(CONFIGS))
            self.opens(house, ended=True)
        self.script.append(f"{self.clock():%Y-%m-%d}, configs {[house.config for house in self.houses]}")

    def _do(self, did: Did, dice: random.Random, house: House | None = None) -> None:
        befallen = house is not None
        house = house or dice.choices(self.houses, (3, 1))[0]
        step, fate = STEPS[did.name], house.fate
        place = len(self.script)
        self.script.append("")
        if step.by_process:
            self._spin(dice, house, befallen=befallen)
        try:
            told = step.act(self, dice, house)
        except Doom:
            self.did["died"] += 1
            self.opens(house)
            told = "dies over it"
        finally:
            fate.rest()
        by = f"{house.name}: " if step.by_process else ""
        self.script[place] = f"{'    meanwhile ' * befallen}{did.name} {did.number}  # {by}{told}".rstrip()

    def _spin(self, dice: random.Random, house: House, *, befallen: bool) -> None:
        """Whether the process dies over what it does next, or the other one does something meanwhile."""
        luck, points = dice.random(), dice.randint(1, 7)
        if luck < _DIES:
            house.fate.spin(points, _die, fatal=True)
        elif luck < _OVERTAKEN and not befallen:
            other = self.houses[self.houses[0] is house]
            names = [name for name, step in STEPS.items() if step.weight > 1]
            then = Did(dice.choice(names), dice.randrange(10**6))
            house.fate.spin(points, lambda: self._meanwhile(then, other), fatal=False)

    def _meanwhile(self, did: Did, other: House) -> None:
        self.books.overtaken = True
        self.did["overtaken"] += 1
        self._do(did, random.Random(did.number), other)

    # --- The end of a day ---

    def night(self) -> None:
        """Nothing fails any more: all is heard, read and settled; and after a week without any human
        everybody who waits is rung for."""
        self.script.append("the night")
        for house in self.houses:
            house.heals()
            house.skew = timedelta(0)
        self.opens(self.houses[1])
        self.clock.forward(hours=20)  # more than clocks were ever set back
        for _ in range(5):
            self.clock.forward(minutes=70)
            self._round(self.houses[0])
        self._is_settled()
        self.clock.forward(days=7)
        sweep(self.houses[0].app.watch, no_wake)
        self.swept(self.houses[0])
        silent = self.books.rows(_SILENT)
        holds(not silent, f"nobody was told of {[row['id'] for row in silent]}")
        self._audit()

    def _round(self, house: House) -> None:
        for name, town in self.towns.items():
            listen(house.app.watch, no_wake, name)
            for _ in town.log:
                if self._is_read(name, town):
                    break
                listen(house.app.watch, no_wake, name)
        triage(house.app.watch, no_wake)
        for name in self.towns:
            deliver(house.app.watch, no_wake, name)
        sweep(house.app.watch, no_wake)

    def _is_read(self, name: str, town: Town) -> bool:
        (source,) = self.books.rows("SELECT cursor FROM sources WHERE listener = ?", name)
        return bool(source["cursor"] == str(len(town.log)))

    def _is_settled(self) -> None:
        for name, town in self.towns.items():
            holds(self._is_read(name, town), f"{name} was not read to its end")
        for sql in _UNSETTLED:
            rows = self.books.rows(sql)
            holds(not rows, f"not settled: {[tuple(row) for row in rows]}")

    def _audit(self) -> None:
        with self.houses[0].app.watch.store.read() as tx:
            found = audit(tx, ms(self.clock()))
        holds(found["balanced"] and not found["problems"], f"the audit says {found['problems']}")


_SILENT: Final = (
    "SELECT id FROM mentions WHERE addressed = 1 AND state IN ('new', 'waiting', 'escalated', 'answering')"
    " AND id NOT IN (SELECT mention_id FROM escalations WHERE closed_at IS NULL AND rings > 0"
    " AND mention_id IS NOT NULL) ORDER BY id"
)
_UNSETTLED: Final = (
    "SELECT id, state FROM mentions WHERE state = 'new'",
    "SELECT id, state FROM replies WHERE state IN ('ready', 'sending')",
    (
        "SELECT id, state FROM mentions m WHERE state = 'answering' AND NOT EXISTS"
        " (SELECT 1 FROM replies r WHERE r.mention_id = m.id AND r.state = 'unsure')"
    ),
)


def _die() -> None:
    raise Doom


@cache
def empty_store() -> bytes:
    """The file of a store to which nothing has happened yet, and which notes what will."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vigie.db"
        store = open_store(f"sqlite:///{file}")
        with store.tx() as tx:
            for statement in WALKED:
                tx.run(statement)
        store.close()
        return file.read_bytes()


@cache
def settings(number: int) -> Settings:
    """One of the configs, read as any config is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(CONFIGS[number], "utf-8")
        return load(file)
