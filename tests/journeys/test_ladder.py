"""The ladder: who is called when, what an acknowledgement changes, and from where a promise is counted. A new
policy changes none of it, and the audit proves each deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.desk import Desk
from bot.errors import NotPossible, Retry, StoreUnavailable, Unsure
from bot.models import Author, Escalation, Priority, Process
from bot.store import ms
from tests.journeys.test_sweep import Bell
from tests.support.house import ANGRY, QUESTION, START, House, build_house, comment

HOUSE = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, silent_after: 100d}}
responders: {paper: {type: console}, team: {type: console}, lead: {type: console}, boss: {type: console}}
rules: [{name: anger, when: {intents: [complaint]}, priority: high}]
promises:
  authors:
    press: {handles: ["@afp"]}
    vip: {followers_at_least: 50000}
  targets:
    - {author: press, answer_within: 30m}
    - {author: vip, answer_within: 1h}
    - {priority: high, answer_within: 2h}
    - {answer_within: 8h, next_within: 4h}
  tiers:
    - {at: 0.5, to: [team], repeat: 30m}
    - {at: 1.0, to: [lead]}
    - {at: 1.5, to: [boss]}
  cap: 2
"""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Belfry:
    """A house, and the bells of its people."""

    def __init__(self, folder: Path, config: str = HOUSE, at: datetime = START) -> None:
        self.house = build_house(folder, config=config)
        self.house.clock.now = at
        self.bells = {name: Bell() for name in self.house.app.watch.notifiers}
        watch = replace(self.house.app.watch, notifiers=self.bells)
        self.house = replace(self.house, app=App(watch, Desk(watch.store, watch.settings, self.house.clock)))

    def sweeps(self, until: timedelta, step: timedelta = 5 * MINUTE) -> list[tuple[float, str]]:
        """Sweep until so long after the start; at which hour whom it called, "team, boss"."""
        called = []
        while self.house.clock() - START < until:
            self.house.clock.now += step
            called += self.sweep()
        return called

    def sweep(self) -> list[tuple[float, str]]:
        self.house.sweep()
        told = sorted(name for name, bell in self.bells.items() if bell.told)
        for bell in self.bells.values():
            bell.told.clear()
        at = round((self.house.clock() - START) / HOUR, 2)
        return [(at, ", ".join(told))] if told else []


@pytest.fixture
def belfry(tmp_path: Path) -> Belfry:
    return Belfry(tmp_path)


def due(house: House, remote_id: str) -> datetime:
    return START + timedelta(milliseconds=house.mention(remote_id)["due_at"] - ms(START))


# --- Acknowledging -------------------------------------------------------------------------------


def test_acknowledged_it_is_silent_until_the_next_tier_and_then_it_climbs(belfry: Belfry) -> None:
    belfry.house.hears(comment("1", QUESTION))
    assert belfry.sweeps(4.5 * HOUR) == [(4, "team"), (4.5, "team")]
    belfry.house.desk.acknowledge(1, "Léa")
    assert belfry.sweeps(8 * HOUR) == [(8, "lead")]
    assert belfry.sweeps(12 * HOUR) == [(12, "boss")]
    belfry.house.desk.acknowledge(1, "Léa")
    assert belfry.sweeps(15.9 * HOUR) == []
    assert belfry.sweeps(16.4 * HOUR) == [(16, "boss")]  # what somebody saw to for 4 hours


def test_whoever_does_not_react_has_the_next_tier_called(belfry: Belfry) -> None:
    belfry.house.hears(comment("1", QUESTION))
    assert belfry.sweeps(6.5 * HOUR) == [
        (4, "team"), (4.5, "team"), (5, "team"),  # two repeats in vain: the cap
        (5.5, "lead"), (6, "lead"), (6.5, "lead"),
    ]  # fmt: skip
    assert belfry.sweeps(8 * HOUR) == [(7, "boss"), (7.5, "boss"), (8, "boss")]


def test_a_tier_rings_after_an_acknowledgement_though_its_people_were_called_before(belfry: Belfry) -> None:
    belfry.house.hears(comment("1", QUESTION))
    assert belfry.sweeps(5.5 * HOUR)[-1] == (5.5, "lead")
    belfry.house.desk.acknowledge(1, "Léa")
    assert belfry.sweeps(8 * HOUR) == [(8, "lead")]
    assert belfry.house.audit()["escalated_unacknowledged"] == 1


def test_whoever_cannot_be_reached_has_the_next_tier_called_at_once_and_above_all_everybody(
    belfry: Belfry,
) -> None:
    belfry.house.hears(comment("1", QUESTION))
    belfry.bells["team"].falls = Retry("503")
    assert belfry.sweeps(4 * HOUR) == [(4, "lead")]
    belfry.bells["lead"].falls = belfry.bells["boss"].falls = Retry("503")
    assert belfry.sweeps(4.5 * HOUR) == [(4.5, "paper")]
    belfry.bells["paper"].falls = Retry("503")
    assert belfry.sweeps(5 * HOUR) == []
    belfry.bells["boss"].falls = None
    belfry.house.clock.now += MINUTE
    assert belfry.sweep() == [(5.02, "boss")]  # a minute later, and not with the next tier


def test_a_restart_in_the_middle_of_a_ringing_neither_forgets_nor_begins_anew(tmp_path: Path) -> None:
    first = Belfry(tmp_path)
    first.house.hears(comment("1", QUESTION))
    assert first.sweeps(5 * HOUR) == [(4, "team"), (4.5, "team"), (5, "team")]
    first.house.app.watch.store.close()
    again = Belfry(tmp_path, at=first.house.clock.now)
    assert again.sweep() == []
    assert again.sweeps(5.5 * HOUR) == [(5.5, "lead")]
    again.house.desk.acknowledge(1, "Léa")
    again.house.app.watch.store.close()
    third = Belfry(tmp_path, at=again.house.clock.now)
    assert third.sweeps(8 * HOUR) == [(8, "lead")]


def test_messages_say_how_far_it_has_come(belfry: Belfry) -> None:
    belfry.house.hears(comment("1", QUESTION))
    told = list[Escalation]()
    for at in (4, 8, 12):
        belfry.house.clock.now = START + at * HOUR
        belfry.house.sweep()
        told += [call for bell in belfry.bells.values() for call in bell.told]
        for bell in belfry.bells.values():
            bell.told.clear()
    assert [call.tier for call in told] == ["warned", "due", "overdue"]


# --- Many at once --------------------------------------------------------------------------------


def test_50_overdue_at_once_are_one_message_with_the_count_and_the_worst_and_each_is_its_own(
    belfry: Belfry,
) -> None:
    house = belfry.house
    house.hears(*(comment(str(n), QUESTION, by=f"p{n}", posted_at=START - n * MINUTE) for n in range(49)))
    house.clock.now = START + 7.5 * HOUR
    house.hears(comment("angry", ANGRY, by="zoe", posted_at=house.clock.now))
    house.clock.now = START + 10 * HOUR
    house.sweep()
    (call,) = belfry.bells["lead"].told
    assert call.reason == "50 at once, 50 of them overdue; the worst: overdue"
    assert (call.text, call.priority) == (ANGRY, Priority.HIGH)
    rows = house.rows("SELECT rings, repeats, acknowledged_at FROM escalations")
    found = [(row["rings"], row["repeats"], row["acknowledged_at"]) for row in rows]
    assert found == [(1, 0, None)] * 50
    house.desk.acknowledge(house.mention("7")["id"], "Léa")
    house.approve("8")
    house.deliver()
    for bell in belfry.bells.values():
        bell.told.clear()
    house.clock.now = START + 13 * HOUR
    house.sweep()
    assert [c.reason[:10] for c in belfry.bells["boss"].told] == ["49 at once"]  # 7 climbs too, 8 is answered
    assert house.row("SELECT COUNT(*) AS n FROM events WHERE kind = 'rang'")["n"] == 99


# --- From where it is counted --------------------------------------------------------------------


def test_who_writes_again_after_an_answer_is_owed_the_next_answer_from_the_oldest_that_waits(
    belfry: Belfry,
) -> None:
    house = belfry.house
    house.hears(comment("1", QUESTION, conversation="t"))
    assert due(house, "1") == START + 8 * HOUR
    house.approve("1")
    house.deliver()
    house.clock.forward(hours=1)
    house.hears(comment("2", QUESTION, conversation="t", posted_at=START + HOUR))
    assert due(house, "2") == START + 5 * HOUR
    house.clock.forward(hours=1)
    house.hears(comment("3", QUESTION, conversation="t", posted_at=START + 2 * HOUR))
    assert due(house, "3") == START + 5 * HOUR
    house.hears(comment("4", QUESTION, by="bob", conversation="t", posted_at=START + 2 * HOUR))
    assert due(house, "4") == START + 10 * HOUR  # somebody else's first
    assert proved(house) == 4


def test_an_answer_in_the_same_batch_stands_between_the_two_questions(belfry: Belfry) -> None:
    house = belfry.house
    house.clock.forward(hours=3)
    said = {"conversation": "t"}
    house.hears(
        comment("3", QUESTION, posted_at=START + 2 * HOUR, **said),
        comment("2", "Bonjour, de 9 h à 17 h.", by="us", own=True, in_reply_to="1",
                posted_at=START + HOUR, **said),
        comment("1", QUESTION, **said),
    )  # fmt: skip
    assert house.mention("1")["state"] == "answered"
    assert due(house, "3") == START + 6 * HOUR
    assert proved(house) == 2


def test_two_that_come_in_one_batch_are_owed_an_answer_by_the_same_time(belfry: Belfry) -> None:
    belfry.house.hears(
        comment("2", QUESTION, conversation="t", posted_at=START - HOUR),
        comment("1", QUESTION, conversation="t", posted_at=START - 2 * HOUR),
    )
    assert due(belfry.house, "1") == due(belfry.house, "2") == START + 6 * HOUR
    assert proved(belfry.house) == 2


def test_the_press_and_those_whom_many_follow_are_answered_sooner(belfry: Belfry) -> None:
    house = belfry.house
    people = [Author("a", "AFP"), Author("b", "@zoe", followers=60_000), Author("c", "@bob", followers=9)]
    house.hears(*(comment(author.id, QUESTION, author=author) for author in people))
    assert [due(house, name) - START for name in "abc"] == [30 * MINUTE, HOUR, 8 * HOUR]
    assert proved(house) == 3
    house.desk.hand_over(house.mention("a")["id"], Process.SALES, house.mention("a")["version"], "Léa")
    assert due(house, "a") == START + 30 * MINUTE


def test_anger_tightens_a_promise_and_it_is_counted_from_where_it_was(belfry: Belfry) -> None:
    house = belfry.house
    house.hears(comment("1", QUESTION, conversation="t"))
    house.clock.forward(minutes=30)
    house.hears(comment("2", ANGRY, conversation="t", posted_at=START + 30 * MINUTE))
    assert due(house, "2") == START + 2 * HOUR
    assert [name for _, name in belfry.sweeps(HOUR)] == ["team"]
    assert proved(house) == 3


# --- Policies ------------------------------------------------------------------------------------


def test_a_new_policy_rewrites_no_promise_and_the_audit_proves_them_all(tmp_path: Path) -> None:
    first = Belfry(tmp_path)
    first.house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"))
    first.house.app.watch.store.close()
    slower = HOUSE.replace("answer_within: 8h, next_within: 4h", "answer_within: 30d").replace(
        "[team], repeat: 30m", "[boss]"
    )
    later = Belfry(tmp_path, config=slower)
    assert due(later.house, "1") == START + 8 * HOUR
    later.house.hears(comment("3", QUESTION, by="zoe"))
    assert due(later.house, "3") == START + timedelta(days=30)
    assert proved(later.house) == 4
    later.house.desk.exempt(2, "spam", later.house.mention("2")["version"], "Léa")
    # By the ladder of the promise it was made under, for the people of today.
    assert later.sweeps(8 * HOUR) == [(4, "boss"), (8, "lead")]


def test_a_deadline_that_was_forged_is_found(belfry: Belfry) -> None:
    house = belfry.house
    house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    assert proved(house) == 2
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET due_at = due_at + 1 WHERE id = 2")
    found = house.audit()
    assert found["promises"] == {"recomputed": 2, "wrong": 1}
    late = ms(START + 8 * HOUR)
    assert found["problems"] == [f"mention 2: the log promises an answer by {late}, the tables by {late + 1}"]


def test_a_deadline_that_does_not_follow_from_its_policy_is_found_though_log_and_tables_agree(
    belfry: Belfry,
) -> None:
    from bot.store import events

    house = belfry.house
    house.hears(comment("1", QUESTION))
    row, late = house.mention("1"), ms(START + 9 * HOUR)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET due_at = ? WHERE id = 1", (late,))
        events.append(tx, 1, [events.Event("raised", 1, data={"due_at": late, "policy": row["policy"]})])
    found = house.audit()
    assert (found["balanced"], found["promises"]) == (True, {"recomputed": 2, "wrong": 1})
    assert "by its policy it was" in found["problems"][0]


def test_a_stored_policy_that_was_changed_is_found(belfry: Belfry) -> None:
    house = belfry.house
    house.hears(comment("1", QUESTION))
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE policies SET body = REPLACE(body, ?, ?)", ('"cap":2', '"cap":3'))
    found = house.audit()
    assert found["promises"]["wrong"] == 2
    assert "was changed: what is stored is" in found["problems"][0]


@pytest.mark.parametrize(
    ("posted", "wanted"),
    [
        # Clocks go forward at 02:00 on Sunday, 29 March: that night has an hour less.
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),
        # They go back at 03:00 on Sunday, 25 October: that night has one more.
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), datetime(2026, 10, 25, 5, 0, tzinfo=UTC)),
    ],
)
def test_in_the_nights_when_the_clocks_change_it_rings_when_the_hours_have_really_passed(
    tmp_path: Path, posted: datetime, wanted: datetime
) -> None:
    night = 'calendar: {timezone: Europe/Paris, hours: {sat: ["22:00-24:00"], sun: ["00:00-09:00"]}}'
    config = HOUSE.replace("promises:", f"promises:\n  {night}")
    belfry = Belfry(tmp_path, config=config, at=posted)
    house = belfry.house
    house.hears(comment("1", QUESTION, posted_at=posted))
    assert house.mention("1")["due_at"] == ms(wanted)
    rung = {"team": posted, "lead": posted}
    while house.clock() < wanted:
        house.clock.forward(minutes=10)
        house.sweep()
        rung |= {name: house.clock() for name in rung if belfry.bells[name].told and rung[name] == posted}
        if belfry.bells["team"].told:
            house.desk.acknowledge(1, "Léa")
            belfry.bells["team"].told.clear()
    assert rung == {"team": posted + 4 * HOUR, "lead": wanted}
    assert proved(house) == 1


# --- What has no promise -------------------------------------------------------------------------


def test_what_nobody_knows_for_too_long_rings_and_is_over_when_it_is_found(belfry: Belfry) -> None:
    house = belfry.house
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")
    house.paper.next_, house.paper.find_raises = [Unsure("timeout")], Retry("503")
    house.deliver()
    assert belfry.sweeps(0.2 * HOUR, MINUTE) == []
    assert belfry.sweeps(0.3 * HOUR, MINUTE) == [(0.25, "team")]
    assert house.row("SELECT key FROM escalations")["key"] == f"reply:{reply}"
    house.desk.acknowledge(1, "Léa")
    assert belfry.sweeps(2 * HOUR) == []
    house.paper.find_raises = None
    house.clock.forward(minutes=1)
    house.sweep()  # it surely is not there
    assert house.audit()["escalated_unacknowledged"] == 0
    house.deliver()
    assert house.mention("1")["state"] == "answered"


def test_a_full_disk_rings_directly_and_not_with_every_step(belfry: Belfry) -> None:
    house = belfry.house
    with house.app.watch.store.read() as tx:
        pages = tx.rows("PRAGMA page_count")[0]["page_count"]
        tx.rows(f"PRAGMA max_page_count = {pages}")
    page = [comment(str(n), QUESTION * 20, by=f"p{n}") for n in range(200)]
    for _ in range(3):
        house.wire.says(*page)
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            house.listen()
        house.clock.forward(minutes=1)
    for bell in belfry.bells.values():
        (call,) = bell.told
        assert (call.key, call.subject, call.priority) == ("store", "the store", Priority.CRISIS)
        assert "the disk is full" in call.reason
        bell.falls = Retry("503")
    house.clock.forward(minutes=30)
    for _ in range(2):
        house.wire.says(*page)
        with pytest.raises(StoreUnavailable):
            house.listen()
    assert [bell.calls for bell in belfry.bells.values()] == [3] * 4  # nobody was reached: again at once


def test_a_source_that_is_silent_climbs_the_same_ladder_around_the_clock(tmp_path: Path) -> None:
    belfry = Belfry(tmp_path, config=HOUSE.replace("100d", "15m"))
    belfry.house.hears()
    assert belfry.sweeps(3.4 * HOUR, 10 * MINUTE) == [
        (0.33, "team"), (0.83, "team"), (1.33, "team"), (1.83, "lead"), (2.33, "lead"), (2.83, "lead"),
        (3.33, "boss"),
    ]  # fmt: skip
    belfry.house.desk.acknowledge_key("source:blog", "Léa")
    assert belfry.sweeps(7.3 * HOUR, 10 * MINUTE) == []
    assert [who for _, who in belfry.sweeps(7.9 * HOUR, 10 * MINUTE)] == ["boss"]
    with pytest.raises(NotPossible, match="nothing called 'source:moon' rings"):
        belfry.house.desk.acknowledge_key("source:moon", "Léa")


def proved(house: House) -> int:
    """How many deadlines were recomputed; all of them right."""
    found: dict[str, Any] = house.audit()
    assert (found["problems"], found["promises"]["wrong"]) == ([], 0)
    return int(found["promises"]["recomputed"])


DEAF = HOUSE.replace("100d", "15m")


def clock_was_ahead(belfry: Belfry, days: int) -> None:
    """It is put right, and whoever watches begins anew."""
    belfry.house.clock.forward(days=-days)
    belfry.house.app.watch.last.clear()


def test_an_alarm_that_rang_while_the_clock_was_far_ahead_rings_on_when_it_is_put_right(
    tmp_path: Path,
) -> None:
    belfry = Belfry(tmp_path, config=DEAF)
    belfry.house.hears()
    assert [hour for hour, _ in belfry.sweeps(HOUR)] == [0.33, 0.83]
    belfry.house.clock.forward(days=400)
    belfry.sweep()
    clock_was_ahead(belfry, 400)
    assert [hour for hour, _ in belfry.sweeps(2 * HOUR)] == [1.33, 1.83]


def test_neither_what_came_up_nor_who_acknowledged_it_while_the_clock_was_ahead_silences_an_alarm(
    tmp_path: Path,
) -> None:
    belfry = Belfry(tmp_path, config=DEAF)
    belfry.house.hears()
    belfry.house.clock.forward(days=400)
    belfry.sweep()
    belfry.house.desk.acknowledge_key("source:blog", "Léa")
    clock_was_ahead(belfry, 400)
    assert belfry.sweeps(4 * HOUR) == []
    assert len(belfry.sweeps(5 * HOUR)) > 0


def test_what_is_left_for_the_morning_is_left_though_the_clock_is_looked_at(tmp_path: Path) -> None:
    config = HOUSE + '  calendar: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}\n'
    belfry = Belfry(tmp_path, config=config)
    belfry.house.hears(comment("1", QUESTION))
    friday, weekend = 3 * 24 * HOUR + 8 * HOUR, 6 * 24 * HOUR
    assert len(belfry.sweeps(friday, step=30 * MINUTE)) > 0
    assert belfry.sweeps(weekend - MINUTE, step=30 * MINUTE) == []
    assert len(belfry.sweeps(weekend + HOUR, step=30 * MINUTE)) > 0
