"""Accounts that are one person's: people speak to the brand from several networks, and staff say which
accounts belong together.

An account is a network and an author id, as `conversations` has them. It is named here by a mention that it
wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.store import views
from bot.store.engine import Row, Tx, rows_of_marks
from bot.store.events import Event


class Account(NamedTuple):
    """One account of a person: the last that they wrote from there, `views.person` of it, and who linked it
    when (ms); "" and 0 for the one that is asked about, and where nobody did."""

    latest: Row
    figures: Row
    linked_by: str = ""
    linked_at: int = 0


def link(tx: Tx, mention: Row, other: Row, actor: str, now: int) -> list[Event]:
    """The authors of these two mentions are one person. None: that is known, or it is one account."""
    here, there = _key(tx, mention), _key(tx, other)
    mine, theirs = _person(tx, here), _person(tx, there)
    if here == there or (mine is not None and mine == theirs):
        return []
    person = mine or _fresh(tx)
    if mine is None:
        _add(tx, here, person, actor, now)
    if theirs is None:
        _add(tx, there, person, actor, now)
    else:
        tx.run("UPDATE persons SET person = ? WHERE person = ?", (person, theirs))
    return _both("linked", mention, other, actor)


def unlink(tx: Tx, mention: Row, other: Row, actor: str) -> list[Event]:
    """The author of `other` is somebody else. None: they were not linked."""
    here, there = _key(tx, mention), _key(tx, other)
    person = _person(tx, here)
    if here == there or person is None or person != _person(tx, there):
        return []
    tx.run("DELETE FROM persons WHERE network = ? AND author_id = ?", there)
    # A person of one account needs no row.
    tx.run(
        "DELETE FROM persons WHERE person = ? AND (SELECT COUNT(*) FROM persons p WHERE p.person = ?) = 1",
        (person, person),
    )
    return _both("unlinked", mention, other, actor)


def accounts(tx: Tx, mention: Row) -> list[Account]:
    """All accounts of whoever wrote this mention, that one first."""
    own = _key(tx, mention)
    linked = tx.rows(
        "SELECT o.network, o.author_id, o.actor, o.at FROM persons p JOIN persons o ON o.person = p.person"
        " WHERE p.network = ? AND p.author_id = ? ORDER BY o.at, o.network, o.author_id",
        own,
    )
    found = [Account(mention, views.person(tx, mention))]
    for row in linked:
        latest = None if (row["network"], row["author_id"]) == own else _latest(tx, row)
        if latest is not None:
            found.append(Account(latest, views.person(tx, latest), row["actor"], row["at"]))
    return found


def alike(tx: Tx, known: Sequence[Account], limit: int = 3) -> list[Row]:
    """The last mention of each account on another network that has the handle of the first of these, with or
    without its @, and may be the same person's."""
    handle = known[0].latest["author_handle"].lower().removeprefix("@")
    if not handle:
        return []
    rows = tx.rows(
        "SELECT c.network, c.author_id, MAX(m.id) AS latest FROM mentions m"
        " JOIN conversations c ON c.id = m.conversation_id"
        " WHERE LOWER(m.author_handle) IN (?, ?) AND m.author_handle <> '' AND m.network <> ?"
        " GROUP BY c.network, c.author_id ORDER BY latest DESC LIMIT ?",
        (handle, f"@{handle}", known[0].latest["network"], limit + len(known)),
    )
    theirs = {_key(tx, account.latest) for account in known}
    return [
        views.mention_row(tx, row["latest"])
        for row in rows
        if (row["network"], row["author_id"]) not in theirs
    ][:limit]


def history(tx: Tx, known: Sequence[Account], conversation_id: int, limit: int) -> list[Row]:
    """What the person of these accounts said in other conversations, newest first."""
    keys = [_key(tx, account.latest) for account in known]
    return tx.rows(
        f"WITH account (network, author_id) AS (VALUES {rows_of_marks(len(keys), 2)})"
        " SELECT m.id, m.network, m.kind, m.posted_at, m.text, m.state, m.addressed, m.deleted_at"
        " FROM account"
        " CROSS JOIN conversations c ON c.network = account.network AND c.author_id = account.author_id"
        " JOIN mentions m ON m.conversation_id = c.id WHERE c.id <> ?"
        " ORDER BY m.posted_at DESC, m.id DESC LIMIT ?",
        [*(part for key in keys for part in key), conversation_id, limit],
    )


def _both(kind: str, mention: Row, other: Row, actor: str) -> list[Event]:
    one, two = mention["id"], other["id"]
    return [Event(kind, here, actor=actor, data={"with": there}) for here, there in ((one, two), (two, one))]


_Key = tuple[str, str]


def _key(tx: Tx, mention: Row) -> _Key:
    row = tx.row("SELECT network, author_id FROM conversations WHERE id = ?", (mention["conversation_id"],))
    assert row is not None, "a mention belongs to a conversation"
    return row["network"], row["author_id"]


def _person(tx: Tx, key: _Key) -> int | None:
    row = tx.row("SELECT person FROM persons WHERE network = ? AND author_id = ?", key)
    return None if row is None else int(row["person"])


def _fresh(tx: Tx) -> int:
    row = tx.row("SELECT COALESCE(MAX(person), 0) AS last FROM persons")
    return 1 + (row["last"] if row else 0)


def _add(tx: Tx, key: _Key, person: int, actor: str, now: int) -> None:
    tx.run(
        "INSERT INTO persons (network, author_id, person, actor, at) VALUES (?, ?, ?, ?, ?)",
        (*key, person, actor, now),
    )


def _latest(tx: Tx, account: Row) -> Row | None:
    row = tx.row(
        "SELECT MAX(m.id) AS id FROM conversations c JOIN mentions m ON m.conversation_id = c.id"
        " WHERE c.network = ? AND c.author_id = ?",
        (account["network"], account["author_id"]),
    )
    return views.mention_row(tx, row["id"]) if row and row["id"] is not None else None
