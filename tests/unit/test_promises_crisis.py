"""Is this a crisis, and when is it over?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.crisis import Crisis, CrisisWatch, Figures, Sign, figures, judge, raised, sign
from bot.models import Analysis, Author, Mention, Priority

NOW = datetime(2026, 6, 6, 12, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
COMPLAINT = Analysis(intent="complaint", intents=(("complaint", 0.9),))


def watch(**given: Any) -> CrisisWatch:
    return CrisisWatch.model_validate({"count": 5} | given)


def complaints(*minutes_ago: float, people: int = 10**6, word: bool = False) -> list[Sign]:
    return [
        Sign(NOW - ago * MINUTE, f"person {number % people}", complaint=not word, word=word)
        for number, ago in enumerate(minutes_ago)
    ]


def seen(signs: list[Sign], before: int = 0, covered: timedelta = 28 * DAY, **given: Any) -> Figures:
    return figures(watch(**given), signs, before, covered, NOW)


# --- What is a sign ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "analysis", "complaint", "word"),
    [
        ("Nothing works", COMPLAINT, True, False),
        ("I leave", Analysis(intents=(("churn", 0.8),)), True, False),
        ("Une FUITE de  données !", Analysis(), False, True),
        ("a data breach, really?", COMPLAINT, True, True),
    ],
)
def test_complaints_and_certain_words_are_signs(
    text: str, analysis: Analysis, complaint: bool, word: bool
) -> None:
    words = watch(words=["fuite de données", "data breach"])
    mention = Mention("x", "1", text, NOW, Author(id="7"))
    assert sign(words, mention, analysis, "x 7") == Sign(NOW, "x 7", complaint, word)


def test_all_else_is_none_and_without_words_no_word_is() -> None:
    mention = Mention("x", "1", "databreaches galore", NOW)
    assert sign(watch(words=["data breach"]), mention, Analysis(), "x") is None
    assert sign(watch(), mention, Analysis(), "x") is None


# --- What is seen --------------------------------------------------------------------------------


def test_people_are_counted_and_not_their_posts() -> None:
    assert seen(complaints(*range(20), people=1)).people == 1
    assert seen(complaints(*range(20), people=7)).people == 7


def test_the_busiest_hour_counts_wherever_it_lies() -> None:
    assert seen(complaints(0, 30, 59.9)).people == 3
    assert seen(complaints(0, 30, 60)).people == 2
    assert seen(complaints(100, 110, 119, 20, 10)).people == 3  # heard late: the network was silent
    assert seen(complaints(121, 125, 130)).people == 0  # calm again for two hours
    assert (seen(complaints(119)).people, seen(complaints(120)).people) == (1, 0)
    assert seen(complaints(-5)).people == 0


def test_what_is_usual_is_known_only_after_listening_for_a_while() -> None:
    assert seen([], before=672).usual == 1
    assert seen([], before=48, covered=2 * DAY).usual == 1
    assert seen([], before=3, covered=30 * MINUTE).usual == 0


# --- When it is on -------------------------------------------------------------------------------


def test_many_complaints_in_little_time_begin_a_crisis() -> None:
    few, many = Figures(4, 0, 0), Figures(5, 0, 0)
    assert judge(watch(), None, few, NOW) is None
    on = judge(watch(), None, many, NOW)
    assert on == Crisis(NOW, 5, "5 people complained within 1h, usually 0.0")


def test_what_is_usual_is_no_crisis() -> None:
    assert judge(watch(), None, Figures(29, 0, usual=10), NOW) is None
    assert judge(watch(), None, Figures(30, 0, usual=10), NOW) is not None


def test_certain_words_begin_one_if_enough_people_say_them() -> None:
    words = watch(words=["data breach"], words_from=2)
    assert judge(words, None, Figures(0, 1, 0), NOW) is None
    assert judge(words, None, Figures(0, 2, 0), NOW) == Crisis(NOW, 5, "words of a crisis")
    assert judge(watch(), None, Figures(0, 99, 0), NOW) is None


def test_it_goes_on_as_it_began_and_then_ends() -> None:
    on = Crisis(NOW - 3 * HOUR, 5, "why")
    assert judge(watch(), on, Figures(5, 0, usual=100), NOW) is on  # it has not become usual
    assert judge(watch(), on, Figures(4, 0, 0), NOW) is None
    fresh = Crisis(NOW - HOUR, 5, "why")
    assert judge(watch(), fresh, Figures(0, 0, 0), NOW) is fresh  # its posts were taken down: no flicker


def test_it_raises_the_priority_of_all_and_lowers_none() -> None:
    found = [raised(watch(), priority) for priority in Priority]
    assert found == [Priority.HIGH, Priority.HIGH, Priority.HIGH, Priority.CRISIS]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": 1}, "greater than or equal to 2"),
        ({"usual_over": "30m"}, "there is nothing to compare with"),
        ({"words": [" "]}, "an empty keyword would match nothing"),
        ({"word": ["x"]}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        watch(**given)
    assert told in str(refused.value)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1440), st.integers(0, 12), st.booleans()), max_size=60))
def test_over_any_day_it_never_flickers_and_always_ends(posts: list[tuple[int, int, bool]]) -> None:
    """Looked at every five minutes: an end comes at least `calm_for` after a beginning, and a crisis is on
    exactly while an hour like it lies within the last two."""
    config = watch(words=["breach"])
    signs = [Sign(NOW + m * MINUTE, str(who), not word, word) for m, who, word in posts]
    was: Crisis | None = None
    for minute in range(0, 1440 + 300, 5):
        now = NOW + minute * MINUTE
        heard = [s for s in signs if s.posted_at <= now]
        seen = figures(config, heard, 0, 28 * DAY, now)
        before, was = was, judge(config, was, seen, now)
        ends = [s.posted_at for s in heard if s.posted_at > now - 2 * HOUR]
        crowded = any(
            len({s.person for s in heard if s.complaint and end - HOUR < s.posted_at <= end}) >= 5
            for end in ends
        ) or any(s.word and s.posted_at in ends for s in heard)
        if crowded:
            assert was is not None
        if before is not None and was is None:
            assert not crowded
            assert now - before.since >= 2 * HOUR
    assert was is None
