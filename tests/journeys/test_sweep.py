"""The sweep: promises near or past due ring at the right instants, for the right people, until somebody
acknowledges; whatever dies on the way rings again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import App
from bot.desk import Desk
from bot.errors import Refused, Retry
from bot.models import Escalation, Priority, Receipt
from bot.store import escalations as escalation_rows
from bot.store import ms
from tests.support.house import QUESTION, START, House, build_house, comment

# No source falls silent here: these tests are about promises.
DEAF = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, silent_after: 100d}}
responders: {paper: {type: console}}
rules: []
"""
OFFICE = """
promises:
  calendar: {timezone: Europe/Paris, hours: {mon-fri: ["09:00-17:00"]}}
  targets: [{answer_within: 8h}]
"""
LADDER = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, silent_after: 100d}}
responders: {paper: {type: console}, team: {type: console}, boss: {type: console}}
rules: []
promises:
  tiers: [{at: 0.5, to: [team]}, {at: 1.0, to: [team, boss]}, {at: 1.5}]
"""


@dataclass
class Bell:
    """A notifier that keeps whom it told, or falls."""

    told: list[Escalation] = field(default_factory=list)
    falls: Exception | None = None
    calls: int = 0

    def notify(self, escalation: Escalation) -> Receipt:
        self.calls += 1
        if self.falls:
            raise self.falls
        self.told.append(escalation)
        return Receipt(escalation.key)


@pytest.fixture
def quiet(tmp_path: Path):  # type: ignore[no-untyped-def]
    built = build_house(tmp_path, config=DEAF)
    yield built
    built.app.watch.store.close()


def with_bells(folder: Path, config: str = LADDER) -> tuple[House, dict[str, Bell]]:
    house = build_house(folder, config=config)
    bells = {name: Bell() for name in house.app.watch.notifiers}
    watch = replace(house.app.watch, notifiers=bells)
    return replace(house, app=App(watch, Desk(watch.store, watch.settings, house.clock))), bells


def rings(
    house: House, until: timedelta, step: timedelta = timedelta(minutes=5)
) -> list[tuple[timedelta, str]]:
    """Sweep again and again; when it rang for mentions (since `START`), and why."""
    heard = []
    while house.clock() - START < until:
        house.clock.now += step
        house.sweep()
        heard += [(house.clock() - START, call.reason) for call in house.paper.told]
        house.paper.told.clear()
    return heard


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


# --- The ladder ----------------------------------------------------------------------------------


def test_it_rings_at_half_at_due_at_one_and_a_half_and_then_every_half_hour(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))  # 8 hours, around the clock
    assert rings(quiet, hours(13.5)) == [
        (hours(4), "due soon"), (hours(8), "overdue"), (hours(12), "overdue"),
        (hours(12.5), "overdue"), (hours(13), "overdue"), (hours(13.5), "overdue"),
    ]  # fmt: skip
    assert quiet.mention("1")["state"] == "escalated"


def test_each_ring_has_its_number_and_says_what_is_owed_to_whom(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    for at in (4, 8, 12):
        quiet.clock.now = START + hours(at)
        quiet.sweep()
        quiet.sweep()
    assert [call.ring for call in quiet.paper.told] == [1, 2, 3]
    call = quiet.paper.told[-1]
    assert (call.key, call.mention_id, call.author, call.text) == ("mention:1", 1, "Claire", QUESTION)
    assert (call.due_at, call.priority) == (START + hours(8), Priority.NORMAL)
    assert quiet.events("1").count("rang") == 3


def test_an_acknowledgement_ends_the_ringing_until_the_next_tier(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    assert rings(quiet, hours(4)) == [(hours(4), "due soon")]
    quiet.desk.acknowledge(1, "Léa")
    assert rings(quiet, hours(8)) == [(hours(8), "overdue")]
    assert rings(quiet, hours(12)) == [(hours(12), "overdue")]
    quiet.desk.acknowledge(1, "Léa")
    assert rings(quiet, hours(15.9)) == []
    assert rings(quiet, hours(16)) == [(hours(16), "overdue")]  # who said "I see to it" may forget it
    assert quiet.audit()["overdue"] == 1


def test_office_hours_ring_in_office_hours_only(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=DEAF, extra=OFFICE)
    friday_four_in_the_afternoon = datetime(2026, 3, 13, 15, 0, tzinfo=UTC)
    house.clock.now = friday_four_in_the_afternoon
    house.hears(comment("1", QUESTION, posted_at=house.clock()))
    heard = []
    for _ in range(5 * 24 * 4):
        house.clock.forward(minutes=15)
        house.sweep()
        heard += [f"{house.clock():%a %H:%M} {call.reason}" for call in house.paper.told]
        house.paper.told.clear()
    # 8 office hours from Friday 16:00 in Paris: half of them are over on Monday at noon.
    assert heard[:5] == [
        "Mon 11:00 due soon", "Mon 15:00 overdue", "Tue 11:00 overdue", "Tue 11:30 overdue",
        "Tue 12:00 overdue",
    ]  # fmt: skip
    assert not [line for line in heard if line[:3] in ("Sat", "Sun") or not "08:00" <= line[4:9] <= "16:00"]
    house.app.watch.store.close()


def test_after_a_night_in_which_nothing_ran_it_rings_once_for_the_highest_tier(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    quiet.clock.forward(hours=20)
    quiet.sweep()
    quiet.sweep()
    assert [(call.reason, call.ring) for call in quiet.paper.told] == [("overdue", 1)]
    assert quiet.mention("1")["tier"] == 3


def test_an_answer_or_an_exemption_ends_the_ringing(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"), comment("3", QUESTION, by="zoe"))
    rings(quiet, hours(4))
    quiet.approve("1")
    quiet.deliver()
    quiet.desk.exempt(2, "spam", quiet.mention("2")["version"], "Léa")
    quiet.hears(deleted=["3"])
    assert rings(quiet, hours(20)) == []
    assert quiet.audit()["escalated_unacknowledged"] == 0


def test_a_reply_on_its_way_does_not_stop_the_alarm(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    quiet.approve("1")  # and nobody delivers
    assert rings(quiet, hours(8)) == [(hours(4), "due soon"), (hours(8), "overdue")]


def test_what_could_not_be_read_yet_rings_all_the_same(quiet: House) -> None:
    quiet.wire.says(comment("1", QUESTION))
    quiet.listen()  # and triage hangs
    assert rings(quiet, hours(4)) == [(hours(4), "due soon")]
    quiet.triage()
    assert quiet.mention("1")["state"] == "escalated"


def test_a_priority_with_a_looser_target_loosens_neither_the_promise_nor_its_alarms(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=DEAF.replace("rules: []", ""), extra="""
        rules: [{name: calm, when: {}, priority: low}]
        promises:
          targets: [{priority: low, answer_within: 24h}, {answer_within: 8h}]
    """)  # fmt: skip
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["priority"] == "low"
    assert house.mention("1")["due_at"] == ms(START + hours(8))
    assert rings(house, hours(12)) == [(hours(4), "due soon"), (hours(8), "overdue"), (hours(12), "overdue")]
    house.app.watch.store.close()


def test_a_new_policy_moves_no_promise_that_was_made_and_it_rings_when_that_is_due(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=DEAF)
    house.hears(comment("1", QUESTION))
    house.app.watch.store.close()
    later = build_house(tmp_path, config=DEAF, extra="promises: {targets: [{answer_within: 30d}]}")
    later.clock.now = house.clock.now
    assert rings(later, hours(8)) == [(hours(4), "due soon"), (hours(8), "overdue")]
    later.app.watch.store.close()


def test_the_clock_set_back_an_hour_misses_no_alarm(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    rings(quiet, hours(4))
    quiet.clock.forward(hours=-1)
    assert [reason for _, reason in rings(quiet, hours(8))] == ["overdue"]


@pytest.mark.timeout(60)
def test_500_that_are_overdue_at_once_are_all_raised_and_all_ring(quiet: House) -> None:
    quiet.hears(*(comment(str(n), QUESTION, by=f"p{n}") for n in range(500)))
    quiet.clock.forward(hours=8)
    quiet.sweep()
    assert [call.reason for call in quiet.paper.told] == [
        "500 at once, 500 of them overdue; the worst: overdue"
    ]
    assert quiet.row("SELECT COUNT(*) AS n FROM mentions WHERE state = 'escalated'")["n"] == 500
    assert quiet.row("SELECT COUNT(*) AS n FROM events WHERE kind = 'rang'")["n"] == 500
    quiet.sweep()
    assert len(quiet.paper.told) == 1


def test_an_alarm_left_on_what_is_over_does_not_hold_up_the_sweep(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    quiet.approve("1")
    quiet.deliver()
    with quiet.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET alarm_at = 1 WHERE id = 1")
    quiet.clock.forward(hours=4)
    quiet.sweep()
    assert [call.key for call in quiet.paper.told] == ["mention:2"]


# --- Whom it reaches -----------------------------------------------------------------------------


def test_each_tier_rings_for_those_it_names(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(comment("1", QUESTION))
    for at, wanted in ((4, (1, 0, 0)), (8, (2, 1, 0)), (12, (3, 2, 1))):
        house.clock.now = START + hours(at)
        house.sweep()
        assert tuple(len(bells[name].told) for name in ("team", "boss", "paper")) == wanted
    house.app.watch.store.close()


def test_where_those_named_cannot_be_told_the_people_of_the_next_tier_are_at_once(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(comment("1", QUESTION))
    bells["team"].falls = Retry("503")
    house.clock.now = START + hours(4)
    house.sweep()
    assert [len(bells[name].told) for name in ("team", "boss", "paper")] == [0, 1, 0]
    bells["boss"].falls = Retry("503")
    house.clock.now = START + hours(8)
    house.sweep()
    assert [len(bells[name].told) for name in ("team", "boss", "paper")] == [0, 1, 1]
    house.clock.forward(minutes=30)
    house.sweep()  # somebody was reached: it rings again with the next tier
    assert len(bells["paper"].told) == 1
    house.app.watch.store.close()


def test_one_bell_that_fails_does_not_silence_the_other(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(comment("1", QUESTION))
    bells["boss"].falls = RuntimeError("a secret")
    house.clock.now = START + hours(8)
    house.sweep()
    assert len(bells["team"].told) == 1
    assert house.row("SELECT error FROM escalations")["error"] == ""
    house.app.watch.store.close()


@pytest.mark.parametrize("fault", [Retry("503"), Refused("400"), RuntimeError("a secret")])
def test_where_nobody_can_be_told_it_rings_again_every_minute_and_is_never_dropped(
    tmp_path: Path, fault: Exception
) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(comment("1", QUESTION))
    for bell in bells.values():
        bell.falls = fault
    house.clock.now = START + hours(4)
    for _ in range(5):
        house.sweep()
        house.clock.forward(seconds=61)
    assert [bell.calls for bell in bells.values()] == [5, 5, 5]
    row = house.row("SELECT * FROM escalations")
    assert (row["rings"], row["closed_at"], row["acknowledged_at"]) == (0, None, None)
    assert "secret" not in row["error"]
    assert house.events("1").count("ring_failed") == 1  # the log gets transitions, not repetitions
    for bell in bells.values():
        bell.falls = None
    house.sweep()
    assert [call.ring for call in bells["team"].told] == [1]
    house.app.watch.store.close()


def test_a_bell_that_is_out_of_order_is_asked_once_in_a_sweep_however_much_rings(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(*(comment(str(n), QUESTION, by=f"p{n}") for n in range(60)))
    bells["team"].falls = Retry("no answer within 20 s")
    house.clock.now = START + hours(4)
    house.sweep()
    assert bells["team"].calls == 1
    assert [call.reason for call in bells["boss"].told] == [
        "60 at once, 0 of them overdue; the worst: due soon"
    ]
    house.app.watch.store.close()


def test_a_message_that_one_bell_refuses_does_not_keep_the_next_from_it(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(*(comment(str(n), QUESTION, by=f"p{n}") for n in range(3)))
    bells["team"].falls = Refused("this text is too long")
    house.clock.now = START + hours(4)
    house.sweep()
    assert bells["team"].calls == 3
    house.app.watch.store.close()


def test_a_house_without_bells_keeps_the_alarm_for_the_day_there_is_one(tmp_path: Path) -> None:
    house, bells = with_bells(tmp_path)
    house.hears(comment("1", QUESTION))
    spare = dict(bells)
    bells.clear()
    house.clock.now = START + hours(4)
    house.sweep()
    assert house.row("SELECT error FROM escalations")["error"] == "there is nobody to tell"
    bells.update(spare)
    house.clock.forward(seconds=61)
    house.sweep()
    assert len(bells["team"].told) == 1
    house.app.watch.store.close()


def test_a_crash_between_taking_an_alarm_and_ringing_it_rings_again(quiet: House) -> None:
    quiet.hears(comment("1", QUESTION))
    quiet.desk.escalate(1, "call her", quiet.mention("1")["version"], "Léa")
    now = ms(quiet.clock())
    with quiet.app.watch.store.tx() as tx:
        assert len(escalation_rows.claim_ringing(tx, now, now + 60_000)) == 1  # and it died
    quiet.sweep()
    assert quiet.paper.told == []
    quiet.clock.forward(seconds=61)
    quiet.sweep()
    assert [call.reason for call in quiet.paper.told] == ["call her"]


def test_what_has_no_promise_rings_every_half_hour_until_it_is_acknowledged(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=DEAF.replace("100d", "15m"))
    house.hears()
    told = rings(house, hours(1.5))
    assert [at for at, _ in told] == [timedelta(minutes=20), timedelta(minutes=50), timedelta(minutes=80)]
    house.desk.acknowledge_key("source:blog", "Léa")
    assert rings(house, hours(5)) == []
    house.hears()  # it speaks again, and falls silent again: that is news
    assert [reason for _, reason in rings(house, hours(5.5))] == ["silent"]
    house.app.watch.store.close()
