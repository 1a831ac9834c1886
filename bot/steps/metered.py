"""What a call to an outside service costs: told to it before, written down after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import StoreUnavailable
from bot.meter import Meter
from bot.plugins import Side
from bot.steps.watch import Watch, log
from bot.store import spend


@contextmanager
def metered(watch: Watch, side: Side, name: str) -> Iterator[None]:
    """Around each call of a listener or responder that has a `meter`: it learns what its account has spent so
    far, also through other processes; and what the call cost is kept, also when it failed or hangs. What one
    that hangs charges later is kept with the next call."""
    meter: Meter | None = getattr(
        (watch.listeners if side == "listeners" else watch.responders)[name], "meter", None
    )
    if meter is None:
        yield
        return
    account = watch.settings.account_of(side, name)
    with watch.store.read() as tx:
        meter.tell(spend.spent(tx, account, watch.clock()))
    try:
        yield
    finally:
        _keep(watch, meter, account)


def _keep(watch: Watch, meter: Meter, account: str) -> None:
    """A store that cannot be written must not hide how the call went: the charges wait for the next one."""
    if not (charges := meter.drain()):
        return
    try:
        with watch.store.tx() as tx:
            spend.add(tx, account, charges, watch.clock())
    except StoreUnavailable as error:
        meter.give_back(charges)
        log.warning("%s: what it spent could not be kept yet: %s", account, error)
