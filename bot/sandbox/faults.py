"""What goes wrong on the wires, when somebody switched it on."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """What can go wrong. *Before* means that nothing was published, *after* that it was."""

    RATE_LIMITED = "rate-limited"
    """429, and a header that says when it is over."""
    RATE_LIMITED_NO_RESET = "rate-limited-no-reset"
    """429 without such a header."""
    OUT_OF_CREDITS = "out-of-credits"
    """402."""
    NOT_SUMMONED = "not-summoned"
    """403: the network lets only those answer who were spoken to."""
    DUPLICATE = "duplicate"
    """403: the same text again, says the network."""
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 -- no token, the name of a fault
    """401, or what the network says instead."""
    UNAVAILABLE = "unavailable"
    """503 with HTML where JSON should be; before."""
    ERROR_AFTER = "error-after"
    """500; after."""
    DROP_BEFORE = "drop-before"
    """The connection ends without an answer; before."""
    DROP_AFTER = "drop-after"
    """The connection ends without an answer; after."""
    SLOW_BEFORE = "slow-before"
    """`seconds` pass; then it is published and answered."""
    SLOW_AFTER = "slow-after"
    """It is published; `seconds` pass until the answer."""
    OUT_OF_ORDER = "out-of-order"
    """A list comes in another order than promised. The wire does it."""
    FROM_MISSING = "from-missing"
    """Nobody says who wrote. The wire does it."""
    EDITED = "edited"
    """Just before, its author edits what the call answers; for a read, the newest post of others."""
    DELETED = "deleted"
    """Just before, its author deletes what the call answers; for a read, the newest post of others."""


class Calls(StrEnum):
    """Which calls a fault meets."""

    READ = "read"
    WRITE = "write"
    ALL = "all"


# Those that the network puts into its own words (`Wire.refuse`) instead of doing what it was asked.
REFUSALS: Final = (
    Fault.TOKEN_EXPIRED,
    Fault.RATE_LIMITED,
    Fault.RATE_LIMITED_NO_RESET,
    Fault.OUT_OF_CREDITS,
    Fault.NOT_SUMMONED,
    Fault.DUPLICATE,
)


@dataclass(slots=True)
class Setting:
    """One fault that is switched on. It meets each call with `chance` (0 to 1), at most `times` times.
    `seconds`: how slow, or how long the rate limit lasts."""

    wire: str
    calls: Calls
    fault: Fault
    chance: float = 1.0
    times: int | None = None
    seconds: float = 1.0


@dataclass
class Faults:
    """All that are switched on; safe for threads. `met`: (wire, fault) → how often it struck."""

    seed: int = 0
    met: Counter[tuple[str, Fault]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.seed)  # noqa: S311 -- chance, no secrets
        self._settings: list[Setting] = []

    def switch_on(
        self,
        wire: str,
        fault: Fault | str,
        calls: Calls | str = Calls.ALL,
        *,
        chance: float = 1.0,
        times: int | None = None,
        seconds: float = 1.0,
    ) -> None:
        """`wire` is "x", "graph" or "slack".

        Raises:
            ValueError: there is no such fault or sort of call, or a figure is out of bounds.
        """
        if not 0 < chance <= 1 or seconds < 0 or (times is not None and times < 1):
            raise ValueError("chance is over 0 and up to 1, times 1 or more, seconds 0 or more")
        with self._lock:
            self._settings.append(Setting(wire, Calls(calls), Fault(fault), chance, times, seconds))

    def clear(self, wire: str | None = None) -> None:
        """Switch all off, or those of one wire."""
        with self._lock:
            self._settings = [one for one in self._settings if wire is not None and one.wire != wire]

    def settings(self) -> list[Setting]:
        with self._lock:
            return list(self._settings)

    def strike(self, wire: str, *, writes: bool) -> dict[Fault, float]:
        """The faults that meet this call, with their seconds. At most one that hinders the call, the first
        that was switched on; which ones are used up is noted."""
        sort = Calls.WRITE if writes else Calls.READ
        struck: dict[Fault, float] = {}
        with self._lock:
            for one in self._settings:
                if one.wire != wire or one.calls not in (sort, Calls.ALL) or one.fault in struck:
                    continue
                if self._random.random() >= one.chance:
                    continue
                if one.fault in _HINDERING and any(other in _HINDERING for other in struck):
                    continue
                struck[one.fault] = one.seconds
                self.met[wire, one.fault] += 1
                if one.times is not None:
                    one.times -= 1
            self._settings = [one for one in self._settings if one.times != 0]
        return struck


_HINDERING: Final = {
    *REFUSALS,
    Fault.UNAVAILABLE,
    Fault.ERROR_AFTER,
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
}
