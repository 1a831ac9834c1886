"""kill -9 at random moments while comments pass from a blog to answered: nobody lost, nobody answered twice.

The blog counts, in a process of its own: every reply that it accepted is a line in its log. 10 kills in
``make test``; ``make crash`` sets VIGIE_KILLS=200, which makes eight rounds of 25.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROUNDS = max(1, int(os.environ.get("VIGIE_KILLS", "0")) // 25)
KILLS = 25 if "VIGIE_KILLS" in os.environ else 10
COMMENTS = 40 * KILLS
SEED = int(os.environ.get("VIGIE_SEED", "28467")) or random.SystemRandom().randrange(10**6)
CONFIG = """
brand: {{name: Banque Azur, languages: [fr, en]}}
web: {{listen: ""}}
store: sqlite:///{store}
accounts:
  blog: {{url: "{url}", username: bot, password: "${{BLOG_PASSWORD}}"}}
listeners:
  blog: {{type: wordpress, account: blog, every: 1s, first_days: 30, overlap_every_minutes: 0}}
responders:
  blog: {{type: wordpress, account: blog, timeout: 2}}
  bell: {{type: console}}
delivery: {{lease: 3s, look_after: 5s, backoff: 1s}}
pace: {{triage: 1s, deliver: 1s, sweep: 1s}}
"""


@pytest.mark.crash
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_nobody_is_lost_and_nobody_answered_twice_when_the_daemon_is_killed(
    tmp_path: Path, number: int
) -> None:
    chance = random.Random(SEED + number)
    print(f"round {number + 1} of {ROUNDS}, seed {SEED}: {KILLS} kills, {COMMENTS} comments")
    log = tmp_path / "accepted.jsonl"
    log.touch()
    with blog(log, COMMENTS) as url:
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(store=tmp_path / "vigie.db", url=url), "utf-8")
        with python("-m", "tests.support.approver", str(config), stdin=subprocess.PIPE):
            for kill in range(KILLS):
                with python("-m", "bot", "--config", str(config), "run") as daemon:
                    if kill % 2:
                        # In the middle of the sending, however quick this machine is.
                        wait_for_replies(log, chance.randrange(1, 40))
                    else:
                        # Anywhere from the first imports on.
                        time.sleep(chance.uniform(1.0, 6.0))
                    daemon.send_signal(signal.SIGKILL)
                    daemon.wait()
                found = audit(config)
                assert found.get("balanced", True), found
                print(f"kill {kill + 1}: {found.get('answered', 0)} answered", flush=True)
            with python("-m", "bot", "--config", str(config), "run"):
                found = until_all_answered(config)
    assert found["balanced"], found
    assert (found["addresses"], found["answered"], found["unsure"]) == (COMMENTS, COMMENTS, 0)
    accepted = Counter(json.loads(line)["parent"] for line in log.read_text().splitlines())
    doubled = {parent: count for parent, count in accepted.items() if count > 1}
    assert doubled == {}, f"answered twice (seed {SEED})"
    assert len(accepted) == COMMENTS, f"lost {COMMENTS - len(accepted)} (seed {SEED})"
    print(f"{KILLS} kills: {len(accepted)} answered, 0 lost, 0 doubled, books balance")


def wait_for_replies(log: Path, more: int, patience: float = 20) -> None:
    wanted = min(_accepted(log) + more, COMMENTS)
    deadline = time.monotonic() + patience
    while _accepted(log) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)


def _accepted(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def until_all_answered(config: Path, patience: float = 90) -> dict[str, Any]:
    """The figures once all are answered, or once nobody more was for so many seconds."""
    answered, since = -1, time.monotonic()
    while True:
        found = audit(config)
        if found.get("answered", 0) > answered:
            answered, since = found.get("answered", 0), time.monotonic()
        if answered == COMMENTS or time.monotonic() - since > patience:
            return found
        time.sleep(1)


def audit(config: Path) -> dict[str, Any]:
    """The figures; {} while the daemon was killed before it could even make the store."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--config", str(config), "audit", "--json"],
        capture_output=True, env=environment(), check=False,
    )  # fmt: skip
    if b"there is no store" in done.stderr:
        return {}
    assert done.stdout, done.stderr.decode()
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextmanager
def blog(log: Path, comments: int) -> Iterator[str]:
    arguments = ["--comments", str(comments), "--log", str(log), "--seed", str(SEED), "--duplicates-welcome"]
    for fault in ("--drop-after-accept", "--error-after-accept", "--error-before-accept"):
        arguments += [fault, "0.02"]
    with python("-m", "tests.support.wordpress_like", *arguments, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield server.stdout.readline().decode().strip()


@contextmanager
def python(*arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **pipes}
    process = subprocess.Popen([sys.executable, *arguments], env=environment(), **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def environment() -> dict[str, str]:
    return {**os.environ, "BLOG_PASSWORD": "open sesame", "PYTHONPATH": str(Path(__file__).parents[2])}
