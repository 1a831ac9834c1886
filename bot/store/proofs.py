"""The proofs that people asked for on the audit page: each is worked out once and kept with its time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.store.engine import Row, Tx
from bot.store.events import dump


def ask(tx: Tx, actor: str, now: int, given_up: int) -> int | None:
    """Note that one is to be worked out: its number; `None` if one is being worked out that was asked for
    since `given_up` (ms)."""
    if running(tx, given_up) is not None:
        return None
    row = tx.row("INSERT INTO proofs (asked_by, asked_at) VALUES (?, ?) RETURNING id", (actor, now))
    assert row is not None, "it was just written"
    return int(row["id"])


def done(tx: Tx, number: int, found: Mapping[str, Any], now: int) -> None:
    tx.run("UPDATE proofs SET found = ?, done_at = ? WHERE id = ?", (dump(found), now, number))


def running(tx: Tx, given_up: int) -> Row | None:
    """The one that is being worked out: who asked for it, and when. What was asked for before `given_up` (ms)
    ended with the program that worked it out."""
    return tx.row(
        "SELECT * FROM proofs WHERE done_at IS NULL AND asked_at >= ? ORDER BY id DESC LIMIT 1", (given_up,)
    )


def last(tx: Tx) -> tuple[Row, dict[str, Any]] | None:
    """The last one: when it was done, and what it found (`bot.audit.audit`)."""
    row = tx.row("SELECT * FROM proofs WHERE done_at IS NOT NULL ORDER BY id DESC LIMIT 1")
    return None if row is None else (row, json.loads(row["found"]))


def exempted_by(tx: Tx) -> list[Row]:
    """Of the addresses that are closed without an answer: reason, actor (a rule is "rule:NAME"), number."""
    return tx.rows(
        "SELECT x.reason, e.actor, COUNT(*) AS number FROM exemptions x"
        " JOIN mentions m ON m.id = x.mention_id AND m.addressed = 1"
        " JOIN events e ON e.mention_id = x.mention_id AND e.kind = 'exempted' AND e.at = x.at"
        " WHERE x.reopened_at IS NULL GROUP BY x.reason, e.actor ORDER BY number DESC, x.reason, e.actor"
    )


def events(tx: Tx) -> int:
    """How long the log is."""
    row = tx.row("SELECT seq FROM chain WHERE id = 1")
    return int(row["seq"]) if row else 0
