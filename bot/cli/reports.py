"""Commands that tell: reports, the daily digest, and the sample of what rules closed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bot.cli.common import BOOKS, DESK, actor, app, console, house, print_json, settings, store_only
from bot.errors import NotPossible

if TYPE_CHECKING:
    from bot.config_sections import Root
    from bot.reports.figures import Figures
    from bot.reports.period import Period

_MOST = 2**63 - 1  # what the store can number
Json = Annotated[bool, typer.Option("--json", help="For a machine.")]


class Verdict(StrEnum):
    """Whether a rule was right to close it without an answer."""

    OK = "ok"
    WRONG = "wrong"


class Tongue(StrEnum):
    """In which language a report is written."""

    EN = "en"
    FR = "fr"


@app.command(rich_help_panel=BOOKS)
def report(
    first: Annotated[
        str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day. Default: 30 days in all.")
    ] = "",
    last: Annotated[
        str, typer.Option("--to", metavar="YYYY-MM-DD", help="The last day. Default: today.")
    ] = "",
    network: Annotated[str, typer.Option(metavar="NAME", help="Of this network alone.")] = "",
    process: Annotated[str, typer.Option(metavar="NAME", help="Of this process alone.")] = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it with its charts as one HTML file.")
    ] = None,
    csv: Annotated[str, typer.Option(metavar="TABLE", help="Print one table as CSV, such as networks.")] = "",
    lang: Annotated[
        Tongue | None, typer.Option(help="Of the HTML and the CSV. Default: the brand's first language.")
    ] = None,
    as_json: Json = False,
) -> None:
    """How well was whom answered, in a period: answer rates, promises, waits, volume, outcomes."""
    if sum((as_json, html is not None, bool(csv))) > 1:
        raise NotPossible("say one of --html, --json and --csv")
    root = settings().root
    found = _figures(root, _period(first, last, root), network, process)
    language = lang or (Tongue.FR if root.brand.languages[0] == "fr" else Tongue.EN)
    if as_json:
        from bot.web.report_cells import as_json as plain

        print_json(plain(found))
    elif html is not None:
        from bot.web.report_file import as_html

        html.write_text(as_html(found, root.brand.name, language), "utf-8")
        console().print(f"written: {html}", markup=False)
    elif csv:
        sys.stdout.write(_csv(found, csv, language))
    else:
        _print_report(found)


def _period(first: str, last: str, root: Root) -> Period:
    from bot.reports.period import DEFAULT, between, preset
    from bot.store import utcnow

    zone, now = ZoneInfo(root.promises.calendar.timezone), utcnow()
    if not (first or last):
        return preset(DEFAULT, zone, now)
    end = _day(last) if last else now.astimezone(zone).date()
    try:
        return between(_day(first) if first else end - timedelta(days=29), end, zone)
    except ValueError as error:
        raise NotPossible(str(error)) from None


def _figures(root: Root, period: Period, network: str, process: str) -> Figures:
    from bot.reports.figures import Asked, figures
    from bot.store import figures as rows_of
    from bot.store import ms, utcnow

    asked = Asked(period, network, process)
    with store_only() as store, store.read() as tx:
        return figures(rows_of.rows(tx, asked), asked, root.promises.calendar, ms(utcnow()))


def _csv(found: Figures, name: str, language: str) -> str:
    from bot.reports.tables import tables
    from bot.web.language import Languages
    from bot.web.report_cells import as_csv

    known = tables(found)
    if name not in known:
        raise NotPossible(f"there is no table {name!r}; there are: {', '.join(known)}")
    return as_csv(known[name], Languages(found.asked.period.zone).named(language))


def _print_report(found: Figures) -> None:
    from bot.cli.show import length

    out, books, period = console(), found.books, found.asked.period

    def percent(rate: float | None) -> str:
        return "–" if rate is None else f"{100 * rate:.1f} %"

    def wait(value: int | None) -> str:
        return "–" if value is None else length(value)

    out.print(
        f"{period.first} to {period.last} ({period.zone}): {books.addresses} addresses = {books.answered}"
        f" answered + {books.exempted} exempted + {books.deleted} deleted by author + {books.open} open"
    )
    both = books.rates
    out.print(
        f"answered: {percent(both['all'])} of all, {percent(both['after_exemptions'])} after exemptions"
    )
    out.print(f"promises: {books.kept} kept, {books.broken} broken ({percent(books.kept_rate)} kept)")
    for name, spread in (("by the clock", books.clock), ("in open hours", books.office)):
        median, p90, p95 = (wait(one) for one in (spread.median, spread.p90, spread.p95))
        out.print(
            f"time to first answer, {name}: half at most {median}, 9 in 10 {p90}, 19 in 20 {p95}",
            soft_wrap=True,
        )
    out.print(f"{books.overdue} overdue now", style="bold red" if books.overdue else "")
    for name, one in found.networks.items():
        out.print(f"  {name}: {one.addresses} addresses, {percent(one.rates['all'])} answered", markup=False)


@app.command(rich_help_panel=BOOKS)
def digest(
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Of which day. Default: yesterday.")] = "",
    as_json: Json = False,
) -> None:
    """What a day brought, and what is still open: the text that `digest:` in the config sends every day."""
    from bot.reports.digest import figures
    from bot.reports.digest_text import render
    from bot.reports.schedule import begins, yesterday
    from bot.store import digests, ms, utcnow

    root, now = settings().root, utcnow()
    zone = ZoneInfo(root.promises.calendar.timezone)
    about = _day(day) if day else yesterday(zone, now)
    with store_only() as store, store.read() as tx:
        start, end = begins(about, zone), begins(about + timedelta(days=1), zone)
        rows = digests.rows(tx, root.listeners, ms(start), ms(end), ms(now))
    found = figures(rows, about, about)
    if as_json:
        print_json(_plain(asdict(found)))
        return
    subject, text = render(found, root.brand.name, root.brand.languages[0])
    console().print(f"{subject}\n\n{text.rstrip()}", markup=False, soft_wrap=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotPossible(f"{text!r} is no day; write it as 2026-03-09") from None


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Days in ISO 8601, and named fields where tuples were."""
    days = {name: found[name].isoformat() for name in ("first", "last")}
    lists = {name: [one._asdict() for one in found[name]] for name in ("outages", "gaps")}
    return found | days | lists


@app.command(rich_help_panel=DESK)
def sample(
    mention: Annotated[
        int | None, typer.Argument(min=1, max=_MOST, help="One of them, to say what you think of it.")
    ] = None,
    verdict: Annotated[
        Verdict | None, typer.Argument(help="ok, or wrong: then the person waits for an answer again.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Some of what rules closed without an answer, each day anew: were they right?"""
    if mention is None:
        _list(as_json=as_json)
        return
    if verdict is None:
        raise NotPossible(f"say what you think of it: vigie sample {mention} ok, or wrong")
    from bot.store import views

    with house() as built:
        with built.watch.store.read() as tx:
            seen = views.mention_row(tx, mention)["version"]
        built.desk.judge(mention, seen, actor(), right=verdict is Verdict.OK)
        told = "Noted." if verdict is Verdict.OK else f"Noted. Mention {mention} waits for an answer again."
        console().print(told)


def _list(*, as_json: bool) -> None:
    from bot.cli import show
    from bot.store import as_json as shapes
    from bot.store import samples

    drawn_by = settings().root.sample
    with store_only() as store, store.tx() as tx:
        samples.draw(tx, drawn_by)
        rows = samples.waiting(tx)
    if as_json:
        print_json([{**shapes.mention(row), "exempted_as": row["exempted_as"]} for row in rows])
        return
    out = console()
    if not rows:
        out.print("Nothing to look at.")
    for row in rows:
        about = f"{row['id']}  {show.who(row)} on {row['network']}, {row['exempted_as']}"
        out.print(f"{about}: {show.short(row['text'], 200)}", markup=False, soft_wrap=True)
