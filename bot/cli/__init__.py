"""The command line. Each command is thin: it asks the desk, a step or a view, and prints.

Exit codes: 0 fine; 1 something was found (an audit that fails, an address overdue, a bad line, somebody
was first); 2 wrong use or wrong config.
"""

from __future__ import annotations

import os
import sys

# Small arrays are multiplied one after the other: more threads would only get into each other's way. Read
# by numpy when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# In the order in which help lists them.
# isort: off
from bot.cli import watch
from bot.cli import sandbox
from bot.cli import slack
from bot.cli import user
from bot.cli import desk
from bot.cli import books
from bot.cli import reports
from bot.cli import learning
from bot.cli import new_network

# isort: on
from bot.cli.common import app
from bot.errors import ConfigError, NotPossible, VigieError

__all__ = [
    "app",
    "books",
    "desk",
    "learning",
    "main",
    "new_network",
    "reports",
    "sandbox",
    "slack",
    "user",
    "watch",
]


def main() -> None:
    """Run the command line, and tell people in words what went wrong."""
    try:
        app()
    except ConfigError as error:
        _say(str(error))
        count = len(error.faults)
        _say(f"{count} fault{'s' if count > 1 else ''} in the config; nothing was started")
        sys.exit(2)
    except NotPossible as error:
        _say(str(error))
        sys.exit(2)
    except VigieError as error:
        _say(str(error))
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough
        sys.exit(0)


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 -- this is the command line
