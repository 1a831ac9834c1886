"""Commands of a community manager: look, and act."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import click
import typer

from bot.cli.common import DESK, actor, app, console, house, print_json, settings, store_only
from bot.errors import ConfigError, NotPossible
from bot.models import Process

if TYPE_CHECKING:
    from bot.app import App
    from bot.models import Price
    from bot.store import Row

_MOST: Final = 2**63 - 1  # what the store can number
Mention = Annotated[
    int, typer.Argument(min=1, max=_MOST, help="The number of the mention, as `vigie inbox` shows it.")
]
Json = Annotated[bool, typer.Option("--json", help="For a machine.")]
DraftNumber = Annotated[int, typer.Option("--draft", min=1, help="Which of the drafts.")]
Version = Annotated[
    int | None,
    typer.Option(min=0, max=_MOST, help="The version you saw; if it is no longer that one, nothing is done."),
]


@app.command(rich_help_panel=DESK)
def inbox(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """What waits for a human, the most pressing promise first."""
    from bot.cli import show
    from bot.store import as_json as shapes
    from bot.store import ms, utcnow, views

    with store_only() as store, store.read() as tx:
        rows, total = views.inbox(tx, limit), views.waiting(tx)
    now = ms(utcnow())
    if as_json:
        print_json([shapes.mention(row) for row in rows])
        return
    show.inbox(console(), rows, total, now)


@app.command(name="show", rich_help_panel=DESK)
def show_(mention: Mention, as_json: Json = False) -> None:
    """One mention: the person, what was said, tags, drafts, history, and what you can do."""
    from bot.cli import show
    from bot.desk import actions_for
    from bot.store import as_json as shapes
    from bot.store import events, ms, utcnow, views

    with store_only() as store, store.read() as tx:
        row = views.mention_row(tx, mention)
        replies = views.replies_of(tx, mention)
        said = views.conversation(tx, row)
        others, person = views.others_of_author(tx, row), views.person(tx, row)
        history, actions = events.of_mention(tx, mention), actions_for(row)
        whole = shapes.whole(tx, row, actions)
    prices = _prices(row, replies)
    if as_json:
        print_json(whole | {"prices": {number: found._asdict() for number, found in prices.items()}})
        return
    show.mention(console(), row, replies, said, others, person, history, actions, prices, ms(utcnow()))


def _prices(mention: Row, replies: Sequence[Row]) -> dict[int, Price]:
    """What the drafts would cost, if the config is there and whole: for looking it need not be."""
    from bot.price import price_of

    drafts = [r for r in replies if r["state"] in ("draft", "refused")]
    if not drafts:
        return {}
    try:
        loaded = settings()
    except ConfigError:
        return {}
    found = {r["id"]: price_of(loaded, r, mention) for r in drafts}
    return {number: cost for number, cost in found.items() if cost is not None}


@app.command(rich_help_panel=DESK)
def approve(
    mention: Mention,
    draft: DraftNumber = 1,
    version: Version = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let a draft go out, exactly as it is shown."""
    from bot.cli import show
    from bot.price import price_of

    with house() as built:
        row, reply = _draft(built, mention, draft)
        seen = row["version"] if version is None else version
        if sys.stdin.isatty() and not yes:
            show.question(console(), row, reply, price_of(built.watch.settings, reply, row))
            typer.confirm("Send this?", abort=True)
        built.desk.approve(reply["id"], seen, actor())
        _deliver(built, reply["id"])


def _deliver(built: App, reply_id: int) -> None:
    """Send it from here; if a daemon runs, whoever claims it first does, and we tell how it went."""
    from bot.steps.deliver import deliver_one
    from bot.store import views

    deliver_one(built.watch, reply_id)
    patience = time.monotonic() + built.watch.settings.root.delivery.lease.total_seconds()
    while True:
        with built.watch.store.read() as tx:
            reply = views.reply_row(tx, reply_id)
        if reply["state"] != "sending" or time.monotonic() > patience:
            break
        time.sleep(0.1)
    _tell(reply)


def _tell(reply: Row) -> None:
    from bot.cli import show

    out = console()
    state, reason = reply["state"], show.plain(reply["reason"])
    if state == "sent":
        out.print(f"Sent. {show.plain(reply['url'])}".rstrip(), markup=False, soft_wrap=True)
        return
    told = {
        "ready": f"Approved; it goes out later ({reason or 'a running daemon will send it'}).",
        "sending": "Approved; it is being sent.",
        "draft": f"Not sent: {reason}. It is a draft again.",
        "refused": f"Not sent: the network refuses it ({reason}).",
        "unsure": f"It may or may not be posted ({reason}). Vigie will look; nothing is sent twice.",
        "discarded": f"Not sent: {reason}.",
    }
    out.print(told[state], markup=False)
    raise typer.Exit(0 if state in ("ready", "sending") else 1)


def _draft(built: App, mention: int, number: int) -> tuple[Row, Row]:
    from bot.store import news, views

    with built.watch.store.read() as tx:
        row = views.mention_row(tx, mention)
        drafts = [r for r in views.replies_of(tx, mention) if r["state"] in ("draft", "refused")]
        last = news.last(tx, row["conversation_id"])
    if not drafts and row["state"] not in ("waiting", "escalated"):
        raise NotPossible(f"mention {mention} is {row['state']} and has no draft: {last}")
    if number > len(drafts):
        have = f"it has {len(drafts) or 'none'}"
        raise NotPossible(
            f"mention {mention} has no draft {number}: {have}; `vigie edit {mention} --new` writes one"
        )
    return row, drafts[number - 1]


@app.command(rich_help_panel=DESK)
def edit(
    mention: Mention,
    draft: DraftNumber = 1,
    text: Annotated[str, typer.Option(help="The new text; without it, your editor opens.")] = "",
    new: Annotated[bool, typer.Option("--new", help="Write a further draft.")] = False,
    version: Version = None,
) -> None:
    """Change a draft, or write one."""
    from bot.store import views

    with house() as built:
        with built.watch.store.read() as tx:
            row = views.mention_row(tx, mention)
            drafts = [r for r in views.replies_of(tx, mention) if r["state"] in ("draft", "refused")]
        reply = None if new or not drafts else _draft(built, mention, draft)[1]
        if not text and not sys.stdin.isatty():
            raise NotPossible("give the new text: --text TEXT")
        if not text:
            text = (click.edit(reply["text"] if reply else "") or "").strip()
        if not text:
            raise NotPossible("nothing was written, so nothing was changed")
        seen = row["version"] if version is None else version
        built.desk.edit(mention, reply["id"] if reply else None, text, seen, actor())
        console().print(f"Draft kept. `vigie approve {mention}` sends it.", markup=False)


@app.command(rich_help_panel=DESK)
def reject(mention: Mention, draft: DraftNumber = 1, version: Version = None) -> None:
    """Put a draft aside. The person goes on waiting, and so does the clock."""
    with house() as built:
        row, reply = _draft(built, mention, draft)
        built.desk.reject(reply["id"], row["version"] if version is None else version, actor())
        console().print("Draft put aside; the person still waits.")


@app.command(rich_help_panel=DESK)
def assign(
    mention: Mention, to: Annotated[str, typer.Argument(help="To whom.")], version: Version = None
) -> None:
    """Give a mention to somebody."""
    with house() as built:
        built.desk.assign(mention, to, _seen(built, mention, version), actor())
        console().print(f"Mention {mention} is with {to}.", markup=False)


@app.command(rich_help_panel=DESK)
def exempt(
    mention: Mention,
    reason: Annotated[
        str,
        typer.Argument(
            help="Why no answer is given: one of exemptions: in the config. Left out: what is proposed."
        ),
    ] = "",
    version: Version = None,
) -> None:
    """Close an address without an answer, in your name, for a reason that counts."""
    from bot.store import exemptions

    with house() as built:
        built.desk.exempt(mention, reason, _seen(built, mention, version), actor())
        with built.watch.store.read() as tx:
            closed = exemptions.in_force(tx, mention)
        why = closed["reason"] if closed else reason
        console().print(f"Mention {mention} is closed without an answer: {why}, by {actor()}.", markup=False)


@app.command(rich_help_panel=DESK)
def reopen(mention: Mention, version: Version = None) -> None:
    """Take back an exemption."""
    with house() as built:
        built.desk.reopen(mention, _seen(built, mention, version), actor())
        console().print(f"Mention {mention} waits for an answer again.")


@app.command(rich_help_panel=DESK)
def escalate(
    mention: Mention,
    reason: Annotated[str, typer.Argument(help="Why, in a few words.")] = "escalated by hand",
    version: Version = None,
) -> None:
    """Put a mention before people now; it rings until somebody acknowledges it."""
    from bot.steps.sweep import ring

    with house() as built:
        built.desk.escalate(mention, reason, _seen(built, mention, version), actor())
        ring(built.watch)
        console().print(f"Mention {mention} rings until somebody acknowledges it.")


@app.command(rich_help_panel=DESK)
def handover(
    mention: Mention,
    process: Annotated[Process, typer.Argument(help="To which process.")],
    version: Version = None,
) -> None:
    """Pass a person on to a process."""
    with house() as built:
        built.desk.hand_over(mention, process, _seen(built, mention, version), actor())
        console().print(f"Mention {mention} is with {process}.")


@app.command(rich_help_panel=DESK)
def note(mention: Mention, text: Annotated[str, typer.Argument(help="What colleagues should know.")]) -> None:
    """Leave a note for colleagues. It is never sent."""
    with house() as built:
        built.desk.note(mention, text, actor())
        console().print("Noted; only colleagues see it.")


@app.command(rich_help_panel=DESK)
def outcome(
    mention: Mention,
    what: Annotated[str, typer.Argument(help="accepted, resolved, converted, shipped or declined.")],
) -> None:
    """Say what came of it, as its process confirms."""
    with house() as built:
        built.desk.outcome(mention, what, actor())
        console().print(f"Noted: what came of mention {mention} is that it was {what}.")


@app.command(rich_help_panel=DESK)
def acknowledge(
    what: Annotated[
        str, typer.Argument(help="A mention's number, or another escalation, such as source:blog.")
    ],
) -> None:
    """Stop the ringing. The clock runs on."""
    with house() as built:
        if what.isdecimal() and int(what) <= _MOST:
            built.desk.acknowledge(int(what), actor())
        else:
            built.desk.acknowledge_key(what, actor())
        console().print("Acknowledged; it is silent until its next tier. The clock runs on.")


@app.command(rich_help_panel=DESK)
def resolve(
    reply: Annotated[
        int, typer.Argument(min=1, max=_MOST, help="The number of the reply, as `vigie show` has it.")
    ],
    verdict: Annotated[str, typer.Argument(help="sent, again or discard.")],
    url: Annotated[str, typer.Option(help="Where it stands, if it was sent.")] = "",
    version: Version = None,
) -> None:
    """Say what became of a reply that may already be posted."""
    from bot.store import views

    with house() as built:
        with built.watch.store.read() as tx:
            mention = views.reply_row(tx, reply)["mention_id"]
        built.desk.resolve(reply, verdict, _seen(built, mention, version), actor(), url)
        console().print("Noted.")


@app.command(rich_help_panel=DESK)
def confirm(
    mention: Mention,
    url: Annotated[str, typer.Option(help="The public link of your answer.")],
    version: Version = None,
) -> None:
    """Say that you answered by hand, where Vigie cannot: give the link."""
    with house() as built:
        built.desk.confirm(mention, url, _seen(built, mention, version), actor())
        console().print("Noted as answered.")


def _seen(built: App, mention: int, version: int | None) -> int:
    from bot.store import views

    if version is not None:
        return version
    with built.watch.store.read() as tx:
        return int(views.mention_row(tx, mention)["version"])
