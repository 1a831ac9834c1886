"""The demo's folder: made here, begun afresh here, and nothing of anybody else's is ever touched."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from bot.errors import NotPossible

_MARKER: Final = ".made-by-vigie-demo"
_OURS: Final = ("config.yaml", "vigie.db", "vigie.db-wal", "vigie.db-shm")


@contextmanager
def begun_afresh(folder: Path) -> Iterator[Path]:
    """The demo's config in `folder`, beside which there is no store yet; the folder is ours meanwhile.

    Raises:
        NotPossible: the folder is not the demo's, cannot be made, or another demo plays in it.
    """
    try:
        _claim(folder)
        marker = (folder / _MARKER).open("r+")
    except OSError as error:
        raise NotPossible(f"the demo cannot make its folder {folder} here: {error.strerror}") from None
    with marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotPossible(f"another demo plays in {folder.absolute()}; end it with Ctrl-C") from None
        for name in _OURS:
            (folder / name).unlink(missing_ok=True)
        yield _config(folder)


def _claim(folder: Path) -> None:
    """Make the folder, or see by its marker that it is ours."""
    if folder.is_symlink() or (folder.exists() and not (folder / _MARKER).is_file()):
        wrong = f"{folder.absolute()} was not made by the demo, which would overwrite what is in it"
        raise NotPossible(f"{wrong}; move it away, or start the demo in another folder")
    folder.mkdir(exist_ok=True)
    (folder / _MARKER).touch()


def _config(folder: Path) -> Path:
    """Write the config, with whole paths: commands may be typed in any folder."""
    here = resources.files("bot.demo")
    text = (here / "config.yaml").read_text("utf-8")
    text = text.replace('"sqlite:///vigie-demo/vigie.db"', _quoted(f"sqlite:///{folder.absolute()}/vigie.db"))
    text = text.replace('"bot/demo/day.jsonl"', _quoted(str(here / "day.jsonl")))
    path = folder / "config.yaml"
    path.write_text(text, "utf-8")
    return path


def _quoted(text: str) -> str:
    """As YAML reads it: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)
