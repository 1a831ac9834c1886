"""From examples to a model: targets for the two tables, training, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from bot.analysis.examples import Example
from bot.analysis.features import parts
from bot.analysis.heads import INTENT, MOOD, NEEDS, SPEAKS, TASK_OUTPUTS, URGENCY, Model
from bot.analysis.sgd import Plan, Targets, Weights, hashed, probabilities, train
from bot.analysis.table import Floats, Table
from bot.models import INTENTS, URGENCIES

MOOD_BITS: Final = 20
TASK_BITS: Final = 18


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out of training, besides the examples."""

    seed: int = 0
    mood: Plan = field(default_factory=lambda: Plan(epochs=5, rate=0.15))
    task: Plan = field(default_factory=lambda: Plan(epochs=8, rate=0.15))


def mood_targets(examples: Sequence[Example]) -> Targets:
    """Sentiment, each class as heavy as the others within a language."""
    wanted = np.array([one.mood for one in examples], dtype=np.float32).reshape(-1, 3)
    weights = np.array([one.weight for one in examples], dtype=np.float32)
    langs = np.array([one.lang for one in examples])
    for lang in set(langs.tolist()):
        here = langs == lang
        mass = (wanted[here] * weights[here, None]).sum(axis=0)
        weights[here] *= wanted[here] @ (mass.sum() / 3 / np.maximum(mass, 1e-6))
    return Targets(wanted, weights, (MOOD,))


def task_targets(examples: Sequence[Example]) -> Targets:
    """Intents, urgency, needs_answer and speaks; NaN where an example does not say."""
    wanted = np.full((len(examples), TASK_OUTPUTS), np.nan, dtype=np.float32)
    for row, one in zip(wanted, examples, strict=True):
        for name, holds in (one.intents or {}).items():
            row[INTENT.start + INTENTS.index(name)] = holds
        if one.urgency is not None:
            row[URGENCY] = [one.urgency == level for level in URGENCIES]
        if one.needs_answer is not None:
            row[NEEDS] = one.needs_answer
        if one.addressed is not None:
            row[SPEAKS] = one.addressed
    return Targets(wanted, np.array([one.weight for one in examples], dtype=np.float32), (URGENCY,))


def fit(
    examples: Sequence[Example],
    recipe: Recipe,
    start: Model | None = None,
    told: Callable[[str, int, int], None] = lambda *_: None,
    kept: Sequence[Example] = (),
) -> Model:
    """A model from `examples`, from nothing or from `start`. `told` hears (stage, epoch, epochs). On `kept`
    it shall go on saying what `start` says (Li and Hoiem 2016, https://arxiv.org/abs/1606.09282)."""
    examples = [*examples, *kept]
    moods = [one for one in examples if one.mood is not None]
    tasks = [one for one in examples if (one.intents, one.urgency, one.needs_answer) != (None, None, None)]
    mood = _table(
        moods,
        _given(_holding(mood_targets(moods), start, kept, 0), start, moods, slice(0, 3)),
        replace(recipe.mood, seed=recipe.seed),
        MOOD_BITS,
        start.mood if start else None,
        _say(told, "sentiment", recipe.mood),
    )
    task = _table(
        tasks,
        _given(_holding(task_targets(tasks), start, kept, 1), start, tasks, slice(3, 3 + TASK_OUTPUTS)),
        replace(recipe.task, seed=recipe.seed),
        TASK_BITS,
        start.task if start else None,
        _say(told, "intents", recipe.task),
    )
    return Model(mood, task) if start is None else replace(start, mood=mood, task=task)


def _holding(targets: Targets, start: Model | None, kept: Sequence[Example], which: int) -> Targets:
    """`targets`, the last of which are `kept`, with what `start` says of these: of moods (0) or tasks (1)."""
    if start is None or not kept:
        return targets
    scores = start.logits([one.text for one in kept])[which]
    wanted = np.concatenate([targets.wanted[: -len(kept)], probabilities(scores, targets.exclusive)])
    return replace(targets, wanted=wanted)


def _given(targets: Targets, start: Model | None, examples: Sequence[Example], outputs: slice) -> Targets:
    """`targets`, told what the network that `start` has will add to the table."""
    if start is None or start.net is None:
        return targets
    return replace(targets, given=start.given(parts([one.text for one in examples]))[:, outputs])


def _say(told: Callable[[str, int, int], None], stage: str, plan: Plan) -> Callable[[int, Weights], None]:
    return lambda epoch, _: told(stage, epoch, plan.epochs)


def _table(
    examples: Sequence[Example],
    targets: Targets,
    plan: Plan,
    bits: int,
    start: Table | None,
    told: Callable[[int, Weights], None],
) -> Table:
    weights = Weights.start(targets.wanted.shape[1], bits, start)
    if examples:
        data = hashed([one.text for one in examples], bits)
        train(weights, data, targets, replace(plan, on_epoch=told))
    return Table.pack(weights.hashed, weights.counted, weights.bias)


def temperature(scores: Floats, wanted: Floats) -> float:
    """What to multiply mood logits by so that their softmax is as likely as can be (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599)."""
    grid = np.geomspace(0.2, 4, 120)
    return float(min(grid, key=lambda t: _loss(scores * t, wanted)))


def _loss(scores: Floats, wanted: Floats) -> float:
    top = scores.max(axis=1, keepdims=True)
    logs = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
    return float(-(logs * wanted).sum())


def platt(scores: Floats, wanted: Floats, rounds: int = 60) -> tuple[float, float]:
    """(slope, shift) of the logistic curve from `scores` to how often `wanted` holds (Platt 1999), by
    Newton's method with a little pull towards (1, 0)."""
    at = np.array([1.0, 0.0])
    x = np.stack([scores, np.ones_like(scores)], axis=1).astype(np.float64)
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-np.clip(x @ at, -30, 30)))
        slope = x.T @ (p - wanted) + 1e-2 * (at - [1.0, 0.0])
        bend = (x * (p * (1 - p))[:, None]).T @ x + 1e-2 * np.eye(2)
        at = at - np.linalg.solve(bend, slope)
    return float(max(at[0], 0.05)), float(at[1])


def scaled(table: Table, outputs: Sequence[int], slope: float, shift: float = 0.0) -> Table:
    """`table` with the logits of `outputs` stretched and shifted."""
    scale, counted, bias = table.scale.copy(), table.counted.copy(), table.bias.copy()
    columns = list(outputs)
    scale[columns] *= slope
    counted[:, columns] *= slope
    bias[columns] = bias[columns] * slope + shift
    return Table(table.hashed, scale, counted, bias)
