"""The event log: append-only, hash-chained, free of personal data. `bot.audit` recomputes the books from
it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from bot.store.engine import Row, Tx

SYSTEM: Final = "vigie"
RULE: Final = "rule:"
START: Final = "0" * 64
# What each link covers, in this order.
FIELDS: Final = ("seq", "at", "kind", "mention_id", "reply_id", "source", "actor", "data")


class Event(NamedTuple):
    """Something that happened. `actor` is a named human, "rule:NAME", or Vigie itself.

    `data` holds plain values and never a person's words, name or handle: only ids, hashes and times.
    """

    kind: str
    mention_id: int | None = None
    reply_id: int | None = None
    source: str | None = None
    actor: str = SYSTEM
    data: Mapping[str, Any] = {}


def append(tx: Tx, at: int, events: Sequence[Event]) -> None:
    """Write `events`, in order, at the end of the chain. `at` is in milliseconds."""
    if not events:
        return
    head = tx.row("SELECT seq, hash FROM chain WHERE id = 1")
    assert head is not None, "the migration writes this row"
    before, lines = head["hash"], []
    for seq, (kind, mention_id, reply_id, source, actor, data) in enumerate(events, start=head["seq"] + 1):
        line = (seq, at, kind, mention_id, reply_id, source, actor, dump(data) if data else "{}")
        before = link(before, line)
        lines.append((*line, before))
    tx.many(
        "INSERT INTO events (seq, at, kind, mention_id, reply_id, source, actor, data, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        lines,
    )
    tx.run("UPDATE chain SET seq = ?, hash = ? WHERE id = 1", (lines[-1][0], before))


def through(token: int, log: Sequence[Event]) -> list[Event]:
    """The same, but what a named human did says through which token of the API (0: through none)."""
    if not token:
        return [*log]
    return [one if one.actor == SYSTEM else one._replace(data={**one.data, "token": token}) for one in log]


def link(before: str, line: tuple[Any, ...]) -> str:
    """The hash of one row: sha256, in hexadecimal, over nine lines of text: the hash before it, then the
    row's fields in their order (``None`` where one is empty). No field holds a line break, so nothing can
    be moved from one to the next unnoticed; and anybody can check it with sha256sum."""
    seq, at, kind, mention_id, reply_id, source, actor, data = line
    text = f"{before}\n{seq}\n{at}\n{kind}\n{mention_id}\n{reply_id}\n{source}\n{actor}\n{data}"
    if text.count("\n") != len(line):
        raise ValueError("no field of an event may hold a line break")
    return hashlib.sha256(text.encode()).hexdigest()


def digest(text: str) -> str:
    """What the log keeps of a text: its sha256."""
    return hashlib.sha256(text.encode()).hexdigest()


def walk(tx: Tx, after: int = 0, page: int = 5000) -> Iterator[Row]:
    """All events behind `after` in order, `page` at a time, so that any length fits in memory."""
    last = after
    while rows := tx.rows("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (last, page)):
        yield from rows
        last = rows[-1]["seq"]


def head(tx: Tx) -> int:
    """The number of the last event: it grows with whatever happens."""
    row = tx.row("SELECT seq FROM chain WHERE id = 1")
    assert row is not None, "the migration writes this row"
    return int(row["seq"])


def of_mention(tx: Tx, mention_id: int) -> list[Row]:
    return tx.rows("SELECT * FROM events WHERE mention_id = ? ORDER BY seq", (mention_id,))


def dump(value: Any) -> str:
    """Compact JSON, without line breaks."""
    return to_json(value).decode()
