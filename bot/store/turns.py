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
        try:
            if turn.acquire(timeout=timeout):
                return True
        except BaseException:  # an interrupt: a turn that came in that moment is for the next
            if not self._gives_up(turn):
                self.release()
            raise
        return not self._gives_up(turn)

    def _gives_up(self, turn: threading.Lock) -> bool:
        """Whether it was given up before it came."""
        with self._lock:
            waits = turn in self.waiting
            if waits:
                self.waiting.remove(turn)
            return waits

    def release(self) -> None:
        with self._lock:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self._taken = False
