"""How a view of the queue is written in an address: ``/?network=x&assignee=@me&after=1-1773140400000-12``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from bot.store import queue
from bot.store.queue import Place, Wanted
from bot.web.numbers import number
from bot.web.words import N_

ANYBODY: Final = ""
ME: Final = "@me"
NOBODY: Final = "@nobody"
DUE: Final = {"over": N_("Overdue"), "hour": N_("Within an hour"), "day": N_("Within 24 hours")}
_WITHIN: Final = {"over": 0, "hour": 3_600_000, "day": 86_400_000}
_LONGEST: Final = 200
_MOST_WORDS: Final = 12


@dataclass(frozen=True, slots=True)
class Filters:
    """The fields of the filters, as in the address; "" narrows nothing. `q`: what is searched for. `after` or
    `before`: the place at which the page begins or ends."""

    q: str = ""
    state: str = ""
    due: str = ""
    network: str = ""
    process: str = ""
    intent: str = ""
    sentiment: str = ""
    priority: str = ""
    assignee: str = ""
    after: Place | None = None
    before: Place | None = None

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Filters:
        """What an address says; what means nothing is left out."""
        text = {name: _line(params.get(name, "")) for name in _TEXTS}
        text["state"] = text["state"] if text["state"] in queue.STATES else ""
        text["due"] = text["due"] if text["due"] in DUE else ""
        before = _place(params.get("before", ""))
        return cls(**text, before=before, after=None if before else _place(params.get("after", "")))

    @classmethod
    def of_text(cls, query: str) -> Filters:
        """From the part of an address behind the "?"."""
        return cls.of(dict(parse_qsl(query, max_num_fields=100)))

    def query(self) -> str:
        """The filters alone, as the part of an address behind the "?"."""
        return urlencode({name: value for name in _TEXTS if (value := getattr(self, name))})

    def address(self) -> str:
        """All of it, as that part of an address: always the same for the same view."""
        return self._at("before", self.before) or self._at("after", self.after) or self.query()

    def on(self, path: str, **more: int) -> str:
        """`path` with this view, and `more`, behind its "?": so a page knows from which list one came."""
        query = "&".join(filter(None, [urlencode(more), self.address()]))
        return f"{path}?{query}" if query else path

    def link(self, after: Place | None = None, before: Place | None = None) -> str:
        """To this view, from a place on."""
        return replace(self, after=after, before=before).on("/")

    @property
    def words(self) -> tuple[str, ...]:
        """What is searched for: words with at least a letter or a digit."""
        return tuple(word for word in self.q.split() if any(c.isalnum() for c in word))[:_MOST_WORDS]

    @property
    def finds(self) -> bool:
        """Whether anything can be found at all."""
        return bool(self.words) or not self.q

    @property
    def narrowed(self) -> int:
        """How many of the fields narrow the view, the words not counted."""
        return sum(bool(getattr(self, name)) for name in _TEXTS if name != "q")

    def wanted(self, me: str, now: int) -> Wanted:
        """What to ask the store for, `me` being who asks, at an instant (ms)."""
        assignee = {ANYBODY: None, ME: me, NOBODY: ""}.get(self.assignee, self.assignee)
        return Wanted(
            state=self.state or (queue.ALL if self.words else queue.OPEN),
            network=self.network, process=self.process, intent=self.intent, sentiment=self.sentiment,
            priority=self.priority, assignee=assignee,
            due_by=now + _WITHIN[self.due] if self.due else None, words=self.words,
        )  # fmt: skip

    def _at(self, side: str, place: Place | None) -> str:
        if place is None:
            return ""
        at = f"{place.addressed}-{'' if place.due_at is None else place.due_at}-{place.id}"
        return "&".join(filter(None, [self.query(), f"{side}={at}"]))


_TEXTS: Final = tuple(field.name for field in fields(Filters) if field.name not in {"after", "before"})


def _line(text: str) -> str:
    """One line of it, without what steers."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:_LONGEST]).split())


def _place(text: str) -> Place | None:
    """A place as an address holds it, or None if it is none."""
    addressed, _, rest = text.partition("-")
    due_at, _, last = rest.partition("-")
    if (found := number(last)) is None:
        return None
    if addressed == "1" and (due := number(due_at)) is not None:
        return Place(found, 1, due)
    return Place(found) if (addressed, due_at) == ("0", "") else None
