"""Listen: one poll, then one transaction that keeps mentions, promises, events, cursor and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.errors import AuthFailed, Retry, ServiceError
from bot.models import Batch, Mention, Push
from bot.policy import Promises
from bot.promises import Terms
from bot.ringing import promise, terms_for
from bot.steps.metered import metered
from bot.steps.recheck import recheck, rechecks
from bot.steps.unwritable import rings_directly
from bot.steps.watch import TookTooLong, Wake, Watch, bounded, incident, log, surprise
from bot.stop import is_stop
from bot.store import Row, Tx, deletions, events, hearing, ms, policies, sources, stops
from bot.store.hearing import Ear, Heard, PromiseFor, storable
from bot.store.mentions import Promise, Waits


@rings_directly
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
    _tell(wake, name, keep(watch, name, source, batch))
    if not batch.retry_after:
        recheck(watch, name)


def _tell(wake: Wake, where: str, heard: Heard) -> None:
    if heard.new or heard.edited or heard.deleted:
        log.info("%s: %d new, %d edited, %d deleted", where, heard.new, heard.edited, heard.deleted)
    if heard.new or heard.edited:
        wake("triage", "")


def keep(watch: Watch, name: str, source: Row, batch: Batch) -> Heard:
    """Store a batch and the listener's new cursor in one transaction (promise 1)."""
    now, entry = watch.clock(), watch.settings.root.listeners[name]
    with watch.store.tx() as tx:
        heard = _hear(watch, tx, name, batch.mentions, now)
        heard.deleted = deletions.delete(tx, name, batch.deleted, ms(now))
        sources.advance(tx, source, batch, ms(now), entry.silent_after, entry.account)
    return heard


def pushed(watch: Watch, wake: Wake, name: str, push: Push) -> None:
    """Store what a network told by itself, in one transaction. What it brought twice is kept once."""
    now = watch.clock()
    with watch.store.tx() as tx:
        heard = _hear(watch, tx, name, push.mentions, now)
        heard.deleted = deletions.delete(tx, name, push.deleted, ms(now))
    _tell(wake, f"{name}, pushed", heard)


def hear(watch: Watch, name: str, heard: Sequence[Mention]) -> Heard:
    """Store mentions that no poll brought, such as an import."""
    with watch.store.tx() as tx:
        return _hear(watch, tx, name, heard, watch.clock())


def _hear(watch: Watch, tx: Tx, name: str, heard: Sequence[Mention], now: datetime) -> Heard:
    policy, words = watch.settings.root.promises, watch.settings.root.stop_words
    policies.know(tx, policy, ms(now))
    ear = Ear(name, promises(policy), rechecks(watch, name))
    found = hearing.hear(tx, ear, heard, now)
    # At once, whatever becomes of the mention: also where people look at it already.
    asked = (storable(m) for m in heard if m.addressed and not m.own and is_stop(m.text, words))
    stops.heard(tx, [(m.network, m.remote_id) for m in asked if m.addressed], ms(now))
    return found


def promises(policy: Promises) -> PromiseFor:
    """What is owed to whoever is just heard, before anybody read it."""

    def promise_for(mention: Mention, posted_at: int, waits: Waits, *, fresh: bool) -> Promise:
        terms = terms_for(policy, mention, posted_at, waits)
        return promise(policy, terms, usual=fresh and terms == Terms(mention.network, posted_at))

    return promise_for


def _poll(watch: Watch, name: str, source: Row) -> Batch | None:
    entry = watch.settings.root.listeners[name]
    listener = watch.listeners[name]
    try:
        with metered(watch, "listeners", name):
            return bounded(
                watch, f"listen {name}", lambda: listener.poll(source["cursor"]), entry.poll_timeout
            )
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
        sources.fail(tx, source, reason, now, now + int(1000 * after), signed_out=ring)
        if ring:
            events.append(tx, now, incident(watch, tx, name, reason, now, signed_out=True))
    if source["error"] != reason:
        log.warning("listener %s: %s", name, reason)
