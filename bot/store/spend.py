"""What each account's calls cost: one row for each account, UTC day and item. Money is whole millionths of a
US dollar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from bot.meter import Charge, Spent
from bot.store.engine import Row, Tx


class Period(NamedTuple):
    """A UTC day, and the first and last day of its month that a text may name, all as ``2026-03-10``."""

    day: str
    first: str
    last: str

    @classmethod
    def of(cls, now: datetime) -> Period:
        day = now.astimezone(UTC).date().isoformat()
        return cls(day, f"{day[:7]}-01", f"{day[:7]}-31")


def add(tx: Tx, account: str, charges: Sequence[Charge], now: datetime) -> None:
    """Add to what the account has spent today."""
    day = Period.of(now).day
    tx.many(
        "INSERT INTO spend (account, day, item, number, cost) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (account, day, item) DO UPDATE SET number = spend.number + excluded.number,"
        " cost = spend.cost + excluded.cost",
        [(account, day, charge.item, charge.number, charge.cost) for charge in charges],
    )


_COSTS: Final = (
    "COALESCE(SUM(CASE WHEN day = :day THEN cost END), 0) AS cost_today, COALESCE(SUM(cost), 0) AS cost_month"
)


def spent(tx: Tx, account: str, now: datetime) -> Spent:
    """What the account has spent so far, today and this month."""
    row = tx.row(
        f"SELECT {_COSTS} FROM spend WHERE account = :account AND day BETWEEN :first AND :last",
        {"account": account, **Period.of(now)._asdict()},
    )
    assert row is not None, "sums are always one row"
    return Spent(row["cost_today"], row["cost_month"])


def items(tx: Tx, account: str, now: datetime) -> list[Row]:
    """What it was spent for this month, the dearest item first: item, number_today, number_month, cost_today,
    cost_month."""
    return tx.rows(
        f"SELECT item, COALESCE(SUM(CASE WHEN day = :day THEN number END), 0) AS number_today,"
        f" SUM(number) AS number_month, {_COSTS}"
        " FROM spend WHERE account = :account AND day BETWEEN :first AND :last"
        " GROUP BY item ORDER BY cost_month DESC, item",
        {"account": account, **Period.of(now)._asdict()},
    )


def accounts(tx: Tx) -> list[str]:
    """Who ever spent anything, by name."""
    return [row["account"] for row in tx.rows("SELECT DISTINCT account FROM spend ORDER BY account")]
