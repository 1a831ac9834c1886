"""By when must an address be answered, and when does it ring?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.crisis import CrisisWatch
from bot.models import Priority, Process
from bot.policy import Promises, policy_version
from bot.promises import due_at, ladder_of
from tests.support.terms import posted

HOURS = {"mon-fri": ["09:00-12:00", "14:00-17:00"]}
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def policy(**given: Any) -> Promises:
    return Promises.model_validate(
        {
            "calendar": {"timezone": "Europe/Paris", "hours": HOURS, "holidays": {"country": "FR"}},
            "targets": [{"answer_within": "1h"}],
        }
        | given
    )


def due(p: Promises, at: datetime, priority: str = "normal") -> datetime:
    return due_at(p, posted(at, priority=priority))


def test_friday_1630_with_one_hour_and_a_monday_holiday_is_due_tuesday_0930() -> None:
    """Easter Monday 2026 is the 6th of April; Paris is two hours ahead of UTC."""
    assert due(policy(), utc("2026-04-03T14:30")) == utc("2026-04-07T07:30")


def test_the_first_target_that_matches_holds() -> None:
    p = policy(
        targets=[
            {"priority": "crisis", "answer_within": "30m", "clock": "always"},
            {"network": "x", "process": "sales", "answer_within": "2h", "clock": "always"},
            {"network": "x", "answer_within": "3h", "clock": "always"},
            {"answer_within": "4h", "clock": "always"},
        ]
    )
    at = utc("2026-06-06T12:00")

    def hours(network: str, priority: Priority, process: Process) -> float:
        return (due_at(p, posted(at, network=network, priority=priority, process=process)) - at) / HOUR

    assert hours("x", Priority.CRISIS, Process.SALES) == 0.5
    assert hours("x", Priority.HIGH, Process.SALES) == 2
    assert hours("x", Priority.HIGH, Process.SERVICE) == 3
    assert hours("wordpress", Priority.NORMAL, Process.SALES) == 4
    assert hours("a network nobody has heard of", Priority.LOW, Process.CRISIS) == 4


def test_the_always_clock_runs_through_nights_and_holidays() -> None:
    p = policy(targets=[{"answer_within": "1h", "clock": "always"}])
    assert due(p, utc("2026-04-05T23:30")) == utc("2026-04-06T00:30")


def test_with_nothing_configured_a_crisis_has_an_hour_and_everybody_a_promise() -> None:
    at = utc("2026-06-06T12:00")
    found = {p: (due(Promises(), at, priority=p) - at) / HOUR for p in Priority}
    assert found == {"low": 8, "normal": 8, "high": 2, "crisis": 1}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"targets": []}, "the last target must match everything"),
        ({"targets": [{"network": "x", "answer_within": "1h"}]}, "the last target must match everything"),
        (
            {"targets": [{"answer_within": "4h"}, {"priority": "crisis", "answer_within": "1h"}]},
            "target 2 is never reached: target 1 above it matches all that it names",
        ),
        ({"targets": [{"answer_within": "0h"}]}, "longer than nothing"),
        ({"targets": [{"answer_within": "1h", "priority": "urgent"}]}, "'low', 'normal', 'high' or 'crisis'"),
        ({"targets": [{"answer_within": "1h", "answer_in": "1h"}]}, "Extra inputs are not permitted"),
        ({"tiers": []}, "at least one tier is needed"),
        ({"tiers": [{"at": 1}, {"at": 0.5}]}, "a tier at 0.5 cannot follow one at 1: put them in order"),
        ({"tiers": [{"at": 0}]}, "greater than 0"),
        ({"repeat": "0m"}, "longer than nothing"),
    ],
)
def test_a_policy_that_would_forget_somebody_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        policy(**given)
    assert told in str(refused.value)


# --- The ladder ----------------------------------------------------------------------------------


def rungs(p: Promises, at: datetime) -> list[datetime]:
    ladder = ladder_of(p, posted(at))
    return [ladder.add(length) for length in ladder.rungs]


def test_the_ladder_rings_at_parts_of_the_target_in_open_hours() -> None:
    p = policy(tiers=[{"at": 0.5, "to": ["team"]}, {"at": 1.0}, {"at": 1.5, "to": ["boss"]}])
    assert rungs(p, utc("2026-04-03T14:30")) == [
        utc("2026-04-03T15:00"),  # Friday 17:00, closing time
        utc("2026-04-07T07:30"),
        utc("2026-04-07T08:00"),
    ]


def test_the_rung_at_one_is_the_deadline() -> None:
    p = policy(tiers=[{"at": 1.0}])
    assert rungs(p, utc("2026-04-03T14:30")) == [due(p, utc("2026-04-03T14:30"))]


@given(st.floats(0.01, 3), st.integers(0, 10**9))
def test_it_rings_at_an_instant_that_milliseconds_can_hold(part: float, posted_ms: int) -> None:
    """Else a sweep that wakes at the stored instant would come too early, for ever."""
    p = policy(tiers=[{"at": part}], targets=[{"answer_within": "7m"}])
    (at,) = rungs(p, utc("2026-04-03T14:30") + timedelta(milliseconds=posted_ms))
    assert at.microsecond % 1000 == 0


@pytest.mark.parametrize(
    ("after", "number", "at", "tier"),
    [
        ("2026-06-01T07:00", 0, "2026-06-01T07:30", 0),
        ("2026-06-01T07:30", 1, "2026-06-01T08:00", 1),
        ("2026-06-01T08:00", 2, "2026-06-01T08:30", 2),
        ("2026-06-01T08:30", 3, "2026-06-01T08:50", 2),  # from here on it repeats
        ("2026-06-01T08:49", 3, "2026-06-01T08:50", 2),
        ("2026-06-01T08:50", 4, "2026-06-01T09:10", 2),
        ("2026-06-01T09:50", 7, "2026-06-01T12:10", 2),  # not during lunch
        ("2026-06-02T03:00", 16, "2026-06-02T07:10", 2),  # nor at night; what was missed is not made up for
    ],
)
def test_it_rings_again_and_again_in_open_hours(after: str, number: int, at: str, tier: int) -> None:
    ladder = ladder_of(policy(repeat="20m"), posted(utc("2026-06-01T07:00")))
    assert ladder.next(utc(after)) == (number, utc(at), tier)


@given(st.integers(0, 5000), st.sampled_from(["office", "always"]))
def test_each_ring_follows_the_one_before(minutes: int, clock: str) -> None:
    p, at = policy(targets=[{"answer_within": "1h", "clock": clock}]), utc("2026-04-03T14:30")
    ladder, after = ladder_of(p, posted(at)), at + minutes * MINUTE
    first = ladder.next(after)
    second = ladder.next(first.at)
    assert after < first.at < second.at
    assert second.number == first.number + 1


# --- The version ---------------------------------------------------------------------------------


def test_a_version_is_twelve_hexadecimal_digits_that_last() -> None:
    assert policy_version(Promises()) == policy_version(Promises())
    assert len(policy_version(Promises())) == 12
    assert int(policy_version(Promises()), 16) >= 0


def test_the_same_policy_written_otherwise_has_the_same_version() -> None:
    one = policy(targets=[{"answer_within": "1h"}], repeat="90m")
    other = policy(targets=[{"answer_within": "60m", "clock": "office", "network": "*"}], repeat="1h 30m")
    assert policy_version(one) == policy_version(other)


@pytest.mark.parametrize(
    "given",
    [
        {"targets": [{"answer_within": "2h"}]},
        {"tiers": [{"at": 1.0}]},
        {"repeat": "5m"},
        {"calendar": {"timezone": "Europe/Paris", "hours": HOURS}},
        {"calendar": {"timezone": "Europe/Brussels", "hours": HOURS, "holidays": {"country": "FR"}}},
    ],
)
def test_another_policy_has_another_version(given: dict[str, Any]) -> None:
    assert policy_version(policy(**given)) != policy_version(policy())


def test_a_policy_read_back_from_its_json_gives_the_same_deadlines() -> None:
    """So that a stored promise can be proved long after the config was changed."""
    p = policy()
    again = Promises.model_validate_json(p.model_dump_json())
    assert policy_version(again) == policy_version(p)
    assert due(again, utc("2026-04-03T14:30")) == due(p, utc("2026-04-03T14:30"))


# --- What the docs show --------------------------------------------------------------------------


def test_the_examples_of_the_docs_are_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261231\nEND:VEVENT\n"
    (tmp_path / "closures.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\n{event}END:VCALENDAR\n")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "promises.md").read_text("utf-8")
    *promised, crisis = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    p = Promises.model_validate(yaml.safe_load("".join(promised))["promises"])
    on_the_blog = posted(utc("2026-12-30T15:30"), network="wordpress")
    assert due_at(p, on_the_blog) == utc("2027-01-04T14:30")
    shown = CrisisWatch.model_validate(yaml.safe_load(crisis)["crisis"])
    assert shown == CrisisWatch()
