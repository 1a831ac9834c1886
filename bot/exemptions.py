"""When may an address be closed without an answer other than by a human's own decision? Pure.

Analysis may propose that no answer is needed ("merci !", an emoji) and closes nothing. A rule of config may
close it, but never for somebody who is unhappy or asks something; and of what rules closed, a daily sample
goes before a human.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from math import ceil
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

NO_ANSWER_NEEDED: Final = "no_answer_needed"
UNHAPPY: Final = frozenset({"complaint", "churn"})
"""What unhappy people intend."""


class Sample(BaseModel):
    """How much of what rules closed without an answer a human looks at, for each UTC day."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    share: float = Field(default=0.05, ge=0, le=1, description="Part of a day's, rounded up. Default: 0.05")
    at_least: int = Field(default=5, ge=0, description="So many of a day's, if there are. Default: 5")


def is_unhappy(sentiment: str, intents: Collection[str], urgency: str) -> bool:
    """Whether somebody is unhappy: a negative text, a complaint, a farewell, a crisis."""
    return sentiment == "negative" or urgency == "crisis" or not UNHAPPY.isdisjoint(intents)


def must_be_answered(sentiment: str, intents: Collection[str], urgency: str) -> bool:
    """Whether somebody is unhappy or asks something: no rule closes that, and nobody proposes it."""
    return "question" in intents or is_unhappy(sentiment, intents, urgency)


def proposed(analysis: Mapping[str, Any]) -> str:
    """The reason for an exemption that analysis proposes, in the form in which it is stored; "" for none."""
    intents = {label for label, _ in analysis.get("intents", ())} or {analysis.get("intent", "")}
    if analysis.get("needs_answer", True) or must_be_answered(
        analysis.get("sentiment", ""), intents, analysis.get("urgency", "")
    ):
        return ""
    return NO_ANSWER_NEEDED


def drawn(numbers: Iterable[int], day: int, sample: Sample) -> list[int]:
    """Which of a day's exemptions a human looks at. The same ones whoever asks: they are drawn by the hash of
    the day and their number, which nobody can steer."""
    lots = sorted(numbers, key=lambda number: hashlib.sha256(f"{day} {number}".encode()).digest())
    return lots[: max(sample.at_least, ceil(sample.share * len(lots)))]


def rates(answered: int, exempted: int, open_: int) -> dict[str, float | None]:
    """Answered of all addresses, and of those that no exemption closed: the two stand side by side wherever
    one is shown. Those that their authors deleted are owed nothing. `None`: there are none."""
    after = answered + open_
    every = after + exempted
    return {
        "all": round(answered / every, 4) if every else None,
        "after_exemptions": round(answered / after, 4) if after else None,
    }
