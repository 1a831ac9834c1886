"""The boundary of a step."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import StoreUnavailable
from bot.steps.watch import Wake, log, surprise


def run_guarded(run: Callable[[Wake, str], None], wake: Wake, task: str, key: str) -> bool:
    """Run one piece of work; whatever goes wrong is logged, and the next run tries again. Whether it went
    well."""
    try:
        run(wake, key)
    except StoreUnavailable as error:
        log.error("%s %s: %s", task, key, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- the boundary of a step: the watch goes on
        surprise(error, f"{task} {key}")
    else:
        return True
    return False
