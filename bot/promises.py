"""By when must an address be answered, and when does it ring? Pure: no I/O, no clock of its own.

Everything is counted from the moment the person posted, not from when we saw it. The same functions
give a deadline when it is first stored and when it is recomputed to prove it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.durations import Duration, SomeTime, parse_duration, write_duration
from bot.hours import Calendar, PublicHolidays, in_utc, plus
from bot.models import Priority, Process

__all__ = [
    "Calendar",
    "Duration",
    "Owed",
    "Promises",
    "PublicHolidays",
    "Ring",
    "SomeTime",
    "Target",
    "Tier",
    "alarms",
    "due_at",
    "next_ring",
    "owed",
    "parse_duration",
    "policy_version",
    "target_for",
    "write_duration",
]

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
Whatever = Literal["*"]


class Target(BaseModel):
    """How fast the addresses that it names are answered. What it does not name, it does not ask for."""

    model_config = _STRICT
    network: str = Field(default="*", description='The network, for example wordpress; "*" is any')
    priority: Priority | Whatever = Field(default="*", description='low, normal, high or crisis; "*" is any')
    process: Process | Whatever = Field(default="*", description='The process, for example sales; "*" is any')
    answer_within: SomeTime = Field(
        description='By when the answer stands, counted from the post: "30m", "4h", "1d 2h". A day is 24 '
        "hours of the clock below: of open hours where that is office"
    )
    clock: Literal["office", "always"] = Field(
        default="office", description="office: only the calendar's open hours count; always: every hour does"
    )

    def names(self, network: str, priority: str, process: str) -> bool:
        """Is an address of this network, priority and process among those meant?"""
        return (
            self.network in ("*", network)
            and self.priority in ("*", priority)
            and self.process in ("*", process)
        )

    def covers(self, other: Target) -> bool:
        """Is every address that `other` names also named here?"""
        return self.names(other.network, other.priority, other.process)


class Tier(BaseModel):
    """One step of the ladder: at which part of the target it rings, and for whom."""

    model_config = _STRICT
    at: float = Field(gt=0, le=100, description="Part of the target that has passed: 0.5 is half, 1.0 is due")
    to: tuple[str, ...] = Field(default=(), description="Names of notifiers; none given: all of them")


class Ring(NamedTuple):
    """One ring of the bell: its number from 0, when it is due (UTC), and which tier's people it is for."""

    number: int
    at: datetime
    tier: int


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


def _climbing(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Each tier rings later than the one before.

    Raises:
        ValueError: there is none, or two are out of order.
    """
    if not tiers:
        raise ValueError("at least one tier is needed, or nobody is told; write for example [{at: 1.0}]")
    for lower, upper in pairwise(tiers):
        if upper.at <= lower.at:
            raise ValueError(f"a tier at {upper.at:g} cannot follow one at {lower.at:g}: put them in order")
    return tiers


class Promises(BaseModel):
    """The policy: when people are there, how fast addresses are answered, and who hears of it if not."""

    model_config = _STRICT
    calendar: Calendar = Field(default=Calendar(), description="Open hours. Default: 24 hours, 7 days, UTC")
    targets: Annotated[tuple[Target, ...], AfterValidator(_usable)] = Field(
        default=(
            Target(priority=Priority.CRISIS, answer_within=timedelta(hours=1), clock="always"),
            Target(priority=Priority.HIGH, answer_within=timedelta(hours=2)),
            Target(answer_within=timedelta(hours=8)),
        ),
        description="Read from the top: the first that matches holds. The last must match everything. "
        "Default: crisis 1h around the clock, high 2h, all others 8h",
    )
    tiers: Annotated[tuple[Tier, ...], AfterValidator(_climbing)] = Field(
        default=(Tier(at=0.5), Tier(at=1.0), Tier(at=1.5)),
        description="The ladder, lowest first. Default: at half of the target, when due, at one and a half",
    )
    repeat: SomeTime = Field(
        default=timedelta(minutes=30),
        description="After the last tier it rings again each time this has passed on the target's clock, "
        "until somebody acknowledges. Default: 30m",
    )

    @cached_property
    def version(self) -> str:
        """See `policy_version`."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        if self.calendar.holidays:
            canonical += self.calendar.holidays.edition
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @cached_property
    def begins(self) -> Callable[[str, str, str], tuple[Target, timedelta]]:
        """For a network, priority and process: the target that holds, and how much of its clock passes until
        the first tier. Found once, as every address asks for it."""
        return lru_cache(maxsize=1024)(partial(_begins, self))


def target_for(policy: Promises, network: str, priority: str, process: str) -> Target:
    """The target that holds: the first from the top that matches. There always is one."""
    return next(target for target in policy.targets if target.names(network, priority, process))


def _rung(target: Target, tier: Tier) -> timedelta:
    """How much of the target's clock passes until a tier rings: whole seconds, so that an instant that is
    stored in milliseconds is the very one that was meant."""
    return timedelta(seconds=max(1, round(target.answer_within.total_seconds() * tier.at)))


def _after(policy: Promises, target: Target, posted_at: datetime, length: timedelta) -> datetime:
    if target.clock == "always":
        return plus(in_utc(posted_at), length)
    return policy.calendar.add(posted_at, length)


class Owed(NamedTuple):
    """By when an address must be answered, and when it rings for the first time (both UTC)."""

    due_at: datetime
    first_alarm: datetime


def owed(policy: Promises, network: str, priority: str, process: str, posted_at: datetime) -> Owed:
    """What is owed from the moment an address is heard: its deadline and its first alarm, in one go.

    Raises:
        ValueError: `posted_at` has no time zone.
    """
    target, first = policy.begins(network, priority, process)
    lengths = (target.answer_within, first)
    if target.clock == "always":
        posted_at = in_utc(posted_at)
        return Owed(*(plus(posted_at, length) for length in lengths))
    return Owed(*policy.calendar.add_each(posted_at, lengths))


def _begins(policy: Promises, network: str, priority: str, process: str) -> tuple[Target, timedelta]:
    target = target_for(policy, network, priority, process)
    return target, _rung(target, policy.tiers[0])


def due_at(policy: Promises, network: str, priority: str, process: str, posted_at: datetime) -> datetime:
    """By when an address must be answered (UTC), counted from the moment the person posted.

    Raises:
        ValueError: `posted_at` has no time zone.
    """
    target = target_for(policy, network, priority, process)
    return _after(policy, target, posted_at, target.answer_within)


def alarms(
    policy: Promises, network: str, priority: str, process: str, posted_at: datetime
) -> tuple[tuple[datetime, int], ...]:
    """The ladder of one address: (when it rings in UTC, index of the tier), in order.

    The repeats after the last tier are not among them: see `next_ring`.
    """
    target = target_for(policy, network, priority, process)
    return tuple(
        (_after(policy, target, posted_at, _rung(target, tier)), index)
        for index, tier in enumerate(policy.tiers)
    )


def next_ring(
    policy: Promises, network: str, priority: str, process: str, posted_at: datetime, *, after: datetime
) -> Ring:
    """The first ring that is due later than `after`: a tier's, or a repeat of the last tier's.

    After a night in which nothing ran, ring once for what is due and ask for the ring after *now*: the
    rings that were missed are skipped, not made up for one by one. Its number is the same whenever it is
    worked out, so it can be part of an escalation's key.
    """
    for number, (at, tier) in enumerate(alarms(policy, network, priority, process, posted_at)):
        if at > after:
            return Ring(number, at, tier)
    target, last = target_for(policy, network, priority, process), len(policy.tiers) - 1
    ladder = _rung(target, policy.tiers[last])
    passed = after - posted_at if target.clock == "always" else policy.calendar.between(posted_at, after)
    repeats = max(0, (passed - ladder) // policy.repeat) + 1
    return Ring(last + repeats, _after(policy, target, posted_at, ladder + policy.repeat * repeats), last)


def policy_version(policy: Promises) -> str:
    """12 hexadecimal digits that name this policy: equal policies have equal ones, however written.

    Stored beside each `due_at`, so that it can be recomputed with the policy it came from. Where public
    holidays count, the edition of the `holidays` package is part of it: a new edition may know other days.
    """
    return policy.version
