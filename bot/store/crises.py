"""Crises: what may be a sign of one, the one that is on, and whom it makes more urgent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from bot.store.engine import Row, Tx, marks
from bot.store.events import Event

COMPLAINT: Final = 1
WORD: Final = 2
"""The bits of ``mentions.sign``."""


def on(tx: Tx) -> Row | None:
    """The crisis that is on: since (ms), threshold, why."""
    return tx.row("SELECT * FROM crises WHERE ended_at IS NULL")


def begin(tx: Tx, since: int, threshold: int, why: str) -> Event:
    tx.run("INSERT INTO crises (since, threshold, why) VALUES (?, ?, ?)", (since, threshold, why))
    return Event("crisis_began", source="crisis", data={"threshold": threshold, "why": why})


def end(tx: Tx, now: int) -> Event:
    tx.run("UPDATE crises SET ended_at = ? WHERE ended_at IS NULL", (now,))
    return Event("crisis_ended", source="crisis")


def signs(tx: Tx, since: int, until: int) -> list[Row]:
    """What was posted from `since` to `until` (ms) and may be part of a crisis: posted_at, sign, and by whom
    (network, author_id)."""
    return tx.rows(
        "SELECT m.posted_at, m.sign, c.network, c.author_id FROM mentions m"
        " JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.sign IS NOT NULL AND m.posted_at >= ? AND m.posted_at <= ?",
        (since, until),
    )


def complaints(tx: Tx, since: int, until: int) -> int:
    """How many complaints were posted from `since` on and before `until` (ms)."""
    row = tx.row(
        "SELECT COUNT(*) AS n FROM mentions WHERE sign IS NOT NULL AND posted_at >= ? AND posted_at < ?"
        f" AND sign <> {WORD}",
        (since, until),
    )
    return int(row["n"]) if row else 0


def listening_since(tx: Tx) -> int | None:
    """Since when (ms) anybody listens at all."""
    row = tx.row("SELECT MIN(COALESCE(complete_from, since)) AS at FROM sources")
    return row["at"] if row else None


def give_priority(tx: Tx, mention: Row, priority: str) -> None:
    tx.run("UPDATE mentions SET priority = ? WHERE id = ?", (str(priority), mention["id"]))


def calmer(tx: Tx, priorities: Collection[str], limit: int = 500) -> list[Row]:
    """Open addresses of one of these priorities."""
    found = list[Row]()
    as_indexed = {"IN ('waiting', 'escalated', 'answering')": "due_at, id", "= 'new'": "id"}
    for states, order in as_indexed.items():
        found += tx.rows(
            f"SELECT * FROM mentions WHERE state {states} AND addressed = 1"
            f" AND priority IN ({marks(len(priorities))}) ORDER BY {order} LIMIT ?",
            (*sorted(priorities), limit),
        )
    return found
