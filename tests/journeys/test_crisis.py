"""A crisis: many complaints in little time, or certain words. It rings once, everything open becomes more
urgent, and it ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.models import Priority
from bot.store import ms
from tests.support.house import ANGRY, NEWS, QUESTION, START, House, build_house, comment

CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {blog: {type: replay, path: none.jsonl, responder: paper, silent_after: 100d}}
responders: {paper: {type: console}}
rules: []
crisis: {count: 5, words: [fuite de données], words_from: 2, calm_for: 2h}
"""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEAK = "Encore une fuite de données chez vous"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path, config=CONFIG)


def complaints(house: House, count: int, people: int | None = None) -> None:
    said = [f"{house.clock():%d%H%M}-{n}" for n in range(count)]
    house.hears(
        *(
            comment(one, ANGRY, by=f"p{n % (people or count)}", posted_at=house.clock())
            for n, one in enumerate(said)
        )
    )


def rung(house: House) -> list[str]:
    return [call.reason for call in house.paper.told if call.key == "crisis"]


def crises(house: House) -> list[tuple[int, int | None]]:
    rows = house.rows("SELECT threshold, ended_at FROM crises ORDER BY id")
    return [(row["threshold"], row["ended_at"]) for row in rows]


def test_many_who_complain_are_a_crisis_that_rings_once_and_makes_all_that_is_open_more_urgent(
    house: House,
) -> None:
    house.hears(comment("1", QUESTION), comment("news", NEWS, by="bob", addressed=False))
    house.wire.says(comment("new", QUESTION, by="zoe"))
    house.listen()  # and nobody has read it yet
    complaints(house, 5)
    house.sweep()
    assert rung(house) == ["5 people complained within 1h, usually 0.0"]
    assert house.paper.told[0].priority is Priority.CRISIS
    for name in ("1", "new"):
        row = house.mention(name)
        assert (row["priority"], row["due_at"]) == ("high", ms(START + 2 * HOUR))
        assert house.events(name).count("raised") == 1
    assert house.mention("news")["priority"] == "normal"
    house.triage()
    house.hears(comment("2", QUESTION, by="late"))
    for name in ("new", "2"):
        assert (house.mention(name)["priority"], house.mention(name)["due_at"]) == (
            "high", ms(START + 2 * HOUR))  # fmt: skip
    for _ in range(3):
        house.clock.forward(minutes=5)
        house.sweep()
    assert len(rung(house)) == 1
    assert len(crises(house)) == 1
    found = house.audit()
    assert (found["problems"], found["promises"]["wrong"]) == ([], 0)


def test_they_ring_by_their_new_ladder(house: House) -> None:
    house.hears(comment("1", QUESTION))
    complaints(house, 5)
    house.sweep()
    house.desk.acknowledge_key("crisis", "Léa")
    house.paper.told.clear()
    heard = []
    while house.clock() < START + 2 * HOUR:
        house.clock.forward(minutes=10)
        house.sweep()
        heard += [house.clock() - START] * any(
            call.reason.startswith("6 at once") for call in house.paper.told
        )
        house.paper.told.clear()
    assert heard == [HOUR, 2 * HOUR]


def test_it_ends_when_nothing_like_it_was_seen_for_so_long_and_promises_stay_as_tight(house: House) -> None:
    house.hears(comment("1", QUESTION))
    complaints(house, 5)
    house.sweep()
    house.clock.forward(hours=1, minutes=59)
    house.sweep()
    assert crises(house)[0][1] is None
    house.clock.forward(minutes=2)
    house.sweep()
    assert crises(house)[0][1] == ms(house.clock())
    assert not house.rows("SELECT 1 FROM escalations WHERE key = 'crisis' AND closed_at IS NULL")
    assert house.mention("1")["due_at"] == ms(START + 2 * HOUR)
    house.hears(comment("2", QUESTION, by="late", posted_at=house.clock()))
    assert house.mention("2")["priority"] == "normal"
    kinds = [row["kind"] for row in house.rows("SELECT kind FROM events WHERE source = 'crisis'")]
    assert (kinds[0], kinds[1], kinds[-2:]) == (
        "crisis_began", "escalated", ["crisis_ended", "escalation_closed"])  # fmt: skip


def test_people_are_counted_and_not_posts(house: House) -> None:
    complaints(house, 20, people=4)
    house.sweep()
    assert (rung(house), crises(house)) == ([], [])


def test_certain_words_are_a_crisis(house: House) -> None:
    house.hears(comment("1", LEAK))
    house.sweep()
    assert rung(house) == []
    house.clock.forward(minutes=2)
    house.hears(comment("2", LEAK, by="bob", posted_at=house.clock()))
    house.sweep()
    assert rung(house) == ["words of a crisis"]


def test_what_is_usual_is_no_crisis(house: House) -> None:
    for _ in range(60):  # 4 an hour, for days
        complaints(house, 4)
        house.clock.forward(hours=1)
        house.sweep()
    assert crises(house) == []
    complaints(house, 8)  # twice as many as usual
    house.clock.forward(minutes=1)
    house.sweep()
    assert crises(house) == []
    complaints(house, 15)
    house.clock.forward(minutes=1)
    house.sweep()
    ((threshold, _),) = crises(house)
    assert 12 <= threshold <= 15  # three times as many


def test_a_crisis_outlives_a_restart_and_is_not_told_anew(house: House, tmp_path: Path) -> None:
    complaints(house, 5)
    house.sweep()
    house.app.watch.store.close()
    again = build_house(tmp_path, config=CONFIG, clock=house.clock)
    again.clock.forward(minutes=5)
    again.sweep()
    assert (rung(again), len(crises(again))) == ([], 1)
    again.hears(comment("2", QUESTION, by="late", posted_at=again.clock()))
    assert again.mention("2")["priority"] == "high"


def test_what_its_author_edits_into_thanks_is_no_complaint_any_more(house: House) -> None:
    complaints(house, 1)
    [row] = house.rows("SELECT remote_id, sign FROM mentions")
    assert row["sign"] == 1
    house.hears(comment(row["remote_id"], QUESTION, by="p0"))
    assert house.row("SELECT sign FROM mentions")["sign"] is None
