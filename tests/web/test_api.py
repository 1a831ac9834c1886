"""The API: what the pages do, for programs."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import App
from bot.desk import Desk
from bot.errors import Unsure
from bot.store.sqlite import SqliteStore
from bot.web.api.pace import Pace
from bot.web.api.watch import AUDITING
from tests.support.house import ANGRY, CONFIG, QUESTION, START, THANKS, Clock, House, build_house, comment
from tests.support.program import program
from tests.support.signed_in import browser, signed_in
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from httpx import Response

PROBLEM = "application/problem+json"


def problem(answer: Response, status: int, kind: str = "") -> dict[str, Any]:
    """The problem that it tells of."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["type"] == (f"urn:vigie:problem:{kind}" if kind else "about:blank")
    assert told["title"]
    assert told["detail"]
    return told


@pytest.fixture
def asked(house: House) -> House:
    """Two people wait."""
    house.hears(comment("c1", QUESTION), comment("c2", ANGRY, by="paul"))
    return house


# --- Reading -------------------------------------------------------------------------------------


def test_the_queue_comes_in_the_order_of_its_promises(house: House) -> None:
    for number in range(7):
        house.hears(comment(f"c{number}", QUESTION, by=f"p{number}"))
        house.clock.forward(minutes=7)
    crm = program(house, "read", "viewer")
    found, cursor, pages = list[int](), dict[str, str](), 0
    while True:
        page = crm.get("/mentions", limit=3, **cursor).json()
        found += [one["id"] for one in page["mentions"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    order = house.rows("SELECT id FROM mentions ORDER BY due_at, id")
    assert found == [row["id"] for row in order]
    assert pages == 3


def test_who_comes_in_between_two_pages_puts_nobody_out(house: House) -> None:
    for number in range(4):
        house.hears(comment(f"c{number}", QUESTION, by=f"p{number}"))
    crm = program(house, "read")
    first = crm.get("/mentions", limit=2).json()
    house.hears(comment("new", ANGRY, by="zoe"))
    second = crm.get("/mentions", limit=2, cursor=first["next"]).json()
    assert [m["remote_id"] for m in first["mentions"] + second["mentions"]] == ["c0", "c1", "c2", "c3"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"c1", "c2"}),
        ({"sentiment": "negative"}, {"c2"}),
        ({"intent": "question"}, {"c1"}),
        ({"network": "elsewhere"}, set()),
        ({"state": "escalated"}, {"c2"}),
        ({"assignee": "Paul"}, {"c1"}),
        ({"assignee": ""}, {"c2"}),
        ({"due_by": "2026-03-10T09:00:01Z"}, set()),
        ({"due_by": "2026-04-10T09:00:01Z"}, {"c1", "c2"}),
        ({"state": "all"}, {"c1", "c2"}),
        ({"state": "answered"}, set()),
    ],
)
def test_the_queue_is_narrowed(asked: House, params: dict[str, str], expected: set[str]) -> None:
    asked.desk.assign(1, "Paul", asked.mention("c1")["version"], "Léa")
    found = program(asked, "read").get("/mentions", **params).json()["mentions"]
    assert {m["remote_id"] for m in found} == expected


def test_one_mention_comes_with_all_that_belongs_to_it(asked: House) -> None:
    crm = program(asked)
    crm.post("/mentions/1/note", text="a regular guest")
    one = crm.get("/mentions/1").json()
    assert one["author"]["name"] == "Claire"
    assert one["person"]["said"] == 1
    assert one["tags"]["intent"] == "question"
    assert one["promise"]["due_at"].endswith("+00:00")
    assert one["conversation"][0]["text"] == QUESTION
    assert one["drafts"][0]["state"] == "draft"
    assert one["notes"][0]["text"] == "a regular guest"
    assert one["history"][0]["kind"] == "heard"
    assert "approve" in one["actions"]


def test_it_is_the_same_as_the_command_line_prints(asked: House, tmp_path: Path) -> None:
    printed = Terminal(tmp_path, {}).json("show", "1")
    told = program(asked, role="admin").get("/mentions/1").json()
    printed.pop("prices")
    assert printed == told


def test_search_finds_words_in_any_case_without_accents(asked: House) -> None:
    crm = program(asked, "read")
    assert [m["remote_id"] for m in crm.get("/search", q="BLOQUEE depuis").json()["mentions"]] == ["c2"]
    assert crm.get("/search", q="nothing of the kind").json()["mentions"] == []
    assert crm.get("/search", q='"*) OR 1').json()["mentions"] == []


def test_what_rings_is_listed_and_acknowledged(asked: House) -> None:
    crm = program(asked)
    [ringing] = crm.get("/escalations").json()["escalations"]
    assert ringing["key"] == "mention:2"
    done = crm.post("/escalations/mention:2/acknowledge").json()
    assert done["acknowledged_by"] == "Léa"
    assert crm.post("/escalations/mention:2/acknowledge").json() == done, "twice does no harm"
    problem(crm.post("/escalations/source:nobody/acknowledge"), 404)


def test_sources_and_the_proof_are_told(asked: House) -> None:
    crm = program(asked, "read", "viewer")
    [source] = crm.get("/sources").json()["sources"]
    assert (source["listener"], source["complete_to"]) == ("blog", "2026-03-10T09:00:00+00:00")
    proof = crm.get("/audit").json()
    assert proof["balanced"]
    assert proof == asked.audit()


def test_figures_are_those_of_the_reports(asked: House) -> None:
    crm = program(asked, "read", "viewer")
    told = crm.get("/figures").json()
    assert told["to"] == "2026-03-10"
    assert told["tables"]["books"][0]["addresses"] == 2
    swapped = crm.get("/figures", **{"from": "2026-03-11", "to": "2026-03-02"}).json()
    assert (swapped["from"], swapped["to"]) == ("2026-03-02", "2026-03-11")
    for path, name in (("/figures", "to"), ("/figures", "from"), ("/mentions", "due_by")):
        refused = crm.get(path, **{name: "yesterday"})
        problem(refused, 422, "invalid")
        assert "yesterday" not in refused.text


# --- Acting --------------------------------------------------------------------------------------


def test_a_draft_that_a_program_approves_is_sent_in_the_name_of_its_user(asked: House) -> None:
    crm = program(asked)
    draft = crm.get("/mentions/1").json()["drafts"][0]
    done = crm.post(f"/replies/{draft['id']}/approve", version=crm.version(1))
    assert done.json()["state"] == "answering"
    assert ("deliver", "paper") in asked.woken
    asked.deliver()
    assert crm.get("/mentions/1").json()["state"] == "answered"
    assert asked.row("SELECT actor FROM events WHERE kind = 'approved'")["actor"] == "Léa"
    assert asked.audit()["balanced"]


def test_the_whole_desk_can_be_reached(asked: House) -> None:
    crm = program(asked, role="lead")

    def does(path: str, **body: Any) -> Any:
        answer = crm.post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert does("/mentions/1/assign", to="Paul", version=crm.version(1))["assignee"] == "Paul"
    assert does("/mentions/1/handover", process="sales", version=crm.version(1))["process"] == "sales"
    does("/mentions/1/correct", sentiment="positive", intents=["praise"], version=crm.version(1))
    assert crm.get("/mentions/1").json()["intent"] == "praise"
    assert does("/mentions/1/escalate", reason="a journalist", version=crm.version(1))["state"] == "escalated"
    does("/mentions/1/acknowledge")
    written = does("/mentions/1/draft", text="Bonjour Claire", version=crm.version(1))["drafts"][-1]
    edited = does(f"/replies/{written['id']}/edit", text="Bonjour !", version=crm.version(1))["drafts"]
    assert edited[-1]["text"] == "Bonjour !"
    assert (
        does(f"/replies/{written['id']}/reject", version=crm.version(1))["drafts"][-1]["state"] == "discarded"
    )
    assert does("/mentions/1/exempt", reason="spam", version=crm.version(1))["state"] == "exempted"
    assert does("/mentions/1/reopen", version=crm.version(1))["state"] == "waiting"
    assert does("/mentions/1/outcome", what="resolved")["outcome"] == "resolved"
    does("/mentions/1/note", text="as agreed on the phone")
    unmarked = "SELECT kind FROM events WHERE actor = 'Léa' AND data NOT LIKE '%\"token\":1%'"
    assert asked.rows(unmarked) == []
    assert asked.audit()["balanced"]


def test_what_somebody_found_posted_is_noted_with_the_token_too(asked: House) -> None:
    asked.paper.next_ = [Unsure("no answer in time")]
    reply = asked.approve("c1")
    asked.deliver()
    crm = program(asked)
    answer = crm.post(
        f"/replies/{reply}/resolve", verdict="sent", url="https://blog.example/r", version=crm.version(1)
    )
    assert answer.json()["state"] == "answered"
    said = {one["kind"]: (one["actor"], one["token"]) for one in answer.json()["history"]}
    assert (said["approved"], said["sent"]) == (("Léa", None), ("Léa", 1))
    assert asked.audit()["balanced"]


def test_who_comes_second_is_told_who_was_first_and_the_version_of_now(asked: House) -> None:
    crm, seen = program(asked, name="Paul"), asked.mention("c1")["version"]
    asked.approve("c1", "Léa")
    told = problem(crm.post("/mentions/1/exempt", reason="spam", version=seen), 409, "conflict")
    assert "Léa approved a reply" in told["detail"]
    assert told["version"] == crm.version(1)
    assert asked.mention("c1")["state"] == "answering"


def test_a_verb_without_the_version_that_was_seen_does_nothing(asked: House) -> None:
    told = problem(program(asked).post("/mentions/1/exempt", reason="spam"), 422, "invalid")
    assert told["errors"] == [{"where": "#/version", "detail": "Field required"}]
    assert asked.mention("c1")["state"] == "waiting"


@pytest.mark.parametrize("version", ["2", 2.5, True, None, -1, 2**70, [1]])
def test_a_version_is_a_whole_number(asked: House, version: Any) -> None:
    problem(program(asked).post("/mentions/1/assign", to="Paul", version=version), 422, "invalid")


def test_what_does_not_fit_where_it_stands_is_a_conflict_of_its_own_kind(asked: House) -> None:
    crm = program(asked)
    told = problem(
        crm.post("/mentions/1/exempt", reason="because", version=crm.version(1)), 409, "not-possible"
    )
    assert "no reason for an exemption" in told["detail"]


def test_a_verb_above_the_role_of_the_user_is_refused_by_the_desk(asked: House) -> None:
    crm = program(asked)
    crm.post("/mentions/1/exempt", reason="spam", version=crm.version(1))
    problem(crm.post("/mentions/1/reopen", version=crm.version(1)), 403, "role")
    assert asked.mention("c1")["state"] == "exempted"


def test_a_token_that_may_read_cannot_act(asked: House) -> None:
    crm = program(asked, "read")
    refused = crm.post("/mentions/1/assign", to="Paul", version=crm.version(1))
    problem(refused, 403, "scope")
    assert 'error="insufficient_scope", scope="act"' in refused.headers["www-authenticate"]
    problem(crm.get("/deliveries"), 403, "scope")


# --- Bringing in ---------------------------------------------------------------------------------


def test_a_mention_from_another_system_takes_the_way_of_all(house: House) -> None:
    crm = program(house)
    line = {"text": QUESTION, "network": "forum", "remote_id": "f1", "addressed": True, "author": {"id": "x"}}
    assert crm.post("/mentions", **line).json() == {"new": 1, "known": 0, "bad": []}
    assert ("triage", "") in house.woken
    house.triage()
    [one] = crm.get("/mentions").json()["mentions"]
    assert (one["network"], one["remote_id"], one["intent"]) == ("forum", "f1", "question")
    assert one["due_at"] is not None
    assert crm.post("/mentions", **line).json() == {"new": 0, "known": 1, "bad": []}
    assert house.audit()["balanced"]


def test_of_many_lines_the_good_ones_are_kept_and_the_bad_ones_named(house: House) -> None:
    lines = b'{"text": "one"}\n\nnot json\n{"txt": "two"}\n{"text": "three"}\n'
    told = program(house).send("/mentions", lines, "application/x-ndjson").json()
    assert told["new"] == 2
    assert [fault["line"] for fault in told["bad"]] == [3, 4]
    assert told["bad"][1]["detail"] == "text is missing"


def test_thousands_of_lines_come_in_at_once(house: House) -> None:
    lines = "".join(f'{{"text": "{QUESTION} {n}", "addressed": true}}\n' for n in range(1200))
    crm = program(house)
    assert crm.send("/mentions", lines.encode(), "application/x-ndjson").json()["new"] == 1200
    assert crm.send("/mentions", lines.encode(), "application/x-ndjson").json()["known"] == 1200
    assert house.audit()["addresses"] == 1200


def test_a_single_one_that_is_bad_is_refused_without_its_words(house: House) -> None:
    answer = program(house).post("/mentions", text="a secret matter", posted_at="yesterday")
    told = problem(answer, 422, "invalid")
    assert "posted_at must be a date" in told["errors"][0]["detail"]
    assert "secret" not in answer.text


def test_an_answer_by_the_brand_closes_addresses_so_it_asks_for_an_administrator(asked: House) -> None:
    line = {"text": "Bonjour", "network": "blog", "in_reply_to": "c1", "own": True}
    problem(program(asked).post("/mentions", **line), 403, "scope")
    assert asked.mention("c1")["state"] == "waiting"
    admin = program(asked, "admin", "admin", "Ada")
    assert admin.post("/mentions", **line).status_code == 200
    assert asked.mention("c1")["state"] == "answered"


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""]
)
def test_only_json_is_read(house: House, kind: str) -> None:
    problem(program(house).send("/mentions", b'{"text": "x"}', kind), 415)


# --- The door ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer  ", "Bearer nonsense", "Basic dmlnaWU6eA==", "bearer \t"]
)
@pytest.mark.parametrize("path", ["/mentions", "/mentions/1", "/nowhere", "/audit", "/openapi.json/"])
def test_without_a_token_that_is_good_there_is_nothing(
    house: House, authorization: str | None, path: str
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    refused = browser(house).get(f"/api{path}", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == PROBLEM
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_a_session_of_the_inbox_opens_nothing_here(house: House) -> None:
    assert signed_in(house, "admin").get("/api/mentions").status_code == 401


def test_the_description_is_open_and_names_every_route(house: House) -> None:
    found = browser(house).get("/api/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert found["servers"] == [{"url": "/api"}]
    for path, verbs in found["paths"].items():
        for verb, route in verbs.items():
            assert route["security"] == [{"token": [route["security"][0]["token"][0]]}], (verb, path)
            assert {"401", "403", "429", "503"} <= set(route["responses"]), (verb, path)


def test_there_are_no_pages_with_scripts_of_others(house: House) -> None:
    crm = program(house)
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        problem(crm.get(path), 404)


def test_a_token_may_call_so_often_and_no_more(tmp_path: Path) -> None:
    house = build_house(tmp_path, CONFIG + "web: {api_calls: 5}\n")
    crm, other = program(house, "read"), program(house, "read", name="Paul")
    statuses = [crm.get("/sources").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = crm.get("/sources")
    problem(refused, 429, "too-many")
    assert 1 <= int(refused.headers["retry-after"]) <= 12
    assert other.get("/sources").status_code == 200
    house.clock.forward(seconds=int(refused.headers["retry-after"]))
    assert crm.get("/sources").status_code == 200


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    pace, clock = Pace(2), Clock()
    assert [pace.take(1, clock()) for _ in range(2)] == [0, 0]
    clock.now = START.replace(year=2020)
    assert 0 < pace.take(1, clock()) <= 30
    clock.forward(minutes=1)
    assert pace.take(1, clock()) == 0


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_too_large_is_not_read(house: House, declared: bool) -> None:
    crm = program(house)
    lines = b'{"text": "x"}\n' * 100_000
    content = lines if declared else iter([lines[:700_000], lines[700_000:]])
    answer = crm.client.post(
        "/api/mentions", content=content, headers={"content-type": "application/x-ndjson"}
    )
    problem(answer, 413)
    assert house.rows("SELECT 1 FROM mentions") == []


def test_errors_of_the_address_and_the_method_are_problems_too(house: House) -> None:
    crm = program(house)
    problem(crm.get("/mentions/999"), 404)
    problem(crm.get("/no/such/thing"), 404)
    problem(crm.get("/mentions/nine"), 422, "invalid")
    problem(crm.get(f"/mentions/{2**63}"), 422, "invalid")
    wrong = crm.client.delete("/api/mentions/1")
    problem(wrong, 405)
    assert wrong.headers["allow"] == "GET"
    problem(crm.send("/mentions/1/assign", b'{"to": ', "application/json"), 422, "invalid")
    problem(crm.send("/mentions/1/assign", b"\xff\xfe{", "application/json"), 400)
    problem(crm.send("/mentions/1/assign", b"[" * 100_000, "application/json"), 400)


def test_what_the_gate_turns_away_is_told_as_a_problem_too(house: House) -> None:
    crm = program(house)
    problem(crm.client.get("/api/mentions", headers={"host": "evil.example"}), 421)
    foreign = {"origin": "https://evil.example"}
    problem(crm.client.post("/api/mentions", json={"text": "x"}, headers=foreign), 403)
    problem(crm.client.get("/api/a%0Ab"), 404)
    assert house.rows("SELECT 1 FROM mentions") == []


def test_the_whole_log_is_read_by_one_at_a_time(house: House) -> None:
    crm = program(house, "read")
    with AUDITING:
        refused = crm.get("/audit")
    problem(refused, 429, "too-many")
    assert refused.headers["retry-after"] == "10"
    assert crm.get("/audit").status_code == 200


def test_nothing_that_was_sent_comes_back_in_an_error(house: House) -> None:
    crm = program(house)
    answer = crm.post("/mentions/1/assign", to="hunter2" * 60, version="hunter2", hunter2="hunter2")
    told = problem(answer, 422, "invalid")
    assert {error["where"] for error in told["errors"]} == {"#/to", "#/version", "#/hunter2"}
    assert "hunter2hunter2" not in answer.text


def test_a_store_that_cannot_be_written_is_told_as_such(asked: House, tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "vigie.db", busy_timeout=0.05)) as store:
        watch = replace(asked.app.watch, store=store)
        crm = program(replace(asked, app=App(watch, Desk(store, watch.settings, asked.clock))))
        version = crm.version(1)
        with closing(sqlite3.connect(tmp_path / "vigie.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = crm.post("/mentions/1/assign", to="Paul", version=version)
        problem(refused, 503, "store-unavailable")
        assert refused.headers["retry-after"] == "5"
        assert crm.post("/mentions/1/assign", to="Paul", version=version).status_code == 200


def test_what_nobody_foresaw_is_logged_without_words_and_told_without_trace(
    asked: House, caplog: pytest.LogCaptureFixture
) -> None:
    crm = program(asked, "read")
    with asked.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET analysis = ? WHERE id = 1", ('["broken by hand"]',))
    with caplog.at_level(logging.ERROR, "vigie"):
        answer = crm.get("/mentions/1")
    problem(answer, 500, "unexpected")
    assert "Traceback" not in answer.text
    assert "unexpected" in caplog.text
    assert "broken by hand" not in caplog.text + json.dumps(answer.json())


def test_its_answers_carry_the_headers_of_all(house: House) -> None:
    headers = program(house).get("/mentions").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_thanks_that_need_no_answer_say_what_is_proposed(house: House) -> None:
    house.hears(comment("c1", THANKS))
    crm = program(house)
    one = crm.get("/mentions/1").json()
    assert one["proposed"] == "no_answer_needed"
    done = crm.post("/mentions/1/exempt", version=one["version"])
    assert done.json()["state"] == "exempted"
