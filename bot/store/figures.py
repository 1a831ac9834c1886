"""The rows that reports are made from, of what was posted in a period.

They are counted from narrow indexes, one piece of the period after the other, so that nothing is sorted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.models import INTENTS, SENTIMENTS
from bot.reports.figures import Asked, Rows
from bot.store.engine import Row, Tx

_MATCHES: Final = "m.posted_at >= :start AND m.posted_at < :end{narrowed}"


def rows(tx: Tx, asked: Asked) -> Rows:
    """What the figures of a report are made from, as it stands now. The addresses are read as they are asked
    for, so the figures are to be made within the transaction."""

    def found(sql: str) -> list[Row]:
        return tx.rows(_narrowed(sql, asked), _about(asked))

    return Rows(
        addresses=_each(tx, _ADDRESSES, asked),
        said=[row for (row,) in _each(tx, _SAID, asked)],
        shares=found(_SHARES),
        exempted=found(_EXEMPTED),
        outcomes=found(_OUTCOMES),
        escalations=found(_ESCALATIONS),
        spent=tx.rows(_SPENT, _utc_days(asked)),
    )


def networks(tx: Tx) -> list[str]:
    """The names of all networks from which something was heard."""
    return [row["network"] for row in tx.rows(_NETWORKS)]


# Read from the index one name at a time, not one mention.
_NETWORKS: Final = (
    "WITH RECURSIVE known (network) AS (SELECT MIN(network) FROM mentions UNION ALL"
    " SELECT (SELECT MIN(m.network) FROM mentions m WHERE m.network > known.network) FROM known"
    " WHERE known.network IS NOT NULL) SELECT network FROM known WHERE network IS NOT NULL"
)

_ADDRESSES: Final = (
    "SELECT m.posted_at, m.network, m.process, m.state, m.due_at, m.answered_at FROM mentions m"
    f" WHERE m.addressed = 1 AND {_MATCHES}"
)
_TAGS: Final = ", ".join(
    f"COALESCE(SUM(CASE WHEN m.{tag} = '{label}' THEN 1 ELSE 0 END), 0) AS {tag}_{label}"
    for tag, labels in (("sentiment", SENTIMENTS), ("intent", INTENTS))
    for label in labels
)
_SAID: Final = (
    f"SELECT COUNT(*) AS mentions, COALESCE(SUM(m.addressed), 0) AS addresses, {_TAGS} FROM mentions m"
    f" WHERE m.kind <> 'share' AND {_MATCHES}"
)
_SHARES: Final = (
    "SELECT m.network, COUNT(*) AS number, SUM(COALESCE(m.author_followers, 0)) AS reach FROM mentions m"
    f" WHERE m.kind = 'share' AND {_MATCHES} GROUP BY m.network ORDER BY m.network"
)
_EXEMPTED: Final = (
    "SELECT x.reason, x.rule, COUNT(*) AS number FROM mentions m JOIN exemptions x ON x.mention_id = m.id"
    f" AND x.reopened_at IS NULL WHERE m.addressed = 1 AND m.state = 'exempted' AND {_MATCHES}"
    " GROUP BY x.reason, x.rule ORDER BY x.reason, x.rule"
)
_OUTCOMES: Final = (
    "SELECT m.process, m.outcome, COUNT(*) AS number FROM mentions m"
    f" WHERE m.addressed = 1 AND (m.outcome IS NOT NULL OR m.outcome_due_at IS NOT NULL) AND {_MATCHES}"
    " GROUP BY m.process, m.outcome ORDER BY m.process, m.outcome"
)
# What is no mention has no network and no process.
_ESCALATIONS: Final = (
    "SELECT e.key, e.opened_at, e.acknowledged_at, e.closed_at FROM escalations e"
    " LEFT JOIN mentions m ON m.id = e.mention_id"
    " WHERE e.opened_at >= :start AND e.opened_at < :end{narrowed}"
)
_SPENT: Final = (
    "SELECT account, item, SUM(number) AS number, SUM(cost) AS cost FROM spend WHERE day BETWEEN ? AND ?"
    " GROUP BY account, item ORDER BY account, item"
)


def _each(tx: Tx, sql: str, asked: Asked) -> Iterator[list[Row]]:
    about, sql = _about(asked), _narrowed(sql, asked)
    for start, end in asked.period.buckets():
        yield tx.rows(sql, {**about, "start": start, "end": end})


def _narrowed(sql: str, asked: Asked) -> str:
    """The query for one network or process alone, where that is asked: what is not asked costs nothing."""
    names = [name for name in ("network", "process") if getattr(asked, name)]
    return sql.format(narrowed="".join(f" AND m.{name} = :{name}" for name in names))


def _about(asked: Asked) -> dict[str, str | int]:
    period = asked.period
    return {
        "start": period.start, "end": period.end, "network": asked.network, "process": asked.process,
    }  # fmt: skip


def _utc_days(asked: Asked) -> tuple[str, str]:
    """Spend is kept by UTC day: those days of the period's names."""
    return asked.period.first.isoformat(), asked.period.last.isoformat()


MENTIONS: Final = 500
"""How many mentions a page of the export holds."""


def mentions(tx: Tx, asked: Asked, after: tuple[int, int]) -> list[Row]:
    """The next mentions of the period for export, oldest first, with why they were exempted (`reason`);
    `after`: `posted_at` and id of the last one that was had. What its author deleted has no words."""
    sql = (
        "SELECT m.*, x.reason FROM mentions m"
        " LEFT JOIN exemptions x ON x.mention_id = m.id AND x.reopened_at IS NULL"
        f" WHERE {_MATCHES} AND (m.posted_at, m.id) > (:posted_at, :id)"
        " ORDER BY m.posted_at, m.id LIMIT :limit"
    )
    last = {"posted_at": after[0], "id": after[1], "limit": MENTIONS}
    return tx.rows(_narrowed(sql, asked), {**_about(asked), **last})
