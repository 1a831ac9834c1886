"""Which words could answer this mention? Choose templates, render them, fit them to the limit. Pure.

What a person wrote never becomes a template: the only thing of theirs that is rendered is their name,
cleaned. What a template may do is settled in `bot.templates`, when the config is loaded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final

from jinja2 import TemplateError
from jinja2.runtime import Context

from bot.models import Analysis, Decision, Limits, Mention
from bot.templates import Brand, Template, Templates, check, default_templates

__all__ = [
    "Brand",
    "Candidate",
    "Template",
    "Templates",
    "candidates",
    "check",
    "cut",
    "default_templates",
    "goes_alone",
    "greeting_name",
]

_CANDIDATES: Final = 3
_LONGEST_DRAFT: Final = 10_000
_LONGEST_NAME: Final = 40

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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft that fits the limit. `template` and `lang` tell where it comes from; `cut` that its end is
    missing, so a human must look at it."""

    text: str
    template: str
    cut: bool = False
    lang: str = ""


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
    for lang in _languages(mention, analysis, brand):
        if fitting := _meant(templates, mention, analysis, decision, lang):
            return _fitted(fitting, _values(mention, brand, lang), limits)
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


def _meant(
    templates: Sequence[Template], mention: Mention, analysis: Analysis, decision: Decision, lang: str
) -> list[Template]:
    """The templates for this mention in this language, first choice first.

    What a rule names it has already found fit: only its language and its network are still asked.
    """
    places = {label: i for i, (label, _) in enumerate(analysis.intents)} or {analysis.intent: 0}
    ranked = []
    for template in templates:
        if template.languages and lang not in template.languages:
            continue
        if template.networks and mention.network not in template.networks:
            continue
        if template.name == decision.template:
            ranked.append(((0, 0, 0), template))
            continue
        found = [places[intent] for intent in template.intents if intent in places]
        if (template.intents and not found) or template.process not in {None, decision.process}:
            continue
        ranked.append(((1, -template.special, min(found, default=0)), template))
    ranked.sort(key=itemgetter(0))
    return [template for _, template in ranked]


def _values(mention: Mention, brand: Brand, lang: str) -> dict[str, str]:
    """The data for `WORDS`."""
    return {
        "name": greeting_name(mention.author.name),
        "brand": brand.name,
        "signature": brand.signature(lang),
        "contact": brand.contact,
        "network": mention.network,
        "kind": mention.kind.value,
        "lang": lang,
    }


def _render(template: Template, context: Context) -> str:
    """The text, or "" where the template fails on this data: then a human writes."""
    try:
        text = "".join(template.compiled.root_render_func(context)).strip()
    except (TemplateError, TypeError, ValueError):
        return ""
    if not context["name"]:  # "Hello {{ name }}," shall not become "Hello ,"
        text = text.replace("  ", " ").replace(" ,", ",")
    return text if len(text) <= _LONGEST_DRAFT else ""


def _fitted(templates: Sequence[Template], values: dict[str, str], limits: Limits) -> tuple[Candidate, ...]:
    """The first three drafts that fit; only if none does, the shortest of all, cut."""
    # One context serves them all: to make it takes seven times as long as to render with it.
    context = templates[0].compiled.new_context(values)
    fit: list[Candidate] = []
    too_long: list[tuple[int, str, str]] = []
    for template in templates:
        if not (text := _render(template, context)):
            continue
        if (size := limits.count(text)) <= limits.maximum:
            fit.append(Candidate(text, template.name, lang=values["lang"]))
        else:
            too_long.append((size, text, template.name))
        if len(fit) == _CANDIDATES:
            break
    if fit or not too_long:
        return tuple(fit)
    _, text, name = min(too_long)
    short = cut(text, limits)
    return (Candidate(short, name, cut=True, lang=values["lang"]),) if short else ()


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
