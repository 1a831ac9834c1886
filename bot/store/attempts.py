"""Attempts to sign in that came to nothing, and how long one has to wait after too many of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.store.engine import Tx

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE


def take(tx: Tx, keys: Mapping[str, int], now: int) -> int:
    """Count an attempt before it is made, so that many at once are many; unless it has to wait.

    Args:
        keys: under what it counts, and how many each may make in an hour before it waits: a minute at first,
            then twice as long each time, up to an hour.
        now: in ms.

    Returns:
        Until when no attempt is taken (ms); 0: this one is.
    """
    tx.run("DELETE FROM attempts WHERE last_at < ? AND locked_until <= ?", (now - _HOUR, now))
    before = {key: tx.row("SELECT * FROM attempts WHERE key = ?", (key,)) for key in keys}
    locked = max((row["locked_until"] for row in before.values() if row), default=0)
    if locked > now:
        return int(locked)
    for key, allowed in keys.items():
        row = before[key]
        number = (row["number"] if row else 0) + 1
        until = now + min(_MINUTE << min(number - allowed, 10), _HOUR) if number >= allowed else 0
        tx.run(
            "INSERT INTO attempts (key, number, last_at, locked_until) VALUES (?, ?, ?, ?) ON CONFLICT (key)"
            " DO UPDATE SET number = excluded.number, last_at = excluded.last_at,"
            " locked_until = excluded.locked_until",
            (key, number, now, until),
        )
    return 0


def forgive(tx: Tx, keys: Iterable[str]) -> None:
    """This attempt was a good one."""
    for key in keys:
        tx.run("UPDATE attempts SET number = number - 1, locked_until = 0 WHERE key = ?", (key,))


def forget(tx: Tx, keys: Iterable[str]) -> None:
    """Whoever it was, they know the password: what they tried before is forgotten."""
    for key in keys:
        tx.run("DELETE FROM attempts WHERE key = ?", (key,))
