"""When does the bell ring, and for whom? The ladder of one promise or one matter. Pure.

*When* is counted on the target's clock and depends on nothing that happened: each tier at its part of the
target, and again after the tier's `repeat` until the next one. *For whom* depends on it: whoever was not
reached, or did not react to `cap` repeats, has the next tier called in their place; above the last tier
stands everybody. An acknowledgement silences the repeats, not the clock: the next tier rings all the same,
and after the last one the acknowledgement itself runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.durations import SomeTime

__all__ = ["SILENT", "Bell", "Ladder", "Ring", "Tier", "Tiers", "people", "rung"]

_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


class Tier(BaseModel):
    """One step of the ladder: at which part of the target it rings, and for whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    at: float = Field(gt=0, le=100, description="Part of the target that has passed: 0.5 is half, 1.0 is due")
    to: tuple[str, ...] = Field(default=(), description="Names of notifiers; none given: all of them")
    name: str = Field(
        default="",
        description="How messages call it. Default: warned before 1.0, due at it, overdue after it",
    )
    repeat: SomeTime | None = Field(
        default=None,
        description="It rings again each time this has passed, until somebody acknowledges or the next tier "
        "rings. Default: only the last tier repeats, as promises.repeat says",
    )

    @property
    def called(self) -> str:
        """Its name in messages."""
        return self.name or ("warned" if self.at < 1 else "due" if self.at == 1 else "overdue")


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


Tiers = Annotated[tuple[Tier, ...], AfterValidator(_climbing)]


def people(
    tiers: Sequence[Tier], tier: int, notifiers: Collection[str]
) -> Iterator[tuple[int, frozenset[str]]]:
    """Whom a ring of `tier` calls, and who is called in their place should none of them be reached: tiers
    from there upwards, each with those of `notifiers` that were not tried before; the last is everybody.

    `tier` may be below 0 (a matter before its first tier) and `len(tiers)` (everybody).
    """
    tried, known = set[str](), frozenset(notifiers)
    for number in range(max(tier, 0), len(tiers) + 1):
        named = tiers[number].to if number < len(tiers) else ()
        if fresh := (known & frozenset(named or known)) - tried:
            tried |= fresh
            yield number, fresh


class Ring(NamedTuple):
    """One ring of the bell: its number from 0, when it is due (UTC), and which tier's people it is for.

    The number counts tiers and repeats, whoever acknowledges meanwhile, and is the same whenever it is
    worked out. `tier` is `len(tiers)` where everybody is called.
    """

    number: int
    at: datetime
    tier: int


class Bell(NamedTuple):
    """How far the ringing has come: what an escalation remembers. `tier` is that of the people called last,
    -1 before the first; `repeats` how often they were called again in vain."""

    tier: int = -1
    repeats: int = 0
    acknowledged_at: datetime | None = None

    def rang(self, tier: int) -> Bell:
        """It rang, and `tier` is the tier that was reached."""
        return Bell(tier, 0 if tier > self.tier else self.repeats + 1)

    def acknowledged(self, at: datetime) -> Bell:
        """Somebody said: I see to it."""
        return Bell(self.tier, 0, at)


SILENT: Final = Bell()
"""A bell that has not rung yet."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rings of one promise, or of one matter that has none.

    `rungs`: how much of the clock passes until each tier, in order; `repeats`: after what time each of them
    rings again, `None` for not at all. `everybody` is the tier above all. `add` and `passed` are the clock:
    the instant (UTC) at which so much of it has passed, and how much of it has passed at an instant.
    """

    rungs: tuple[timedelta, ...]
    repeats: tuple[timedelta | None, ...]
    everybody: int
    cap: int
    acknowledged_for: timedelta
    add: Callable[[timedelta], datetime]
    passed: Callable[[datetime], timedelta]

    def next(self, after: datetime, bell: Bell = SILENT) -> Ring:
        """The first ring that is due later than `after`, for a bell that has come so far.

        What was missed meanwhile is skipped, not made up for ring by ring.
        """
        passed = self.passed(after)
        tier = self._reached(passed)
        if bell.acknowledged_at is None:
            number, length, tier = self._following(passed)
        elif tier + 1 < len(self.rungs):
            number, length, tier = self._rung(tier + 1)
        else:
            silent = self.passed(bell.acknowledged_at) + self.acknowledged_for
            number, length, tier = self._following(max(passed, silent - _MICROSECOND))
        return Ring(number, self.add(length), self._called(tier, bell))

    def called(self, at: datetime, bell: Bell) -> int:
        """The tier whose people a ring at this instant calls, whatever it rings for."""
        return self._called(self.reached(at), bell)

    def _called(self, tier: int, bell: Bell) -> int:
        """Whose ring it is: they have climbed as often as they were called in vain."""
        if tier > bell.tier:
            return tier
        return min(bell.tier + (bell.repeats >= self.cap), self.everybody)

    def reached(self, at: datetime) -> int:
        """The tier in force at an instant; -1 before the first."""
        return self._reached(self.passed(at))

    def _reached(self, passed: timedelta) -> int:
        """The tier in force when so much has passed; -1 before the first."""
        return sum(rung <= passed for rung in self.rungs) - 1

    def _following(self, passed: timedelta) -> tuple[int, timedelta, int]:
        """The first ring of which the length is greater, if nobody acknowledges: number, length, tier."""
        tier = self._reached(passed)
        if tier >= 0 and (repeat := self.repeats[tier]) is not None:
            number, rung, _ = self._rung(tier)
            times = (passed - rung) // repeat + 1
            length = rung + times * repeat
            if tier + 1 == len(self.rungs) or length < self.rungs[tier + 1]:
                return number + times, length, tier
        return self._rung(tier + 1)

    def _rung(self, tier: int) -> tuple[int, timedelta, int]:
        """As `_following`, for a tier's own ring. Of tiers that ring at once, since the target is so short,
        the highest does."""
        length = self.rungs[tier]
        tier = max(i for i, rung in enumerate(self.rungs) if rung == length)
        return tier + sum(self._repeated(i) for i in range(tier)), length, tier

    def _repeated(self, tier: int) -> int:
        """How often a tier rings again before the next one does."""
        repeat, room = self.repeats[tier], self.rungs[tier + 1] - self.rungs[tier] - _MICROSECOND
        return 0 if repeat is None else max(0, room // repeat)


def rung(within: timedelta, part: float) -> timedelta:
    """How much of the clock passes until a part of the target has: whole seconds, so that an instant that is
    stored in milliseconds is the very one that was meant."""
    return max(_SECOND, timedelta(seconds=round(within.total_seconds() * part)))
