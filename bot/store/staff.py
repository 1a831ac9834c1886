"""What administrators do with users, each with its event in the log, which keeps names of staff alone."""

from __future__ import annotations

from bot.roles import Role
from bot.store import events, invitations, sessions, tokens, users
from bot.store.engine import Row, Tx
from bot.store.events import Event


def add(tx: Tx, name: str, role: Role, actor: str, now: int) -> str:
    """A new user; the token of the link by which they set their password.

    Raises:
        NotPossible: see `users.add`.
    """
    number = users.add(tx, name, role.value, now)
    added = {"user": users.a_name(name), "role": role.value}
    events.append(tx, now, [Event("user_added", actor=actor, data=added)])
    return invitations.invite(tx, number, now)


def change_role(tx: Tx, row: Row, role: Role, actor: str, now: int) -> None:
    """
    Raises:
        NotPossible: nobody would be left who can add users.
    """
    events.append(tx, now, [users.set_role(tx, row, role, actor)])


def remove(tx: Tx, row: Row, actor: str, now: int) -> None:
    """
    Raises:
        NotPossible: nobody would be left who can add users.
    """
    revoked = _revoke_all(tx, row, actor, now)
    events.append(tx, now, [users.leave(tx, row, actor, now), *revoked])


def new_link(tx: Tx, row: Row, actor: str, now: int) -> str:
    """The token of a new one-time link; the password holds until it is used."""
    events.append(tx, now, [Event("link_made", actor=actor, data={"user": row["name"]})])
    return invitations.invite(tx, row["id"], now)


def reset_factor(tx: Tx, row: Row, actor: str, now: int) -> None:
    """They lost their phone: the second factor is gone, and so is whoever is signed in by it."""
    users.set_totp(tx, row["id"], "")
    sessions.end_all(tx, row["id"])
    events.append(tx, now, [Event("second_factor_reset", actor=actor, data={"user": row["name"]})])


def reset(tx: Tx, row: Row, actor: str, now: int) -> str:
    """They start over: without password, second factor, sessions and API tokens. The token of a new one-time
    link."""
    users.set_password(tx, row["id"], "")
    events.append(tx, now, _revoke_all(tx, row, actor, now))
    reset_factor(tx, row, actor, now)
    return new_link(tx, row, actor, now)


def sign_out(tx: Tx, row: Row, actor: str, now: int) -> None:
    """Out of all their browsers."""
    sessions.end_all(tx, row["id"])
    events.append(tx, now, [Event("signed_out", actor=actor, data={"user": row["name"]})])


def _revoke_all(tx: Tx, row: Row, actor: str, now: int) -> list[Event]:
    held = tokens.in_force(tx, now, of_user=row["id"])
    return [event for token in held for event in tokens.revoke(tx, token["id"], actor, now)]
