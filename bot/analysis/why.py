"""Which words weighed most: the text is scored again with each word left out, and the scores' falls compared.

Leave-one-out holds for any pipeline, ours or a configured one, because it asks only for scores.
"""

from __future__ import annotations

import re
from typing import Final

from spacy.language import Language
from spacy.tokens import Doc

from bot.models import Analysis

MOST: Final = 5  # words named
LONGEST: Final = 40  # characters of a word shown
LOOKED_AT: Final = 80  # words tried; a longer text is explained by its beginning
_WORD: Final = re.compile(r"\w[\w'’-]*|[^\w\s]+")


def why_words(nlp: Language, text: str, analysis: Analysis) -> tuple[str, ...]:
    """The words of `text` that speak most for its sentiment and leading intent, strongest first."""
    places = list(_WORD.finditer(text))[:LOOKED_AT]
    docs = [nlp.make_doc(text)]
    docs += [nlp.make_doc(text[: place.start()] + " " + text[place.end() :]) for place in places]
    for doc in docs:
        doc._.given = analysis.lang if analysis.lang != "unknown" else ""
    whole, *without = [_score(doc, analysis) for doc in nlp.pipe(docs)]
    falls = sorted(((whole - score, -i) for i, score in enumerate(without)), reverse=True)
    named = [places[-i].group() for fall, i in falls if fall > 0.005]
    return tuple(dict.fromkeys(word[:LONGEST] for word in named))[:MOST]


def _score(doc: Doc, analysis: Analysis) -> float:
    mood = float(doc._.sentiment.get(analysis.sentiment, 0.0))
    return mood + float(dict(doc._.intents).get(analysis.intent, 0.0))
