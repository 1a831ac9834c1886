"""Who may do what: four roles, each with all that the one before it may. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    VIEWER = "viewer"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether whoever has this role may do all that `other` may."""
        return _RANK[self] >= _RANK[other]


_RANK: Final = {role: rank for rank, role in enumerate(Role)}
# The verbs of the desk that ask for more than an agent.
_NEEDS: Final = {"reopen": Role.LEAD, "judge": Role.LEAD}


def may(role: Role, verb: str) -> bool:
    """Whether a user of this role may do this verb of the desk."""
    return role.includes(_NEEDS.get(verb, Role.AGENT))
