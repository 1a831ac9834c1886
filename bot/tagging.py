"""``vigie tag``: JSONL in, JSONL out, in batches, same order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Protocol

from bot import jsonl
from bot.models import Analysis

BATCH: Final = 256


class Tagger(Protocol):
    def tag(self, texts: Sequence[tuple[str, str]], why: bool = False) -> list[Analysis]: ...


def tag_lines(tagger: Tagger, lines: Iterable[bytes], *, why: bool = False) -> Iterator[tuple[str, str]]:
    """For each line that is not blank: (the output line, ""), or ("", what is wrong with it)."""
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    while page := list(islice(numbered, BATCH)):
        read = [_read(number, line) for number, line in page]
        texts = [(item["text"], item["lang"]) for item, fault in read if not fault]
        tagged = iter(tagger.tag(texts, why=why))
        for item, fault in read:
            yield ("", fault) if fault else (_line(item["id"], next(tagged), why=why), "")


def _read(number: int, line: bytes) -> tuple[dict[str, Any], str]:
    try:
        found = jsonl.fields(line)
        text, lang = found.get("text"), found.get("lang") or ""
        if not isinstance(text, str) or not isinstance(lang, str):
            raise ValueError("text is missing" if text is None else "text and lang must be text")  # noqa: TRY004, TRY301
    except ValueError as fault:
        return {}, f"line {number}: {fault}"
    return {"id": found.get("id", found.get("remote_id", number)), "text": text, "lang": lang}, ""


def _line(line_id: Any, tags: Analysis, *, why: bool) -> str:
    out = {
        "id": line_id,
        "lang": tags.lang,
        "sentiment": {
            "label": tags.sentiment,
            "score": tags.scores.get(tags.sentiment, 0.0),
            "scores": dict(tags.scores),
        },
        "intent": tags.intent,
        "intents": [{"label": label, "score": score} for label, score in tags.intents],
        "urgency": tags.urgency,
        "needs_answer": tags.needs_answer,
        "personal_data": [{"kind": s.kind, "start": s.start, "end": s.end} for s in tags.personal_data],
        "aspects": [{"aspect": s.kind, "start": s.start, "end": s.end} for s in tags.aspects],
    }
    if tags.address:
        out["address"] = tags.address
    if why:
        out["why"] = list(tags.why)
    return json.dumps(out, ensure_ascii=False)
