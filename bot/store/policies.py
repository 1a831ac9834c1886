"""Each policy that promises were made under, so that any of them can be recomputed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.policy import Promises, body, policy_version
from bot.store.engine import Tx


def know(tx: Tx, policy: Promises, now: int) -> None:
    """Keep the policy in force, once."""
    if tx.row("SELECT 1 FROM policies WHERE version = ?", (policy_version(policy),)) is None:
        tx.run(
            "INSERT INTO policies (version, body, since) VALUES (?, ?, ?) ON CONFLICT (version) DO NOTHING",
            (policy_version(policy), body(policy), now),
        )


def bodies(tx: Tx) -> Mapping[str, str]:
    """All policies that promises were made under, by version."""
    return {row["version"]: row["body"] for row in tx.rows("SELECT version, body FROM policies")}


def body_of(tx: Tx, version: str) -> str | None:
    row = tx.row("SELECT body FROM policies WHERE version = ?", (version,))
    return None if row is None else str(row["body"])
