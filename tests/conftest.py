"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import STANDING, House, build_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


@pytest.fixture(autouse=True)
def _close_every_house() -> Iterator[None]:
    yield
    while STANDING:
        STANDING.pop().app.watch.store.close()
