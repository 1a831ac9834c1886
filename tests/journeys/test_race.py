"""Two people approve the same draft in the same instant, each in a process of their own, again and again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.racer import typed
from tests.support.wordpress_like import Blog, Faults, running

ROUNDS = int(os.environ.get("VIGIE_RACES", "150"))
CONFIG = """
brand: {{name: Banque Azur, languages: [fr, en]}}
web: {{listen: ""}}
store: sqlite:///{store}
accounts:
  blog: {{url: "{url}", username: bot, password: "${{BLOG_PASSWORD}}"}}
listeners:
  blog: {{type: wordpress, account: blog}}
responders:
  blog: {{type: wordpress, account: blog}}
  bell: {{type: console}}
"""


class Racer:
    """One of the two."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def will(self, at: float, *arguments: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"at": at, "arguments": arguments}) + "\n")
        self.process.stdin.flush()

    def did(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the racer ended"
        result: dict[str, Any] = json.loads(line)
        return result


@contextmanager
def racer(config: Path, name: str) -> Iterator[Racer]:
    command = [sys.executable, "-m", "tests.support.racer", str(config), name]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Racer(process)
        finally:
            process.kill()


@pytest.mark.timeout(600)
def test_of_two_who_approve_in_the_same_instant_one_sends_and_the_other_is_told_who_won(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_PASSWORD", "open sesame")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    config, won = tmp_path / "config.yaml", Counter[str]()
    with running(Blog(faults=Faults(duplicates_welcome=True))) as blog:
        blog.fill(ROUNDS)
        config.write_text(CONFIG.format(store=tmp_path / "vigie.db", url=blog.url), "utf-8")
        assert typed("--config", str(config), "run", "--once", "--only", "listen,triage")[0] == 0

        with racer(config, "Léa") as lea, racer(config, "Malik") as malik:
            for number in range(1, ROUNDS + 1):
                at = time.time() + 0.03
                for one in (lea, malik):
                    one.will(at, "approve", str(number), "--yes")
                done = {"Léa": lea.did(), "Malik": malik.did()}

                winner, loser = sorted(done, key=lambda name: done[name]["code"])
                assert done[winner]["code"] == 0, done
                assert done[winner]["said"].startswith("Sent. http"), done
                assert done[loser]["code"] in (1, 2), done
                assert re.search(rf"\b{winner}\b", done[loser]["said"]), done
                won[winner] += 1

    assert blog.state() == {"replies": ROUNDS, "answered": ROUNDS, "doubled": 0}
    assert min(won["Léa"], won["Malik"]) > 0, "one was always first: that is no race"
    print(f"{ROUNDS} races: {dict(won)}, one reply each")
