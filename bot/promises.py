"""By when must an address be answered, and when does it ring? Pure: no I/O, no clock of its own.

Everything is counted from the moment the person posted, not from when we saw it; where the person waits
for more than one answer, from the oldest of those posts (`counted_from`). The same functions give a
deadline when it is first stored and when it is recomputed to prove it (`bot.proof`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from bot.hours import in_utc, plus
from bot.instants import instant
from bot.ladder import Ladder, rung
from bot.models import Priority, Process
from bot.policy import Begins, Promises
from bot.targets import Goal, Target

# --- Deadlines -----------------------------------------------------------------------------------


class Start(NamedTuple):
    """From when a promise is counted, and which answer it is about."""

    since: datetime
    goal: Goal


def counted_from(
    posted_at: datetime, oldest_open: datetime | None = None, *, answered: bool = False
) -> Start:
    """Where the promise for a post begins.

    Args:
        oldest_open: when the oldest post of that person in that conversation was posted that still waits
            for its answer; `None` if nothing waits. A person who writes again has not begun to wait anew.
        answered: whether the person had an answer in this conversation before.
    """
    since = posted_at if oldest_open is None else min(posted_at, oldest_open)
    return Start(since, "next" if answered else "first")


class Terms(NamedTuple):
    """On what a promise is made. `since` is where it is counted from, in ms since 1970; `author` is an author
    tier, "" for nobody in particular."""

    network: str
    since: int
    priority: str = Priority.NORMAL
    process: str = Process.SERVICE
    author: str = ""
    goal: Goal = "first"

    @property
    def start(self) -> datetime:
        """`since` as an instant (UTC)."""
        return instant(self.since)

    def after(self, data: Mapping[str, Any]) -> Terms:
        """These terms with what `data` says of them, by the names they have here; others do not change."""
        later = ("priority", "process", "author", "goal", "since")
        return self._replace(**{name: data[name] for name in later if name in data})

    def facts(self) -> dict[str, object]:
        """What the event that makes the promise says of it, beside `due_at` and `policy`."""
        return self._asdict() | {"priority": str(self.priority), "process": str(self.process)}


class Owed(NamedTuple):
    """By when an address must be answered, and when it rings for the first time (both UTC)."""

    due_at: datetime
    first_alarm: datetime


def owed(policy: Promises, terms: Terms) -> Owed:
    """What is owed from the moment an address is heard: its deadline and its first alarm, in one go.

    Raises:
        ValueError: the goal is an outcome and none is promised.
    """
    target, lengths = _begins(policy, terms)
    if target.clock == "always":
        return Owed(*(plus(terms.start, length) for length in lengths))
    return Owed(*policy.calendar.add_each(terms.start, lengths))


def due_at(policy: Promises, terms: Terms) -> datetime:
    """By when an address must be answered (UTC).

    Raises:
        ValueError: the goal is an outcome and none is promised.
    """
    target, lengths = _begins(policy, terms)
    return _adds(policy, target)(terms.start, lengths[0])


def outcome_due_at(policy: Promises, terms: Terms) -> datetime | None:
    """By when the process must say what came of it (UTC); `None` if that is not promised."""
    if not policy.has_outcomes:
        return None
    target = _begins(policy, terms._replace(goal="first")).target
    return None if target.outcome_within is None else due_at(policy, terms._replace(goal="outcome"))


def _begins(policy: Promises, terms: Terms) -> Begins:
    return policy.begins(terms.network, terms.priority, terms.process, terms.author, terms.goal)


def _adds(policy: Promises, target: Target) -> Callable[[datetime, timedelta], datetime]:
    """The target's clock: the instant at which so much of it has passed since another."""
    return plus if target.clock == "always" else policy.calendar.add


# --- The ladder ----------------------------------------------------------------------------------


def ladder_of(policy: Promises, terms: Terms) -> Ladder:
    """When it rings for an address: at each tier, and again. Counted on the clock of its target.

    Raises:
        ValueError: the goal is an outcome and none is promised.
    """
    target, (within, _) = _begins(policy, terms)
    start, tiers = terms.start, policy.tiers
    always = target.clock == "always"
    return Ladder(
        rungs=tuple(rung(within, tier.at) for tier in tiers),
        repeats=(*(tier.repeat for tier in tiers[:-1]), tiers[-1].repeat or policy.repeat),
        everybody=len(tiers),
        cap=policy.cap,
        acknowledged_for=policy.acknowledged_for,
        add=partial(_adds(policy, target), start),
        passed=(lambda at: in_utc(at) - start) if always else partial(policy.calendar.between, start),
    )


def ladder_of_matter(policy: Promises, opened_at: datetime) -> Ladder:
    """As `ladder_of`, for what rings though no person waits for it: a silent source, credentials that ended,
    a full disk, an unsure reply. It rings when it comes up, and repeats and climbs around the clock."""
    start = in_utc(opened_at)
    return Ladder(
        rungs=(timedelta(0),),
        repeats=(policy.repeat,),
        everybody=len(policy.tiers),
        cap=policy.cap,
        acknowledged_for=policy.acknowledged_for,
        add=partial(plus, start),
        passed=lambda at: in_utc(at) - start,
    )
