"""Digest: once a day, at a set hour, people are told what the day brought. At least once: if it reached
nobody, it is told again a minute later. And of what rules closed, a human's sample is drawn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from bot.errors import ServiceError
from bot.models import Receipt
from bot.reports.digest import figures
from bot.reports.digest_text import render
from bot.reports.schedule import begins, due
from bot.steps.watch import TookTooLong, Wake, Watch, bounded, log, surprise
from bot.store import Tx, digests, ms, samples

_AGAIN: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


def digest(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has them
    """Tell it, if it is due and was not told."""
    with watch.store.tx() as tx:
        samples.draw(tx, watch.settings.root.sample)
    at, now = watch.settings.root.digest.at, watch.clock()
    if at is None:
        return
    zone = zone_of(watch)
    last = due(at, zone, now)
    with watch.store.tx() as tx:
        told = digests.last_sent(tx)
        if (told and told >= last) or not _was_watched(tx, last, zone):
            return
        if not digests.claim(tx, last, ms(now), ms(now + _AGAIN)):
            return
        subject, text = written(watch, tx, told + _DAY if told else last, last, now)
    if _tell(watch, subject, text):
        with watch.store.tx() as tx:
            digests.sent(tx, last, ms(watch.clock()))


def zone_of(watch: Watch) -> ZoneInfo:
    return ZoneInfo(watch.settings.root.promises.calendar.timezone)


def written(watch: Watch, tx: Tx, first: date, last: date, now: datetime) -> tuple[str, str]:
    """Subject and text of the digest from one day to another, in the brand's first language."""
    zone, brand = zone_of(watch), watch.settings.root.brand
    start, end = ms(begins(first, zone)), ms(begins(last + _DAY, zone))
    rows = digests.rows(tx, watch.settings.root.listeners, start, end, ms(now))
    return render(figures(rows, first, last), brand.name, brand.languages[0])


def _was_watched(tx: Tx, day: date, zone: ZoneInfo) -> bool:
    """Of a day before the watch began there is nothing to tell."""
    began = digests.began(tx)
    return began is not None and began < ms(begins(day + _DAY, zone))


def _tell(watch: Watch, subject: str, text: str) -> int:
    """How many it reached."""
    reached, named = 0, watch.settings.root.digest.to
    for name, notifier in watch.notifiers.items():
        tell: Callable[[str, str], Receipt] | None = getattr(notifier, "tell", None)
        if tell is None or (named and name not in named):
            continue
        try:
            bounded(watch, f"tell {name}", partial(tell, subject, text), _AGAIN)
            reached += 1
        except ServiceError as error:
            log.warning("the digest did not reach %s: %s", name, error)
        except TookTooLong:
            log.warning("the digest did not reach %s: no answer in time", name)
        except Exception as error:  # noqa: BLE001 -- a step boundary: the others are told all the same
            surprise(error, f"notifier {name}")
    return reached
