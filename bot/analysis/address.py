"""Whether a text speaks *to* the brand or only of it, for search hits that no notification stands behind.

Errs on the side of an address: taking a remark for an address costs a glance, the reverse costs a
person their answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.analysis.features import LIMIT

_GREETINGS: Final = (
    r"bonjour|bonsoir|bjr|bsr|salut|slt|coucou|cc|hey|hé|hep|eh|oh|ohé|ho|allo|allô|yo|wesh|cher|chère|chers"
    r"|dites?|dis|dis[- ]moi|dites[- ]moi|s'il te pla[iî]t|svp|stp|merci|mercii+|bravo|chapeau|félicitations"
    r"|respect|pardon|désolée?|hello|hi|hiya|dear|thanks|thank you|thx|ty|cheers|please|pls|plz|listen|look"
    r"|sorry|oi|ok|well done|congrats|question|petite question|message|note|attention|allez|jërëjëf|sahit"
    r"|shoutout|props|kudos|come on|c'mon|bye|adieu|gg|go|bien joué|keep it up|fair play|wah"
    r"|bsseha|wsh|nice one|shame on|god bless|messieurs|mesdames|team"
)
_SECOND: Final = re.compile(
    r"\b(?:you|your|yours|you're|youre|you've|you'll|you'd|u|ur|y'all|yall|ye|yer|yous|youse|ya|vous|votre|vos"
    r"|tu|ton|tes|toi|t'[aeéèiouyh]\w*|te|\w{3,}ez(?:[- ](?:moi|nous|le|la|les|vous|y))?|dis|dites|faites"
    r"|please|pls|plz|svp|stp|s'il (?:vous|te) pla[iî]t|anyone there|help|thanks|thank|thx|cheers|ty"
    r"|merci|mercii+|una|messieurs"
    r"|(?:lock|shut|fix|sort|stop|give|bring|send|add|keep) (?:it|him|her|them|this|that|the|us|me))\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"\?\s*(?:\W{0,12})$|\?\s|\?$")


@dataclass(frozen=True, slots=True)
class Patterns:
    """What to look for, made once from the brand's names: `names` (as words), `handles` (with @)."""

    handle: re.Pattern[str] | None
    named: re.Pattern[str] | None
    vocative: re.Pattern[str] | None

    @classmethod
    def of(cls, brand: Sequence[str]) -> Patterns:
        """Patterns for the names and @handles in `brand`. A name stands for its handle and hashtag too."""
        names = sorted(
            {name.lstrip("@#").strip() for name in brand} - {""}, key=lambda name: (-len(name), name)
        )
        if not names:
            return cls(None, None, None)
        any_name = "|".join(re.escape(name).replace(r"\ ", r"[\s_-]?") for name in names)
        word = rf"[@#]?(?<!\w)(?:{any_name})(?!\w)"
        return cls(
            re.compile(rf"(?<![\w@])@(?:{any_name})(?![\w])", re.IGNORECASE),
            re.compile(rf"(?<!\w)(?:{any_name})(?!\w)", re.IGNORECASE),
            re.compile(_vocative(word), re.IGNORECASE),
        )


def _vocative(name: str) -> str:
    """The name called: first in a sentence and set off, last and set off, or after a greeting."""
    edge = r"(?:^|[.!?…\n]\s*|^\W+)"
    between = r"(?: (?:à|a|to|the|team|l'équipe|tout le monde|chez|les|la|le|gens de|aux))*"
    greeted = rf"(?<!\w)(?:{_GREETINGS}){between}\W{{1,3}}{name}"
    first = rf"{edge}(?:the )?{name}\s*(?:[,:!?;…]|\.\.|-\s|—)"
    last = rf"[,;:!?.…—]\s*(?:the )?{name}\W*(?:$|\n|[.!?…])"
    begins = "my|i|i'm|we|there's|somebody|someone|why|where|when|how|je|j'ai|mon|ma|mes|pourquoi|comment|on"
    told = rf"^{name} (?:{begins})\b"
    return rf"{greeted}|{first}|{last}|{told}|(?<!\w)(?:by|via|cc|à) {name}\W*$"


def names_brand(text: str, patterns: Patterns) -> bool:
    """Whether `text` names the brand. Where no brand is configured, every text might."""
    if patterns.named is None:
        return True
    text = text[:LIMIT].replace("’", "'")
    return bool(patterns.named.search(text) or (patterns.handle and patterns.handle.search(text)))


def speaks_to(text: str, patterns: Patterns) -> str:
    """Why `text` speaks to the brand: "handle", "vocative", "second person", "question"; "" if it does not
    seem to. Without a brand in the patterns, or one in the text, only "second person" can be seen."""
    text = text[:LIMIT].replace("’", "'")
    if patterns.handle and patterns.handle.search(text):
        return "handle"
    named = patterns.named is not None and patterns.named.search(text) is not None
    if named and patterns.vocative and patterns.vocative.search(text):
        return "vocative"
    if _SECOND.search(text):
        return "second person"
    return "question" if _ASKS.search(text) else ""
