"""Numbers that look as the networks' do."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Final

_EPOCH: Final = 1_288_834_974_657  # ms; X's, so that its ids tell the true time
_SHIFT: Final = {"x": 22, "facebook": 18, "instagram": 18}
_USER_DIGITS: Final = {"x": 10, "facebook": 16, "instagram": 17}
_WORKER_BITS: Final = 6


class Ids:
    """The same seed gives the same numbers, asked for in the same order. Not for several threads."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- ids, no secrets
        self._worker = self._random.randrange(1 << _WORKER_BITS)
        self._next: dict[tuple[str, int], int] = {}
        self._users: set[str] = set()

    def user(self, network: str) -> str:
        """A new account's."""
        digits = _USER_DIGITS[network]
        while (made := str(self._random.randrange(10 ** (digits - 1), 10**digits))) in self._users:
            pass
        self._users.add(made)
        return made

    def number(self, network: str, moment: datetime) -> int:
        """A new post's or message's: milliseconds, a worker and a sequence, so that they grow with time. What
        X calls a snowflake: https://docs.x.com/fundamentals/x-ids"""
        base = round(moment.timestamp() * 1000) - _EPOCH << _SHIFT[network]
        base |= self._worker << (_SHIFT[network] - _WORKER_BITS)
        made = self._next.get((network, base), base)
        self._next[network, base] = made + 1
        return made
