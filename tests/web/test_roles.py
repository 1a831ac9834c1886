"""Who may do what is decided at the desk, in the verb's own transaction: whatever the surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.actions import actions_for
from bot.errors import NotAllowed
from bot.models import Process, State
from bot.roles import Role
from bot.store import ms, users
from tests.support.house import QUESTION, House, build_house, comment
from tests.support.signed_in import signed_in
from tests.web.test_conversation import text, version


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(tmp_path, extra="rules: []")
    built.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    yield built
    built.app.watch.store.close()


def draft(house: House) -> int:
    return int(house.replies("1", "draft")[0]["id"])


def seen(house: House) -> int:
    return version(house)


VERBS: dict[str, Callable[[House, str], object]] = {
    "approve": lambda h, who: h.desk.approve(draft(h), seen(h), who),
    "edit": lambda h, who: h.desk.edit(1, None, "Bonjour", seen(h), who),
    "answer": lambda h, who: h.desk.answer(1, None, "Bonjour", seen(h), who),
    "reject": lambda h, who: h.desk.reject(draft(h), seen(h), who),
    "assign": lambda h, who: h.desk.assign(1, "Zoé", seen(h), who),
    "exempt": lambda h, who: h.desk.exempt(1, "spam", seen(h), who),
    "escalate": lambda h, who: h.desk.escalate(1, "call", seen(h), who),
    "handover": lambda h, who: h.desk.hand_over(1, Process.SALES, seen(h), who),
    "correct": lambda h, who: h.desk.correct(1, {"sentiment": "neutral"}, seen(h), who),
    "outcome": lambda h, who: h.desk.outcome(1, "resolved", who),
    "note": lambda h, who: h.desk.note(1, "Vue.", who),
    "link": lambda h, who: h.desk.link(1, 2, who),
    "unlink": lambda h, who: h.desk.unlink(1, 2, who),
    "acknowledge": lambda h, who: h.desk.acknowledge(1, who),
    "acknowledge_key": lambda h, who: h.desk.acknowledge_key("source:blog", who),
    "confirm": lambda h, who: h.desk.confirm(1, "https://x.example/1", seen(h), who),
    "resolve": lambda h, who: h.desk.resolve(draft(h), "discard", seen(h), who),
    "reopen": lambda h, who: h.desk.reopen(1, seen(h), who),
    "judge": lambda h, who: h.desk.judge(1, seen(h), who, right=True),
}


def add(house: House, name: str, role: Role) -> None:
    with house.app.watch.store.tx() as tx:
        users.add(tx, name, role, ms(house.clock()))


def everything(house: House) -> list[tuple[object, ...]]:
    tables = ("mentions", "conversations", "replies", "escalations", "events", "notes", "persons")
    return [tuple(row) for table in tables for row in house.rows(f"SELECT * FROM {table}")]


@pytest.mark.parametrize("verb", VERBS)
def test_a_viewer_may_do_nothing_whatever_the_surface(house: House, verb: str) -> None:
    add(house, "Vera", Role.VIEWER)
    before = everything(house)
    with pytest.raises(NotAllowed, match=r"the role of Vera \(viewer\) does not allow this"):
        VERBS[verb](house, "Vera")
    assert everything(house) == before


@pytest.mark.parametrize("verb", VERBS)
def test_who_has_left_may_do_nothing(house: House, verb: str) -> None:
    add(house, "Ada", Role.ADMIN)
    add(house, "Gone", Role.ADMIN)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE users SET left_at = 1 WHERE name = 'Gone'")
    before = everything(house)
    with pytest.raises(NotAllowed, match="Gone has left"):
        VERBS[verb](house, "Gone")
    assert everything(house) == before


@pytest.mark.parametrize("verb", ["reopen", "judge"])
def test_what_undoes_a_decision_asks_for_a_lead(house: House, verb: str) -> None:
    add(house, "Ada", Role.AGENT)
    house.desk.exempt(1, "spam", seen(house), "Léa")
    with pytest.raises(NotAllowed):
        VERBS[verb](house, "Ada")
    add(house, "Lou", Role.LEAD)
    house.desk.reopen(1, seen(house), "Lou")
    assert house.mention("1")["state"] == "waiting"


def test_an_agent_does_the_day_and_a_name_without_a_user_is_one_of_the_command_line(house: House) -> None:
    add(house, "Ada", Role.AGENT)
    for who in ("Ada", "root"):
        for verb in ("note", "assign", "correct", "outcome", "handover", "escalate", "acknowledge"):
            VERBS[verb](house, who)
    assert house.audit()["balanced"]


def test_a_role_that_is_taken_away_holds_from_the_next_verb_on(house: House) -> None:
    ada = signed_in(house, "agent", "Ada")
    page = ada.get("/mentions/1")
    assert "Approve and send" in text(page)
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE users SET role = 'viewer' WHERE name = 'Ada'")
    fields = {"reply": draft(house), "seen": seen(house), "do": "approve"}
    assert ada.post("/mentions/1/answer", **fields).status_code == 403
    assert house.mention("1")["state"] == "waiting"


def test_what_is_offered_is_what_the_role_allows(house: House) -> None:
    row = house.mention("1")
    assert actions_for(row, Role.VIEWER) == ()
    assert "approve" in actions_for(row, Role.AGENT)
    house.desk.exempt(1, "spam", seen(house), "Léa")
    closed = house.mention("1")
    assert closed["state"] == State.EXEMPTED
    assert "reopen" not in actions_for(closed, Role.AGENT)
    assert "reopen" in actions_for(closed, Role.LEAD)
    assert actions_for(closed) == actions_for(closed, Role.ADMIN)
