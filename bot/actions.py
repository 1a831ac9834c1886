"""Which verbs of the desk fit where a mention stands, and for whom."""

from __future__ import annotations

from typing import Final

from bot.models import State
from bot.roles import Role, may
from bot.store import Row

_WAITING: Final = (
    "approve", "edit", "reject", "confirm", "assign", "exempt", "escalate", "handover", "outcome", "correct",
    "note",
)  # fmt: skip
ACTIONS: Final = {
    State.NEW: ("note",),
    State.IGNORED: ("correct", "note"),
    State.WAITING: _WAITING,
    State.ESCALATED: (*_WAITING, "acknowledge"),
    State.ANSWERING: ("assign", "handover", "acknowledge", "resolve", "outcome", "correct", "note"),
    State.ANSWERED: ("outcome", "correct", "note"),
    State.EXEMPTED: ("reopen", "correct", "note"),
    State.DELETED: (),
}
"""The verbs that fit each state."""


def actions_for(mention: Row, role: Role = Role.ADMIN) -> tuple[str, ...]:
    """The verbs that fit where this mention stands, of those that a user of this role may do."""
    return tuple(verb for verb in ACTIONS[State(mention["state"])] if may(role, verb))
