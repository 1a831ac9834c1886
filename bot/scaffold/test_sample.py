"""Sample: its fixtures show what every network must, and nothing of the scaffold is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from bot.plugins import Side
from tests.contract.test_services import FIXTURES, fixture

ROOT: Final = FIXTURES.parent.parent
MINE: Final = (
    ROOT / "listeners/sample.py",
    ROOT / "responders/sample.py",
    FIXTURES / "sample/listener.yaml",
    FIXTURES / "sample/responder.yaml",
)
# What is done, and the error that comes of it; "" where none does.
NEEDED: Final[dict[Side, set[tuple[str, str]]]] = {
    "listeners": {("poll", ""), ("poll", "AuthFailed"), ("poll", "RateLimited"), ("poll", "Retry")},
    "responders": {
        ("can_reply", ""), ("send", ""), ("send", "Refused"), ("send", "AuthFailed"), ("send", "RateLimited"),
        ("send", "Retry"), ("send", "Unsure"), ("find", ""),
    },
}  # fmt: skip


def shown(step: dict[str, Any]) -> tuple[str, str]:
    return step.get("do", "poll"), (step["expect"] or {}).get("error", "")


@pytest.mark.parametrize("path", MINE, ids=lambda path: path.name)
def test_it_is_filled_in(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("FILL IN", "fill-in", "NotImplementedError") if word in text] == []


@pytest.mark.parametrize("side", NEEDED)
def test_its_fixtures_show_every_end_that_a_call_may_have(side: Side) -> None:
    cases = fixture(side, "sample")["cases"]
    steps = [step for case in cases for step in case.get("steps", [case])]
    assert NEEDED[side] - {shown(step) for step in steps} == set()
