"""What every step needs, and the guards around calls to other people's code."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from bot.config import Settings
from bot.models import Analysis, Priority, Process
from bot.promises import Promises, owed, policy_version
from bot.store import Clock, Store, instant, ms
from bot.store.mentions import Promise
from listeners.base import Listener
from responders.base import Notifier, Responder

log = logging.getLogger("vigie")
T = TypeVar("T")
# What an address is taken for until it was read: its promise is made in the moment it is heard.
USUAL: Final = (Priority.NORMAL, Process.SERVICE)
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
    hanging: dict[str, threading.Thread] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class TookTooLong(Exception):
    """A call to an outside service did not come back in time; it may still be going on."""


class Busy(TookTooLong):
    """An earlier call to the same service still hangs, so this one was not even begun."""


def bounded(watch: Watch, name: str, call: Callable[[], T], limit: timedelta) -> T:
    """Make a call in a thread of its own and give it up after `limit`: a service that hangs stops nobody
    else, and does not keep the process from ending.

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
        if (before := watch.hanging.get(name)) is not None and before.is_alive():
            raise Busy
        watch.hanging[name] = thread
        thread.start()
    thread.join(limit.total_seconds())
    if thread.is_alive():
        raise TookTooLong
    if errors:
        raise errors[0]
    return results[0]


def hangs(watch: Watch, name: str) -> bool:
    """Whether a call that `bounded` gave up, or one that runs just now, may still do what it was for."""
    with watch.lock:
        return (call := watch.hanging.get(name)) is not None and call.is_alive()


def surprise(error: BaseException, where: str) -> str:
    """Log an exception that no contract foresees, and name it in words. Its own text is left out: it may
    hold a secret or a person's words."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s: unexpected %s\n%s", where, type(error).__name__, frames)
    return f"unexpected {type(error).__name__} (see the log)"


def promise(policy: Promises, network: str, priority: str, process: str, posted_at: int) -> Promise:
    """What is owed to an address posted at `posted_at` (ms), under a policy."""
    due, first = owed(policy, network, priority, process, instant(posted_at))
    return Promise(ms(due), policy_version(policy), ms(first))
