"""The proof. Recomputes the books from the event log alone and holds them against the tables (promise 4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.store import Row, Tx, instant, sources
from bot.store import events as log_of
from bot.store.states import OPEN

# What each event does to an address; the last one counts.
_ENDS: Final[Mapping[str, str]] = {
    "answered": "answered",
    "exempted": "exempted",
    "deleted": "deleted",
    "reopened": "open",
    "restored": "open",
}
_OF_STATE: Final[Mapping[str, str]] = {"answered": "answered", "exempted": "exempted", "deleted": "deleted"}


@dataclass(slots=True)
class Books:
    """What the event log says. `ended` holds every address by mention id; `reasons` those of exemptions."""

    events: int = 0
    head: str = log_of.START
    broken_at: int | None = None
    ended: dict[int, str] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    others: dict[int, str] = field(default_factory=dict)


def read(tx: Tx) -> Books:
    """Walk the whole log: check every link of the chain, and count."""
    books = Books()
    for row in log_of.walk(tx):
        books.events += 1
        if books.broken_at is None and not _holds(books, row):
            books.broken_at = books.events  # the number it should have; the row may carry another
        books.head = row["hash"]
        _enter(books, row)
    end = tx.row("SELECT seq, hash FROM chain WHERE id = 1")
    if books.broken_at is None and (end is None or (end["seq"], end["hash"]) != (books.events, books.head)):
        books.broken_at = books.events + 1  # the tail was cut off, or the head was moved
    return books


def _holds(books: Books, row: Row) -> bool:
    line = tuple(row[name] for name in log_of.FIELDS)
    return bool(row["seq"] == books.events and row["hash"] == log_of.link(books.head, line))


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
            books.reasons[mention] = _reason(row["data"])


def _reason(data: str) -> str:
    try:
        return str(json.loads(data)["reason"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def audit(tx: Tx, now: int) -> dict[str, Any]:
    """The figures of ``vigie audit --json``, at `now` (ms).

    ``balanced`` holds if the log and the tables tell the same of every single address, and
    ``addresses = answered + exempted + deleted + open``. ``problems`` names what does not fit.
    """
    books = read(tx)
    counts = Counter(books.ended.values())
    problems = _differences(tx, books)
    if books.broken_at is not None:
        problems.insert(0, f"event {books.broken_at} is not what was written: the chain is broken there")
    reasons = Counter(books.reasons[m] for m, how in books.ended.items() if how == "exempted")
    return {
        "addresses": len(books.ended),
        "answered": counts["answered"],
        "exempted": counts["exempted"],
        "deleted": counts["deleted"],
        "open": counts["open"],
        "overdue": _count(tx, _OVERDUE, now),
        "escalated_unacknowledged": _count(tx, _UNACKNOWLEDGED),
        "balanced": not problems,
        "problems": problems,
        "chain": {"events": books.events, "ok": books.broken_at is None, "head": books.head},
        "answer_rate": _rates(counts),
        "exemptions": dict(sorted(reasons.items())),
        "unsure": _count(tx, _UNSURE),
        "sources": [_source(tx, row) for row in sources.all_rows(tx)],
    }


_OVERDUE: Final = (
    f"SELECT COUNT(*) AS n FROM mentions WHERE addressed = 1 AND due_at <= ? AND state IN {OPEN}"  # noqa: S608 -- states of ours
)
_UNACKNOWLEDGED: Final = (
    "SELECT COUNT(*) AS n FROM escalations WHERE closed_at IS NULL AND acknowledged_at IS NULL"
)
_UNSURE: Final = "SELECT COUNT(*) AS n FROM replies WHERE state = 'unsure'"


def _count(tx: Tx, sql: str, *params: int) -> int:
    row = tx.row(sql, params)
    return int(row["n"]) if row else 0


def _differences(tx: Tx, books: Books, most: int = 20) -> list[str]:
    """Addresses of which the tables say otherwise than the log."""
    wrong, seen, last = list[str](), 0, 0
    while rows := tx.rows(
        "SELECT id, state FROM mentions WHERE addressed = 1 AND id > ? ORDER BY id LIMIT 5000", (last,)
    ):
        for row in rows:
            tables = _OF_STATE.get(row["state"], "open")
            if (logged := books.ended.get(row["id"], "nothing")) != tables:
                wrong.append(f"mention {row['id']}: the log says {logged}, the tables {tables}")
        seen, last = seen + len(rows), rows[-1]["id"]
    if seen != len(books.ended) and not wrong:
        wrong.append(f"the log knows {len(books.ended)} addresses, the tables {seen}")
    return wrong[:most]


def _rates(counts: Counter[str]) -> dict[str, float | None]:
    """Answered of all addresses, and of those that no exemption closed. Deleted ones are owed nothing."""
    owed = counts["answered"] + counts["exempted"] + counts["open"]
    after = owed - counts["exempted"]
    return {
        "all": round(counts["answered"] / owed, 4) if owed else None,
        "after_exemptions": round(counts["answered"] / after, 4) if after else None,
    }


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
