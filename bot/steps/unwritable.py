"""A store that cannot be written rings the bell all the same: directly, as nothing can be kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Final, Protocol

from bot.errors import ServiceError, StoreUnavailable
from bot.models import Escalation, Priority
from bot.steps.watch import TookTooLong, Wake, Watch, bounded, is_time, log, surprise


class Step(Protocol):
    """One of the watch's steps, for one key."""

    def __call__(self, watch: Watch, wake: Wake, key: str = "", /) -> None: ...


KEY: Final = "store"
_LIMIT: Final = timedelta(minutes=1)


def rings_directly(step: Callable[[Watch, Wake, str], None]) -> Step:
    """A step that tells everybody, at most every `promises.repeat`, when the disk is full or the store cannot
    be written for another reason; the error goes on as before.

    Raises:
        StoreUnavailable: as the step does.
    """

    @wraps(step)
    def watched(watch: Watch, wake: Wake, key: str = "", /) -> None:
        try:
            step(watch, wake, key)
        except StoreUnavailable as error:
            if is_time(watch, KEY, watch.settings.root.promises.repeat):
                _ring(watch, str(error))
            raise

    return watched


def _ring(watch: Watch, reason: str) -> None:
    call = Escalation(KEY, reason, "the store", 1, watch.clock(), priority=Priority.CRISIS)
    reached = 0
    for name, notifier in watch.notifiers.items():
        try:
            bounded(watch, f"notify {name}", partial(notifier.notify, call), _LIMIT)
            reached += 1
        except (ServiceError, TookTooLong) as error:
            log.warning("%s: not told: %s: %s", KEY, name, error or "no answer in time")
        except Exception as error:  # noqa: BLE001 -- the others must still be told
            log.warning("%s: not told: %s: %s", KEY, name, surprise(error, f"notifier {name}"))
    if not reached:
        watch.last.pop(KEY, None)  # and again with the next step that fails
