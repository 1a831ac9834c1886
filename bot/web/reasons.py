"""Why something rings, was refused or waits, in a user's language.

Steps, listeners and responders say it as a whole English sentence, which is stored, logged and told elsewhere
as it stands. Here it is known again by its pattern in ``locale/*/reasons.po``. What no pattern fits, such as
a colleague's own words or those of an installed package, stays as it is.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Final

from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol

if TYPE_CHECKING:
    from bot.web.language import Language

_PLACE: Final = re.compile(r"%\((\w+)\)s")
_DECIMAL: Final = re.compile(r"([0-9]+)\.([0-9]+)")
# Longer ones are no reasons: each is a sentence, with a host or two in it.
_LONGEST: Final = 1000


def reason(language: Language, text: str) -> str:
    """It in this language; as it stands where it is no sentence of ours."""
    known = language.gettext(text)
    if known != text or len(text) > _LONGEST:
        return known
    for pattern, sentence in _patterns(language.code):
        if found := pattern.fullmatch(text):
            return language.gettext(
                sentence, **{k: _value(language, v) for k, v in found.groupdict().items()}
            )
    return text


def _value(language: Language, text: str) -> str:
    """A sentence within a sentence is told too; a number has the decimal sign of the language."""
    if number := _DECIMAL.fullmatch(text):
        return get_decimal_symbol(language.locale).join(number.groups())
    return reason(language, text)


@cache
def _patterns(code: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those with values in them, what leaves least open first."""
    file = resources.files("bot.web") / "locale" / code / "reasons.po"
    if not file.is_file():
        return ()
    sentences = [str(m.id) for m in read_po(BytesIO(file.read_bytes())) if _PLACE.search(str(m.id))]
    sentences.sort(key=lambda one: len(_PLACE.sub("", one)), reverse=True)
    return tuple((_pattern(one), one) for one in sentences)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _PLACE.split(sentence)  # what stands between places, and their names, by turns
    return re.compile(
        "".join(f"(?P<{part}>.+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    )
