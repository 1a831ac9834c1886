"""The embedded engine: APScheduler as a clock, and one thread per piece of work. No logic, no queue worth
keeping: the store is the truth, and whatever was not run before a crash is found there again.

APScheduler's defaults lose jobs (a run that starts a second late is dropped), hence `_JOB`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.steps.guarded import run_guarded
from bot.steps.watch import Wake

Task = Callable[[Wake, str], None]
log = logging.getLogger("vigie")
# A late run is a run; many late ones are one.
# That work never overlaps itself is seen to below: the clock would drop a wake-up that comes meanwhile.
_JOB: Final[dict[str, Any]] = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1000}


class EmbeddedEngine:
    """Runs tasks on time and when woken, in threads of this process.

    A piece of work is a task and a key, such as ("listen", "blog"). Woken while it runs, it runs once more
    afterwards, so no wake-up is lost between its last look and its end.
    """

    def __init__(self, tasks: Mapping[str, Task], concurrency: int = 8) -> None:
        self._tasks = tasks
        # Skipped overlaps are normal here, and APScheduler would log each of them.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults=_JOB, executors={"default": ThreadPoolExecutor(concurrency)}
        )
        self._lock = threading.Lock()
        self._stopped = False
        self._running: set[tuple[str, str]] = set()
        self._again: set[tuple[str, str]] = set()

    def every(self, period: timedelta, task: str, key: str = "") -> None:
        """Run this piece of work at once and then once in every `period`."""
        self._clock.add_job(
            self._run, "interval", seconds=period.total_seconds(), args=(task, key),
            id=f"{task}:{key}", next_run_time=datetime.now(UTC),
        )  # fmt: skip

    def wake(self, task: str, key: str) -> None:
        """There may be something to do for `key`. Best effort: what is missed is found by the next run."""
        try:
            self._clock.add_job(self._run, args=(task, key), id=f"{task}:{key}:woken", replace_existing=True)
        except RuntimeError:
            log.debug("woken while shutting down: %s", task)

    def start(self) -> None:
        self._clock.start()

    def stop(self) -> None:
        """Begin nothing new. What is cut off by the end of the process is found in the store again."""
        with self._lock:
            self._stopped = True
            self._again.clear()
        if self._clock.running:
            self._clock.shutdown(wait=False)

    def idle(self) -> bool:
        """Whether nothing is running just now."""
        with self._lock:
            return not self._running

    def _run(self, task: str, key: str) -> None:
        run, work = self._tasks[task], (task, key)
        with self._lock:
            if self._stopped:
                return
            if work in self._running:
                self._again.add(work)
                return
            self._running.add(work)
        while True:
            run_guarded(run, self.wake, task, key)
            with self._lock:
                if work not in self._again:
                    self._running.discard(work)  # under the same lock, or a wake-up could fall in between
                    return
                self._again.discard(work)
