"""Is this a crisis: many complaints in little time, or certain words? Pure.

People are counted, not posts: one who writes twenty times is no crowd. A crisis begins when as many as
`count`, and `times` what is usual, complained within `within`, or when enough of them said certain words.
It ends when no such time lies within the last `calm_for`: so it neither flickers nor lasts for ever. The
threshold at its beginning holds until its end, since a crisis must not become what is usual.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.durations import SomeTime, write_duration
from bot.exemptions import UNHAPPY
from bot.models import Analysis, Mention, Priority
from bot.rules import Facts, Test, When

__all__ = ["Crisis", "CrisisWatch", "Figures", "Sign", "figures", "judge", "raised", "sign"]


class CrisisWatch(BaseModel):
    """When it is a crisis, and what follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    count: int = Field(default=10, ge=2, description="So many people complain. Default: 10")
    within: SomeTime = Field(default=timedelta(hours=1), description="In so little time. Default: 1h")
    times: float = Field(default=3, ge=1, description="And so many times as many as usual. Default: 3")
    usual_over: SomeTime = Field(
        default=timedelta(days=28),
        description="The time before, from which what is usual is known. Default: 28d",
    )
    words: tuple[str, ...] = Field(
        default=(), description="Words of a crisis: whole words, whatever their case and accents"
    )
    words_from: int = Field(default=1, ge=1, description="So many people must say them. Default: 1")
    calm_for: SomeTime = Field(
        default=timedelta(hours=2),
        description="It is over when nothing like it was seen for so long. Default: 2h",
    )
    priority: Priority = Field(
        default=Priority.HIGH,
        description="What every address has meanwhile, unless its own is higher. Default: high",
    )

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if self.usual_over < self.within:
            raise ValueError("usual_over is shorter than within: there is nothing to compare with")
        _ = self.tests  # tells of a word that is none
        return self

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """A mention that has the words passes each of these; there is none if no words are given."""
        return When(keywords=self.words).tests()


class Sign(NamedTuple):
    """A mention that may be part of a crisis. `person` tells people apart."""

    posted_at: datetime
    person: str
    complaint: bool
    word: bool


def sign(watch: CrisisWatch, mention: Mention, analysis: Analysis, person: str) -> Sign | None:
    """What a mention says of a crisis; `None` if nothing."""
    facts = Facts(mention, analysis)
    complaint = not UNHAPPY.isdisjoint(facts.intents)
    word = bool(watch.tests) and all(test(facts) for test in watch.tests)
    return Sign(mention.posted_at, person, complaint, word) if complaint or word else None


class Figures(NamedTuple):
    """The most people who complained, and who said the words, within any `within` that ended in the last
    `calm_for`; and how many complain in such a time usually."""

    people: int
    words: int
    usual: float


def figures(
    watch: CrisisWatch, signs: Iterable[Sign], before: int, covered: timedelta, now: datetime
) -> Figures:
    """What can be seen now.

    Args:
        signs: those posted in the last `calm_for` + `within`; others do no harm.
        before: how many complaints there were before that,
        covered: and in how much time: at most `usual_over`, less where nobody listened yet.
    """
    recent = sorted(one for one in signs if one.posted_at <= now)
    usual = before * (watch.within / covered) if covered >= watch.within else 0.0
    since = now - watch.calm_for
    return Figures(
        _most([one for one in recent if one.complaint], watch.within, since),
        _most([one for one in recent if one.word], watch.within, since),
        usual,
    )


def _most(signs: list[Sign], within: timedelta, since: datetime) -> int:
    """The most people within so much time, of the times that ended after `since`."""
    window, people, most = deque[Sign](), Counter[str](), 0
    for one in signs:
        window.append(one)
        people[one.person] += 1
        while window[0].posted_at <= one.posted_at - within:
            gone = window.popleft().person
            people[gone] -= 1
            if not people[gone]:
                del people[gone]
        if one.posted_at > since:
            most = max(most, len(people))
    return most


class Crisis(NamedTuple):
    """A crisis that is on: since when, from how many people on it counted as one, and why, in words."""

    since: datetime
    threshold: int
    why: str


def judge(watch: CrisisWatch, was: Crisis | None, seen: Figures, now: datetime) -> Crisis | None:
    """The crisis that is on after what was seen; `None` in calm times.

    It begins where `was` is `None` and the answer is not: then it rings, once. It ends the other way round.
    """
    threshold = was.threshold if was else max(watch.count, math.ceil(watch.times * seen.usual))
    if seen.people >= threshold:
        why = (
            f"{seen.people} people complained within {write_duration(watch.within)}, usually {seen.usual:.1f}"
        )
    elif watch.words and seen.words >= watch.words_from:
        why = "words of a crisis"
    else:
        return was if was and now < was.since + watch.calm_for else None
    return was or Crisis(now, threshold, why)


def raised(watch: CrisisWatch, priority: Priority) -> Priority:
    """The priority of an address while a crisis is on."""
    ranks = list(Priority)
    return max(priority, watch.priority, key=ranks.index)
