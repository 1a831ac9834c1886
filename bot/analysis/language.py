"""Which language a text is in: the network's word first, then a guess where there is enough to guess from.

py3langid fails on posts of three words as every detector does, so a short text is "unknown" unless it
holds words that only French or only English has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from bot.analysis.lexicon import words

UNKNOWN: Final = "unknown"
ENOUGH: Final = 20  # letters under which the detector is not asked
SURE: Final = 0.6  # its probability under which it is not believed
OTHER: Final = 0.3  # how far the model is believed in a language it never learned
LIMIT: Final = 200  # characters looked at
TRAINED: Final = {"fr": 1.0, "en": 1.0, "es": 0.8, "it": 0.8, "pt": 0.8, "de": 0.8}
# py3langid's, less those it takes short French and English for.
CANDIDATES: Final = words("""
af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr ht hu hy id is it ja ka kk
km kn ko lb lt lv mk ml mr ms mt ne nl no oc pa pl pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur vi wo xh
zh zu
""")

_NOISE: Final = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|\S+@\S+|[\d_]+")
_WORD: Final = re.compile(r"[^\W\d_]+")
_FAR: Final = re.compile("[^\x00-\u024f]")  # beyond Latin letters and signs
_FRENCH: Final = words("""
je tu il elle nous vous ils elles est sont suis avez avons ai c'est les des une du mon ma mes votre vos
notre nos pas plus très tres pour avec dans sur chez qui que quoi mais donc merci bonjour bonsoir svp stp ça
ca mdr ptdr bcp beaucoup toujours jamais depuis pourquoi comment quand quel quelle aucun aucune encore trop
même meme fait faire génial genial nul nulle bravo remboursement livraison compte carte retard colis
commande panne rien bien bjr slt cc oui ouais franchement arnaque honte service le et en au aux ce cette ces
sans alors wesh coucou salut
""")
_ENGLISH: Final = words("""
i you he she we they is are am was were have has had my your our their the an and of to with in for from
this that these those not don't can't won't what why when where who how please pls thanks thank thx hello hi
hey sorry great good bad love hate awful worst best really very just got get need help still been refund
delivery account card late order broken waiting yes nope lol omg wtf guys it it's i'm i've you're there any
some but all on at
""")


class Guess(NamedTuple):
    """A language (ISO 639-1 or "unknown") and how far to believe a model trained on `TRAINED`, 0 to 1."""

    lang: str
    warmth: float


def languages(texts: Sequence[tuple[str, str]]) -> list[Guess]:
    """The language of each (text, language the network gave or ""). Never raises on a text."""
    return [_guess(text, given) for text, given in texts]


def _guess(text: str, given: str) -> Guess:
    stated = given.strip().lower().replace("_", "-").split("-", 1)[0]
    lang = stated if len(stated) == 2 and stated.isalpha() and stated != "un" else _detect(text)
    if not text.strip():
        return Guess(lang, 0.0)
    trust = TRAINED.get(lang, 0.7 if lang == UNKNOWN else OTHER)
    return Guess(lang, min(trust, OTHER) if _foreign(text) else trust)


def _foreign(text: str) -> bool:
    """Mostly in letters that are not Latin."""
    if not _FAR.search(text, 0, LIMIT):
        return False
    letters = [c for c in text[:LIMIT] if c.isalpha()]
    return sum(c > "\u024f" for c in letters) * 2 > len(letters)


def _detect(text: str) -> str:
    said = _NOISE.sub(" ", text[:LIMIT].replace("’", "'")).strip()
    spoken = [word.lower() for word in _WORD.findall(said)]
    french, english = (len(known.intersection(spoken)) for known in (_FRENCH, _ENGLISH))
    if hint := _hinted(french, english, len(spoken)):
        return hint
    if sum(map(len, spoken)) < (ENOUGH // 3 if _foreign(said) else ENOUGH):
        return UNKNOWN
    lang, sure = _identifier().classify(said)
    return str(lang) if sure >= SURE else UNKNOWN


def _hinted(french: int, english: int, words: int) -> str:
    """ "fr" or "en" where common words of the one stand out in a text and those of the other do not."""
    for lang, ours, theirs in (("fr", french, english), ("en", english, french)):
        if ours > theirs and ours - theirs >= (1 if words <= 4 else 2) and ours * 5 >= words:
            return lang
    return ""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(set(CANDIDATES) & set(identifier.labels)))
    return identifier
