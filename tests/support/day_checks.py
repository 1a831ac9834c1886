"""What must hold after every step of a random day, whatever happened: the promises of the design.

The accounts here are kept from the event log by rules of their own, event by event, and are held against the
tables; `bot.audit`, which recomputes all from the beginning, is asked less often.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json

from bot.models import MENTION_GRAPH, REPLY_GRAPH, Kind, Mention, Reply, ReplyState, State
from bot.store import ms
from bot.store.events import FIELDS, START, link
from tests.support.day_config import REASONS
from tests.support.outside import Town, receipt

_OPEN: Final = frozenset({"new", "waiting", "escalated", "answering"})
_ENDS: Final = {
    "answered": "answered", "exempted": "exempted", "deleted": "deleted",
    "reopened": "open", "restored": "open",
}  # fmt: skip
Row = Mapping[str, Any]


class Broken(AssertionError):
    """A promise does not hold."""


def holds(fact: object, promise: str) -> None:
    """Raises:
    Broken: it is not a fact.
    """
    if not fact:
        raise Broken(promise)


@dataclass
class Books:
    """The accounts of one day, and an eye on its store that no step looks through."""

    eye: sqlite3.Connection
    towns: Mapping[str, Town]
    seq: int = 0
    head: str = START
    walked: int = 0
    ended: dict[int, str] = field(default_factory=dict)
    others: dict[int, str] = field(default_factory=dict)
    # Who is owed: (network, remote id) of every address that was on a page of which the cursor is kept, or in
    # a push that was taken.
    owed: set[tuple[str, str]] = field(default_factory=set)
    read: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    # What a human let go out, by reply; and links that humans gave for what they found on the network.
    approved: dict[int, set[str]] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    overtaken: bool = False
    version: int = -1

    def owes(self, mentions: Iterable[Mention]) -> None:
        """Of these, all to whom the network itself says that an answer is owed must be found from now on."""
        self.owed |= {
            (m.network, m.remote_id)
            for m in mentions
            if m.addressed and not m.own and m.kind is not Kind.SHARE
        }

    def rows(self, sql: str, *params: object) -> list[Row]:
        return self.eye.execute(sql, params).fetchall()

    def check(self) -> None:
        """Raises:
        Broken: says which promise, and of whom.
        """
        holds(not self.broken, "; ".join(self.broken))
        (version,) = self.eye.execute("PRAGMA data_version").fetchone()
        if version == self.version:
            return  # nobody wrote anything since
        self.version = version
        self.eye.execute("BEGIN")
        try:
            mentions = self.rows("SELECT id, network, remote_id, addressed, state, alarm_at FROM mentions")
            self._log()
            self._sums(mentions)
            self._graphs()
            self._heard(mentions)
            self._bells(mentions)
            self._forgotten()
            self._once()
        finally:
            self.eye.execute("ROLLBACK")

    # --- 4: the books balance ---

    def _log(self) -> None:
        for row in self.rows("SELECT * FROM events WHERE seq > ? ORDER BY seq", self.seq):
            self.seq += 1
            holds(row["seq"] == self.seq, f"event {self.seq} is missing")
            self.head = link(self.head, tuple(row[name] for name in FIELDS))
            holds(row["hash"] == self.head, f"event {self.seq} does not fit to the one before")
            holds(" n° " not in row["data"], f"event {self.seq} holds a person's words")
            if row["mention_id"] is not None:
                self._enter(row, from_json(row["data"]))
        (chain,) = self.rows("SELECT seq, hash FROM chain")
        last = (chain["seq"], chain["hash"])
        holds(last == (self.seq, self.head), "the head of the chain is not its last link")

    def _enter(self, row: Row, data: Mapping[str, Any]) -> None:
        number, kind = row["mention_id"], row["kind"]
        known = self.ended if number in self.ended else self.others
        if kind == "heard":
            (self.ended if data["addressed"] else self.others)[number] = "open"
        elif kind == "addressed" or (kind == "triaged" and data["addressed"]):
            if number in self.others:
                self.ended[number] = self.others.pop(number)
        elif kind in _ENDS:
            self._may_end(row, data)
            known[number] = _ENDS[kind]

    def _may_end(self, row: Row, data: Mapping[str, Any]) -> None:
        """Promise 3: what ends an address really stands on the network, or somebody gave a reason."""
        kind, number = row["kind"], row["mention_id"]
        if kind == "answered":
            stands = {receipt(r).remote_id for town in self.towns.values() for r in town.published}
            stands |= {own for town in self.towns.values() for own in town.own} | self.links
            holds(data["remote_id"] in stands, f"mention {number} was answered by what stands nowhere")
        elif kind == "exempted":
            named = row["actor"] in ("Léa", "Marc", "Nour") or row["actor"].startswith("rule:")
            holds(
                named and data["reason"] in REASONS,
                f"mention {number} was exempted by nobody, or for nothing",
            )

    def _sums(self, mentions: Sequence[Row]) -> None:
        tables = {
            m["id"]: m["state"] if m["state"] not in _OPEN else "open" for m in mentions if m["addressed"]
        }
        if tables != self.ended:
            wrong = sorted(tables.items() ^ self.ended.items())
            raise Broken(f"the log and the tables differ: {wrong}")

    def _graphs(self) -> None:
        for row in self.rows("SELECT * FROM walked WHERE seq > ?", self.walked):
            self.walked = row["seq"]
            if row["what"] == "mention":
                fits = State(row["after"]) in MENTION_GRAPH[State(row["before"])]
            else:
                fits = ReplyState(row["after"]) in REPLY_GRAPH[ReplyState(row["before"])]
            holds(fits, f"{row['what']} {row['id']} went from {row['before']} to {row['after']}")

    # --- 1, 2 and 7: the obligation comes first ---

    def _heard(self, mentions: Sequence[Row]) -> None:
        for source in self.rows("SELECT * FROM sources"):
            self._read_on(self.towns[source["listener"]], source)
        addressed = {(m["network"], m["remote_id"]) for m in mentions if m["addressed"]}
        holds(self.owed <= addressed, f"lost, or no address any more: {sorted(self.owed - addressed)}")

    def _read_on(self, town: Town, source: Row) -> None:
        """The listener's place in the log of its town moved on: what lies between was heard."""
        before, complete_to = self.read.get(town.name, (None, 0))
        here = None if source["cursor"] is None else int(source["cursor"])
        if here != before and here is not None:
            holds(here >= (before or 0), f"the cursor of {town.name} went back")
            passed = town.log[max(before or 0, town.lost) : here]
            self.owes(entry for entry in passed if isinstance(entry, Mention))
            lost_at = ms(town.lost_at)
            if before is not None and before < town.lost <= here and complete_to < lost_at:
                gap = self.rows("SELECT 1 FROM gaps WHERE listener = ? AND to_at = ?", town.name, lost_at)
                holds(gap, f"{town.name} lost something and says nothing of it")
        self.read[town.name] = (here, source["complete_to"] or 0)

    # --- The bell ---

    def _bells(self, mentions: Sequence[Row]) -> None:
        rings = {row["mention_id"] for row in self.rows(_BELLS)}
        for m in mentions:
            if m["state"] not in _OPEN:
                holds(m["alarm_at"] is None, f"mention {m['id']} is over and has an alarm")
                holds(m["id"] not in rings, f"mention {m['id']} is over and rings")
            elif m["addressed"] and m["alarm_at"] is None:
                holds(m["id"] in rings, f"mention {m['id']} has neither an alarm nor a bell")

    def after_sweep(self, now: int, silent: Mapping[str, int]) -> None:
        """A sweep went through that reached everybody: what must ring does."""
        due = self.rows(_DUE_AND_SILENT, now, now)
        holds(not due, f"due, and nothing rings: {[row['id'] for row in due]}")
        for source in self.rows("SELECT * FROM sources"):
            heard = source["complete_to"] if source["complete_to"] is not None else source["since"]
            key = f"source:{source['listener']}"
            if now - heard > silent[source["listener"]]:
                bell = self.rows("SELECT 1 FROM escalations WHERE key = ? AND closed_at IS NULL", key)
                holds(bell, f"{source['listener']} is silent and nothing rings")
        late = self.rows("SELECT key FROM escalations WHERE closed_at IS NULL AND ring_at <= ?", now)
        holds(not late, f"it was time to ring for {[row['key'] for row in late]}")

    # --- 5 and 6: once, and what was approved ---

    def witness(self, town: Town, reply: Reply) -> None:
        """A reply arrives at the network. Whatever is wrong is told after the step, as a responder's own
        exceptions would be taken for a fault of the network."""
        number = int(reply.key.split("-")[1])
        (row,) = self.rows(_ON_ITS_WAY, number)
        digest, told = hashlib.sha256(reply.text.encode()).hexdigest(), self.broken.append
        if row["state"] != "sending" or row["logged"] != "attempted":
            told(f"reply {number} was sent before the attempt was written down")
        if digest != row["approved_hash"] or not reply.key.endswith(digest[:16]):
            told(f"reply {number} is not the text that was approved")
        if not row["approved_by"].startswith("rule:") and reply.text not in self.approved.get(number, ()):
            told(f"reply {number} is no text that a human approved")
        if row["network"] != town.name:
            told(f"reply {number} went to {town.name}")
        if not self.overtaken and row["said"] != row["approved_said"]:
            told(f"reply {number} was sent though the conversation had moved")
        if not self.overtaken and row["stopped"] is not None:
            told(f"reply {number} was sent to somebody who asked us to stop")

    def _once(self) -> None:
        for town in self.towns.values():
            keys = Counter(reply.key for reply in town.published)
            twice = [key for key, times in keys.items() if times > 1]
            holds(not twice, f"published twice on {town.name}: {twice}")
        machines = [row["conversation_id"] for row in self.rows(_MACHINES)]
        holds(not machines, f"two automatic replies in conversations {machines}")

    def _forgotten(self) -> None:
        kept = [row["id"] for row in self.rows(_KEPT)]
        holds(not kept, f"kept though deleted: {kept}")


_IS_OPEN: Final = f"state IN ({', '.join(repr(state) for state in sorted(_OPEN))})"
_BELLS: Final = "SELECT mention_id FROM escalations WHERE closed_at IS NULL AND key LIKE 'mention:%'"
# What a crisis made due in that very sweep rings with the next one.
_DUE_AND_SILENT: Final = (
    f"SELECT m.id FROM mentions m WHERE addressed = 1 AND due_at <= ? AND {_IS_OPEN} AND id NOT IN ({_BELLS})"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.mention_id = m.id AND e.kind = 'raised' AND e.at = ?)"
    " ORDER BY id"
)
_KEPT: Final = (
    "SELECT DISTINCT m.id FROM mentions m LEFT JOIN replies r ON r.mention_id = m.id"
    " AND r.state IN ('draft', 'ready', 'refused', 'discarded') AND r.text <> ''"
    " WHERE m.deleted_at IS NOT NULL AND (m.text <> '' OR m.author_name <> '' OR r.id IS NOT NULL)"
)
_MACHINES: Final = (
    "SELECT conversation_id FROM replies WHERE approved_by LIKE 'rule:%'"
    " AND state IN ('ready', 'sending', 'sent', 'unsure') GROUP BY conversation_id HAVING COUNT(*) > 1"
)
_ON_ITS_WAY: Final = (
    "SELECT r.*, c.said, m.network, s.at AS stopped,"
    " (SELECT kind FROM events e WHERE e.reply_id = r.id ORDER BY seq DESC LIMIT 1) AS logged"
    " FROM replies r JOIN conversations c ON c.id = r.conversation_id JOIN mentions m ON m.id = r.mention_id"
    " LEFT JOIN stops s ON s.network = c.network AND s.author_id = c.author_id WHERE r.id = ?"
)
