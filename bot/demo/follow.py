"""One tidy line for each thing that happens, read from the event log alone: no step knows of it."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from bot.audit import audit
from bot.cli import show
from bot.demo.words import Words
from bot.errors import StoreUnavailable
from bot.store import Row, Store, Tx, escalations, events, ms, utcnow, views

_LOOK_SECONDS: Final = 0.25
_BOOKS_SECONDS: Final = 30.0
_STYLES: Final = {
    "heard": "bold",
    "triaged": "cyan",
    "edited": "yellow",
    "stale": "yellow",
    "deleted": "dim",
    "approved": "green",
    "automatic": "green",
    "sent": "bold green",
    "answered": "bold green",
    "escalated": "bold red",
    "overdue": "bold white on red",
    "rang": "bold red",
    "refused": "red",
    "unsure": "red",
}


class Follower:
    """Reads what was added to the event log and prints it."""

    def __init__(self, store: Store, out: Console, words: Words) -> None:
        self._store, self._out, self._words = store, out, words
        self._seq = 0
        self._rung_for: set[str] = set()
        self._sent: set[int] = set()

    def follow(self, stop: threading.Event) -> None:
        """Look four times a second until told to stop. Where nobody reads any more, ask the watch to end."""
        books_at = time.monotonic() + _BOOKS_SECONDS
        try:
            while not stop.wait(_LOOK_SECONDS):
                with suppress(StoreUnavailable):  # looked for again in half a second
                    self.look()
                    if time.monotonic() >= books_at:
                        books_at += _BOOKS_SECONDS
                        self.tell_books()
        except (OSError, SystemExit):  # rich ends the program where a pipe broke
            signal.raise_signal(signal.SIGTERM)

    def look(self) -> None:
        """Print what is new."""
        with self._store.read() as tx:
            new = list(islice(events.walk(tx, self._seq, 500), 500))
            lines = [line for event in new for line in self._lines(tx, event)]
        if new:
            self._seq = new[-1]["seq"]
        for line in lines:
            self._out.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def tell_books(self) -> None:
        """One line from the audit."""
        with self._store.read() as tx:
            found = audit(tx, ms(utcnow()))
        if found["balanced"]:
            told = self._words.books.format(**found)
        else:
            told = self._words.unbalanced.format(problems="; ".join(found["problems"]))
        self._out.print(told, style="bold magenta", markup=False)

    def say_goodbye(self) -> None:
        """The last lines: what is new still, and the books."""
        self.look()
        self._out.print()
        self.tell_books()
        self._out.print(self._words.goodbye, style="dim", markup=False)

    # --- From an event to its line ---

    def _lines(self, tx: Tx, event: Row) -> Iterator[Text]:
        kind, number = event["kind"], event["mention_id"]
        if number is None or (kind not in self._words.kinds and kind != "escalated_by_hand"):
            return
        row, data = views.mention_row(tx, number), json.loads(event["data"])
        if kind == "heard":
            yield self._heard(row)
        elif kind == "triaged":
            yield self._line(number, kind, self._tags(tx, row, data))
        elif kind in ("sent", "answered"):
            yield from self._answer(tx, event, row, data)
        elif kind in ("escalated", "rang"):
            yield from self._alarm(tx, event, row, data)
        else:
            yield self._other(event, row)

    def _heard(self, row: Row) -> Text:
        told = Text().append(f"{show.plain(row['network']):<9}", style="blue")
        told.append(f"{show.who(row)}: ", style="bold")
        told.append(self._said(row), style="" if row["addressed"] else "dim")
        return self._line(row["id"], "heard", told)

    def _tags(self, tx: Tx, row: Row, data: dict[str, Any]) -> Text:
        found = json.loads(row["analysis"] or "{}")
        tags = [found.get("intent"), found.get("sentiment")]
        if data["priority"] != "normal":
            tags.append(data["priority"])
        told = Text(" · ".join(self._label(tag) for tag in tags if tag))
        if not data["addressed"]:
            ignored = data["state"] == "ignored"
            return told.append(f", {self._words.not_owed if ignored else self._words.watched}", style="dim")
        if any(r["approved_by"] for r in views.replies_of(tx, row["id"])):
            return told.append(f", {self._words.alone}", style="green")
        if count := len(views.replies_of(tx, row["id"])):
            told.append(", " + self._words.drafts.format(count=count))
        owed = self._words.owed.format(left=show.length(row["due_at"] - row["posted_at"]))
        return told.append(f", {owed}")

    def _answer(self, tx: Tx, event: Row, row: Row, data: dict[str, Any]) -> Iterator[Text]:
        kind, number = event["kind"], event["mention_id"]
        if kind == "sent":
            self._sent.add(number)
            text = show.short(views.reply_row(tx, event["reply_id"])["text"], 300)
            yield self._line(number, kind, Text(text))
        elif data["how"] == "native":
            ours = [said["text"] for said in views.conversation(tx, row) if said["own"]]
            text = show.short(ours[-1], 300) if ours else self._words.no_words
            told = self._words.natively.format(network=show.plain(row["network"]), text=text)
            yield self._line(number, kind, Text(told))
        elif number not in self._sent:
            yield self._line(number, kind, Text(self._words.along))

    def _alarm(self, tx: Tx, event: Row, row: Row, data: dict[str, Any]) -> Iterator[Text]:
        """The first ring of each alarm was announced with the alarm itself."""
        kind, key = event["kind"], event["source"]
        if kind == "rang" and key in self._rung_for:
            self._rung_for.discard(key)
            return
        if kind == "escalated":
            self._rung_for.add(key)
        reason = data.get("reason") or _reason(tx, key)
        overdue = reason == "overdue"
        words = self._words.still_waits if overdue else self._words.ringing
        told = words.format(who=show.who(row), reason=self._label(show.short(reason)), number=row["id"])
        yield self._line(row["id"], "overdue" if overdue and kind == "escalated" else kind, Text(told))

    def _other(self, event: Row, row: Row) -> Text:
        kind, actor = event["kind"], event["actor"]
        if kind == "escalated_by_hand":
            kind = "escalated"
        if actor.startswith(events.RULE):
            told = self._words.rule.format(name=show.plain(actor.removeprefix(events.RULE)))
            return self._line(row["id"], "automatic", Text(told))
        if kind == "edited":
            return self._line(row["id"], kind, Text(self._said(row)))
        told = self._words.gone if kind == "deleted" else ""
        if actor != events.SYSTEM:
            told = self._words.by.format(actor=show.plain(actor))
        return self._line(row["id"], kind, Text(told))

    def _said(self, row: Row) -> str:
        return show.short(row["text"], 300) or self._words.no_words

    def _label(self, word: str) -> str:
        return self._words.labels.get(word, word)

    def _line(self, number: int, kind: str, told: Text) -> Text:
        line = Text(f"{number:>4} ").append(f"{self._words.kinds[kind]:<9} ", style=_STYLES.get(kind, ""))
        return line.append_text(told)


def _reason(tx: Tx, key: str) -> str:
    """Why this rings."""
    return row["reason"] if (row := escalations.standing(tx, key)) else ""
