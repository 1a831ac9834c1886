"""What the outputs of the model mean, and how probabilities become a tag."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from bot.analysis.features import Parts, parts
from bot.analysis.lexicon import ALARMS
from bot.analysis.net import Net
from bot.analysis.sgd import probabilities
from bot.analysis.table import Floats, Table, features
from bot.models import INTENTS, SENTIMENTS, URGENCIES

MOOD: Final = slice(0, 3)
INTENT: Final = slice(0, 8)
URGENCY: Final = slice(8, 12)
NEEDS: Final = 12
SPEAKS: Final = 13
TASK_OUTPUTS: Final = 14

_NO_MOOD: Final = np.array([0.25, 0.5, 0.25], dtype=np.float32)
_NO_TASK: Final = np.array([0.0] * 8 + [0.0, 1.0, 0.0, 0.0] + [1.0, 0.0], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Settings:
    """The probability from which on something is said. A wrong "spam" silences a person, and a wrong "needs
    no answer" nearly so: both are said only when almost sure."""

    intents: Mapping[str, float] = field(default_factory=lambda: {**dict.fromkeys(INTENTS, 0.5), "spam": 0.9})
    no_answer: float = 0.9
    wants: float = 0.4
    urgency: Mapping[str, float] = field(default_factory=lambda: {"high": 0.5, "crisis": 0.5, "low": 0.5})
    version: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities for a batch, one row a text, in the order of `SENTIMENTS`, `INTENTS`, `URGENCIES`;
    `needs` (an answer) and `speaks` (to
    the brand) are (texts,)."""

    mood: Floats
    intents: Floats
    urgency: Floats
    needs: Floats
    speaks: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """Two tables, `mood` for sentiment and `task` for the rest, whose logits are added to those of `net`."""

    mood: Table
    task: Table
    settings: Settings = field(default_factory=Settings)
    net: Net | None = None

    def given(self, said: Parts) -> Floats:
        """The network's logits: (texts, 3 + `TASK_OUTPUTS`), moods first."""
        found = np.zeros((len(said.texts), 3 + TASK_OUTPUTS), dtype=np.float32)
        if self.net is not None:
            scored = self.net.score(said)
            found[:, : scored.shape[1]] = scored
        return found

    def logits(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Logits of the moods and of the tasks."""
        said = parts(texts)
        batch, given = features(said), self.given(said)
        return self.mood.score(batch) + given[:, :3], self.task.score(batch) + given[:, 3:]

    def score(self, texts: Sequence[str], warmth: Sequence[float] = ()) -> Scores:
        """Probabilities for `texts`. `warmth`, one a text: 1 takes the model at its word, 0 not at all
        (neutral, no intent, normal, needs an answer); between, a mixture."""
        moods, tasks = self.logits(texts)
        trust = np.array(warmth or [1.0] * len(texts), dtype=np.float32)[:, None]
        mood = trust * probabilities(moods, [MOOD]) + (1 - trust) * _NO_MOOD
        task = trust * probabilities(tasks, [URGENCY]) + (1 - trust) * _NO_TASK
        return Scores(mood, task[:, INTENT], task[:, URGENCY], task[:, NEEDS], task[:, SPEAKS])

    def save(self, folder: Path) -> None:
        """Write the model's files into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.mood.save(folder / "mood.npz")
        self.task.save(folder / "task.npz")
        if self.net is not None:
            self.net.save(folder / "net.npz")
        text = json.dumps(asdict(self.settings), indent=1, sort_keys=True)
        (folder / "settings.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read what `save` wrote.

        Raises:
            OSError, KeyError, ValueError, TypeError: a file is missing or is not what it should be.
        """
        settings = Settings(**json.loads((folder / "settings.json").read_text(encoding="utf-8")))
        net = Net.load(folder / "net.npz") if (folder / "net.npz").exists() else None
        return cls(Table.load(folder / "mood.npz"), Table.load(folder / "task.npz"), settings, net)


def mood_of(row: Floats) -> dict[str, float]:
    """Sentiment -> probability."""
    return {name: float(p) for name, p in zip(SENTIMENTS, row, strict=True)}


def intents_of(row: Floats, settings: Settings) -> tuple[tuple[str, float], ...]:
    """The intents that hold, strongest first; where none does, "other"."""
    scored = sorted(zip(INTENTS, map(float, row), strict=True), key=lambda pair: -pair[1])
    held = [(name, p) for name, p in scored if p >= settings.intents[name] and name != "other"]
    return tuple(held) or (("other", float(row[INTENTS.index("other")])),)


def urgency_of(row: Floats, settings: Settings) -> str:
    """The most pressing level that is likely enough: missing one costs more than ringing once too often."""
    p = dict(zip(URGENCIES, map(float, row), strict=True))
    if p["crisis"] >= settings.urgency["crisis"]:
        return "crisis"
    if p["crisis"] + p["high"] >= settings.urgency["high"]:
        return "high"
    return "low" if p["low"] >= settings.urgency["low"] else "normal"


def needs_answer(text: str, scores: Scores, row: int, settings: Settings) -> bool:
    """False only where nothing is left to say: the model must be almost sure, and the text must not ask, and
    not seem to complain, buy, leave or propose. An empty text needs a look (there may be a photo)."""
    if not text.strip() or "?" in text:
        return True
    if not any(map(str.isalnum, text)):
        return not ALARMS.isdisjoint(text)  # signs alone: only an angry face asks for somebody
    if scores.needs[row] > 1 - settings.no_answer:
        return True
    wants = dict(zip(INTENTS, map(float, scores.intents[row]), strict=True))
    return any(
        wants[name] >= settings.wants for name in ("question", "complaint", "purchase", "suggestion", "churn")
    )
