"""The command line, as a newcomer meets it: each command in a process of its own, its exit code, and what it
says where."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_kill import environment
from tests.support.house import ANGRY, QUESTION, THANKS

CANARY = "kanari-3n-sesame"
CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
web: {listen: ""}
store: sqlite:///vigie.db
listeners:
  blog: {type: replay, path: day.jsonl, responder: paper}
responders:
  paper: {type: console}
"""
COMMANDS = ("run", "check", "tag", "import", "export", "inbox", "show", "approve", "edit", "reject", "assign",
            "exempt", "reopen", "escalate", "handover", "acknowledge", "resolve", "confirm",
            "outcome", "sample", "digest", "audit", "spend", "sandbox", "demo")  # fmt: skip


@dataclass
class Terminal:
    """A folder, and commands typed in it."""

    folder: Path

    def __call__(self, *arguments: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
        known = {k: v for k, v in environment().items() if not k.startswith("VIGIE_")}
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments], cwd=self.folder, input=stdin, capture_output=True,
            env={**known, "PYTHONUTF8": "1", "COLUMNS": "160", "VIGIE_USER": "Léa", **env},
            timeout=60, check=False,
        )  # fmt: skip
        said = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace")
        )
        assert "Traceback" not in said.stderr, said.stderr
        return said

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)


Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """A command in this process: the same `main`, without the second that a new Python takes."""
    from bot.cli import main

    def run(at: Terminal, *arguments: str) -> tuple[int, str, str]:
        root, before = logging.getLogger(), logging.getLogger().handlers[:]
        monkeypatch.chdir(at.folder)
        monkeypatch.setattr(sys, "argv", ["vigie", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        monkeypatch.setenv("VIGIE_USER", "Léa")
        with pytest.raises(SystemExit) as ended:
            main()
        root.handlers[:] = before
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def vigie(tmp_path: Path) -> Terminal:
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    return Terminal(tmp_path)


def lines(*mentions: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(m).encode() + b"\n" for m in mentions)


def said(number: int, text: str, **facts: Any) -> dict[str, Any]:
    return {"network": "blog", "remote_id": str(number), "text": text, "addressed": True, "kind": "comment",
            "posted_at": datetime.now(UTC).isoformat(), "author": {"id": f"p{number}", "name": "Claire"}
            } | facts  # fmt: skip


# --- First steps ---------------------------------------------------------------------------------


def test_help_names_every_command(vigie: Terminal) -> None:
    told = vigie("--help")
    assert told.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in told.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_of_its_own(used: Terminal, command: str, here: Here) -> None:
    code, out, err = here(used, command, "--help")
    assert (code, err) == (0, "")
    assert f"{command} [OPTIONS]" in out
    assert len(out.splitlines()) > 5


@pytest.mark.parametrize(
    "wrong",
    [
        ["nonsense"],
        ["inbox", "--nonsense"],
        ["show"],
        ["show", "one"],
        ["show", "-1"],
        ["show", "0"],
        ["show", "99999999999999999999999"],
        ["show", "77"],
        ["inbox", "--limit", "0"],
        ["approve", "77"],
        ["approve", "1", "--draft", "0"],
        ["approve", "1", "--draft", "99"],
        ["approve", "1", "--version", "99999999999999999999999"],
        ["edit", "1"],
        ["edit", "1", "--text", "  "],
        ["edit", "1", "--text", "\udcff"],
        ["exempt", "1", "because"],
        ["exempt", "1"],
        ["escalate", "1", " "],
        ["handover", "1", "kitchen"],
        ["reopen", "1"],
        ["acknowledge", "77"],
        ["acknowledge", "99999999999999999999999"],
        ["acknowledge", "source:moon"],
        ["resolve", "77", "sent"],
        ["resolve", "99999999999999999999999", "sent"],
        ["resolve", "1", "perhaps"],
        ["--as", "L\néa", "assign", "1", "Marc"],
        ["run", "--only", "dance"],
        ["import", "none.jsonl"],
        ["tag", "none.jsonl"],
        ["import", "."],
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2_with_a_word_about_it(used: Terminal, wrong: list[str], here: Here) -> None:
    code, out, err = here(used, *wrong)
    assert (code, out) == (2, ""), err
    assert 10 < len(err) < 1500
    assert "Traceback" not in err


def test_wrong_use_of_the_real_command_exits_2(used: Terminal) -> None:
    for wrong in (["nonsense"], ["show", "77"]):
        assert used(*wrong).returncode == 2


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A store with one address in it, for commands that change nothing."""
    folder = tmp_path_factory.mktemp("used")
    (folder / "config.yaml").write_text(CONFIG, "utf-8")
    terminal = Terminal(folder)
    assert terminal("import", "-", stdin=lines(said(1, QUESTION))).returncode == 0
    return terminal


def test_a_config_that_is_not_there_exits_2_and_says_where_it_looked(vigie: Terminal) -> None:
    (vigie.folder / "config.yaml").unlink()
    for command in ("run", "check"):
        told = vigie("--config", "else/where.yaml", command)
        assert told.returncode == 2
        assert "else/where.yaml" in told.stderr


def test_a_config_with_faults_exits_2_with_all_of_them(vigie: Terminal) -> None:
    (vigie.folder / "config.yaml").write_text(
        CONFIG + "colour: blue\npace: {sweep: soon}\naccounts: {x: {password: '${NOT_SET}'}}\n", "utf-8"
    )
    told = vigie("check")
    assert told.returncode == 2
    for part in ("colour", "pace.sweep", "NOT_SET", "nothing was started"):
        assert part in told.stderr
    assert told.stdout == ""


def test_looking_before_there_is_a_store_exits_2_and_says_what_makes_one(vigie: Terminal) -> None:
    for command in (["inbox"], ["show", "1"], ["audit"], ["export"]):
        told = vigie(*command)
        assert (told.returncode, told.stdout) == (2, "")
        assert "there is no store at vigie.db yet; `vigie run` or `vigie import` makes one" in told.stderr
    assert not (vigie.folder / "vigie.db").exists()


def test_a_store_that_cannot_be_made_is_told_in_words(vigie: Terminal) -> None:
    told = vigie(
        "--store", "sqlite:///no/such/folder/vigie.db", "import", "-", stdin=lines(said(1, QUESTION))
    )
    assert told.returncode == 1
    assert "the store vigie.db cannot be used: No such file or directory" in told.stderr


def test_check_tells_what_it_found_and_prints_a_schema(vigie: Terminal) -> None:
    told = vigie("check")
    assert told.returncode == 0
    assert "config.yaml: no fault." in told.stdout
    assert json.loads(vigie("check", "--print-schema").stdout)["properties"]["brand"]


def test_a_run_without_anybody_to_ring_for_is_refused(vigie: Terminal) -> None:
    (vigie.folder / "config.yaml").write_text("brand: {name: Banque Azur}\n", "utf-8")
    told = vigie("run", "--once")
    assert told.returncode == 2
    assert "alarms would ring for nobody" in told.stderr


# --- A day at the desk ---------------------------------------------------------------------------


@pytest.mark.timeout(120)
def test_a_whole_day_in_commands(vigie: Terminal) -> None:
    (vigie.folder / "day.jsonl").write_bytes(
        lines(said(1, QUESTION), said(2, ANGRY), said(3, THANKS), said(4, QUESTION), said(5, QUESTION))
    )
    once = vigie("run", "--once")
    assert once.returncode == 0
    assert "blog: 5 new" in once.stderr
    inbox = vigie.json("inbox")
    number = {m["remote_id"]: m["id"] for m in inbox}
    assert set(number) == set("12345")
    assert "Claire" in vigie("inbox").stdout
    one = str(number["1"])
    shown = vigie("show", one)
    assert QUESTION in shown.stdout
    assert "You can: approve, edit" in shown.stdout
    assert vigie.json("show", one)["actions"][:2] == ["approve", "edit"]

    assert vigie("assign", one, "Marc").returncode == 0
    assert "only colleagues see it" in vigie("note", one, "Rappelée à midi.").stdout
    assert vigie("edit", one, "--text", "À 9 h [bold]Claire[/bold].").returncode == 0
    version = vigie.json("show", one)["version"]
    conflict = vigie("approve", one, "--version", str(version - 1))
    assert conflict.returncode == 1
    assert "Léa edited the draft at" in conflict.stderr
    sent = vigie("approve", one)
    assert sent.returncode == 0
    assert "Sent." in sent.stdout
    assert "answer | À 9 h [bold]Claire[/bold]." in sent.stdout
    again = vigie("approve", one)
    assert again.returncode == 2
    assert f"mention {one} is answered" in again.stderr
    assert "Léa approved a reply at" in again.stderr

    assert vigie("acknowledge", str(number["2"])).returncode == 0
    assert vigie("reject", str(number["3"])).returncode == 0
    assert vigie("handover", str(number["3"]), "communication").returncode == 0
    rung = vigie("escalate", str(number["4"]), "the press asks too")
    assert rung.returncode == 0
    assert "why | the press asks too" in rung.stdout
    closed = vigie("exempt", str(number["5"]), "duplicate")
    assert "closed without an answer: duplicate, by Léa" in closed.stdout
    found = vigie.json("audit")
    assert (found["addresses"], found["answered"], found["exempted"], found["open"]) == (5, 1, 1, 3)
    assert vigie("reopen", str(number["5"])).returncode == 0
    told = vigie("audit")
    assert told.returncode == 0
    assert (
        "The books balance. 5 addresses = 1 answered + 0 exempted + 0 deleted by author + 4 open"
        in told.stdout
    )
    log = [json.loads(line) for line in vigie("export", "--events").stdout.splitlines()]
    assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
    assert {"Léa", "vigie"} == {row["actor"] for row in log}


def test_an_address_overdue_makes_the_audit_exit_1(vigie: Terminal) -> None:
    late = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    vigie("import", "-", stdin=lines(said(1, QUESTION, posted_at=late)))
    told = vigie("audit")
    assert told.returncode == 1
    assert "1 overdue" in told.stdout
    assert vigie.json("audit")["balanced"]


def test_an_event_changed_by_hand_makes_the_audit_exit_1_and_is_named(vigie: Terminal) -> None:
    import sqlite3

    vigie("import", "-", stdin=lines(said(1, QUESTION)))
    with sqlite3.connect(vigie.folder / "vigie.db") as forger:
        forger.execute("DROP TRIGGER events_are_never_changed")
        forger.execute("UPDATE events SET actor = 'nobody' WHERE seq = 1")
    forger.close()
    told = vigie("audit")
    assert told.returncode == 1
    assert "event 1 is not what was written" in told.stdout


def test_only_some_steps(vigie: Terminal) -> None:
    (vigie.folder / "day.jsonl").write_bytes(lines(said(1, QUESTION)))
    assert vigie("run", "--once", "--only", "listen").returncode == 0
    assert vigie.json("show", "1")["state"] == "new"
    assert vigie("run", "--once", "--only", "triage, deliver").returncode == 0
    assert vigie.json("show", "1")["state"] == "waiting"


# --- Import, export, tag -------------------------------------------------------------------------


def test_bad_lines_are_named_by_number_and_the_good_ones_kept(vigie: Terminal) -> None:
    secret = "rien à voir"
    file = b"\n".join([
        json.dumps(said(1, QUESTION)).encode(), b"{", b"", b'{"no": "text"}', b'{"text": 3}', b"\xff\xfe",
        b"[]", json.dumps({"text": secret, "kind": "novel"}).encode(),
        json.dumps({"text": secret, "posted_at": "yesterday"}).encode(), b'{"text": "only this"}',
    ])  # fmt: skip
    (vigie.folder / "some.jsonl").write_bytes(file)
    told = vigie("import", "some.jsonl")
    assert told.returncode == 1
    assert "2 new, 0 known before, 7 bad lines" in told.stdout
    assert [line.split(":")[0] for line in told.stderr.splitlines()] == [
        f"line {n}" for n in (2, 4, 5, 6, 7, 8, 9)
    ]
    assert secret not in told.stderr
    again = vigie("import", "some.jsonl")
    assert "0 new, 2 known before, 7 bad lines" in again.stdout
    assert vigie.json("audit")["addresses"] >= 1


def test_what_is_exported_and_imported_elsewhere_is_exported_equal(vigie: Terminal) -> None:
    people = [
        said(1, QUESTION), said(2, "😡"), said(3, ""), said(4, "é" * 100_000), said(5, "a\x00b", author={}),
        said(6, "\u202eabc \x1b[2J", lang="fr", url="https://blog.example/6"),
        said(7, ANGRY, in_reply_to="1"),
        said(8, THANKS, kind="share"),
        said(9, "line\u2028one\nline two", author={"id": "9", "followers": 12}),
    ]  # fmt: skip
    # Half of a surrogate pair, as broken programs write it.
    (vigie.folder / "day.jsonl").write_bytes(lines(*people) + b'{"text": "avant \\ud83d apr\\u00e8s"}\n')
    assert vigie("import", "day.jsonl").returncode == 0
    first = vigie("export").stdout
    assert len(first.splitlines()) == 10 or len(first.split("\n")) == 11
    (vigie.folder / "copy.jsonl").write_text(first, "utf-8")
    assert vigie("--store", "sqlite:///other.db", "import", "copy.jsonl").returncode == 0
    second = vigie("--store", "sqlite:///other.db", "export").stdout
    assert second == first
    assert "0 new" in vigie("import", "copy.jsonl").stdout


@pytest.mark.timeout(90)
def test_no_text_of_a_stranger_steers_a_terminal(vigie: Terminal) -> None:
    nasty = "\x1b[2J\x9b31m\u202e[bold]{{ 7*7 }}[/bold]\x07 \x00"
    mention = said(1, nasty + " bonjour ?", network="blog\x1b[2J",
                   author={"id": nasty, "handle": nasty, "name": nasty},
                   url="https://x.example/\x1b]8;;")  # fmt: skip
    assert vigie("import", "-", stdin=lines(mention, said(2, "é" * 100_000), said(3, "x"))).returncode == 0
    for command in (["inbox"], ["show", "1"], ["show", "2"], ["show", "3"]):
        told = vigie(*command, COLUMNS="200")
        assert told.returncode == 0
        for steering in ("\x1b", "\x9b", "\x07", "\u202e", "\x00"):
            assert steering not in told.stdout
    assert "[bold]{{ 7*7 }}[/bold]" in vigie("show", "1").stdout
    assert vigie.json("show", "1")["text"].startswith("\x1b[2J")


def test_tag_keeps_the_order_and_names_bad_lines(vigie: Terminal) -> None:
    file = (
        lines({"id": "b", "text": ANGRY}, {"id": "a", "text": THANKS}) + b"{\n\n" + lines({"text": QUESTION})
    )
    told = vigie("tag", "-", stdin=file)
    tagged = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 1
    assert [line["id"] for line in tagged] == ["b", "a", 5]
    assert told.stderr.startswith("line 3: the line is not JSON")
    assert set(tagged[0]) >= {"id", "lang", "sentiment", "intent", "intents", "urgency", "needs_answer",
                              "personal_data", "aspects"}  # fmt: skip
    assert vigie("tag", stdin=lines({"text": QUESTION})).returncode == 0
    why = json.loads(vigie("tag", "--why", "-", stdin=lines({"text": ANGRY})).stdout)
    assert why["why"]


def test_output_that_nobody_reads_on_is_no_fault(vigie: Terminal) -> None:
    vigie("import", "-", stdin=lines(*(said(n, "x" * 2000) for n in range(200))))
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "export"], cwd=vigie.folder, env=environment(), stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        _, told = process.communicate(timeout=30)
    assert told == b""


# --- Nothing leaks -------------------------------------------------------------------------------


@pytest.mark.timeout(90)
def test_neither_the_log_nor_the_store_nor_any_command_shows_a_secret_or_logs_a_persons_words(
    vigie: Terminal,
) -> None:
    from tests.support.scripted import playing

    words = "Mes mots bien à moi, pourquoi ma carte ?"
    rude = {"request": "", "response": {"status": 401, "json": {"code": "no", "message": f"not {CANARY}"}}}
    with playing([rude] * 50) as service:
        (vigie.folder / "config.yaml").write_text(f"""
brand: {{name: Banque Azur, languages: [fr]}}
accounts:
  blog: {{url: "{service.url}", username: bot, password: "${{BLOG_PASSWORD}}"}}
listeners:
  blog: {{type: wordpress, account: blog}}
  day: {{type: replay, path: day.jsonl, responder: blog}}
responders:
  blog: {{type: wordpress, account: blog}}
  hook: {{type: webhook, url: "{service.url}/hook", secret: "${{BLOG_PASSWORD}}{"x" * 24}"}}
""", "utf-8")  # fmt: skip
        (vigie.folder / "day.jsonl").write_bytes(lines(said(1, words)))
        for command in (["run", "--once"], ["approve", "1"], ["escalate", "1"], ["run", "--once"], ["check"],
                        ["audit"]):  # fmt: skip
            told = vigie(*command, BLOG_PASSWORD=CANARY)
            assert CANARY not in told.stdout + told.stderr
            assert words not in told.stderr
    for file in vigie.folder.glob("vigie.db*"):
        assert CANARY.encode() not in file.read_bytes()
    log = vigie("export", "--events").stdout
    assert "source_failed" in log
    assert words not in log
