"""What rings, as people look at it: what nobody has acknowledged, the longest first; and what somebody has,
the latest first."""

from __future__ import annotations

from typing import Final

from bot.store.engine import Row, Tx

_SHOWN: Final = """
    SELECT e.*, m.network, m.author_name, m.author_handle, SUBSTR(m.text, 1, 300) AS text, m.due_at, m.state,
        m.addressed, m.outcome_due_at, m.deleted_at
    FROM escalations e LEFT JOIN mentions m ON m.id = e.mention_id
    WHERE e.closed_at IS NULL AND e.acknowledged_at IS {which}
"""


def ringing(tx: Tx, limit: int, after: tuple[int, int] | None = None) -> list[Row]:
    """Escalations with what their mentions say: those behind the one that was opened at an instant (ms) and
    has an id."""
    behind, params = ("", ()) if after is None else (" AND (e.opened_at, e.id) > (?, ?)", after)
    sql = f"{_SHOWN.format(which='NULL')}{behind} ORDER BY e.opened_at, e.id LIMIT ?"
    return tx.rows(sql, (*params, limit))


def acknowledged(tx: Tx, limit: int) -> list[Row]:
    """Those that somebody has in hand."""
    sql = f"{_SHOWN.format(which='NOT NULL')} ORDER BY e.acknowledged_at DESC, e.id DESC LIMIT ?"
    return tx.rows(sql, (limit,))


def count(tx: Tx, cap: int) -> int:
    """How many ring that nobody acknowledged; `cap` if they are that many or more."""
    row = tx.row(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM escalations WHERE closed_at IS NULL"
        " AND acknowledged_at IS NULL LIMIT ?) AS some",
        (cap,),
    )
    return int(row["n"]) if row else 0


def matters(tx: Tx) -> dict[str, Row]:
    """What rings, or is in hand, that is about no mention: sources, accounts, ways out. By its key."""
    rows = tx.rows(
        "SELECT * FROM escalations WHERE closed_at IS NULL AND mention_id IS NULL ORDER BY opened_at"
    )
    return {row["key"]: row for row in rows}
