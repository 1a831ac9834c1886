"""Commands about what is kept: audit, import, export, tag."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.common import BOOKS, app, console, house, options, print_json, settings, store_only

if TYPE_CHECKING:
    from bot.analysis import Tagger
    from bot.meter import Budget
    from bot.store import Tx

Json = Annotated[bool, typer.Option("--json", help="For a machine.")]


@app.command(rich_help_panel=BOOKS)
def audit(as_json: Json = False) -> None:
    """The proof: the books and every promise, recomputed from the event log. Exit 1 if they do not balance,
    if a past event or a promise was changed, or if an address is overdue."""
    from bot.audit import audit as recompute
    from bot.store import ms, utcnow

    with store_only() as store, store.read() as tx:
        found = recompute(tx, ms(utcnow()))
    if as_json:
        print_json(found)
    else:
        _print_audit(found)
    proved = found["balanced"] and not found["promises"]["wrong"]
    raise typer.Exit(0 if proved and not found["overdue"] else 1)


def _print_audit(found: dict[str, Any]) -> None:
    out = console()
    good = "[green]The books balance.[/]" if found["balanced"] else "[bold red]The books do not balance.[/]"
    out.print(
        f"{good} {found['addresses']} addresses = {found['answered']} answered + {found['exempted']} exempted"
        f" + {found['deleted']} deleted by author + {found['open']} open"
    )
    for problem in found["problems"]:
        out.print(problem, style="red", markup=False)
    chain = found["chain"]
    out.print(
        f"{chain['events']} events, chain {'whole' if chain['ok'] else 'BROKEN'}, head {chain['head'][:16]}…"
    )
    promises = found["promises"]
    out.print(
        f"promises recomputed: {promises['recomputed']}, wrong: {promises['wrong']}",
        style="bold red" if promises["wrong"] else "",
    )
    rate = found["answer_rate"]
    out.print(
        f"answered: {_percent(rate['all'])} of all, {_percent(rate['after_exemptions'])} after exemptions"
    )
    late = (
        f"{found['overdue']} overdue, {found['escalated_unacknowledged']} ringing, {found['unsure']} unsure"
    )
    out.print(late, style="bold red" if found["overdue"] else "")
    for reason, count in found["exemptions"].items():
        out.print(f"  exempted as {reason}: {count}", markup=False)
    sample = found["sample"]
    if found["exempted_by_rule"] or sample["looked_at"]:
        looked = f"of a sample, {sample['looked_at']} looked at, {sample['wrong']} wrong"
        out.print(f"  exempted by rules: {found['exempted_by_rule']}; {looked}, {sample['waiting']} to do")
    for source in found["sources"]:
        span = f"complete from {source['complete_from']} to {source['complete_to']}"
        out.print(f"  listener {source['listener']}: {span}, {len(source['gaps'])} gaps", markup=False)


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f} %"


@app.command(rich_help_panel=BOOKS)
def spend(as_json: Json = False) -> None:
    """What each account's calls cost today and this month (UTC), by item, and what it may spend."""
    from bot.store import utcnow

    budgets = settings().budgets
    with store_only() as store, store.read() as tx:
        found = accounts_of(tx, budgets, utcnow())
    if as_json:
        print_json(found)
    else:
        _print_spend(found)


def accounts_of(tx: Tx, budgets: Mapping[str, Budget], now: datetime) -> list[dict[str, Any]]:
    """One account each: today and this month in US dollars, its budget, and its items, the dearest first."""
    from bot.store import spend as rows_of_spend

    found = []
    for account in sorted({*budgets, *rows_of_spend.accounts(tx)}):
        items, budget = rows_of_spend.items(tx, account, now), budgets.get(account)
        found.append({
            "account": account,
            "today": sum(row["cost_today"] for row in items) / 1e6,
            "month": sum(row["cost_month"] for row in items) / 1e6,
            "budget": {"day": budget and budget.day, "month": budget and budget.month},
            "items": [
                {"item": row["item"],
                 "today": {"number": row["number_today"], "cost": row["cost_today"] / 1e6},
                 "month": {"number": row["number_month"], "cost": row["cost_month"] / 1e6}}
                for row in items
            ],
        })  # fmt: skip
    return found


def _print_spend(found: list[dict[str, Any]]) -> None:
    out = console()
    if not found:
        out.print("Nothing was spent, and no account here costs anything.")
    for one in found:
        today, month = (
            _of(one[name], one["budget"][limit]) for name, limit in (("today", "day"), ("month",) * 2)
        )
        out.print(f"{one['account']}: {today} today, {month} this month (US dollars, UTC)", markup=False)
        for item in one["items"]:
            now, all_ = item["today"], item["month"]
            out.print(
                f"  {item['item']}: {now['number']} for {now['cost']:.3f} today,"
                f" {all_['number']} for {all_['cost']:.3f} this month", markup=False,
            )  # fmt: skip


def _of(spent: float, budget: float | None) -> str:
    return f"{spent:.3f}" if budget is None else f"{spent:.3f} of {budget:.2f}"


@app.command(name="import", rich_help_panel=BOOKS)
def import_(
    file: Annotated[Path, typer.Argument(help="Mentions as JSONL, or - for standard input.")],
) -> None:
    """Bring in mentions by the same way as the daemon's. Bad lines are named, good ones kept."""
    from bot.importing import Tally, bring_in

    with house(settings()) as built, _opened(file) as lines:
        tally = Tally()
        for fault in bring_in(built.watch, _with_progress(lines, file), tally):
            sys.stderr.write(fault + "\n")
    console().print(f"{tally.new} new, {tally.known} known before, {tally.bad} bad lines")
    raise typer.Exit(1 if tally.bad else 0)


@app.command(rich_help_panel=BOOKS)
def export(
    events: Annotated[
        bool, typer.Option("--events", help="The event log instead, for an audit elsewhere.")
    ] = False,
) -> None:
    """Print all mentions as JSONL, as `vigie import` reads them."""
    from bot import jsonl
    from bot.store import events as log_of
    from bot.store import mentions, views

    with store_only() as store, store.read() as tx:
        if events:
            for row in log_of.walk(tx):
                sys.stdout.write(json.dumps(dict(row), ensure_ascii=False) + "\n")
            return
        last = 0
        while rows := views.page(tx, last):
            sys.stdout.writelines(jsonl.render(mentions.mention(row)) + "\n" for row in rows)
            last = rows[-1]["id"]


@app.command(rich_help_panel=BOOKS)
def tag(
    file: Annotated[Path, typer.Argument(help="JSONL with at least text, or - for standard input.")] = Path(
        "-"
    ),
    why: Annotated[bool, typer.Option("--why", help="Name the words that weighed most.")] = False,
) -> None:
    """JSONL in, JSONL out, same order: language, sentiment, intents, urgency, personal data."""
    from bot.tagging import tag_lines

    bad = 0
    with _opened(file) as lines:
        for line, fault in tag_lines(tagger(), lines, why=why):
            if fault:
                bad += 1
                sys.stderr.write(fault + "\n")
            else:
                sys.stdout.write(line + "\n")
    raise typer.Exit(1 if bad else 0)


def tagger() -> Tagger:
    """The tagger of the config, if there is one here; else the one that ships."""
    if not options.config.exists():
        from bot.analysis import Tagger

        return Tagger()
    from bot.config import brand_and_analysis
    from bot.learned import tagger_for

    return tagger_for(*brand_and_analysis(options.config))


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}")
    with file.open("rb") as opened:
        yield opened


def _with_progress(lines: Iterable[bytes], file: Path) -> Iterator[bytes]:
    """Show how far it is, on a terminal only."""
    if not sys.stderr.isatty() or str(file) == "-":
        yield from lines
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=file.stat().st_size)
        for line in lines:
            bar.advance(task, len(line))
            yield line
