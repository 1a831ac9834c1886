"""Hearing: nobody is dropped, nobody is kept twice, whatever the pages look like."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import AuthFailed, RateLimited, Retry
from bot.models import Author, Batch, Kind
from bot.steps import listen
from tests.support.house import ANGRY, NEWS, QUESTION, START, THANKS, House, Wire, build_house, comment


def test_a_mention_its_promise_and_the_cursor_are_kept_together_or_not_at_all(house: House) -> None:
    house.wire.says(comment("1", QUESTION), cursor="after-1")
    with house.app.watch.store.tx() as tx:
        tx.run("CREATE TRIGGER broken BEFORE UPDATE ON sources BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(sqlite3.IntegrityError):
        house.listen()
    assert house.rows("SELECT 1 FROM mentions") == []
    with house.app.watch.store.tx() as tx:
        tx.run("DROP TRIGGER broken")
    house.wire.says(comment("1", QUESTION), cursor="after-1")
    house.listen()
    row = house.mention("1")
    assert row["due_at"] is not None
    assert house.row("SELECT cursor FROM sources")["cursor"] == "after-1"
    assert house.events("1") == ["heard"]


def test_250_mentions_between_two_polls_are_250_rows_and_none_twice(house: House) -> None:
    everybody = [comment(str(n), f"{QUESTION} ({n})", by=f"p{n}") for n in range(250)]
    for start in (0, 100, 200):
        house.wire.says(*everybody[start : start + 100])
        house.listen()
    house.wire.says(*everybody[150:])
    house.listen()
    assert house.row("SELECT COUNT(*) AS n FROM mentions")["n"] == 250
    assert house.audit()["addresses"] == 250


def test_the_same_page_in_reverse_order_changes_nothing(house: House) -> None:
    page = [comment(str(n), f"{QUESTION} ({n})", by=f"p{n}") for n in range(20)]
    house.hears(*page)
    before = [tuple(row) for row in house.rows(_STANDING)]
    house.hears(*reversed(page))
    assert [tuple(row) for row in house.rows(_STANDING)] == before


_STANDING = (
    "SELECT mentions.id, remote_id, state, version FROM mentions"
    " JOIN conversations c ON c.id = conversation_id ORDER BY mentions.id"
)


def test_an_edited_mention_keeps_its_newest_text_and_its_promise(house: House) -> None:
    house.hears(comment("1", QUESTION))
    due_at = house.mention("1")["due_at"]
    house.hears(comment("1", QUESTION + " Merci d'avance."))
    row = house.mention("1")
    assert row["text"].endswith("d'avance.")
    assert row["due_at"] == due_at
    assert row["edited_at"] is not None
    assert "edited" in house.events("1")


def test_an_author_who_deletes_is_owed_nothing_and_counted_as_such(house: House) -> None:
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="bob"))
    house.hears(deleted=["1"])
    found = house.audit()
    assert (found["addresses"], found["deleted"], found["open"]) == (2, 1, 1)
    assert found["balanced"]
    assert house.replies("1", "draft") == []


def test_an_author_who_restores_what_was_deleted_is_owed_again(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.hears(deleted=["1"])
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["state"] == "waiting"
    assert house.audit()["open"] == 1
    assert house.audit()["balanced"]


@pytest.mark.parametrize(
    ("what", "mention"),
    [
        ("a bad character", comment("1", "avant \udcff après \x00 fin")),
        ("an emoji only", comment("1", "😡")),
        ("no words, a photo", comment("1", "")),
        ("100,000 characters", comment("1", "é" * 100_000)),
        ("an author without name", comment("1", QUESTION, author=Author())),
        ("a name that is markup", comment("1", QUESTION, author=Author("x", name="<b>{{ 7*7 }}</b> @all"))),
        ("right to left and zalgo", comment("1", "\u202eabc\u202c ẑ̶a̷l̸g̴o̵")),
        ("posted in the future", comment("1", QUESTION, posted_at=START + timedelta(days=400))),
        ("posted in 1970", comment("1", QUESTION, posted_at=START - timedelta(days=20_000))),
    ],
)
def test_nobody_is_lost_over(what: str, mention: object, house: House) -> None:
    house.hears(mention, comment("2", THANKS, by="bob"))  # type: ignore[arg-type]
    assert house.audit()["addresses"] == 2
    assert house.audit()["balanced"]
    assert house.mention("1")["state"] in ("waiting", "escalated")


def test_a_share_is_kept_but_owed_nothing(house: House) -> None:
    house.hears(comment("1", QUESTION, kind=Kind.SHARE))
    assert house.mention("1")["state"] == "ignored"
    assert house.audit()["addresses"] == 0


def test_the_database_refuses_an_address_that_is_ignored(house: House) -> None:
    house.hears(comment("1", QUESTION))
    with (
        pytest.raises(sqlite3.IntegrityError, match="an_address_is_never_ignored"),
        house.app.watch.store.tx() as tx,
    ):
        tx.run("UPDATE mentions SET state = 'ignored'")


def test_a_mention_that_the_network_later_calls_an_address_gets_a_promise(house: House) -> None:
    house.hears(comment("1", NEWS, addressed=False))
    assert house.mention("1")["state"] == "ignored"
    house.hears(comment("1", NEWS, addressed=True))
    row = house.mention("1")
    assert (row["state"], row["addressed"]) == ("waiting", 1)
    assert row["due_at"] is not None
    assert house.audit()["balanced"]


def test_our_own_post_is_never_a_case_and_our_native_answer_closes_the_address(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.hears(comment("2", "Bonjour Claire, à 9 h.", by="brand", own=True, in_reply_to="1",
                        posted_at=START + timedelta(minutes=5)))  # fmt: skip
    assert house.rows("SELECT 1 FROM mentions WHERE remote_id = '2'") == []
    assert house.mention("1")["state"] == "answered"
    assert house.audit()["answer_rate"]["all"] == 1.0
    assert house.replies("1", "draft") == []


def test_a_native_answer_heard_before_what_it_answers_closes_it_all_the_same(house: House) -> None:
    house.hears(comment("2", "Bonjour, à 9 h.", by="brand", own=True, in_reply_to="1"))
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["state"] == "answered"
    assert house.audit()["balanced"]


def test_a_native_answer_leaves_what_was_said_after_it_open(house: House) -> None:
    house.clock.forward(minutes=10)
    house.hears(comment("1", QUESTION))
    house.hears(comment("2", "Et le dimanche ?", in_reply_to="1", posted_at=START + timedelta(minutes=9)))
    house.hears(
        comment("3", "À 9 h.", by="brand", own=True, in_reply_to="1", posted_at=START + timedelta(minutes=5))
    )
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("answered", "waiting")


def test_follow_ups_join_the_conversation_and_strangers_in_the_thread_have_their_own(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.hears(comment("2", "Toujours rien ?", in_reply_to="1"))
    house.hears(comment("3", "Moi aussi je voudrais savoir !", by="bob", in_reply_to="2"))
    one, two, three = (house.mention(n) for n in "123")
    assert one["conversation_id"] == two["conversation_id"] != three["conversation_id"]
    assert one["thread"] == three["thread"] == "1"


def test_two_people_without_a_name_in_one_thread_are_two_people(house: House) -> None:
    house.hears(comment("1", QUESTION, author=Author()))
    house.hears(comment("2", "Et à Paris ?", author=Author(), in_reply_to="1"))
    house.approve("2")
    house.deliver()
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("waiting", "answered")


def test_a_text_that_was_edited_is_read_again_and_drafts_of_a_human_are_kept(house: House) -> None:
    house.hears(comment("1", THANKS), comment("2", THANKS, by="bob"))
    house.desk.edit(
        house.mention("2")["id"], None, "Avec plaisir, Bob !", house.mention("2")["version"], "Léa"
    )
    house.hears(comment("1", ANGRY), comment("2", ANGRY, by="bob"))
    assert house.mention("1")["state"] == house.mention("2")["state"] == "escalated"
    assert '"intent":"complaint"' in house.mention("1")["analysis"]
    assert "Avec plaisir, Bob !" in [r["text"] for r in house.replies("2", "draft")]
    assert len(house.replies("1", "draft")) <= 3
    assert house.audit()["balanced"]


def test_a_remark_that_is_edited_into_an_address_is_owed_an_answer(house: House) -> None:
    house.hears(comment("1", NEWS, addressed=False))
    house.hears(comment("1", f"@banqueazur {QUESTION}", addressed=False))
    assert (house.mention("1")["state"], house.mention("1")["addressed"]) == ("waiting", 1)
    assert house.audit()["open"] == 1


def test_two_listeners_that_hear_the_same_at_the_same_time_keep_it_once(house: House) -> None:
    store, start = house.app.watch.store, threading.Barrier(4)
    batch = [comment(str(n), QUESTION, by=f"p{n}") for n in range(50)]

    def hear() -> None:
        from bot.steps.listen import hear as keep

        start.wait()
        keep(house.app.watch, "blog", batch)

    threads = [threading.Thread(target=hear) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.rows("SELECT COUNT(*) AS n FROM mentions")[0]["n"] == 50
    assert house.audit()["balanced"]


# --- Sources -------------------------------------------------------------------------------------


def test_a_listener_that_raises_is_an_incident_and_keeps_its_cursor(house: House) -> None:
    house.hears(comment("1", QUESTION), cursor="here")
    house.wire.batches.append(RuntimeError("boom with a secret"))
    house.listen()
    source = house.row("SELECT * FROM sources")
    assert source["cursor"] == "here"
    assert "RuntimeError" in source["error"]
    assert "secret" not in source["error"]
    house.hears(comment("2", THANKS, by="bob"))
    assert house.wire.cursors[-1] == "here"
    assert house.row("SELECT error FROM sources")["error"] == ""


def test_a_source_that_failed_writes_one_event_for_the_failure_and_one_for_the_recovery(house: House) -> None:
    for _ in range(5):
        house.wire.batches.append(Retry("the blog answers 503"))
        house.listen()
    house.hears(comment("1", QUESTION))
    kinds = [r["kind"] for r in house.rows("SELECT kind FROM events WHERE source = 'blog' ORDER BY seq")]
    assert kinds.count("source_failed") == kinds.count("source_recovered") == 1


def test_a_source_whose_token_is_revoked_rings_within_one_poll(house: House) -> None:
    house.wire.batches.append(AuthFailed("the password is no longer good"))
    house.listen()
    house.sweep()
    (call,) = house.paper.told
    assert (call.key, call.reason) == ("source:blog", "the password is no longer good")
    house.hears(comment("1", QUESTION))
    assert house.audit()["escalated_unacknowledged"] == 0


SHARED = """
brand: {name: Banque Azur, languages: [fr, en]}
accounts: {shop: {}}
listeners:
  blog: {type: replay, path: none.jsonl, account: shop, every: 1m, silent_after: 15m}
  news: {type: replay, path: none.jsonl, responder: ""}
responders:
  paper: {type: console, account: shop}
rules: []
"""


@dataclass
class Shared:
    """A listener and a responder that share an account, and a listener that has nothing to do with it."""

    house: House
    news: Wire

    def round(self) -> None:
        for name in ("blog", "news"):
            listen(self.house.app.watch, self.house.wake, name)
        self.house.triage()
        self.house.deliver()
        self.house.sweep()

    def told(self) -> list[str]:
        return [f"{call.key}: {call.reason}" for call in self.house.paper.told]

    def ringing(self) -> list[tuple[str, str]]:
        rows = self.house.rows("SELECT key, subject FROM escalations WHERE closed_at IS NULL")
        return [(row["key"], row["subject"]) for row in rows]


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    house = build_house(tmp_path, config=SHARED)
    news = Wire(house.clock)
    house.app.watch.listeners["news"] = news  # type: ignore[index]
    return Shared(house, news)


EXPIRED = AuthFailed("the token expired")


def test_a_token_that_expired_stops_both_directions_and_rings_once(shared: Shared) -> None:
    house = shared.house
    house.hears(comment("1", QUESTION), cursor="before")
    house.approve("1")
    house.wire.batches += [EXPIRED] * 30
    house.paper.next_ = [EXPIRED] * 30
    for minute in range(25):
        shared.news.says(comment(f"news-{minute}", NEWS, addressed=False))
        shared.round()
        assert shared.told() == ["account:shop: the token expired"]
        house.clock.forward(minutes=1)
    assert house.row("SELECT COUNT(*) AS n FROM mentions WHERE listener = 'news'")["n"] == 25
    assert len(house.paper.next_) == 30 - 5  # the responder pauses
    assert house.replies("1", "ready")

    # The token is renewed: what was said meanwhile comes with the next poll, and the record has no hole.
    house.wire.batches, house.paper.next_ = [], []
    house.wire.says(comment("2", THANKS, by="bob", posted_at=START + timedelta(minutes=9)), cursor="after")
    shared.round()
    assert house.wire.cursors[-1] == "before"
    source = next(s for s in house.audit()["sources"] if s["listener"] == "blog")
    assert (source["gaps"], source["failing_since"]) == ([], None)
    assert source["complete_to"] == house.clock().isoformat(timespec="seconds")
    assert house.mention("2")["state"] == "waiting"
    house.clock.forward(minutes=5)
    shared.round()
    assert house.mention("1")["state"] == "answered"
    assert shared.ringing() == []
    assert len(shared.told()) == 1


def test_it_is_over_when_whoever_told_of_it_works_again_and_rings_anew_if_the_other_still_fails(
    shared: Shared,
) -> None:
    house = shared.house
    house.hears(comment("1", QUESTION), comment("2", QUESTION, by="bob"))
    house.approve("1")
    house.paper.next_ = [EXPIRED] * 2
    house.deliver()
    assert shared.ringing() == [("account:shop", "responder paper")]
    house.listen()  # the listener works: it was not the one who told
    assert shared.ringing() == [("account:shop", "responder paper")]
    house.wire.batches.append(EXPIRED)
    house.listen()
    assert shared.ringing() == [("account:shop", "responder paper")]
    house.paper.next_ = []
    house.clock.forward(minutes=6)
    house.deliver()
    assert shared.ringing() == []
    house.sweep()
    house.wire.batches.append(EXPIRED)
    house.listen()
    assert shared.ringing() == [("account:shop", "listener blog")]
    house.approve("2")
    house.deliver()  # the responder works: it was not the one who told
    assert len(house.paper.published) == 2
    assert shared.ringing() == [("account:shop", "listener blog")]
    house.listen()
    assert shared.ringing() == []


def test_what_is_silent_for_another_reason_than_its_account_rings_by_itself(shared: Shared) -> None:
    house = shared.house
    house.hears(comment("1", THANKS))
    house.wire.batches.append(EXPIRED)
    house.listen()
    house.wire.batches += [Retry("503")] * 20
    for _ in range(16):
        house.clock.forward(minutes=1)
        shared.round()
    assert sorted(key for key, _ in shared.ringing()) == ["account:shop", "source:blog"]


def test_a_source_that_falls_silent_rings_like_an_unanswered_address(house: House) -> None:
    house.hears(comment("1", THANKS))
    house.clock.forward(minutes=16)
    house.sweep()
    assert "source:blog" in [call.key for call in house.paper.told]


def test_a_source_that_catches_up_slowly_rings_once_and_until_it_has(house: House) -> None:
    house.hears(comment("1", THANKS))
    house.clock.forward(hours=1)
    for minutes in (2, 4, 6):
        house.hears(complete_to=START + timedelta(minutes=minutes))
        house.sweep()
        house.clock.forward(minutes=1)
    assert [(call.key, call.reason) for call in house.paper.told] == [("source:blog", "silent")]
    house.hears(complete_to=house.clock() - timedelta(minutes=15))
    assert house.audit()["escalated_unacknowledged"] == 0


def test_a_source_that_answers_again_and_is_far_behind_no_longer_fails_and_is_silent(house: House) -> None:
    house.hears(comment("1", THANKS))
    house.clock.forward(hours=1)
    house.wire.batches.append(Retry("503"))
    house.listen()
    house.sweep()
    house.hears(complete_to=START)
    house.sweep()
    assert [call.reason for call in house.paper.told] == ["503", "silent"]


def test_a_source_is_missed_after_as_long_as_ever_though_the_clock_was_set_back(house: House) -> None:
    house.clock.forward(days=400)
    house.hears(comment("1", THANKS))
    house.clock.forward(days=-400)
    house.sweep()
    assert house.paper.told == []
    house.clock.forward(minutes=16)
    house.sweep()
    assert [call.reason for call in house.paper.told] == ["silent"]
    house.hears()
    assert house.audit()["sources"][0]["complete_to"] == house.clock().isoformat(timespec="seconds")


def test_a_clock_that_is_set_back_does_not_lengthen_the_wait_that_a_service_asked_for(house: House) -> None:
    house.clock.forward(days=400)
    house.wire.batches.append(RateLimited("slow down", after=600))
    house.listen()
    house.clock.forward(days=-400)
    house.hears(comment("1", QUESTION))
    assert house.mention("1")["state"] == "waiting"


def test_a_service_that_asks_to_be_left_alone_for_a_month_is_asked_again_after_a_day(house: House) -> None:
    house.wire.batches.append(RateLimited("slow down", after=30 * 86_400))
    house.listen()
    house.clock.forward(hours=23)
    house.listen()
    assert len(house.wire.cursors) == 1
    house.clock.forward(hours=1, seconds=1)
    house.listen()
    assert len(house.wire.cursors) == 2


def test_a_service_that_asks_us_to_wait_is_left_alone_for_that_long(house: House) -> None:
    house.wire.batches.append(RateLimited("slow down", after=600))
    house.listen()
    house.listen()
    assert len(house.wire.cursors) == 1
    house.clock.forward(seconds=601)
    house.listen()
    assert len(house.wire.cursors) == 2


def test_a_listener_that_hangs_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="""
        pace: {sweep: 1h}
    """)  # fmt: skip
    text = (
        (tmp_path / "config.yaml")
        .read_text()
        .replace("responder: paper}", "responder: paper, poll_timeout: 1s}")
    )
    house = build_house(tmp_path, config=text)
    release = threading.Event()

    def hang() -> Batch:
        release.wait(20)
        return Batch((comment("late", QUESTION),), "late", START)

    house.wire.batches += [hang]
    began = time.monotonic()
    house.listen()
    assert time.monotonic() - began < 3
    assert "gave no answer within 1 s" in house.row("SELECT error FROM sources")["error"]
    house.listen()  # the first call still hangs: no second one is piled on it
    assert len(house.wire.cursors) == 1
    release.set()
    time.sleep(0.05)
    # What came too late was not kept, nor was its cursor: it will come again.
    assert house.rows("SELECT 1 FROM mentions") == []
    house.hears(comment("late", QUESTION))
    assert house.audit()["addresses"] == 1


def test_a_stretch_that_the_network_no_longer_shows_is_a_gap_in_the_record(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.clock.forward(hours=5)
    lost_from = house.clock() - timedelta(hours=1)
    house.wire.says(comment("2", THANKS, by="bob"), complete_from=lost_from)
    house.listen()
    (source,) = house.audit()["sources"]
    assert source["complete_from"] == "2026-03-10T09:00:00+00:00"
    assert source["complete_to"] == "2026-03-10T14:00:00+00:00"
    assert source["gaps"] == [["2026-03-10T09:00:00+00:00", "2026-03-10T13:00:00+00:00"]]
