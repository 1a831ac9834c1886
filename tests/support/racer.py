"""Somebody at a terminal who types one `vigie` command after another, each at an instant that she is told.

    python -m tests.support.racer CONFIG NAME

Reads lines of JSON, ``{"at": SECONDS, "arguments": [...]}`` (`time.time`), and answers each with a line
``{"code": EXIT, "said": TEXT}``. One process for all of them, as starting one takes longer than a race.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

from bot.cli import main


def typed(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    said = io.StringIO()
    sys.argv = ["vigie", *arguments]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def race(config: str, name: str) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        time.sleep(max(0.0, asked["at"] - time.time()))
        code, said = typed("--config", config, "--as", name, *asked["arguments"])
        print(json.dumps({"code": code, "said": said}), flush=True)


if __name__ == "__main__":
    race(*sys.argv[1:])
