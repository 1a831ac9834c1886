"""Who asked the brand to stop. For good: nothing here takes it back.

A person is whom their conversations on a network are with (`conversations.author_id`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.stop import ASKED
from bot.store import answers, conversations, escalations, events
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event


def heard(tx: Tx, said: Sequence[tuple[str, str]], now: int) -> None:
    """In each of these mentions (network, remote id), which are kept already, somebody asks us to stop."""
    for key in said:
        row = tx.row(
            "SELECT m.id, c.network, c.author_id FROM mentions m"
            " JOIN conversations c ON c.id = m.conversation_id WHERE m.network = ? AND m.remote_id = ?",
            key,
        )
        assert row is not None, "it was just kept"
        _add(tx, row, now)


def _add(tx: Tx, said: Row, now: int) -> None:
    fresh = tx.run(
        "INSERT INTO stops (network, author_id, at, mention_id) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (network, author_id) DO NOTHING",
        (said["network"], said["author_id"], now, said["id"]),
    )
    if fresh:
        events.append(tx, now, [Event("asked_to_stop", said["id"]), *_withdraw(tx, said, now)])


def _withdraw(tx: Tx, person: Row, now: int) -> list[Event]:
    """Nothing that waits goes out to them; what may already be on its way is looked at when it settles."""
    waiting = tx.rows(
        "SELECT r.mention_id, r.conversation_id, r.state FROM conversations c"
        " JOIN mentions m ON m.conversation_id = c.id JOIN replies r ON r.mention_id = m.id"
        " WHERE c.network = ? AND c.author_id = ? AND r.state IN ('draft', 'ready', 'refused')",
        (person["network"], person["author_id"]),
    )
    log = answers.discard_waiting(tx, sorted({row["mention_id"] for row in waiting}), ASKED)
    for row in waiting:
        if row["state"] == "ready":
            log += _before_people(tx, row["mention_id"], now)
    for conversation in sorted({row["conversation_id"] for row in waiting}):
        conversations.changed(tx, conversation)
    return log


def _before_people(tx: Tx, mention_id: int, now: int) -> list[Event]:
    """Its reply was approved and is not to go out: a human must know."""
    if not tx.run(
        "UPDATE mentions SET state = 'escalated' WHERE id = ? AND state = 'answering'", (mention_id,)
    ):
        return []
    rung = escalations.open_one(tx, f"mention:{mention_id}", ASKED, "", now, mention_id)
    return [Event("waits_again", mention_id), *rung]


def of(tx: Tx, conversation_ids: Collection[int]) -> set[int]:
    """Which of these conversations are with somebody who asked us to stop."""
    rows = tx.rows(
        "SELECT c.id FROM conversations c JOIN stops s ON s.network = c.network AND s.author_id = c.author_id"
        f" WHERE c.id IN ({marks(len(conversation_ids))})",
        sorted(conversation_ids),
    )
    return {row["id"] for row in rows}
