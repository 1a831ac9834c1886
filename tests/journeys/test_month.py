"""A month of a brand that a thousand people and more write to: bursts, nights, weekends, public holidays, an
afternoon of complaints, a listener that is deaf for a day, Slack down for six hours, credentials that end for
half a day, and three humans who oversleep. At the end nobody is without an answer, an exemption or a ringing
escalation.

VIGIE_ADDRESSES says how many addresses there are (50000: a big brand), VIGIE_SEED what happens.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest

from bot.app import App, build
from bot.audit import audit
from bot.config import load
from bot.errors import Conflict, NotPossible
from bot.hours import Calendar
from bot.steps import deliver, listen, sweep, triage
from bot.steps.watch import no_wake
from bot.store import Row, events, instant, ms, span_ms, views
from tests.support import month
from tests.support.days import memory
from tests.support.house import Clock
from tests.support.month import BEGINS, DEAF, TICK, TOWNS, Human, Pen, Phone, Reads, Town

ADDRESSES: Final = int(os.environ.get("VIGIE_ADDRESSES", "2000"))
# The same month in every `make test`; VIGIE_SEED=0 draws another.
SEED: Final = int(os.environ.get("VIGIE_SEED", "28467")) or random.SystemRandom().randrange(10**6)
HOUR: Final = timedelta(hours=1)
CONFIG: Final = """
brand: {name: Banque Azur, handles: ["@banqueazur"], languages: [fr, en]}
listeners:
  page: {type: replay, path: none.jsonl, responder: page, silent_after: 1h}
  blog: {type: replay, path: none.jsonl, responder: blog, silent_after: 1h}
responders: {page: {type: console}, blog: {type: console}, slack: {type: console}, mail: {type: console}}
rules:
  - {name: angry, when: {intents: [complaint], negative_at_least: 0.8}, priority: high, escalate: angry}
  - {name: only thanks, when: {intents: [praise], needs_answer: false}, exempt: no_answer_needed}
  - {name: praise, when: {intents: [praise], needs_answer: true}, priority: low, template: thanks,
     approve: auto}
templates: [{name: thanks, text: "Merci à vous !"}]
crisis: {count: 60}
promises:
  calendar:
    timezone: Europe/Paris
    hours: {mon-fri: ["09:00-12:30", "13:30-18:00"]}
    holidays: {country: FR}
  targets:
    - {priority: crisis, answer_within: 1h, clock: always}
    - {priority: high, answer_within: 4h, next_within: 2h}
    - {priority: low, answer_within: 2d}
    - {answer_within: 8h}
  tiers:
    - {at: 0.5, to: [slack]}
    - {at: 1.0, to: [slack], repeat: 2h}
    - {at: 1.5, to: [slack, mail]}
  repeat: 2h
"""


@dataclass
class Month:
    """The house, and everybody around it."""

    app: App
    clock: Clock
    dice: random.Random
    towns: dict[str, Town]
    pens: dict[str, Pen]
    phones: dict[str, Phone]
    staff: list[Human]
    # What the log says of each address, and how many stand so.
    ended: dict[int, str] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)
    seq: int = 0
    head: str = events.START
    audited: int = 500
    did: Counter[str] = field(default_factory=Counter)
    # Whom a human answered on the network itself: the others see it there.
    natively: set[int] = field(default_factory=set)

    # --- The watch ---

    def watch(self) -> None:
        """What the daemon does in a quarter of an hour, at its end."""
        for name, town in self.towns.items():
            listen(self.app.watch, no_wake, name)
            while self._is_behind(name, town):
                listen(self.app.watch, no_wake, name)
        triage(self.app.watch, no_wake)
        for name in self.towns:
            deliver(self.app.watch, no_wake, name)
        sweep(self.app.watch, no_wake)

    def _is_behind(self, name: str, town: Town) -> bool:
        (source,) = self.rows("SELECT cursor, failing_since FROM sources WHERE listener = ?", name)
        return source["failing_since"] is None and int(source["cursor"]) < len(town.log)

    # --- The humans ---

    def work(self, human: Human) -> None:
        """A quarter of an hour of one human: the most pressing first."""
        with self.app.watch.store.read() as tx:
            inbox = views.inbox(tx, 180)
        some = [
            row
            for row in inbox
            if row["addressed"] and row["state"] != "answering" and row["id"] not in self.natively
        ]
        for row in self.dice.sample(some, k=min(60, len(some))):
            try:
                self._answer(human, row)
            except (Conflict, NotPossible):
                self.did["came second"] += 1

    def _answer(self, human: Human, row: Row) -> None:
        desk, number, seen, luck = self.app.desk, row["id"], row["version"], self.dice.random()
        heard = row["network"] != "blog" or not DEAF.holds(self.clock())
        if luck < 0.70 and heard:
            self.natively.add(number)
            self.towns[row["network"]].answers(row["remote_id"], self.clock())
        elif luck < 0.90:
            self._approve(human, row)
        elif luck < 0.96:
            desk.exempt(number, self.dice.choice(("not_for_us", "spam", "duplicate")), seen, human.name)
        elif row["state"] == "escalated":
            desk.acknowledge(number, human.name)
            self.did["acknowledged"] += 1
        else:
            desk.assign(number, human.name, seen, human.name)

    def _approve(self, human: Human, row: Row) -> None:
        desk, number, seen = self.app.desk, row["id"], row["version"]
        drafts = self.rows(
            "SELECT id FROM replies WHERE mention_id = ? AND state = 'draft' ORDER BY id", number
        )
        if not drafts:
            desk.edit(number, None, "Bonjour, nous vous répondons en privé.", seen, human.name)
            drafts = self.rows("SELECT id FROM replies WHERE mention_id = ? AND state = 'draft'", number)
            seen += 1
        desk.approve(drafts[0]["id"], seen, human.name)

    # --- The books ---

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.app.watch.store.read() as tx:
            return tx.rows(sql, params)

    def balances(self) -> None:
        """Each hour: every new event joins the chain, and what the log says of the addresses is what the
        tables count."""
        with self.app.watch.store.read() as tx:
            for row in events.walk(tx, self.seq):
                self.seq += 1
                self.head = events.link(self.head, _LINE(row))
                assert (row["seq"], row["hash"]) == (self.seq, self.head)
                self._enter(row)
            states = tx.rows(_STATES)
            silent = tx.rows(_NEITHER)
        tables = Counter[str]()
        for row in states:
            tables[row["state"] if row["state"] in _ENDED else "open"] += row["n"]
        assert tables == self.tally, "the log and the tables differ"
        assert silent == [], f"neither an alarm nor a bell: {[row['id'] for row in silent]}"

    def _enter(self, row: Row) -> None:
        kind, number = row["kind"], row["mention_id"]
        if (kind == "heard" and '"addressed":true' in row["data"]) or kind == "addressed":
            self._stands(number, "open")
        elif kind in _ENDED and number in self.ended:
            self._stands(number, kind)
        elif kind in ("reopened", "restored") and number in self.ended:
            self._stands(number, "open")

    def _stands(self, number: int, how: str) -> None:
        if number in self.ended:
            self.tally[self.ended[number]] -= 1
        self.ended[number] = how
        self.tally[how] += 1

    def audit_today(self) -> None:
        """Each day: every single address stands in the tables as the log says. And as it takes ever longer to
        recompute all from the beginning, that is done whenever the log is four times as long."""
        rows = self.rows("SELECT id, state FROM mentions WHERE addressed = 1")
        told = {row["id"]: row["state"] if row["state"] in _ENDED else "open" for row in rows}
        assert told == self.ended
        if self.seq >= 4 * self.audited:
            self.audited = self.seq
            self.audit()

    def audit(self) -> dict[str, Any]:
        with self.app.watch.store.read() as tx:
            found = audit(tx, ms(self.clock()))
        assert found["balanced"], found["problems"]
        assert found["promises"]["wrong"] == 0
        return found


_LINE: Final = itemgetter(*events.FIELDS)
_ENDED: Final = ("answered", "exempted", "deleted")
_STATES: Final = "SELECT state, COUNT(*) AS n FROM mentions WHERE addressed = 1 GROUP BY state"
# So that the count of each hour reads no texts.
_INDEX: Final = "CREATE INDEX month_states ON mentions (addressed, state)"
# Open addresses without an alarm to come, for which nothing rings.
_NEITHER: Final = (
    "SELECT id FROM mentions WHERE addressed = 1 AND state IN ('new', 'waiting', 'escalated', 'answering')"
    " AND alarm_at IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM escalations e WHERE e.mention_id = mentions.id AND e.closed_at IS NULL)"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


def begin(folder: Path) -> Month:
    dice, clock = random.Random(SEED), Clock(BEGINS)
    (folder / "config.yaml").write_text(CONFIG, "utf-8")
    app = build(load(folder / "config.yaml"), f"sqlite:///{folder / 'vigie.db'}", clock)
    with app.watch.store.tx() as tx:
        tx.run(_INDEX)
    towns = {name: Town(name, clock) for name in TOWNS}
    pens = {name: Pen(town, dice) for name, town in towns.items()}
    phones = {name: Phone(name, clock) for name in ("slack", "mail")}
    watch = replace(app.watch, listeners=towns, responders=pens, notifiers=phones, tagger=Reads())
    return Month(App(watch, app.desk), clock, dice, towns, pens, phones, month.humans(dice))


@pytest.mark.month
@pytest.mark.timeout(1200)
def test_in_a_month_of_thousands_of_addresses_nobody_is_forgotten(folder: Path) -> None:
    begun, it = time.monotonic(), begin(folder)
    written = 0
    for tick, many in enumerate(month.numbers(it.dice, ADDRESSES)):
        for _ in range(many):
            written += 1
            at = it.clock() + it.dice.random() * TICK
            it.towns[it.dice.choice(TOWNS)].write(it.dice, written, at)
        _lives(it, tick)
    assert written == ADDRESSES
    _ends(it, begun)


def _lives(it: Month, tick: int) -> None:
    it.clock.now += TICK
    for town in it.towns.values():
        if len(town.said) > 300 and it.dice.random() < 0.08:
            town.take_down(it.dice)
    it.watch()
    for human in it.staff:
        if human.is_there(it.clock()):
            it.work(human)
    if tick % 4 == 3:
        it.balances()
    if tick % 96 == 95:
        it.audit_today()


def _ends(it: Month, begun: float) -> None:
    """It ends with a Sunday, after which nobody comes for four days: all that is open must ring."""
    within = _longest_silence(it)
    for _ in range(4 * 24):
        it.clock.now += HOUR
        it.watch()
        it.balances()
    found = it.audit()
    after = _longest_silence(it)
    _prints(it, found, max(within, after), time.monotonic() - begun)
    forgotten = it.rows(_FORGOTTEN)
    assert forgotten == [], f"neither answered, exempted nor rung for: {[row['id'] for row in forgotten]}"
    standing = {(town.name, mention.remote_id) for town in it.towns.values() for mention in town.said}
    known = {(row["network"], row["remote_id"]) for row in it.rows("SELECT network, remote_id FROM mentions")}
    assert standing <= known, f"{len(standing - known)} were never heard"
    for pen in it.pens.values():
        assert max(pen.times.values()) == 1
        assert max(pen.people.values()) == 1
        assert pen.people.keys().isdisjoint(pen.town.answered), "answered by a reply and by hand"
    # It repeats every two hours, and is late by no more than the watch, which at the end comes by the hour.
    assert within <= timedelta(hours=2) + 2 * TICK
    assert after <= timedelta(hours=2) + HOUR + TICK
    assert found["open"] > 0
    assert found["exempted_by_rule"] > 0
    assert it.phones["slack"].failed > 0


_FORGOTTEN: Final = (
    "SELECT id FROM mentions WHERE addressed = 1 AND state IN ('new', 'waiting', 'escalated', 'answering')"
    " AND NOT EXISTS (SELECT 1 FROM escalations e WHERE e.mention_id = mentions.id AND e.closed_at IS NULL"
    " AND e.rings > 0)"
)


def _longest_silence(it: Month) -> timedelta:
    """For how long, in open hours, an address that was due, and that nobody acknowledged, did not ring."""
    calendar, longest = it.app.watch.settings.root.promises.calendar, timedelta(0)
    due = {row["id"]: max(row["due_at"], row["heard_at"]) for row in it.rows(_AS_PROMISED)}
    silent: dict[int, int | None] = {**due}
    for row in it.rows(_RINGS):
        number, at, kind = row["mention_id"], row["at"], row["kind"]
        if number not in due:
            continue
        longest = max(longest, _open_hours(calendar, silent[number], at, longest))
        rings_on = kind in ("rang", "reopened", "restored") or (kind == "acknowledged" and at < due[number])
        silent[number] = max(at, due[number]) if rings_on else None
    now = ms(it.clock())
    return max([longest, *(_open_hours(calendar, since, now, longest) for since in silent.values())])


def _open_hours(calendar: Calendar, since: int | None, until: int, least: timedelta) -> timedelta:
    """Those between two instants (ms), where they may be more than `least`."""
    if since is None or until - since <= span_ms(least):
        return timedelta(0)
    return calendar.between(instant(since), instant(until))


# A crisis makes due at once what had only rung as a warning before: when that was due cannot be told.
_AS_PROMISED: Final = (
    "SELECT id, due_at, heard_at FROM mentions m WHERE due_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.mention_id = m.id AND e.kind = 'raised')"
)
_RINGS: Final = (
    "SELECT mention_id, kind, at FROM events"
    " WHERE (source = 'mention:' || mention_id AND kind IN ('rang', 'acknowledged'))"
    " OR kind IN ('answered', 'exempted', 'deleted', 'reopened', 'restored') ORDER BY seq"
)


def _prints(it: Month, found: dict[str, Any], silence: timedelta, seconds: float) -> None:
    rings = it.rows("SELECT COUNT(*) AS n FROM events WHERE kind = 'rang'")[0]["n"]
    told, grouped = (sum(getattr(p, what) for p in it.phones.values()) for what in ("told", "grouped"))
    by = {row["how"]: row["n"] for row in it.rows(_HOW)}
    print(
        f"\nseed {SEED}: {found['addresses']} addresses: {found['answered']} answered"
        f" ({by.get('native', 0)} natively, {sum(len(p.published) for p in it.pens.values())} by replies),"
        f" {found['exempted']} exempted ({found['exempted_by_rule']} by rule), {found['deleted']} deleted,"
        f" {found['open']} open and ringing\n"
        f"{rings} rings in {told} messages, {grouped} of them about several;"
        f" {it.phones['slack'].failed} that Slack did not take; {it.did['acknowledged']} acknowledged;"
        f" longest silence of one that is due: {silence} of open hours\n"
        f"{found['chain']['events']} events, {found['promises']['recomputed']} promises recomputed,"
        f" {seconds:.0f} s"
    )


_HOW: Final = (
    "SELECT CASE WHEN data LIKE '%\"how\":\"native\"%' THEN 'native' ELSE 'reply' END AS how, COUNT(*) AS n"
    " FROM events WHERE kind = 'answered' GROUP BY how"
)
