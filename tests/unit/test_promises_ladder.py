"""When does the bell ring, for whom, and what does an acknowledgement change?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.ladder import Bell, Ring, Tier, people
from bot.policy import Promises
from bot.promises import ladder_of, ladder_of_matter
from tests.support.terms import posted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AT = datetime(2026, 6, 6, 12, tzinfo=UTC)
TIERS = [{"at": 0.5, "to": ["team"]}, {"at": 1.0, "to": ["team", "lead"]}, {"at": 2.0, "to": ["boss"]}]


def policy(**given: Any) -> Promises:
    """An hour around the clock: it rings after 30 minutes, an hour, two, and every 20 minutes from there."""
    targets = [{"answer_within": "1h", "clock": "always"}]
    return Promises.model_validate({"targets": targets, "tiers": TIERS, "repeat": "20m"} | given)


def after(minutes: float, bell: Bell = Bell(), **given: Any) -> Ring:  # noqa: B008 -- it is immutable
    at = AT + minutes * MINUTE
    return ladder_of(policy(**given), posted(AT)).next(at, bell)


def minutes(ring: Ring) -> float:
    return (ring.at - AT) / MINUTE


def test_tiers_have_names_that_messages_can_use() -> None:
    tiers = [Tier(at=0.5), Tier(at=1), Tier(at=1.5), Tier(at=2, name="shame")]
    assert [tier.called for tier in tiers] == ["warned", "due", "overdue", "shame"]


def test_a_tier_may_repeat_until_the_next_one_rings() -> None:
    tiers = [TIERS[0], TIERS[1] | {"repeat": "25m"}, TIERS[2]]
    rings = [after(m, tiers=tiers) for m in (0, 30, 60, 85, 110, 120)]
    assert [minutes(ring) for ring in rings] == [30, 60, 85, 110, 120, 140]
    assert [ring.tier for ring in rings] == [0, 1, 1, 1, 2, 2]
    assert [ring.number for ring in rings] == [0, 1, 2, 3, 4, 5]


def test_a_repeat_in_the_moment_of_the_next_tier_is_that_tier() -> None:
    tiers = [TIERS[0], TIERS[1] | {"repeat": "30m"}, TIERS[2]]
    assert (minutes(after(90, tiers=tiers)), after(90, tiers=tiers).tier) == (120, 2)
    assert after(90, tiers=tiers).number == 3


def test_an_acknowledgement_stops_the_repeats_and_not_the_next_tier() -> None:
    tiers = [TIERS[0], TIERS[1] | {"repeat": "5m"}, TIERS[2]]
    bell = Bell(1).acknowledged(AT + 62 * MINUTE)
    assert minutes(after(62, tiers=tiers)) == 65
    assert (minutes(after(62, bell, tiers=tiers)), after(62, bell, tiers=tiers).tier) == (120, 2)


def test_an_acknowledgement_of_the_last_tier_runs_out() -> None:
    """Whoever said "I see to it" may forget; the clock does not."""
    bell = Bell(2).acknowledged(AT + 130 * MINUTE)
    assert minutes(after(130, bell, acknowledged_for="1h")) == 200  # the first repeat from 190 on
    assert minutes(after(500, bell, acknowledged_for="1h")) == 520  # nothing ran meanwhile: no time is lost


def test_who_does_not_react_to_so_many_repeats_has_the_next_tier_called() -> None:
    tiers, bell = [TIERS[0] | {"repeat": "5m"}, *TIERS[1:]], Bell()
    called, at = [], 29.0
    for _ in range(6):
        ring = after(at, bell, tiers=tiers, cap=2)
        called.append((minutes(ring), ring.tier))
        bell, at = bell.rang(ring.tier), minutes(ring)
    assert called == [(30, 0), (35, 0), (40, 0), (45, 1), (50, 1), (55, 1)]


def test_above_the_last_tier_stands_everybody() -> None:
    assert after(200, Bell(2, repeats=6)).tier == 3
    assert after(220, Bell(3, repeats=99)).tier == 3


def test_the_next_tier_is_called_where_nobody_was_reached_and_stays_called() -> None:
    bell = Bell().rang(2)  # the sweep found nobody of tiers 0 and 1
    assert (minutes(after(30, bell)), after(30, bell).tier) == (60, 2)


def test_an_acknowledgement_ends_the_count_of_repeats_in_vain() -> None:
    bell = Bell(1, repeats=5).acknowledged(AT)
    assert bell == Bell(1, 0, AT)
    assert bell.rang(1).acknowledged_at is None


@pytest.mark.parametrize(
    ("minutes", "tier"), [(0, -1), (29, -1), (30, 0), (60, 1), (119, 1), (120, 2), (999, 2)]
)
def test_which_tier_is_reached_is_known_at_any_time(minutes: int, tier: int) -> None:
    assert ladder_of(policy(), posted(AT)).reached(AT + minutes * MINUTE) == tier


def test_on_the_clock_of_the_office_a_tier_is_reached_when_its_last_minute_is_over() -> None:
    p = policy(
        calendar={"timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}},
        targets=[{"answer_within": "2h", "clock": "office"}],
    )
    ten = datetime(2026, 6, 8, 10, tzinfo=UTC)
    ladder = ladder_of(p, posted(AT))
    assert ladder.reached(ten - timedelta(microseconds=1)) == -1
    assert ladder.reached(ten) == 0


def test_a_target_too_short_for_its_tiers_rings_the_highest_of_those_at_once() -> None:
    targets = [{"answer_within": "1s", "clock": "always"}]
    first = after(0, targets=targets)
    assert (first.at - AT, first.tier) == (timedelta(seconds=1), 1)
    assert after(1 / 60, targets=targets).at - AT == timedelta(seconds=2)


# --- People --------------------------------------------------------------------------------------


def called(tiers: Sequence[Tier], tier: int, *notifiers: str) -> list[tuple[int, list[str]]]:
    return [(number, sorted(names)) for number, names in people(tiers, tier, notifiers)]


def test_who_is_called_and_who_instead_should_nobody_be_reached() -> None:
    tiers, known = policy().tiers, ("boss", "lead", "team", "terminal")
    steps = [(0, ["team"]), (1, ["lead"]), (2, ["boss"]), (3, ["terminal"])]
    assert called(tiers, 0, *known) == steps
    assert called(tiers, -1, *known) == steps
    assert called(tiers, 2, *known) == [(2, ["boss"]), (3, ["lead", "team", "terminal"])]
    assert called(tiers, 3, *known) == [(3, list(known))]


def test_a_tier_without_names_calls_everybody_and_one_without_a_known_name_is_passed_over() -> None:
    assert called(Promises().tiers, 1, "a", "b") == [(1, ["a", "b"])]
    assert called(policy().tiers, 0, "boss") == [(2, ["boss"])]
    assert called(policy().tiers, 0) == []


# --- Matters without a person who waits -----------------------------------------------------------


def test_a_matter_rings_again_and_climbs_and_an_acknowledgement_of_it_runs_out() -> None:
    p = policy(calendar={"timezone": "UTC", "hours": {"mon": ["09:00-10:00"]}}, acknowledged_for="1h")
    ladder = ladder_of_matter(p, AT)
    assert ladder.next(AT, Bell(0)) == (
        1,
        AT + 20 * MINUTE,
        0,
    )  # on a Saturday, out of hours
    assert ladder.next(AT, Bell(0, repeats=6)).tier == 1
    acknowledged = Bell(1).acknowledged(AT + 5 * MINUTE)
    assert ladder.next(AT + 5 * MINUTE, acknowledged) == (4, AT + 80 * MINUTE, 1)
