"""What the daemon asks again and again must cost the same at every size: each query finds its rows through
an index, and reads in order what it wants in order.

Asserted of the very SQL that the product runs, on an empty store and on a filled one, with the statistics
of ANALYZE and without: SQLite plans by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.models import Author, Decision, Kind, Mention, Priority, Process, State
from bot.policy import Promises
from bot.store import (
    Row,
    Store,
    Tx,
    answers,
    crises,
    deletions,
    escalations,
    hearing,
    mentions,
    open_store,
    outgoing,
    policies,
    queue,
    replies,
    rings,
    spend,
    stops,
    views,
)
from bot.store import triage as rows_of_triage
from bot.store.engine import Params
from bot.store.hearing import Ear
from bot.store.mentions import Promise
from bot.store.triage import Verdict

NOW = 1_800_000_000_000
AT = datetime.fromtimestamp(NOW / 1000, UTC)
MINUTE = 60_000
NARROWED = queue.Wanted(network="blog", intent="churn", priority="crisis")


class Recorder:
    """A transaction that remembers what it was asked, and how the engine planned it."""

    skip_locked = ""

    def __init__(self, tx: Tx) -> None:
        self.tx, self.plans = tx, dict[str, list[str]]()

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        self._explain(sql, params)
        return self.tx.rows(sql, params)

    def row(self, sql: str, params: Params = ()) -> Row | None:
        self._explain(sql, params)
        return self.tx.row(sql, params)

    def run(self, sql: str, params: Params = ()) -> int:
        self._explain(sql, params)
        return self.tx.run(sql, params)

    def many(self, sql: str, params: Iterable[Sequence[Any]]) -> None:
        rows = list(params)
        for row in rows[:1]:
            self._explain(sql, row)
        self.tx.many(sql, rows)

    def reserve(self, table: str, count: int) -> int:
        self._explain(f"SELECT COALESCE(MAX(id), 0) FROM {table}", ())
        return self.tx.reserve(table, count)

    def learn_words(self, first: int, last: int) -> None:
        self.tx.learn_words(first, last)

    def matching(
        self, words: Sequence[str], limit: int, *, below: int | None = None, above: int | None = None
    ) -> list[int]:
        return self.tx.matching(words, limit, below=below, above=above)

    def _explain(self, sql: str, params: Params) -> None:
        self.plans[sql] = [str(row["detail"]) for row in self.tx.rows(f"EXPLAIN QUERY PLAN {sql}", params)]


def _hear_and_keep(tx: Tx) -> None:
    """Two pages are heard and triaged: the second knows the first, replies to it and edits it."""
    policy = Promises()
    policies.know(tx, policy, NOW)
    promise = Promise(NOW + MINUTE, policy.version, NOW, {"goal": "next"}, outcome_due_at=NOW + MINUTE)
    first = [_said(n) for n in range(20)]
    second = [
        _said(20, in_reply_to="new-3"),
        _said(4, text="edited"),
        _said(21, own=True, in_reply_to="new-5"),
        replace(_said(22, in_reply_to="new-6"), author=Author(id="person-6")),
    ]
    for page in (first, second):
        heard = hearing.hear(tx, Ear("blog", lambda *what, fresh: promise, rechecks=True), page, AT)
        rows_of_triage.keep(tx, [_verdict(one) for one in heard.fresh], NOW)


def _said(number: int, text: str = "Bonjour ?", **facts: Any) -> Mention:
    author = Author(id=f"person-{number}")
    return Mention("blog", f"new-{number}", text, AT, author, Kind.COMMENT, addressed=True, **facts)


def _verdict(one: mentions.Untriaged) -> Verdict:
    decision = Decision(State.ESCALATED, True, Priority.HIGH, Process.SERVICE, escalate="it burns")
    drafts = [replies.Draft("Bonjour !")]
    return Verdict(one, "{}", decision, one.promise, "paper", drafts, sign=1, outcome_due_at=NOW)


def _ring(tx: Tx) -> None:
    for row in escalations.claim_ringing(tx, NOW, NOW + MINUTE) or escalations.ringing_for(tx, 1):
        escalations.rang(tx, row, NOW, 1, 0)
        escalations.failed(tx, row, NOW, "nobody")
    for row in escalations.ringing(tx, "mention:2"):
        escalations.acknowledge(tx, row, "Léa", NOW, NOW + MINUTE)


def _crisis(tx: Tx) -> None:
    crises.on(tx)
    crises.signs(tx, NOW - MINUTE, NOW)
    crises.complaints(tx, 0, NOW)
    crises.calmer(tx, ["low", "normal"])
    crises.begin(tx, NOW, 10, "many")
    crises.end(tx, NOW)


def _send(tx: Tx) -> None:
    row = replies.claim(tx, "paper", NOW, NOW + MINUTE)
    if row is not None:
        answers.from_reply(tx, row, "remote", "https://blog.example/remote", NOW)


def _stops(tx: Tx) -> None:
    _hear_and_keep(tx)
    stops.heard(tx, [("blog", "new-3")], NOW)
    stops.of(tx, {1, 2, 3})
    replies.answered_alone(tx, {1, 2, 3})
    views.mention_row(tx, tx.rows("SELECT MAX(id) AS id FROM mentions")[0]["id"])


ASKED: dict[str, Callable[[Tx], object]] = {
    "the inbox": lambda tx: views.inbox(tx, 50),
    "claim of new mentions": lambda tx: rows_of_triage.claim_new(tx, NOW, NOW + MINUTE, 200),
    "due alarms": lambda tx: rows_of_triage.alarming(tx, NOW),
    "claim of a ready reply, and its end": _send,
    "attempts that nobody settled": lambda tx: replies.expired(tx, NOW, MINUTE),
    "what must be looked for": lambda tx: replies.unsure(tx, NOW),
    "what must ring": _ring,
    "outcomes that are due": lambda tx: rows_of_triage.outcomes_due(tx, NOW),
    "what nobody knows for too long": lambda tx: replies.ring_for_doubts(tx, NOW, NOW),
    "who waits": lambda tx: mentions.waiting(tx, {1, 2, 3}),
    "a crisis": _crisis,
    "hearing and triage of a page": _hear_and_keep,
    "what must be asked after": lambda tx: deletions.to_recheck(tx, "blog", NOW, NOW, 100),
    "what was deleted": lambda tx: deletions.delete(tx, "blog", ["old-1", "old-7", "old-50"], NOW),
    "somebody who asks us to stop": _stops,
    "what an account spent": lambda tx: spend.spent(tx, "x", AT),
    "a page of the queue, narrowed": lambda tx: queue.page(tx, NARROWED, 50, after=queue.Place(5, 1, NOW)),
    "what stands beside it": lambda tx: queue.beside(tx, NARROWED, queue.Place(5, 1, NOW)),
    "what is mine": lambda tx: queue.page(tx, queue.Wanted(assignee="Léa"), 50),
    "what is over, narrowed": lambda tx: queue.page(tx, replace(NARROWED, state="answered"), 50),
    "everything, narrowed": lambda tx: queue.page(tx, replace(NARROWED, state="all"), 50),
    "how many wait": lambda tx: queue.count(tx, NARROWED, 1000),
    "where mentions came from, and whose they are": lambda tx: (queue.networks(tx), queue.assignees(tx)),
    "what rings, as people look at it": lambda tx: (
        rings.ringing(tx, 50, (NOW, 1)),
        rings.acknowledged(tx, 50),
        rings.count(tx, 1000),
    ),
    "what is on its way out": lambda tx: outgoing.of(tx, "paper"),
    "sends that go on": lambda tx: replies.hold_doubts(tx, {1, 2}, NOW),
}


@pytest.fixture(scope="module", params=["empty", "empty, analysed", "filled", "filled, analysed"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'vigie.db'}")
    if "filled" in request.param:
        with opened.tx() as tx:
            fill(tx, 20_000)
    if "analysed" in request.param:
        with opened.tx() as tx:
            tx.run("ANALYZE")
    yield opened
    opened.close()


def fill(tx: Tx, count: int) -> None:
    """As after some months: nearly all is answered; every state occurs."""
    tx.run("INSERT INTO policies (version, body, since) VALUES ('p', '{}', 0)")
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    rare = "CASE WHEN i % 50 > 5 THEN {usual} ELSE {others} END"
    state = rare.format(
        usual="'answered'",
        others="substr('new       waiting   escalated answering ignored   deleted   ', i % 50 * 10 + 1, 10)",
    )
    tx.run(
        f"{numbers} INSERT INTO conversations (id, network, thread, author_id)"
        " SELECT i, 'blog', 't' || i % 1000, 'a' || i FROM n"
    )
    tx.run(
        f"{numbers} INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url,"
        " author_id, author_handle, author_name, text, lang, in_reply_to, said, posted_at, heard_at,"
        " addressed, state, due_at, policy, alarm_at)"
        " SELECT i, 'blog', 'old-' || i, 'blog', i, 'comment', '', 'a' || i, '', '', 'Bonjour', 'fr', '', 1,"
        f" i, i, i % 50 <> 4, trim({state}), {NOW} + i, 'p', CASE WHEN i % 50 < 4 THEN {NOW} + i END FROM n"
    )
    tx.run(
        f"{numbers} INSERT INTO replies (mention_id, conversation_id, responder, state, text, template,"
        " candidate, created_at, approved_by, approved_hash, approved_said)"
        " SELECT i, i, 'paper', CASE i % 100 WHEN 0 THEN 'draft' WHEN 1 THEN 'ready' WHEN 2 THEN 'sending'"
        " WHEN 3 THEN 'unsure' ELSE 'sent' END, 'Bonjour', '', 0, i, 'Léa', '', 1 FROM n"
    )
    tx.run(
        f"{numbers} INSERT INTO escalations (key, mention_id, reason, subject, opened_at, ring_at, closed_at)"
        f" SELECT 'mention:' || i, i, '', '', i, {NOW} + i, CASE WHEN i % 50 = 2 THEN NULL ELSE i END FROM n"
    )


@pytest.mark.parametrize("asked", ASKED)
def test_every_query_finds_its_rows_through_an_index(asked: str, store: Store) -> None:
    for sql, plan in _plans(store, ASKED[asked]).items():
        walked = [step for step in plan if _walks(step)]
        assert walked == [], f"{sql}: {plan}"


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_wanted_in_order_is_read_in_order(asked: str, store: Store) -> None:
    for sql, plan in _plans(store, ASKED[asked]).items():
        assert not any("TEMP B-TREE FOR ORDER BY" in step for step in plan), f"{sql}: {plan}"


def test_a_query_without_an_index_is_noticed(store: Store) -> None:
    plans = _plans(store, lambda tx: tx.rows("SELECT id FROM mentions WHERE text = 'x' ORDER BY url"))
    [plan] = plans.values()
    assert [step for step in plan if _walks(step)] == ["SCAN mentions"]
    assert "USE TEMP B-TREE FOR ORDER BY" in plan


def _walks(step: str) -> bool:
    """Whether a step goes through a table from end to end. A list of values that came with the query may be
    walked, and an index that holds only what is in one passing state."""
    if (
        not step.startswith("SCAN")
        or "CONSTANT ROW" in step
        or step in {"SCAN place", "SCAN known", "SCAN some"}
    ):
        return False
    passing = {
        "mentions_new", "mentions_inbox", "replies_sending", "replies_unsure", "escalations_ringing",
        "crises_on", "mentions_assigned", "escalations_unanswered", "escalations_answered",
    }  # fmt: skip
    return passing.isdisjoint(step.split())


class TakeBack(Exception):
    """Ends a transaction."""


def _plans(store: Store, ask: Callable[[Tx], object]) -> dict[str, list[str]]:
    """How each query is planned; whatever was changed is taken back."""

    with suppress(TakeBack), store.tx() as tx:
        recorder = Recorder(tx)
        ask(recorder)
        raise TakeBack
    assert recorder.plans
    return recorder.plans
