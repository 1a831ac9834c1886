"""With what programs come to the API, each in the name of a user. The store holds no token, only what it
hashes to."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

from bot.roles import Role
from bot.store.engine import Row, Tx
from bot.store.events import Event
from bot.store.sessions import hashed

# So that whoever finds one in a file knows what it opens; scanners for leaked secrets look for such words.
PREFIX: Final = "vigie_"


class Scope(StrEnum):
    """What a token is for. Each may do all that the one before it may, and none more than its user."""

    READ = "read"
    ACT = "act"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        return _SCOPES.index(self) >= _SCOPES.index(other)


_SCOPES: Final = tuple(Scope)
_OF_ROLE: Final = {
    Role.VIEWER: Scope.READ, Role.AGENT: Scope.ACT, Role.LEAD: Scope.ACT, Role.ADMIN: Scope.ADMIN,
}  # fmt: skip


def scopes_of(role: Role) -> tuple[Scope, ...]:
    """The scopes that a user of this role may give to a token."""
    return tuple(scope for scope in Scope if _OF_ROLE[role].includes(scope))


def lesser(scope: Scope, role: Role) -> Scope:
    """What a token may do now: the role of its user may have been lowered since."""
    return scope if _OF_ROLE[role].includes(scope) else _OF_ROLE[role]


def make(tx: Tx, user: Row, name: str, scope: Scope, now: int, expires_at: int) -> tuple[str, Event]:
    """A new token, for the program alone, and what the log says of it. `user` has `id` and `name`; times in
    ms."""
    token, number = PREFIX + secrets.token_urlsafe(32), tx.reserve("tokens", 1)
    tx.run(
        "INSERT INTO tokens (id, user_id, name, token, scope, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, user["id"], name, hashed(token), scope, now, expires_at),
    )
    data = {"token": number, "scope": scope, "expires_at": expires_at}
    return token, Event("token_made", actor=user["name"], data=data)


def find(tx: Tx, token: str, now: int) -> Row | None:
    """The token (`id`, `scope`, `used_at`) and its user (`user_id`, `user`, `role`), if it is neither revoked
    nor too old, and its user has not left."""
    return tx.row(
        "SELECT t.id, t.scope, t.used_at, u.id AS user_id, u.name AS user, u.role FROM tokens t"
        " JOIN users u ON u.id = t.user_id"
        " WHERE t.token = ? AND t.expires_at > ? AND t.revoked_at IS NULL AND u.left_at IS NULL",
        (hashed(token), now),
    )


def used(tx: Tx, token_id: int, now: int) -> None:
    tx.run("UPDATE tokens SET used_at = ? WHERE id = ?", (now, token_id))


def revoke(tx: Tx, token_id: int, actor: str, now: int, of_user: int = 0) -> list[Event]:
    """Nothing opens to it any more. Nothing: there is no such token in force, or it is not that user's."""
    done = tx.run(
        "UPDATE tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"
        " AND (:user = 0 OR user_id = :user)",
        {"now": now, "id": token_id, "user": of_user},
    )
    return [Event("token_revoked", actor=actor, data={"token": token_id})] if done else []


def in_force(tx: Tx, now: int, of_user: int = 0) -> list[Row]:
    """Tokens that open something, the newest first, with the name of their `user`; of one user, or of all."""
    return tx.rows(
        "SELECT t.*, u.name AS user, u.role FROM tokens t JOIN users u ON u.id = t.user_id"
        " WHERE t.revoked_at IS NULL AND t.expires_at > :now AND u.left_at IS NULL"
        " AND (:user = 0 OR t.user_id = :user) ORDER BY t.id DESC",
        {"now": now, "user": of_user},
    )
