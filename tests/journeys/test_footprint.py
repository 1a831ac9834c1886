"""Small enough to stand beside a blog, quick enough to be asked: measured as `make bench` does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.footprint import MEGABYTES, SECONDS, help_cpu, idle_daemon


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")
def test_an_idle_daemon_that_has_tagged_holds_less_than_250_megabytes(tmp_path: Path) -> None:
    assert idle_daemon(tmp_path) < MEGABYTES


def test_help_takes_less_than_half_a_second_of_cpu() -> None:
    assert min(help_cpu() for _ in range(3)) < SECONDS
