"""The thread of mentions and answers with one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.store.engine import Row, Tx, rows_of_marks

_PART: Final = 500


Place = tuple[str, str, str]
"""Where something is said: network, thread, author."""


def join(tx: Tx, places: Sequence[Place]) -> list[tuple[int, int]]:
    """People say something, each in their place, in this order: for each, the id of its conversation and
    the count `said` there."""
    tx.many(
        "INSERT INTO conversations (network, thread, author_id) VALUES (?, ?, ?)"
        " ON CONFLICT (network, thread, author_id) DO UPDATE"
        " SET version = conversations.version + 1, said = conversations.said + 1",
        places,
    )
    distinct = list(dict.fromkeys(places))
    rows = [
        row for start in range(0, len(distinct), _PART) for row in _of(tx, distinct[start : start + _PART])
    ]
    ids = {(row["network"], row["thread"], row["author_id"]): row["id"] for row in rows}
    # The count after the batch is that of the last word; the words before it count down from there.
    last = {(row["network"], row["thread"], row["author_id"]): row["said"] for row in rows}
    found = []
    for place in reversed(places):
        found.append((ids[place], last[place]))
        last[place] -= 1
    return found[::-1]


def _of(tx: Tx, places: Sequence[Place]) -> list[Row]:
    return tx.rows(
        f"WITH place (network, thread, author_id) AS (VALUES {rows_of_marks(len(places), 3)})"
        " SELECT c.id, c.said, c.network, c.thread, c.author_id FROM place"
        " CROSS JOIN conversations c WHERE c.network = place.network AND c.thread = place.thread"
        " AND c.author_id = place.author_id",
        [value for place in places for value in place],
    )


def said(tx: Tx, conversation_id: int) -> None:
    """Somebody said, changed or took back something: what was approved before is stale."""
    tx.run("UPDATE conversations SET version = version + 1, said = said + 1 WHERE id = ?", (conversation_id,))


def act(tx: Tx, conversation_id: int, seen: int) -> bool:
    """A human acts on version `seen`. False: somebody was first, and nothing may be done."""
    return bool(
        tx.run(
            "UPDATE conversations SET version = version + 1 WHERE id = ? AND version = ?",
            (conversation_id, seen),
        )
    )


def changed(tx: Tx, conversation_id: int) -> None:
    """Something a human looks at changed, though nobody said anything."""
    tx.run("UPDATE conversations SET version = version + 1 WHERE id = ?", (conversation_id,))
