"""Commands that tell: the daily digest, and the sample of what rules closed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from bot.cli.common import BOOKS, DESK, actor, app, console, house, print_json, settings, store_only
from bot.errors import NotPossible

_MOST = 2**63 - 1  # what the store can number
Json = Annotated[bool, typer.Option("--json", help="For a machine.")]


class Verdict(StrEnum):
    """Whether a rule was right to close it without an answer."""

    OK = "ok"
    WRONG = "wrong"


@app.command(rich_help_panel=BOOKS)
def digest(
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Of which day. Default: yesterday.")] = "",
    as_json: Json = False,
) -> None:
    """What a day brought, and what is still open: the text that `digest:` in the config sends every day."""
    from bot.reports.digest import figures, render
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
    from bot.store import samples

    drawn_by = settings().root.sample
    with store_only() as store, store.tx() as tx:
        samples.draw(tx, drawn_by)
        rows = samples.waiting(tx)
    if as_json:
        print_json([show.as_json(row) | {"exempted_as": row["exempted_as"]} for row in rows])
        return
    out = console()
    if not rows:
        out.print("Nothing to look at.")
    for row in rows:
        about = f"{row['id']}  {show.who(row)} on {row['network']}, {row['exempted_as']}"
        out.print(f"{about}: {show.short(row['text'], 200)}", markup=False, soft_wrap=True)
