"""What is owed to whom: author tiers, the next answer, the outcome, and where a promise begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.authors import author_tier
from bot.models import Author
from bot.policy import Promises, body, policy_version
from bot.promises import Start, counted_from, due_at, ladder_of, outcome_due_at, owed
from bot.targets import Target
from tests.support.terms import posted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AT = datetime(2026, 6, 6, 12, tzinfo=UTC)
AUTHORS = {
    "press": {"handles": ["@AFP", "reuters"], "ids": ["42"], "networks": ["x"]},
    "vip": {"followers_at_least": 50_000, "handles": ["@ministre"]},
}
TARGETS = [
    {"author": "press", "answer_within": "30m", "clock": "always"},
    {"author": "vip", "answer_within": "1h", "next_within": "20m", "clock": "always"},
    {"process": "product", "answer_within": "4h", "outcome_within": "10d", "clock": "always"},
    {"answer_within": "4h", "next_within": "2h", "clock": "always"},
]


def policy(**given: Any) -> Promises:
    return Promises.model_validate({"authors": AUTHORS, "targets": TARGETS} | given)


# --- Author tiers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("author", "network", "tier"),
    [
        (Author(handle="afp"), "x", "press"),
        (Author(handle="@Reuters"), "x", "press"),
        (Author(id="42"), "x", "press"),
        (Author(handle="afp"), "facebook", ""),
        (Author(handle="42"), "x", ""),
        (Author(handle="somebody", followers=50_000), "x", "vip"),
        (Author(handle="somebody", followers=49_999), "x", ""),
        (Author(handle="@MINISTRE"), "mastodon", "vip"),
        (Author(handle="afp", followers=10**6), "x", "press"),
        (Author(handle="afp", followers=10**6), "facebook", "vip"),
        (Author(), "x", ""),
        (Author(name="AFP"), "x", ""),
    ],
)
def test_the_first_name_that_fits_from_the_top_holds(author: Author, network: str, tier: str) -> None:
    assert author_tier(policy().authors, author, network) == tier


def test_whatever_a_network_sends_as_a_handle_is_somebody() -> None:
    press = policy().authors["press"]
    forged = Author(handle=press.handles[0], id=press.ids[0])
    for author in (Author(handle="@", id=" "), Author(handle="\ud800", id="\0"), forged):
        assert author_tier(policy().authors, author, "x") == ""


def test_author_tiers_have_targets_of_their_own() -> None:
    def minutes(author: str) -> float:
        return (due_at(policy(), posted(AT, author=author)) - AT) / MINUTE

    assert [minutes(author) for author in ("press", "vip", "", "of an older policy")] == [30, 60, 240, 240]


def test_a_stored_policy_holds_no_handle_and_still_knows_its_people() -> None:
    """Whoever asks to be erased must not stand in the policies that promises were made under."""
    stored = body(policy())
    assert not any(word in stored.casefold() for word in ("afp", "reuters", "ministre", '"42"'))
    again = Promises.model_validate_json(stored)
    assert author_tier(again.authors, Author(handle="AFP"), "x") == "press"
    assert policy_version(again) == policy_version(policy())


def test_the_same_people_written_otherwise_are_the_same_policy() -> None:
    press = {"handles": ["Reuters", "afp", "@afp"], "ids": ["42"], "networks": ["x"]}
    assert policy_version(policy(authors=AUTHORS | {"press": press})) == policy_version(policy())
    fewer = {"handles": ["afp"], "ids": ["42"], "networks": ["x"]}
    assert policy_version(policy(authors=AUTHORS | {"press": fewer})) != policy_version(policy())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"targets": [{"author": "prss", "answer_within": "1h"}, *TARGETS[3:]]}, "there are: press, vip"),
        ({"authors": {}}, "target 1 names 'press'; under authors there are: none yet"),
        ({"authors": {"press": {"networks": ["x"]}}}, "it names nobody; give handles, ids or followers"),
        ({"authors": {"press": {"handles": ["@"]}}}, "an empty name would match everybody"),
        ({"authors": {"*": {"handles": ["@afp"]}}}, "'*' is no name"),
        ({"authors": {"press": {"handle": ["@afp"]}}}, "Extra inputs are not permitted"),
        (
            {"targets": [{"answer_within": "1h"}, {"author": "vip", "answer_within": "1h"}]},
            "target 2 is never reached",
        ),
        ({"targets": [{"author": "vip", "answer_within": "1h"}]}, "the last target must match everything"),
        ({"targets": [{"answer_within": "1h", "next_within": "0m"}]}, "longer than nothing"),
        ({"cap": 0}, "greater than or equal to 1"),
        ({"tiers": [{"at": 1, "repeat": "0m"}]}, "longer than nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        policy(**given)
    assert told in str(refused.value)


# --- The next answer and the outcome --------------------------------------------------------------


def test_the_next_answer_has_a_target_of_its_own_or_that_of_the_first() -> None:
    def minutes(author: str) -> float:
        return (due_at(policy(), posted(AT, author=author, goal="next")) - AT) / MINUTE

    assert [minutes(author) for author in ("press", "vip", "")] == [30, 20, 120]


def test_an_outcome_is_promised_only_where_config_says_so() -> None:
    assert outcome_due_at(policy(), posted(AT, process="product")) == AT + timedelta(days=10)
    assert outcome_due_at(policy(), posted(AT)) is None
    with pytest.raises(ValueError, match="promises no outcome"):
        due_at(policy(), posted(AT, goal="outcome"))


def test_each_goal_has_its_ladder() -> None:
    p = policy(tiers=[{"at": 0.5}, {"at": 1.0}])
    ladder = ladder_of(p, posted(AT, process="product", goal="outcome"))
    assert list(map(ladder.add, ladder.rungs)) == [AT + timedelta(days=5), AT + timedelta(days=10)]
    assert ladder_of(p, posted(AT, goal="next")).next(AT) == (0, AT + HOUR, 0)
    assert owed(p, posted(AT, goal="next")) == (AT + 2 * HOUR, AT + HOUR)


@pytest.mark.parametrize(
    ("oldest_open", "answered", "start"),
    [
        (None, False, Start(AT, "first")),
        (None, True, Start(AT, "next")),
        (AT - HOUR, False, Start(AT - HOUR, "first")),
        (AT - HOUR, True, Start(AT - HOUR, "next")),
        (AT + HOUR, True, Start(AT, "next")),  # heard out of order
    ],
)
def test_a_promise_runs_from_the_oldest_post_that_still_waits(
    oldest_open: datetime | None, answered: bool, start: Start
) -> None:
    assert counted_from(AT, oldest_open, answered=answered) == start


def test_who_writes_again_while_waiting_is_owed_no_later_than_before() -> None:
    p = policy()
    first = counted_from(AT)
    again = counted_from(AT + 3 * HOUR, AT)
    due = [due_at(p, posted(at, goal=goal)) for at, goal in (first, again)]
    assert due == [AT + 4 * HOUR, AT + 4 * HOUR]


def test_what_a_target_does_not_promise_it_says() -> None:
    target = Target(answer_within=HOUR)
    assert [target.within(goal) for goal in ("first", "next", "outcome")] == [HOUR, HOUR, None]
