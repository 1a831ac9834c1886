"""Whether a candidate is worse than the pipeline in use, or only unlucky in the texts it was judged by.

Paired bootstrap (Koehn 2004, https://aclanthology.org/W04-3250/): the texts are drawn again many times,
both are judged by each draw, and a figure has fallen when it is lower in nearly all draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.analysis.evaluation import FIGURES, LESS_IS_BETTER, Judged
from bot.analysis.examples import Example
from bot.models import Analysis

DRAWS: Final = 200
SURE: Final = 0.975  # share of draws in which it must be worse


@dataclass(frozen=True, slots=True)
class Change:
    """One figure before and after, and the middle 95 % of its change over the draws."""

    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two taggers on one set. `fallen` and `summary` are sentences for people."""

    name: str
    texts: int
    changes: Mapping[str, Change]
    fallen: tuple[str, ...]
    summary: tuple[str, ...]


def compare(
    name: str,
    examples: Sequence[Example],
    before: Sequence[Analysis],
    after: Sequence[Analysis],
    seed: int = 0,
) -> Comparison:
    """Weigh `after` against `before` on `examples` (all three in the same order)."""
    old = [Judged(*pair) for pair in zip(examples, before, strict=True)]
    new = [Judged(*pair) for pair in zip(examples, after, strict=True)]
    draws = np.random.default_rng(seed).integers(0, len(examples), (DRAWS, len(examples)))
    changes = {}
    for figure, measure in FIGURES.items():
        was, now = measure(old), measure(new)
        if was is not None and now is not None:
            sign = -1 if figure in LESS_IS_BETTER else 1
            moves = [_move(measure([old[i] for i in d]), measure([new[i] for i in d])) for d in draws]
            low, high = np.nanquantile([sign * m for m in moves], [1 - SURE, SURE])
            changes[figure] = Change(was, now, float(low), float(high))
    return Comparison(name, len(examples), changes, *_said(name, changes))


def _move(was: float | None, now: float | None) -> float:
    return math.nan if was is None or now is None else now - was


def _said(name: str, changes: Mapping[str, Change]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fallen, summary = [], []
    for figure, change in changes.items():
        went = f"On {name}, {figure} went from {change.before:.4g} to {change.after:.4g}"
        if change.high < 0:
            fallen.append(f"{went}: worse by more than chance explains.")
        elif change.low > 0:
            summary.append(f"{went}: better by more than chance explains.")
        elif not math.isclose(change.before, change.after):
            summary.append(f"{went}: within what chance explains.")
    return tuple(fallen), tuple(summary) or (f"On {name}, nothing changed.",)
