"""What does `vigie import` cost beside spaCy, in units of plain sqlite3?

The peer inserts the very rows that the import left behind, of all tables, in as many transactions of the
same rows, with `executemany`, under the same pragmas and tables. It parses nothing, decides nothing, hashes
nothing. Limit: twice its CPU time. Start-up is left out on both sides.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from benchmarks import people
from benchmarks.house import import_into, loaded_tagger
from benchmarks.machine import cpu, describe, verdict
from bot.importing import PAGE
from bot.store import open_store

COUNT: Final = int(os.environ.get("VIGIE_BENCH_MENTIONS", "20000"))
ROUNDS: Final = int(os.environ.get("VIGIE_BENCH_ROUNDS", "5"))
LIMIT: Final = 2.0


class Insert(NamedTuple):
    """One `executemany`."""

    sql: str
    rows: list[tuple[Any, ...]]


Transaction = list[Insert]


def main() -> None:
    tagger, lines = loaded_tagger(), people.lines(COUNT)
    ratios = []
    with TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            ours, theirs = Path(folder, f"ours{turn}.db"), Path(folder, f"theirs{turn}.db")
            imported = import_into(ours, lines, tagger)
            if turn == 0:
                print(what_it_left(ours))
            peer = insert_all(theirs, transactions(ours))
            ratios.append(imported.rest / peer)
            print(
                f"{COUNT} mentions: {imported.rest:.2f} s CPU beside {imported.tagging:.2f} s in spaCy, "
                f"plain sqlite3 {peer:.2f} s: {ratios[-1]:.2f} times",
                flush=True,
            )
            ours.unlink()
            theirs.unlink()
    print(f"import beside spaCy / plain sqlite3, median of {ROUNDS}: {verdict(median(ratios), LIMIT)}")


def what_it_left(store: Path) -> str:
    """The rows that one import made, in words."""
    with sqlite3.connect(store) as db:
        tables = ("mentions", "conversations", "replies", "escalations", "events")
        counts = {table: db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608
        addressed = db.execute("SELECT AVG(addressed) FROM mentions").fetchone()[0]
        intents = Counter(row[0] for row in db.execute("SELECT analysis ->> 'intent' FROM mentions"))
    total = sum(intents.values())
    rows = ", ".join(f"{count} {table}" for table, count in counts.items())
    return f"{rows}; {addressed:.0%} addressed, {intents['complaint'] / total:.0%} lead with a complaint"


def transactions(store: Path) -> list[Transaction]:
    """The rows of a store as the import wrote them: for each page, what was heard, then what was thought."""
    with sqlite3.connect(store) as db:
        (last,) = db.execute("SELECT MAX(id) FROM mentions").fetchone()
        policies = [_insert(db, "policies", "1")]
        pages = [(low, low + PAGE - 1) for low in range(1, last + 1, PAGE)]
        found = [one for low, high in pages for one in _page(db, low, high)]
    found[0][:0] = policies
    return found


def _page(db: sqlite3.Connection, low: int, high: int) -> list[Transaction]:
    these = f"BETWEEN {low} AND {high}"
    first = f"SELECT conversation_id FROM mentions GROUP BY conversation_id HAVING MIN(id) {these}"  # noqa: S608
    heard = [
        _insert(db, "conversations", f"id IN ({first})"),
        _insert(db, "mentions", f"id {these}"),
        _insert(db, "events", f"kind = 'heard' AND mention_id {these}"),
    ]
    thought = [
        _insert(db, "replies", f"mention_id {these}"),
        _insert(db, "escalations", f"mention_id {these}"),
        _insert(db, "events", f"kind <> 'heard' AND mention_id {these}"),
    ]
    return [heard, thought]


def _insert(db: sqlite3.Connection, table: str, which: str) -> Insert:
    # Without those that the database works out by itself.
    columns = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    rows = db.execute(f"SELECT {names} FROM {table} WHERE {which}").fetchall()  # noqa: S608
    return Insert(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608


def insert_all(store: Path, everything: Sequence[Transaction]) -> float:
    """CPU seconds of plain sqlite3 for the same rows in the same transactions."""
    open_store(f"sqlite:///{store}").close()  # the tables
    db = sqlite3.connect(store, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}")

    def work() -> None:
        for transaction in everything:
            db.execute("BEGIN IMMEDIATE")
            for sql, rows in transaction:
                if rows:
                    db.executemany(sql, rows)
            db.execute("COMMIT")

    try:
        return cpu(work)
    finally:
        db.close()


if __name__ == "__main__":
    print(describe())
    main()
