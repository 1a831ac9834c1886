"""Fifty alarms at once are one message, with the count and the worst. Nothing is ever left out. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from bot.models import Escalation, Priority

__all__ = ["Due", "Message", "grouped"]

_URGENCY: Final = {priority: -rank for rank, priority in enumerate(Priority)}


class Due(NamedTuple):
    """An escalation that must ring now, and the notifiers that it is for."""

    to: frozenset[str]
    escalation: Escalation


class Message(NamedTuple):
    """One message for these notifiers, about one escalation or several, the worst first."""

    to: frozenset[str]
    escalations: tuple[Escalation, ...]

    @property
    def shown(self) -> Escalation:
        """What the notifiers are told: of several, the worst one with the count and a key of their own."""
        worst = self.escalations[0]
        if len(self.escalations) == 1:
            return worst
        late = sum(e.due_at is not None and e.due_at <= e.at for e in self.escalations)
        keys = hashlib.sha256("\n".join(sorted(e.key for e in self.escalations)).encode())
        return replace(
            worst,
            key=f"group:{keys.hexdigest()[:12]}",
            reason=f"{len(self.escalations)} at once, {late} of them overdue; the worst: {worst.reason}",
            ring=max(e.ring for e in self.escalations),
        )


def grouped(due: Iterable[Due], limit: int) -> list[Message]:
    """The messages to send: for each notifier one for each escalation, or, where these are more than `limit`,
    a single one for all of them. Worst first; what is for nobody comes with an empty `to`.
    """
    calls: dict[str, list[Escalation]] = {}
    for to, escalation in due:
        for name in to or {""}:
            calls.setdefault(name, []).append(escalation)
    parcels: dict[tuple[Escalation, ...], set[str]] = {}
    for name, escalations in calls.items():
        ordered = tuple(sorted(escalations, key=_worst_first))
        for parcel in [ordered] if len(ordered) > limit else [(one,) for one in ordered]:
            parcels.setdefault(parcel, set()).add(name)
    messages = [Message(frozenset(names - {""}), parcel) for parcel, names in parcels.items()]
    return sorted(messages, key=lambda m: (_worst_first(m.escalations[0]), sorted(m.to)))


def _worst_first(escalation: Escalation) -> tuple[int, datetime, str]:
    """The highest priority, then what has been due for the longest."""
    return _URGENCY[escalation.priority], escalation.due_at or escalation.at, escalation.key
