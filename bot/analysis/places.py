"""Where a text holds a street address: a number and a street as French, Belgian and English-speaking people
write them, with what follows (flat, postcode, town)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_NAME: Final = r"(?:(?:de la|de l'|des|du|de|d'|l'|la|le|les|aux?|en|St\.?|Ste\.?) ?|[A-ZÉÈÎÀ][\w'’.-]*[ -]?)"
_SURE: Final = r"rue|avenue|boulevard|bd|bld|impasse|all[ée]e|chemin|faubourg|chauss[ée]e|mont[ée]e"
_MAYBE: Final = r"ave?|ch|place|pl|route|rte|quai|cours|square|passage|rang|villa|r[ée]sidence|sentier|clos"
_FRENCH: Final = re.compile(
    rf"\b\d{{1,5}}(?: ?(?:bis|ter|quater|[A-D])\b)?,? (?:(?i:{_SURE})\.? [^\n,.;:!?()\d]{{2,40}}?"
    rf"(?=[\n,.;:!?()]|$| \d{{4,5}}\b| à | et | pour | que | qui )"
    rf"|(?i:{_MAYBE})\.? (?=[^\n]{{0,12}}[A-ZÉ]){_NAME}{{1,7}})"
)
_BELGIAN: Final = re.compile(
    rf"\b(?i:{_SURE}|place|quai|route) (?=[^\n]{{0,12}}[A-ZÉ]){_NAME}{{1,7}}\d{{1,4}}[A-D]?"
    rf"(?! ?[€%$£\d]|\w| \w+ \d)(?=[\n,.;:!?() ]|$)"
)
_ENGLISH: Final = re.compile(
    r"\b(?:(?:[Ff]lat|[Aa]pt|[Uu]nit|[Aa]partment) \w{1,5},? )?\d{1,5}[A-Da-d]?,? (?:[A-Z][\w'’]+ ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Row|Yard|Close|Court|Ct|Way|Place|Pl|Terrace|Tce|Crescent|Cres"
    r"|Gardens|Grove|Hill|Park|Square|Sq|Boulevard|Blvd|Parade|Quay|Mews|Walk|View|Rise|Green|Cottages|House)\b\.?"
)
_FLAT: Final = re.compile(r",? (?i:apt|apartment|app|appt|unit|flat|b[âa]t|bte|porte|suite)\.? ?\w{1,5}\b")
_TOWN: Final = re.compile(
    r"(?:,| -|(?= (?:\d{4,5}|à) ))? (?:à )?(?:(?:\d{4,5}|[A-Z]{1,2}-\d{4,5}) )?[A-ZÉÈÎ][a-zà-ÿ'’-]+"
    r"(?:[ -](?:[a-z]{1,3}[ -])?[A-ZÉÈÎ][a-zà-ÿ'’-]+){0,3}"
)
_CODE: Final = re.compile(
    r",? \(?(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{2}(?: \d{5})?"
    r"|\d{5}|Québec\) [A-Z]\d[A-Z] ?\d[A-Z]\d)\b"
)


def places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each street address in `text`, in characters; they may overlap."""
    for pattern in (_ENGLISH, _FRENCH, _BELGIAN):
        for match in pattern.finditer(text):
            end = match.start() + len(match.group().rstrip())
            yield match.start(), _tail(text, end)


def _tail(text: str, end: int) -> int:
    """Where the address that stands up to `end` really ends."""
    for pattern in (_FLAT, _TOWN, _CODE):
        if more := pattern.match(text, end):
            end = more.end()
    return end
