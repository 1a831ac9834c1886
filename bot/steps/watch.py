"""What every step needs, and the guards around calls to other people's code."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.config import Settings
from bot.models import Analysis
from bot.store import Clock, Store, Tx, escalations, sources
from bot.store.events import Event
from listeners.base import Listener
from responders.base import Notifier, Responder

log = logging.getLogger("vigie")
T = TypeVar("T")
Wake = Callable[[str, str], None]


def no_wake(task: str, key: str) -> None:
    """Wakes nobody: whoever looks next finds in the store what there is to do."""


class Tags(Protocol):
    """Whatever tags texts: (text, language given by the network or ""), same order."""

    def tag(self, texts: Sequence[tuple[str, str]]) -> list[Analysis]: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """The wired house: settings, the store, and everyone outside that it talks to."""

    settings: Settings
    store: Store
    listeners: Mapping[str, Listener]
    responders: Mapping[str, Responder]
    notifiers: Mapping[str, Notifier]
    tagger: Tags
    clock: Clock
    calls: dict[str, tuple[threading.Thread, int]] = field(default_factory=dict)
    # When this process last did what it does now and then.
    last: dict[str, datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Set when the process is about to end: what was begun is ended, nothing new is taken up.
    stopping: threading.Event = field(default_factory=threading.Event)


class TookTooLong(Exception):
    """A call to an outside service did not come back in time; it may still be going on."""


class Busy(TookTooLong):
    """An earlier call to the same service still hangs, so this one was not even begun."""


def bounded(watch: Watch, name: str, call: Callable[[], T], limit: timedelta, about: int = 0) -> T:
    """Make a call in a thread of its own and give it up after `limit`: a service that hangs stops nobody
    else, and does not keep the process from ending. `about` is the number of the reply that it sends.

    Raises:
        TookTooLong: no answer in time.
        Busy: nothing was begun, as an earlier call of the same `name` still hangs.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=work, name=name, daemon=True)
    with watch.lock:
        if (before := watch.calls.get(name)) is not None and before[0].is_alive():
            raise Busy
        watch.calls[name] = thread, about
        thread.start()
    thread.join(limit.total_seconds())
    if thread.is_alive():
        raise TookTooLong
    if errors:
        raise errors[0]
    return results[0]


def under_way(watch: Watch) -> set[int]:
    """The replies of which a send goes on in this process, be it that `bounded` gave it up: it may still do
    what it was for."""
    with watch.lock:
        return {about for thread, about in watch.calls.values() if about and thread.is_alive()}


def incident(watch: Watch, tx: Tx, listener: str, reason: str, now: int, *, signed_out: bool) -> list[Event]:
    """A source cannot be heard (promise 7). Credentials that are no longer good ring once for their account,
    whichever direction found out first."""
    account = watch.settings.root.listeners[listener].account
    key = escalations.key_of_account(account) if account and signed_out else sources.key(listener)
    return escalations.open_one(tx, key, reason, sources.subject(listener), now)


def is_time(watch: Watch, what: str, period: timedelta) -> bool:
    """Whether this process did not do it for `period`, or the clock was set back. Then it does it now."""
    now = watch.clock()
    with watch.lock:
        if (last := watch.last.get(what)) is not None and last <= now < last + period:
            return False
        watch.last[what] = now
        return True


def surprise(error: BaseException, where: str) -> str:
    """Log an exception that no contract foresees, and name it in words. Its own text is left out: it may
    hold a secret or a person's words."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: unexpected %s\n%s", where, type(error).__name__, frames)
    return f"unexpected {type(error).__name__} (see the log)"
