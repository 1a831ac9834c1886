"""The tokenizer: words as blanks leave them.

No part of the shipped pipeline looks at tokens (they read whole texts, many at once), and spaCy's own
tokenizer took three fifths of all the time. A pipeline of yours may name any other in its config.
"""
# ruff: noqa: ARG002  (spaCy passes these by name)

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab

_WORD: Final = re.compile(r"([^ ]+|(?<![^ ]) )( ?)")


class Words:
    """Splits at single blanks; ``Doc.text`` is the text unchanged."""

    def __init__(self, vocab: Vocab) -> None:
        vocab.lex_attr_getters = {}  # type: ignore[attr-defined]
        # shape, prefix, is_stop...: reckoned for every new word, read by nobody
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        """A Doc of `text`. Text that UTF-8 cannot hold must not get here."""
        found = _WORD.findall(text)
        return Doc(self.vocab, words=[word for word, _ in found], spaces=[bool(space) for _, space in found])

    def to_disk(self, path: Path, *, exclude: Sequence[str] = ()) -> None:
        """Nothing to keep."""

    def from_disk(self, path: Path, *, exclude: Sequence[str] = ()) -> Words:
        """Nothing was kept."""
        return self


@registry.tokenizers("vigie_words")  # type: ignore[untyped-decorator]
def make_words() -> Callable[[Language], Words]:
    """The tokenizer, for ``[nlp.tokenizer]`` in a pipeline's config."""
    return lambda nlp: Words(nlp.vocab)
