"""Every logger at DEBUG, as somebody may set them who looks for a fault."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def everything_logged() -> Iterator[None]:
    """All loggers that there are by now; afterwards they are as they were."""
    loggers = [logging.getLogger(name) for name in [None, *logging.root.manager.loggerDict]]
    levels = [one.level for one in loggers]
    try:
        for one in loggers:
            one.setLevel(logging.DEBUG)
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
