"""What listening to Facebook and to Instagram has in common: rounds of reading, and pushes that are signed.

A round reads everything that is new, on many edges. It may be longer than one poll: what is still to be read
then stands in the cursor, and the record of what is complete moves on only at the round's end.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from accounts.meta import Access, Item, number, objects, text
from bot.errors import AuthFailed, RateLimited, Refused, Retry
from bot.models import Author, Batch, Mention

if TYPE_CHECKING:
    from accounts.graph import ModernGraph

log = logging.getLogger(__name__)

# Meta's dates have no fractions of a second, and its servers no common clock.
_MARGIN: Final = timedelta(minutes=2)
_REQUESTS: Final = 50  # in one poll; the next goes on from there
_SECONDS: Final = 45
_COUNTED: Final = 1_000  # things whose number is remembered, those that were read last


@dataclass(frozen=True)
class Task:
    """An edge to be read, such as "123/comments" (`kind` says how). `about` is what it belongs to; `after`,
    how far we have come on it."""

    kind: str
    path: str
    about: str = ""
    after: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """What is read since when. `to`: everything before it was read; `swept`: when the last days were last
    read again; `began`: when this round did; `floor`: how far back it reads; `todo`: what is left of it;
    `counts`: what the network counted on each thing when it was last read."""

    to: datetime
    swept: datetime
    began: datetime
    floor: datetime
    todo: tuple[Task, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def wide(self) -> bool:
        """Does it read the last days again?"""
        return self.swept == self.began

    @classmethod
    def of(cls, cursor: str) -> Round:
        found = json.loads(cursor)
        dates = {name: datetime.fromisoformat(found[name]) for name in ("to", "swept", "began", "floor")}
        return cls(**dates, todo=tuple(Task(*task) for task in found["todo"]), counts=found["counts"])

    def cursor(self) -> str:
        dates = {name: getattr(self, name).isoformat() for name in ("to", "swept", "began", "floor")}
        todo = [[task.kind, task.path, task.about, dict(task.after)] for task in self.todo]
        return json.dumps({**dates, "todo": todo, "counts": dict(self.counts)})


class Lookback(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    """How far back both listeners look, and how often."""

    watch_days: float = Field(
        default=30, gt=0, description="Comments are looked for under posts and media that are no older."
    )
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    overlap_days: float = Field(
        default=3, ge=0, description="How many days are read again, for what appears late or was edited."
    )
    overlap_every_minutes: float = Field(
        default=60, ge=0, description="How often they are read again; 0, at every poll."
    )


def read(
    config: Lookback, cursor: str | None, now: datetime, start: Sequence[Task], take: Take, query: Query
) -> Batch:
    """One poll. A round begins with the tasks in `start`; `take` and `query` are as in `Reading`.

    Raises:
        as `Listener.poll`.
    """
    from accounts.graph import ModernGraph

    with ModernGraph(config) as graph:
        reading = Reading(graph, _round(config, cursor, now, start), take)
        reading.run(query)
        return reading.batch(first=cursor is None)


def _round(config: Lookback, cursor: str | None, now: datetime, start: Sequence[Task]) -> Round:
    """The round to go on with, or a new one."""
    if cursor is None:
        floor = now - timedelta(days=config.first_days)
        return Round(floor, now, now, floor, tuple(start))
    last = Round.of(cursor)
    if last.todo:
        return last
    # A clock that was set back must not put off reading the last days again.
    wide = abs(now - last.swept) >= timedelta(minutes=config.overlap_every_minutes)
    floor = min(last.to, now) - _MARGIN - timedelta(days=config.overlap_days if wide else 0)
    return replace(last, swept=now if wide else last.swept, began=now, floor=floor, todo=tuple(start))


class Reading:
    """One poll's part of a round. `take` makes mentions of one page of a task; it calls `also` for what is to
    be read besides, and says whether the next page is wanted."""

    def __init__(self, graph: ModernGraph, round_: Round, take: Take) -> None:
        self.graph = graph
        self.round = round_
        self.mentions: list[Mention] = []
        self.counts = dict(round_.counts)
        self._take = take
        self._todo = deque(round_.todo)
        self._rest: float | None = None

    def also(self, task: Task) -> None:
        self._todo.append(task)

    def run(self, query: Query) -> None:
        """Read on, until all is read, or it was enough for one poll. `query`: what to ask of a task's edge.

        Raises:
            as `Listener.poll`.
        """
        end = time.monotonic() + _SECONDS
        for so_far in range(_REQUESTS):
            if not self._todo or self._rest is not None or time.monotonic() > end:
                return
            try:
                self._page(self._todo[0], query(self._todo[0]))
            except RateLimited as limit:
                if not so_far:
                    raise
                self._rest = limit.after  # what was read is kept

    def _page(self, task: Task, query: Mapping[str, str]) -> None:
        from accounts.graph import following, items

        answer: Mapping[str, Any] = {}
        try:
            answer = self.graph.read(task.path, **query, **task.after)
        except Refused as refused:
            if not self.graph.gone:
                raise Retry(str(refused)) from None
            if not task.about:
                raise AuthFailed(f"the id in the config or the token is wrong: {refused}") from None
            # else deleted while we read
        except Retry:
            if not (task.after and self.graph.lost):
                raise
            self._todo.append(replace(task, after={}))  # the place is no longer good: from the beginning
        self._rest = self.graph.rest
        found, after = items(answer), following(answer)
        if len(found) < len(objects(answer.get("data"))):
            log.warning("Meta listed something without an id: it was left out")
        self._todo.popleft()
        if self._take(self, task, found) and after is not None and after != task.after:
            self._todo.appendleft(replace(task, after=after))

    def batch(self, first: bool) -> Batch:
        """What came of it. `first`: there was no cursor before."""
        # Ours may be ahead of Meta's clock: then what is new would seem to be old.
        began = min(self.round.began, self.graph.date or self.round.began)
        to = self.round.to if self._todo else began
        moved = replace(
            self.round,
            to=to,
            swept=began if self.round.wide else self.round.swept,
            began=began,
            todo=tuple(self._todo),
            counts=dict(list(self.counts.items())[-_COUNTED:]),
        )
        return Batch(
            tuple(sorted(self.mentions, key=lambda mention: mention.posted_at)),
            moved.cursor(),
            to,
            self.round.floor if first else None,
            retry_after=self._rest,
        )


Take = Callable[[Reading, Task, Sequence[Item]], bool]
Query = Callable[[Task], Mapping[str, str]]


def author(of: Item) -> Author:
    """`of` is what stands under ``from``: Meta leaves it out where it shows nobody."""
    return Author(id=number(of, "id"), handle=text(of, "username"), name=text(of, "name"))


# --- Pushes: https://developers.facebook.com/docs/graph-api/webhooks/getting-started ----------------


def challenge(access: Access, query: Mapping[str, str]) -> str:
    """As `Hooked.challenge`."""
    if access.verify_token is None:
        raise Refused("no verify_token is set in the config")
    ours, theirs = access.verify_token.get_secret_value(), query.get("hub.verify_token", "")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(ours.encode(), _bytes(theirs)):
        raise Refused("this is not Meta, or the verify_token there is another one")
    return query.get("hub.challenge", "")


def entries(access: Access, body: bytes, headers: Mapping[str, str], object_: str) -> Iterator[Item]:
    """The entries of a push, after its signature was checked over the bytes as they came.

    Raises:
        Refused: the signature is missing or wrong.
    """
    secret = access.app_secret.get_secret_value()
    ours = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(ours.encode(), _bytes(headers.get("x-hub-signature-256", ""))):
        raise Refused("the signature is missing or is not made with our app's secret")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    known = isinstance(told, dict) and told.get("object") == object_
    return iter(objects(told.get("entry")) if known else ())


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
