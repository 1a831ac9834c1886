"""Queues narrowed in a certain way, each named by the user who wants to come back to it."""

from __future__ import annotations

from typing import Final

from bot.errors import NotPossible
from bot.store.engine import Row, Tx

MOST: Final = 20
LONGEST: Final = 40


def add(tx: Tx, user_id: int, name: str, query: str) -> None:
    """Keep `query`, the part of an address behind the "?", under a name; one of that name is replaced.

    Raises:
        NotPossible: no name, one that is too long, or too many views.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST or not name.isprintable():
        raise NotPossible("give the view a name of %(most)s characters at most", most=LONGEST)
    before = {row["name"] for row in of(tx, user_id)}
    if len(before) >= MOST and name not in before:
        raise NotPossible("there are %(most)s views already: remove one first", most=MOST)
    tx.run(
        "INSERT INTO saved_views (id, user_id, name, query) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (user_id, name) DO UPDATE SET query = excluded.query",
        (tx.reserve("saved_views", 1), user_id, name, query),
    )


def of(tx: Tx, user_id: int) -> list[Row]:
    """The views of a user, by name: id, name, query."""
    return tx.rows("SELECT id, name, query FROM saved_views WHERE user_id = ? ORDER BY name", (user_id,))


def remove(tx: Tx, user_id: int, view_id: int) -> bool:
    """Whether there was such a view of theirs."""
    return bool(tx.run("DELETE FROM saved_views WHERE id = ? AND user_id = ?", (view_id, user_id)))
