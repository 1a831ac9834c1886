"""A contributor's path: `vigie new-network`, its files filled in, green, and nothing else touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.new_network import new_network
from bot.errors import NotPossible

ROOT = Path(__file__).parent.parent.parent
FILLED_IN = ROOT / "tests/support/guestbook_network"
COPIED = ("bot", "listeners", "responders", "accounts", "tests/contract", "tests/support", "tests/fixtures")
WRITTEN = {
    "listeners/guestbook.py": "listener.py",
    "responders/guestbook.py": "responder.py",
    "tests/fixtures/guestbook/listener.yaml": "listener.yaml",
    "tests/fixtures/guestbook/responder.yaml": "responder.yaml",
    "tests/contract/test_guestbook.py": "",  # good as it was written
}
CONTRACT = ("test_services.py", "test_cases.py", "test_guestbook.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What somebody has who cloned the repository."""
    for name in COPIED:
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    for name in ("pyproject.toml", "tests/__init__.py", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def checked(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    paths = [f"tests/contract/{name}" for name in names]
    return ran(folder, "pytest", "-q", "-p", "no:cacheprovider", "-k", "guestbook", *paths)


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_network_is_two_files_and_their_fixtures_and_nothing_else_is_touched(copy: Path) -> None:
    before = files_of(copy)
    done = ran(copy, "bot", "new-network", "guestbook")
    assert (done.returncode, done.stderr) == (0, "")
    after = files_of(copy)
    assert set(after) - set(before) == set(WRITTEN)
    assert {name: after[name] for name in before} == before

    red = checked(copy, "test_guestbook.py")
    assert red.returncode == 1
    assert red.stdout.count("FAILED") == 4, red.stdout

    for name, source in WRITTEN.items():
        if source:
            shutil.copy(FILLED_IN / source, copy / name)
    shutil.copy(FILLED_IN / "live.py", copy / "tests/contract/test_guestbook_live.py")
    green = checked(copy, *CONTRACT, "test_guestbook_live.py")
    assert green.returncode == 0, green.stdout
    lines = [(FILLED_IN / name).read_text().count("\n") for name in ("listener.py", "responder.py")]
    assert sum(lines) < 150


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """As much of a copy as the command looks for."""
    for name in ("listeners/base.py", "responders/base.py", "tests/fixtures/README.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    return tmp_path


def test_nothing_is_overwritten(place: Path) -> None:
    (place / "responders/guestbook.py").write_text("mine")
    before = files_of(place)
    with pytest.raises(NotPossible, match=r"nothing was written, .*responders/guestbook\.py"):
        new_network("guestbook", place)
    assert files_of(place) == before


@pytest.mark.parametrize(
    "name", ["Guest", "guest-book", "2books", "../evil", "_x", "class", "base", "x" * 21, ""]
)
def test_a_name_that_cannot_be_a_module_is_told(place: Path, name: str) -> None:
    before = files_of(place)
    with pytest.raises(NotPossible, match="cannot be a type: write up to 20 lower-case letters"):
        new_network(name, place)
    assert files_of(place) == before


def test_every_name_that_fits_gives_lines_that_fit(place: Path) -> None:
    new_network("x234567890_234567890", place)
    written = [path for path in files_of(place) if "x234567890" in path and path.endswith(".py")]
    longest = max(len(line) for path in written for line in (place / path).read_text().splitlines())
    assert len(written) == 3
    assert longest <= 110
    assert "class X234567890234567890Listener:" in (place / "listeners/x234567890_234567890.py").read_text()


def test_a_folder_that_is_no_copy_of_the_repository_is_told(tmp_path: Path) -> None:
    done = ran(ROOT, "bot", "new-network", "guestbook", "--here", str(tmp_path))
    assert done.returncode == 2
    assert "is no copy of Vigie's repository" in done.stderr
    assert list(tmp_path.iterdir()) == []
