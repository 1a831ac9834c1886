"""Train a table with AdaGrad and numpy alone, so that any installation can train from its corrections.

AdaGrad (Duchi, Hazan, Singer 2011, https://jmlr.org/papers/v12/duchi11a.html) gives rare features large
steps, which is what inverse document frequency does for counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.analysis.features import parts
from bot.analysis.signals import NAMES
from bot.analysis.table import Floats, Table, features

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hashed:
    """The features of many texts: text i holds ``cells[bounds[i]:bounds[i + 1]]`` with `values`."""

    cells: npt.NDArray[np.int32]
    values: Floats
    bounds: Ints
    counts: Floats

    def take(self, rows: Ints) -> Hashed:
        """The same for some of the texts, in that order."""
        sizes = self.bounds[rows + 1] - self.bounds[rows]
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        where = np.arange(bounds[-1]) + np.repeat(self.bounds[rows] - bounds[:-1], sizes)
        return Hashed(self.cells[where], self.values[where], bounds, self.counts[rows])


def hashed(texts: Sequence[str], bits: int, chunk: int = 1024) -> Hashed:
    """The features of `texts` for tables of ``2**bits`` cells."""
    found = [_part(texts[i : i + chunk], bits) for i in range(0, len(texts), chunk)]
    bounds = np.concatenate([[0], np.cumsum(np.concatenate([p[2] for p in found]))]) if found else np.zeros(1)
    empty = [(np.zeros(0, np.int32), np.zeros(0, np.float32), None, np.zeros((0, len(NAMES)), np.float32))]
    cells, values, _, counts = zip(*(found or empty), strict=True)
    return Hashed(
        np.concatenate(cells), np.concatenate(values), bounds.astype(np.int64), np.concatenate(counts)
    )


def _part(texts: Sequence[str], bits: int) -> tuple[npt.NDArray[np.int32], Floats, Ints, Floats]:
    batch = features(parts(texts))
    rows = np.concatenate([g.rows for g in batch.groups])
    cells = np.concatenate([(g.hashes & np.uint64((1 << bits) - 1)).astype(np.int32) for g in batch.groups])
    values = np.concatenate([batch.weights[g.family][g.rows] for g in batch.groups])
    order = np.argsort(rows, kind="stable")
    return cells[order], values[order], np.bincount(rows, minlength=len(texts)), batch.counts


@dataclass(frozen=True, slots=True)
class Targets:
    """What the outputs should be: `wanted` (texts, outputs) with NaN for "nobody knows", a weight for each
    text, and `exclusive`: columns of which exactly one holds (softmax); the rest hold or not by themselves.
    `given`: logits that others add to the table's."""

    wanted: Floats
    weights: Floats
    exclusive: tuple[slice, ...] = ()
    given: Floats | float = 0.0

    def take(self, rows: Ints) -> Targets:
        """The same for some of the texts."""
        given = self.given if isinstance(self.given, float) else self.given[rows]
        return Targets(self.wanted[rows], self.weights[rows], self.exclusive, given)


@dataclass(slots=True)
class Weights:
    """A table while it learns, with AdaGrad's sums of squares."""

    hashed: Floats
    counted: Floats
    bias: Floats

    @classmethod
    def start(cls, outputs: int, bits: int, table: Table | None = None) -> Weights:
        """Nothing learned yet, or what `table` knows."""
        if table is None:
            zeros = (outputs, 1 << bits), (len(NAMES), outputs), (outputs,)
            return cls(*(np.zeros(shape, np.float32) for shape in zeros))
        return cls(table.hashed * table.scale[:, None], table.counted.copy(), table.bias.copy())


def logits(weights: Weights, data: Hashed) -> Floats:
    """(texts, outputs)."""
    first = data.bounds[:-1]
    full = data.bounds[1:] > first
    out = data.counts @ weights.counted + weights.bias
    for output, column in enumerate(weights.hashed):
        if full.any():
            out[full, output] += np.add.reduceat(column.take(data.cells) * data.values, first[full])
    return out


def probabilities(scores: Floats, exclusive: Sequence[slice]) -> Floats:
    """Logits as probabilities: softmax within `exclusive` columns, the logistic function elsewhere."""
    found = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
    for block in exclusive:
        raised = np.exp(scores[:, block] - scores[:, block].max(axis=1, keepdims=True))
        found[:, block] = raised / raised.sum(axis=1, keepdims=True)
    return found.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `hold` pulls weights back to where they started; `shared` is how fast counts and biases
    move, compared to words: 0 where few texts must not turn what holds for all; `on_epoch` is told of
    progress."""

    epochs: int = 5
    rate: float = 0.15
    batch: int = 256
    seed: int = 0
    hold: float = 0.0
    shared: float = 0.3
    on_epoch: Callable[[int, Weights], None] | None = None


def train(weights: Weights, data: Hashed, targets: Targets, plan: Plan) -> Weights:
    """Fit `weights` (in place) to `targets`; the same seed gives the same weights."""
    sums = Weights(
        *(
            np.full_like(w, s)
            for w, s in ((weights.hashed, 1e-3), (weights.counted, 1e-2), (weights.bias, 1e-2))
        )
    )
    home = weights.hashed.copy() if plan.hold else None
    texts = len(targets.weights)
    for done, rows, rate in _steps(texts, plan):
        _step(weights, sums, data.take(rows), targets.take(rows), rate, home, plan)
        if plan.on_epoch and done % texts == 0:
            plan.on_epoch(done // texts, weights)
    return weights


def _steps(texts: int, plan: Plan) -> Iterator[tuple[int, Ints, float]]:
    """Texts seen after this batch, the batch's rows, and the rate, which falls in a line to nothing."""
    random = np.random.default_rng(plan.seed)
    for epoch in range(plan.epochs):
        order = random.permutation(texts)
        for at in range(0, texts, plan.batch):
            rows = order[at : at + plan.batch]
            seen = epoch * texts + at
            yield seen + len(rows), rows, plan.rate * (1 - seen / (texts * plan.epochs))


def _step(
    weights: Weights,
    sums: Weights,
    data: Hashed,
    targets: Targets,
    rate: float,
    home: Floats | None,
    plan: Plan,
) -> None:
    known = ~np.isnan(targets.wanted)
    held = probabilities(logits(weights, data) + targets.given, targets.exclusive)
    wrong: Floats = (np.where(known, held - targets.wanted, 0) * targets.weights[:, None] / 16).astype(
        np.float32
    )
    per_cell = np.repeat(np.arange(len(data.counts)), np.diff(data.bounds))
    touched, places = np.unique(data.cells, return_inverse=True)
    for output, column in enumerate(weights.hashed):
        pushes = data.values * wrong[per_cell, output]
        push = np.bincount(places, weights=pushes, minlength=len(touched)).astype(np.float32)
        squares = sums.hashed[output]
        squares[touched] += push * push
        column[touched] -= rate * push / np.sqrt(squares[touched])
        if home is not None:
            column[touched] += rate * plan.hold * (home[output][touched] - column[touched])
    slope = data.counts.T @ wrong
    sums.counted += slope**2
    weights.counted -= plan.shared * rate * slope / np.sqrt(sums.counted)
    sums.bias += wrong.sum(axis=0) ** 2
    weights.bias -= plan.shared * rate * wrong.sum(axis=0) / np.sqrt(sums.bias)
