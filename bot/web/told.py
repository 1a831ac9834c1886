"""Sentences with values, and the errors of the desk, in a user's language."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import Sentence, VigieError
from bot.store import ms
from bot.web.words import word

if TYPE_CHECKING:
    from bot.web.language import Language


def told(language: Language, sentence: Sentence | VigieError) -> str:
    """It in this language, its first letter a capital."""
    said = _said(language, sentence)
    return said[:1].upper() + said[1:]


def _said(language: Language, sentence: Sentence | VigieError) -> str:
    values = {name: _value(language, name, value) for name, value in sentence.values.items()}
    return language.gettext(sentence.text, **values)


def _value(language: Language, name: str, value: object) -> object:
    if isinstance(value, Sentence):
        return _said(language, value)
    if isinstance(value, datetime):
        return language.when(ms(value), "short")
    if isinstance(value, StrEnum):
        return language.gettext(word(value))
    return language.network(value) if name == "network" and isinstance(value, str) else value
