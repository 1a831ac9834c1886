"""From corrections to a better pipeline: train a candidate, weigh it against the one in use.

The folder of models: ``<folder>/<version>/`` for each pipeline, ``current`` with the version in use (no
such file: the one that ships), ``history.json`` with every outcome. X's developer agreement forbids
training models on its content (https://developer.x.com/en/developer-terms/agreement-and-policy), so
examples whose network is "x" stay out unless a reason is given, which is kept in the history. A thousand
lines of the corpus are rehearsed along with the corrections, so that the new does not push out the old.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.analysis.comparison import Comparison, compare
from bot.analysis.examples import Example, read, split
from bot.errors import NotPossible

KEPT: Final = 5
REHEARSAL: Final = Path(__file__).parent / "rehearsal.jsonl"
REGRESSION: Final = Path(__file__).parent / "regression.jsonl"
EPOCHS: Final = 4
RATE: Final = 0.04
HOLD: Final = 0.05
CLOSED: Final = {"x": "X's terms forbid training models on its content"}

Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training run. `reasons` are sentences for a community manager."""

    version: str
    promoted: bool
    reasons: tuple[str, ...]
    learned_from: int
    held_out: int
    left_out: int
    comparisons: tuple[Comparison, ...] = field(default=())


def current(folder: Path) -> str:
    """What to give `Tagger` as its model: the path of the pipeline in use, "" for the one that ships."""
    version = _in_use(folder)
    return str(folder / version) if version and (folder / version).is_dir() else ""


def train(
    files: Sequence[Path],
    folder: Path,
    now: datetime,
    *,
    seed: int = 0,
    closed_reason: str = "",
    regression: Path = REGRESSION,
    told: Told = lambda *_: None,
) -> Outcome:
    """Train a candidate from the labelled lines in `files`, starting from the pipeline in use in `folder`;
    promote it if no figure falls by more than chance explains, on a fifth of the lines kept aside and on the
    frozen `regression` set. The same seed, files and start give the same weights. `closed_reason`: why
    examples from networks in `CLOSED` may be used. `told` hears (stage, step, steps).

    Raises:
        OSError: a file cannot be read or written.
        NotPossible: nothing to learn from, or the pipeline in use is not one that this can train.
    """
    found, faults = read(files)
    usable = [one for one in found if closed_reason or one.network not in CLOSED]
    learn, *rest = split(usable)
    held = [*rest[0], *rest[1]]
    if not learn:
        raise NotPossible(
            "There is nothing to learn from: " + (faults[0] if faults else "no labelled line was given.")
        )
    version = f"{now:%Y%m%dT%H%M%S}-{seed}"
    nlp, fallen = _candidate(learn, folder, seed, told), []
    folder.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder / version)
    comparisons = _weighed(folder, version, held, regression, told)
    fallen = [reason for one in comparisons for reason in one.fallen]
    outcome = Outcome(
        version,
        not fallen,
        tuple(fallen) or tuple(reason for one in comparisons for reason in one.summary),
        len(learn),
        len(held),
        len(found) - len(usable),
        tuple(comparisons),
    )
    _settle(folder, outcome, closed_reason, now)
    return outcome


def rollback(folder: Path) -> str:
    """Put the pipeline before the one in use back in use; "" is the one that ships. Its version is returned.

    Raises:
        NotPossible: the one that ships is in use already.
    """
    in_use = _in_use(folder)
    if not in_use:
        raise NotPossible("The pipeline that ships is in use: there is nothing to go back to.")
    promoted = [entry["version"] for entry in _history(folder) if entry["promoted"]]
    before = (
        [v for v in promoted[: promoted.index(in_use)] if (folder / v).is_dir()] if in_use in promoted else []
    )
    _use(folder, before[-1] if before else "")
    return before[-1] if before else ""


def _candidate(learn: Sequence[Example], folder: Path, seed: int, told: Told) -> Any:
    from bot.analysis.fit import Recipe, fit
    from bot.analysis.pipeline import SHIPPED, open_for_training
    from bot.analysis.sgd import Plan

    nlp, part = open_for_training(current(folder) or SHIPPED)
    plan = Plan(epochs=EPOCHS, rate=RATE, batch=32, hold=HOLD, shared=0.0)
    rehearsed, _ = read([REHEARSAL])
    part.model = fit(learn, Recipe(seed, plan, plan), start=part.model, told=told, kept=rehearsed)
    return nlp


def _weighed(
    folder: Path, version: str, held: Sequence[Example], regression: Path, told: Told
) -> list[Comparison]:
    from bot.analysis import Tagger

    frozen, _ = read([regression]) if regression.exists() else ([], [])
    sets = [("the examples kept aside", held), ("the regression set", frozen)]
    found = []
    for step, (name, examples) in enumerate(sets):
        told("evaluation", step + 1, len(sets))
        texts = [(one.text, one.lang) for one in examples]
        if texts:
            before, after = (Tagger(model).tag(texts) for model in (current(folder), str(folder / version)))
            found.append(compare(name, examples, before, after))
    return found


def _settle(folder: Path, outcome: Outcome, closed_reason: str, now: datetime) -> None:
    """Write down what came of it, put the candidate in use if it may be, and forget the oldest."""
    line = asdict(replace(outcome, comparisons=())) | {"at": now.isoformat(), "closed_reason": closed_reason}
    history = [*_history(folder), line]
    _write(folder / "history.json", json.dumps(history, indent=1, ensure_ascii=False) + "\n")
    if outcome.promoted:
        _use(folder, outcome.version)
    else:
        shutil.rmtree(folder / outcome.version)
    kept = [entry["version"] for entry in history if entry["promoted"]][-KEPT:]
    for entry in history:
        if entry["promoted"] and entry["version"] not in kept and (folder / entry["version"]).is_dir():
            shutil.rmtree(folder / entry["version"])


def _history(folder: Path) -> list[dict[str, Any]]:
    file = folder / "history.json"
    return list(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else []


def _in_use(folder: Path) -> str:
    file = folder / "current"
    return file.read_text(encoding="utf-8").strip() if file.exists() else ""


def _use(folder: Path, version: str) -> None:
    _write(folder / "current", version + "\n")


def _write(file: Path, text: str) -> None:
    """In one step: a crash leaves the old file or the new one."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
