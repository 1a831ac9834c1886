"""Listen: one poll, then one transaction that keeps mentions, promises, events, cursor and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.errors import AuthFailed, Retry, ServiceError
from bot.models import Batch, Mention
from bot.steps.watch import USUAL, TookTooLong, Wake, Watch, bounded, log, promise, surprise
from bot.store import Row, Tx, events, mentions, ms, policies, sources
from bot.store import escalations as escalation_rows
from bot.store.mentions import Heard, Promise


def listen(watch: Watch, wake: Wake, name: str) -> None:
    """Poll one listener, unless its service asked us to stay away."""
    now = watch.clock()
    with watch.store.tx() as tx:
        source = sources.of(tx, name, ms(now))
    if source["retry_at"] > ms(now):
        return
    batch = _poll(watch, name, source)
    if batch is None:
        return
    heard = keep(watch, name, source, batch)
    if heard.new or heard.edited or heard.deleted:
        log.info("%s: %d new, %d edited, %d deleted", name, heard.new, heard.edited, heard.deleted)
    if heard.new or heard.edited:
        wake("triage", "")


def keep(watch: Watch, name: str, source: Row, batch: Batch) -> Heard:
    """Store a batch and the listener's new cursor in one transaction (promise 1)."""
    now = watch.clock()
    with watch.store.tx() as tx:
        heard = _hear(watch, tx, name, batch.mentions, now)
        heard.deleted = mentions.delete(tx, name, batch.deleted, now)
        sources.advance(tx, source, batch, ms(now))
    return heard


def hear(watch: Watch, name: str, heard: Sequence[Mention]) -> Heard:
    """Store mentions that no poll brought, such as an import."""
    with watch.store.tx() as tx:
        return _hear(watch, tx, name, heard, watch.clock())


def _hear(watch: Watch, tx: Tx, name: str, heard: Sequence[Mention], now: datetime) -> Heard:
    policy = watch.settings.root.promises

    def promise_for(mention: Mention, heard_at: datetime) -> Promise:
        posted_at = ms(min(mention.posted_at, heard_at))
        return promise(policy, mention.network, *USUAL, posted_at)

    policies.know(tx, policy, ms(now))
    return mentions.hear(tx, name, heard, promise_for, now)


def _poll(watch: Watch, name: str, source: Row) -> Batch | None:
    entry = watch.settings.root.listeners[name]
    listener = watch.listeners[name]
    try:
        return bounded(watch, f"listen {name}", lambda: listener.poll(source["cursor"]), entry.poll_timeout)
    except TookTooLong:
        _failed(watch, name, f"gave no answer within {entry.poll_timeout.total_seconds():g} s")
    except AuthFailed as error:
        _failed(watch, name, str(error), ring=True)
    except Retry as error:
        _failed(watch, name, str(error), after=error.after or 0)
    except ServiceError as error:
        _failed(watch, name, str(error))
    except Exception as error:  # noqa: BLE001 -- a step boundary: the other listeners go on
        _failed(watch, name, surprise(error, f"listener {name}"))
    return None


def _failed(watch: Watch, name: str, reason: str, after: float = 0, *, ring: bool = False) -> None:
    """A source that cannot be heard is an incident (promise 7): at once where only a human can mend it,
    else by the sweep, when it has been silent for too long."""
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        source = sources.of(tx, name, now)
        sources.fail(tx, source, reason, now, now + int(1000 * after))
        if ring:
            key = sources.key(name)
            events.append(tx, now, escalation_rows.open_one(tx, key, reason, f"listener {name}", now))
    if source["error"] != reason:
        log.warning("listener %s: %s", name, reason)
