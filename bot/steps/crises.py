"""Is it a crisis? Looked at about once a minute. It rings once, and every open address is more urgent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.crisis import Crisis, CrisisWatch, Figures, Sign, figures, judge, raised
from bot.models import Priority
from bot.ringing import tightened
from bot.steps.watch import Watch, is_time
from bot.store import Row, Tx, conversations, crises, escalations, events, instant, mentions, ms, policies
from bot.store.events import Event

KEY: Final = "crisis"
_EVERY: Final = timedelta(minutes=1)


def watch_crisis(watch: Watch) -> None:
    """Look whether a crisis begins, goes on or ends."""
    if not is_time(watch, KEY, _EVERY):
        return
    now, root = watch.clock(), watch.settings.root
    with watch.store.tx() as tx:
        was = _was(crises.on(tx))
        found = judge(root.crisis, was, _seen(tx, root.crisis, now), now)
        if found is not None and was is None:
            begun = crises.begin(tx, ms(found.since), found.threshold, found.why)
            events.append(tx, ms(now), [begun, *escalations.open_one(tx, KEY, found.why, KEY, ms(now))])
        elif found is None and was is not None:
            events.append(tx, ms(now), [crises.end(tx, ms(now)), *escalations.close(tx, KEY, ms(now))])
    if found is not None:
        _raise_all(watch, ms(now))


def _was(row: Row | None) -> Crisis | None:
    return None if row is None else Crisis(instant(row["since"]), row["threshold"], row["why"])


def _seen(tx: Tx, watch: CrisisWatch, now: datetime) -> Figures:
    recent = now - watch.calm_for - watch.within
    signs = (
        Sign(
            instant(row["posted_at"]),
            f"{row['network']} {row['author_id']}",
            bool(row["sign"] & crises.COMPLAINT),
            bool(row["sign"] & crises.WORD),
        )
        for row in crises.signs(tx, ms(recent), ms(now))
    )
    heard = crises.listening_since(tx)
    begins = max(now - watch.usual_over, recent if heard is None else instant(heard))
    covered = max(recent - begins, timedelta(0))
    return figures(watch, signs, crises.complaints(tx, ms(begins), ms(recent)), covered, now)


def _raise_all(watch: Watch, now: int) -> None:
    """Every open address has the priority of a crisis, unless its own is higher; its promise may only become
    tighter."""
    policy, settings = watch.settings.root.promises, watch.settings.root.crisis
    calmer = [p for p in Priority if raised(settings, p) is not p]
    while calmer:
        with watch.store.tx() as tx:
            policies.know(tx, policy, now)
            rows = crises.calmer(tx, calmer)
            events.append(tx, now, [_raise(watch, tx, row) for row in rows])
        if not rows:
            return


def _raise(watch: Watch, tx: Tx, row: Row) -> Event:
    root = watch.settings.root
    priority = raised(root.crisis, Priority(row["priority"]))
    crises.give_priority(tx, row, priority)
    data: dict[str, object] = {"priority": priority.value, "reason": KEY}
    if (promise := tightened(root.promises, row, priority, row["process"])) is not None:
        mentions.tighten(tx, row, promise)
        data |= promise.facts
    conversations.changed(tx, row["conversation_id"])
    return Event("raised", row["id"], data=data)
