"""How many calls a token may make: so many a minute, and a minute's worth at once. Kept in memory, since a
restart harms nobody."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)


class Pace:
    """A bucket for each token, which fills again evenly: `a_minute` calls in one."""

    def __init__(self, a_minute: int) -> None:
        self._most = a_minute
        self._left: dict[int, tuple[float, datetime]] = {}
        self._lock = threading.Lock()

    def take(self, token: int, now: datetime) -> float:
        """One call at `now`. 0: it may be made; else it may not, before so many seconds have passed."""
        with self._lock:
            left, last = self._left.get(token, (float(self._most), now))
            left = min(self._most, left + max((now - last) / _MINUTE, 0) * self._most)
            allowed = left >= 1
            self._left[token] = left - allowed, now
        return 0 if allowed else (1 - left) * 60 / self._most
