"""What the proof holds against the event log: what the tables say of every address, and of the log's end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.store.engine import Row, Tx
from bot.store.states import OPEN

_PAGE: Final = 5000


def addresses(tx: Tx) -> Iterator[Row]:
    """id, state, due_at and outcome_due_at of every address, in order; any number fits in memory."""
    last = 0
    while rows := tx.rows(
        "SELECT id, state, due_at, outcome_due_at FROM mentions WHERE addressed = 1 AND id > ?"
        " ORDER BY id LIMIT ?",
        (last, _PAGE),
    ):
        yield from rows
        last = rows[-1]["id"]


def end_of_log(tx: Tx) -> tuple[int, str] | None:
    """Number and hash of the last event, as they are kept beside the log; `None`: they are gone."""
    end = tx.row("SELECT seq, hash FROM chain WHERE id = 1")
    return None if end is None else (end["seq"], end["hash"])


def overdue(tx: Tx, now: int) -> int:
    """How many addresses are open past their promise at `now` (ms)."""
    return _number(
        tx, f"SELECT COUNT(*) AS n FROM mentions WHERE addressed = 1 AND due_at <= ? AND state IN {OPEN}", now
    )


def unacknowledged(tx: Tx) -> int:
    """How much rings that nobody has acknowledged."""
    return _number(
        tx, "SELECT COUNT(*) AS n FROM escalations WHERE closed_at IS NULL AND acknowledged_at IS NULL"
    )


def unsure(tx: Tx) -> int:
    """Of how many replies nobody knows whether they are posted."""
    return _number(tx, "SELECT COUNT(*) AS n FROM replies WHERE state = 'unsure'")


def _number(tx: Tx, sql: str, *params: int) -> int:
    row = tx.row(sql, params)
    return int(row["n"]) if row else 0
