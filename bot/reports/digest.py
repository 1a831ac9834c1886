"""What did a day bring, and what is still open? Pure: rows in, figures out; `digest_text` puts them in words.

Counted are the addresses that were *heard* in the period, so that one that came late is in some digest too.
What is open, overdue, ringing or unsure is so at the moment of the digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from statistics import median
from typing import Any, NamedTuple

from bot.exemptions import rates

Row = Mapping[str, Any]


class Rows(NamedTuple):
    """What the figures are made from. All instants are in milliseconds.

    `heard`: state, number. `answered`: posted_at, answered_at of those answered in the period. `open`:
    process, number, overdue, first_due. `exempted`: reason, rule, number. `judged`: verdict ("" for those
    that wait), number. `log`: source, kind, at of what sources began and ceased to fail, from `start` to
    `now`. `failing`: listener, failing_since of those that fail now. `gaps`: listener, from_at, to_at.
    `spent`: account, cost (millionths of a US dollar).
    """

    start: int
    end: int
    now: int
    heard: Sequence[Row]
    answered: Sequence[Row]
    open: Sequence[Row]
    exempted: Sequence[Row]
    judged: Sequence[Row]
    log: Sequence[Row]
    failing: Sequence[Row]
    gaps: Sequence[Row]
    spent: Sequence[Row]
    ringing: int
    unsure: int


class Outage(NamedTuple):
    """How long a source could not be heard within the period (ms), how often, and whether it still cannot."""

    listener: str
    length: int
    times: int
    goes_on: bool


class Gap(NamedTuple):
    """What a source can no longer be heard of: posted between these instants (ms)."""

    listener: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a digest, from `first` to `last` day. Lengths are in milliseconds, money in US dollars.

    `answers` is how many were answered in the period, `median` and `p90` how long those people waited;
    `exemptions` is by reason, of which `by_rule` by a rule. `sample`: how many of those closed by rule a
    human ever `looked_at`, how many of them were `wrong`, and how many are `waiting`.
    """

    first: date
    last: date
    addresses: int
    answered: int
    exempted: int
    deleted: int
    open: int
    answer_rate: Mapping[str, float | None]
    answers: int
    median: int | None
    p90: int | None
    open_now: Mapping[str, int]
    overdue: int
    longest_overdue: int
    ringing: int
    unsure: int
    exemptions: Mapping[str, int]
    by_rule: int
    sample: Mapping[str, int]
    outages: tuple[Outage, ...]
    gaps: tuple[Gap, ...]
    spent: Mapping[str, float]


def figures(rows: Rows, first: date, last: date) -> Figures:
    """See `Figures`."""
    states = {row["state"]: row["number"] for row in rows.heard}
    answered, exempted = states.pop("answered", 0), states.pop("exempted", 0)
    deleted, open_ = states.pop("deleted", 0), sum(states.values())
    waited = sorted(max(0, row["answered_at"] - row["posted_at"]) for row in rows.answered)
    reasons: dict[str, int] = {}
    for row in rows.exempted:
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["number"]
    due = [row["first_due"] for row in rows.open if row["overdue"]]
    judged = {row["verdict"]: row["number"] for row in rows.judged}
    return Figures(
        first=first,
        last=last,
        addresses=answered + exempted + deleted + open_,
        answered=answered,
        exempted=exempted,
        deleted=deleted,
        open=open_,
        answer_rate=rates(answered, exempted, open_),
        answers=len(waited),
        median=int(median(waited)) if waited else None,
        p90=waited[ceil(0.9 * len(waited)) - 1] if waited else None,
        open_now={row["process"]: row["number"] for row in rows.open},
        overdue=sum(row["overdue"] for row in rows.open),
        longest_overdue=rows.now - min(due) if due else 0,
        ringing=rows.ringing,
        unsure=rows.unsure,
        exemptions=dict(sorted(reasons.items())),
        by_rule=sum(row["number"] for row in rows.exempted if row["rule"]),
        sample={
            "looked_at": judged.get("ok", 0) + judged.get("wrong", 0),
            "wrong": judged.get("wrong", 0),
            "waiting": judged.get("", 0),
        },
        outages=outages(rows),
        gaps=tuple(Gap(row["listener"], row["from_at"], row["to_at"]) for row in rows.gaps),
        spent={row["account"]: row["cost"] / 1e6 for row in rows.spent},
    )


def outages(rows: Rows) -> tuple[Outage, ...]:
    """How long each source could not be heard, within the period: from each first fault to the recovery."""
    failing = {row["listener"]: row["failing_since"] for row in rows.failing}
    spans: dict[str, list[int]] = {}
    since: dict[str, int] = {}

    def over(name: str, began: int, ended: int) -> None:
        length = min(ended, rows.end, rows.now) - max(began, rows.start)
        if length > 0:
            spans.setdefault(name, []).append(length)

    for row in rows.log:
        if row["kind"] == "source_failed":
            since.setdefault(row["source"], row["at"])
        else:  # where the first that is known of a source is its recovery, the fault began before
            over(row["source"], since.pop(row["source"], rows.start), row["at"])
    for name, began in failing.items():
        over(name, began, rows.now)
    return tuple(
        Outage(name, sum(lengths), len(lengths), name in failing) for name, lengths in sorted(spans.items())
    )
