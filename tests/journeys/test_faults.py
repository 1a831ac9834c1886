"""Faults for real: a full disk, a locked file, a clock set back, signals, two daemons. Nothing is lost or
doubled, and what is wrong is said in words."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.app import App, Step
from bot.desk import Desk
from bot.errors import StoreUnavailable
from bot.steps import deliver, listen, sweep, triage
from bot.steps.guarded import run_guarded
from bot.store.sqlite import SqliteStore
from tests.journeys.test_kill import environment
from tests.support.house import QUESTION, THANKS, House, build_house, comment
from tests.unit.test_store import locked_by_another_process

# A way out that somebody else wrote, found through its entry point: it notes each reply, then may hang.
PLUGIN = """
import os, time
from pathlib import Path
from pydantic import BaseModel
from bot.models import Limits, Receipt

class Config(BaseModel, extra="forbid"):
    ledger: Path
    hang: float = 0
    timeout: float = 5

class LedgerResponder:
    limits = Limits(maximum=500)
    def __init__(self, config):
        self.config = config
    def can_reply(self, mention):
        return None
    def send(self, reply):
        with self.config.ledger.open("a") as ledger:
            ledger.write(f"{reply.mention.remote_id} {os.getpid()}\\n")
        time.sleep(self.config.hang)
        return Receipt(reply.key)
    def find(self, reply):
        return None
"""
CONFIG = """
brand: {{name: Banque Azur, languages: [fr, en]}}
web: {{listen: ""}}
store: sqlite:///{store}
listeners:
  blog: {{type: replay, path: {folder}/day.jsonl, responder: out, every: 1s}}
responders:
  out: {{type: ledger, ledger: {folder}/ledger, hang: {hang}}}
  bell: {{type: console}}
rules: [{{name: thank them, when: {{}}, template: thanks, approve: auto}}]
templates: [{{name: thanks, text: "Merci à vous !"}}]
default_templates: false
pace: {{triage: 1s, deliver: 1s, sweep: 1s}}
"""


@dataclass
class Place:
    """A folder with a config, a day of mentions, and a ledger of what was published."""

    folder: Path
    store: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def says(self, *remote_ids: int) -> None:
        with (self.folder / "day.jsonl").open("a", encoding="utf-8") as day:
            for number in remote_ids:
                line = {"network": "blog", "remote_id": str(number), "text": THANKS, "addressed": True,
                        "author": {"id": f"p{number}"}}  # fmt: skip
                day.write(json.dumps(line) + "\n")

    def published(self) -> Counter[str]:
        ledger = self.folder / "ledger"
        return (
            Counter(line.split()[0] for line in ledger.read_text().splitlines())
            if ledger.exists()
            else Counter()
        )

    def audit(self) -> dict[str, Any]:
        done = self.vigie("audit", "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def vigie(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), env=self.environment(), text=True,
                              capture_output=True,
                              timeout=60, check=False)  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "bot", "--config", str(self.config), *arguments]

    def environment(self) -> dict[str, str]:
        known = environment()
        return {**known, "PYTHONPATH": f"{known['PYTHONPATH']}{os.pathsep}{self.folder / 'plugins'}"}

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self.command("run"), env=self.environment(), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")


def place(folder: Path, store: Path | None = None, hang: float = 0) -> Place:
    made = Place(folder, store or folder / "vigie.db")
    made.config.write_text(CONFIG.format(folder=folder, store=made.store, hang=hang), "utf-8")
    (folder / "day.jsonl").touch()
    about = folder / "plugins" / "ledger-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ledger\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vigie.responders]\nledger = ledger_out\n")
    (folder / "plugins" / "ledger_out.py").write_text(textwrap.dedent(PLUGIN))
    return made


def until(holds: Callable[[], object], seconds: float, what: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen in time: {what()}"
        time.sleep(0.1)


# --- A full disk ---------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of 48 MB of its own at `folder`, if this user may mount one."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "vigie-test", str(folder)],
        capture_output=True, check=False,
    ).returncode  # fmt: skip
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, daemon: subprocess.Popen[bytes], *, mounted: bool) -> None:
    if not mounted:  # the next best: no file of the daemon's may grow
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        return
    with (folder / "filler").open("wb", buffering=0) as filler:
        for block in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * block) == block:
                    pass


def clear(folder: Path, daemon: subprocess.Popen[bytes], *, mounted: bool) -> None:
    (folder / "filler").unlink(missing_ok=True)
    if not mounted:
        everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, everything)


@pytest.mark.timeout(120)
def test_a_daemon_survives_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk) as mounted:
        at = place(tmp_path, disk / "vigie.db")
        at.says(*range(10))
        with at.daemon() as daemon:
            until(lambda: len(at.published()) == 10, 40, at.log)
            fill(disk, daemon, mounted=mounted)
            at.says(*range(10, 100))
            until(lambda: "the disk " in at.log(), 40, at.log)
            time.sleep(3)
            assert daemon.poll() is None
            assert "Traceback" not in at.log()
            clear(disk, daemon, mounted=mounted)
            until(lambda: len(at.published()) == 100, 60, at.log)
            until(lambda: at.audit()["answered"] == 100, 30, at.audit)
        found = at.audit()
    assert "the store vigie.db cannot be used: the disk" in at.log()
    assert (found["addresses"], found["balanced"], found["unsure"]) == (100, True, 0)
    assert set(at.published().values()) == {1}


def test_on_a_full_disk_a_mention_and_its_cursor_are_kept_together_later(house: House) -> None:
    with house.app.watch.store.read() as tx:
        pages = tx.rows("PRAGMA page_count")[0]["page_count"]
        tx.rows(f"PRAGMA max_page_count = {pages}")
    page = [comment(str(n), QUESTION * 20, by=f"p{n}") for n in range(200)]
    house.wire.says(*page, cursor="after")
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        house.listen()
    assert house.row("SELECT cursor FROM sources")["cursor"] is None
    with house.app.watch.store.read() as tx:
        tx.rows("PRAGMA max_page_count = 1000000")
    house.hears(*page, cursor="after")
    assert house.wire.cursors == [None, None]
    assert (house.audit()["addresses"], house.audit()["balanced"]) == (200, True)


def test_a_reply_published_when_the_disk_was_full_is_looked_for_and_not_sent_again(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.approve("1")

    def fill_up() -> None:
        with house.app.watch.store.tx() as tx:
            tx.run("CREATE TABLE full (x TEXT)")
            tx.run(
                "CREATE TRIGGER no_room BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )

    house.paper.during = fill_up
    assert not run_guarded(partial(deliver, house.app.watch), house.wake, "deliver", "paper")
    assert [r["state"] for r in house.replies("1") if r["attempts"]] == ["sending"]
    with house.app.watch.store.tx() as tx:
        tx.run("DROP TRIGGER no_room")
    house.paper.during = lambda: None
    house.clock.forward(seconds=61)
    house.sweep()
    house.clock.forward(seconds=11)
    house.sweep()
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("1")["state"] == "answered"
    assert house.audit()["balanced"]


# --- A file that another program keeps locked ----------------------------------------------------


def test_while_another_process_keeps_the_store_locked_every_step_says_so_and_afterwards_all_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = build_house(tmp_path)
    house.hears(comment("1", QUESTION))
    house.approve("1")
    house.app.watch.store.close()
    store = SqliteStore(tmp_path / "vigie.db", busy_timeout=0.2)
    watch = replace(house.app.watch, store=store)
    house = replace(house, app=App(watch, Desk(store, watch.settings, house.clock)))
    house.wire.says(comment("2", QUESTION, by="bob"))
    steps: dict[str, tuple[Step, str]] = {
        "listen": (listen, "blog"),
        "triage": (triage, ""),
        "deliver": (deliver, "paper"),
        "sweep": (sweep, ""),
    }
    with locked_by_another_process(tmp_path / "vigie.db"):
        for name, (step, key) in steps.items():
            assert not run_guarded(partial(step, watch), house.wake, name, key)
        with pytest.raises(StoreUnavailable, match="another program keeps it locked; end that program"):
            house.desk.assign(1, "Marc", house.mention("1")["version"], "Léa")
        assert len(house.rows("SELECT 1 FROM mentions")) == 1  # looking goes on
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    which = [line.split(": ", 1)[0] for line in errors]
    assert which == ["listen blog", "triage ", "deliver paper", "sweep "]
    assert {line.split(": ", 1)[1] for line in errors} == {
        "the store vigie.db cannot be used: another program keeps it locked; end that program"
    }
    for name, (step, key) in steps.items():
        assert run_guarded(partial(step, watch), house.wake, name, key)
    assert (house.mention("1")["state"], house.mention("2")["state"]) == ("answered", "waiting")
    assert house.audit()["balanced"]
    store.close()


# --- The clock -----------------------------------------------------------------------------------


def test_the_clock_set_back_an_hour_in_the_middle_of_everything_loses_nobody(house: House) -> None:
    house.hears(comment("1", QUESTION))
    house.wire.says(comment("2", QUESTION, by="bob"))
    house.listen()
    with house.app.watch.store.tx() as tx:  # a worker took it to read it, and died
        tx.run("UPDATE mentions SET lease_until = ? WHERE remote_id = '2'", (2**50,))
    house.clock.forward(hours=-1)
    house.triage()
    house.hears(comment("3", QUESTION, by="zoe", posted_at=house.clock()))
    for remote_id in "123":
        house.approve(remote_id)
    house.deliver()
    house.sweep()
    assert len(house.paper.published) == 3
    found = house.audit()
    assert (found["answered"], found["balanced"], found["chain"]["ok"]) == (3, True, True)


# --- Signals -------------------------------------------------------------------------------------


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_within_5_seconds_also_while_a_send_hangs(tmp_path: Path, number: signal.Signals) -> None:
    at = place(tmp_path, hang=600)
    at.says(1)
    with at.daemon() as daemon:
        until(at.published, 40, at.log)
        began = time.monotonic()
        daemon.send_signal(number)
        assert daemon.wait(20) == 0
        assert time.monotonic() - began < 5
    found = at.audit()
    assert (found["addresses"], found["open"], found["balanced"]) == (1, 1, True)
    assert at.published() == {"1": 1}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_with_nothing_to_do_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    at = place(tmp_path)
    at.says(1)
    with at.daemon() as daemon:
        until(at.published, 40, at.log)
        began = time.monotonic()
        daemon.send_signal(number)
        assert daemon.wait(20) == 0
        assert time.monotonic() - began < 3
    assert "Traceback" not in at.log()


# --- Two of them ---------------------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_two_daemons_on_one_store_double_nothing(tmp_path: Path) -> None:
    at = place(tmp_path, hang=0.02)
    at.says(*range(50))
    with at.daemon() as one, at.daemon() as other:
        until(lambda: len(at.published()) >= 25, 60, at.log)
        said = 50
        # One of them may come up late: go on until both have had their share of the work.
        while said < 150 or len(_senders(tmp_path)) < 2:
            at.says(*range(said, said + 100))
            said += 100
            until(lambda: len(at.published()) == said, 60, at.log)  # noqa: B023 -- called at once
        until(lambda: at.audit()["answered"] == said, 20, at.audit)
        assert (one.poll(), other.poll()) == (None, None)
    found = at.audit()
    assert (found["addresses"], found["answered"], found["balanced"]) == (said, said, True)
    assert set(at.published().values()) == {1}
    assert len(_senders(tmp_path)) == 2


def _senders(folder: Path) -> set[str]:
    return {line.split()[1] for line in (folder / "ledger").read_text().splitlines()}


# --- A listener that is slow to fail -------------------------------------------------------------


def test_a_listener_that_raises_what_is_no_exception_of_ours_leaves_the_others_alone(tmp_path: Path) -> None:
    house = build_house(tmp_path, config="""
        brand: {name: Banque Azur}
        listeners:
          blog: {type: replay, path: none.jsonl, responder: paper}
          other: {type: replay, path: none.jsonl, responder: paper}
        responders: {paper: {type: console}}
    """)  # fmt: skip
    ended = threading.Event()

    class Falls:
        def poll(self, cursor: str | None) -> Any:
            ended.set()
            raise SystemExit(3)

    house.app.watch.listeners["other"] = Falls()  # type: ignore[index]
    house.wire.says(comment("1", QUESTION))
    engine = house.app.engine(("listen", "triage"))
    engine.start()
    until(lambda: ended.is_set() and house.rows("SELECT 1 FROM mentions WHERE state <> 'new'"), 20)
    engine.stop()
    until(engine.idle, 10)
    house.app.watch.store.close()
