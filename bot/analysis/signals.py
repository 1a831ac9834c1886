"""What of a text can be counted: moods in words and signs, capitals, stretched words, questions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from bot.analysis.features import LIMIT, Parts
from bot.analysis.lexicon import HAPPY_SIGNS, NEGATION, NEGATIVE, POSITIVE, SAD_SIGNS, URGENT, WANT

NAMES: Final = (
    "positive", "negative", "not positive", "not negative", "happy signs", "sad signs", "smileys", "frowns",
    "exclamations", "questions", "ends asking", "asking words", "capitals", "stretched", "links", "handles",
    "hashtags", "numbers", "urgent words", "ellipses", "short", "length", "starts with handle",
)  # fmt: skip
REACH: Final = 3  # how many words a negation turns

_WORD: Final = re.compile(r"[^\W_]+")
_STRETCH: Final = re.compile(r"([a-z!?])\1\1")
_SMILEY: Final = re.compile(r"[:;=]['-]?[)dp\]]|<3|\^\^|xd\b")
_FROWN: Final = re.compile(r"[:;=]['-]?[(/\\\[]|>:\(|:'\(")
_CAPITALS: Final = re.compile(r"\b[^\W\d_a-z]{3,}\b")


def signals(said: Parts) -> npt.NDArray[np.float32]:
    """One row of counts for each text, (texts, len(NAMES)), squashed to about 0..2. Never raises."""
    rows = [_counts(text[:LIMIT], low) for text, low in zip(said.texts, said.plain, strict=True)]
    return np.log1p(np.array(rows, dtype=np.float32).reshape(-1, len(NAMES)))


def _counts(text: str, low: str) -> tuple[float, ...]:
    words = _WORD.findall(low)
    end = low.rstrip(" \"')»!.")
    capitals = 0 if text.islower() else sum(c.isupper() for c in _CAPITALS.findall(text))
    return (
        *_moods(words),
        *_signs(text, low),
        text.count("!"), text.count("?"), 2.0 * end.endswith("?"), len(WANT.intersection(words[:40])),
        capitals, len(_STRETCH.findall(low)), low.count(" http "), low.count("@user"),
        text.count("#"), low.count("0"), 2 * len(URGENT.intersection(words)),
        text.count("...") + text.count("…"),
        2.0 * (len(words) <= 4), len(words) / 10, 2.0 * low.startswith("@"),
    )  # fmt: skip


def _moods(words: Sequence[str]) -> tuple[float, float, float, float]:
    """How many words are good, bad, good but negated, bad but negated."""
    good = bad = not_good = not_bad = 0
    turned = -REACH - 1
    for i, word in enumerate(words):
        if word in NEGATION:
            turned = i
        turns = 0 < i - turned <= REACH
        if word in POSITIVE:
            good, not_good = good + (not turns), not_good + turns
        if word in NEGATIVE:
            bad, not_bad = bad + (not turns), not_bad + turns
    return good, bad, not_good, not_bad


def _signs(text: str, low: str) -> tuple[int, int, int, int]:
    """Happy and sad emoji, smileys and frowns."""
    if text.isascii():
        return 0, 0, len(_SMILEY.findall(low)), len(_FROWN.findall(low))
    happy = sum(c in HAPPY_SIGNS for c in text)
    return happy, sum(c in SAD_SIGNS for c in text), len(_SMILEY.findall(low)), len(_FROWN.findall(low))
