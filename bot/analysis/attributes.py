"""What passes between spaCy and Vigie: the attributes that a pipeline sets on each ``Doc``.

Any pipeline that sets these may stand in for the one that ships (``analysis.model`` in the config); what
it leaves alone keeps the honest default. Set by Vigie before the pipeline runs: ``doc._.given`` (the
language the network gave, or ""). Read after it:

==================  =====================================================================
``language``        ISO 639-1 code or "unknown"
``sentiment``       {"negative": p, "neutral": p, "positive": p}, summing to 1
``intents``         ((label, p), ...), strongest first; the first leads
``urgency``         "low", "normal", "high" or "crisis"
``needs_answer``    bool
``personal_data``   ((kind, start, end), ...) in characters of ``doc.text``
``aspects``         the same
``address``         why the text speaks to the brand, or ""
==================  =====================================================================
"""

from __future__ import annotations

from typing import Final

from spacy.tokens import Doc

SAID: Final = "vigie_text"
DEFAULTS: Final[dict[str, object]] = {
    "given": "",
    "language": "unknown",
    "warmth": 1.0,
    "sentiment": {"negative": 0.0, "neutral": 1.0, "positive": 0.0},
    "intents": (("other", 0.0),),
    "urgency": "normal",
    "needs_answer": True,
    "speaks": 0.0,
    "personal_data": (),
    "aspects": (),
    "address": "",
}


def register() -> None:
    """Make the attributes known to spaCy. May be called often."""
    for name, default in DEFAULTS.items():
        if not Doc.has_extension(name):
            Doc.set_extension(name, default=default)


def text(doc: Doc) -> str:
    """The text of `doc`, without putting it together from its tokens again where Vigie made the doc."""
    return str(doc.user_data.get(SAID) or doc.text)
