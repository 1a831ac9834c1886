"""How much memory does an idle daemon hold, and how long does `vigie --help` keep the processor?

Limits: 250 MB resident, half a second of CPU.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import people
from benchmarks.machine import describe, free_port, verdict
from bot.store import open_store

MEGABYTES: Final = 250
SECONDS: Final = 0.5
HEARD: Final = 200
CONFIG: Final = """
brand: {{name: Banque Azur, languages: [fr, en]}}
web: {{listen: "127.0.0.1:{port}"}}
store: sqlite:///vigie.db
listeners:
  day: {{type: replay, path: day.jsonl, responder: out}}
responders:
  out: {{type: console}}
"""
ROOT: Final = Path(__file__).parents[1]


def main() -> None:
    with TemporaryDirectory() as folder:
        held = idle_daemon(Path(folder))
    print(f"idle daemon: {held:.0f} MB resident; / {MEGABYTES} MB: {verdict(held / MEGABYTES, 1)}")
    helped = median(help_cpu() for _ in range(5))
    print(f"vigie --help: {helped:.2f} s of CPU; / {SECONDS} s: {verdict(helped / SECONDS, 1)}")


def help_cpu() -> float:
    """CPU seconds of one `vigie --help`, with the start of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "bot", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def idle_daemon(folder: Path) -> float:
    """Resident megabytes (Linux) of a daemon with its inbox that has heard and tagged 200 mentions, and then
    waits.

    Raises:
        TimeoutError: it has not tagged them within two minutes.
    """
    folder.joinpath("config.yaml").write_text(CONFIG.format(port=free_port()), "utf-8")
    folder.joinpath("day.jsonl").write_bytes(b"\n".join(people.lines(HEARD)) + b"\n")
    command = [sys.executable, "-m", "bot", "--config", "config.yaml", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    daemon = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(lambda: _triaged(folder / "vigie.db") == HEARD, daemon)
        _wait(lambda: _rests(daemon.pid), daemon)
        return _status(daemon.pid, "VmRSS") / 1000
    finally:
        daemon.terminate()
        daemon.wait(20)


def _wait(until: Callable[[], bool], daemon: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end or daemon.poll() is not None:
            raise TimeoutError("the daemon has not come to rest")
        time.sleep(0.2)


def _triaged(store: Path) -> int:
    if not store.exists():
        return 0
    opened = open_store(f"sqlite:///{store}")
    try:
        with opened.read() as tx:
            row = tx.row("SELECT COUNT(*) AS n FROM mentions WHERE state <> 'new'")
            return int(row["n"]) if row else 0
    finally:
        opened.close()


def _rests(pid: int) -> bool:
    """Less than a tenth of a processor for two seconds."""
    before = _ticks(pid)
    time.sleep(2)
    return _ticks(pid) - before <= 0.2 * os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _status(pid: int, name: str) -> int:
    """One figure of /proc/PID/status, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(describe())
    main()
