"""Does a stored deadline follow from the event log?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.policy import Promises, body, policy_version, version_of
from bot.promises import Terms, due_at
from bot.proof import disproved, follow, read_policy, recompute
from tests.support.terms import posted

EPOCH, MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
AT = datetime(2026, 4, 3, 14, 30, tzinfo=UTC)
POSTED = (AT - EPOCH) // MS


def policy(**given: Any) -> Promises:
    return Promises.model_validate(
        {
            "calendar": {
                "timezone": "Europe/Paris",
                "hours": {"mon-fri": ["09:00-12:00", "14:00-17:00"]},
                "holidays": {"country": "FR"},
            },
            "authors": {"press": {"handles": ["afp"]}},
            "targets": [
                {"author": "press", "answer_within": "30m", "clock": "always"},
                {"priority": "high", "answer_within": "2h"},
                {"process": "product", "answer_within": "4h", "outcome_within": "5d"},
                {"answer_within": "8h", "next_within": "1h"},
            ],
        }
        | given
    )


POLICY = policy()
VERSION = policy_version(POLICY)
HEARD = {"network": "x", "addressed": True, "posted_at": POSTED, "text": "digest"}


def ms(at: datetime) -> int:
    return (at - EPOCH) // MS


def due(**terms: Any) -> int:
    return ms(due_at(POLICY, posted(AT, **terms)))


def test_a_whole_life_of_events_is_proved_deadline_by_deadline() -> None:
    life: list[dict[str, Any]] = [
        HEARD | {"due_at": due(), "policy": VERSION},
        {"priority": "high", "process": "service", "due_at": due(priority="high"), "policy": VERSION},
        {"state": "waiting"},
        {"process": "product", "outcome_due_at": ms(AT + timedelta(days=30)), "policy": VERSION},
        {"author": "press", "due_at": due(author="press"), "policy": VERSION},
    ]
    terms: Terms | None = None
    found = []
    for data in life:
        terms = follow(terms, data)
        found.append(disproved({VERSION: POLICY}, terms, data))
    assert found[:3] == ["", "", ""]
    assert found[3] == "this target promises no outcome"  # a high priority has the second target
    assert found[4] == ""
    assert terms == Terms("x", POSTED, "high", "product", "press")


def test_an_outcome_is_proved_like_an_answer() -> None:
    terms = follow(follow(None, HEARD), {"process": "product"})
    right = due(process="product", goal="outcome")
    data = {"outcome_due_at": right, "policy": VERSION}
    assert disproved({VERSION: POLICY}, terms, data) == ""
    wrong = disproved({VERSION: POLICY}, terms, data | {"outcome_due_at": right + 1})
    assert wrong == f"outcome_due_at is {right + 1}, by its policy it was {right}"


def test_one_millisecond_is_noticed() -> None:
    data = HEARD | {"due_at": due() + 1, "policy": VERSION}
    wrong = disproved({VERSION: POLICY}, follow(None, data), data)
    assert wrong == f"due_at is {due() + 1}, by its policy it was {due()}"


def test_the_next_answer_is_counted_from_where_the_event_says() -> None:
    since = POSTED - 3_600_000
    data = HEARD | {"goal": "next", "since": since}
    terms = follow(None, data)
    assert terms == Terms("x", since, goal="next")
    assert terms is not None
    right = due_at(POLICY, posted(AT - timedelta(hours=1), goal="next"))
    assert recompute(POLICY, terms) == ms(right)


def test_what_an_event_must_say_is_what_terms_say() -> None:
    terms = Terms("x", POSTED, "high", "sales", "press", "next")
    assert follow(follow(None, HEARD), terms.facts()) == terms
    assert follow(None, HEARD | Terms("x", POSTED).facts()) == Terms("x", POSTED)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (HEARD | {"due_at": 1, "policy": "0" * 12}, "the policy 000000000000 is not known"),
        (HEARD | {"due_at": 1}, "the policy None is not known"),
        ({"due_at": 1, "policy": VERSION}, "a promise was made for what was never heard"),
        ({"reason": "spam"}, ""),
    ],
)
def test_what_cannot_be_proved_is_told(data: dict[str, Any], told: str) -> None:
    assert disproved({VERSION: POLICY}, follow(None, data), data) == told


# --- Stored policies -----------------------------------------------------------------------------


def test_a_stored_policy_is_read_back_as_it_was() -> None:
    assert read_policy(VERSION, body(POLICY)) == POLICY


def test_a_stored_policy_that_was_changed_is_noticed() -> None:
    with pytest.raises(ValueError, match=f"the policy {VERSION} was changed"):
        read_policy(VERSION, body(POLICY).replace('"8h"', '"9h"'))


def test_a_policy_that_this_edition_cannot_read_is_told_by_its_version() -> None:
    strange = '{"targets": []}'
    with pytest.raises(ValueError, match="cannot be read: 1 faults"):
        read_policy(version_of(strange), strange)


def test_a_later_edition_of_the_holidays_moves_no_promise_that_was_made() -> None:
    """The days are part of the stored policy; what the package says today is not asked."""
    stored = body(POLICY).replace('"2026-04-06",', "")  # an edition that knew no Easter Monday
    assert stored != body(POLICY)
    then = Promises.model_validate_json(stored)
    assert due_at(then, posted(AT)) < due_at(POLICY, posted(AT))
    assert policy_version(then) != VERSION
    assert body(then) == stored
