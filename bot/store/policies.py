"""Each policy that promises were made under, so that any of them can be recomputed."""

from __future__ import annotations

from bot.promises import Promises, policy_version
from bot.store.engine import Tx


def know(tx: Tx, policy: Promises, now: int) -> None:
    """Keep the policy in force, once."""
    if tx.row("SELECT 1 FROM policies WHERE version = ?", (policy_version(policy),)) is None:
        tx.run(
            "INSERT INTO policies (version, body, since) VALUES (?, ?, ?) ON CONFLICT (version) DO NOTHING",
            (policy_version(policy), policy.model_dump_json(), now),
        )
