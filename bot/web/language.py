"""French and English: catalogs, and how times, lengths and numbers are written.

The texts in the templates are English; ``locale/fr/*.po`` hold the French, one file for each matter. They are
read as they stand, so there is nothing to compile.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.store import instant
from bot.web import networks, texts, words
from bot.web.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

LANGUAGES: Final = ("en", "fr")
_NAMES: Final = {"en": "English", "fr": "Français"}
# Times are written as in France where the language is French; en_GB, for days before months.
_LOCALES: Final = {"en": "en_GB", "fr": "fr_FR"}
_PERCENT: Final = {"en": "%", "fr": "\u202f%"}


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its texts, and the templates rendered in it."""

    code: str
    catalog: NullTranslations
    locale: Locale
    zone: ZoneInfo
    environment: Environment

    def gettext(self, text: str, **values: Any) -> str:
        found = self.catalog.gettext(text) if text else ""
        return found % values if values else found

    def network(self, code: str) -> str:
        """What a network is called; one that only the config knows, as it stands there."""
        name = networks.NAMES.get(code)
        return code if name is None else self.catalog.gettext(name)

    def render(self, template: str, **context: Any) -> str:
        return self.environment.get_template(template).render(lang=self.code, **context)

    def when(self, value: int, form: str = "short") -> str:
        """An instant (ms) on the brand's clock, such as "10/03/2026 09:00"."""
        return _when(value, form, self.locale, self.zone)

    def day(self, value: int, form: str = "medium") -> str:
        """A day (ms) on the brand's calendar, such as "10 Mar 2026"."""
        return dates.format_date(self._local(value), form, locale=self.locale)

    def length(self, milliseconds: int) -> str:
        """A length of time in its two largest units, such as "3 h 20 min"."""
        minutes = abs(milliseconds) // 60_000
        days, hours = divmod(minutes // 60, 24)
        day = "j" if self.code == "fr" else "d"
        if days:
            return f"{days} {day} {hours} h" if hours else f"{days} {day}"
        if hours:
            return f"{hours} h {minutes % 60:02} min"
        return f"{minutes} min" if minutes else f"{abs(milliseconds) // 1000} s"

    def number(self, value: float) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def percent(self, value: float | None) -> str:
        """A share of one, such as "98.5 %"; "–" where there is none."""
        return (
            "–"
            if value is None
            else numbers.format_percent(value, f"#,##0.#{_PERCENT[self.code]}", locale=self.locale)
        )

    def _local(self, value: int) -> datetime:
        return instant(value).astimezone(self.zone)


class Languages:
    """All of them. `zone`: whose clock times are written on."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._all: Mapping[str, Language] = {code: _language(code, zone) for code in LANGUAGES}

    def named(self, code: str) -> Language:
        return self._all[code]

    def best(self, chosen: str, accepted: str) -> Language:
        """The one that the user chose; else the first that their browser asks for (``Accept-Language``)."""
        wanted = (chosen, *_accepted(accepted))
        return self._all[next((code for code in wanted if code in self._all), "en")]


@lru_cache(maxsize=20_000)
def _when(value: int, form: str, locale: Locale, zone: ZoneInfo) -> str:
    """The same instants stand on every page that everybody looks at."""
    return dates.format_datetime(instant(value).astimezone(zone), form, locale=locale)


def _accepted(header: str) -> Sequence[str]:
    """Codes by their weight: https://www.rfc-editor.org/rfc/rfc9110#field.accept-language"""
    ranked = []
    for place, part in enumerate(header[:200].split(",")):
        code, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, code[:2].lower()))
        except ValueError:
            continue
    return [code for _, _, code in sorted(ranked)]


@cache  # an inbox that is opened anew need not read all templates again
def _language(code: str, zone: ZoneInfo) -> Language:
    catalog, locale = _catalog(code), Locale.parse(_LOCALES[code])
    environment = Environment(
        loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )  # fmt: skip
    environment.install_gettext_translations(catalog, newstyle=True)  # type: ignore[attr-defined]
    language = Language(code, catalog, locale, zone, environment)
    environment.filters |= {
        "when": language.when, "day": language.day, "length": language.length, "number": language.number,
        "percent": language.percent, "network": language.network, "link": texts.link, "short": texts.short,
        "plain": texts.plain, "handle": texts.handle, "reason": lambda text: reason(language, text),
        "word": lambda code: language.gettext(words.word(code)),
        "iso": lambda value: instant(value).isoformat(timespec="seconds"),
    }  # fmt: skip
    environment.globals |= {"static": texts.static, "LANGUAGES": _NAMES}
    return language


@cache
def _catalog(code: str) -> NullTranslations:
    if code == "en":
        return NullTranslations()
    found = Translations()
    folder = resources.files("bot.web") / "locale" / code
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".po")), key=lambda f: f.name):
        compiled = io.BytesIO()
        write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=code))
        compiled.seek(0)
        found.add(Translations(compiled))
    return found
