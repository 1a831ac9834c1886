"""The daily digest: the rows that its figures are made from, and which of them reached somebody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from typing import Final

from bot.config_sections import ListenerEntry
from bot.instants import instant
from bot.reports.digest import Rows
from bot.store import books, sources
from bot.store.engine import Row, Tx
from bot.store.states import OPEN


def rows(tx: Tx, listeners: Mapping[str, ListenerEntry], start: int, end: int, now: int) -> Rows:
    """What the figures from `start` to `end` (ms) are made from, as it stands at `now`."""
    period = (start, end)
    days = [instant(at).astimezone(UTC).date().isoformat() for at in (start, end - 1)]
    return Rows(
        start=start,
        end=end,
        now=now,
        heard=tx.rows(
            "SELECT state, COUNT(*) AS number FROM mentions WHERE addressed = 1 AND heard_at >= ?"
            " AND heard_at < ? GROUP BY state", period,
        ),
        answered=tx.rows(_ANSWERED, period),
        open=tx.rows(
            "SELECT process, COUNT(*) AS number, SUM(CASE WHEN due_at <= ? THEN 1 ELSE 0 END) AS overdue,"
            f" MIN(due_at) AS first_due FROM mentions WHERE addressed = 1 AND state IN {OPEN}"
            " GROUP BY process ORDER BY process", (now,),
        ),
        exempted=tx.rows(
            "SELECT x.reason, x.rule, COUNT(*) AS number FROM exemptions x"
            " JOIN mentions m ON m.id = x.mention_id WHERE m.addressed = 1 AND x.at >= ? AND x.at < ?"
            " AND x.reopened_at IS NULL GROUP BY x.reason, x.rule", period,
        ),
        judged=tx.rows(
            "SELECT x.verdict, COUNT(*) AS number FROM exemptions x JOIN mentions m ON m.id = x.mention_id"
            " WHERE x.sampled = 1 AND (x.verdict <> '' OR (x.reopened_at IS NULL AND m.deleted_at IS NULL))"
            " GROUP BY x.verdict"
        ),
        log=_log(tx, start),
        failing=_failing(tx, listeners, end, now),
        gaps=tx.rows("SELECT listener, from_at, to_at FROM gaps WHERE to_at > ? AND to_at <= ?", period),
        spent=tx.rows(
            "SELECT account, SUM(cost) AS cost FROM spend WHERE day BETWEEN ? AND ? GROUP BY account"
            " ORDER BY account", days,
        ),
        ringing=books.unacknowledged(tx),
        unsure=books.unsure(tx),
    )  # fmt: skip


_ANSWERED: Final = (
    "SELECT posted_at, answered_at FROM mentions"
    " WHERE addressed = 1 AND state = 'answered' AND ended_at >= ? AND ended_at < ?"
)


def _failing(tx: Tx, listeners: Mapping[str, ListenerEntry], end: int, now: int) -> list[Row]:
    """Those of these sources that cannot be heard now; and those that are silent, since before `end`, though
    nobody said why."""
    failing = list[Row]()
    for source in sources.all_rows(tx):
        if (entry := listeners.get(source["listener"])) is None:
            continue
        since, heard = source["failing_since"], sources.last_heard(source)
        if since is None and heard < end and sources.is_silent(heard, entry.silent_after, now):
            since = heard
        if since is not None:
            failing.append({"listener": source["listener"], "failing_since": since})
    return failing


def _number(tx: Tx, sql: str) -> int:
    row = tx.row(sql)
    return int(row["n"]) if row else 0


def _log(tx: Tx, start: int) -> list[Row]:
    """What sources began and ceased to fail since then. The log has no index by time; but it is in its order,
    so half of what is left is skipped with each look."""
    low, high = 0, _number(tx, "SELECT COALESCE(MAX(seq), 0) AS n FROM events")
    while low < high:
        middle = (low + high) // 2
        row = tx.row("SELECT at FROM events WHERE seq = ?", (middle + 1,))
        if row is not None and row["at"] < start:
            low = middle + 1
        else:
            high = middle
    return tx.rows(
        "SELECT source, kind, at FROM events WHERE seq > ? AND at >= ?"
        " AND kind IN ('source_failed', 'source_recovered') ORDER BY seq",
        (low, start),
    )


def began(tx: Tx) -> int | None:
    """When the first thing was written in the log (ms); `None` if nothing was."""
    row = tx.row("SELECT at FROM events WHERE seq = 1")
    return int(row["at"]) if row else None


def last_sent(tx: Tx) -> date | None:
    """The last day that a digest told of, and that reached somebody."""
    row = tx.row("SELECT MAX(day) AS day FROM digests WHERE sent_at IS NOT NULL")
    return date.fromisoformat(row["day"]) if row and row["day"] else None


def claim(tx: Tx, day: date, now: int, again_at: int) -> bool:
    """Take the digest of `day`, unless it was sent or another process has just taken it. If nothing more is
    heard of it, it can be taken again at `again_at` (ms), so that a crash in between loses none."""
    return bool(
        tx.run(
            "INSERT INTO digests (day, try_at) VALUES (:day, :again) ON CONFLICT (day) DO UPDATE"
            " SET try_at = excluded.try_at WHERE digests.sent_at IS NULL"
            " AND (digests.try_at <= :now OR digests.try_at > :again)",
            {"day": day.isoformat(), "now": now, "again": again_at},
        )
    )


def sent(tx: Tx, day: date, now: int) -> None:
    """The digest of `day` reached somebody."""
    tx.run("UPDATE digests SET sent_at = ? WHERE day = ? AND sent_at IS NULL", (now, day.isoformat()))
