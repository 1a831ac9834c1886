"""The figures of a report as tables: each stands behind a chart, and is what JSON and CSV hold. Pure.

Titles are English; `bot.web` translates them. Cells are numbers, codes and names; times and lengths are in
milliseconds, rates parts of one, money US dollars. `None`: there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from bot.models import INTENTS, SENTIMENTS
from bot.reports.books import Books
from bot.reports.figures import Figures
from bot.reports.waits import EDGES, Spread

Kind = Literal["name", "network", "code", "count", "rate", "length", "money", "time", "hour", "weekday"]
"""What cells hold: "name" came from outside, "network" is the code of one, "code" is a word of ours, "time"
begins a bucket."""
Cell = str | int | float | None


class Column(NamedTuple):
    key: str
    title: str
    kind: Kind


class Table(NamedTuple):
    """`name` is what exports call it, `about` says in a sentence what is counted. The first `heads` columns
    name the row."""

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heads: int = 1


OUTCOMES: Final = ("accepted", "resolved", "converted", "shipped", "declined")
_SERVICE: Final = "service"


def tables(found: Figures) -> dict[str, Table]:
    """All of them, by name, in the order of the page."""
    return {table.name: table for table in _tables(found)}


def _tables(found: Figures) -> Iterator[Table]:
    yield Table(
        "books",
        "The books",
        "Addresses posted in this period, and how they stand now: answered + closed without an answer +"
        " deleted by their authors + open. A promise is kept when the answer stood by the time promised; it"
        " is broken when the answer came later, or is overdue.",
        _BOOKS,
        (_books(found.books),),
        heads=0,
    )
    yield _grouped(
        Column("network", "Network", "network"),
        "networks",
        "By network",
        "The same books for each network.",
        found.networks.items(),
    )
    yield _grouped(
        Column("process", "Process", "code"),
        "processes",
        "By process",
        "The same books for each process that people were passed on to.",
        found.processes.items(),
    )
    yield _waits(found)
    yield _grouped(
        Column("hour", "Hour", "hour"),
        "hours",
        "By hour of the day",
        "Addresses by the hour in which they were posted, on the brand’s clocks.",
        enumerate(found.hours),
    )
    yield _grouped(
        Column("weekday", "Weekday", "weekday"),
        "weekdays",
        "By weekday",
        "Addresses by the day of the week on which they were posted.",
        enumerate(found.weekdays),
    )
    yield _grouped(
        _FROM,
        "times",
        "Addresses over time",
        "Addresses by when they were posted, and how they stand now.",
        ((bucket.start, books) for bucket, books in found.times),
    )
    yield from _said(found)
    yield _exempted(found)
    yield _funnel(found)
    yield _outcomes(found)
    yield _shares(found)
    yield _escalations(found)
    yield _spent(found)


_FROM: Final = Column("from", "From", "time")
_BOOKS: Final = (
    Column("addresses", "Addresses", "count"),
    Column("answered", "Answered", "count"),
    Column("exempted", "Closed without an answer", "count"),
    Column("deleted", "Deleted by author", "count"),
    Column("open", "Open", "count"),
    Column("overdue", "Overdue", "count"),
    Column("rate_all", "Answer rate, all", "rate"),
    Column("rate_after_exemptions", "Answer rate, after exemptions", "rate"),
    Column("promises_kept", "Promises kept", "count"),
    Column("promises_broken", "Promises broken", "count"),
    Column("kept_rate", "Promises kept, rate", "rate"),
    Column("median", "Median wait", "length"),
    Column("p90", "9 in 10 waited at most", "length"),
    Column("p95", "19 in 20 waited at most", "length"),
    Column("median_open", "Median wait, open hours", "length"),
    Column("p90_open", "9 in 10, open hours", "length"),
    Column("p95_open", "19 in 20, open hours", "length"),
)


def _books(books: Books) -> tuple[Cell, ...]:
    both = books.rates
    return (
        books.addresses, books.answered, books.exempted, books.deleted, books.open, books.overdue,
        both["all"], both["after_exemptions"], books.kept, books.broken, books.kept_rate,
        *_percentiles(books.clock), *_percentiles(books.office),
    )  # fmt: skip


def _percentiles(spread: Spread) -> tuple[int | None, ...]:
    return spread.median, spread.p90, spread.p95


def _grouped(
    head: Column, name: str, title: str, about: str, groups: Iterable[tuple[str | int, Books]]
) -> Table:
    rows = tuple((key, *_books(books)) for key, books in groups)
    return Table(name, title, about, (head, *_BOOKS), rows)


def _waits(found: Figures) -> Table:
    bars = zip(pairwise([*EDGES, None]), found.books.clock.bars, found.books.office.bars, strict=True)
    return Table(
        "waits", "Time to first answer",
        "How long those who were answered had waited for the first answer to what they posted: by the clock,"
        " and counting only the hours in which the brand is open. Holding replies do not count; who still"
        " waits is in no bar.",
        (Column("from", "At least", "length"), Column("to", "Less than", "length"),
         Column("clock", "By the clock", "count"), Column("open_hours", "In open hours", "count")),
        tuple((low, high, clock, office) for (low, high), clock, office in bars),
        heads=2,
    )  # fmt: skip


def _said(found: Figures) -> Iterator[Table]:
    yield Table(
        "volume", "Volume",
        "Everything that people said, without shares: addresses, which are owed an answer, and other"
        " mentions.",
        (_FROM, Column("addresses", "Addresses", "count"), Column("others", "Other mentions", "count")),
        tuple((one.bucket.start, one.addresses, one.mentions - one.addresses) for one in found.said),
    )  # fmt: skip
    yield Table(
        "sentiment", "Sentiment",
        "How the same messages sound: to the analysis, or to whoever corrected it.",
        (_FROM, *(Column(label, label, "count") for label in SENTIMENTS)),
        tuple((one.bucket.start, *one.sentiments.values()) for one in found.said),
    )  # fmt: skip
    yield Table(
        "intent", "Intent",
        "What the same messages want, each counted once, by what it wants first.",
        (_FROM, *(Column(label, label, "count") for label in INTENTS)),
        tuple((one.bucket.start, *one.intents.values()) for one in found.said),
    )  # fmt: skip


def _exempted(found: Figures) -> Table:
    ordered = sorted(found.exempted.items(), key=lambda one: (-sum(one[1]), one[0]))
    return Table(
        "exempted", "Closed without an answer",
        "Addresses of this period that are closed without an answer now, by reason, and whether a person or a"
        " rule closed them.",
        (Column("reason", "Reason", "code"), Column("people", "By people", "count"),
         Column("rules", "By rules", "count")),
        tuple((reason, *numbers) for reason, numbers in ordered),
    )  # fmt: skip


def _funnel(found: Figures) -> Table:
    books = found.books
    passed_on = sum(one.addresses for process, one in found.processes.items() if process != _SERVICE)
    confirmed = sum(number for (_, outcome), number in found.outcomes.items() if outcome)
    steps = (
        ("addresses", books.addresses), ("answered", books.answered), ("handed_over", passed_on),
        ("outcome", confirmed),
    )  # fmt: skip
    return Table(
        "funnel", "From address to outcome",
        "Of the addresses of this period, how many were answered, how many went to a process other than"
        " service, and of how many it is confirmed what came of them.",
        (Column("step", "Step", "code"), Column("number", "Number", "count"),
         Column("part", "Of all addresses", "rate")),
        tuple((step, n, round(n / books.addresses, 4) if books.addresses else None) for step, n in steps),
    )  # fmt: skip


def _outcomes(found: Figures) -> Table:
    processes = sorted({process for process, _ in found.outcomes})
    return Table(
        "outcomes", "Outcomes",
        "What came of the addresses of this period, as their processes confirmed it; “not known” where it was"
        " promised and nobody has said it.",
        (Column("process", "Process", "code"), *(Column(one, one, "count") for one in OUTCOMES),
         Column("not_known", "not known", "count")),
        tuple(
            (process, *(found.outcomes.get((process, one), 0) for one in (*OUTCOMES, "")))
            for process in processes
        ),
    )  # fmt: skip


def _shares(found: Figures) -> Table:
    return Table(
        "shares", "Shares, for reach",
        "Bare reposts, likes and links of this period, and how many follow those who shared, where the"
        " network tells. They are owed nothing, and are in none of the other figures.",
        (Column("network", "Network", "network"), Column("shares", "Shares", "count"),
         Column("reach", "Reach", "count")),
        tuple((network, *numbers) for network, numbers in found.shares.items()),
    )  # fmt: skip


def _escalations(found: Figures) -> Table:
    return Table(
        "escalations", "Escalations",
        "What began to ring in this period, and how long it took until somebody acknowledged it. What ended"
        " by itself was answered or mended before anybody had to.",
        (Column("what", "What rang", "code"), Column("number", "Number", "count"),
         Column("acknowledged", "Acknowledged", "count"), Column("ended", "Ended by itself", "count"),
         Column("ringing", "Ringing now", "count"), Column("median", "Median time to acknowledge", "length"),
         Column("p90", "9 in 10 at most", "length")),
        tuple(
            (what, one.number, one.acknowledged, one.ended, one.ringing, one.took.median, one.took.p90)
            for what, one in found.escalations.items()
        ),
    )  # fmt: skip


def _spent(found: Figures) -> Table:
    return Table(
        "spend", "Spend",
        "What the calls of each account cost on these days of the UTC calendar, in US dollars. It is not"
        " narrowed to a network or process.",
        (Column("account", "Account", "name"), Column("item", "Item", "name"),
         Column("number", "Number", "count"), Column("cost", "US dollars", "money")),
        tuple((*key, number, round(cost, 6)) for key, (number, cost) in found.spent.items()),
        heads=2,
    )  # fmt: skip
