"""Who may sign in: their names, roles, passwords and second factors."""

from __future__ import annotations

import unicodedata
from typing import Final

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import invitations, sessions
from bot.store.engine import Row, Tx
from bot.store.events import RULE, SYSTEM, Event

_LONGEST: Final = 60


def add(tx: Tx, name: str, role: str, now: int) -> int:
    """Their number. They have no password yet.

    Raises:
        NotPossible: it is no name, or somebody has or had it.
    """
    name = a_name(name)
    taken = by_typed(tx, name)
    if taken is not None and taken["left_at"] is not None:
        raise NotPossible("%(name)s has left, and the log keeps that name: take another", name=taken["name"])
    if taken is not None:
        raise NotPossible("there is a user %(name)s already", name=taken["name"])
    invitations.void_first(tx)
    number = tx.reserve("users", 1)
    tx.run(
        "INSERT INTO users (id, name, folded, role, created_at) VALUES (?, ?, ?, ?, ?)",
        (number, name, folded(name), role, now),
    )
    return number


def a_name(text: str) -> str:
    """A name as it is kept.

    Raises:
        NotPossible: nobody can be called that.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        raise NotPossible("a name has 1 to %(most)s characters that can be printed", most=_LONGEST)
    # The log would not tell them from Vigie itself, or from a rule.
    if folded(name) == SYSTEM or folded(name).startswith(RULE):
        raise NotPossible("%(name)s is what Vigie itself goes by in the log: take another name", name=name)
    return name


def folded(name: str) -> str:
    """The name as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def by_name(tx: Tx, name: str) -> Row | None:
    return tx.row("SELECT * FROM users WHERE name = ?", (name,))


def by_typed(tx: Tx, name: str) -> Row | None:
    """The user whose name somebody typed, in whatever case."""
    return tx.row("SELECT * FROM users WHERE folded = ?", (folded(name),))


def by_id(tx: Tx, number: int) -> Row | None:
    return tx.row("SELECT * FROM users WHERE id = ?", (number,))


def here(tx: Tx, name: str) -> Row:
    """The user of that name, who has not left.

    Raises:
        NotPossible: there is none.
    """
    row = by_typed(tx, name)
    if row is None or row["left_at"] is not None:
        raise NotPossible("there is no user %(name)s; `vigie user list` shows them all", name=name)
    return row


def count(tx: Tx) -> int:
    row = tx.row("SELECT COUNT(*) AS number FROM users")
    assert row is not None
    return int(row["number"])


def everybody(tx: Tx) -> list[Row]:
    """All of them, who has left last: `id`, `name`, `role`, `created_at`, `left_at`, whether they
    `has_password` and `has_totp`, when they were last seen (`seen_at`, None: not signed in), and until when
    a one-time link of theirs is good (`link_until`, None: there is none)."""
    return tx.rows(
        "SELECT u.id, u.name, u.role, u.created_at, u.left_at, u.password <> '' AS has_password,"
        " u.totp <> '' AS has_totp,"
        " (SELECT MAX(s.seen_at) FROM sessions s WHERE s.user_id = u.id) AS seen_at,"
        " (SELECT MAX(i.expires_at) FROM invitations i WHERE i.user_id = u.id) AS link_until"
        " FROM users u ORDER BY u.left_at IS NOT NULL, u.folded"
    )


def set_password(tx: Tx, number: int, password: str) -> None:
    """`password` is a hash. Whoever is signed in with the old one is no longer."""
    tx.run("UPDATE users SET password = ? WHERE id = ?", (password, number))
    sessions.end_all(tx, number)


def rehash(tx: Tx, number: int, before: str, password: str) -> None:
    """The same password, hashed as one hashes today; not if it was changed meanwhile."""
    tx.run("UPDATE users SET password = ? WHERE id = ? AND password = ?", (password, number, before))


def set_language(tx: Tx, number: int, lang: str) -> None:
    tx.run("UPDATE users SET lang = ? WHERE id = ?", (lang, number))


def set_totp(tx: Tx, number: int, secret: str, step: int = 0) -> None:
    """A second factor, or none ("")."""
    tx.run("UPDATE users SET totp = ?, totp_step = ? WHERE id = ?", (secret, step, number))


def take_step(tx: Tx, number: int, step: int) -> bool:
    """A code is good once. Whether this one's step, or a later one, was not taken before."""
    return bool(tx.run("UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ?", (step, number, step)))


def set_role(tx: Tx, row: Row, role: Role, actor: str) -> Event:
    """They sign in anew, so that no page of theirs shows what they may no longer.

    Raises:
        NotPossible: nobody would be left who can add users.
    """
    if role is not Role.ADMIN:
        _keep_an_admin(tx, row)
    tx.run("UPDATE users SET role = ? WHERE id = ?", (role.value, row["id"]))
    sessions.end_all(tx, row["id"])
    return Event("role_changed", actor=actor, data={"user": row["name"], "role": role.value})


def leave(tx: Tx, row: Row, actor: str, now: int) -> Event:
    """Nobody gets in under their name any more, neither signed in nor by a link.

    Raises:
        NotPossible: nobody would be left who can add users.
    """
    _keep_an_admin(tx, row)
    tx.run(
        "UPDATE users SET left_at = ?, password = '', totp = '', totp_step = 0 WHERE id = ?", (now, row["id"])
    )
    sessions.end_all(tx, row["id"])
    invitations.void(tx, row["id"])
    return Event("user_removed", actor=actor, data={"user": row["name"]})


def _keep_an_admin(tx: Tx, row: Row) -> None:
    other = tx.row(
        "SELECT 1 FROM users WHERE role = 'admin' AND left_at IS NULL AND password <> '' AND id <> ?",
        (row["id"],),
    )
    if row["role"] == Role.ADMIN and other is None:
        raise NotPossible(
            "%(name)s is the last administrator: make somebody else one first", name=row["name"]
        )
