"""What a text says: language, sentiment, intents, urgency, personal data, aspects, direct address.

Cheap to import: spaCy and numpy are imported when the first text is tagged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.models import Analysis

_CHUNK: Final = 1024  # texts in one memory zone


class Tagger:
    """Owner of one spaCy pipeline; may be called from several threads (they take turns).

    Memory zones of one pipeline must not overlap, and keep a daemon from growing with every new word
    (https://spacy.io/usage/memory-management).
    """

    def __init__(
        self, model: str = "", brand: Sequence[str] = (), aspects: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """`model`: "" for the pipeline that ships, else a spaCy package or folder that sets the attributes in
        `bot.analysis.attributes`. `brand`: its names and @handles. `aspects`: aspect -> its words."""
        self._settings = (model, tuple(brand), dict(aspects or {}))
        self._lock = threading.Lock()
        self._nlp: Any = None

    def load(self) -> None:
        """Load the pipeline now rather than with the first text.

        Raises:
            OSError, ValueError: `model` names no pipeline that spaCy can load.
        """
        with self._lock:
            self._loaded()

    def tag(self, texts: Sequence[tuple[str, str]], why: bool = False) -> list[Analysis]:
        """One analysis for each (text, language given by the network or ""), in the same order. No text
        makes it raise. With `why`, the words that weighed most are named (many times slower).

        Raises:
            OSError, ValueError: as `load`.
        """
        from bot.analysis.pipeline import run

        found: list[Analysis] = []
        with self._lock:
            nlp = self._loaded()
            for start in range(0, len(texts), _CHUNK):
                with nlp.memory_zone():
                    found += run(nlp, texts[start : start + _CHUNK], why)
        return found

    def _loaded(self) -> Any:
        if self._nlp is None:
            # One thread owns the pipeline; more for its small sums would cost more than they bring.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            from bot.analysis.pipeline import load

            self._nlp = load(*self._settings)
        return self._nlp
