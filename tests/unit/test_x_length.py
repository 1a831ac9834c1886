"""How long X finds a text, by twitter-text's own cases and by some of ours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from accounts.x_length import has_link, weight

FILE = Path(__file__).parent.parent / "contracts" / "twitter-text" / "validate.yml"
CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["tests"]
# Counted by configuration v2, which knew no emoji sequences. X uses v3; its figures stand in the section
# WeightedTweetsWithDiscountedEmojiCounterTest.
BEFORE_V3 = {
    "Count a mix of single byte single word, and double word unicode characters",
    "Count unicode emoji chars outside the basic multilingual plane with skin tone modifiers",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(case["text"], case["expected"]["weightedLength"], id=f"{section}: {case['description']}")
        for section, cases in CASES.items()
        for case in cases
        if section != "WeightedTweetsCounterTest" or case["description"] not in BEFORE_V3
    ],
)
def test_a_text_weighs_what_twitter_text_says(text: str, expected: int) -> None:
    assert weight(text) == expected


def test_no_case_of_twitter_text_was_lost() -> None:
    assert {section: len(cases) for section, cases in CASES.items()} == {
        "WeightedTweetsCounterTest": 20,
        "WeightedTweetsWithDiscountedEmojiCounterTest": 21,
        "UnicodeDirectionalMarkerCounterTest": 2,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Désolés, nous regardons.", 24),
        ("@claire Bonjour", 15),
        ("voir example.com.", 5 + 23 + 1),
        ("(https://example.org/a_(b))", 1 + 23 + 1),
        ("https://example.org/aide, merci", 23 + 7),
        ("écrivez à aide@example.org", 26),
        ("http://localhost:8080/", 22),
        ("à l'heure.merci", 15),
        ("fin de phrase.Et", 7 + 23),
        ("👍🏽", 2),
        ("🇫🇷🇧🇪", 4),
        ("1️⃣", 2),
        ("❤️", 2),
        ("日本語", 6),
        ("नमस्ते", 6),
        ("’…", 1 + 2),
        ("😀́", 3),
    ],
)
def test_a_text_of_ours_weighs(text: str, expected: int) -> None:
    assert weight(text) == expected


@pytest.mark.parametrize(
    "text", ["https://example.org", "example.fr/aide", "voir X.COM", "http://müller.de/ü"]
)
def test_what_becomes_a_link_is_known(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize(
    "text", ["", "aide@example.org", "v1.2", "file.notatld", "#example.com", "etc...", "a.b"]
)
def test_what_becomes_none_is_known(text: str) -> None:
    assert not has_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "a." * 20_000,
        "http://" * 5_000,
        "a-" * 20_000 + ".com",
        "(" * 20_000,
        "é" * 50_000,
        "x.com/" + ")" * 20_000,
    ],
)
def test_no_text_takes_long_to_weigh(text: str) -> None:
    began = time.perf_counter()
    weight(text)
    assert time.perf_counter() - began < 2
