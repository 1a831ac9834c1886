"""docs/security.md: every item of the ASVS names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ITEM = re.compile(r"^\| ((?:\d+\.\d+\.\d+(?:, )?)+) \| (.+) \| (.+) \|$", re.MULTILINE)
ITEMS = [match.groups() for match in ITEM.finditer(TEXT)]


def functions_of(name: str) -> set[str]:
    """The names of the test functions in the one file of that name."""
    (file,) = (ROOT / "tests").rglob(name)
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_items() -> None:
    assert len(ITEMS) > 60


@pytest.mark.parametrize(("item", "short", "named"), ITEMS, ids=[item[0] for item in ITEMS])
def test_each_item_names_tests_that_exist(item: str, short: str, named: str) -> None:
    found = re.findall(r"`(test_\w+\.py)::(test_\w+)`", named)
    assert ", ".join(f"`{file}::{test}`" for file, test in found) == named
    assert [test for file, test in found if test not in functions_of(file)] == []


def test_every_key_of_config_that_guards_the_inbox_is_told_of() -> None:
    keys = ("behind_tls", "url", "secret_key", "metrics_token", "second_factor", "session", "idle")
    assert [key for key in keys if f"`{key}" not in TEXT] == []
