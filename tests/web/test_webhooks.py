"""Other systems are told what happened: signed, at least once, and never before it is so."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.config import load
from bot.errors import ConfigError
from bot.steps.webhooks import GIVEN_UP, KEPT, backoff, webhooks
from bot.store import Row, hook_deliveries, ms
from bot.webhook_settings import KINDS, USUAL
from tests.support.house import ANGRY, CONFIG, QUESTION, START, House, build_house, comment
from tests.support.signed_in import signed_in

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes or more").decode()


@dataclass
class Crm:
    """Another system, on loopback: what came, and what it answers with."""

    url: str = ""
    came: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    says: bytes = b"thank you"

    def bodies(self, kind: str = "") -> list[dict[str, Any]]:
        return [one["body"] for one in self.came if kind in ("", one["body"]["type"])]

    def ids(self) -> list[str]:
        return [one["headers"]["webhook-id"] for one in self.came]


class _Handler(BaseHTTPRequestHandler):
    crm: Crm

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.crm.came.append({"headers": headers, "raw": raw, "body": json.loads(raw)})
        self.send_response(self.crm.statuses.pop(0) if self.crm.statuses else 200)
        for name, value in self.crm.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.crm.says)))
        self.end_headers()
        self.wfile.write(self.crm.says)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM", SECRET)


@pytest.fixture
def crm() -> Iterator[Crm]:
    with _listening() as found:
        yield found


@contextlib.contextmanager
def _listening() -> Iterator[Crm]:
    found = Crm()
    bound = type("Bound", (_Handler,), {"crm": found})
    with ThreadingHTTPServer(("127.0.0.1", 0), bound) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def told(folder: Path, crm: Crm, more: str = "") -> House:
    """A house that tells `crm`, from now on."""
    extra = f'webhooks:\n  crm: {{url: "{crm.url}", secret: "${{CRM}}"{more}}}\n'
    house = build_house(folder, CONFIG + extra)
    run(house)
    return house


def run(house: House) -> None:
    webhooks(house.app.watch, house.wake, "crm")


def deliveries(house: House) -> list[Row]:
    return house.rows("SELECT * FROM hook_deliveries ORDER BY id")


def test_it_is_told_who_was_heard_and_what_became_of_them(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    house.approve("c1")
    house.deliver()
    run(house)
    kinds = [body["type"] for body in crm.bodies()]
    assert kinds == ["heard", "triaged", "answered"]
    answered = crm.bodies("answered")[0]
    assert answered["timestamp"] == "2026-03-10T09:00:00+00:00"
    assert answered["data"]["mention"]["state"] == "answered"
    assert answered["data"]["mention"]["url"] == "https://blog.example/c1"
    assert answered["data"]["facts"]["how"] == "reply"


def test_a_signature_can_be_verified_by_whoever_only_read_the_standard(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    run(house)
    for one in crm.came:
        headers = one["headers"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + one["raw"]
        digest = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256)
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert len(crm.came) == len(set(crm.ids())) == 2


def test_the_example_of_the_docs_verifies_it_and_nothing_else(tmp_path: Path, crm: Crm) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    example: dict[str, Any] = {}
    exec(text.split("```python\n")[1].split("```")[0], example)  # noqa: S102 -- it is what people copy
    house = told(tmp_path, crm)
    house.clock.now = datetime.now(UTC)
    house.hears(comment("c1", QUESTION))
    run(house)
    one = crm.came[0]
    assert example["is_genuine"](SECRET, one["headers"], one["raw"])
    assert not example["is_genuine"](SECRET, one["headers"], one["raw"] + b" ")
    old = one["headers"] | {"webhook-timestamp": "1700000000"}
    assert not example["is_genuine"](SECRET, old, one["raw"])


def test_the_docs_name_every_event() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
    assert set(USUAL) <= set(KINDS)


def test_the_words_stay_here_unless_config_says_otherwise(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", ANGRY, by="claire"))
    house.sweep()
    run(house)
    everything = b"".join(one["raw"] for one in crm.came)
    assert "honte" not in everything.decode()
    assert b"Claire" not in everything


def test_words_that_go_along_are_not_kept_a_second_time(tmp_path: Path, crm: Crm) -> None:
    crm.says = ANGRY.encode()
    house = told(tmp_path, crm, ", with_text: true")
    house.hears(comment("c1", ANGRY))
    run(house)
    assert crm.bodies("heard")[0]["data"]["mention"]["text"] == ANGRY
    for row in deliveries(house):
        assert "honte" not in row["request"] + row["answer"]


def test_what_was_said_before_the_entry_was_there_is_not_told(tmp_path: Path, crm: Crm) -> None:
    before = build_house(tmp_path)
    before.hears(comment("c1", QUESTION))
    house = told(tmp_path, crm)
    house.hears(comment("c2", QUESTION))
    run(house)
    assert [body["data"]["mention"]["remote_id"] for body in crm.bodies("heard")] == ["c2"]


def test_only_the_events_that_it_asked_for_are_told(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm, ", events: [assigned]")
    house.hears(comment("c1", QUESTION))
    house.desk.assign(house.mention("c1")["id"], "Paul", house.mention("c1")["version"], "Léa")
    run(house)
    [body] = crm.bodies()
    assert (body["type"], body["data"]["actor"], body["data"]["facts"]) == ("assigned", "Léa", {"to": "Paul"})


def test_what_happens_while_nobody_tells_is_told_later(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    for number in range(5):
        house.hears(comment(f"c{number}", QUESTION, by=f"p{number}"))
    again = build_house(tmp_path, (tmp_path / "config.yaml").read_text("utf-8"))
    run(again)
    assert len(crm.bodies("heard")) == 5


def test_while_it_is_out_of_order_nothing_is_lost_and_it_is_left_alone(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    crm.statuses = [503]
    house.hears(comment("c1", QUESTION), comment("c2", QUESTION, by="paul"))
    run(house)
    assert len(crm.came) == 1
    run(house)
    assert len(crm.came) == 1, "it has just said that it is out of order"
    house.clock.forward(seconds=6)
    run(house)
    assert {row["state"] for row in deliveries(house)} == {"delivered"}
    assert len(crm.came) == 5
    assert len(set(crm.ids())) == 4, "what is told again has the same id"


def test_it_is_tried_as_late_as_it_asks_for(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    crm.statuses, crm.headers = [429], {"Retry-After": "120"}
    house.hears(comment("c1", QUESTION))
    run(house)
    house.clock.forward(seconds=110)
    run(house)
    assert len(crm.came) == 1
    house.clock.forward(seconds=15)
    run(house)
    assert len(crm.came) == 3


def test_one_that_it_does_not_take_stops_no_other(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    crm.statuses = [422]
    house.hears(comment("c1", QUESTION), comment("c2", QUESTION, by="paul"))
    run(house)
    assert [row["state"] for row in deliveries(house)] == ["waiting", "delivered", "delivered", "delivered"]
    assert deliveries(house)[0]["error"] == "status 422"


def test_after_a_day_in_vain_it_rings_until_it_is_delivered(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION), comment("c2", QUESTION, by="paul"))
    while house.clock() < START + GIVEN_UP + timedelta(hours=1):
        crm.statuses = [500]
        run(house)
        house.clock.forward(minutes=30)
    assert {row["state"] for row in deliveries(house)} == {"failed"}
    rings = house.row("SELECT * FROM escalations WHERE key = 'webhook:crm' AND closed_at IS NULL")
    assert rings["reason"] == "undelivered: status 500"
    assert 20 < len(crm.came) < 60, "it is tried more and more rarely"
    crm.statuses = []
    admin = signed_in(house, "admin", "Ada")
    for row in deliveries(house):
        assert admin.post("/webhooks/again", delivery=row["id"]).status_code == 303
    run(house)
    assert {row["state"] for row in deliveries(house)} == {"delivered"}
    assert house.rows("SELECT * FROM escalations WHERE key = 'webhook:crm' AND closed_at IS NULL") == []
    assert house.audit()["balanced"]


def test_its_own_trouble_is_no_news_for_it(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm, ", events: [escalated, escalation_closed, heard]")
    house.hears(comment("c1", QUESTION))
    house.clock.forward(days=2)
    crm.statuses = [500]
    run(house)
    assert [row["state"] for row in deliveries(house)] == ["waiting"]
    house.clock.forward(days=2)
    crm.statuses = [500]
    run(house)
    run(house)
    assert [row["kind"] for row in deliveries(house)] == ["heard"]


def test_nobody_follows_where_it_redirects_to(tmp_path: Path, crm: Crm) -> None:
    with _listening() as elsewhere:
        house = told(tmp_path, crm)
        crm.statuses, crm.headers = [302], {"Location": elsewhere.url}
        house.hears(comment("c1", QUESTION))
        run(house)
    assert elsewhere.came == []
    assert deliveries(house)[0]["error"] == "status 302"


def test_of_an_answer_the_first_kilobyte_is_kept(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    crm.says = b"\0" + b"x" * 5000
    house.hears(comment("c1", QUESTION))
    run(house)
    assert deliveries(house)[0]["answer"] == "\ufffd" + "x" * 1023
    crm.says = b"x" * 200_000
    house.hears(comment("c2", QUESTION, by="paul"))
    run(house)
    assert "sent more than" in deliveries(house)[-2]["error"]


def test_what_is_kept_of_a_delivery_holds_neither_signature_nor_address(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    run(house)
    request = json.loads(deliveries(house)[0]["request"])
    assert request["host"] == "127.0.0.1"
    assert set(request["headers"]) == {"webhook-id", "webhook-timestamp"}
    assert "/hook" not in deliveries(house)[0]["request"]


def test_whoever_dies_over_a_delivery_makes_it_again(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    _gather_and_die(house)
    run(house)
    assert len(crm.came) == 1, "the other one is taken, until its lease is over"
    house.clock.forward(minutes=5)
    run(house)
    assert len(crm.came) == 2


def _gather_and_die(house: House) -> None:
    now = ms(house.clock())
    with house.app.watch.store.tx() as tx:
        hook_deliveries.gather(tx, "crm", ("heard", "triaged"), now)
        assert hook_deliveries.claim(tx, "crm", now, now + 60_000) is not None


def test_what_was_delivered_long_ago_is_forgotten(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    run(house)
    house.clock.forward(days=KEPT.days + 1)
    run(house)
    assert deliveries(house) == []


def test_the_waits_double_up_to_an_hour() -> None:
    assert [backoff(n).total_seconds() for n in (1, 2, 3, 10, 11, 500)] == [5, 10, 20, 2560, 3600, 3600]


def test_config_takes_no_address_that_would_travel_unprotected(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    hook = 'webhooks:\n  crm: {url: "http://crm.example.org/x", secret: "${CRM}", events: [herd]}\n'
    file.write_text(CONFIG + hook, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {"CRM": SECRET})
    faults = {fault.path: str(fault) for fault in caught.value.faults}
    assert "https" in faults["webhooks.crm.url"]
    assert "herd: there is no such event" in faults["webhooks.crm.events"]


def test_a_secret_in_the_file_itself_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    hook = f'webhooks:\n  crm: {{url: "https://crm.example.org", secret: "{SECRET}"}}\n'
    file.write_text(CONFIG + hook, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert [fault.path for fault in caught.value.faults] == ["webhooks.crm.secret"]
    assert SECRET not in str(caught.value)


def test_the_page_shows_an_administrator_how_it_went(tmp_path: Path, crm: Crm) -> None:
    crm.says = b"<script>alert(1)</script>"
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    run(house)
    page = signed_in(house, "admin", "Ada").get("/webhooks").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "evt_" in page
    assert SECRET not in page


def test_the_page_is_for_administrators_alone(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    lead = signed_in(house, "lead")
    assert lead.get("/webhooks").status_code == 403
    assert lead.post("/webhooks/again", delivery=1).status_code == 403


def test_sending_again_is_noted_under_the_name_of_who_asked(tmp_path: Path, crm: Crm) -> None:
    house = told(tmp_path, crm)
    house.hears(comment("c1", QUESTION))
    run(house)
    admin = signed_in(house, "admin", "Ada")
    admin.post("/webhooks/again", delivery=deliveries(house)[0]["id"])
    assert ("webhooks", "crm") in house.woken
    run(house)
    assert crm.ids()[0] == crm.ids()[2]
    assert house.row("SELECT actor FROM events WHERE kind = 'delivered_again'")["actor"] == "Ada"
