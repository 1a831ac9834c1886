"""What a test needs and not every machine has."""

from __future__ import annotations

import os

import pytest


def need(what: str, missing: str, script: str = "install-test-servers.sh") -> None:
    """Skip the test where anything is `missing` for `what`; ``VIGIE_NO_SKIP=1`` makes it fail instead."""
    if not missing:
        return
    reason = f"no {what} here: {missing} (scripts/{script} installs it)"
    if os.environ.get("VIGIE_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
