"""Notes that staff leave each other beside a conversation. They are never sent."""

from __future__ import annotations

from collections.abc import Sequence

from bot.store.engine import Row, Tx, marks
from bot.store.events import Event, digest


def add(tx: Tx, mention_id: int, text: str, actor: str, now: int) -> list[Event]:
    """A new note. The log keeps its hash alone."""
    number = tx.reserve("notes", 1)
    tx.run(
        "INSERT INTO notes (id, mention_id, actor, text, at) VALUES (?, ?, ?, ?, ?)",
        (number, mention_id, actor, text, now),
    )
    return [Event("noted", mention_id, actor=actor, data={"note": number, "text": digest(text)})]


def edit(tx: Tx, note_id: int, mention_id: int, text: str, actor: str, now: int) -> list[Event]:
    """Its own author changes it. None: it is nobody's, or somebody else's."""
    before = tx.row(
        "SELECT text FROM notes WHERE id = ? AND mention_id = ? AND actor = ?", (note_id, mention_id, actor)
    )
    if before is None:
        return []
    tx.run("UPDATE notes SET text = ?, edited_at = ? WHERE id = ?", (text, now, note_id))
    data = {"note": note_id, "before": digest(before["text"]), "text": digest(text)}
    return [Event("note_edited", mention_id, actor=actor, data=data)]


def of_conversation(tx: Tx, conversation_id: int) -> list[Row]:
    """All notes beside a conversation, oldest first."""
    return tx.rows(
        "SELECT n.* FROM mentions m JOIN notes n ON n.mention_id = m.id WHERE m.conversation_id = ?"
        " ORDER BY n.id",
        (conversation_id,),
    )


def forget(tx: Tx, mention_ids: Sequence[int]) -> None:
    """The authors of these mentions deleted them: what was noted may hold their words. That there was a note,
    by whom and when, stays."""
    tx.run(f"UPDATE notes SET text = '' WHERE mention_id IN ({marks(len(mention_ids))})", mention_ids)
