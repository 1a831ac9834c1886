"""How good are the tags, beside VADER's and those of spaCy's own text categoriser, and how quick?

``python -m benchmarks.tagging`` judges by the part of the corpus in this repo that nothing was trained on;
``python -m benchmarks.tagging DATA`` by the ``dev`` parts of the public sets too (`docs/analysis.md` says
which folders DATA holds). spaCy's categoriser is trained here, in this run, on the texts that Vigie's model
learned from, less the teacher's labels; every figure is printed, losses included.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.training import Example as Pair

from benchmarks.machine import cpu
from bot.analysis import Tagger, sources
from bot.analysis.evaluation import Tag, auc, evaluate, vader
from bot.analysis.examples import Example, read, split
from bot.analysis.pipeline import SHIPPED, open_for_training
from bot.models import INTENTS, SENTIMENTS, Analysis

CORPUS = Path(__file__).parent.parent / "corpus"
EPOCHS = 4


def main(data: Path | None = None) -> None:
    """Print macro recall, calibration error and speed of each tagger on each set, then Vigie's intents."""
    learn, choose, judge = split(read([CORPUS])[0])
    sets = {f"corpus {lang}": [one for one in judge if one.lang == lang] for lang in ("en", "fr")}
    if data is not None:
        learn = [*learn, *sources.tweets(data, "en"), *sources.tweets(data, "fr")]
        sets |= {f"tweets {lang}": sources.tweets(data, lang, "dev") for lang in ("en", "fr")}
        sets["reviews fr"] = sources.reviews(data, "fr", "dev")
    ours = Tagger()
    ours.load()
    ours.tag([("warm up", ""), ("ein Text, damit auch die Sprachen geladen sind", "")])
    taggers: dict[str, Tag] = {"Vigie": ours.tag, "spaCy TextCatBOW": stock(learn)}
    taggers |= peer()
    print(f"{'':18}{'':12}{'texts':>6}{'macro recall %':>16}{'calibration':>13}{'texts/CPU-s':>13}")
    for name, examples in sets.items():
        for who, tag in taggers.items():
            tag([("warm up", "en")])
            report = evaluate(examples, tag)
            recall, error = (report.figures[f"sentiment, {f}"] for f in ("macro recall", "calibration error"))
            print(f"{who:18}{name:12}{report.texts:6}{recall:16.1f}{error:13.3f}{report.speed:13,.0f}")
    intents([*choose, *judge])
    flow(ours, [one for examples in sets.values() for one in examples])


def peer() -> dict[str, Tag]:
    """VADER, where the extra ``bench`` is installed."""
    try:
        return {"VADER": vader()}
    except ImportError:
        print("VADER is not installed (pip install vigie[bench])")
        return {}


def stock(examples: Sequence[Example]) -> Tag:
    """spaCy's bag-of-words categoriser as ``spacy init config --optimize efficiency`` sets it up."""
    nlp = spacy.blank("xx")
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "length": 262144,
        "no_output_layer": False,
    }
    part: Any = nlp.add_pipe("textcat", config={"model": model})
    for mood in SENTIMENTS:
        part.add_label(mood)
    pairs = [
        Pair.from_dict(
            nlp.make_doc(one.text), {"cats": {mood: float(mood == one.sentiment) for mood in SENTIMENTS}}
        )
        for one in examples
        if one.sentiment
    ]
    optimizer = nlp.initialize(lambda: pairs[:100])
    order = np.random.default_rng(0)
    for _ in range(EPOCHS):
        rows = order.permutation(len(pairs))
        for at in range(0, len(pairs), 256):
            nlp.update([pairs[row] for row in rows[at : at + 256]], sgd=optimizer)

    def tag(texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        docs = nlp.pipe(text for text, _ in texts)
        return [
            Analysis(sentiment=max(doc.cats, key=doc.cats.__getitem__), scores=dict(doc.cats)) for doc in docs
        ]

    return tag


def intents(examples: Sequence[Example]) -> None:
    """Print how well each intent's score sets its texts apart, by language."""
    model = open_for_training(SHIPPED)[1].model
    assert model is not None
    print(
        f"\nintents on texts of unseen situations: AUC in percent\n{'':12}"
        + "".join(f"{name:>11}" for name in INTENTS)
    )
    for lang in ("en", "fr"):
        here = [one for one in examples if one.lang == lang and one.intents]
        found = model.score([one.text for one in here])
        row = []
        for i, name in enumerate(INTENTS):
            holds = np.array([bool(one.intents and one.intents[name]) for one in here])
            value = auc(found.intents[:, i].astype(float), holds)
            row.append("          –" if value is None else f"{value:11.1f}")
        print(f"{lang:12}" + "".join(row))


def flow(tagger: Tagger, examples: Sequence[Example]) -> None:
    """Print texts per CPU second with the language given and without."""
    texts = [one.text for one in examples]
    texts = (texts * (6_000 // len(texts) + 1))[:6_000]
    for name, lang in (("language given", "en"), ("language guessed", "")):
        spent = cpu(lambda lang=lang: tagger.tag([(text, lang) for text in texts]))  # type: ignore[misc]
        print(f"{name:20}{len(texts) / spent:10,.0f} texts per CPU second (wanted: 2,000)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
