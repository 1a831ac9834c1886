"""Seventeen ways in which systems of this kind were seen to lose people, or to answer them twice. Each test
shows one that does not happen here."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from bot.desk import ACTIONS
from bot.errors import Conflict, NotPossible
from bot.exemptions import proposed
from bot.hooks import Door
from bot.policy import Promises
from bot.promises import due_at
from bot.sandbox.faults import Calls, Fault
from bot.sandbox.slack import SIGNING_SECRET
from bot.sandbox.town import BRAND
from bot.slack import SlackDesk
from bot.slack_settings import SlackSettings
from bot.steps import digest
from bot.steps.watch import no_wake
from bot.store import instant, ms
from bot.store.sqlite import SqliteStore
from tests.journeys.test_hooks import free_port
from tests.journeys.test_slack import door, until
from tests.support import webhooks, wordpress_like
from tests.support.house import CONFIG, QUESTION, START, THANKS, House, build_house, comment
from tests.support.sandboxed import NETWORKS, Sandboxed, sandboxed
from tests.support.terminal import Terminal
from tests.support.terms import posted
from tests.support.wordpress_like import Blog

PARIS = ZoneInfo("Europe/Paris")
DAEMONS = """
brand: {{name: Banque Azur, languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  blog: {{url: "{blog}", username: bot, password: "${{BLOG_PASSWORD}}"}}
listeners:
  blog: {{type: wordpress, account: blog, every: 1s}}
responders:
  blog: {{type: wordpress, account: blog}}
  bell: {{type: webhook, url: "{hook}", secret: "${{HOOK_SECRET}}"}}
rules: [{{name: fans, when: {{intents: [praise]}}, template: praise, approve: auto}}]
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Sandboxed]:
    with sandboxed(tmp_path) as house:
        yield house


def accepted(town: Sandboxed, remote_id: str) -> int:
    """How often the network took an answer to this."""
    return sum(one.parent == remote_id for one in town.town.accepted)


def test_01_250_mentions_between_two_polls_with_pages_of_100_are_250_rows_and_none_twice(
    town: Sandboxed,
) -> None:
    town.hear()
    said = []
    for i in range(250):
        town.clock.forward(milliseconds=200)
        said.append(town.says("x", f"p{i % 10}", f"bonjour {i} ?"))
    town.listen()
    town.listen()
    heard = Counter(row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions"))
    assert heard == Counter(said)
    assert len(heard) == 250


def test_02_slack_down_during_a_poll_and_after_its_recovery_every_mention_is_delivered(
    town: Sandboxed,
) -> None:
    town.sandbox.faults.switch_on("slack", Fault.UNAVAILABLE)
    angry = [town.says("x", f"p{i}", f"C'est une honte, ma carte {i} est bloquée !!!") for i in range(4)]
    town.hear()
    town.sweep()
    assert town.slack.messages == []
    assert {row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions")} == set(angry)
    town.sandbox.faults.clear()
    for _ in range(2):
        town.clock.forward(minutes=2)
        town.sweep()
    shown = json.dumps(town.slack.messages, ensure_ascii=False)
    assert all(f"ma carte {i} est bloquée" in shown for i in range(4))


def test_03_the_same_webhook_three_times_in_parallel_is_one_row(town: Sandboxed) -> None:
    remote_id = town.says("facebook", "zoe", "et ma carte ?")
    town.town.add("other")
    value = {
        "item": "comment", "verb": "add", "comment_id": remote_id, "post_id": town.root("facebook"),
        "parent_id": town.root("facebook"), "created_time": int(town.clock().timestamp()),
        "from": {"id": town.town.person("zoe").ids["facebook"], "name": "zoe"}, "message": "et ma carte ?",
    }  # fmt: skip
    page = town.town.brand.ids["facebook"]
    change = {
        "object": "page",
        "entry": [{"id": page, "time": 1, "changes": [{"field": "feed", "value": value}]}],
    }
    body = json.dumps(change).encode()
    signature = hmac.new(b"sandbox-app-secret", body, hashlib.sha256).hexdigest()
    port, woken = free_port(), list[tuple[str, str]]()
    door = Door(town.app.watch, lambda *work: woken.append(work), ("127.0.0.1", port))
    together = threading.Barrier(3)

    def push(_: int) -> int:
        together.wait()
        return httpx.post(
            f"http://127.0.0.1:{port}/hooks/facebook", content=body, timeout=20,
            headers={"X-Hub-Signature-256": f"sha256={signature}"},
        ).status_code  # fmt: skip

    with contextlib.closing(door), ThreadPoolExecutor(3) as three:
        assert list(three.map(push, range(3))) == [200, 200, 200]
        forged = httpx.post(
            f"http://127.0.0.1:{port}/hooks/facebook", content=body + b" ",
            headers={"X-Hub-Signature-256": f"sha256={signature}"},
        )  # fmt: skip
        assert forged.status_code in (401, 403)
    town.listen("facebook")
    assert [row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions")] == [remote_id]
    assert town.audit()["addresses"] == 1


def test_04_the_network_accepts_and_the_connection_drops_is_unsure_and_read_back_and_never_sent_again(
    town: Sandboxed,
) -> None:
    asked = town.says("x", "claire", "à quelle heure ouvrez-vous ?")
    town.hear()
    reply = town.approve(asked)
    town.sandbox.faults.switch_on("x", Fault.DROP_AFTER, Calls.WRITE)
    town.deliver()
    assert town.rows("SELECT state FROM replies WHERE id = ?", reply)[0]["state"] == "unsure"
    town.sandbox.faults.clear()
    for _ in range(3):
        town.clock.forward(seconds=40)
        town.sweep()
        town.deliver()
    assert town.rows("SELECT state FROM replies WHERE id = ?", reply)[0]["state"] == "sent"
    assert town.mention(asked)["state"] == "answered"
    assert accepted(town, asked) == 1


def test_05_a_follow_up_read_that_fails_after_the_post_was_accepted_makes_no_second_post(
    town: Sandboxed,
) -> None:
    asked = town.says("facebook", "claire", "à quelle heure ouvrez-vous ?")
    town.hear()
    reply = town.approve(asked)
    town.sandbox.faults.switch_on("graph", Fault.ERROR_AFTER, Calls.WRITE)
    town.sandbox.faults.switch_on("graph", Fault.UNAVAILABLE, Calls.READ)
    town.deliver()
    for _ in range(4):
        town.clock.forward(seconds=40)
        town.sweep()
        town.deliver()
        assert town.rows("SELECT state FROM replies WHERE id = ?", reply)[0]["state"] == "unsure"
    town.sandbox.faults.clear()
    town.clock.forward(minutes=5)
    town.sweep()
    town.deliver()
    assert town.rows("SELECT state FROM replies WHERE id = ?", reply)[0]["state"] == "sent"
    assert accepted(town, asked) == 1


def test_06_two_approvers_in_the_same_second_are_one_post_and_the_second_is_told_who_won(
    town: Sandboxed,
) -> None:
    settings = SlackSettings(
        responder="bell", users={"U0LEA": "lea", "U0MAX": "max"}, signing_secret=SecretStr(SIGNING_SECRET)
    )
    slack, won = SlackDesk(town.app, settings), Counter[str]()
    with door(slack) as url, ThreadPoolExecutor(2) as two:
        for i in range(12):
            asked = town.says("x", f"p{i}", f"à quelle heure ouvrez-vous le {i} ?")
            town.hear()
            reply = town.draft(asked)  # in words of its own: X takes no text twice
            before = town.mention(asked)
            town.app.desk.edit(before["id"], reply, f"À neuf heures, le {i} aussi.", before["version"], "lea")
            slack.board.tick()
            row, whispers = town.mention(asked), len(town.slack.whispers)
            click = town.slack.people.pressed("U0MAX", about(town, row["id"])["ts"], "approve")
            together = threading.Barrier(2)
            in_slack = two.submit(lambda: (together.wait(), town.slack.people.tell(url, click)))  # noqa: B023
            at_the_desk = two.submit(lambda: (together.wait(), told_at_the_desk(town, reply, row["version"])))  # noqa: B023
            in_slack.result()
            told = at_the_desk.result()[1]
            if not told:
                until(lambda: len(town.slack.whispers) > whispers)  # noqa: B023
                told = town.slack.whispers[-1]["text"]
            town.deliver()
            (approved,) = town.rows(
                "SELECT actor FROM events WHERE kind = 'approved' AND mention_id = ?", row["id"]
            )
            won[approved["actor"]] += 1
            assert f"{approved['actor']} approved a reply" in told
            assert accepted(town, asked) == 1
    print(dict(won))


def about(town: Sandboxed, mention_id: int) -> dict[str, Any]:
    """Slack's message about a mention."""
    for message in town.slack.messages:
        if message.get("metadata", {}).get("event_payload", {}).get("mention") == mention_id:
            return dict(message)
    raise AssertionError(f"no message about mention {mention_id}")


def told_at_the_desk(town: Sandboxed, reply: int, seen: int) -> str:
    """Léa approves, as from the web or a terminal; what she is told if somebody was first."""
    try:
        town.app.desk.approve(reply, seen, "lea")
    except Conflict as error:
        return str(error)
    return ""


@pytest.mark.parametrize("reason", ["", "closed", "snoozed", "archived"])
def test_07_to_close_an_unanswered_address_without_a_reason_is_refused_and_it_stays_counted(
    house: House, reason: str
) -> None:
    house.hears(comment("1", QUESTION))
    row = house.mention("1")
    with pytest.raises(NotPossible, match="known are: no_answer_needed"):
        house.desk.exempt(row["id"], reason, row["version"], "Léa")
    verbs = {verb for state in ACTIONS for verb in ACTIONS[state]}
    assert verbs.isdisjoint({"close", "snooze", "archive", "ignore", "resolve_without_answer"})
    with pytest.raises(sqlite3.IntegrityError), house.app.watch.store.tx() as tx:
        tx.run("UPDATE mentions SET state = 'ignored'")
    for act in (house.desk.assign, house.desk.escalate):
        act(row["id"], "Malik", house.mention("1")["version"], "Léa")
    books = house.audit()
    assert (books["addresses"], books["open"], books["balanced"]) == (1, 1, True)
    assert house.mention("1")["due_at"] == row["due_at"]


def test_08_what_a_machine_sends_by_itself_and_an_acknowledgement_stop_no_clock_but_their_own(
    tmp_path: Path,
) -> None:
    rules = "rules: [{name: fans, when: {intents: [praise]}, template: praise, approve: auto}]\n"
    house = build_house(tmp_path, CONFIG, rules)
    house.hears(comment("1", QUESTION, conversation="t"))
    due = house.mention("1")["due_at"]
    house.hears(comment("2", THANKS, conversation="t"))
    house.deliver()
    assert [reply.mention.remote_id for reply in house.paper.published] == ["2"]
    assert (house.mention("1")["state"], house.mention("1")["due_at"]) == ("waiting", due)
    house.clock.now = instant(due) + timedelta(minutes=1)
    house.sweep()
    house.desk.acknowledge(house.mention("1")["id"], "Léa")
    books = house.audit()
    assert (books["open"], books["overdue"]) == (1, 1)
    assert house.mention("1")["due_at"] == due


def test_08_a_holding_reply_stops_no_clock_and_the_answer_is_still_owed(tmp_path: Path) -> None:
    rules = (
        "rules: [{name: seen, when: {intents: [praise]}, template: seen, approve: auto}]\n"
        'templates: [{name: seen, by_rule: true, holding: true, text: "Merci, nous regardons."}]\n'
    )
    house = build_house(tmp_path, CONFIG, rules)
    house.hears(comment("1", THANKS))
    due = house.mention("1")["due_at"]
    house.deliver()
    assert [reply.text for reply in house.paper.published] == ["Merci, nous regardons."]
    assert (house.mention("1")["state"], house.mention("1")["due_at"]) == ("waiting", due)
    assert (house.audit()["open"], house.audit()["answered"]) == (1, 0)
    house.clock.now = instant(due) + timedelta(minutes=1)
    house.sweep()
    assert house.audit()["overdue"] == 1
    assert house.paper.told, "the bell rings as if nothing had been said"
    house.approve("1")
    house.deliver()
    assert len(house.paper.published) == 2
    assert (house.audit()["open"], house.audit()["answered"], house.audit()["balanced"]) == (0, 1, True)


def test_09_a_person_who_answers_merci_is_a_proposed_exemption_no_breach_and_audited(tmp_path: Path) -> None:
    rule = "rules: [{name: thanks, when: {needs_answer: false}, exempt: no_answer_needed}]\n"
    for name, extra in (("by hand", ""), ("by rule", rule)):
        (tmp_path / name).mkdir()
        house = build_house(tmp_path / name, CONFIG, extra)
        house.hears(comment("1", QUESTION, conversation="t"))
        house.approve("1")
        house.deliver()
        house.hears(comment("2", "merci !", conversation="t", in_reply_to="1"))
        row = house.mention("2")
        assert proposed(json.loads(row["analysis"])) == "no_answer_needed"
        if not extra:
            assert (row["state"], house.audit()["open"]) == ("waiting", 1)
            house.desk.exempt(row["id"], "", row["version"], "Léa")
        digest(house.app.watch, no_wake)
        books = house.audit()
        assert (books["overdue"], books["exemptions"]) == (0, {"no_answer_needed": 1})
        assert books["answer_rate"] == {"all": 0.5, "after_exemptions": 1.0}
        assert books["sample"]["waiting"] == (1 if extra else 0)
        assert books["balanced"]


def test_10_office_hours_a_holiday_and_the_nights_of_summer_time_are_counted_right() -> None:
    office = {"timezone": "Europe/Paris", "hours": {"mon-fri": ["09:00-12:00", "14:00-17:00"]}}
    monday_off = {**office, "closed": ["2026-04-06"]}  # Easter Monday

    def due(calendar: dict[str, Any], at: str, within: str = "1h") -> str:
        policy = Promises.model_validate({"calendar": calendar, "targets": [{"answer_within": within}]})
        found = due_at(policy, posted(datetime.fromisoformat(at)))
        return f"{found.astimezone(PARIS):%a %d %H:%M}"

    assert due(monday_off, "2026-04-03T16:30+02:00") == "Tue 07 09:30"
    assert due({**office, "holidays": {"country": "FR"}}, "2026-04-03T16:30+02:00") == "Tue 07 09:30"
    always = {"timezone": "Europe/Paris", "hours": {"mon-sun": ["00:00-24:00"]}}
    assert due(always, "2026-03-29T01:30+01:00", "2h") == "Sun 29 04:30"  # an hour is skipped
    assert due(always, "2026-10-25T01:30+02:00", "2h") == "Sun 25 02:30"  # an hour comes twice
    night = {"timezone": "Europe/Paris", "hours": {"sun": ["01:00-04:00"]}}
    assert due(night, "2026-03-29T00:00+01:00", "2h") == "Sun 29 04:00"  # open for 2 hours only
    assert due(night, "2026-10-25T00:00+02:00", "4h") == "Sun 25 04:00"  # open for 4 hours


def test_11_a_new_policy_leaves_what_was_promised_before_under_its_version(tmp_path: Path) -> None:
    before = build_house(tmp_path, CONFIG, "promises: {targets: [{answer_within: 4h}]}\n")
    before.hears(comment("1", QUESTION))
    old = before.mention("1")
    after = build_house(tmp_path, CONFIG, "promises: {targets: [{answer_within: 1h}]}\n", before.clock)
    after.hears(comment("2", QUESTION, by="zoe"))
    kept, new = after.mention("1"), after.mention("2")
    assert (kept["due_at"], kept["policy"]) == (old["due_at"], old["policy"])
    assert kept["policy"] != new["policy"]
    assert (old["due_at"] - ms(START), new["due_at"] - ms(START)) == (4 * 3_600_000, 3_600_000)
    assert after.audit()["balanced"]


def test_12_a_revoked_token_is_an_incident_in_one_poll_and_the_gap_is_filled_after_its_renewal(
    town: Sandboxed,
) -> None:
    town.hear()
    town.sandbox.faults.switch_on("graph", Fault.TOKEN_EXPIRED, Calls.ALL)
    missed = town.says("facebook", "claire", "il y a quelqu'un ?")
    town.hear()
    (incident,) = town.rows("SELECT key FROM escalations WHERE closed_at IS NULL")
    assert incident["key"] == "account:page"
    town.hear(hours=3)
    town.sandbox.faults.clear()
    town.hear()
    assert town.mention(missed)["state"] in ("waiting", "escalated")
    assert town.rows("SELECT key FROM escalations WHERE closed_at IS NULL AND key LIKE 'account:%'") == []
    (record,) = [one for one in town.audit()["sources"] if one["listener"] == "facebook"]
    assert (record["failing_since"], record["gaps"]) == (None, [])


def test_13_no_sender_no_words_an_emoji_alone_and_a_deleted_parent_are_all_kept(town: Sandboxed) -> None:
    parent = town.says("x", "zoe", "je vous recommande ?")
    town.hear()
    orphan = town.says("x", "max", "moi aussi, et vous ?", to=parent)
    town.town.delete("x", parent)
    emoji = town.says("x", "ana", "😡")
    photo = town.says("facebook", "claire", "", photo=True)
    town.sandbox.faults.switch_on("graph", Fault.FROM_MISSING, Calls.READ)
    nobody = town.says("facebook", "hidden", "et ma carte ?")
    town.hear()
    town.sandbox.faults.clear()
    for one in (orphan, emoji, photo, nobody):
        row = town.mention(one)
        assert (row["addressed"], row["state"] in ("waiting", "escalated", "new")) == (1, True), dict(row)
    assert (town.mention(photo)["text"], town.mention(nobody)["author_id"]) == ("", "")
    assert town.audit()["open"] >= 4


def test_14_what_the_brand_says_itself_is_never_a_case_and_its_native_answer_closes_the_address(
    town: Sandboxed,
) -> None:
    town.town.say("x", BRAND, f"Bonjour à tous, ici @{BRAND}")
    asked = {network: town.says(network, "claire", "à quelle heure ouvrez-vous ?") for network in NETWORKS}
    town.hear()
    for network, number in asked.items():
        town.town.say(network, BRAND, "À 9 heures !", to=number)
    town.hear()
    heard = {row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions")}
    assert heard == set(asked.values())
    assert [town.mention(number)["state"] for number in asked.values()] == ["answered", "answered"]
    assert {row["how"] for row in answers(town)} == {"native"}
    assert town.town.accepted == []
    assert town.audit()["answer_rate"] == {"all": 1.0, "after_exemptions": 1.0}


def answers(town: Sandboxed) -> list[dict[str, Any]]:
    return [json.loads(row["data"]) for row in town.rows("SELECT data FROM events WHERE kind = 'answered'")]


@pytest.mark.timeout(180)
def test_15_two_daemons_on_one_store_run_each_job_once(tmp_path: Path) -> None:
    with (
        wordpress_like.running(Blog(faults=wordpress_like.Faults(duplicates_welcome=True))) as blog,
        webhooks.receiving() as receiver,
    ):
        (tmp_path / "config.yaml").write_text(DAEMONS.format(blog=blog.url, hook=receiver.url), "utf-8")
        secrets = {"BLOG_PASSWORD": "open sesame", "HOOK_SECRET": webhooks.SECRET}
        terminal = Terminal(tmp_path, secrets)
        for i in range(40):
            blog.visitor_comment(f"{THANKS} {i}", name=f"p{i}", at=datetime.now(UTC))
        with terminal.daemon() as one, terminal.daemon() as other:
            one.until(lambda: other.process.poll() is None and len(blog.posted) >= 20)
            for i in range(40, 60):
                blog.visitor_comment(f"{THANKS} {i}", name=f"p{i}", at=datetime.now(UTC))
            one.until(lambda: len(blog.posted) >= 60)
            one.until(lambda: terminal.json("audit")["answered"] == 60)
            one.end()
            other.end()
        assert Counter(Counter(one["parent"] for one in blog.posted).values()) == {1: 60}
        store = SqliteStore(tmp_path / "vigie.db")
        with store.read() as tx:
            kinds = Counter(row["kind"] for row in tx.rows("SELECT kind FROM events"))
        store.close()
    assert {kinds[kind] for kind in ("heard", "triaged", "approved", "attempted", "sent", "answered")} == {60}
    assert receiver.forged == 0


def test_16_where_a_secret_is_missing_it_refuses_to_start(tmp_path: Path) -> None:
    port = free_port()
    whole = f"""
brand: {{name: Banque Azur}}
accounts: {{page: {{page_id: "1", token: "${{TOKEN}}", app_secret: "${{APP_SECRET}}"}}}}
listeners: {{page: {{type: facebook, account: page}}}}
responders: {{hook: {{type: webhook, url: "http://127.0.0.1:9/x", secret: "${{HOOK_SECRET}}"}}}}
hooks: {{listen: "127.0.0.1:{port}"}}
"""
    secrets = {"TOKEN": "a-token-of-a-page", "APP_SECRET": "an-app-secret", "HOOK_SECRET": webhooks.SECRET}
    (tmp_path / "config.yaml").write_text(whole, "utf-8")
    assert Terminal(tmp_path, secrets).vigie("check").returncode == 0
    for name in secrets:
        for given in ({**secrets, name: ""}, {key: value for key, value in secrets.items() if key != name}):
            done = Terminal(tmp_path, given).vigie("run")
            assert done.returncode == 2
            assert f"the environment variable {name} is not set" in done.stderr
            assert "nothing was started" in done.stderr
    for lacking in ('app_secret: "${APP_SECRET}"', 'secret: "${HOOK_SECRET}"'):
        (tmp_path / "config.yaml").write_text(re.sub(f", {re.escape(lacking)}", "", whole), "utf-8")
        done = Terminal(tmp_path, secrets).vigie("run")
        assert (done.returncode, "this key is missing" in done.stderr) == (2, True), done.stderr
    with pytest.raises(ValidationError, match="no button would work"):
        SlackSettings(users={"U0LEA": "lea"}, signing_secret=SecretStr(""))


COLUMNS = ("at", "kind", "mention_id", "reply_id", "source", "actor", "data", "hash")


@pytest.mark.parametrize("column", COLUMNS)
def test_17_the_audit_notices_one_altered_row_of_the_log(house: House, tmp_path: Path, column: str) -> None:
    for i in range(4):
        house.hears(comment(str(i), QUESTION, by=f"p{i}"))
    house.approve("1")
    house.deliver()
    assert house.audit()["balanced"]
    seq = house.row("SELECT seq FROM events WHERE kind = 'answered'")["seq"]
    other: dict[str, Any] = {"at": 1, "mention_id": 3, "reply_id": 7, "kind": "exempted", "hash": "0" * 64}
    with contextlib.closing(sqlite3.connect(tmp_path / "vigie.db")) as raw, raw:
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            raw.execute("UPDATE events SET actor = 'somebody' WHERE seq = ?", (seq,))
        raw.execute("DROP TRIGGER events_are_never_changed")
        raw.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (other.get(column, "{}"), seq))
    books = house.audit()
    assert (books["balanced"], books["chain"]["ok"]) == (False, False)
    assert f"event {seq} is not what was written" in books["problems"][0]
