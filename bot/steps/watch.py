"""What every step needs, and the guards around calls to other people's code."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, Protocol, TypeVar

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


class Call(NamedTuple):
    """A call to an outside service that goes on, and the number of the reply that it sends, or 0."""

    answer: Future[Any]
    about: int


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
    calls: dict[str, Call] = field(default_factory=dict)
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
    answer = Future[T]()

    def work() -> None:
        threading.current_thread().name = name
        try:
            tell = partial(answer.set_result, call())
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits
            tell = partial(answer.set_exception, error)
        with watch.lock:
            del watch.calls[name]
        tell()

    with watch.lock:
        if name in watch.calls:
            raise Busy
        door = _idle_or_new_thread()
        watch.calls[name] = Call(answer, about)
    door.put(work)
    try:
        return answer.result(limit.total_seconds())
    except TimeoutError:
        if not answer.done():
            raise TookTooLong from None
        return answer.result()  # it came in that moment, or the call itself raised this


# Threads of this process that wait for work, each at its own door: most calls are over sooner than a new
# thread begins. Nobody joins them, so one that hangs keeps nothing from ending.
_IDLE: Final = deque[SimpleQueue[Callable[[], None]]]()


def _idle_or_new_thread() -> SimpleQueue[Callable[[], None]]:
    try:
        return _IDLE.pop()
    except IndexError:
        door = SimpleQueue[Callable[[], None]]()
        threading.Thread(target=_serve, args=(door,), daemon=True).start()
        return door


def _serve(door: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        door.get()()
        _IDLE.append(door)


def under_way(watch: Watch) -> set[int]:
    """The replies of which a send goes on in this process, be it that `bounded` gave it up: it may still do
    what it was for."""
    with watch.lock:
        return {call.about for call in watch.calls.values() if call.about}


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
