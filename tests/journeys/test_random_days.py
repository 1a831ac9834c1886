"""Days that nobody planned (`tests.support.days`): people, networks, faults, crashes, clocks and humans at
the desk, in any order. After each step the promises hold. What fails is made short, and printed as lines that
can be pasted.

VIGIE_SEED repeats a day. VIGIE_DAYS says how many there are, of 250 steps each: 400 in `make test`, which are
100,000 steps.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.support.day import Day, Did
from tests.support.day_steps import STEPS
from tests.support.days import Failure, attempt, script_of, shrunk, told

DAYS: Final = int(os.environ.get("VIGIE_DAYS", "400"))
STEPS_A_DAY: Final = 250
# The same days in every `make test`; VIGIE_SEED=0 draws others.
SEED: Final = int(os.environ.get("VIGIE_SEED", "28467")) or random.SystemRandom().randrange(10**6)
ROOT: Final = Path(__file__).parents[2]


@pytest.mark.timeout(1200)
def test_whatever_happens_in_whatever_order_every_promise_holds() -> None:
    """Spread over the processors: each process has its own days."""
    begun, many = time.monotonic(), min(DAYS, os.cpu_count() or 1)
    shares = [DAYS // many + (number < DAYS % many) for number in range(many)]
    walkers = [_walker(SEED + sum(shares[:number]), days) for number, days in enumerate(shares)]
    did, failed = Counter[str](), list[str]()
    for walker in walkers:
        said, trouble = walker.communicate()
        if walker.returncode:
            failed.append(said + trouble)
        else:
            did.update(json.loads(said))
    if failed:
        pytest.fail("\n".join(failed), pytrace=False)
    steps = sum(did[name] for name in (*STEPS, "morning", "night"))
    assert steps >= DAYS * STEPS_A_DAY
    print(
        f"seed {SEED}: {steps} steps in {DAYS} days on {many} processors, {time.monotonic() - begun:.0f} s; "
        f"{did['died']} crashes, {did['overtaken']} times overtaken by the other process"
    )


def _walker(seed: int, days: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.days", "walk", str(seed), str(days), str(STEPS_A_DAY)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


# --- That it would notice ---


BUGS: Final = {
    "the log and the tables differ": "UPDATE mentions SET state = 'answered', alarm_at = NULL"
    " WHERE state = 'waiting' AND addressed = 1",
    "the log promises": "UPDATE mentions SET due_at = due_at + 1 WHERE due_at % 2 = 0",
    "lost, or no address any more": "UPDATE sources SET cursor = cursor + 1 WHERE listener = 'blog'",
    "has neither an alarm nor a bell": "UPDATE mentions SET alarm_at = NULL WHERE alarm_at IS NOT NULL",
    "the audit says": "UPDATE events SET actor = 'nobody' WHERE seq = 1",
}


class Sabotaged(Day):
    """A house with a bug: before each step this is done to its store."""

    def __init__(self, folder: Path, bug: str) -> None:
        super().__init__(folder)
        self.bug = bug
        self.saboteur = sqlite3.connect(folder / "vigie.db", isolation_level=None)
        self.saboteur.execute("DROP TRIGGER events_are_never_changed")

    def step(self, did: Did) -> None:
        self.saboteur.execute(self.bug)
        super().step(did)

    def close(self) -> None:
        self.saboteur.close()
        super().close()


@pytest.mark.parametrize("promise", BUGS)
def test_a_house_with_a_bug_is_noticed_and_the_day_told_in_a_few_lines(promise: str) -> None:
    make = partial(Sabotaged, bug=BUGS[promise])
    for seed in range(40):
        script = script_of(seed, 60)
        if isinstance(found := attempt(script, make), Failure) and promise in found.trace:
            break
    else:
        pytest.fail("nobody noticed")
    short, failure = shrunk(script, found, make, seconds=20)
    assert len(short) <= 12
    assert promise in failure.trace
    lines = told(short, failure).partition("<<END\n")[2].partition("END")[0].splitlines()
    again = attempt([Did(name, int(number)) for name, number in map(str.split, lines)], make, 1)
    assert isinstance(again, Failure)
    assert again.where == failure.where
