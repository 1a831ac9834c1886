"""What /metrics shows: counts of how things stand, without anybody's name or words."""

from __future__ import annotations

from typing import Final

from bot.store.engine import Row, Tx
from bot.store.states import OPEN

_ON_THEIR_WAY: Final = ("ready", "sending", "unsure")


def addresses(tx: Tx) -> dict[str, int]:
    """How many addresses are in each state."""
    return _counts(tx.rows("SELECT state, COUNT(*) AS n FROM mentions WHERE addressed = 1 GROUP BY state"))


def overdue(tx: Tx, now: int) -> int:
    """Open addresses whose promise is past at `now` (ms)."""
    return _count(
        tx.row(
            f"SELECT COUNT(*) AS n FROM mentions WHERE addressed = 1 AND due_at <= ? AND state IN {OPEN}",
            (now,),
        )
    )


def replies(tx: Tx) -> dict[str, int]:
    """How many replies are on their way, by state; each is counted from the index of its queue."""
    counted = (
        f"SELECT '{s}' AS state, COUNT(*) AS n FROM replies WHERE state = '{s}'" for s in _ON_THEIR_WAY
    )
    return _counts(tx.rows(" UNION ALL ".join(counted)))


def unacknowledged(tx: Tx) -> int:
    """Escalations that nobody acknowledged."""
    return _count(
        tx.row("SELECT COUNT(*) AS n FROM escalations WHERE closed_at IS NULL AND acknowledged_at IS NULL")
    )


def heard_to(tx: Tx) -> dict[str, int]:
    """Up to when (ms) each listener has heard all; those that have heard something."""
    rows = tx.rows("SELECT listener, complete_to FROM sources WHERE complete_to IS NOT NULL")
    return {row["listener"]: row["complete_to"] for row in rows}


def _counts(rows: list[Row]) -> dict[str, int]:
    return {row["state"]: row["n"] for row in rows}


def _count(row: Row | None) -> int:
    assert row is not None, "a count is one row"
    return int(row["n"])
