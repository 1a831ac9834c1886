"""Recheck: ask a network again and again what of that which we keep was deleted there (see
`bot.store.deletions`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, cast

from bot.errors import Retry, ServiceError
from bot.steps.metered import metered
from bot.steps.watch import TookTooLong, Watch, bounded, log, surprise
from bot.store import Row, deletions, escalations, events, ms, sources

# What one call asks after at most (`listeners.base.Rechecks`), and how many calls follow one poll.
_PAGE: Final = 100
_PAGES: Final = 10
_AGAIN: Final = timedelta(minutes=5)
# Asked after 20 hours: what could not be asked after 24 is a breach of what X demands, and rings.
_TOO_LATE: Final = 1.2


def rechecks(watch: Watch, name: str) -> bool:
    """Whether this listener can be asked what was deleted."""
    return hasattr(watch.listeners.get(name), "deleted")


def recheck(watch: Watch, name: str) -> None:
    """Ask after what was not asked after for so long, the oldest check first; after `_PAGES` calls the next
    poll has its turn."""
    if not rechecks(watch, name):
        return
    for _ in range(_PAGES):
        if watch.stopping.is_set() or not (due := _due(watch, name)) or not _ask(watch, name, due):
            return


def _due(watch: Watch, name: str) -> list[Row]:
    entry, now = watch.settings.root.listeners[name], watch.clock()
    with watch.store.tx() as tx:
        if sources.of(tx, name, ms(now))["recheck_at"] > ms(now):
            return []
        posted_after = ms(now - timedelta(days=entry.recheck_days))
        return deletions.to_recheck(tx, name, ms(now - entry.recheck), posted_after, _PAGE)


def _ask(watch: Watch, name: str, due: Sequence[Row]) -> bool:
    """Ask after these. Whether there was an answer."""
    ask = cast("Callable[[Sequence[str]], Sequence[str]]", watch.listeners[name].deleted)  # type: ignore[attr-defined]
    call = partial(ask, [row["remote_id"] for row in due])
    limit = watch.settings.root.listeners[name].poll_timeout
    try:
        with metered(watch, "listeners", name):
            gone = set(bounded(watch, f"recheck {name}", call, limit))
    except TookTooLong:
        return _later(watch, name, due, "no answer in time")
    except Retry as error:
        return _later(watch, name, due, str(error), error.after)
    except ServiceError as error:
        return _later(watch, name, due, str(error))
    except Exception as error:  # noqa: BLE001 -- a step boundary: listening goes on
        return _later(watch, name, due, surprise(error, f"listener {name}"))
    _keep(watch, name, due, gone)
    return True


def _keep(watch: Watch, name: str, due: Sequence[Row], gone: set[str]) -> None:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        deletions.stand(tx, [row["id"] for row in due], now)
        dropped = deletions.drop(tx, [row["id"] for row in due if row["remote_id"] in gone], now)
        events.append(tx, now, escalations.close(tx, _key(name), now))
    if dropped:
        log.info("%s: %d deleted by their authors", name, dropped)


def _later(watch: Watch, name: str, due: Sequence[Row], reason: str, after: float | None = None) -> bool:
    wait = max(_AGAIN, timedelta(seconds=after or 0))
    now, latest = watch.clock(), watch.settings.root.listeners[name].recheck * _TOO_LATE
    with watch.store.tx() as tx:
        sources.recheck_later(tx, name, ms(now), wait)
        if due[0]["checked_at"] < ms(now - latest):
            wrong = f"what people deleted cannot be asked after: {reason}"
            rung = escalations.open_one(tx, _key(name), wrong, sources.subject(name), ms(now))
            events.append(tx, ms(now), rung)
    log.warning("listener %s cannot say what was deleted: %s", name, reason)
    return False


def _key(listener: str) -> str:
    return f"recheck:{listener}"
