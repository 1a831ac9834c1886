"""The demo, as a newcomer meets it: started in one terminal, answered from another, ended with Ctrl-C."""

from __future__ import annotations

import html
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from bot.app import build
from bot.config import load
from bot.demo import folder
from bot.demo.follow import Follower
from bot.demo.words import words_for
from bot.errors import NotPossible
from bot.models import Author, Mention
from bot.steps.listen import hear
from bot.store import utcnow, views

ROOT = Path(__file__).parents[2]
VIGIE = (sys.executable, "-m", "bot")
CONFIG = "vigie-demo/config.yaml"


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIE_", "LC_", "LANG"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "200", **more}


class Demo:
    """A running demo, and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.lines = process, list[str]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, found: Callable[[str], object], seconds: float) -> str:
        """The first line for which `found` holds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if line := next((line for line in list(self.lines) if found(line)), None):
                return line
            time.sleep(0.05)
        raise AssertionError("not printed in time; this was:\n" + "\n".join(self.lines))

    def address(self) -> str:
        """Of the page that everybody reads."""
        return next(line.strip() for line in self.lines if line.strip().startswith("http://127.0.0.1:"))

    def page(self) -> str:
        return httpx.get(self.address()).text

    def end(self) -> float:
        """Press Ctrl-C; how many seconds it takes to end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        took = time.monotonic() - began
        self._reader.join(5)
        return took


@contextmanager
def demo(where: Path, **more: str) -> Iterator[Demo]:
    process = subprocess.Popen(
        (*VIGIE, "demo"), cwd=where, env=environment(**more), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Demo(process)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def vigie(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another terminal."""
    command = (*VIGIE, "--config", CONFIG, *arguments)
    return subprocess.run(
        command, check=False, cwd=where, env=environment(), text=True, capture_output=True, timeout=60
    )


def test_an_answer_approved_in_another_terminal_shows_in_the_demo_and_the_books_balance(
    tmp_path: Path,
) -> None:
    with demo(tmp_path) as running:
        running.wait_for(lambda line: re.search(r"^ +1 tagged .*2 drafts|^ +1 tagged .*3 drafts", line), 60)
        queue = json.loads(vigie(tmp_path, "inbox", "--json").stdout)
        assert "Maud Kerbiriou" in {waiting["author"]["name"] for waiting in queue}

        approved = vigie(tmp_path, "--as", "lea", "approve", "1", "--yes")

        assert approved.returncode == 0, approved.stderr
        running.wait_for(lambda line: re.search(r"^ +1 approved +by lea$", line), 10)
        answer = running.wait_for(lambda line: re.search(r"^ +1 sent ", line), 10)
        assert "Bonjour Maud Kerbiriou" in answer
        assert running.end() < 5
        assert running.process.returncode == 0
    assert "Books balance: " in running.lines[-2]
    books = json.loads(vigie(tmp_path, "audit", "--json").stdout)
    assert books["balanced"]
    assert books["chain"]["ok"]
    assert books["answered"] >= 1
    assert books["addresses"] == sum(books[part] for part in ("answered", "exempted", "deleted", "open"))


def test_plain_thanks_are_answered_by_themselves_and_a_broken_promise_rings(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        automatic = running.wait_for(lambda line: re.search(r"^ +\d+ automatic ", line), 60)
        number = int(automatic.split()[0])
        running.wait_for(lambda line: re.search(rf"^ +{number} sent ", line), 10)
        assert "Hello Ruth Ashdown" in running.page()
        running.wait_for(lambda line: line.startswith("--- escalation 1, high "), 90)
        running.wait_for(lambda line: re.search(r" `acknowledge \d+` stops ", line), 10)
        running.end()
    assert not [line for line in running.lines if "\x1b" in line], "colours are for terminals"
    assert not [line for line in running.lines if re.search(r"\b(INFO|WARNING|ERROR)\b", line)]


def test_what_a_newcomer_writes_on_the_page_is_drafted_in_ten_seconds_and_the_answer_stands_there(
    tmp_path: Path,
) -> None:
    with demo(tmp_path) as running:
        running.wait_for(lambda line: re.search(r"^ +1 tagged ", line), 60)  # its people live here now
        form = {"network": "x", "who": "jossdubout", "text": "@banqueazur bonjour, ma carte est bloquée"}
        began = time.monotonic()
        posted = httpx.post(f"{running.address()}control/say", data=form, follow_redirects=True)
        assert posted.status_code == 200

        heard = running.wait_for(lambda line: re.search(r"^ +\d+ heard +x +Joss Dubout", line), 10)
        number = heard.split()[0]
        running.wait_for(lambda line: re.search(rf"^ +{number} tagged .*3 drafts", line), 10)
        took = time.monotonic() - began

        approved = vigie(tmp_path, "--as", "lea", "approve", number, "--yes")
        assert approved.returncode == 0, approved.stderr
        draft = json.loads(vigie(tmp_path, "show", number, "--json").stdout)["drafts"]
        sent = next(one["text"] for one in draft if one["state"] == "sent")
        assert html.escape(sent[:60], quote=False).replace("'", "&#39;") in running.page()
        assert took < 10
        running.end()


def test_a_second_demo_in_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.wait_for(lambda line: " heard " in line, 60)

        second = vigie(tmp_path, "demo")

        assert (second.returncode, second.stdout) == (2, "")
        assert "another demo plays in" in second.stderr
        assert (tmp_path / "vigie-demo" / "vigie.db").exists()
        running.end()
        assert running.process.returncode == 0


def test_ctrl_c_while_it_is_still_starting_ends_it_quietly(tmp_path: Path) -> None:
    with demo(tmp_path, LC_ALL="fr_FR.UTF-8") as running:
        running.wait_for(lambda line: "Ctrl-C termine" in line, 60)
        assert running.end() < 5
        assert running.process.returncode == 0
    assert "Traceback" not in "\n".join(running.lines)


def test_a_demo_whose_reader_goes_away_ends_too(tmp_path: Path) -> None:
    process = subprocess.Popen(
        (*VIGIE, "demo"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        _, errors = process.communicate(timeout=60)
        assert b"Traceback" not in errors
    finally:
        process.kill()
        process.wait()


def test_a_folder_that_is_not_the_demos_is_left_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "vigie-demo"
    theirs.mkdir()
    (theirs / "vigie.db").write_text("a year of work")

    with pytest.raises(NotPossible, match="was not made by the demo"), folder.begun_afresh(theirs, {}):
        pass

    assert [p.name for p in theirs.iterdir()] == ["vigie.db"]
    assert (theirs / "vigie.db").read_text() == "a year of work"


def test_beginning_afresh_removes_the_old_store_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "it's a “demo”" / "vigie-demo"
    place.parent.mkdir()
    with folder.begun_afresh(place, {}):
        (place / "vigie.db").write_text("yesterday's")
        (place / "notes.txt").write_text("mine")

    with folder.begun_afresh(place, {}) as config:
        assert not (place / "vigie.db").exists()
        assert load(config).root.store == f"sqlite:///{place / 'vigie.db'}"
    assert (place / "notes.txt").read_text() == "mine"


def test_what_strangers_write_cannot_steer_the_terminal_that_follows(tmp_path: Path) -> None:
    printed = io.StringIO()
    with folder.begun_afresh(tmp_path / "vigie-demo", {}) as config:
        built = build(load(config))
        follower = Follower(built.watch.store, Console(file=printed, width=100), words_for({}))
        stranger = Author("9", "@nine", "\x1b]0;owned\x07Nine")
        text = "[bold]hello[/]\x1b[2J \u202eback to front"
        hear(built.watch, "day", [Mention("x", "9", text, utcnow(), stranger, addressed=True)])

        follower.look()
        assert built.once(("triage",))
        with built.watch.store.read() as tx:
            seen = views.mention_row(tx, 1)["version"]
        built.desk.exempt(1, "spam", seen, "lea")
        follower.look()
        built.watch.store.close()

    heard, tagged, exempted = printed.getvalue().splitlines()
    assert "[bold]hello[/]\ufffd[2J \ufffdback to front" in heard
    assert tagged.startswith("   1 tagged ")
    assert exempted == "   1 exempted  by lea"


def test_the_demo_speaks_french_where_the_locale_does() -> None:
    assert words_for({"LANG": "fr_CA.UTF-8"}).welcome.startswith("Vigie : ")
    assert words_for({"LC_ALL": "en_GB.UTF-8", "LANG": "fr_FR"}).welcome.startswith("Vigie, ")
    assert words_for({}).welcome.startswith("Vigie, ")


def test_both_languages_name_the_same_events_and_places() -> None:
    french, english = words_for({"LANG": "fr"}), words_for({})
    assert french.kinds.keys() == english.kinds.keys()
    for name in ("owed", "drafts", "by", "natively", "ringing", "still_waits", "books", "unbalanced", "rule"):
        places = [sorted(re.findall(r"{(\w+)}", getattr(words, name))) for words in (french, english)]
        assert places[0] == places[1], name
    assert max(map(len, french.kinds.values())) <= 9
