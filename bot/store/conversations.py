"""The thread of mentions and answers with one person."""

from __future__ import annotations

from bot.store.engine import Row, Tx


def join(tx: Tx, network: str, thread: str, author_id: str) -> Row:
    """This person says something in this thread: its `id`, and the new count `said`."""
    found = tx.row(
        "INSERT INTO conversations (network, thread, author_id) VALUES (?, ?, ?)"
        " ON CONFLICT (network, thread, author_id) DO UPDATE"
        " SET version = conversations.version + 1, said = conversations.said + 1 RETURNING id, said",
        (network, thread, author_id),
    )
    assert found is not None, "an upsert returns its row"
    return found


def said(tx: Tx, conversation_id: int) -> None:
    """Somebody said, changed or took back something: what was approved before is stale."""
    tx.run(
        "UPDATE conversations SET version = version + 1, said = said + 1 WHERE id = ?", (conversation_id,)
    )


def act(tx: Tx, conversation_id: int, seen: int) -> bool:
    """A human acts on version `seen`. False: somebody was first, and nothing may be done."""
    return bool(
        tx.run(
            "UPDATE conversations SET version = version + 1 WHERE id = ? AND version = ?",
            (conversation_id, seen),
        )
    )


def changed(tx: Tx, conversation_id: int) -> None:
    """Something a human looks at changed, though nobody said anything."""
    tx.run("UPDATE conversations SET version = version + 1 WHERE id = ?", (conversation_id,))
