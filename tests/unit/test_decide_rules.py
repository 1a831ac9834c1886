"""Which mentions does a rule mean?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models import Analysis, Author, Kind, Mention
from bot.rules import Facts, When, plain

MENTION = Mention(
    "wordpress",
    "1",
    "J’attends ma commande, c’est inadmissible !",
    datetime(2026, 6, 1, tzinfo=UTC),
    author=Author("42", "@Marie", "Marie", 1200),
    kind=Kind.COMMENT,
    addressed=True,
)
ANALYSIS = Analysis(
    "fr",
    "negative",
    {"negative": 0.85, "neutral": 0.1, "positive": 0.05},
    "complaint",
    (("complaint", 0.9), ("question", 0.6)),
    "high",
)


def matches(when: dict[str, Any], m: Mention = MENTION, a: Analysis = ANALYSIS) -> bool:
    facts = Facts(m, a)
    return all(test(facts) for test in When.model_validate(when).tests())


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"intents": ["complaint"]}, True),
        ({"intents": ["question", "praise"]}, True),  # holds too, though it does not lead
        ({"intents": ["praise"]}, False),
        ({"sentiments": ["negative", "neutral"]}, True),
        ({"sentiments": ["positive"]}, False),
        ({"negative_at_least": 0.85}, True),
        ({"negative_at_least": 0.86}, False),
        ({"negative_at_least": 0}, True),
        ({"networks": ["wordpress", "x"]}, True),
        ({"networks": ["x"]}, False),
        ({"kinds": ["comment"]}, True),
        ({"kinds": ["review", "message"]}, False),
        ({"languages": ["fr"]}, True),
        ({"languages": ["en"]}, False),
        ({"urgencies": ["high", "crisis"]}, True),
        ({"urgencies": ["normal"]}, False),
        ({"authors": ["@marie"]}, True),
        ({"authors": ["MARIE"]}, True),
        ({"authors": ["42"]}, True),
        ({"authors": ["mari"]}, False),
        ({"followers_at_least": 1200}, True),
        ({"followers_at_least": 1201}, False),
        ({"addressed": True}, True),
        ({"addressed": False}, False),
        ({"intents": ["complaint"], "languages": ["fr"], "kinds": ["comment"]}, True),
        ({"intents": ["complaint"], "languages": ["en"], "kinds": ["comment"]}, False),
    ],
)
def test_all_that_is_asked_must_hold_one_of_each_list(when: dict[str, Any], expected: bool) -> None:
    assert matches(when) is expected


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("remboursement", "Je veux un REMBOURSEMENT !", True),
        ("remboursé", "rembourse moi", True),
        ("rembourse", "Quand serai-je remboursé ?", True),
        ("rembourse", "Quand serai-je remboursée ?", False),
        ("vol", "Mon vélo a été volé", False),
        ("vol", "C’est du vol, tout simplement.", True),
        ("c'est du vol", "C’EST   DU\nVOL", True),
        ("sœur", "pour ma soeur", True),
        ("c++", "du C++ partout", True),
        ("50 %", "à 50 % près", True),
        ("a.b", "axb", False),
        ("#acme", "vive #Acme !", True),
        ("acme", "#acme", True),
        ("straße", "STRASSE", True),
        ("привет", "ПРИВЕТ!", True),
        ("été", "l'e\u0301te\u0301", True),
        ("istanbul", "İSTANBUL", True),
        ("x", "", False),
    ],
)
def test_keywords_are_whole_words_whatever_their_case_and_accents(
    keyword: str, text: str, expected: bool
) -> None:
    m = Mention("x", "1", text, datetime(2026, 6, 1, tzinfo=UTC))
    assert matches({"keywords": ["nothing of the sort", keyword]}, m) is expected


@given(st.text(min_size=1).filter(lambda t: plain(t).split()), st.text(max_size=20))
def test_a_keyword_is_found_in_any_text_that_holds_it_between_spaces(keyword: str, text: str) -> None:
    m = Mention("x", "1", f"{text} {keyword} {text}", datetime(2026, 6, 1, tzinfo=UTC))
    assert matches({"keywords": [keyword]}, m)


@given(st.text() | st.text(alphabet=st.characters(codec="cp1252")))
def test_the_short_way_and_the_long_way_give_the_same_words(text: str) -> None:
    """An emoji takes the long way; it is kept as it is."""
    assert plain(text) == plain(f"{text}🌸").removesuffix("🌸")


@given(st.text())
def test_what_is_plain_stays_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_an_author_who_is_not_known_is_nobody_in_particular() -> None:
    m = Mention("x", "1", "Bonjour", datetime(2026, 6, 1, tzinfo=UTC))
    assert not matches({"authors": ["@marie"]}, m)
    assert not matches({"followers_at_least": 1}, m)


def test_where_analysis_knows_no_language_the_networks_word_counts() -> None:
    m = Mention("x", "1", "👍", datetime(2026, 6, 1, tzinfo=UTC), lang="fr-CA")
    assert matches({"languages": ["fr"]}, m, Analysis())
    assert not matches({"languages": ["fr"]}, m, Analysis("en"))


def test_a_text_of_a_hundred_thousand_characters_is_no_burden() -> None:
    m = Mention("x", "1", "é " * 50_000 + "remboursement", datetime(2026, 6, 1, tzinfo=UTC))
    assert matches({"keywords": ["remboursement"]}, m)
    assert not matches({"keywords": ["avocat", "presse"]}, m)
