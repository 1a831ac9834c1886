"""Labelled texts: one JSON line each, what a model learns from and is judged by.

A line: ``{"text", "lang", "sentiment", "intents", "urgency", "needs_answer", "addressed", "brand",
"personal_data", "situation", "network"}``. Only ``text`` and one label are required: what is missing is
"nobody knows", not "no". ``situation`` names what the text is about; texts of one situation are never
split between training and judging, so that near-copies do not straddle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.models import INTENTS, SENTIMENTS, URGENCIES

PARTS: Final = 10


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text; `None` is "nobody knows". `mood` are probabilities in the order of `SENTIMENTS`,
    `intents` label -> holds or not, for the labels that were looked at."""

    text: str
    lang: str = ""
    mood: tuple[float, float, float] | None = None
    intents: Mapping[str, bool] | None = None
    leading: str = ""
    urgency: str | None = None
    needs_answer: bool | None = None
    addressed: bool | None = None
    brand: tuple[str, ...] = ()
    personal_data: tuple[tuple[str, str], ...] | None = None
    situation: str = ""
    network: str = ""
    weight: float = 1.0

    @property
    def sentiment(self) -> str | None:
        """The likeliest mood, if there is one."""
        return None if self.mood is None else SENTIMENTS[max(range(3), key=self.mood.__getitem__)]


def read(paths: Iterable[Path]) -> tuple[list[Example], list[str]]:
    """The examples in `paths` (files, or folders of ``*.jsonl``), and a sentence for each line that is none:
    file, number, fault. The good lines are kept.

    Raises:
        OSError: a file cannot be read.
    """
    found: list[Example] = []
    faults: list[str] = []
    for path in paths:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for number, line in enumerate(file.read_bytes().splitlines(), 1):
                if not line.strip():
                    continue
                try:
                    found.append(example(json.loads(line)))
                except (ValueError, RecursionError) as fault:
                    faults.append(f"{file}:{number}: {_said(fault)}")
    return found, faults


def _said(fault: Exception) -> str:
    return str(fault) if type(fault) is ValueError else "the line is not JSON"


def example(line: Any) -> Example:
    """One line, decoded, as an example.

    Raises:
        ValueError: one sentence that names the field.
    """
    if not isinstance(line, dict) or not isinstance(line.get("text"), str):
        raise ValueError('the line must be an object with a "text"')  # noqa: TRY004  one sort of fault
    mood = _one_of(line, "sentiment", SENTIMENTS)
    intents = line.get("intents")
    if intents is not None and (not isinstance(intents, list) or not set(map(str, intents)) <= set(INTENTS)):
        raise ValueError(f"intents must be a list of: {', '.join(INTENTS)}")
    return Example(
        text=line["text"],
        lang=str(line.get("lang") or ""),
        mood=one_hot(mood) if mood else None,
        intents={name: name in intents for name in INTENTS} if intents else None,
        leading=intents[0] if intents else "",
        urgency=_one_of(line, "urgency", URGENCIES),
        needs_answer=_yes_or_no(line, "needs_answer"),
        addressed=_yes_or_no(line, "addressed"),
        brand=tuple(map(str, line.get("brand") or ())),
        personal_data=_spans(line.get("personal_data")),
        situation=str(line.get("situation") or ""),
        network=str(line.get("network") or ""),
        weight=float(line.get("weight", 1.0)),
    )


def one_hot(mood: str) -> tuple[float, float, float]:
    """Certainty of one of `SENTIMENTS`."""
    return (float(mood == "negative"), float(mood == "neutral"), float(mood == "positive"))


def _one_of(line: Mapping[str, Any], name: str, known: Sequence[str]) -> str | None:
    value = line.get(name)
    if value is not None and value not in known:
        raise ValueError(f"{name} must be one of: {', '.join(known)}")
    return value


def _yes_or_no(line: Mapping[str, Any], name: str) -> bool | None:
    value = line.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _spans(value: Any) -> tuple[tuple[str, str], ...] | None:
    if value is None:
        return None
    try:
        return tuple((str(span["kind"]), str(span["text"])) for span in value)
    except (TypeError, KeyError):
        raise ValueError('personal_data must be a list of {"kind", "text"}') from None


def part(example: Example) -> int:
    """Which of `PARTS` parts an example falls into: by its situation, or else its text. Never changes."""
    key = example.situation or " ".join(example.text.lower().split())
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "replace")).digest()[:4], "big") % PARTS


def split(examples: Iterable[Example]) -> tuple[list[Example], list[Example], list[Example]]:
    """For training (eight tenths), for choosing (one), for judging (one)."""
    parts: tuple[list[Example], list[Example], list[Example]] = ([], [], [])
    for one in examples:
        parts[{0: 2, 1: 1}.get(part(one), 0)].append(one)
    return parts


def lines(examples: Iterable[Example]) -> Iterator[str]:
    """Examples as JSON lines that `example` reads again."""
    for one in examples:
        line: dict[str, Any] = {"text": one.text, "lang": one.lang, "situation": one.situation}
        line |= {"sentiment": one.sentiment, "urgency": one.urgency, "needs_answer": one.needs_answer}
        held = [name for name, holds in (one.intents or {}).items() if holds]
        line["intents"] = sorted(held, key=lambda name: name != one.leading) or None
        line |= {"addressed": one.addressed, "network": one.network}
        yield json.dumps({k: v for k, v in line.items() if v is not None}, ensure_ascii=False)
