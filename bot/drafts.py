"""Which words could answer this mention? Choose templates, render them, fit them to the limit. Pure.

What a person wrote never becomes a template: the only thing of theirs that is rendered is their name,
cleaned. What a template may do is settled in `bot.templates`, when the config is loaded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from jinja2 import TemplateError

from bot.models import Analysis, Decision, Kind, Limits, Mention, Process
from bot.templates import Brand, Template

_CANDIDATES: Final = 3
_LONGEST_DRAFT: Final = 10_000
_LONGEST_NAME: Final = 40
_MOST_SHELVES: Final = 16

# --- Names of people -----------------------------------------------------------------------------

# Control and direction characters, letters that show nothing, and heaps of marks on one letter.
_NOT_SHOWN: Final = re.compile(
    "[\u0000-\u001f\u007f-\u009f\u115f\u1160\u202a-\u202e\u2066-\u2069\u3164\uffa0\ufffd]|[\u0300-\u036f]{2}"
)
_NO_NAME: Final = re.compile(r"[@<>\[\]{}()*_#|\\/`~^=$%&+\"]|\d|:|\bwww\.|\w\.\w\w", re.IGNORECASE)


@lru_cache(maxsize=4096)
def greeting_name(name: str) -> str:
    """A display name fit to greet somebody by, or "" where it is better to greet without.

    Emoji and ornaments go. A name with control or direction characters, markup, digits, an address of any
    sort, or of more than 40 characters is not used: in public it would speak in the brand's voice.
    """
    if len(name) > 4 * _LONGEST_NAME:
        return ""
    name = unicodedata.normalize("NFKC", name)
    if _NOT_SHOWN.search(name) or _NO_NAME.search(name):
        return ""
    kept = " ".join("".join(map(_in_a_name, name)).split()).strip(" '’-·.")
    return kept if any(map(str.isalpha, kept)) and len(kept) <= _LONGEST_NAME else ""


def _in_a_name(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LM" or character in " '’.-·":
        return character
    return "" if category == "Cf" else " "


_SENTENCE_END: Final = re.compile(r"[.!?…]+(?=\s|$)")

# --- Drafts --------------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """A draft that fits the limit. `template` and `lang` tell where it comes from; `cut` that its end is
    missing, so a human must look at it; `holding` that it answers nothing yet."""

    text: str
    template: str
    cut: bool = False
    lang: str = ""
    holding: bool = False


def candidates(
    mention: Mention,
    analysis: Analysis,
    decision: Decision,
    templates: Sequence[Template],
    limits: Limits,
    brand: Brand,
) -> tuple[Candidate, ...]:
    """Up to three drafts: the template that a rule named first, then the most special ones.

    They are in the mention's language where the brand answers in it and has a template, else in the
    brand's first. What does not fit `limits` gives way to a shorter template; only if none fits is the
    shortest cut at the end of a sentence (or else of a word), and flagged. No draft at all is an answer
    too: then a human writes.
    """
    shelf, name = _shelf(templates, brand), greeting_name(mention.author.name)
    labels = tuple([label for label, _ in analysis.intents]) or (analysis.intent,)
    for lang in _languages(mention, analysis, brand):
        place = Place(
            lang, mention.network, mention.kind, labels, decision.process, decision.template, bool(name)
        )
        if found := shelf.ready(place):
            return _fitted(found, name, lang, limits)
    return ()


def goes_alone(decision: Decision, analysis: Analysis, drafts: Sequence[Candidate]) -> Candidate | None:
    """The draft that may go out without a human: the decision says so, it is the template that the rule
    named, whole, and in the person's own language. `None` where a human must look."""
    if not decision.automatic or not drafts:
        return None
    first = drafts[0]
    sure = first.template == decision.template and first.lang == analysis.lang and not first.cut
    return first if sure else None


def _languages(mention: Mention, analysis: Analysis, brand: Brand) -> tuple[str, ...]:
    lang = mention.lang[:2].lower() if analysis.lang == "unknown" else analysis.lang
    return (lang, brand.languages[0]) if lang in brand.languages else brand.languages[:1]


class Place(NamedTuple):
    """All that the choice of templates and their words depend on, but for the name itself: the draft's
    language, the mention's network and kind, its intents (strongest first), what was decided, and whether
    there is a name to greet by."""

    lang: str
    network: str
    kind: Kind
    intents: tuple[str, ...]
    process: Process
    template: str
    named: bool


class Ready(NamedTuple):
    """A template with everything filled in but the name, which belongs between the `parts`; `None` where it
    does more with the name than to say it, and must be rendered with `values` for each."""

    template: Template
    values: dict[str, str]
    parts: tuple[str, ...] | None

    def text(self, name: str) -> str:
        return name.join(self.parts) if self.parts else _render(self.template, self.values | {"name": name})


class _Shelf:
    """The templates of one house. Thousands of mentions share a place, so that the choice is made, and the
    templates rendered, once for all of them."""

    def __init__(self, templates: Sequence[Template], brand: Brand) -> None:
        self.templates, self.brand = templates, brand
        self.ready = lru_cache(maxsize=2048)(self._make_ready)

    def _make_ready(self, place: Place) -> tuple[Ready, ...]:
        values = {
            "name": _NAME if place.named else "",
            "brand": self.brand.name,
            "signature": self.brand.signature(place.lang),
            "contact": self.brand.contact,
            "network": place.network,
            "kind": place.kind.value,
            "lang": place.lang,
        }
        return tuple(Ready(t, values, _parts(t, values)) for t in _meant(self.templates, place))


# Stands for the name until it is known: a code point that no text may use (https://www.unicode.org/faq/
# private_use.html#nonchar4), and that `greeting_name` lets nobody be called.
_NAME: Final = "\ufdd0"
_shelves: Final[dict[tuple[int, int], _Shelf]] = {}


def _shelf(templates: Sequence[Template], brand: Brand) -> _Shelf:
    """The shelf of these very templates. It holds on to them, so that no other object gets their ids."""
    key = id(templates), id(brand)
    if (shelf := _shelves.get(key)) is None:
        if len(_shelves) >= _MOST_SHELVES:
            _shelves.clear()
        shelf = _shelves[key] = _Shelf(templates, brand)
    return shelf


def _meant(templates: Sequence[Template], place: Place) -> list[Template]:
    """The templates for this place, first choice first.

    What a rule names it has already found fit: only its language and its network are still asked.
    """
    ranks = {label: i for i, label in enumerate(place.intents)}
    ranked = []
    for template in templates:
        if template.languages and place.lang not in template.languages:
            continue
        if template.networks and place.network not in template.networks:
            continue
        if template.name == place.template:
            ranked.append(((0, 0, 0), template))
            continue
        if template.by_rule:
            continue
        found = [ranks[intent] for intent in template.intents if intent in ranks]
        if (template.intents and not found) or template.process not in {None, place.process}:
            continue
        ranked.append(((1, -template.special, min(found, default=0)), template))
    ranked.sort(key=itemgetter(0))
    return [template for _, template in ranked]


def _parts(template: Template, values: dict[str, str]) -> tuple[str, ...] | None:
    return tuple(_render(template, values).split(_NAME)) if template.only_says_name else None


def _render(template: Template, values: dict[str, str]) -> str:
    """The text, or "" where the template fails on this data: then a human writes."""
    try:
        text = template.compiled.render(values).strip()
    except (TemplateError, TypeError, ValueError):
        return ""
    if not values["name"]:  # "Hello {{ name }}," shall not become "Hello ,"
        text = text.replace("  ", " ").replace(" ,", ",")
    return text


def _fitted(found: Sequence[Ready], name: str, lang: str, limits: Limits) -> tuple[Candidate, ...]:
    """The first three drafts that fit; only if none does, the shortest of all, cut."""
    fit: list[Candidate] = []
    too_long: list[tuple[int, str, Template]] = []
    for ready in found:
        text = ready.text(name)
        if not text or len(text) > _LONGEST_DRAFT:
            continue
        if (size := limits.count(text)) <= limits.maximum:
            fit.append(Candidate(text, ready.template.name, False, lang, ready.template.holding))
        else:
            too_long.append((size, text, ready.template))
        if len(fit) == _CANDIDATES:
            break
    if fit or not too_long:
        return tuple(fit)
    _, text, which = min(too_long, key=itemgetter(0, 1))
    short = cut(text, limits)
    return (Candidate(short, which.name, True, lang, which.holding),) if short else ()


def cut(text: str, limits: Limits) -> str:
    """The longest beginning of a text that fits and ends with a sentence; else with a word and "…"; ""
    where not even a word fits."""
    for end in reversed([found.end() for found in _SENTENCE_END.finditer(text)]):
        if limits.count(text[:end]) <= limits.maximum:
            return text[:end]
    for end in reversed([found.start() for found in re.finditer(r"\s+", text)]):
        start = text[:end].rstrip(" ,;:—-\n\u00a0") + "…"
        if limits.count(start) <= limits.maximum:
            return start
    return ""
