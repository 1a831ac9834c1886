"""The demo's folder: made here, begun afresh here, and nothing of anybody else's is ever touched."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from bot.errors import NotPossible

_MARKER: Final = ".made-by-vigie-demo"
_OURS: Final = ("config.yaml", "vigie.db", "vigie.db-wal", "vigie.db-shm")


@contextmanager
def begun_afresh(folder: Path, services: Mapping[str, Any]) -> Iterator[Path]:
    """The demo's config in `folder`, beside which there is no store yet; the folder is ours meanwhile.
    `services`: its accounts, listeners and responders.

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
        yield _config(folder, services)


def _claim(folder: Path) -> None:
    """Make the folder, or see by its marker that it is ours."""
    if folder.is_symlink() or (folder.exists() and not (folder / _MARKER).is_file()):
        wrong = f"{folder.absolute()} was not made by the demo, which would overwrite what is in it"
        raise NotPossible(f"{wrong}; move it away, or start the demo in another folder")
    folder.mkdir(exist_ok=True)
    (folder / _MARKER).touch()


def _config(folder: Path, services: Mapping[str, Any]) -> Path:
    """Write the config, with a whole path to the store: commands may be typed in any folder."""
    text = (resources.files("bot.demo") / "config.yaml").read_text("utf-8")
    all_ = {"store": f"sqlite:///{folder.absolute()}/vigie.db", **services}
    path = folder / "config.yaml"
    rest = yaml.safe_dump(all_, sort_keys=False, allow_unicode=True, width=1000)
    path.write_text(f"{text}\n{rest}", "utf-8")
    return path
