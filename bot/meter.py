"""What an account's calls cost, against its budget. The adapter charges, the core remembers.

Money is whole millionths of a US dollar, so that sums are exact.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pydantic import BaseModel, Field

from bot.errors import AuthFailed, RateLimited

_LOOK_AGAIN: Final = timedelta(minutes=15)


class Budget(BaseModel, extra="forbid", frozen=True):
    """How much an account may spend, in US dollars. None: no limit."""

    day: float | None = Field(default=None, gt=0, description="US dollars in a UTC day; default: no limit")
    month: float | None = Field(
        default=None, gt=0, description="US dollars in a UTC month; default: no limit"
    )
    for_replies: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Part of both that reading leaves alone, so that replies still go",
    )


class Charge(NamedTuple):
    """So many `item` (such as "post read") cost that much."""

    item: str
    number: int
    cost: int


class Spent(NamedTuple):
    """What the account has spent so far in this UTC day and month."""

    day: int = 0
    month: int = 0


class Meter:
    """Counts what one account's calls cost. Safe for threads.

    The core calls `tell` before each call of the adapter and keeps what `drain` gives after it, also when
    the call failed.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._spent = Spent()
        self._charges: list[Charge] = []
        self._lock = threading.Lock()

    def tell(self, spent: Spent) -> None:
        with self._lock:
            self._spent = spent

    def charge(self, item: str, number: int, cost: int) -> None:
        """`cost` is that of all `number` together."""
        if number:
            with self._lock:
                self._charges.append(Charge(item, number, cost))

    def drain(self) -> list[Charge]:
        """What was charged since the last time. It counts as spent from now on: another call, which goes on
        meanwhile, must not find the account richer than it is."""
        with self._lock:
            charges, self._charges = self._charges, []
            cost = sum(charge.cost for charge in charges)
            self._spent = Spent(self._spent.day + cost, self._spent.month + cost)
            return charges

    def give_back(self, charges: Iterable[Charge]) -> None:
        """What was drained could not be kept: it is there to be drained again."""
        with self._lock:
            self._charges += charges

    def may_read(self, now: datetime) -> None:
        """Reading stops first, as what it would find can be fetched later.

        Raises:
            RateLimited: the budget but for its part for replies is used up; until it begins anew, or for a
                quarter of an hour: it may have been raised by then, and to look here again costs nothing.
        """
        if (over := self._over(1 - self._budget.for_replies, now)) is not None:
            wait = min(over.wait, _LOOK_AGAIN.total_seconds())
            raise RateLimited(f"the budget for reading is used up ({over.words}); replies still go", wait)

    def may_write(self, now: datetime) -> None:
        """Raises:
        AuthFailed: the whole budget is used up, which a human must see at once.
        """
        if (over := self._over(1, now)) is not None:
            raise AuthFailed(f"the budget is used up ({over.words}); raise budget: in the config, or wait")

    def _over(self, part: float, now: datetime) -> _Over | None:
        with self._lock:
            pending = sum(charge.cost for charge in self._charges)
        spent = Spent(self._spent.day + pending, self._spent.month + pending)
        now = now.astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = midnight + timedelta(days=1)
        next_month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        for limit, so_far, again, period in (
            (self._budget.month, spent.month, next_month, "this month"),
            (self._budget.day, spent.day, tomorrow, "today"),
        ):
            if limit is not None and so_far >= round(limit * part * 1_000_000):
                return _Over(f"{so_far / 1e6:.2f} of {limit:.2f} USD {period}", (again - now).total_seconds())
        return None


class _Over(NamedTuple):
    words: str
    wait: float
