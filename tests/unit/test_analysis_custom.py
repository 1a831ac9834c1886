"""Another spaCy pipeline may stand in for the one that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from bot.analysis import Tagger


@Language.component("tiny_mood")
def tiny_mood(doc: Doc) -> Doc:
    """Everything is good news, and in Breton."""
    doc._.sentiment = {"negative": 0.0, "neutral": 0.1, "positive": 0.9}
    doc._.language = "br"
    return doc


def test_a_pipeline_made_on_the_spot_is_used_and_what_it_leaves_alone_keeps_the_default(
    tmp_path: Path,
) -> None:
    nlp = spacy.blank("fr")
    nlp.add_pipe("tiny_mood")
    nlp.to_disk(tmp_path / "tiny")
    found = Tagger(str(tmp_path / "tiny"), brand=["Orvale"]).tag([("quelle honte", ""), ("", "fr")])
    assert [(one.sentiment, one.lang, one.intent, one.needs_answer) for one in found] == [
        ("positive", "br", "other", True)
    ] * 2


def test_a_model_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(OSError, match="no_such_pipeline"):
        Tagger("no_such_pipeline").load()
