"""How fast is whom answered? The targets of config. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.durations import SomeTime
from bot.models import Priority, Process

__all__ = ["Goal", "Target", "Targets"]

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
Whatever = Literal["*"]
Goal = Literal["first", "next", "outcome"]
"""What is promised: the first answer to a person, the next one in a conversation that has one already, or
what comes of it."""


class Target(BaseModel):
    """How fast the addresses that it names are answered. What it does not name, it does not ask for."""

    model_config = _STRICT
    network: str = Field(default="*", description='The network, for example wordpress; "*" is any')
    priority: Priority | Whatever = Field(default="*", description='low, normal, high or crisis; "*" is any')
    process: Process | Whatever = Field(default="*", description='The process, for example sales; "*" is any')
    author: str = Field(default="*", description='A name that stands under authors; "*" is anybody')
    answer_within: SomeTime = Field(
        description='By when the answer stands, counted from the post: "30m", "4h", "1d 2h". A day is 24 '
        "hours of the clock below: of open hours where that is office"
    )
    next_within: SomeTime | None = Field(
        default=None,
        description="The same for whoever was answered before and writes again. Default: as answer_within",
    )
    outcome_within: SomeTime | None = Field(
        default=None,
        description="By when the process says what came of it, counted from the post. Default: not promised",
    )
    clock: Literal["office", "always"] = Field(
        default="office", description="office: only the calendar's open hours count; always: every hour does"
    )

    def names(self, network: str, priority: str, process: str, author: str = "") -> bool:
        """Is an address of this network, priority, process and author tier among those meant?"""
        return (
            self.network in ("*", network)
            and self.priority in ("*", priority)
            and self.process in ("*", process)
            and self.author in ("*", author)
        )

    def covers(self, other: Target) -> bool:
        """Is every address that `other` names also named here?"""
        return self.names(other.network, other.priority, other.process, other.author)

    def within(self, goal: Goal) -> timedelta | None:
        """How long this may take; `None` where it is not promised."""
        if goal == "outcome":
            return self.outcome_within
        return (self.next_within if goal == "next" else None) or self.answer_within


def _usable(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Every address finds a target, and every target is found by some address.

    Raises:
        ValueError: says which target is in the way of which, or that one is missing.
    """
    for i, target in enumerate(targets):
        for j, earlier in enumerate(targets[:i]):
            if earlier.covers(target):
                raise ValueError(
                    f"target {i + 1} is never reached: target {j + 1} above it matches all that it names; "
                    "put the special ones first"
                )
    if not targets or not targets[-1].covers(Target(answer_within=timedelta(1))):
        raise ValueError("the last target must match everything, so that every address has a promise")
    return targets


Targets = Annotated[tuple[Target, ...], AfterValidator(_usable)]
"""The targets of config, read from the top."""
