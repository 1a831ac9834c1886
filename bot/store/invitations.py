"""One-time links, by which somebody sets a password. The store holds only what their token hashes to."""

from __future__ import annotations

import secrets
from typing import Final

from bot.store.engine import Row, Tx
from bot.store.sessions import hashed

# A link is good for a day, in milliseconds.
GOOD_FOR: Final = 86_400_000


def invite(tx: Tx, user_id: int | None, now: int) -> str:
    """The token of a new link; those before it are void. `user_id` None: for the first administrator."""
    tx.run("DELETE FROM invitations WHERE expires_at <= ?", (now,))
    void_first(tx) if user_id is None else void(tx, user_id)
    token = secrets.token_urlsafe(32)
    tx.run(
        "INSERT INTO invitations (token, user_id, expires_at) VALUES (?, ?, ?)",
        (hashed(token), user_id, now + GOOD_FOR),
    )
    return token


def find(tx: Tx, token: str, now: int) -> Row | None:
    """Whose link it is (`user_id`, `name`; both None: the first administrator's), if it is still good."""
    return tx.row(
        "SELECT i.user_id, u.name FROM invitations i LEFT JOIN users u ON u.id = i.user_id"
        " WHERE i.token = ? AND i.expires_at > ? AND u.left_at IS NULL",
        (hashed(token), now),
    )


def use(tx: Tx, token: str) -> bool:
    """Whether it was still there to be used."""
    return bool(tx.run("DELETE FROM invitations WHERE token = ?", (hashed(token),)))


def void(tx: Tx, user_id: int) -> None:
    tx.run("DELETE FROM invitations WHERE user_id = ?", (user_id,))


def void_first(tx: Tx) -> None:
    """There is a user now, or a newer link."""
    tx.run("DELETE FROM invitations WHERE user_id IS NULL")
