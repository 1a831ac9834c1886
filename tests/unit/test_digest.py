"""The daily digest: when it is due, its figures from rows, and its words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from bot.reports.digest import Gap, Outage, Rows, figures
from bot.reports.digest_text import render
from bot.reports.schedule import DigestSettings, begins, due, yesterday

PARIS = ZoneInfo("Europe/Paris")
HOUR = 3_600_000
DAY = date(2026, 3, 9)


def rows(**given: Any) -> Rows:
    """The rows of a day of 24 hours from 0, looked at 9 hours after it; empty but for those given."""
    empty = dict.fromkeys(Rows._fields, ())
    return Rows(
        **{**empty, "start": 0, "end": 24 * HOUR, "now": 33 * HOUR, "ringing": 0, "unsure": 0, **given}
    )


def log(*entries: tuple[str, str, int]) -> list[dict[str, Any]]:
    return [{"source": source, "kind": kind, "at": at} for source, kind, at in entries]


# --- When ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-03-10T08:59+01:00", "2026-03-08"),
        ("2026-03-10T09:00+01:00", "2026-03-09"),
        ("2026-03-10T23:59+01:00", "2026-03-09"),
        ("2026-03-11T00:00+01:00", "2026-03-09"),
        ("2026-03-29T06:59+00:00", "2026-03-27"),  # 08:59 in summer time, which began in the night
        ("2026-03-29T07:00+00:00", "2026-03-28"),
        ("2026-10-25T07:59+00:00", "2026-10-23"),  # 08:59 in winter time
        ("2026-10-25T08:00+00:00", "2026-10-24"),
    ],
)
def test_it_is_due_at_its_hour_by_the_clock_on_the_wall(now: str, day: str) -> None:
    assert due(time(9), PARIS, datetime.fromisoformat(now)) == date.fromisoformat(day)


def test_an_hour_that_is_skipped_or_comes_twice_is_due_once() -> None:
    for at, night in ((time(2, 30), "2026-03-29"), (time(2, 30), "2026-10-25")):
        midnight = datetime.fromisoformat(f"{night}T00:00").replace(tzinfo=PARIS).astimezone(UTC)
        minutes = [datetime.fromtimestamp(midnight.timestamp() + 60 * i, UTC) for i in range(300)]
        days = [due(at, PARIS, minute) for minute in minutes]
        assert days == sorted(days)
        assert len(set(days)) == 2


def test_days_are_those_of_the_calendar_also_when_they_have_23_or_25_hours() -> None:
    lengths = [
        (begins(date(2026, month, day + 1), PARIS) - begins(date(2026, month, day), PARIS)).total_seconds()
        for month, day in ((3, 28), (3, 29), (10, 25))
    ]
    assert lengths == [24 * 3600, 23 * 3600, 25 * 3600]
    assert yesterday(PARIS, datetime(2026, 3, 9, 23, 30, tzinfo=UTC)) == DAY


@pytest.mark.parametrize("at", ["9", "25:00", "09:61", "nine", "09:00:00"])
def test_what_is_no_time_of_the_day_is_refused(at: str) -> None:
    with pytest.raises(ValidationError, match='is no time of the day; write for example "09:00"'):
        DigestSettings.model_validate({"at": at})


# --- Figures ------------------------------------------------------------------------------------------


def test_what_was_heard_adds_up_and_both_rates_stand_side_by_side() -> None:
    heard = [
        {"state": state, "number": number}
        for state, number in (("answered", 6), ("exempted", 2), ("deleted", 1), ("waiting", 1), ("new", 1))
    ]
    found = figures(rows(heard=heard), DAY, DAY)
    assert (found.addresses, found.answered, found.exempted, found.deleted, found.open) == (11, 6, 2, 1, 2)
    assert found.answer_rate == {"all": 0.6, "after_exemptions": 0.75}


def test_a_day_on_which_nobody_wrote_has_no_rates() -> None:
    found = figures(rows(), DAY, DAY)
    assert (found.addresses, found.median, found.p90) == (0, None, None)
    assert found.answer_rate == {"all": None, "after_exemptions": None}


@pytest.mark.parametrize(("waits", "middle", "most"), [([5], 5, 5), ([1, 3], 2, 3), (range(1, 11), 5.5, 9)])
def test_half_and_nine_in_ten_waited_less_than(waits: Any, middle: float, most: int) -> None:
    answered = [{"posted_at": HOUR, "answered_at": HOUR + wait * HOUR} for wait in reversed(list(waits))]
    found = figures(rows(answered=answered), DAY, DAY)
    assert (found.answers, found.median, found.p90) == (len(list(waits)), int(middle * HOUR), most * HOUR)


def test_open_ones_are_counted_by_process_with_who_waits_longest() -> None:
    open_ = [
        {"process": "sales", "number": 1, "overdue": 0, "first_due": 1},
        {"process": "service", "number": 4, "overdue": 2, "first_due": 30 * HOUR},
    ]
    found = figures(rows(open=open_), DAY, DAY)
    assert (found.open_now, found.overdue, found.longest_overdue) == ({"sales": 1, "service": 4}, 2, 3 * HOUR)


def test_exemptions_are_counted_by_reason_and_the_sample_by_verdict() -> None:
    exempted = [
        {"reason": "spam", "rule": 0, "number": 2}, {"reason": "no_answer_needed", "rule": 1, "number": 5},
        {"reason": "no_answer_needed", "rule": 0, "number": 1},
    ]  # fmt: skip
    judged = [{"verdict": v, "number": n} for v, n in (("ok", 39), ("wrong", 1), ("", 5))]
    found = figures(rows(exempted=exempted, judged=judged), DAY, DAY)
    assert (found.exemptions, found.by_rule) == ({"no_answer_needed": 6, "spam": 2}, 5)
    assert found.sample == {"looked_at": 40, "wrong": 1, "waiting": 5}


FAILED, OK = "source_failed", "source_recovered"


@pytest.mark.parametrize(
    ("entries", "failing", "outage"),
    [
        ([("x", FAILED, 1), ("x", OK, 3)], None, ("x", 2, 1, False)),
        ([("x", FAILED, 1), ("x", FAILED, 2), ("x", OK, 3)], None, ("x", 2, 1, False)),
        ([("x", FAILED, 1), ("x", OK, 3), ("x", FAILED, 10), ("x", OK, 14)], None, ("x", 6, 2, False)),
        ([("x", OK, 3)], None, ("x", 3, 1, False)),
        ([("x", FAILED, 20), ("x", OK, 30)], None, ("x", 4, 1, False)),
        ([("x", OK, 30)], None, ("x", 24, 1, False)),
        ([("x", FAILED, 25), ("x", OK, 30)], None, None),
        ([("x", FAILED, 20)], 20, ("x", 4, 1, True)),
        ([], -5, ("x", 24, 1, True)),
        ([("x", FAILED, 1), ("x", OK, 3), ("x", FAILED, 26)], 26, ("x", 2, 1, True)),
        ([("x", FAILED, 26)], 26, None),
    ],
)
def test_outages_are_cut_to_the_day(entries: Any, failing: int | None, outage: Any) -> None:
    now = [] if failing is None else [{"listener": "x", "failing_since": failing * HOUR}]
    entries = [(source, kind, at * HOUR) for source, kind, at in entries]
    found = figures(rows(log=log(*entries), failing=now), DAY, DAY).outages
    assert found == (() if outage is None else (Outage(outage[0], outage[1] * HOUR, *outage[2:]),))


def test_gaps_and_spending_are_told() -> None:
    found = figures(
        rows(
            gaps=[{"listener": "x", "from_at": 0, "to_at": HOUR}],
            spent=[{"account": "x", "cost": 1_250_000}],
        ),
        DAY,
        DAY,
    )
    assert (found.gaps, found.spent) == ((Gap("x", 0, HOUR),), {"x": 1.25})


# --- Words --------------------------------------------------------------------------------------------

FULL = rows(
    heard=[{"state": "answered", "number": 9}, {"state": "exempted", "number": 2},
           {"state": "waiting", "number": 1}],
    answered=[{"posted_at": 0, "answered_at": 72 * 60_000}],
    open=[{"process": "service", "number": 1, "overdue": 1, "first_due": 31 * HOUR}],
    exempted=[{"reason": "spam", "rule": 0, "number": 2}],
    judged=[{"verdict": "ok", "number": 39}, {"verdict": "wrong", "number": 1}],
    log=log(("blog", FAILED, HOUR), ("blog", OK, 4 * HOUR)),
    gaps=[{"listener": "x", "from_at": 0, "to_at": HOUR}],
    spent=[{"account": "x", "cost": 1_250_000}],
    ringing=1,
)  # fmt: skip


def test_in_english() -> None:
    subject, text = render(figures(FULL, DAY, DAY), "Azur", "en")
    assert subject == "Azur, Monday 9 March 2026: 12 addresses, 9 answered, 1 overdue"
    assert text == (
        "Addresses: 12 = 9 answered + 2 exempted + 0 deleted by author + 1 open\n"
        "Answer rate: 75.0 % of all, 90.0 % after exemptions\n"
        "Answers given: 1. Half of these people waited less than 1 h 12 min, nine in ten less than"
        " 1 h 12 min\n"
        "\n"
        "Now open: 1 (service 1)\n"
        "Overdue: 1, the longest for 2 h 00 min\n"
        "Alarms that nobody has acknowledged: 1\n"
        "\n"
        "Closed without an answer: spam 2; by a rule: 0\n"
        "Closed by rules, looked at by a human: 40, wrong: 1; still to look at: 0 (vigie sample)\n"
        "Not heard: blog, for 3 h 00 min in all (1×)\n"
        "Gap: what was posted on x in 1 h 00 min until 1970-01-01 01:00 UTC can no longer be heard\n"
        "Spent: x, 1.25 US dollars\n"
    )


def test_in_french() -> None:
    subject, text = render(figures(FULL, date(2026, 3, 7), DAY), "Azur", "fr")
    assert subject == ("Azur, samedi 7 mars 2026 – lundi 9 mars 2026 : adresses 12, répondues 9, en retard 1")
    assert "Taux de réponse : 75,0 % de toutes, 90,0 % hors dispenses" in text
    assert "En retard : 1, la plus ancienne de 2 h 00 min" in text
    assert "Non entendue : blog, pendant 3 h 00 min en tout (1×)" in text
    assert "Dépensé : x, 1,25 dollars US" in text


def test_a_quiet_day_is_told_in_few_lines() -> None:
    _, text = render(figures(rows(), DAY, DAY), "Azur", "de")
    assert text.splitlines() == [
        "Addresses: 0 = 0 answered + 0 exempted + 0 deleted by author + 0 open",
        "Answer rate: – of all, – after exemptions",
        "Answers given: none",
        "",
        "Now open: nobody",
        "Overdue: nobody",
        "",
        "Listening: every source was heard",
    ]
