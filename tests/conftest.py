"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from tests.support.house import STANDING, House, build_house

# The same examples in every `make test`, so that it fails for what was changed; VIGIE_SEED=0 draws others, as
# `make long` does. No deadline per example: a busy machine is no fault.
hypothesis.settings.register_profile(
    "vigie", deadline=None, derandomize=os.environ.get("VIGIE_SEED") != "0", database=None
)
hypothesis.settings.load_profile("vigie")

# Files that take minutes begin first, so that none of them is alone at the end of two workers; beside the
# first of them one with many tests, so that there is something to see.
FIRST: Final = (
    "test_kill.py", "test_cli.py", "test_matrix.py", "test_random_days.py", "test_month.py", "test_race.py",
    "test_bluesky.py", "test_mastodon.py", "test_api_contract.py", "test_day.py", "test_accessible.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


@pytest.fixture(autouse=True)
def _close_every_house() -> Iterator[None]:
    yield
    while STANDING:
        STANDING.pop().app.watch.store.close()
