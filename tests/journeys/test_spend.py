"""Spending: what each account's calls cost is kept, through restarts and by all processes together; and the
budget stops reading before it stops replies."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.cli import show
from bot.cli.books import accounts_of
from bot.config import Settings
from bot.errors import StoreUnavailable, Unsure
from bot.meter import Budget, Meter
from bot.models import Batch, Mention, Price, Receipt, Refusal, Reply
from bot.price import price_of
from bot.steps import listen
from bot.steps.metered import metered
from bot.store import views
from responders.console import ConsoleResponder
from tests.journeys.test_kill import environment
from tests.support.house import QUESTION, House, Paper, Wire, build_house, comment

READ, WRITE = 5_000, 15_000
CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
accounts: {shop: {}}
listeners:
  blog: {type: replay, path: none.jsonl, account: shop}
  news: {type: replay, path: none.jsonl, responder: ""}
responders:
  paper: {type: console, account: shop}
  bell: {type: console}
"""


@dataclass
class PaidWire(Wire):
    """Each poll costs one read, whatever comes of it."""

    meter: Meter = field(default_factory=lambda: Meter(Budget()))

    def poll(self, cursor: str | None) -> Batch:
        self.meter.may_read(self.clock())
        self.meter.charge("post read", 1, READ)
        return super().poll(cursor)


@dataclass
class PaidPaper(Paper):
    """Each send costs one write."""

    meter: Meter = field(default_factory=lambda: Meter(Budget()))
    clock: Any = None

    def can_reply(self, mention: Mention) -> Refusal | None:
        self.meter.charge("post read", 1, READ)
        return super().can_reply(mention)

    def send(self, reply: Reply) -> Receipt:
        self.meter.may_write(self.clock())
        self.meter.charge("post", 1, WRITE)
        return super().send(reply)

    def find(self, reply: Reply) -> Receipt | None:
        self.meter.charge("owned read", 20, 20_000)
        return super().find(reply)


@dataclass
class Paid:
    house: House
    wire: PaidWire
    paper: PaidPaper

    def spent(self) -> dict[str, Any]:
        with self.house.app.watch.store.read() as tx:
            return {one["account"]: one for one in accounts_of(tx, {}, self.house.clock())}

    def today(self, account: str = "shop") -> int:
        today: float = self.spent().get(account, {"today": 0})["today"]
        return round(1e6 * today)


def paid_house(folder: Path, budget: Budget | None = None, clock: Any = None) -> Paid:
    house = build_house(folder, config=CONFIG, clock=clock)
    meters = Meter(budget or Budget()), Meter(budget or Budget())
    wire = house.wire = PaidWire(house.clock, meter=meters[0])
    paper = house.paper = PaidPaper(meter=meters[1], clock=house.clock)
    house.app.watch.listeners["blog"] = wire  # type: ignore[index]
    house.app.watch.responders["paper"] = paper  # type: ignore[index]
    return Paid(house, wire, paper)


@pytest.fixture
def paid(tmp_path: Path) -> Paid:
    return paid_house(tmp_path)


def test_each_call_is_charged_to_the_account_that_both_directions_share(paid: Paid) -> None:
    paid.house.hears(comment("1", QUESTION))
    paid.house.approve("1")
    paid.house.deliver()
    assert paid.today() == 2 * READ + WRITE
    [shop] = paid.spent().values()
    assert shop["items"] == [
        {"item": "post", "today": {"number": 1, "cost": 0.015}, "month": {"number": 1, "cost": 0.015}},
        {"item": "post read", "today": {"number": 2, "cost": 0.01}, "month": {"number": 2, "cost": 0.01}},
    ]


def test_what_has_no_account_pays_by_its_own_name(paid: Paid) -> None:
    paid.house.app.watch.listeners["news"] = PaidWire(paid.house.clock)  # type: ignore[index]
    listen(paid.house.app.watch, paid.house.wake, "news")
    assert paid.today("listeners.news") == READ


def test_a_call_that_failed_is_paid_all_the_same(paid: Paid) -> None:
    paid.wire.batches.append(RuntimeError("boom"))
    paid.house.listen()
    assert paid.today() == READ
    paid.house.hears(comment("1", QUESTION))
    paid.house.approve("1")
    paid.paper.next_ = [Unsure("502")]
    paid.house.deliver()
    assert paid.today() == 3 * READ + WRITE
    paid.house.clock.forward(seconds=11)
    paid.house.sweep()  # to look is paid as well
    assert paid.today() == 3 * READ + WRITE + 20_000


@pytest.mark.timeout(30)
def test_what_a_call_that_hangs_charges_later_is_kept_with_the_next_one(tmp_path: Path) -> None:
    config = CONFIG.replace("account: shop}\n  news", "account: shop, poll_timeout: 1s}\n  news")
    house = build_house(tmp_path, config=config)
    wire, release = PaidWire(house.clock), threading.Event()

    def hang() -> Batch:
        release.wait(20)
        wire.meter.charge("post read", 9, 9 * READ)
        return Batch((), None, house.clock())

    wire.batches.append(hang)
    house.app.watch.listeners["blog"] = wire  # type: ignore[index]
    house.listen()
    paid = Paid(house, wire, PaidPaper())
    assert paid.today() == READ
    release.set()
    house.app.watch.calls["listen blog"].answer.result()
    house.listen()
    assert paid.today() == 11 * READ


def test_the_budget_stops_reading_before_replies_and_then_those_and_it_rings(tmp_path: Path) -> None:
    paid = paid_house(tmp_path, Budget(day=0.1))  # 20 reads; reading may have 16 of them
    for n in range(12):
        paid.house.hears(comment(str(n), QUESTION, by=f"p{n}"))
    polls = len(paid.wire.cursors)
    assert polls == 8  # each costs two: the poll itself, and the question whether we may reply
    paid.house.clock.forward(minutes=1)
    paid.house.listen()
    assert len(paid.wire.cursors) == polls
    assert "the budget for reading is used up" in _source(paid)["error"]
    for n in range(3):
        paid.house.approve(str(n))
    paid.house.deliver()
    assert len(paid.paper.published) == 2
    paid.house.sweep()
    assert [(call.key, call.subject) for call in paid.house.paper.told] == []
    rung = paid.house.row("SELECT * FROM escalations WHERE key = 'account:shop'")
    assert "the budget is used up (0.11 of 0.10 USD today)" in rung["reason"]


def _source(paid: Paid) -> Any:
    return paid.house.row("SELECT * FROM sources WHERE listener = 'blog'")


def test_the_next_utc_day_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    paid = paid_house(tmp_path, Budget(day=0.005))
    paid.house.hears(comment("1", QUESTION), cursor="here")
    paid.wire.says(comment("2", QUESTION, by="bob"))
    paid.house.listen()
    assert len(paid.wire.cursors) == 1
    paid.house.clock.now = datetime(2026, 3, 11, 0, 0, 1, tzinfo=UTC)
    paid.house.listen()
    assert paid.wire.cursors[1:] == ["here"]
    assert paid.house.mention("2")["state"] == "new"
    assert (paid.today(), round(1e6 * paid.spent()["shop"]["month"])) == (READ, 3 * READ)


def test_counts_survive_a_restart_and_a_second_process_adds_to_them(tmp_path: Path) -> None:
    first = paid_house(tmp_path, Budget(day=0.02))
    first.house.listen()
    first.house.listen()
    second = paid_house(tmp_path, Budget(day=0.02), clock=first.house.clock)  # beside the first
    second.house.listen()
    assert second.today() == 3 * READ
    second.house.listen()
    first.house.clock.forward(minutes=16)
    first.house.listen()  # the first learns of what the second spent before it asks
    assert second.today() == first.today() == 4 * READ
    assert (len(first.wire.cursors), len(second.wire.cursors)) == (2, 2)


def test_one_account_day_and_item_is_one_row_however_often_it_is_charged(paid: Paid) -> None:
    for _ in range(7):
        paid.house.listen()
    assert [tuple(row.values()) for row in map(dict, paid.house.rows("SELECT * FROM spend"))] == [
        ("shop", "2026-03-10", "post read", 7, 7 * READ)
    ]


def test_a_store_that_cannot_be_written_hides_no_result_and_loses_no_charge(
    paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = paid.house.app.watch
    path = Path(watch.store.path)  # type: ignore[attr-defined]
    watch.store._timeout = 0.1  # type: ignore[attr-defined]
    watch.store.close()
    other = sqlite3.connect(path, isolation_level=None)
    with metered(watch, "listeners", "blog"):
        paid.wire.meter.charge("post read", 3, 3 * READ)
        other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable), watch.store.tx():
        pass
    other.close()
    paid.house.listen()
    assert paid.today() == 4 * READ


def test_the_command_tells_what_was_spent_against_what_may_be(tmp_path: Path) -> None:
    paid = paid_house(tmp_path)
    paid.house.clock.now = datetime.now(UTC)
    for _ in range(3):
        paid.house.listen()
    with paid.house.app.watch.store.read() as tx:
        [found] = accounts_of(tx, {"shop": Budget(day=1.5)}, paid.house.clock())
    assert (found["today"], found["budget"]) == (0.015, {"day": 1.5, "month": None})
    command = [
        sys.executable,
        "-m",
        "bot",
        "--config",
        "config.yaml",
        "--store",
        "sqlite:///vigie.db",
        "spend",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == [
        "shop: 0.015 today, 0.015 this month (US dollars, UTC)",
        "  post read: 3 for 0.015 today, 3 for 0.015 this month",
    ]
    told = json.loads(subprocess.check_output([*command, "--json"], cwd=tmp_path, env=environment()))
    assert [one["account"] for one in told] == ["shop"]


# --- What a reply will cost ----------------------------------------------------------------------


class Dear(ConsoleResponder):
    """A console that takes money: more for a link."""

    def price(self, text: str, mention: Mention) -> Price:
        linked = "https://" in text
        return Price(0.2 if linked else 0.015, "the link makes it dear \x1b[31m" if linked else "")


def dear_settings(house: House) -> Settings:
    settings = house.app.watch.settings
    plain = settings.responders["paper"]
    dear = replace(plain, plugin=replace(plain.plugin, build=Dear))
    return replace(settings, responders={**settings.responders, "paper": dear})


def printed(house: House, show: Callable[[Console, Any, list[Any]], None]) -> str:
    out = Console(file=io.StringIO(), width=100)
    show(out, house.mention("1"), house.replies("1"))
    told = out.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(told, str)
    return told


def test_who_approves_is_told_what_it_costs_and_why_before_being_asked(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.edit(1, None, "Voyez https://banque.example/heures", house.mention("1")["version"], "Léa")
    settings = dear_settings(house)

    def ask(out: Console, mention: Any, replies: list[Any]) -> None:
        show.question(out, mention, replies[-1], price_of(settings, replies[-1], mention))

    told = printed(house, ask)
    assert "costs 0.200 US dollars: the link makes it dear" in told
    assert "\x1b" not in told


def test_what_each_draft_costs_is_shown_with_it(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.desk.edit(1, None, "Voyez https://banque.example/heures", house.mention("1")["version"], "Léa")
    settings = dear_settings(house)

    def look(out: Console, mention: Any, replies: list[Any]) -> None:
        prices = {r["id"]: price_of(settings, r, mention) for r in replies}
        known = {number: found for number, found in prices.items() if found is not None}
        with house.app.watch.store.read() as tx:
            person = views.person(tx, mention)
        show.mention(out, mention, replies, [], [], person, [], [], known, 0)

    told = printed(house, look)
    assert told.count("costs 0.015 US dollars\n") == len(house.replies("1", "draft")) - 1
    assert told.count("costs 0.200 US dollars: the link makes it dear") == 1


def test_where_nobody_knows_a_price_none_is_shown(house: House) -> None:
    house.hears(comment("1", QUESTION))
    draft, mention = house.replies("1")[0], house.mention("1")
    assert price_of(house.app.watch.settings, draft, mention) is None
    assert price_of(house.app.watch.settings, {**dict(draft), "responder": "gone"}, mention) is None
