"""Personal data: found, with exact places, and nothing invented."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from bot.analysis.personal import personal_data


def found(text: str, lang: str = "") -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in personal_data(text, lang)]


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        (
            "mon mail : sarah.oliveira@posteo-fictif.example merci",
            "fr",
            [("email", "sarah.oliveira@posteo-fictif.example")],
        ),
        ("écrivez à (a.b+c@x.example).", "fr", [("email", "a.b+c@x.example")]),
        ("appelez moi svp 06 39 98 12 47", "fr", [("phone", "06 39 98 12 47")]),
        ("tél. +33 6 39 98 12 47.", "fr", [("phone", "+33 6 39 98 12 47")]),
        ("call me on 07700 900733", "en", [("phone", "07700 900733")]),
        ("my number is +1 (332) 555-0119", "en", [("phone", "+1 (332) 555-0119")]),
        ("(614) 555-0172 after 6", "en", [("phone", "(614) 555-0172")]),
        ("IBAN FR76 3000 6000 0112 3456 7890 189", "fr", [("iban", "FR76 3000 6000 0112 3456 7890 189")]),
        ("c'est BE68 5390 0754 7034, merci", "fr", [("iban", "BE68 5390 0754 7034")]),
        ("GB82WEST12345698765432 is mine", "en", [("iban", "GB82WEST12345698765432")]),
        ("card 4242 4242 4242 4242 exp 12/29", "en", [("card", "4242 4242 4242 4242")]),
        ("ma CB 5555555555554444", "fr", [("card", "5555555555554444")]),
        ("commande n° ZM-4471902 pas reçue", "fr", [("order", "ZM-4471902")]),
        ("order #NW-77120934 where is it", "en", [("order", "NW-77120934")]),
        ("N° client VLT 0098 2217 5.", "fr", [("account", "VLT 0098 2217 5")]),
        (
            "j'habite 8 bis impasse du Lavoir, 44300 Nantes, merci",
            "fr",
            [("address", "8 bis impasse du Lavoir, 44300 Nantes")],
        ),
        ("I'm at 3 Harbour Row, Whitby YO99 9ZZ", "en", [("address", "3 Harbour Row, Whitby YO99 9ZZ")]),
        ("Rue du Moulin 47, 5300 Andenne", "fr", [("address", "Rue du Moulin 47, 5300 Andenne")]),
    ],
)
def test_it_is_found_where_it_stands(text: str, lang: str, expected: list[tuple[str, str]]) -> None:
    assert found(text, lang) == expected


@pytest.mark.parametrize(
    "text",
    [
        "le train de 7h42 a 55 minutes de retard, quai 12",
        "j'ai payé 1 299,99 € le 12/11/2026 à 18:30",
        "version 2.14.3 since 2026-11-02",
        "2 000 000 de clients et pas un conseiller",
        "100% d'accord @OrvaleFR #banque",
        "voir https://example.org/p/1234567890123",
        "rendez-vous rue de Rivoli",
        "score 10-2, 3e victoire en 2026",
    ],
)
def test_ordinary_numbers_are_nobodys_data(text: str) -> None:
    assert found(text) == []


def test_several_kinds_stand_in_order_and_none_over_another() -> None:
    text = "06 39 98 12 47 ou moi@x.example, commande ZM-4471902, IBAN BE68 5390 0754 7034"
    spans = personal_data(text, "fr")
    assert [span.kind for span in spans] == ["phone", "email", "order", "iban"]
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 50_000,
        "a@" * 50_000,
        "FR76" * 25_000,
        "commande n° " * 9_000,
        "12 rue " * 14_000,
        "A1-" * 33_000,
    ],
)
def test_a_hostile_text_of_100_kb_takes_less_than_two_seconds(text: str) -> None:
    began = time.process_time()
    personal_data(text, "fr")
    assert time.process_time() - began < 2
