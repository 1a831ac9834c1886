"""On what was it measured, and how long did it keep the processor? CPU time, not the clock on the wall: the
machine may be shared, and a ratio of two CPU times of one run holds all the same."""

from __future__ import annotations

import gc
import os
import platform
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path


def describe() -> str:
    """The machine and the versions that matter, in one line."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{_processor()}, {os.cpu_count()} processors{load}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds (user and system, all threads) that `work` takes."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def verdict(ratio: float, limit: float) -> str:
    """Whether a figure keeps its limit, in words."""
    return f"{ratio:.2f} (limit {limit:g}: {'kept' if ratio <= limit else 'NOT KEPT'})"


def free_port() -> int:
    """A port of the loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
