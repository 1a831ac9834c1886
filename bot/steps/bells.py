"""A clock that is set back silences nothing: what was to ring at an hour that is far ahead now rings as if it
had rung for the last time this moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.ringing import bell_of, ladder_for
from bot.steps.watch import Watch, is_time
from bot.store import Row, Tx, escalations, ms, views

_EVERY: Final = timedelta(minutes=15)


def keep_to_the_clock(watch: Watch) -> None:
    """Look for what was told when to ring by a clock that was ahead of ours."""
    if not is_time(watch, "bells", _EVERY):
        return
    now = watch.clock()
    with watch.store.tx() as tx:
        escalations.came_up_by(tx, ms(now))
        for row in escalations.set_after(tx, ms(now)):
            escalations.set_anew(tx, row, min(_rings_at(watch, tx, row, now), row["ring_at"]), ms(now))


def _rings_at(watch: Watch, tx: Tx, row: Row, now: datetime) -> int:
    """When (ms) it would ring next if it had rung just now. Who was called already is not called anew."""
    mention = None if row["mention_id"] is None else views.mention_row(tx, row["mention_id"])
    ladder, bell = ladder_for(tx, watch.settings.root.promises, row, mention), bell_of(row)
    if bell.tier >= 0:
        now = max(now, ladder.add(ladder.rungs[min(bell.tier, len(ladder.rungs) - 1)]))
    return ms(ladder.next(now, bell).at)
