"""How mentions look on a terminal. People's texts are printed as text: no markup, no control characters."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.models import Price
from bot.stop import ASKED
from bot.store import Row, instant
from bot.store.as_json import proposal

_MINUTE: Final = 60_000
# Control, format and surrogate characters steer terminals; line breaks and what joins emoji may stay.
_STEERING: Final = ("Cc", "Cf", "Cs")
_HARMLESS: Final = "\n\t\u200d\ufe0f"
_STYLES: Final = {"overdue": "bold red", "soon": "yellow"}


def plain(text: str) -> str:
    """A stranger's text without anything that could steer a terminal."""
    return "".join(
        c if c in _HARMLESS or unicodedata.category(c) not in _STEERING else "\ufffd" for c in text
    )


def short(text: str, length: int = 60) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def time_left(due_at: int | None, now: int) -> Text:
    """How long until the promise, in words; red once it is past."""
    if due_at is None:
        return Text("–", style="dim")
    left = due_at - now
    words = length(abs(left))
    if left <= 0:
        return Text(f"overdue {words}", style=_STYLES["overdue"])
    return Text(words, style=_STYLES["soon"] if left < 60 * _MINUTE else "")


def length(ms: int) -> str:
    """A length of time in its two largest units."""
    minutes = ms // _MINUTE
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min" if minutes else f"{ms // 1000} s"


def who(row: Row) -> str:
    return short(row["author_name"] or row["author_handle"] or "(no name)", 24)


def inbox(out: Console, rows: Sequence[Row], total: int, now: int) -> None:
    """The queue as a table: one line each; what matters less gives way on a narrow terminal."""
    if not rows:
        out.print("Nobody waits.")
        return
    wide, wider = out.width >= 100, out.width >= 130
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("nr", justify="right", no_wrap=True, min_width=max(2, len(str(rows[-1]["id"]))))
    table.add_column("time left", no_wrap=True, min_width=16)
    table.add_column("who", no_wrap=True, min_width=10, max_width=20)
    table.add_column("what they wrote", no_wrap=True, ratio=1)
    if wide:
        table.add_column("tags", no_wrap=True, min_width=18)
    table.add_column("drafts", no_wrap=True, justify="right", min_width=6)
    if wider:
        table.add_column("network", no_wrap=True)
    table.add_column("state", no_wrap=True, min_width=9)
    for row in rows:
        cells = [Text(str(row["id"])), time_left(row["due_at"], now), Text(who(row))]
        cells.append(Text(short(row["text"], 200) or "(no words)"))
        cells += [Text(tags(row))] if wide else []
        cells.append(Text(str(row["drafts"] or "–")))
        cells += [Text(short(row["network"], 20))] if wider else []
        cells.append(Text(_stands(row, wide=wide)))
        table.add_row(*cells)
    out.print(table)
    if total > len(rows):
        out.print(f"… and {total - len(rows)} more", style="dim")


def _stands(row: Row, *, wide: bool) -> str:
    """The state, with whom it is, and what is proposed; in few words where there is little room."""
    parts = [row["state"], plain(row["assignee"])]
    if why := proposal(row):
        parts = [*parts, f"proposed: {why}"] if wide else ["proposed", parts[1]]
    return ", ".join(filter(None, parts))


def tags(row: Row) -> str:
    """What analysis and rules made of it, in three words or so."""
    found = json.loads(row["analysis"] or "{}")
    words = [found.get("intent", ""), found.get("sentiment", "")]
    if row["priority"] != "normal":
        words.append(row["priority"])
    return " ".join(filter(None, words))


def mention(
    out: Console,
    row: Row,
    replies: Sequence[Row],
    said: Sequence[dict[str, Any]],
    others: Sequence[Row],
    person: Row,
    history: Sequence[Row],
    actions: Sequence[str],
    prices: Mapping[int, Price],
    now: int,
) -> None:
    """Everything about one mention. `prices`: what it costs to send a reply, by its id, where it is known."""
    title = Text(f"{row['id']}  {short(row['network'])}  {who(row)}  ")
    title.append(row["state"], style="bold")
    out.print(title)
    facts = [
        f"process {row['process']}",
        f"priority {row['priority']}",
        tags(row),
        f"version {row['version']}",
    ]
    if row["assignee"]:
        facts.append(f"with {row['assignee']}")
    out.print(Text("  ".join(filter(None, facts)), style="dim"))
    if row["addressed"] and row["state"] in ("new", "waiting", "escalated", "answering"):
        out.print(Text("answer owed: ").append_text(time_left(row["due_at"], now)))
    _who_speaks(out, row, person)
    if (told := _outcome(row, now)) is not None:
        out.print(told)
    if row["stopped_at"] is not None:
        when = f"{instant(row['stopped_at']):%Y-%m-%d %H:%M} UTC"
        out.print(Text(f"{ASKED}, on {when}: nothing goes out to them here", style="bold yellow"))
    if row["deleted_at"] is not None:
        out.print(Text("deleted by its author: the words are no longer kept", style="dim"))
    if row["url"]:
        out.print(Text(plain(row["url"]), style="blue"))
    for line in said:
        name = "we" if line["own"] else who(row)
        when = f"{instant(line['at']):%Y-%m-%d %H:%M} UTC"
        out.print(
            Panel(Text(plain(line["text"]) or "(no words)"), title=f"{name}, {when}", title_align="left")
        )
    for other in others:
        out.print(Text(f"earlier, {other['id']} ({other['state']}): {short(other['text'])}", style="dim"))
    _drafts(out, replies, prices)
    _history(out, history)
    if actions:
        out.print(f"You can: {', '.join(actions)}", style="dim")


def _outcome(row: Row, now: int) -> Text | None:
    """What came of it, or by when that is to be said."""
    if row["outcome"] is not None:
        return Text(f"outcome: {row['outcome']}", style="bold")
    if row["outcome_due_at"] is None or row["state"] in ("exempted", "deleted"):
        return None
    return Text("outcome owed: ").append_text(time_left(row["outcome_due_at"], now))


def _who_speaks(out: Console, row: Row, person: Row) -> None:
    """What became of all that they ever said here, when there was contact last, and what is proposed now."""
    since, last = (f"{instant(person[at]):%Y-%m-%d}" for at in ("first_at", "last_at"))
    counts = ", ".join(f"{person[name]} {name}" for name in ("answered", "exempted", "open"))
    spoke = (
        f"{who(row)}: {person['said']} messages from {since} to {last}, {person['addresses']} of them to us"
    )
    contact = "never answered"
    if person["answered_at"] is not None:
        contact = f"last answered {instant(person['answered_at']):%Y-%m-%d %H:%M} UTC"
    out.print(Text(f"{spoke}: {counts}; {contact}", style="dim"))
    if why := proposal(row):
        out.print(Text(f"proposed: {why} (`vigie exempt {row['id']}` takes it)", style="yellow"))


def _drafts(out: Console, replies: Sequence[Row], prices: Mapping[int, Price]) -> None:
    number = 0
    for reply in replies:
        if reply["state"] in ("draft", "refused"):
            number += 1
            title = f"draft {number}" + (" – shortened, look at its end" if reply["cut"] else "")
        elif reply["state"] == "discarded":
            continue
        else:
            title = f"reply {reply['id']}, {reply['state']}"
        body = Text(plain(reply["text"]))
        if reply["reason"]:
            body.append(f"\n({plain(reply['reason'])})", style="yellow")
        out.print(Panel(body, title=title, title_align="left", border_style="green"))
        if (known := prices.get(reply["id"])) is not None and reply["state"] in ("draft", "refused"):
            out.print(price(known))


def _history(out: Console, history: Sequence[Row]) -> None:
    for event in history:
        line = f"{instant(event['at']):%Y-%m-%d %H:%M:%S}  {event['kind']}"
        if event["actor"] != "vigie":
            line += f" by {event['actor']}"
        out.print(Text(line, style="dim"))


def price(found: Price) -> Text:
    """What a reply costs, and what to know about it."""
    line = Text(f"costs {found.amount:.3f} US dollars", style="dim")
    return line.append(f": {plain(found.warning)}", style="yellow") if found.warning else line


def question(out: Console, row: Row, reply: Row, cost: Price | None) -> None:
    """What an approver must see before saying yes: the words, exactly what will be sent, what it costs."""
    out.print(Panel(Text(plain(row["text"]) or "(no words)"), title=who(row), title_align="left"))
    out.print(
        Panel(Text(plain(reply["text"])), title="will be sent", title_align="left", border_style="green")
    )
    if cost is not None:
        out.print(price(cost))
