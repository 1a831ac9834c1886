"""Vigie as people run it: the daemon in one terminal, commands in another. Real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@dataclass(frozen=True)
class Terminal:
    """Where `vigie` is typed: in a folder with a config.yaml, with secrets in the environment."""

    folder: Path
    secrets: dict[str, str]
    columns: int = 100
    printed: list[str] = field(default_factory=list)

    def vigie(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        done = subprocess.run(
            self._command(*arguments), cwd=self.folder, env=self._environment(), text=True,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        self.printed.append(done.stdout + done.stderr)
        return done

    def json(self, *arguments: str) -> Any:
        done = self.vigie(*arguments, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        """`vigie run`, until `Daemon.end`; killed if the test fails before that."""
        log = self.folder / f"daemon-{len(self.printed)}.log"
        with log.open("w") as out:
            command = self._command("run")
            process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment(), stdout=out, stderr=out
            )
        try:
            yield Daemon(process, log)
        finally:
            process.kill()
            process.wait()
            self.printed.append(log.read_text())

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "bot", "--config", "config.yaml", *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
        ours = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": str(self.columns)}
        return {**kept, **ours, **self.secrets}


@dataclass(frozen=True)
class Daemon:
    """A running daemon, and the file that it prints into."""

    process: subprocess.Popen[bytes]
    log: Path

    def until(self, look: Callable[[], T], seconds: float = 60) -> T:
        """Wait until `look` finds something; what it found."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert self.process.poll() is None, f"the daemon ended:\n{self.log.read_text()}"
            assert time.monotonic() < end, f"it did not come to that:\n{self.log.read_text()}"
            time.sleep(0.1)
        return found

    def end(self) -> float:
        """Press Ctrl-C; how many seconds it takes to end well."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0, self.log.read_text()
        return time.monotonic() - began
