"""The daily sample of what rules closed without an answer, for a human to look at."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from bot.exemptions import Sample, drawn
from bot.store import exemptions
from bot.store.engine import Row, Tx, marks
from bot.store.events import Event

_DAY: Final = 86_400_000  # milliseconds; days are those of UTC


def draw(tx: Tx, sample: Sample) -> None:
    """Put those of each UTC day that are drawn on the list. A day that goes on is drawn from as far as it has
    come, so that its list may grow."""
    if not (sample.share or sample.at_least):
        return
    last = tx.row("SELECT MAX(at) AS at FROM exemptions WHERE rule = 1 AND sampled = 1")
    since = (last["at"] if last and last["at"] is not None else 0) // _DAY * _DAY
    rows = tx.rows(
        "SELECT id, at, sampled, reopened_at FROM exemptions WHERE rule = 1 AND at >= ? ORDER BY at", (since,)
    )
    for day, closed in groupby(rows, key=lambda row: int(row["at"]) // _DAY):
        known = {row["id"]: row for row in closed}
        fresh = [
            number
            for number in drawn(known, day, sample)
            if not known[number]["sampled"] and known[number]["reopened_at"] is None
        ]
        if fresh:
            tx.run(f"UPDATE exemptions SET sampled = 1 WHERE id IN ({marks(len(fresh))})", fresh)


def waiting(tx: Tx) -> list[Row]:
    """Mentions that a human has yet to look at, each with the reason for which a rule closed it
    (`exempted_as`), oldest first. What its author deleted cannot be looked at any more."""
    return tx.rows(
        "SELECT m.*, c.version, x.reason AS exempted_as, x.at AS exempted_at FROM exemptions x"
        " JOIN mentions m ON m.id = x.mention_id JOIN conversations c ON c.id = m.conversation_id"
        " WHERE x.sampled = 1 AND x.verdict = '' AND x.reopened_at IS NULL AND m.deleted_at IS NULL"
        " ORDER BY x.id"
    )


def judge(tx: Tx, mention_id: int, *, right: bool, actor: str, now: int) -> list[Event]:
    """A human looked at one of the sample; what was closed wrongly waits again. None: it is not in it."""
    verdict = "ok" if right else "wrong"
    judged = tx.run(
        "UPDATE exemptions SET verdict = ? WHERE mention_id = ? AND reopened_at IS NULL AND sampled = 1"
        " AND verdict = ''",
        (verdict, mention_id),
    )
    if not judged:
        return []
    log = [Event("sampled", mention_id, actor=actor, data={"verdict": verdict})]
    return log if right else [*log, *exemptions.reopen(tx, [mention_id], now, actor, "closed wrongly")]
