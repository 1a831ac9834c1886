"""How good a tagger is on labelled texts: the figures, their noise, and a peer's in the same run.

Macro recall (the mean of the recall of the three moods) is SemEval-2017 task 4's measure
(https://aclanthology.org/S17-2088/). Calibration error is the expected calibration error in ten bins
(https://arxiv.org/abs/1706.04599). Shares are in percent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from bot.analysis.examples import Example
from bot.models import INTENTS, SENTIMENTS, Analysis

Numbers = npt.NDArray[np.float64]
Tag = Callable[[Sequence[tuple[str, str]]], Sequence[Analysis]]
BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """An example and what was said of it."""

    wanted: Example
    found: Analysis


@dataclass(frozen=True, slots=True)
class Report:
    """One tagger on one set. `figures`: name -> value (see `FIGURES`); `confusion` and `f1` are of the mood,
    ``confusion[wanted][found]`` in texts; `speed` in texts per CPU second."""

    texts: int
    figures: Mapping[str, float]
    f1: Mapping[str, float] = field(default_factory=dict)
    confusion: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    speed: float = 0.0


def evaluate(examples: Sequence[Example], tag: Tag) -> Report:
    """Judge `tag` (for instance ``Tagger().tag``) by `examples`; figures that nothing is known for are
    left out."""
    began = time.process_time()
    found = tag([(one.text, one.lang) for one in examples])
    spent = time.process_time() - began
    judged = [Judged(one, analysis) for one, analysis in zip(examples, found, strict=True)]
    return Report(
        len(judged), figures(judged), f1(judged), confusion(judged), len(judged) / spent if spent else 0.0
    )


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    """Every figure that `judged` allows, by name; for each language with enough texts, and over all."""
    found = {}
    langs = sorted({one.wanted.lang for one in judged} - {""})
    for lang in ["", *langs]:
        here = [one for one in judged if not lang or one.wanted.lang == lang]
        for name, figure in FIGURES.items():
            value = figure(here)
            if value is not None and (not lang or len(langs) > 1):
                found[f"{name} {lang}".strip()] = round(value, 2)
    return found


def macro_recall(judged: Sequence[Judged]) -> float | None:
    """The mean of the recall of negative, neutral and positive, in percent."""
    known = [one for one in judged if one.wanted.sentiment]
    shares = [
        np.mean([one.found.sentiment == mood for one in known if one.wanted.sentiment == mood])
        for mood in SENTIMENTS
        if any(one.wanted.sentiment == mood for one in known)
    ]
    return 100 * float(np.mean(shares)) if len(shares) == len(SENTIMENTS) else None


def calibration_error(judged: Sequence[Judged]) -> float | None:
    """How far the mood's score is from how often it is right, on average, 0 to 1."""
    known = [one for one in judged if one.wanted.sentiment]
    if not known:
        return None
    sure = np.array([one.found.scores.get(one.found.sentiment, 0.0) for one in known])
    right = np.array([one.found.sentiment == one.wanted.sentiment for one in known], dtype=float)
    return expected_calibration_error(sure, right)


def expected_calibration_error(sure: Numbers, right: Numbers) -> float:
    """Mean distance between confidence and success over ten bins of confidence, weighted by texts, 0 to 1."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == b].sum() - right[bins == b].sum()) for b in range(BINS)]
    return float(sum(gaps) / max(len(sure), 1))


def leading_intent(judged: Sequence[Judged]) -> float | None:
    """How often the leading intent is the labelled one, in percent."""
    known = [one for one in judged if one.wanted.leading]
    return 100 * float(np.mean([one.found.intent == one.wanted.leading for one in known])) if known else None


def intents_f1(judged: Sequence[Judged]) -> float | None:
    """Mean F1 over the intents that occur, in percent."""
    scores = []
    for name in INTENTS:
        known = [one for one in judged if one.wanted.intents and name in one.wanted.intents]
        wanted = np.array([bool(one.wanted.intents and one.wanted.intents[name]) for one in known])
        found = np.array([name in dict(one.found.intents) for one in known])
        if wanted.any():
            scores.append(2 * (wanted & found).sum() / (wanted.sum() + found.sum()))
    return 100 * float(np.mean(scores)) if scores else None


def spam_precision(judged: Sequence[Judged]) -> float | None:
    """Of what is called spam, how much is, in percent: the rest are people silenced."""
    called = [one for one in judged if one.wanted.intents and "spam" in dict(one.found.intents)]
    return _share([bool(one.wanted.intents and one.wanted.intents.get("spam")) for one in called])


def no_answer_precision(judged: Sequence[Judged]) -> float | None:
    """Of what is said to need no answer, how much needs none, in percent."""
    return _share(
        [
            not one.wanted.needs_answer
            for one in judged
            if one.wanted.needs_answer is not None and not one.found.needs_answer
        ]
    )


def pressing_recall(judged: Sequence[Judged]) -> float | None:
    """Of what is high or crisis, how much is called so, in percent."""
    pressing = ("high", "crisis")
    return _share([one.found.urgency in pressing for one in judged if one.wanted.urgency in pressing])


def _share(hits: Sequence[bool]) -> float | None:
    return 100 * float(np.mean(hits)) if hits else None


FIGURES: Final[Mapping[str, Callable[[Sequence[Judged]], float | None]]] = {
    "sentiment, macro recall": macro_recall,
    "sentiment, calibration error": calibration_error,
    "intents, mean F1": intents_f1,
    "leading intent right": leading_intent,
    "spam precision": spam_precision,
    "no-answer precision": no_answer_precision,
    "pressing found": pressing_recall,
}
LESS_IS_BETTER: Final = ("sentiment, calibration error",)


def confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Moods: wanted -> found -> texts."""
    table = {wanted: dict.fromkeys(SENTIMENTS, 0) for wanted in SENTIMENTS}
    for one in judged:
        if one.wanted.sentiment:
            table[one.wanted.sentiment][one.found.sentiment] += 1
    return table


def f1(judged: Sequence[Judged]) -> dict[str, float]:
    """F1 of each mood, in percent."""
    table = confusion(judged)
    scores = {}
    for mood in SENTIMENTS:
        called = sum(row[mood] for row in table.values())
        total = sum(table[mood].values()) + called
        scores[mood] = round(200 * table[mood][mood] / total, 2) if total else 0.0
    return scores


def auc(scores: Numbers, holds: npt.NDArray[np.bool_]) -> float | None:
    """The chance that a text for which it holds scores above one for which it does not, in percent; ties
    count half. None where all are of one sort."""
    yes, no = int(holds.sum()), int((~holds).sum())
    if not yes or not no:
        return None
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float(100 * (ranks[holds].sum() - yes * (yes + 1) / 2) / (yes * no))


def vader() -> Tag:
    """The peer: VADER's moods, with its own thresholds (https://github.com/cjhutto/vaderSentiment).

    Raises:
        ImportError: the extra ``bench`` is not installed.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()

    def tag(texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        compound = [analyzer.polarity_scores(text)["compound"] for text, _ in texts]
        return [_compound(value) for value in compound]

    return tag


def _compound(value: float) -> Analysis:
    mood = "positive" if value >= 0.05 else "negative" if value <= -0.05 else "neutral"
    return Analysis(
        sentiment=mood, scores={name: 0.5 + abs(value) / 2 if name == mood else 0.0 for name in SENTIMENTS}
    )
