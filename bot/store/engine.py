"""What the queries need of a database, and no more. The queries stand in this package's other files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

Row = Mapping[str, Any]
Params = Mapping[str, Any] | Sequence[Any]
T = TypeVar("T")
_AT_ONCE: Final = 500


class Tx(Protocol):
    """One transaction. SQL is written with ``:name`` parameters, or ``?`` where a batch must be quick."""

    # How a claim steps over rows that another worker has locked: "" or "FOR UPDATE SKIP LOCKED".
    skip_locked: str

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """All rows of a query, or of a change with RETURNING."""
        ...

    def row(self, sql: str, params: Params = ()) -> Row | None:
        """The first row, if there is one."""
        ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Make a change; how many rows it touched."""
        ...

    def many(self, sql: str, params: Iterable[Sequence[Any]]) -> None:
        """Make the same change for each set of ``?`` parameters."""
        ...

    def reserve(self, table: str, count: int) -> int:
        """The first of `count` new keys for `table`, so that a batch can be written with its keys known."""
        ...

    def learn_words(self, first: int, last: int) -> None:
        """New mentions, those from id `first` to `last`, can be found by their words from now on. What
        changes later is learned by itself."""
        ...

    def matching(
        self, words: Sequence[str], limit: int, *, below: int | None = None, above: int | None = None
    ) -> list[int]:
        """The mentions in which all of `words` occur, the last of them as the beginning of a word: their ids
        below `below`, the highest first; or those above `above`, the lowest first. Any text is a word; one
        without letters and digits is left out."""
        ...


class Store(Protocol):
    """A database with Vigie's tables. Safe to use from several threads; each has its own connection."""

    def tx(self) -> AbstractContextManager[Tx]:
        """A transaction that writes: all of it is kept, durably, or none.

        Raises:
            StoreUnavailable: the disk is full or another program keeps the file locked.
        """
        ...

    def read(self) -> AbstractContextManager[Tx]:
        """A transaction that only reads, and sees one moment."""
        ...

    def close(self) -> None: ...


Clock = Callable[[], datetime]


def utcnow() -> datetime:
    return datetime.now(UTC)


def parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as fit into one query."""
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def marks(count: int) -> str:
    """``?, ?, ?``: the placeholders of an IN list."""
    return ", ".join("?" * count)


def rows_of_marks(count: int, width: int) -> str:
    """``(?, ?), (?, ?)``: the placeholders of a VALUES list."""
    return ", ".join([f"({marks(width)})"] * count)
