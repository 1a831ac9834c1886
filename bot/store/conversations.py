"""The thread of mentions and answers with one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from bot.store.engine import Row, Tx, parts, rows_of_marks

Place = tuple[str, str, str]
"""Where something is said: network, thread, author."""


class Joined(NamedTuple):
    """Where one thing that was said stands: its conversation, its own place in the count `said` there, and
    that count after all that was said along with it."""

    id: int
    said: int
    last: int


def join(tx: Tx, places: Sequence[Place]) -> list[Joined]:
    """People say something, each in their place, in this order."""
    counts = Counter(places)
    known = _known(tx, list(counts))
    fresh = [place for place in counts if place not in known]
    new = dict(zip(fresh, count(tx.reserve("conversations", len(fresh))), strict=False))
    tx.many(
        "INSERT INTO conversations (id, network, thread, author_id, version, said) VALUES (?, ?, ?, ?, ?, ?)",
        [(number, *place, counts[place], counts[place]) for place, number in new.items()],
    )
    tx.many(
        "UPDATE conversations SET version = version + ?, said = said + ? WHERE id = ?",
        [(counts[place], counts[place], number) for place, (number, _) in known.items()],
    )
    found, said = [], {place: before for place, (_, before) in known.items()}
    for place in places:
        number, before = known.get(place) or (new[place], 0)
        said[place] = said.get(place, 0) + 1
        found.append(Joined(number, said[place], before + counts[place]))
    return found


def _known(tx: Tx, places: Sequence[Place]) -> dict[Place, tuple[int, int]]:
    """Those conversations that exist: their id, and what was said so far."""
    rows = [row for part in parts(places) for row in _of(tx, part)]
    return {(row["network"], row["thread"], row["author_id"]): (row["id"], row["said"]) for row in rows}


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


def moves_up(tx: Tx, mention_id: int) -> None:
    """What this mention says was said last in its conversation."""
    tx.run(
        "UPDATE mentions SET said = (SELECT c.said FROM conversations c WHERE c.id = conversation_id)"
        " WHERE id = ?",
        (mention_id,),
    )


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
