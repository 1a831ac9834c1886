"""Does somebody ask the brand to stop? Pure.

Networks demand that it is honoured at once (https://docs.x.com/developer-guidelines): whoever says so gets
nothing more from us there, whatever they say later.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

ASKED: Final = "this person asked us to stop"
DEFAULT_WORDS: Final = (
    "stop", "please stop", "stop please", "stop it", "stop this", "unsubscribe", "opt out", "optout",
    "leave me alone", "stop messaging me", "stop replying to me", "stop contacting me", "do not contact me",
    "don't contact me", "do not reply to me", "don't reply to me",
    "arrête", "arrêtez", "stop svp", "stop merci", "arrêtez svp", "arrêtez s'il vous plaît", "désabonner",
    "désabonnez-moi", "désinscription", "ne me contactez plus", "ne m'écrivez plus", "ne me répondez plus",
    "laissez-moi tranquille", "fichez-moi la paix",
)  # fmt: skip
_HANDLE: Final = re.compile(r"(?<!\w)@[\w.@-]+")
_ACCENT: Final = re.compile("[\u0300-\u036f]")
_FIRST: Final = re.compile("[\\w\u0300-\u036f]+")
_WORD: Final = re.compile(r"\w+")


def is_stop(text: str, words: tuple[str, ...]) -> bool:
    """Whether the whole message, but for handles and punctuation, is one of `words`. Case, accents and a word
    said twice over make no difference; a longer sentence is for a human."""
    if "@" in text:
        text = _HANDLE.sub(" ", text)
    known, first = _known(words), _FIRST.search(text)
    # Nearly every text begins otherwise, and need not be looked at any further.
    if first is None or _plain(first[0])[:1] not in known.begin:
        return False
    return _plain(text) in known.whole


class _Known(NamedTuple):
    """What is a stop, and with which words one begins."""

    whole: frozenset[tuple[str, ...]]
    begin: frozenset[tuple[str, ...]]


@lru_cache(maxsize=16)
def _known(words: tuple[str, ...]) -> _Known:
    whole = frozenset(filter(None, map(_plain, words)))
    return _Known(whole, frozenset(said[:1] for said in whole))


def _plain(text: str) -> tuple[str, ...]:
    """The words of a text, without case and accents; "Stop! Stop! Stop!" is one of them."""
    letters = _ACCENT.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return tuple([word for word, _ in groupby(_WORD.findall(letters))])
