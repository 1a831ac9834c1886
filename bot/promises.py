"""By when must an address be answered, and when does it ring? Pure: no I/O, no clock of its own.

Everything is counted from the moment the person posted, not from when we saw it; where the person waits
for more than one answer, from the oldest of those posts (`counted_from`). The same functions give a
deadline when it is first stored and when it is recomputed to prove it (`bot.proof`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from bot.authors import Who, author_tier
from bot.durations import Duration, SomeTime, parse_duration, write_duration
from bot.hours import Calendar, PublicHolidays, in_utc, plus
from bot.ladder import SILENT, Bell, Ladder, Ring, Tier, people, rung
from bot.policy import Begins, Promises, body, policy_version, version_of
from bot.targets import Goal, Target

__all__ = [
    "Bell",
    "Calendar",
    "Duration",
    "Goal",
    "Owed",
    "Promises",
    "PublicHolidays",
    "Ring",
    "SomeTime",
    "Start",
    "Target",
    "Tier",
    "Who",
    "alarms",
    "author_tier",
    "body",
    "counted_from",
    "due_at",
    "ladder_of",
    "ladder_of_matter",
    "next_ring",
    "next_ring_of_matter",
    "outcome_due_at",
    "owed",
    "parse_duration",
    "people",
    "policy_version",
    "target_for",
    "tiers_passed",
    "version_of",
    "write_duration",
]

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


def target_for(policy: Promises, network: str, priority: str, process: str, author: str = "") -> Target:
    """The target that holds: the first from the top that matches. There always is one."""
    return policy.begins(network, priority, process, author, "first").target


class Owed(NamedTuple):
    """By when an address must be answered, and when it rings for the first time (both UTC)."""

    due_at: datetime
    first_alarm: datetime


def owed(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    author: str = "",
    goal: Goal = "first",
) -> Owed:
    """What is owed from the moment an address is heard: its deadline and its first alarm, in one go.

    `posted_at` is where it is counted from (`counted_from`), `author` the author tier.

    Raises:
        ValueError: `posted_at` has no time zone, or the goal is an outcome and none is promised.
    """
    target, lengths = policy.begins(network, priority, process, author, goal)
    if target.clock == "always":
        posted_at = in_utc(posted_at)
        return Owed(*(plus(posted_at, length) for length in lengths))
    return Owed(*policy.calendar.add_each(posted_at, lengths))


def due_at(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    author: str = "",
    goal: Goal = "first",
) -> datetime:
    """By when an address must be answered (UTC), counted from the moment the person posted.

    Raises:
        ValueError: `posted_at` has no time zone, or the goal is an outcome and none is promised.
    """
    return owed(policy, network, priority, process, posted_at, author=author, goal=goal).due_at


def outcome_due_at(
    policy: Promises, network: str, priority: str, process: str, posted_at: datetime, *, author: str = ""
) -> datetime | None:
    """By when the process must say what came of it (UTC), counted from the post; `None` if that is not
    promised.

    Raises:
        ValueError: `posted_at` has no time zone.
    """
    if target_for(policy, network, priority, process, author).outcome_within is None:
        return None
    return due_at(policy, network, priority, process, posted_at, author=author, goal="outcome")


# --- The ladder ----------------------------------------------------------------------------------


def alarms(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    author: str = "",
    goal: Goal = "first",
) -> tuple[tuple[datetime, int], ...]:
    """The ladder of one address: (when it rings in UTC, index of the tier), in order.

    The repeats are not among them: see `next_ring`.
    """
    ladder = _ladder(policy, policy.begins(network, priority, process, author, goal), posted_at)
    return tuple((ladder.add(length), index) for index, length in enumerate(ladder.rungs))


def next_ring(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    after: datetime,
    author: str = "",
    goal: Goal = "first",
    bell: Bell = SILENT,
) -> Ring:
    """The first ring that is due later than `after`: a tier's, or a repeat.

    After a night in which nothing ran, ring once for what is due and ask for the ring after *now*: the
    rings that were missed are skipped, not made up for one by one. Its number is the same whenever it is
    worked out, so it can be part of an escalation's key. `bell` says how far the ringing has come: who was
    called last, how often in vain, and whether somebody acknowledged.
    """
    return _ladder(policy, policy.begins(network, priority, process, author, goal), posted_at).next(
        after, bell
    )


def tiers_passed(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    at: datetime,
    author: str = "",
    goal: Goal = "first",
) -> int:
    """How many tiers of the ladder were due by an instant: 0 before the first, 1 with the first."""
    return _ladder(policy, policy.begins(network, priority, process, author, goal), posted_at).reached(at) + 1


def next_ring_of_matter(
    policy: Promises, opened_at: datetime, *, after: datetime, bell: Bell = SILENT
) -> Ring:
    """As `next_ring`, for what rings though no person waits for it: a silent source, credentials that ended,
    a full disk, an unsure reply. It rings when it comes up, and repeats and climbs around the clock."""
    return ladder_of_matter(policy, opened_at).next(after, bell)


def ladder_of_matter(policy: Promises, opened_at: datetime) -> Ladder:
    """The ladder of `next_ring_of_matter` itself."""
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


def ladder_of(
    policy: Promises,
    network: str,
    priority: str,
    process: str,
    posted_at: datetime,
    *,
    author: str = "",
    goal: Goal = "first",
) -> Ladder:
    """The ladder of `next_ring` itself, for who asks it more than one thing.

    Raises:
        ValueError: `posted_at` has no time zone, or the goal is an outcome and none is promised.
    """
    return _ladder(policy, policy.begins(network, priority, process, author, goal), posted_at)


def _ladder(policy: Promises, begins: Begins, posted_at: datetime) -> Ladder:
    within, start, tiers = begins.lengths[0], in_utc(posted_at), policy.tiers
    always = begins.target.clock == "always"
    return Ladder(
        rungs=tuple(rung(within, tier.at) for tier in tiers),
        repeats=(*(tier.repeat for tier in tiers[:-1]), tiers[-1].repeat or policy.repeat),
        everybody=len(tiers),
        cap=policy.cap,
        acknowledged_for=policy.acknowledged_for,
        add=partial(plus if always else policy.calendar.add, start),
        passed=(lambda at: in_utc(at) - start) if always else partial(policy.calendar.between, start),
    )
