"""One browser for all that a worker tests here, and a fresh profile for each test.

It lives no longer than this folder's tests do: playwright keeps an event loop in the thread of the tests, and
others want their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browsing import chromium
from tests.support.sandboxed import Sandboxed, sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    with sync_playwright() as play:
        found = chromium(play)
        yield found
        found.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Sandboxed]:
    """A house on the sandbox's X and Facebook."""
    with sandboxed(tmp_path) as house:
        yield house
