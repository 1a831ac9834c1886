"""The pipeline's parts as spaCy factories. Each takes many texts at once where that is quicker.

``pip`` finds them by the entry point group ``spacy_factories``; importing this module registers them too.
"""
# ruff: noqa: ARG001, ARG002  (spaCy passes these by name)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from bot.analysis import attributes
from bot.analysis.address import Patterns, names_brand, speaks_to
from bot.analysis.aspects import Aspects
from bot.analysis.heads import Model, intents_of, mood_of, needs_answer, urgency_of
from bot.analysis.language import languages
from bot.analysis.personal import personal_data
from bot.models import Span

attributes.register()


class Part:
    """One step over batches of texts. Subclasses set attributes in `mark`."""

    def __call__(self, doc: Doc) -> Doc:
        self.mark([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 256) -> Iterator[Doc]:
        """The same for a stream, `batch_size` texts at a time."""
        for docs in _batches(stream, batch_size):
            self.mark(docs)
            yield from docs

    def mark(self, docs: Sequence[Doc]) -> None:
        """Set this part's attributes on `docs`."""
        raise NotImplementedError


class LanguagePart(Part):
    """Sets ``language`` and ``warmth`` (how far the model is to be believed in that language)."""

    def mark(self, docs: Sequence[Doc]) -> None:
        for doc, guess in zip(
            docs, languages([(attributes.text(doc), doc._.given) for doc in docs]), strict=True
        ):
            said = doc._
            said.language, said.warmth = guess


class ScoresPart(Part):
    """Sets ``sentiment``, ``intents``, ``urgency``, ``needs_answer`` and ``speaks``; owns the weights."""

    def __init__(self) -> None:
        self.model: Model | None = None

    def mark(self, docs: Sequence[Doc]) -> None:
        if self.model is None:
            return  # nothing learned: the defaults stand
        settings, texts = self.model.settings, [attributes.text(doc) for doc in docs]
        scores = self.model.score(texts, [doc._.warmth for doc in docs])
        for i, doc in enumerate(docs):
            said = doc._
            said.sentiment = mood_of(scores.mood[i])
            said.intents = intents_of(scores.intents[i], settings)
            said.urgency = urgency_of(scores.urgency[i], settings)
            said.needs_answer = needs_answer(texts[i], scores, i, settings)
            said.speaks = float(scores.speaks[i])

    def to_disk(self, path: Path, *, exclude: Sequence[str] = ()) -> None:
        """Write the weights into the folder `path`."""
        if self.model is not None:
            self.model.save(path)

    def from_disk(self, path: Path, *, exclude: Sequence[str] = ()) -> ScoresPart:
        """Read what `to_disk` wrote."""
        if (path / "settings.json").exists():
            self.model = Model.load(path)
        return self


class PersonalDataPart(Part):
    """Sets ``personal_data``."""

    def mark(self, docs: Sequence[Doc]) -> None:
        for doc in docs:
            doc._.personal_data = _triples(personal_data(attributes.text(doc), doc._.language))


class AspectsPart(Part):
    """Sets ``aspects`` from the config's words."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self.aspects = Aspects(words)

    def mark(self, docs: Sequence[Doc]) -> None:
        for doc in docs:
            doc._.aspects = _triples(self.aspects.find(attributes.text(doc)))


class AddressPart(Part):
    """Sets ``address``: by the rules, or else where the model is far from sure that it is mere talk. A text
    that names no brand speaks to nobody we know: whether it speaks to us, only its network can tell."""

    def __init__(self, brand: Sequence[str], speaks: float) -> None:
        self.patterns, self.speaks = Patterns.of(brand), speaks

    def mark(self, docs: Sequence[Doc]) -> None:
        for doc in docs:
            text, tone = attributes.text(doc), "tone" if doc._.speaks >= self.speaks else ""
            named = names_brand(text, self.patterns)
            doc._.address = (speaks_to(text, self.patterns) or tone) if named else ""


def _batches(stream: Iterable[Doc], size: int) -> Iterator[list[Doc]]:
    docs = iter(stream)
    while batch := list(islice(docs, size)):
        yield batch


def _triples(spans: Iterable[Span]) -> tuple[tuple[str, int, int], ...]:
    return tuple((span.kind, span.start, span.end) for span in spans)


@Language.factory("vigie_language", assigns=["doc._.language", "doc._.warmth"])
def make_language(nlp: Language, name: str) -> LanguagePart:
    """Language: the network's word first."""
    return LanguagePart()


@Language.factory("vigie_scores", requires=["doc._.warmth"])
def make_scores(nlp: Language, name: str) -> ScoresPart:
    """Sentiment, intents, urgency, needs_answer."""
    return ScoresPart()


@Language.factory("vigie_personal_data", assigns=["doc._.personal_data"])
def make_personal_data(nlp: Language, name: str) -> PersonalDataPart:
    """Personal data."""
    return PersonalDataPart()


@Language.factory("vigie_aspects", default_config={"words": {}}, assigns=["doc._.aspects"])
def make_aspects(nlp: Language, name: str, words: dict[str, Any]) -> AspectsPart:
    """Aspects."""
    return AspectsPart(words)


@Language.factory("vigie_address", default_config={"brand": [], "speaks": 0.5}, assigns=["doc._.address"])
def make_address(nlp: Language, name: str, brand: list[str], speaks: float) -> AddressPart:
    """Direct address."""
    return AddressPart(brand, speaks)
