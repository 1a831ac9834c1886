"""Who was first, when two humans meet: the last thing that happened in a conversation, in words."""

from __future__ import annotations

from typing import Final

from bot.errors import Sentence
from bot.instants import instant
from bot.store.engine import Tx, marks
from bot.store.events import SYSTEM

# What a human would call news; steps that Vigie takes by itself in between are none.
_STORIES: Final = {
    "heard": "the person wrote again",
    "edited": "the person edited what they wrote",
    "deleted": "the person deleted what they wrote",
    "dropped": "the person deleted what they wrote",
    "restored": "the person restored what they wrote",
    "shown_again": "the person restored what they wrote",
    "asked_to_stop": "the person asked us to stop",
    "approved": "%(who)s approved a reply",
    "draft_edited": "%(who)s edited the draft",
    "assigned": "%(who)s assigned it",
    "exempted": "%(who)s closed it without an answer",
    "reopened": "%(who)s reopened it",
    "handed_over": "%(who)s handed it over",
    "outcome": "%(who)s said what came of it",
    "escalated": "it was escalated",
    "escalated_by_hand": "%(who)s escalated it",
    "acknowledged": "%(who)s acknowledged it",
    "corrected": "%(who)s corrected its tags",
    "noted": "%(who)s left a note",
    "note_edited": "%(who)s changed a note",
    "unsure": "a reply may have gone out",
    "refused": "the network refused a reply",
    "stale": "a reply was held back, as the conversation moved",
}
# News only where a human did it.
_BY_HAND: Final = {
    "drafted": "%(who)s wrote a draft",
    "discarded": "%(who)s put a draft aside",
    "not_found": "%(who)s let the reply go out again",
}
# An answer that went out from here is told by its approval.
_NATIVE: Final = {"answered": "somebody answered on the network"}


def last(tx: Tx, conversation_id: int) -> Sentence:
    """One sentence without a full stop."""
    always, by_hand = [*_STORIES], [*_BY_HAND]
    row = tx.row(
        "SELECT e.kind, e.actor, e.at FROM events e JOIN mentions m ON m.id = e.mention_id"
        f" WHERE m.conversation_id = ? AND (e.kind IN ({marks(len(always))})"
        f" OR (e.actor <> ? AND e.kind IN ({marks(len(by_hand))}))"
        " OR (e.kind = 'answered' AND e.data LIKE ?)) ORDER BY e.seq DESC LIMIT 1",
        (conversation_id, *always, SYSTEM, *by_hand, '%"how":"native"%'),
    )
    if row is None:
        return Sentence("somebody was first")
    story = (_STORIES | _BY_HAND | _NATIVE)[row["kind"]]
    told = Sentence(story, {"who": row["actor"]})
    return Sentence("%(story)s at %(at)s", {"story": told, "at": instant(row["at"])})
