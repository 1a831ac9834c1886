"""How well was whom answered, in a period? Pure: rows in, figures out.

Everything is counted on the day on which it was *posted*, whenever it was heard and however it stands by
now. What is open or overdue is so at the moment of the report. Over all time the books are those of the audit
(`bot.audit`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.models import INTENTS, SENTIMENTS
from bot.reports.books import Addresses, Books
from bot.reports.period import Bucket, Period
from bot.reports.waits import Spread, spread

if TYPE_CHECKING:
    from bot.hours import Calendar

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about: a period, and of it one network or process, or all ("")."""

    period: Period
    network: str = ""
    process: str = ""


class Rows(NamedTuple):
    """What the figures are made from. All instants are in milliseconds.

    `addresses`, in batches that are read once, one after the other: posted_at, network, process, state,
    due_at, answered_at. `said`, one for each bucket of the period, without shares: mentions, addresses, and
    how many are taken for each tag (sentiment_negative, intent_question...). `shares`: network, number,
    reach. `exempted`: reason, rule, number. `outcomes`, of those that have or owe one: process, outcome,
    number. `escalations`: key, opened_at, acknowledged_at, closed_at. `spent`: account, item, number, cost
    (millionths of a US dollar).
    """

    addresses: Iterable[Sequence[Row]]
    said: Sequence[Row]
    shares: Sequence[Row]
    exempted: Sequence[Row]
    outcomes: Sequence[Row]
    escalations: Sequence[Row]
    spent: Sequence[Row]


class Said(NamedTuple):
    """What was said in one bucket, without shares: how many `mentions`, the `addresses` among them, and how
    many were taken for what. What was not read yet is in neither."""

    bucket: Bucket
    mentions: int
    addresses: int
    sentiments: Mapping[str, int]
    intents: Mapping[str, int]


class Rang(NamedTuple):
    """The escalations of one sort: how many, how many of them somebody acknowledged and how long that took,
    how many ended by themselves, and how many ring now."""

    number: int
    acknowledged: int
    ended: int
    ringing: int
    took: Spread


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a report at `now` (ms). Hours of the day are 0 to 23 and weekdays 0 (Monday) to 6, on
    the clocks of the period's zone; `exempted` is by reason: by people, by rules. `outcomes` is by process
    and outcome ("" where it is owed and not known), `spent` by account and item: number, US dollars."""

    asked: Asked
    now: int
    books: Books
    networks: Mapping[str, Books]
    processes: Mapping[str, Books]
    times: Sequence[tuple[Bucket, Books]]
    hours: Sequence[Books]
    weekdays: Sequence[Books]
    said: Sequence[Said]
    shares: Mapping[str, tuple[int, int]]
    exempted: Mapping[str, tuple[int, int]]
    outcomes: Mapping[tuple[str, str], int]
    escalations: Mapping[str, Rang]
    spent: Mapping[tuple[str, str], tuple[int, float]]


def figures(rows: Rows, asked: Asked, calendar: Calendar, now: int) -> Figures:
    """See `Figures`. `calendar`: when somebody is there to answer."""
    period = asked.period
    table = Addresses(rows.addresses, calendar, period, now)
    buckets = period.buckets()
    return Figures(
        asked=asked,
        now=now,
        books=table.all,
        networks=table.by_name("network"),
        processes=table.by_name("process"),
        times=list(zip(buckets, table.by_bucket(buckets), strict=True)),
        hours=table.by_hour(),
        weekdays=table.by_weekday(),
        said=[_said(bucket, row) for bucket, row in zip(buckets, rows.said, strict=True)],
        shares={row["network"]: (row["number"], row["reach"]) for row in rows.shares},
        exempted=_exempted(rows.exempted),
        outcomes={(row["process"], row["outcome"] or ""): row["number"] for row in rows.outcomes},
        escalations=_rang(rows.escalations),
        spent={(row["account"], row["item"]): (row["number"], row["cost"] / 1e6) for row in rows.spent},
    )


def _said(bucket: Bucket, row: Row) -> Said:
    return Said(
        bucket,
        row["mentions"],
        row["addresses"],
        {label: row[f"sentiment_{label}"] for label in SENTIMENTS},
        {label: row[f"intent_{label}"] for label in INTENTS},
    )


def _exempted(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        people, rules = found.get(row["reason"], (0, 0))
        number = row["number"]
        found[row["reason"]] = (people, rules + number) if row["rule"] else (people + number, rules)
    return found


def _rang(rows: Sequence[Row]) -> dict[str, Rang]:
    """By what rang: the part of the key before its colon, such as mention, source or account."""
    import numpy as np  # noqa: PLC0415

    sorts: dict[str, list[Row]] = {}
    for row in rows:
        sorts.setdefault(row["key"].partition(":")[0], []).append(row)
    found = {}
    for sort, some in sorted(sorts.items()):
        took = [
            row["acknowledged_at"] - row["opened_at"] for row in some if row["acknowledged_at"] is not None
        ]
        unheard = [row for row in some if row["acknowledged_at"] is None]
        ended = sum(row["closed_at"] is not None for row in unheard)
        waited = spread(np.array(took, np.int64))
        found[sort] = Rang(len(some), len(took), ended, len(unheard) - ended, waited)
    return found
