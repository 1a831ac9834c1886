"""The meter: reading stops before replies do, and no charge is lost or forgotten in between."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import AuthFailed, RateLimited
from bot.meter import Budget, Charge, Meter, Spent

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DOLLAR = 1_000_000


def metered(day: float | None = None, month: float | None = None) -> Meter:
    return Meter(Budget(day=day, month=month))


def test_without_a_budget_nothing_stops() -> None:
    meter = metered()
    meter.tell(Spent(10**12, 10**12))
    meter.may_read(NOON)
    meter.may_write(NOON)


def test_reading_leaves_a_fifth_to_the_replies() -> None:
    meter = metered(day=1)
    meter.tell(Spent(DOLLAR * 79 // 100, DOLLAR))
    meter.may_read(NOON)
    meter.tell(Spent(DOLLAR * 80 // 100, DOLLAR))
    with pytest.raises(RateLimited, match=r"used up \(0.80 of 1.00 USD today\); replies still go"):
        meter.may_read(NOON)
    meter.may_write(NOON)
    meter.tell(Spent(DOLLAR, DOLLAR))
    with pytest.raises(AuthFailed, match=r"1.00 of 1.00 USD today"):
        meter.may_write(NOON)


def test_the_month_has_a_budget_of_its_own() -> None:
    meter = metered(day=1, month=10)
    meter.tell(Spent(0, 8 * DOLLAR))
    with pytest.raises(RateLimited, match=r"8.00 of 10.00 USD this month"):
        meter.may_read(NOON)


@pytest.mark.parametrize(
    ("now", "wait"),
    [(NOON, timedelta(minutes=15)), (NOON.replace(hour=23, minute=58), timedelta(minutes=2))],
)
def test_it_is_looked_at_again_when_the_budget_begins_anew_or_may_have_been_raised(
    now: datetime, wait: timedelta
) -> None:
    meter = metered(day=1)
    meter.tell(Spent(DOLLAR, DOLLAR))
    with pytest.raises(RateLimited) as caught:
        meter.may_read(now)
    assert caught.value.after == wait.total_seconds()


def test_what_was_charged_since_counts_at_once_and_goes_on_counting_when_it_was_drained() -> None:
    meter = metered(day=1)
    meter.charge("post read", 100, DOLLAR)
    for _ in range(2):
        with pytest.raises(AuthFailed):
            meter.may_write(NOON)
        meter.drain()
    meter.tell(Spent(0, 0))  # the next day
    meter.may_read(NOON)


def test_charges_are_drained_once_and_nothing_is_no_charge() -> None:
    meter = metered()
    meter.charge("post read", 2, 10_000)
    meter.charge("post read", 0, 0)
    assert meter.drain() == [Charge("post read", 2, 10_000)]
    assert meter.drain() == []


def test_what_could_not_be_kept_is_drained_again() -> None:
    meter = metered()
    meter.charge("post read", 2, 10_000)
    meter.give_back(meter.drain())
    meter.charge("user read", 1, 10_000)
    assert [charge.item for charge in meter.drain()] == ["post read", "user read"]


def test_no_charge_is_lost_between_threads() -> None:
    meter, drained, over = metered(), list[Charge](), threading.Event()

    def charge() -> None:
        for _ in range(2000):
            meter.charge("post read", 1, 5000)

    def drain() -> None:
        while not over.is_set():
            drained.extend(meter.drain())

    reader = threading.Thread(target=drain)
    writers = [threading.Thread(target=charge) for _ in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    reader.join()
    assert sum(c.number for c in [*drained, *meter.drain()]) == 8000
