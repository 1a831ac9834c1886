"""Where a text holds data about a person, so that logs, Slack and drafts can mask it.

Patterns find candidates and check digits settle them: IBAN by ISO 13616, cards by Luhn (ISO/IEC 7812),
telephone numbers by phonenumbers. Street addresses are in `places`. Every pattern is linear in the
text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from stdnum import iban, luhn

from bot.analysis.places import places
from bot.models import Span

LIMIT: Final = 100_000  # characters looked at
NEAR: Final = 40  # characters before a number that say what it is

_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,24}(?![\w-])")
_IBAN: Final = re.compile(r"\b[A-Za-z]{2}\d{2}(?>[ .-]?[A-Za-z0-9]{2,4}+){2,8}+(?:[ .-]?[A-Za-z0-9]{1,3})?\b")
_DIGITS: Final = re.compile(r"(?<![\w.])(?:\+|00)?\(?\d(?:[ .\-/()\u00a0\u202f]{0,3}\d){6,18}(?!\w)")
# A reference: capitals and digits, signs between them; "ZM-4471902", "VLT 0098 2217 5".
_NUMBER: Final = re.compile(
    r"(?<![\w@./,+-])(?:[A-Z]{1,6}[ ./-]){0,3}[A-Z]{0,6}"
    r"(?>[ ./-]?[A-Z]{0,4}\d[A-Z0-9]{0,20}+){1,6}+(?:[ ./-][A-Z0-9]{1,4}\b)?(?![\w@]|[.,]\d)"
)
_SHORT: Final = re.compile(r"\b(?=[A-Z0-9]{0,5}\d)(?=[A-Z0-9]{0,5}[A-Z])[A-Z0-9]{6}\b")
_MONEY: Final = re.compile(
    r"\s?(?:[€$£%₦₹]|(?:euros?|eur|chf|cfa|fcfa|f|frs?|francs?|dh|da|k|balles|boules|points?|pts|km|kwh|gb|go|mb|mo|ans|jours"
    r"|chaînes|voucher|clients?|users?|people|personnes|abonn\w+|followers|fans|members|views|vues|bucks|pounds|dollars|naira)\b)",
    re.IGNORECASE,
)
_LETTERED: Final = re.compile(r"(?<!\w)[A-Z]{2,5}[ -]$")
_AMOUNT: Final = re.compile(
    r"\d{1,4}[/.-]\d{1,2}(?:[/.-]\d{2,4})?(?: [A-Z]+)?"
    r"|R?\d{1,3}(?:[ .,]\d{3}){1,2}(?: (?:F|DA|DH|K|CFA|CHF))?|(?:19|20)\d\d(?:[-/]\d{2,4})?"
)  # dates, years, thousands
_ABOUT: Final = re.compile(
    r"(?P<account>compte|account|acct|a/c|contra[tc]|client|customer|consumer|member|membre|adh[ée]rent|abonn|alloc|policy"
    r"|police|meter|compteur|pdl|mprn|iccid|carte|card|loyal|fid[ée]l|identifiant|numéro\b|iban|rib|login|patient|s[ée]cu"
    r"|matricule)"
    r"|(?P<order>commande|\bcde\b|order|colis|suivi|track|parcel|package|r[ée]serv|booking|\bpnr\b|ticket|dossier|\bcase\b"
    r"|r[ée]f|sinistre|claim|invoice|facture|billet|return|retour|incident|receipt|slip|transaction|avis|offre|vol\b|flight"
    r"|n°|\bno\b|\bnr\b|№)",
    re.IGNORECASE,
)
_REGIONS: Final = {"fr": ("FR", "BE", "CH", "CA"), "en": ("GB", "US", "IE", "IN", "AU", "NG")}
_ALL: Final = ("FR", "GB", "US", "BE", "CH", "IE", "AU", "IN", "NG", "DE", "ES", "IT")


def personal_data(text: str, lang: str = "") -> tuple[Span, ...]:
    """The stretches of `text` that are personal data, in order, none over another. Never raises on a text."""
    text = text[:LIMIT]
    digits = sum(map(str.isdigit, text))
    found: list[Span] = []
    if "@" in text:
        _keep(found, (Span("email", *m.span()) for m in _EMAIL.finditer(text)))
    if digits >= 7:
        _keep(found, _numbers(text, lang))
    if digits:
        _keep(found, (Span("address", start, end) for start, end in places(text)))
        _keep(found, _references(text))
    return tuple(sorted(found, key=lambda span: span.start))


def _keep(found: list[Span], more: Iterator[Span]) -> None:
    taken = {at for span in found for at in range(span.start, span.end)}
    for span in more:
        if taken.isdisjoint(range(span.start, span.end)):
            found.append(span)
            taken.update(range(span.start, span.end))


def _numbers(text: str, lang: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        if end := _iban_end(match.group()):
            yield Span("iban", match.start(), match.start() + end)
    for match in _DIGITS.finditer(text):
        digits = "".join(filter(str.isdigit, match.group()))
        if 13 <= len(digits) <= 19 and digits[0] in "23456" and luhn.is_valid(digits):
            yield Span("card", *match.span())
        elif _LETTERED.search(text, max(0, match.start() - 5), match.start()):
            continue  # "VLT 0098 2217 5" is no telephone
        elif _is_phone(match.group(), digits, lang) and not _MONEY.match(text, match.end()):
            yield Span("phone", *match.span())


def _iban_end(found: str) -> int:
    """How much of `found` is an IBAN, 0 for none: the pattern may have run into the next word. A wrong check
    digit does not make a number less of a person's, if it looks like one in all else."""
    pieces = len(found)
    while pieces >= 15:
        if iban.is_valid(found[:pieces]):
            return pieces
        pieces = max(found.rfind(sign, 0, pieces) for sign in " .-")
    compact = sum(map(str.isalnum, found))
    looks = 15 <= compact <= 34 and sum(map(str.isdigit, found)) >= 12 and found[:2].isupper()
    return len(found) if looks else 0


def _is_phone(raw: str, digits: str, lang: str) -> bool:
    """Written as a telephone number is, and possible as one where people write `lang`."""
    american = re.fullmatch(r"1?[ .-]?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}", raw) or raw.startswith("1800")
    if not (raw[0] in "+(0" or american):
        return raw.isdigit() and lang != "fr" and len(digits) == 10 and digits[0] in "6789"
    if not 8 <= len(digits) <= 15:
        return False
    return any(_possible(raw, region) for region in dict.fromkeys((*_REGIONS.get(lang, ()), *_ALL)))


def _possible(raw: str, region: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(raw, region))
    except phonenumbers.NumberParseException:
        return False


def _references(text: str) -> Iterator[Span]:
    """Numbers of orders and accounts: by the word before them, or because of their length."""
    for match in _NUMBER.finditer(text):
        raw = match.group().strip(" ./-")
        start = match.start() + match.group().index(raw)
        digits = sum(map(str.isdigit, raw))
        if digits < 4 or _AMOUNT.fullmatch(raw) or _MONEY.match(text, start + len(raw)):
            continue
        kind = _kind(text[max(0, start - NEAR) : start])
        if (
            (kind and (digits >= 5 or not raw.isdigit()))
            or digits >= 6
            or (digits >= 5 and not raw.isdigit())
        ):
            yield Span(kind or "order", start, start + len(raw))
    for match in _SHORT.finditer(text):
        if _kind(text[max(0, match.start() - NEAR) : match.start()]) == "order":
            yield Span("order", *match.span())


def _kind(before: str) -> str:
    """What the last telling word before a number says it is, "" for nothing."""
    said = [match.lastgroup or "" for match in _ABOUT.finditer(before)]
    return said[-1] if said else ""
