"""What has the brand promised? The section `promises` of config, and the version that names it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from bot.authors import Authors
from bot.durations import SomeTime
from bot.hours import Calendar
from bot.ladder import Tier, Tiers, rung
from bot.models import Priority
from bot.targets import Goal, Target, Targets

__all__ = ["Begins", "Promises", "body", "policy_version", "version_of"]

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")


class Begins(NamedTuple):
    """The target that holds, and how much of its clock passes until the deadline and until the first tier."""

    target: Target
    lengths: tuple[timedelta, timedelta]


class Promises(BaseModel):
    """The policy: when people are there, how fast addresses are answered, and who hears of it if not."""

    model_config = _STRICT
    calendar: Calendar = Field(default=Calendar(), description="Open hours. Default: 24 hours, 7 days, UTC")
    authors: Authors = Field(
        default_factory=dict,
        description="Names for people, such as press or vip, that targets may say; the first that fits holds",
    )
    targets: Targets = Field(
        default=(
            Target(priority=Priority.CRISIS, answer_within=timedelta(hours=1), clock="always"),
            Target(priority=Priority.HIGH, answer_within=timedelta(hours=2)),
            Target(answer_within=timedelta(hours=8)),
        ),
        description="Read from the top: the first that matches holds. The last must match everything. "
        "Default: crisis 1h around the clock, high 2h, all others 8h",
    )
    tiers: Tiers = Field(
        default=(Tier(at=0.5), Tier(at=1.0), Tier(at=1.5)),
        description="The ladder, lowest first. Default: at half of the target, when due, at one and a half",
    )
    repeat: SomeTime = Field(
        default=timedelta(minutes=30),
        description="After the last tier it rings again each time this has passed on the target's clock, "
        "until somebody acknowledges. Default: 30m",
    )
    cap: int = Field(
        default=6, ge=1, description="After so many repeats in vain the next tier is called. Default: 6"
    )
    acknowledged_for: SomeTime = Field(
        default=timedelta(hours=4),
        description="How long an acknowledgement holds once no tier is left that would ring. Default: 4h",
    )
    at_once: int = Field(
        default=5, ge=1, description="More alarms than this at once come as one message. Default: 5"
    )

    @field_validator("targets")
    @classmethod
    def _known_authors(cls, targets: tuple[Target, ...], info: ValidationInfo) -> tuple[Target, ...]:
        known = info.data.get("authors")  # none if they have a fault of their own
        for i, target in enumerate(targets, start=1):
            if known is not None and target.author not in ("*", *known):
                names = ", ".join(known) or "none yet"
                raise ValueError(f"target {i} names {target.author!r}; under authors there are: {names}")
        return targets

    @cached_property
    def version(self) -> str:
        """See `policy_version`."""
        return version_of(body(self))

    def calling_as(self, other: Promises) -> Promises:
        """What this policy promises, with the ladder and the people of the other."""
        kept = {"calendar", "authors", "targets"}
        mine = {name: getattr(self if name in kept else other, name) for name in type(self).model_fields}
        return type(self).model_construct(**mine)

    @cached_property
    def has_outcomes(self) -> bool:
        """Whether any target promises an outcome."""
        return any(target.outcome_within is not None for target in self.targets)

    @cached_property
    def begins(self) -> Callable[[str, str, str, str, Goal], Begins]:
        """What holds for a network, priority, process, author tier and goal; as every address asks, it is
        found once.

        Raises:
            ValueError: the goal is an outcome, and the target that holds promises none.
        """
        return lru_cache(maxsize=1024)(self._begins)

    def _begins(self, network: str, priority: str, process: str, author: str, goal: Goal) -> Begins:
        target = next(t for t in self.targets if t.names(network, priority, process, author))
        if (within := target.within(goal)) is None:
            raise ValueError("this target promises no outcome")
        return Begins(target, (within, rung(within, self.tiers[0].at)))


def body(policy: Promises) -> str:
    """The policy as JSON, as it is to be stored: with the holidays and closures that it was made under, so
    that `Promises.model_validate_json` gives back one with the same deadlines, years later. It holds no
    handles and no names: see `bot.authors`."""
    return policy.model_dump_json()


def version_of(stored: str) -> str:
    """12 hexadecimal digits that name the policy of this `body`, however its JSON is written.

    Raises:
        ValueError: it is no JSON.
    """
    canonical = json.dumps(json.loads(stored), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def policy_version(policy: Promises) -> str:
    """12 hexadecimal digits that name this policy: equal policies have equal ones, however written.

    Stored beside each `due_at`, so that it can be recomputed with the policy it came from. The public
    holidays and what iCal files close are part of it: a file that changed makes another policy.
    """
    return policy.version
