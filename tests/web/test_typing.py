"""What is typed is never lost: kept on the server, per user and draft, until it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import events, ms, typing
from tests.support.house import QUESTION, House, build_house, comment
from tests.support.signed_in import Visitor, signed_in
from tests.web.test_conversation import text, version


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build_house(tmp_path, extra="rules: []")
    built.hears(comment("1", QUESTION))
    yield built
    built.app.watch.store.close()


def first(house: House) -> int:
    return int(house.replies("1", "draft")[0]["id"])


def types(visitor: Visitor, house: House, text_: str, **fields: object) -> bool:
    """What the page's script sends every few seconds."""
    reply = fields.pop("reply") if "reply" in fields else first(house)
    known = {"reply": reply, "seen": version(house), "text": text_}
    return bool(visitor.post("/mentions/1/typing", **(known | fields)).json()["kept"])


def typed(house: House) -> list[str]:
    return [row["text"] for row in house.rows("SELECT text FROM typing ORDER BY reply_id")]


def test_what_was_typed_is_there_after_a_reload_and_on_another_machine(house: House) -> None:
    assert types(signed_in(house), house, "Bonjour Claire,\r\nle sa-")
    for machine in (signed_in(house), signed_in(house)):
        page = machine.get("/mentions/1").text
        assert ">\nBonjour Claire,\nle sa-</textarea>" in page
        assert "You had typed this; it was kept" in page
    assert "le sa-" not in signed_in(house, name="Malik").get("/mentions/1").text


def test_each_draft_and_each_user_has_its_own(house: House) -> None:
    lea, malik = signed_in(house), signed_in(house, name="Malik")
    types(lea, house, "un")
    types(lea, house, "zwei", reply="")
    types(malik, house, "trois")
    assert sorted(typed(house)) == ["trois", "un", "zwei"]
    assert "zwei</textarea>" in lea.get("/mentions/1").text
    assert "zwei" not in malik.get("/mentions/1").text


def test_a_session_that_ends_while_somebody_types_loses_nothing(house: House) -> None:
    lea = signed_in(house)
    with house.app.watch.store.tx() as tx:
        tx.run("DELETE FROM sessions")
    late = lea.post(
        "/mentions/1/answer", reply=first(house), seen=version(house), do="save", text="le samedi"
    )
    assert late.status_code == 403
    assert "le samedi" in late.text


def test_saving_or_sending_lets_go_of_what_was_kept(house: House) -> None:
    lea = signed_in(house)
    types(lea, house, "le samedi")
    fields = {"reply": first(house), "text": "le samedi"}
    lea.post("/mentions/1/answer", do="save", seen=version(house), **fields)
    assert typed(house) == []
    types(lea, house, "le dimanche")
    types(lea, house, "ou lundi", reply="")
    lea.post("/mentions/1/answer", do="approve", seen=version(house), **fields)
    assert typed(house) == []


def test_what_the_script_sends_late_is_not_kept_beside_what_it_became(house: House) -> None:
    lea = signed_in(house)
    number = first(house)
    lea.post("/mentions/1/answer", do="approve", reply=number, seen=version(house), text="le samedi")
    assert not types(lea, house, "le samedi", reply=number)
    assert typed(house) == []


def test_an_empty_text_and_a_button_let_go_of_it(house: House) -> None:
    lea = signed_in(house)
    types(lea, house, "le samedi")
    assert not types(lea, house, "  ")
    types(lea, house, "le samedi")
    lea.post("/mentions/1/answer", do="forget", reply=first(house), seen=version(house))
    assert typed(house) == []


def test_whoever_comes_second_reads_who_answered_when_and_what_and_keeps_their_text(house: House) -> None:
    lea, malik = signed_in(house), signed_in(house, name="Malik")
    seen, number = version(house), first(house)
    types(lea, house, "Le samedi, de 9 h")
    house.clock.forward(minutes=3)
    fields = {"reply": number, "seen": seen, "do": "approve"}
    malik.post("/mentions/1/answer", **fields, text="À neuf heures. Bon week-end !")
    second = lea.post("/mentions/1/answer", **fields, text="Le samedi, de 9 h à midi.")
    page = lea.follow(second)
    told = text(page)
    assert "Malik approved a reply at 10/03/2026, 09:03" in told
    assert "Your text is kept below." in told
    assert "Malik answered while you were writing" in told
    assert "À neuf heures. Bon week-end !" in told
    assert "Le samedi, de 9 h à midi.</textarea>" in page.text
    house.deliver()
    assert [reply.text for reply in house.paper.published] == ["À neuf heures. Bon week-end !"]


def test_two_who_press_the_same_button_send_one_reply(house: House) -> None:
    lea, malik = signed_in(house), signed_in(house, name="Malik")
    fields = {"reply": first(house), "seen": version(house), "do": "approve"}
    answers = [visitor.post("/mentions/1/answer", **fields) for visitor in (lea, malik)]
    house.deliver()
    assert len(house.paper.published) == 1
    assert "Léa approved a reply" in text(malik.follow(answers[1]))


def test_a_draft_that_changed_meanwhile_is_shown_beside_what_was_typed(house: House) -> None:
    lea, number = signed_in(house), first(house)
    base = events.digest(house.replies("1", "draft")[0]["text"])
    types(lea, house, "le samedi", base=base)
    house.desk.edit(1, number, "Le dimanche.", version(house), "Malik")
    page = lea.get("/mentions/1")
    told = text(page)
    assert "Somebody changed this draft since you began to type" in told
    assert "Le dimanche." in told
    assert ">\nle samedi</textarea>" in page.text
    again = lea.post(
        "/mentions/1/answer", do="approve", reply=number, seen=version(house) - 1, text="le samedi"
    )
    assert "Malik edited the draft" in text(lea.follow(again))
    lea.post("/mentions/1/answer", do="approve", reply=number, seen=version(house), text="le samedi")
    house.deliver()
    assert [reply.text for reply in house.paper.published] == ["le samedi"]


def test_what_was_typed_into_a_draft_that_is_gone_can_be_kept_as_a_new_one(house: House) -> None:
    lea, number = signed_in(house), first(house)
    types(lea, house, "le samedi")
    house.desk.reject(number, version(house), "Malik")
    page = lea.get("/mentions/1")
    assert "What you had typed" in text(page)
    lea.post("/mentions/1/answer", do="save", reply="", typed=number, seen=version(house), text="le samedi")
    assert typed(house) == []
    assert house.replies("1", "draft")[-1]["text"] == "le samedi"


def test_what_is_typed_goes_with_what_its_author_deletes(house: House) -> None:
    lea, number = signed_in(house), first(house)
    types(lea, house, "Chère Claire")
    house.hears(deleted=["1"])
    assert typed(house) == []
    assert not types(lea, house, "Chère Claire", reply=number)


def test_nothing_is_kept_for_what_is_not_there(house: House) -> None:
    lea, now = signed_in(house), ms(house.clock())
    with house.app.watch.store.tx() as tx:
        assert not typing.keep(tx, 99, None, lea.user_id, "x", 1, now)
        assert not typing.keep(tx, 1, 99, lea.user_id, "x", 1, now)
    assert lea.post("/mentions/1/typing", reply=99, text="x").status_code == 409
    assert typed(house) == []


def test_what_nobody_came_back_to_for_a_month_is_let_go(house: House) -> None:
    lea = signed_in(house)
    types(lea, house, "le samedi")
    house.clock.forward(days=31)
    types(signed_in(house), house, "ou lundi", reply="")
    assert typed(house) == ["ou lundi"]


def test_a_text_of_any_kind_comes_back_as_it_was(house: House) -> None:
    lea = signed_in(house)
    for wild in ("</textarea><script>", "\n\nzwei", "{{ x }}", "\u202eabc", "a" * 100_000):
        types(lea, house, wild)
        assert typed(house) == [wild]
        page = lea.get("/mentions/1").text
        assert "</textarea><script>" not in page
