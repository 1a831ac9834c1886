"""The proof. Recomputes the books from the event log alone and holds them against the tables (promise 4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from pydantic_core import from_json

from bot.exemptions import rates
from bot.policy import Promises
from bot.promises import Terms
from bot.proof import disproved, follow, read_policy
from bot.store import Row, Tx, instant, policies, samples, sources
from bot.store import books as tables
from bot.store import events as log_of

# What each event does to an address; the last one counts.
_ENDS: Final[Mapping[str, str]] = {
    "answered": "answered",
    "exempted": "exempted",
    "deleted": "deleted",
    "reopened": "open",
    "restored": "open",
}
_OF_STATE: Final[Mapping[str, str]] = {"answered": "answered", "exempted": "exempted", "deleted": "deleted"}

# What tells on what a promise is made, and the deadlines that it may set: each with what is due by then.
_MAKES: Final = frozenset({"heard", "addressed", "triaged", "handed_over", "raised"})
_DEADLINES: Final[Mapping[str, str]] = {"due_at": "an answer", "outcome_due_at": "an outcome"}
_MOST: Final = 20
_LINE: Final = itemgetter(*log_of.FIELDS)
"""So many of the problems are named."""


@dataclass(slots=True)
class Books:
    """What the event log says. `ended` holds every address by mention id; `reasons` those of exemptions,
    `by_rule` who was exempted by a rule, and `judged` what humans said of a sample of those."""

    events: int = 0
    head: str = log_of.START
    broken_at: int | None = None
    ended: dict[int, str] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    by_rule: set[int] = field(default_factory=set)
    judged: Counter[str] = field(default_factory=Counter)
    others: dict[int, str] = field(default_factory=dict)
    promises: Proof = field(default_factory=lambda: Proof({}))


@dataclass(slots=True)
class Proof:
    """What the log says of promises. `policies` are the stored ones, by version; `terms` those of each
    mention by now, and `due` its deadlines that were logged last, by their names; `wrong` names the first few
    of the `faults` that do not follow from what they were made on."""

    policies: Mapping[str, Promises]
    terms: dict[int, Terms | None] = field(default_factory=dict)
    due: dict[str, dict[int, int]] = field(default_factory=lambda: {name: {} for name in _DEADLINES})
    recomputed: int = 0
    faults: int = 0
    wrong: list[str] = field(default_factory=list)

    def fails(self, problem: str) -> None:
        self.faults += 1
        if len(self.wrong) < _MOST:
            self.wrong.append(problem)

    def enter(self, row: Row) -> None:
        """Recompute what this event promises."""
        if row["kind"] not in _MAKES and 'due_at"' not in row["data"]:
            return
        number = row["mention_id"]
        try:
            data = from_json(row["data"])
            terms = self.terms[number] = follow(self.terms.get(number), data)
            if data.keys().isdisjoint(_DEADLINES):
                return
            self.recomputed += 1
            if problem := disproved(self.policies, terms, data):
                self.fails(f"mention {number}, event {row['seq']}: {problem}")
            for name in _DEADLINES:
                if name in data:
                    self.due[name][number] = data[name]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            self.fails(f"mention {number}, event {row['seq']}: what it promises cannot be read")


def proof_of(tx: Tx) -> Proof:
    """An empty proof, with all policies that are as they were."""
    found, proof = dict[str, Promises](), Proof({})
    for version, body in policies.bodies(tx).items():
        try:
            found[version] = read_policy(version, body)
        except ValueError as error:
            proof.fails(str(error))
    proof.policies = found
    return proof


def read(tx: Tx) -> Books:
    """Walk the whole log: check every link of the chain, count, and recompute every promise."""
    books = Books(promises=proof_of(tx))
    for row in log_of.walk(tx):
        books.events += 1
        if books.broken_at is None and not _holds(books, row):
            books.broken_at = books.events  # the number it should have; the row may carry another
        books.head = row["hash"]
        _enter(books, row)
        if row["mention_id"] is not None:
            books.promises.enter(row)
    if books.broken_at is None and tables.end_of_log(tx) != (books.events, books.head):
        books.broken_at = books.events + 1  # the tail was cut off, or the head was moved
    return books


def _holds(books: Books, row: Row) -> bool:
    return bool(row["seq"] == books.events and row["hash"] == log_of.link(books.head, _LINE(row)))


def _enter(books: Books, row: Row) -> None:
    mention, kind = row["mention_id"], row["kind"]
    if kind == "heard":
        known = books.ended if '"addressed":true' in row["data"] else books.others
        known[mention] = "open"
    elif kind in ("addressed", "triaged") and mention in books.others:
        if kind == "addressed" or '"addressed":true' in row["data"]:
            books.ended[mention] = books.others.pop(mention)
    elif kind in _ENDS:
        account = books.ended if mention in books.ended else books.others
        account[mention] = _ENDS[kind]
        if kind == "exempted":
            books.reasons[mention] = _read(row["data"], "reason")
            (books.by_rule.add if row["actor"].startswith(log_of.RULE) else books.by_rule.discard)(mention)
    elif kind == "sampled":
        books.judged[_read(row["data"], "verdict")] += 1


def _read(data: str, key: str) -> str:
    try:
        return str(json.loads(data)[key])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def audit(tx: Tx, now: int) -> dict[str, Any]:
    """The figures of ``vigie audit --json``, at `now` (ms).

    ``balanced`` holds if the log and the tables tell the same of every single address, and
    ``addresses = answered + exempted + deleted + open``. ``problems`` names what does not fit. Of the
    ``promises``, all that were ever made are recomputed from the log and the stored policies; ``wrong`` are
    those that do not follow from them, or that the tables tell otherwise.
    """
    books = read(tx)
    counts = Counter(books.ended.values())
    problems = _differences(tx, books)
    promises = books.promises
    if books.broken_at is not None:
        problems.insert(0, f"event {books.broken_at} is not what was written: the chain is broken there")
    exempted = [m for m, how in books.ended.items() if how == "exempted"]
    reasons, by_rule = Counter(books.reasons[m] for m in exempted), books.by_rule.intersection(exempted)
    return {
        "addresses": len(books.ended),
        "answered": counts["answered"],
        "exempted": counts["exempted"],
        "deleted": counts["deleted"],
        "open": counts["open"],
        "overdue": tables.overdue(tx, now),
        "escalated_unacknowledged": tables.unacknowledged(tx),
        "balanced": not problems,
        "problems": [*problems, *promises.wrong],
        "promises": {"recomputed": promises.recomputed, "wrong": promises.faults},
        "chain": {"events": books.events, "ok": books.broken_at is None, "head": books.head},
        "answer_rate": rates(counts["answered"], counts["exempted"], counts["open"]),
        "exemptions": dict(sorted(reasons.items())),
        "exempted_by_rule": len(by_rule),
        "sample": {
            "looked_at": books.judged.total(),
            "wrong": books.judged["wrong"],
            "waiting": len(samples.waiting(tx)),
        },
        "unsure": tables.unsure(tx),
        "sources": [_source(tx, row) for row in sources.all_rows(tx)],
    }


def _differences(tx: Tx, books: Books, most: int = _MOST) -> list[str]:
    """Addresses of which the tables say otherwise than the log. Deadlines that differ go to the proof."""
    wrong, seen = list[str](), 0
    for row in tables.addresses(tx):
        seen += 1
        kept = _OF_STATE.get(row["state"], "open")
        if (logged := books.ended.get(row["id"], "nothing")) != kept:
            wrong.append(f"mention {row['id']}: the log says {logged}, the tables {kept}")
        for name, what in _DEADLINES.items():
            if (due := books.promises.due[name].get(row["id"])) != row[name]:
                told = f"the log promises {what} by {due}, the tables by {row[name]}"
                books.promises.fails(f"mention {row['id']}: {told}")
    if seen != len(books.ended) and not wrong:
        wrong.append(f"the log knows {len(books.ended)} addresses, the tables {seen}")
    return wrong[:most]


def _source(tx: Tx, row: Row) -> dict[str, Any]:
    return {
        "listener": row["listener"],
        "complete_from": _iso(row["complete_from"]),
        "complete_to": _iso(row["complete_to"]),
        "failing_since": _iso(row["failing_since"]),
        "gaps": [[_iso(g["from_at"]), _iso(g["to_at"])] for g in sources.gaps(tx, row["listener"])],
    }


def _iso(value: int | None) -> str | None:
    return None if value is None else instant(value).isoformat(timespec="seconds")
