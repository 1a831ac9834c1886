"""The desk: what each verb does, what it refuses, and that it tells who was first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.desk import ACTIONS, Desk, actions_for
from bot.errors import Conflict, NotPossible, Refused, Unsure
from bot.models import Process, State
from bot.steps.listen import hear
from bot.store import ms, open_store
from tests.support.house import ANGRY, CONFIG, QUESTION, START, THANKS, House, build_house, comment

LINK = "https://blog.example/1#x"
# Sales answers faster than service: handing over may tighten a promise.
FAST_SALES = """
rules: []
promises:
  targets:
    - {process: sales, answer_within: 2h}
    - {answer_within: 8h}
"""
Verb = Callable[[House, int], None]
VERBS: dict[str, Verb] = {
    "approve": lambda h, seen: h.desk.approve(h.replies("1")[0]["id"], seen, "Léa"),
    "edit": lambda h, seen: h.desk.edit(1, h.replies("1")[0]["id"], "Autrement dit", seen, "Léa"),
    "write": lambda h, seen: h.desk.edit(1, None, "Bonjour", seen, "Léa"),
    "reject": lambda h, seen: h.desk.reject(h.replies("1")[0]["id"], seen, "Léa"),
    "assign": lambda h, seen: h.desk.assign(1, "Marc", seen, "Léa"),
    "exempt": lambda h, seen: h.desk.exempt(1, "spam", seen, "Léa"),
    "escalate": lambda h, seen: h.desk.escalate(1, "call her", seen, "Léa"),
    "hand_over": lambda h, seen: h.desk.hand_over(1, Process.SALES, seen, "Léa"),
}
TOLD = {
    "approve": "Léa approved a reply", "edit": "Léa edited the draft", "write": "Léa wrote a draft",
    "reject": "Léa put a draft aside", "assign": "Léa assigned it",
    "exempt": "Léa closed it without an answer", "escalate": "Léa escalated it",
    "hand_over": "Léa handed it over",
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Without rules, so that nothing here hangs on how a text is tagged."""
    built = build_house(tmp_path, extra="rules: []")
    yield built
    built.app.watch.store.close()


def version(house: House, remote_id: str = "1") -> int:
    return int(house.mention(remote_id)["version"])


def everything(house: House) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for table in ("mentions", "conversations", "replies", "escalations", "events")
        for row in house.rows(f"SELECT * FROM {table}")
    ]


# --- Who was first -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", VERBS)
def test_whoever_comes_second_is_told_who_was_first_and_when_and_changes_nothing(
    house: House, first: str
) -> None:
    house.hears(comment("1", QUESTION))
    seen = version(house)
    VERBS[first](house, seen)
    after = everything(house)
    for verb in VERBS.values():
        with pytest.raises(Conflict) as told:
            verb(house, seen)
        at = START.astimezone().strftime("%H:%M:%S")
        assert str(told.value) == f"{TOLD[first]} at {at}; look again before you act"
    assert everything(house) == after


@pytest.mark.parametrize(
    ("meanwhile", "told"),
    [
        (lambda h: h.hears(comment("2", "Allô ?", in_reply_to="1")), "the person wrote again"),
        (lambda h: h.hears(comment("1", "Non, rien.")), "the person edited what they wrote"),
        (lambda h: h.hears(deleted=["1"]), "the person deleted what they wrote"),
        (lambda h: h.hears(comment("9", "À 9 h", own=True, in_reply_to="1")),
         "somebody answered on the network"),
        (lambda h: (h.clock.forward(hours=5), h.sweep()), "it was escalated"),
        (lambda h: (h.approve("1", "Marc"), h.deliver()), "Marc approved a reply"),
    ],
    ids=["wrote", "edited", "deleted", "native answer", "alarm", "sent"],
)  # fmt: skip
def test_what_happened_meanwhile_is_told_in_words(
    house: House, meanwhile: Callable[[House], None], told: str
) -> None:
    house.hears(comment("1", QUESTION))
    seen, draft = version(house), house.replies("1")[0]["id"]
    meanwhile(house)
    with pytest.raises(Conflict, match=f"^{told} at "):
        house.desk.approve(draft, seen, "Léa")


def test_two_people_in_one_thread_do_not_get_in_each_others_way(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob", in_reply_to="1"))
    seen = version(house, "2")
    house.desk.assign(house.mention("1")["id"], "Marc", version(house, "1"), "Léa")
    house.desk.assign(house.mention("2")["id"], "Zoé", seen, "Léa")


# --- Where each verb fits ------------------------------------------------------------------------


def in_state(house: House, state: State) -> None:
    """Bring mention 1 into a state by the way that people and networks do it."""
    house.hears(comment("1", QUESTION))

    def answer() -> None:
        house.approve("1")
        house.deliver()

    ways: dict[State, Callable[[], object]] = {
        State.WAITING: lambda: None,
        State.ESCALATED: lambda: house.desk.escalate(1, "call her", version(house), "Léa"),
        State.ANSWERING: lambda: house.approve("1"),
        State.ANSWERED: answer,
        State.EXEMPTED: lambda: house.desk.exempt(1, "spam", version(house), "Léa"),
        State.DELETED: lambda: house.hears(deleted=["1"]),
    }
    ways[state]()
    assert house.mention("1")["state"] == state


@pytest.mark.parametrize("state", [s for s in State if s not in (State.NEW, State.IGNORED)])
def test_what_the_desk_offers_is_what_it_does(house: House, state: State) -> None:
    in_state(house, state)
    offered = {name.replace("handover", "hand_over") for name in actions_for(house.mention("1"))}
    for name in ("assign", "exempt", "escalate", "hand_over", "write"):
        before = everything(house)
        wanted = "edit" if name == "write" else name
        if wanted in offered:
            continue
        with pytest.raises(NotPossible, match=rf"^mention 1 is {state}: .* at \d\d:\d\d:\d\d$"):
            VERBS[name](house, version(house))
        assert everything(house) == before
    for name in ("assign", "hand_over", "escalate", "exempt"):
        if name in offered:
            VERBS[name](house, version(house))


def test_every_state_has_its_verbs() -> None:
    assert set(ACTIONS) == set(State)


def test_only_a_draft_is_approved_edited_or_rejected(house: House) -> None:
    house.hears(comment("1", QUESTION))
    first, second = (row["id"] for row in house.replies("1", "draft")[:2])
    house.desk.reject(first, version(house), "Léa")
    acts: list[Callable[[], None]] = [
        lambda: house.desk.approve(first, version(house), "Léa"),
        lambda: house.desk.edit(1, first, "Non", version(house), "Léa"),
        lambda: house.desk.reject(first, version(house), "Léa"),
    ]
    for act in acts:
        with pytest.raises(NotPossible, match=f"reply {first} is discarded, not a draft"):
            act()
    house.desk.approve(second, version(house), "Léa")
    with pytest.raises(NotPossible, match="mention 1 is answering: Léa approved a reply"):
        house.desk.approve(second, version(house), "Marc")


@pytest.mark.parametrize("verb", ["approve", "reject", "resolve"])
def test_what_does_not_exist_is_not_possible(house: House, verb: str) -> None:
    more = ("sent",) if verb == "resolve" else ()
    with pytest.raises(NotPossible, match="there is no reply 77"):
        getattr(house.desk, verb)(77, *more, 1, "Léa")
    with pytest.raises(NotPossible, match="there is no mention 77"):
        house.desk.assign(77, "Marc", 1, "Léa")


@pytest.mark.parametrize("nobody", ["", "  ", "Léa\nevent", "L\x1b[2Jéa", "\udcff"])
@pytest.mark.parametrize("verb", [*VERBS, "acknowledge", "acknowledge_key"])
def test_nothing_is_done_in_the_name_of_nobody(house: House, verb: str, nobody: str) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.escalate(1, "call her", version(house), "Léa")
    as_nobody = House(house.app, house.clock, house.wire, house.paper)
    before = everything(house)
    acts: dict[str, Callable[[], None]] = {
        "acknowledge": lambda: as_nobody.desk.acknowledge(1, nobody),
        "acknowledge_key": lambda: as_nobody.desk.acknowledge_key("mention:1", nobody),
        "approve": lambda: as_nobody.desk.approve(house.replies("1")[0]["id"], version(house), nobody),
        "edit": lambda: as_nobody.desk.edit(1, house.replies("1")[0]["id"], "Oui", version(house), nobody),
        "write": lambda: as_nobody.desk.edit(1, None, "Oui", version(house), nobody),
        "reject": lambda: as_nobody.desk.reject(house.replies("1")[0]["id"], version(house), nobody),
        "assign": lambda: as_nobody.desk.assign(1, "Marc", version(house), nobody),
        "exempt": lambda: as_nobody.desk.exempt(1, "spam", version(house), nobody),
        "escalate": lambda: as_nobody.desk.escalate(1, "oui", version(house), nobody),
        "hand_over": lambda: as_nobody.desk.hand_over(1, Process.SALES, version(house), nobody),
    }
    with pytest.raises(NotPossible, match="give the name of who decides it"):
        acts[verb]()
    assert everything(house) == before


# --- Approve -------------------------------------------------------------------------------------


def test_nobody_approves_what_nobody_could_carry(house: House) -> None:
    hear(house.app.watch, "import", [comment("1", QUESTION)])
    house.triage()
    told = "nobody carries replies to blog: answer there by hand, then `vigie exempt 1 answered_elsewhere`"
    with pytest.raises(NotPossible, match=told):
        house.approve("1")


def test_nobody_approves_for_a_responder_that_left_the_config(tmp_path: Path) -> None:
    house = build_house(tmp_path)
    house.hears(comment("1", QUESTION))
    house.app.watch.store.close()
    (tmp_path / "config.yaml").unlink()
    later = build_house(tmp_path, config="""
        brand: {name: Banque Azur}
        responders: {other: {type: console}}
    """)  # fmt: skip
    with pytest.raises(NotPossible, match="responder paper is no longer in the config"):
        later.approve("1")
    later.app.watch.store.close()


def test_nothing_is_approved_while_an_earlier_reply_may_already_stand_there(house: House) -> None:
    house.hears(comment("1", QUESTION))
    first = house.approve("1")
    house.paper.next_, house.paper.published_all_the_same = [Unsure("dropped")], True
    house.deliver()
    house.hears(deleted=["1"])
    house.hears(comment("1", QUESTION))  # its author restored it
    house.desk.edit(1, None, "Bonjour Claire", version(house), "Léa")
    with pytest.raises(NotPossible, match=f"reply {first} is unsure: it must be settled first"):
        house.approve("1")


@pytest.mark.timeout(120)
def test_500_times_two_approvers_at_once_are_500_sends_and_500_times_told_who_won(
    house: House, tmp_path: Path
) -> None:
    races = 500
    for page in range(0, races, 100):
        house.hears(*(comment(str(n), QUESTION, by=f"p{n}") for n in range(page, page + 100)))
    drafts = house.rows(
        "SELECT MIN(r.id) AS id, c.version FROM replies r JOIN conversations c ON c.id = r.conversation_id"
        " GROUP BY r.mention_id ORDER BY 1"
    )
    others_store = open_store(f"sqlite:///{tmp_path / 'vigie.db'}")
    desks = {"Léa": house.desk, "Marc": Desk(others_store, house.app.watch.settings, house.clock)}
    outcomes: dict[str, list[str]] = {name: [] for name in desks}
    start = threading.Barrier(2)

    def approve_all(name: str) -> None:
        for draft in drafts:
            start.wait()
            try:
                desks[name].approve(draft["id"], draft["version"], name)
                outcomes[name].append("won")
            except Conflict as conflict:
                outcomes[name].append(str(conflict))

    threads = [threading.Thread(target=approve_all, args=(name,)) for name in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others_store.close()
    for lea, marc in zip(outcomes["Léa"], outcomes["Marc"], strict=True):
        assert (lea == "won") != (marc == "won")
        assert marc.startswith("Léa approved a reply at") or lea.startswith("Marc approved a reply at")
    house.deliver()
    assert len(house.paper.published) == races
    assert house.audit()["answered"] == races
    assert house.audit()["balanced"]


# --- Edit and reject -----------------------------------------------------------------------------


def test_an_edited_draft_is_what_goes_out_and_the_log_keeps_both_as_hashes(house: House) -> None:
    house.hears(comment("1", QUESTION))
    draft = house.replies("1", "draft")[0]
    house.desk.edit(1, draft["id"], "À 9 h, Claire.", version(house), "Léa")
    house.desk.approve(draft["id"], version(house), "Marc")
    house.deliver()
    assert [r.text for r in house.paper.published] == ["À 9 h, Claire."]
    edited = house.row("SELECT * FROM events WHERE kind = 'draft_edited'")
    assert edited["actor"] == "Léa"
    assert set(json.loads(edited["data"])) == {"before", "text"}
    assert "Claire" not in edited["data"]


def test_a_draft_that_somebody_edited_meanwhile_is_not_approved_unread(house: House) -> None:
    house.hears(comment("1", QUESTION))
    seen, draft = version(house), house.replies("1", "draft")[0]["id"]
    house.desk.edit(1, draft, "Autre chose", seen, "Marc")
    with pytest.raises(Conflict, match="Marc edited the draft"):
        house.desk.approve(draft, seen, "Léa")
    house.deliver()
    assert house.paper.published == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the text is empty"),
        (" \n\t", "the text is empty"),
        ("avant \udcff après", "no network takes"),
        ("avant \x00 après", "no network takes"),
    ],
)
def test_a_text_that_cannot_be_sent_is_no_draft(house: House, text: str, told: str) -> None:
    house.hears(comment("1", QUESTION))
    for reply in (None, house.replies("1")[0]["id"]):
        with pytest.raises(NotPossible, match=told):
            house.desk.edit(1, reply, text, version(house), "Léa")


def test_a_text_too_long_for_its_network_is_refused_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_PASSWORD", "open sesame")
    house = build_house(tmp_path, config="""
        brand: {name: Banque Azur}
        listeners: {blog: {type: replay, path: none.jsonl, responder: wp}}
        responders:
          wp: {type: wordpress, url: "http://127.0.0.1:9", username: u, password: "${BLOG_PASSWORD}"}
    """)  # fmt: skip
    house.hears(comment("1", QUESTION))
    for reply in (None, house.replies("1")[0]["id"]):
        with pytest.raises(NotPossible, match="the text is too long: 65526 bytes, wp takes 65525"):
            house.desk.edit(1, reply, "é" * 32_763, version(house), "Léa")
    house.desk.edit(1, None, "x" * 65_525, version(house), "Léa")
    house.app.watch.store.close()


def test_a_reply_of_one_person_cannot_be_edited_in_the_name_of_another(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS, by="bob"))
    (theirs, *_) = house.replies("2")
    with pytest.raises(NotPossible, match=f"reply {theirs['id']} belongs to mention 2"):
        house.desk.edit(1, theirs["id"], "Glissé", version(house, "1"), "Léa")
    assert house.replies("2")[0]["text"] == theirs["text"]


def test_a_rejected_draft_leaves_the_person_waiting_under_the_same_promise(house: House) -> None:
    house.hears(comment("1", QUESTION))
    before = house.mention("1")
    for draft in house.replies("1", "draft"):
        house.desk.reject(draft["id"], version(house), "Léa")
    after = house.mention("1")
    assert (after["state"], after["due_at"], after["alarm_at"]) == (
        "waiting", before["due_at"], before["alarm_at"])  # fmt: skip
    house.desk.edit(1, None, "Bonjour Claire", version(house), "Léa")
    house.approve("1")
    house.deliver()
    assert house.paper.published[0].text == "Bonjour Claire"


def test_a_refused_reply_may_be_put_aside(house: House) -> None:
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")
    house.paper.next_ = [Refused("comments are closed")]
    house.deliver()
    house.desk.reject(reply, version(house), "Léa")
    assert house.replies("1", "refused") == []
    assert house.mention("1")["state"] == "escalated"


# --- What stops no clock -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["assign", "hand_over", "escalate", "write", "edit", "reject", "approve"])
def test_no_verb_but_an_exemption_stops_the_clock(house: House, verb: str) -> None:
    house.hears(comment("1", QUESTION))
    before = house.mention("1")
    VERBS[verb](house, version(house))
    after = house.mention("1")
    assert (after["due_at"], after["alarm_at"], after["ended_at"]) == (
        before["due_at"], before["alarm_at"], None)  # fmt: skip
    house.clock.forward(hours=9)
    house.sweep()
    assert house.audit()["overdue"] == 1
    assert "overdue" in [call.reason for call in house.paper.told]


def test_an_acknowledgement_stops_the_ringing_and_not_the_clock(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.clock.forward(hours=4)
    house.sweep()
    house.desk.acknowledge(1, "Léa")
    with pytest.raises(NotPossible, match="nothing rings for mention 1"):
        house.desk.acknowledge(1, "Marc")
    with pytest.raises(NotPossible, match="nothing called 'source:moon' rings"):
        house.desk.acknowledge_key("source:moon", "Léa")
    house.clock.forward(hours=5)
    assert house.audit()["overdue"] == 1


def test_taking_back_an_assignment(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.assign(1, "Marc", version(house), "Léa")
    house.desk.assign(1, "", version(house), "Marc")
    assert house.mention("1")["assignee"] == ""
    with pytest.raises(NotPossible, match="give a name"):
        house.desk.assign(1, "Ma\nrc", version(house), "Léa")


# --- Hand over -----------------------------------------------------------------------------------


def test_handing_over_may_tighten_a_promise_and_its_alarms_with_it(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=FAST_SALES)
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["due_at"] == ms(START + timedelta(hours=8))
    house.desk.hand_over(1, Process.SALES, version(house), "Léa")
    assert house.mention("1")["due_at"] == ms(START + timedelta(hours=2))
    house.clock.forward(hours=1)
    house.sweep()
    assert [c.reason for c in house.paper.told if c.mention_id] == ["due soon"]
    house.clock.forward(hours=1)
    house.sweep()
    assert [c.reason for c in house.paper.told if c.mention_id] == ["due soon", "overdue"]
    data = json.loads(house.row("SELECT data FROM events WHERE kind = 'handed_over'")["data"])
    assert data["process"] == "sales"
    assert data["due_at"] == ms(START + timedelta(hours=2))


def test_handing_over_never_loosens_a_promise_nor_its_alarms(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=FAST_SALES)
    house.hears(comment("1", QUESTION))
    house.desk.hand_over(1, Process.SALES, version(house), "Léa")
    house.desk.hand_over(1, Process.PRODUCT, version(house), "Marc")
    assert house.mention("1")["due_at"] == ms(START + timedelta(hours=2))
    rings = []
    for _ in range(12 * 4):
        house.clock.forward(minutes=15)
        house.sweep()
        rings += [(house.clock() - START, c.reason) for c in house.paper.told if c.mention_id]
        house.paper.told.clear()
    assert rings[:3] == [
        (timedelta(hours=1), "due soon"), (timedelta(hours=2), "overdue"), (timedelta(hours=3), "overdue")
    ]  # fmt: skip


def test_a_late_hand_over_to_a_faster_process_rings_at_once(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=FAST_SALES)
    house.hears(comment("1", QUESTION))
    house.clock.forward(hours=3, minutes=30)
    house.desk.hand_over(1, Process.SALES, version(house), "Léa")
    house.sweep()
    (call,) = [c for c in house.paper.told if c.mention_id]
    assert call.reason == "overdue"


# --- Escalate ------------------------------------------------------------------------------------


def test_what_a_human_escalates_rings_now_with_the_reason(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.escalate(1, "the press asks too", version(house), "Léa")
    house.sweep()
    (call,) = house.paper.told
    assert (call.reason, call.subject, call.text) == ("the press asks too", "by Léa", QUESTION)
    assert house.mention("1")["state"] == "escalated"


def test_escalated_by_hand_it_rings_anew_though_somebody_acknowledged_it_before(house: House) -> None:
    house.hears(comment("1", QUESTION))
    for times in (1, 2, 3):
        house.desk.escalate(1, "call her", version(house), "Léa")
        house.sweep()
        assert len(house.paper.told) == times
        house.desk.acknowledge(1, "Marc")
        house.sweep()
        assert len(house.paper.told) == times


def test_a_refusal_rings_though_the_anger_was_acknowledged(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.escalate(1, "call her", version(house), "Léa")
    house.sweep()
    house.desk.acknowledge(1, "Léa")
    house.approve("1")
    house.paper.next_ = [Refused("comments are closed")]
    house.deliver()
    house.sweep()
    assert [c.reason for c in house.paper.told] == ["call her", "comments are closed"]


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "\x1b[2J"])
def test_an_escalation_needs_a_reason(house: House, reason: str) -> None:
    house.hears(comment("1", QUESTION))
    with pytest.raises(NotPossible, match="give a reason"):
        house.desk.escalate(1, reason, version(house), "Léa")


# --- Exempt and reopen ---------------------------------------------------------------------------


def test_an_exemption_has_a_name_a_reason_and_a_line_in_the_books(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"))
    house.sweep()
    house.desk.exempt(2, "abuse", version(house, "2"), "Léa")
    found = house.audit()
    assert (found["exempted"], found["open"], found["exemptions"]) == (1, 1, {"abuse": 1})
    assert found["balanced"]
    assert found["answer_rate"] == {"all": 0.0, "after_exemptions": 0.0}
    event = house.row("SELECT * FROM events WHERE kind = 'exempted'")
    assert (event["actor"], json.loads(event["data"])) == ("Léa", {"reason": "abuse"})
    assert {r["state"] for r in house.replies("2")} == {"discarded"}
    assert house.rows("SELECT 1 FROM escalations WHERE mention_id = 2 AND closed_at IS NULL") == []


@pytest.mark.parametrize("reason", ["", "because", "Spam", "spam "])
def test_an_exemption_for_any_other_reason_is_refused_with_the_list(house: House, reason: str) -> None:
    house.hears(comment("1", QUESTION))
    with pytest.raises(NotPossible, match="known are: no_answer_needed, spam, abuse"):
        house.desk.exempt(1, reason, version(house), "Léa")
    assert house.audit()["open"] == 1


def test_the_short_list_is_the_houses_own(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="exemptions: [legal]")
    house.hears(comment("1", QUESTION))
    with pytest.raises(NotPossible, match="known are: legal"):
        house.desk.exempt(1, "spam", version(house), "Léa")
    house.desk.exempt(1, "legal", version(house), "Léa")
    house.app.watch.store.close()


def test_no_exemption_while_a_reply_is_on_its_way(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    with pytest.raises(NotPossible, match="mention 1 is answering"):
        house.desk.exempt(1, "spam", version(house), "Léa")


def test_whoever_writes_again_after_an_exemption_is_owed_an_answer_again(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.exempt(1, "spam", version(house), "Léa")
    house.hears(comment("2", "Je ne suis pas un robot !", in_reply_to="1"))
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("exempted", "waiting")
    assert (house.audit()["exempted"], house.audit()["open"]) == (1, 1)


def test_a_reopened_address_waits_again_under_the_promise_it_had(house: House) -> None:
    house.hears(comment("1", QUESTION))
    due = house.mention("1")["due_at"]
    house.desk.exempt(1, "spam", version(house), "Léa")
    house.clock.forward(hours=20)
    house.sweep()
    assert [c for c in house.paper.told if c.mention_id] == []
    house.desk.reopen(1, version(house), "Marc")
    assert (house.mention("1")["state"], house.mention("1")["due_at"]) == ("waiting", due)
    assert house.audit()["overdue"] == 1
    assert house.audit()["balanced"]
    house.sweep()
    assert [c.reason for c in house.paper.told if c.mention_id] == ["overdue"]
    with pytest.raises(NotPossible, match=r"mention 1 is escalated: it was escalated at"):
        house.desk.reopen(1, version(house), "Marc")


# --- Resolve -------------------------------------------------------------------------------------


def in_doubt(house: House) -> int:
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")
    house.paper.next_, house.paper.find_raises = [Unsure("dropped")], Unsure("cannot look")
    house.deliver()
    house.clock.forward(seconds=11)
    house.sweep()
    return reply


def test_a_doubt_is_settled_with_a_link_or_not_at_all(house: House) -> None:
    reply = in_doubt(house)
    for link in ("", "javascript:alert(1)", "blog.example/1"):
        with pytest.raises(NotPossible, match="give the link under which the reply stands"):
            house.desk.resolve(reply, "sent", version(house), "Léa", link)
    with pytest.raises(NotPossible, match="say sent, again or discard"):
        house.desk.resolve(reply, "perhaps", version(house), "Léa")
    house.desk.resolve(reply, "sent", version(house), "Léa", LINK)
    with pytest.raises(NotPossible, match=f"reply {reply} is sent: nobody doubts it"):
        house.desk.resolve(reply, "sent", version(house), "Léa", LINK)
    assert house.audit()["escalated_unacknowledged"] == 0


def test_a_doubt_that_is_given_up_leaves_the_person_waiting(house: House) -> None:
    reply = in_doubt(house)
    house.desk.resolve(reply, "discard", version(house), "Léa")
    assert house.mention("1")["state"] == "waiting"
    assert house.audit()["open"] == 1
    house.deliver()
    assert house.paper.published == []


# --- Answered by hand ----------------------------------------------------------------------------


def test_what_was_answered_by_hand_is_confirmed_with_its_link_where_nothing_could_carry_it(
    tmp_path: Path,
) -> None:
    by_hand = build_house(tmp_path, CONFIG.replace("responder: paper", 'responder: ""'))
    by_hand.hears(comment("1", QUESTION))
    link = "https://reviews.example/banque-azur#r1"
    with pytest.raises(NotPossible, match="give the link"):
        by_hand.desk.confirm(1, "in the shop", version(by_hand), "Léa")

    by_hand.desk.confirm(1, link, version(by_hand), "Léa")

    assert by_hand.mention("1")["state"] == "answered"
    found = by_hand.audit()
    assert (found["answered"], found["open"], found["balanced"]) == (1, 0, True)
    event = by_hand.row("SELECT actor, data FROM events WHERE kind = 'confirmed'")
    assert (event["actor"], json.loads(event["data"])) == ("Léa", {"url": link})
    with pytest.raises(NotPossible, match="mention 1 is answered"):
        by_hand.desk.confirm(1, link, version(by_hand), "Marc")


def test_nobody_confirms_by_hand_what_a_responder_can_prove(house: House) -> None:
    house.hears(comment("1", QUESTION))
    with pytest.raises(NotPossible, match="go out through paper"):
        house.desk.confirm(1, "https://blog.example/1", version(house), "Léa")
    assert house.audit()["open"] == 1
