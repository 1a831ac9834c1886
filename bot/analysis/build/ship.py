"""From trained parts to the model that ships: weigh network against table, calibrate, choose thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from bot.analysis.examples import Example
from bot.analysis.fit import platt, scaled, task_targets, temperature
from bot.analysis.heads import INTENT, NEEDS, SPEAKS, URGENCY, Model, Settings, needs_answer
from bot.analysis.net import Net
from bot.analysis.table import Floats, Table
from bot.models import INTENTS

SHARE: Final = 0.5  # of the network in the moods' logits; half and half was best on the dev sets
NO_ANSWER_PRECISION: Final = 0.98


def blended(mood: Table, task: Table, net: Net, share: float = SHARE) -> Model:
    """Table and network, each with its share of the moods' logits."""
    weights = dict(net.weights)
    weights["out.w"], weights["out.b"] = weights["out.w"] * share, weights["out.b"] * share
    return Model(scaled(mood, range(3), 1 - share), task, Settings(), replace(net, weights=weights))


def warmed(model: Model, sets: Sequence[Sequence[Example]]) -> Model:
    """`model` with moods that are probabilities on `sets`, each of which counts the same: one temperature."""
    scores, wanted = [], []
    for examples in sets:
        here = [one for one in examples if one.mood is not None]
        logits = model.logits([one.text for one in here])[0]
        scores.append(logits)
        wanted.append(np.array([one.mood for one in here], np.float32) / len(here))
    heat = temperature(np.concatenate(scores), np.concatenate(wanted))
    return replace(model, mood=scaled(model.mood, range(3), heat), net=_heated(model.net, heat))


def calibrated(model: Model, tasks: Sequence[Example]) -> Model:
    """`model` with intents, urgency, needs_answer and speaks that are probabilities on `tasks`: a logistic
    curve for each, a temperature for urgency."""
    logits = model.logits([one.text for one in tasks])[1]
    goal = task_targets(tasks).wanted
    table = model.task
    for output in (*range(INTENT.start, INTENT.stop), NEEDS, SPEAKS):
        known = ~np.isnan(goal[:, output])
        table = scaled(table, [output], *platt(logits[known, output], goal[known, output]))
    known = ~np.isnan(goal[:, URGENCY.start])
    table = scaled(
        table, range(*URGENCY.indices(99)), temperature(logits[known, URGENCY], goal[known, URGENCY])
    )
    return replace(model, task=table)


def _heated(net: Net | None, heat: float) -> Net | None:
    if net is None:
        return None
    weights = dict(net.weights)
    weights["out.w"], weights["out.b"] = weights["out.w"] * heat, weights["out.b"] * heat
    return replace(net, weights=weights)


def thresholds(model: Model, tasks: Sequence[Example], people: Sequence[str]) -> Settings:
    """Where to draw lines: intents where F1 on `tasks` is best; spam above every text of `people` (who are
    none) and of `tasks` that is none; needs no answer where at least `NO_ANSWER_PRECISION` of it is right."""
    found = model.score([one.text for one in tasks])
    drawn = {}
    for i, name in enumerate(INTENTS):
        holds = np.array([bool(one.intents and one.intents.get(name)) for one in tasks])
        drawn[name] = _best_f1(found.intents[:, i], holds)
    spam = INTENTS.index("spam")
    honest = np.array([not (one.intents and one.intents.get("spam")) for one in tasks])
    theirs = model.score(people).intents[:, spam] if people else np.zeros(0)
    highest = max([0.5, *found.intents[honest, spam], *np.sort(theirs)[: -max(1, len(theirs) // 1000)]])
    drawn["spam"] = min(0.99, round(float(highest) + 0.05, 2))
    settings = replace(model.settings, intents=drawn, urgency={"low": 0.5, "high": 0.4, "crisis": 0.45})
    for line in np.arange(0.5, 1.0, 0.02):
        tried = replace(settings, no_answer=float(round(line, 2)))
        said = [i for i, one in enumerate(tasks) if not needs_answer(one.text, found, i, tried)]
        wrong = sum(bool(tasks[i].needs_answer) for i in said)
        if said and wrong <= (1 - NO_ANSWER_PRECISION) * len(said):
            return tried
    return replace(settings, no_answer=0.99)


def _best_f1(scores: Floats, holds: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """The line with the best F1. With probabilities it stands at half of that F1 (Lipton and others 2014,
    https://arxiv.org/abs/1402.1892), so higher ones are luck."""

    def f1(line: float) -> float:
        said = scores >= line
        return float(2 * (said & holds).sum() / max(1, said.sum() + holds.sum()))

    return max((0.4, 0.45, 0.5), key=f1)
