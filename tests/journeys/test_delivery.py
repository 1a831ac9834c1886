"""Delivery: exactly what was approved, once or not at all; and who is told when it cannot be."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from bot.errors import AuthFailed, Conflict, RateLimited, Refused, Retry, Unsure
from bot.models import Mention, Receipt, Refusal, Reply
from bot.steps.deliver import as_reply, deliver_one
from bot.store import ms, views
from bot.store import replies as rows_of_replies
from tests.support.house import ANGRY, CONFIG, QUESTION, START, THANKS, Clock, House, build_house, comment

AUTO = """
rules:
  - name: thank them
    when: {intents: [praise]}
    template: thanks
    approve: auto
templates:
  - {name: thanks, intents: [praise], text: "Merci à vous ! {{ signature }}"}
"""


def test_a_draft_is_approved_sent_confirmed_and_its_proof_kept(house: House) -> None:
    house.hears(comment("1", QUESTION))
    assert len(house.replies("1", "draft")) >= 2
    reply = house.approve("1")
    house.deliver()
    assert house.mention("1")["state"] == "answered"
    (sent,) = house.replies("1", "sent")
    assert sent["id"] == reply
    assert sent["url"] == "https://blog.example/1#reply"
    assert house.events("1")[-4:] == ["attempted", "sent", "answered", "discarded"] or "sent" in house.events(
        "1"
    )
    assert house.audit()["answered"] == 1
    assert [r.text for r in house.paper.published] == [sent["text"]]


def test_nothing_is_sent_without_an_approval(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"), comment("3", THANKS, by="zoe"))
    house.deliver()
    house.sweep()
    assert house.paper.published == []


def test_the_attempt_and_its_key_are_stored_before_the_call(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    seen = []
    asked = "SELECT attempts, (SELECT data FROM events WHERE kind = 'attempted') AS event FROM replies"
    house.paper.during = lambda: seen.extend(house.rows(f"{asked} WHERE state = 'sending'"))
    house.deliver()
    assert seen[0]["attempts"] == 1
    assert house.paper.published[0].key in seen[0]["event"]


@pytest.mark.parametrize(
    "fault",
    [Unsure("502"), requests.ConnectionError("gone"), TimeoutError(), ValueError("no JSON in the answer")],
    ids=lambda fault: type(fault).__name__,
)
def test_accepted_but_the_connection_drops_is_unsure_then_found_and_never_posted_twice(
    house: House, fault: Exception
) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_, house.paper.published_all_the_same = [fault], True
    house.deliver()
    assert house.mention("1")["state"] == "answering"
    assert len(house.replies("1", "unsure")) == 1
    house.deliver()
    house.sweep()  # too early to look: the network may not show it yet
    assert len(house.replies("1", "unsure")) == 1
    house.clock.forward(seconds=11)
    house.sweep()
    house.deliver()
    assert house.mention("1")["state"] == "answered"
    assert len(house.paper.published) == 1
    assert house.audit()["balanced"]


def test_what_surely_stands_nowhere_is_sent_again_with_the_same_key(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Unsure("dropped")]
    house.deliver()
    house.clock.forward(seconds=11)
    house.sweep()
    assert ("deliver", "paper") in house.woken
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"
    keys = {
        r["data"].split('"key":"')[1] for r in house.rows("SELECT data FROM events WHERE kind = 'attempted'")
    }
    assert len(keys) == 1


def test_where_nobody_can_look_a_human_is_asked_and_nothing_is_sent_again(house: House) -> None:
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")
    house.paper.next_ = [Unsure("dropped")]
    house.paper.find_raises = Unsure("this network cannot be read back")
    house.deliver()
    for _ in range(5):
        house.clock.forward(seconds=60)
        house.sweep()
        house.deliver()
    assert house.paper.published == []
    (call,) = [c for c in house.paper.told if c.key == f"reply:{reply}"][:1]
    assert "may already be posted" in call.reason
    assert house.audit()["unsure"] == 1
    house.desk.resolve(reply, "sent", house.mention("1")["version"], "Léa", "https://blog.example/1#x")
    assert house.mention("1")["state"] == "answered"
    assert house.audit()["balanced"]
    assert house.audit()["unsure"] == 0


def test_a_human_may_say_that_it_surely_is_not_there(house: House) -> None:
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")
    house.paper.next_, house.paper.find_raises = [Unsure("dropped")], Unsure("cannot look")
    house.deliver()
    house.clock.forward(seconds=60)
    house.sweep()
    house.desk.resolve(reply, "again", house.mention("1")["version"], "Léa")
    house.deliver()
    assert len(house.paper.published) == 1


def test_a_refusal_goes_back_to_a_human_with_the_reason(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Refused("comments are closed")]
    house.deliver()
    house.sweep()
    assert house.mention("1")["state"] == "escalated"
    (refused,) = house.replies("1", "refused")
    assert refused["reason"] == "comments are closed"
    assert "comments are closed" in [c.reason for c in house.paper.told]
    house.desk.edit(
        house.mention("1")["id"], refused["id"], "Autrement dit", house.mention("1")["version"], "Léa"
    )
    drafts = {r["id"]: r for r in house.replies("1", "draft")}
    house.desk.approve(drafts[refused["id"]]["id"], house.mention("1")["version"], "Léa")
    house.deliver()
    assert [r.text for r in house.paper.published] == ["Autrement dit"]


def test_a_failure_that_may_pass_is_tried_again_later_and_later(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Retry("503"), Retry("503", after=120)]
    house.deliver()
    house.deliver()
    assert len(house.paper.next_) == 1  # not before the backoff is over
    house.clock.forward(seconds=6)
    house.deliver()
    house.clock.forward(seconds=60)
    house.deliver()
    assert house.paper.published == []  # the service's own wait is honoured
    house.clock.forward(seconds=61)
    house.deliver()
    assert len(house.paper.published) == 1


def test_after_too_many_failures_a_human_is_asked(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Retry("503")] * 50
    for _ in range(20):
        house.deliver()
        house.clock.forward(minutes=16)
    assert len(house.paper.next_) == 50 - 8
    assert house.mention("1")["state"] == "escalated"
    assert house.replies("1", "refused")[0]["reason"] == "given up after 8 attempts: 503"


def test_credentials_that_are_no_longer_good_stop_the_account_and_ring_once(house: House) -> None:
    for n in range(5):
        house.hears(comment(str(n), QUESTION, by=f"p{n}"))
        house.approve(str(n))
    house.paper.next_ = [AuthFailed("the token was revoked")] * 5
    for _ in range(10):
        house.deliver()
        house.sweep()
    assert len(house.paper.next_) == 4
    assert [c.key for c in house.paper.told] == ["responder:paper"]
    house.paper.next_ = []
    house.clock.forward(minutes=6)
    house.deliver()
    assert len(house.paper.published) == 5
    assert house.audit()["escalated_unacknowledged"] == 0


def test_a_rate_limit_holds_the_whole_account_and_counts_as_no_attempt(house: House) -> None:
    for n in range(3):
        house.hears(comment(str(n), QUESTION, by=f"p{n}"))
        house.approve(str(n))
    house.paper.next_ = [RateLimited("429", after=900)] * 3
    house.deliver()
    house.deliver()
    assert len(house.paper.next_) == 2
    house.paper.next_ = []
    house.clock.forward(seconds=901)
    house.deliver()
    assert len(house.paper.published) == 3
    assert {r.attempt for r in house.paper.published} == {1}


# --- What was approved is what is sent -----------------------------------------------------------


def test_the_send_stops_if_the_person_wrote_again_after_the_approval(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.hears(comment("2", "Laissez tomber, j'ai trouvé.", in_reply_to="1"))
    house.deliver()
    assert house.paper.published == []
    assert house.mention("1")["state"] == "waiting"
    (draft,) = [r for r in house.replies("1", "draft") if r["reason"]]
    assert draft["reason"] == "the conversation moved after the approval"
    assert draft["approved_by"] is None


def test_the_send_stops_if_the_person_edited_after_the_approval(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.hears(comment("1", "En fait non, tout va bien."))
    house.deliver()
    assert house.paper.published == []


def test_the_send_stops_if_somebody_answered_natively_in_between(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.hears(comment("9", "À 9 h !", by="brand", own=True, in_reply_to="1"))
    house.deliver()
    assert house.paper.published == []
    assert house.mention("1")["state"] == "answered"


def test_a_text_changed_in_the_store_after_the_approval_is_not_sent(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    with house.app.watch.store.tx() as tx:
        tx.run("UPDATE replies SET text = text || ' Cliquez ici.' WHERE state = 'ready'")
    house.deliver()
    assert house.paper.published == []


def test_one_reply_answers_all_that_its_approver_saw_of_that_conversation(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.hears(comment("2", "Toujours rien ?", in_reply_to="1"))
    house.approve("2")
    house.deliver()
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("answered", "answered")
    assert house.audit()["answered"] == 2


def test_what_was_said_while_a_reply_was_on_its_way_stays_open(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.during = lambda: house.hears(comment("2", "Allô ?", in_reply_to="1"))
    house.deliver()
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("answered", "waiting")


def test_two_processes_that_deliver_at_once_send_each_reply_once(house: House, tmp_path: Path) -> None:
    replies = []
    for n in range(40):
        house.hears(comment(str(n), QUESTION, by=f"p{n}"))
        replies.append(house.approve(str(n)))
    other = build_house(tmp_path, clock=house.clock)
    other.paper = house.paper
    other.app.watch.responders["paper"] = house.paper  # type: ignore[index]
    start = threading.Barrier(2)

    def work(of: House) -> None:
        start.wait()
        for reply in replies:
            deliver_one(of.app.watch, reply)

    threads = [threading.Thread(target=work, args=(h,)) for h in (house, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(house.paper.published) == 40
    assert house.audit()["answered"] == 40


def test_our_own_reply_that_comes_back_through_the_listener_is_no_second_answer(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.deliver()
    sent = house.paper.published[0]
    echo = comment(f"r-{sent.key}", sent.text, by="brand", own=True, in_reply_to="1")
    house.hears(echo)
    assert house.row("SELECT COUNT(*) AS n FROM answers")["n"] == 1
    assert house.events("1").count("answered") == 1


def test_an_unsure_reply_that_comes_back_through_the_listener_is_settled_by_it(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_, house.paper.published_all_the_same = [Unsure("dropped")], True
    house.deliver()
    text = house.paper.published[0].text
    house.hears(comment("77", text, by="brand", own=True, in_reply_to="1"))
    assert house.mention("1")["state"] == "answered"
    assert house.replies("1", "sent")[0]["remote_id"] == "77"


def test_a_late_settlement_of_an_attempt_that_was_taken_over_is_refused(house: House, tmp_path: Path) -> None:
    other = build_house(tmp_path, clock=house.clock)
    other.app.watch.responders["paper"] = house.paper  # type: ignore[index]
    house.hears(comment("1", QUESTION))
    house.approve("1")

    def the_other_process_takes_over() -> None:
        house.paper.during = lambda: None
        house.clock.forward(seconds=61)  # past the first one's lease
        other.sweep()
        house.clock.forward(seconds=11)
        other.sweep()  # it looks: nothing stands there
        other.deliver()
        house.paper.next_ = [Retry("late news of the first attempt")]

    house.paper.during = the_other_process_takes_over
    house.deliver()
    house.clock.forward(minutes=20)
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"
    assert len(house.replies("1", "sent")) == 1


def test_the_clock_set_back_an_hour_neither_loses_nor_doubles_a_send(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", THANKS, by="bob"))
    house.approve("1")
    with house.app.watch.store.tx() as tx:  # a worker died in the middle of its send, at 9 o'clock
        tx.run("UPDATE replies SET state = 'sending', attempts = 1, lease_until = ? WHERE state = 'ready'",
               (int((START + timedelta(seconds=60)).timestamp() * 1000),))  # fmt: skip
    house.clock.forward(hours=-1)
    house.sweep()
    house.clock.forward(seconds=11)
    house.sweep()
    house.deliver()
    assert len(house.paper.published) == 1
    house.approve("2")
    house.deliver()
    assert house.audit()["answered"] == 2
    assert house.audit()["balanced"]


# --- Late, slow, and in between ------------------------------------------------------------------


def trying(house: House) -> Reply:
    """The reply that is being sent just now."""
    row = house.row("SELECT * FROM replies WHERE state = 'sending'")
    with house.app.watch.store.read() as tx:
        return as_reply(row, views.mention_row(tx, row["mention_id"]))


def test_what_a_dead_worker_sent_may_still_be_under_way_and_is_not_looked_for_at_once(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    sent: list[Reply] = []

    def die_after_sending() -> None:
        sent.append(trying(house))
        raise KeyboardInterrupt

    house.paper.during = die_after_sending
    with contextlib.suppress(KeyboardInterrupt):
        house.deliver()
    house.paper.during = lambda: None
    house.clock.forward(seconds=61)
    house.sweep()  # the lease is over
    house.deliver()
    house.clock.forward(seconds=9)
    house.sweep()
    house.deliver()
    house.paper.published += sent  # now the network shows it
    house.clock.forward(seconds=2)
    house.sweep()
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"


SHORT = CONFIG.replace("type: console", "type: console, timeout: 0.5") + (
    "delivery: {lease: 1s, look_after: 1s}\n"
)


@contextlib.contextmanager
def a_send_that_hangs(house: House) -> Iterator[Callable[[], None]]:
    """Reply 1 hangs beyond its lease, and is given up; what is yielded lets it post after all."""
    house.hears(comment("1", QUESTION))
    house.approve("1")
    go_on = threading.Event()

    def hang() -> None:
        go_on.wait(20)

    house.paper.during = hang
    house.deliver()
    assert len(house.replies("1", "unsure")) == 1
    house.paper.during = lambda: None

    def post() -> None:
        go_on.set()
        house.app.watch.calls["deliver paper"].answer.result()
        assert len(house.paper.published) == 1

    try:
        yield post
    finally:
        go_on.set()


def test_while_a_send_still_hangs_nobody_looks_and_nothing_goes_out_again(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=SHORT)
    with a_send_that_hangs(house) as post:
        for _ in range(5):
            house.clock.forward(seconds=2)
            house.sweep()
            house.deliver()
        assert house.paper.published == []
        post()
        house.clock.forward(seconds=2)
        house.sweep()
        house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"


def test_a_second_daemon_does_not_look_either_while_a_send_hangs_in_the_first(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=SHORT)
    other = build_house(tmp_path, config=SHORT, clock=house.clock)
    other.app.watch.responders["paper"] = house.paper  # type: ignore[index]
    with a_send_that_hangs(house) as post:
        for _ in range(5):
            house.sweep()
            house.clock.forward(seconds=0.9)
            other.sweep()
            other.deliver()
        assert house.paper.published == []
        post()
        house.clock.forward(seconds=2)
        other.sweep()
        other.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"


def test_a_daemon_whose_clock_lags_by_seconds_leaves_alone_what_another_is_sending(tmp_path: Path) -> None:
    house = build_house(tmp_path)
    lagging = build_house(tmp_path, clock=Clock(house.clock() - timedelta(seconds=5)))
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.during = lagging.sweep
    house.deliver()
    assert len(house.replies("1", "sent")) == 1
    assert house.rows("SELECT 1 FROM events WHERE kind = 'unsure'") == []


def test_a_send_that_hangs_does_not_keep_others_from_being_looked_for(tmp_path: Path) -> None:
    house = build_house(tmp_path, config=SHORT)
    house.hears(comment("2", QUESTION, by="bob"))
    house.approve("2")
    house.paper.next_, house.paper.published_all_the_same = [Unsure("502")], True
    house.deliver()
    published, house.paper.published = house.paper.published, []
    with a_send_that_hangs(house):
        house.paper.published = published
        house.clock.forward(seconds=2)
        house.sweep()
        assert house.mention("2")["state"] == "answered"
        assert house.mention("1")["state"] == "answering"
        house.paper.published = []


def test_who_looked_before_the_doubt_was_renewed_cannot_know(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.next_ = [Unsure("502")]
    house.deliver()
    house.clock.forward(seconds=11)
    find = house.paper.find

    def found_nothing_but_late(reply: Reply) -> Receipt | None:
        with house.app.watch.store.tx() as tx:  # another process says that its send goes on
            rows_of_replies.hold_doubts(tx, {1, 2, 3}, ms(house.clock()) + 10_000)
        return find(reply)

    house.paper.find = found_nothing_but_late  # type: ignore[method-assign]
    house.sweep()
    house.deliver()
    assert house.paper.published == []
    assert len(house.replies("1", "unsure")) == 1


def test_a_receipt_that_comes_when_the_reply_was_to_go_out_again_keeps_it_from_going_out(
    house: House, tmp_path: Path
) -> None:
    other = build_house(tmp_path, clock=house.clock)
    house.hears(comment("1", QUESTION))
    house.approve("1")

    def the_machine_sleeps_and_the_other_daemon_takes_over() -> None:
        house.clock.forward(seconds=61)
        other.sweep()
        house.clock.forward(seconds=11)
        other.sweep()  # it looks in vain
        assert len(house.replies("1", "ready")) == 1

    house.paper.during = the_machine_sleeps_and_the_other_daemon_takes_over
    house.deliver()
    other.deliver()
    house.deliver()
    assert len(house.paper.published) + len(other.paper.published) == 1
    assert house.mention("1")["state"] == "answered"
    assert len(house.replies("1", "sent")) == 1
    assert house.audit()["balanced"]


def test_a_receipt_that_comes_after_a_human_gave_up_ends_the_address_and_no_second_one_goes_out(
    house: House, tmp_path: Path
) -> None:
    other = build_house(tmp_path, clock=house.clock)
    house.hears(comment("1", QUESTION))
    reply = house.approve("1")

    def given_up_meanwhile() -> None:
        house.clock.forward(seconds=61)
        other.sweep()
        other.desk.resolve(reply, "discard", house.mention("1")["version"], "Léa")
        other.desk.edit(1, None, "Encore une fois", house.mention("1")["version"], "Léa")

    house.paper.during = given_up_meanwhile
    house.deliver()
    assert house.mention("1")["state"] == "answered"
    assert house.replies("1", "draft") == []
    assert house.audit()["balanced"]
    assert house.audit()["answered"] == 1


def test_what_is_edited_while_its_reply_is_on_its_way_is_read_anew_and_stays_open(house: House) -> None:
    house.hears(comment("1", THANKS))
    house.approve("1")
    house.paper.during = lambda: house.hears(comment("1", ANGRY))
    house.deliver()
    assert len(house.replies("1", "sent")) == 1
    assert house.mention("1")["state"] == "new"
    house.triage()
    assert house.mention("1")["state"] == "escalated"
    assert '"intent":"complaint"' in house.mention("1")["analysis"]
    assert (house.audit()["open"], house.audit()["balanced"]) == (1, True)
    house.paper.during = lambda: None
    house.approve("1")
    house.deliver()
    assert house.audit()["answered"] == 1


def test_what_is_deleted_while_its_reply_is_on_its_way_is_deleted_and_its_reply_sent(
    house: House,
) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.paper.during = lambda: house.hears(deleted=["1"])
    house.deliver()
    assert (house.mention("1")["state"], len(house.replies("1", "sent"))) == ("deleted", 1)
    assert (house.audit()["deleted"], house.audit()["balanced"]) == (1, True)


def test_our_own_post_may_be_heard_before_its_send_came_back(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")

    def heard_already() -> None:
        house.paper.during = lambda: None
        reply = trying(house)
        receipt = house.paper._receipt(reply)
        house.hears(comment(receipt.remote_id, reply.text, by="brand", own=True, in_reply_to="1"))

    house.paper.during = heard_already
    house.deliver()
    assert house.row("SELECT COUNT(*) AS n FROM answers")["n"] == 1
    assert house.events("1").count("answered") == house.events("1").count("sent") == 1


def test_the_clock_set_forward_an_hour_in_the_middle_of_a_send_doubles_nothing(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")

    def summer_time() -> None:
        house.clock.forward(hours=1)
        for _ in range(3):
            house.sweep()
            house.clock.forward(seconds=11)

    house.paper.during = summer_time
    house.deliver()
    house.sweep()
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"


def test_when_the_process_is_about_to_end_nothing_more_is_taken_up(house: House) -> None:
    for n in range(3):
        house.hears(comment(str(n), QUESTION, by=f"p{n}"))
        house.approve(str(n))
    house.paper.during = house.app.watch.stopping.set
    house.deliver()
    assert len(house.paper.published) == 1
    assert len(house.rows("SELECT 1 FROM replies WHERE state = 'ready'")) == 2


# --- By itself, and not at all -------------------------------------------------------------------


def test_a_rule_may_let_a_template_go_out_by_itself(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", THANKS), comment("2", ANGRY, by="bob"))
    house.deliver()
    assert [r.text for r in house.paper.published] == ["Merci à vous ! L’équipe Banque Azur"]
    assert house.replies("1", "sent")[0]["approved_by"] == "rule:thanks"
    assert house.mention("2")["state"] == "waiting"


def test_an_automatic_reply_answers_only_the_mention_it_was_made_for(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra=AUTO)
    house.hears(comment("1", QUESTION))
    house.hears(comment("2", THANKS, in_reply_to="1"))
    house.deliver()
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("waiting", "answered")


def test_where_the_network_would_not_take_a_reply_there_is_no_dead_draft_but_a_human(house: House) -> None:
    house.paper.refusal = Refusal("replies are limited to friends")
    house.hears(comment("1", QUESTION))
    house.sweep()
    assert house.replies("1") == []
    assert house.mention("1")["state"] == "escalated"
    assert house.paper.told[0].reason == "replies are limited to friends"


def test_a_network_that_cannot_say_whether_it_takes_replies_is_asked_once_a_batch(house: House) -> None:
    asked = []

    def can_reply(mention: Mention) -> Refusal | None:
        asked.append(mention.remote_id)
        raise Retry("no answer within 20 s")

    house.paper.can_reply = can_reply  # type: ignore[method-assign]
    house.hears(*(comment(str(n), QUESTION, by=f"p{n}") for n in range(30)))
    assert len(asked) == 1
    assert len(house.replies("29", "draft")) >= 2  # drafted all the same


def test_two_approvers_in_the_same_instant_make_one_send_and_the_other_is_told_who_won(house: House) -> None:
    house.hears(comment("1", QUESTION))
    draft, version = house.replies("1", "draft")[0]["id"], house.mention("1")["version"]
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def approve(name: str) -> None:
        start.wait()
        try:
            house.desk.approve(draft, version, name)
            outcomes.append(f"{name} won")
        except Conflict as conflict:
            outcomes.append(str(conflict))

    threads = [threading.Thread(target=approve, args=(name,)) for name in ("Léa", "Marc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.deliver()
    assert len(house.paper.published) == 1
    winner = next(o for o in outcomes if o.endswith("won")).removesuffix(" won")
    assert any(o.startswith(f"{winner} approved a reply") for o in outcomes)


def test_a_receipt_without_a_link_is_kept_all_the_same(house: House) -> None:
    house.paper._receipt = lambda reply: Receipt(f"x-{reply.key}")  # type: ignore[method-assign]
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.deliver()
    assert house.mention("1")["state"] == "answered"
