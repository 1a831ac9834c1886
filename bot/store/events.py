"""The event log: append-only, hash-chained, free of personal data. `bot.audit` recomputes the books from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.store.engine import Row, Tx

SYSTEM: Final = "vigie"
RULE: Final = "rule:"
START: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `actor` is a named human, "rule:NAME", or Vigie itself.

    `data` holds plain values and never a person's words, name or handle: only ids, hashes and times.
    """

    kind: str
    mention_id: int | None = None
    reply_id: int | None = None
    source: str | None = None
    actor: str = SYSTEM
    data: Mapping[str, Any] = field(default_factory=dict)


def append(tx: Tx, at: int, events: Iterable[Event]) -> None:
    """Write `events`, in order, at the end of the chain. `at` is in milliseconds."""
    head = tx.row("SELECT seq, hash FROM chain WHERE only = 1")
    assert head is not None, "the migration writes this row"
    seq, digest = head["seq"], head["hash"]
    lines = []
    for event in events:
        seq += 1
        line = (
            seq, at, event.kind, event.mention_id, event.reply_id, event.source, event.actor,
            _dump(event.data),
        )  # fmt: skip
        digest = link(digest, line)
        lines.append((*line, digest))
    if not lines:
        return
    tx.many(
        "INSERT INTO events (seq, at, kind, mention_id, reply_id, source, actor, data, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        lines,
    )
    tx.run("UPDATE chain SET seq = :seq, hash = :hash WHERE only = 1", {"seq": seq, "hash": digest})


def link(before: str, line: tuple[Any, ...]) -> str:
    """The hash of one row: sha256 over the hash before it and the row as a JSON list."""
    return hashlib.sha256((before + _dump(line)).encode()).hexdigest()


def digest(text: str) -> str:
    """What the log keeps of a text: its sha256."""
    return hashlib.sha256(text.encode()).hexdigest()


def walk(tx: Tx, page: int = 5000) -> Iterator[Row]:
    """All events in order, `page` at a time, so that any length fits in memory."""
    last = 0
    while rows := tx.rows("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (last, page)):
        yield from rows
        last = rows[-1]["seq"]


def of_mention(tx: Tx, mention_id: int) -> list[Row]:
    return tx.rows("SELECT * FROM events WHERE mention_id = ? ORDER BY seq", (mention_id,))


def last_of_conversation(tx: Tx, conversation_id: int) -> Row | None:
    """The newest thing that happened in a conversation: who was first, when two humans meet."""
    return tx.row(
        "SELECT e.* FROM events e JOIN mentions m ON m.id = e.mention_id"
        " WHERE m.conversation_id = ? ORDER BY e.seq DESC LIMIT 1",
        (conversation_id,),
    )


_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
