"""The spaCy pipeline: made, loaded, and run over a batch of texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from bot.analysis import components, words  # noqa: F401  (they register the parts)
from bot.analysis.attributes import SAID
from bot.analysis.why import why_words
from bot.errors import NotPossible
from bot.models import SENTIMENTS, Analysis, Span

SHIPPED: Final = Path(__file__).parent / "model"
BATCH: Final = 128  # the arrays of so many texts stay in a core's cache
LIMIT: Final = 20_000  # characters of a text that reach the pipeline; the rest is looked at for nothing

_UNSPEAKABLE: Final = re.compile("[\ud800-\udfff\x00]")  # what UTF-8 and C strings cannot hold
_CONFIGURED: Final = ("vigie_aspects", "vigie_address")


def blank() -> Language:
    """The pipeline with nothing learned."""
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": {"@tokenizers": "vigie_words"}}})
    for name in ("vigie_language", "vigie_scores", "vigie_personal_data", *_CONFIGURED):
        nlp.add_pipe(name)
    nlp.meta.update(name="vigie", description="What people write to brands, in French and English")
    return nlp


def load(model: str, brand: Sequence[str], aspects: Mapping[str, Sequence[str]]) -> Language:
    """The pipeline that ships (""), a folder or an installed package, told of the brand and the aspects.

    Raises:
        OSError, ValueError: spaCy finds or understands no such pipeline.
    """
    settings: dict[str, Any] = {"vigie_aspects": {"words": {k: list(v) for k, v in aspects.items()}}}
    settings["vigie_address"] = {"brand": list(brand)}
    config = _overrides(model or SHIPPED, settings)
    nlp = spacy.load(model or SHIPPED, config=config)
    nlp.max_length = LIMIT + 1
    return nlp


def open_for_training(model: str | Path) -> tuple[Language, components.ScoresPart]:
    """The pipeline at `model` and the part of it that learns.

    Raises:
        NotPossible: it has no such part: it is not one of Vigie's.
    """
    nlp = spacy.load(model)
    if "vigie_scores" not in nlp.pipe_names:
        raise NotPossible(
            f"The pipeline {model} is not one that Vigie can train: it has no part vigie_scores."
        )
    part = nlp.get_pipe("vigie_scores")
    assert isinstance(part, components.ScoresPart)
    return nlp, part


def _overrides(model: str | Path, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Only for parts the pipeline has: spaCy refuses settings for others."""
    config = spacy.util.load_config(_config_path(model))
    parts = config.get("components", {})
    return {"components": {name: dict(values) for name, values in settings.items() if name in parts}}


def _config_path(model: str | Path) -> Path:
    if spacy.util.is_package(str(model)):
        return next(spacy.util.get_package_path(str(model)).rglob("config.cfg"))
    return Path(model) / "config.cfg"


def run(nlp: Language, texts: Sequence[tuple[str, str]], why: bool) -> list[Analysis]:
    """One analysis for each (text, language given or ""), in order."""
    docs = (_doc(nlp, text, given) for text, given in texts)
    found = [_analysis(doc) for doc in nlp.pipe(docs, batch_size=BATCH)]
    if not why:
        return found
    return [_explained(nlp, text, analysis) for (text, _), analysis in zip(texts, found, strict=True)]


def _doc(nlp: Language, text: str, given: str) -> Doc:
    said = _UNSPEAKABLE.sub("\ufffd", text[:LIMIT])
    doc = nlp.make_doc(said)
    doc.user_data[SAID] = said
    doc._.given = given
    return doc


def _analysis(doc: Doc) -> Analysis:
    said = doc._
    mood = said.sentiment
    moods = {name: float(mood.get(name, 0.0)) for name in SENTIMENTS}
    intents = tuple((str(label), float(p)) for label, p in said.intents)
    return Analysis(
        lang=said.language,
        sentiment=max(SENTIMENTS, key=moods.__getitem__),
        scores=moods,
        intent=intents[0][0],
        intents=intents,
        urgency=said.urgency,
        needs_answer=said.needs_answer,
        address=said.address,
        personal_data=tuple(Span(*triple) for triple in said.personal_data),
        aspects=tuple(Span(*triple) for triple in said.aspects),
    )


def _explained(nlp: Language, text: str, analysis: Analysis) -> Analysis:
    return replace(analysis, why=why_words(nlp, _UNSPEAKABLE.sub("\ufffd", text[:LIMIT]), analysis))
