"""Who may write next."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A lock that goes to whoever asked for it first. With a plain one, who gives it back and asks again at
    once goes first, and with many writers some would wait for seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self.waiting = deque[threading.Lock]()

    def acquire(self, timeout: float) -> bool:
        """Whether it came to our turn within `timeout` seconds; if so, `release` gives it to the next."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self.waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._lock:
            if turn not in self.waiting:  # it came in that moment
                return True
            self.waiting.remove(turn)
            return False

    def release(self) -> None:
        with self._lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self._taken = False
