"""Speaking to the brand, against speaking of it."""

from __future__ import annotations

import pytest

from bot.analysis import Tagger
from bot.analysis.address import Patterns, speaks_to

ORVALE = Patterns.of(["Orvale", "@OrvaleFR"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@OrvaleFR ma carte est bloquée", "handle"),
        ("ma carte est bloquée @orvalefr cc", "handle"),
        ("merci .@OrvaleFR", "handle"),
        ("Hey Orvale, my card is blocked", "vocative"),
        ("dis-moi Orvale c'est normal", "vocative"),
        ("Bonjour Orvale, un souci avec mon compte", "vocative"),
        ("Orvale, quand est-ce que ça rouvre", "vocative"),
        ("Orvale: where is my refund", "vocative"),
        ("toujours rien, Orvale ?", "vocative"),
        ("Merci Orvale !", "vocative"),
        ("est-ce que vous ouvrez samedi chez Orvale", "second person"),
        ("Orvale when are you going to fix this", "vocative"),
        ("rappelez-moi, c'est au sujet de mon compte Orvale", "second person"),
    ],
)
def test_an_address_is_seen_with_its_reason(text: str, reason: str) -> None:
    assert speaks_to(text, ORVALE) == reason


@pytest.mark.parametrize(
    "text",
    [
        "j'ai vu une pub Orvale hier",
        "Orvale is hiring 300 people in Nantes",
        "my sister works at Orvale",
        "Orvale annonce un bénéfice en hausse de 12 %",
        "contact@orvalefr.example",
        "@OrvaleFRoid c'est drôle",
    ],
)
def test_a_mere_mention_is_no_address(text: str) -> None:
    assert speaks_to(text, ORVALE) == ""


def test_a_name_of_several_words_may_be_written_together() -> None:
    brand = Patterns.of(["Crédit Tramontane"])
    assert speaks_to("Merci @CréditTramontane", brand) == "handle"
    assert speaks_to("Bonjour Crédit Tramontane, une question", brand) == "vocative"


def test_a_brand_with_signs_in_its_name_is_no_pattern() -> None:
    assert speaks_to("Merci C++ (bank)!", Patterns.of(["C++ (bank)"])) != ""


def test_without_a_brand_only_the_second_person_is_seen() -> None:
    assert speaks_to("Où est mon colis, vous pouvez vérifier", Patterns.of([])) == "second person"
    assert speaks_to("le colis est arrivé", Patterns.of([])) == ""


def test_100_kb_of_a_name_is_looked_through_quickly() -> None:
    speaks_to("Orvale " * 15_000, ORVALE)


def test_a_text_that_names_no_brand_speaks_to_nobody_we_know() -> None:
    texts = ["Météo : il fera 12 degrés demain matin.", "Merci beaucoup !", "When do you open?"]
    assert [found.address for found in Tagger(brand=("Orvale",)).tag([(text, "") for text in texts])] == [
        ""
    ] * 3
    assert Tagger().tag([("Merci beaucoup !", "")])[0].address == "second person"
