"""Fifty alarms at once are one message, with the count and the worst. Nothing is left out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.grouping import Due, Message, grouped
from bot.models import Escalation, Priority

NOW = datetime(2026, 6, 6, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEAM, BOSS = frozenset({"team"}), frozenset({"boss"})


def call(number: int, due: int | None = 0, priority: Priority = Priority.NORMAL) -> Escalation:
    """An escalation that was due so many minutes ago."""
    due_at = None if due is None else NOW - due * MINUTE
    return Escalation(
        f"mention:{number}", "overdue", "", 1, NOW, mention_id=number, due_at=due_at, priority=priority
    )


def test_up_to_the_limit_each_has_a_message_of_its_own() -> None:
    messages = grouped([Due(TEAM, call(n, due=n)) for n in range(5)], limit=5)
    assert [m.shown.key for m in messages] == [f"mention:{n}" for n in (4, 3, 2, 1, 0)]


def test_more_than_the_limit_are_one_message_with_the_count_and_the_worst() -> None:
    due = [Due(TEAM, call(n, due=n - 12)) for n in range(50)]
    worst = call(99, due=-30, priority=Priority.CRISIS)
    (message,) = grouped([*due, Due(TEAM, worst)], limit=5)
    assert len(message.escalations) == 51
    assert message.shown.reason == "51 at once, 38 of them overdue; the worst: overdue"
    assert message.shown.mention_id == 99
    assert message.shown.priority is Priority.CRISIS
    assert [e.mention_id for e in message.escalations[:3]] == [99, 49, 48]


def test_a_group_has_a_key_of_its_own_that_lasts_as_long_as_its_members() -> None:
    due = [Due(TEAM, call(n)) for n in range(6)]
    (message,), (again,) = grouped(due, 5), grouped(reversed(due), 5)
    (more,) = grouped([*due, Due(TEAM, call(7))], 5)
    assert message == again
    assert message.shown.key != more.shown.key
    assert message.shown.key.startswith("group:")


def test_who_has_few_is_not_grouped_because_others_have_many() -> None:
    due = [Due(TEAM, call(n)) for n in range(6)] + [Due(TEAM | BOSS, call(6, due=60))]
    messages = grouped(due, limit=5)
    assert [(m.to, len(m.escalations)) for m in messages] == [(BOSS, 1), (TEAM, 7)]


def test_the_same_message_for_several_is_one() -> None:
    assert grouped([Due(TEAM | BOSS, call(1))], 5) == [Message(TEAM | BOSS, (call(1),))]


def test_what_is_for_nobody_is_not_lost() -> None:
    assert grouped([Due(frozenset(), call(1))], 5) == [Message(frozenset(), (call(1),))]


def test_what_has_no_promise_counts_from_now_and_is_not_called_overdue() -> None:
    due = [Due(TEAM, call(1, due=None)), Due(TEAM, call(2, due=5))]
    (message,) = grouped(due, limit=1)
    assert [e.mention_id for e in message.escalations] == [2, 1]
    assert message.shown.reason.startswith("2 at once, 1 of them overdue")


names = st.frozensets(st.sampled_from(["team", "boss", "hook"]))
calls = st.builds(call, st.integers(0, 40), st.none() | st.integers(-60, 60), st.sampled_from(Priority))


@given(
    st.lists(st.builds(Due, names, calls), max_size=30, unique_by=lambda d: d.escalation.key),
    st.integers(1, 6),
)
def test_everybody_is_told_of_each_of_theirs_exactly_once(due: list[Due], limit: int) -> None:
    messages = grouped(due, limit)
    told = Counter((name, e.key) for m in messages for name in m.to or {""} for e in m.escalations)
    asked = Counter((name, d.escalation.key) for d in due for name in d.to or {""})
    assert told == asked
    for name in ("team", "boss", "hook"):
        mine = [m for m in messages if name in m.to]
        assert len(mine) <= limit
        assert len(mine) in (0, 1, sum(len(m.escalations) for m in mine))
