"""Days that nobody planned: people, networks, faults, crashes, clocks and humans at the desk in every order.

A day is a script: lines of a step's name and a number, from which every choice within that step follows. Any
part of a script is one as well, so that a day that fails can be made shorter until nothing can be left out.

    python -m tests.support.days walk SEED DAYS STEPS       # prints its figures as JSON, or what failed
    python -m tests.support.days repeat < SCRIPT            # does what stands on standard input
"""

from __future__ import annotations

import json
import logging
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.day import AUDIT_EVERY, Day, Did
from tests.support.day_checks import Broken
from tests.support.day_steps import STEPS

_LONGEST_SEARCH: Final = 60.0  # seconds


def script_of(seed: int, steps: int) -> list[Did]:
    """A whole day: a morning, so many steps, and a night."""
    dice = random.Random(seed)
    names, weights = list(STEPS), [step.weight for step in STEPS.values()]
    day = [Did(name, dice.randrange(10**6)) for name in dice.choices(names, weights, k=steps - 2)]
    return [Did("morning", dice.randrange(10**6)), *day, Did("night", 0)]


def memory() -> Path | None:
    """Where a store costs no disk its time: what is tried here is not whether disks keep what they are told
    (`tests/journeys/test_kill.py` does that)."""
    folder = Path("/dev/shm")  # noqa: S108 -- a folder with a random name is made in it
    return folder if folder.is_dir() else None


class Failure(NamedTuple):
    """What went wrong: where, for whoever compares two; how far the day had come by then; and all of it."""

    where: str
    steps: int
    script: str
    trace: str


def attempt(
    script: Sequence[Did], make: Callable[[Path], Day] = Day, audit_every: int = AUDIT_EVERY
) -> Failure | Counter[str]:
    """Live through a day, or through as much of it as goes well. What was done in it, how often."""
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        day = make(Path(folder))
        day.audit_every = audit_every
        try:
            for number, did in enumerate(script, start=1):  # noqa: B007 -- how far it came
                day.step(did)
        except Exception as error:  # noqa: BLE001 -- told with all that led to it
            return Failure(_where(error), number, "\n".join(day.script), traceback.format_exc())
        finally:
            day.close()
        return day.did


def _where(error: Exception) -> str:
    """What tells one failure from another: the promise that is broken, whoever it is about, or the place."""
    if isinstance(error, Broken):
        return re.sub(r"[\d\W]+", " ", str(error))[:40]
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {Path(last.filename).name} {last.name}"


def shrunk(
    script: Sequence[Did],
    failure: Failure,
    make: Callable[[Path], Day] = Day,
    seconds: float = _LONGEST_SEARCH,
) -> tuple[list[Did], Failure]:
    """The shortest script found within so many seconds that fails in the same place: parts of it are left
    out, halves first, then ever smaller ones, until no single line can be."""
    until, script = time.monotonic() + seconds, list(script[: failure.steps])
    first = attempt(script, make, audit_every=1)
    if isinstance(first, Failure) and first.where == failure.where:
        script, failure = script[: first.steps], first
    size = len(script) // 2
    while size and time.monotonic() < until:
        start, before = 0, len(script)
        while start < len(script) and time.monotonic() < until:
            shorter = script[:start] + script[start + size :]
            found = attempt(shorter, make, audit_every=1)
            if isinstance(found, Failure) and found.where == failure.where:
                script, failure = shorter[: found.steps], found
            else:
                start += size
        if size > 1 or len(script) == before:
            size //= 2
    return script, failure


def told(script: Sequence[Did], failure: Failure) -> str:
    """A failure, as lines that can be pasted."""
    lines = failure.script.splitlines()
    return "\n".join(
        [
            failure.trace.strip(),
            "",
            f"{len(script)} steps; each line, and what was done (a deeper one came of the one above):",
            *(f"    {line}" for line in lines),
            "",
            "python -m tests.support.days repeat <<END",
            *(f"{did.name} {did.number}" for did in script),
            "END",
        ]
    )


def walk(seed: int, days: int, steps: int) -> Counter[str] | str:
    """Live through days, each from its own seed. What was done, how often; or the first failure, told."""
    did = Counter[str]()
    for number in range(days):
        script = script_of(seed + number, steps)
        found = attempt(script)
        if isinstance(found, Failure):
            return f"VIGIE_SEED={seed + number}\n{told(*shrunk(script, found))}"
        did += found
    return did


def main(arguments: Sequence[str]) -> int:
    logging.getLogger("vigie").addHandler(logging.NullHandler())
    logging.getLogger("vigie").propagate = False
    if arguments[0] == "repeat":
        script = [Did(name, int(number)) for name, number in map(str.split, sys.stdin)]
        found = attempt(script, audit_every=1)
        print(told(script, found) if isinstance(found, Failure) else json.dumps(found))
        return int(isinstance(found, Failure))
    walked = walk(*map(int, arguments[1:]))
    print(walked if isinstance(walked, str) else json.dumps(walked))
    return int(isinstance(walked, str))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
