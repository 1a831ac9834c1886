"""The one place that wires: settings in, a running house out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from bot import logs
from bot.config import Settings
from bot.desk import Desk
from bot.learned import tagger_for
from bot.steps import Wake, Watch, deliver, digest, listen, sweep, triage, webhooks
from bot.steps.guarded import run_guarded
from bot.steps.pulse import beat
from bot.steps.watch import no_wake
from bot.store import Clock, open_store, utcnow

if TYPE_CHECKING:
    from bot.hooks import Door, Taker
    from bot.scheduler import EmbeddedEngine

STEPS: Final = ("listen", "triage", "deliver", "sweep", "digest", "webhooks")
Step = Callable[[Watch, Wake, str], None]
_RUN: Final[Mapping[str, Step]] = {
    "listen": listen, "triage": triage, "deliver": deliver, "sweep": sweep, "digest": digest,
    "webhooks": webhooks,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class App:
    """A wired house. Close its store when done."""

    watch: Watch
    desk: Desk

    def engine(self, only: Collection[str] = STEPS) -> EmbeddedEngine:
        """The daemon's engine, with every job in place but not started; restricted to the steps `only`."""
        from bot.scheduler import EmbeddedEngine  # noqa: PLC0415 -- APScheduler costs every command 0.1 s

        tasks = {name: partial(_noted, name, self.watch) for name in _RUN if name in only}
        engine = EmbeddedEngine({name: tasks.get(name, _nothing) for name in STEPS})
        for task, key, period in self._jobs():
            if task in only:
                engine.every(period, task, key)
                beat(self.watch, task)
        return engine

    def door(self, wake: Wake, also: Mapping[str, Taker] | None = None) -> Door | None:
        """Open the door at which networks push, if the config says where. `also`: who else takes POSTs there,
        by path.

        Raises:
            NotPossible: somebody else is at that address.
        """
        if not self.watch.settings.root.hooks.listen:
            return None
        from bot.hooks import Door  # noqa: PLC0415 -- only who has a door needs it

        return Door(self.watch, wake, self.watch.settings.root.hooks.place, also=also)

    def once(self, only: Collection[str] = STEPS) -> bool:
        """One full round: listen to all, triage, deliver, sweep, and the digest if it is due. Whether every
        step went well."""
        results = [
            run_guarded(partial(_RUN[task], self.watch), no_wake, task, key)
            for task, key, _ in self._jobs()
            if task in only
        ]
        return all(results)

    def _jobs(self) -> Iterator[tuple[str, str, timedelta]]:
        root = self.watch.settings.root
        for name, entry in root.listeners.items():
            yield "listen", name, entry.every
        yield "triage", "", root.pace.triage
        for name in self.watch.responders:
            yield "deliver", name, root.pace.deliver
        yield "sweep", "", root.pace.sweep
        yield "digest", "", timedelta(minutes=1)
        for name in root.webhooks:
            yield "webhooks", name, timedelta(seconds=2)


def build(settings: Settings, store_url: str = "", clock: Clock = utcnow) -> App:
    """Wire a house. Opens the store; talks to no network.

    Raises:
        StoreUnavailable: the store cannot be opened.
    """
    store = open_store(store_url or settings.root.store)
    listeners = {name: s.plugin.build(s.config) for name, s in settings.listeners.items()}
    outgoing = {name: (s, s.plugin.build(s.config)) for name, s in settings.responders.items()}
    watch = Watch(
        settings=settings,
        store=store,
        listeners=listeners,
        responders={name: built for name, (s, built) in outgoing.items() if s.plugin.replies},
        notifiers={name: built for name, (s, built) in outgoing.items() if s.plugin.notifies},
        tagger=tagger_for(settings.root.brand, settings.root.analysis),
        clock=clock,
    )
    return App(watch, Desk(store, settings, clock))


def log_to_terminal(settings: Settings) -> None:
    """Log lines on standard error, without the secrets of these settings."""
    services = [*settings.listeners.values(), *settings.responders.values()]
    root = settings.root
    others = [root.web, *([root.slack] if root.slack else []), *root.webhooks.values()]
    logs.set_up([*(service.config for service in services), *others])


def _noted(name: str, watch: Watch, wake: Wake, key: str) -> None:
    """A step, and that it ran to its end."""
    _RUN[name](watch, wake, key)
    beat(watch, name)


def _nothing(wake: Wake, key: str) -> None:
    """A step that this daemon leaves to another."""
