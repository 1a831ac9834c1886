"""Where a text speaks of a product or theme that the config names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from bot.models import Span

LIMIT = 20_000  # characters looked at


class Aspects:
    """Finds the words of each aspect as whole words, whatever their case and accents; a word may stand in
    the plural ("carte" finds "cartes")."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        """`words`: aspect -> the words and phrases that stand for it."""
        self._aspect = {
            _bare(word.strip()): aspect for aspect, forms in words.items() for word in forms if word.strip()
        }
        forms = sorted(self._aspect, key=lambda form: (-len(form), form))
        joined = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in forms)
        self._pattern = re.compile(rf"(?<!\w)({joined})(?:e?s|x)?(?!\w)") if forms else None

    def find(self, text: str) -> tuple[Span, ...]:
        """The spans in `text`, in order. ``Span.kind`` is the aspect."""
        if self._pattern is None:
            return ()
        found = self._pattern.finditer(_bare(text[:LIMIT]))
        return tuple(Span(self._aspect[" ".join(m.group(1).split())], *m.span()) for m in found)


def _bare(text: str) -> str:
    """Lower case without accents, character by character, so that positions stay."""
    if text.isascii():
        return text.lower()
    return "".join((unicodedata.normalize("NFD", c)[0].lower() or c)[0] for c in text)
