"""The default engine: one SQLite file, opened through sqlite-utils.

The settings and their reasons were measured: WAL lets readers go on while one writes; synchronous=FULL
because a row "sending" must survive a power cut before the call is made; BEGIN IMMEDIATE because a
deferred transaction that reads before it writes fails at once when another process wrote in between,
whatever the busy timeout.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

import sqlite_utils
from sqlite_utils.migrations import Migrations

from bot.errors import StoreUnavailable
from bot.store.engine import Params, Row, Tx

DIALECT: Final = {
    "id": "INTEGER PRIMARY KEY",
    "strict": "STRICT",
    "forbid_change": """
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
""",
}


class SqliteTx:
    """A running transaction on one thread's connection."""

    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        return self._connection.execute(sql, params).fetchall()

    def row(self, sql: str, params: Params = ()) -> Row | None:
        found: Row | None = self._connection.execute(sql, params).fetchone()
        return found

    def run(self, sql: str, params: Params = ()) -> int:
        return self._connection.execute(sql, params).rowcount

    def many(self, sql: str, params: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(sql, params)

    def reserve(self, table: str, count: int) -> int:  # noqa: ARG002 -- nobody else writes meanwhile
        (highest,) = self._connection.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}").fetchone()
        return int(highest) + 1


class SqliteStore:
    """See `bot.store.engine.Store`. The file and its tables are made where they are missing.

    Args:
        path: the database file.
        busy_timeout: how long to wait for another process's write lock, in seconds.

    Raises:
        StoreUnavailable: the file cannot be opened or made.
    """

    def __init__(self, path: Path, busy_timeout: float = 30.0) -> None:
        self.path = path
        self._timeout = busy_timeout
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        _make(self.path)
        with _translated(self.path):
            _migrate(self._database())

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        with self._transaction("BEGIN") as tx:
            yield tx

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tx]:
        with _translated(self.path):
            connection = self._database().conn
            connection.execute(begin)
            try:
                yield SqliteTx(connection)
                connection.execute("COMMIT")
            except BaseException:
                # A full disk rolls back by itself; then there is nothing left to roll back.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _database(self) -> sqlite_utils.Database:
        if (database := getattr(self._local, "database", None)) is None:
            database = self._local.database = self._connect()
        return database

    def _connect(self) -> sqlite_utils.Database:
        # check_same_thread off only so that close() may close what other threads opened; each thread
        # uses its own connection. isolation_level None: transactions are ours alone to begin.
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        with self._lock:
            self._all.append(connection)
        return sqlite_utils.Database(connection, execute_plugins=False)


def _make(path: Path) -> None:
    """An empty file for its owner alone, where there is none."""
    try:
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        reason = f"{error.strerror}; look at the folder and its rights"
        raise StoreUnavailable(f"the store {path.name} cannot be used: {reason}") from error


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Say in words for people what keeps the store from being written."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = error.sqlite_errorcode & 0xFF
        reason = {
            sqlite3.SQLITE_FULL: "the disk is full; free some space",
            sqlite3.SQLITE_BUSY: "another program keeps it locked; end that program",
            sqlite3.SQLITE_IOERR: "the disk reports an error; look at the disk",
            sqlite3.SQLITE_CANTOPEN: "it cannot be opened or made; look at the folder and its rights",
            sqlite3.SQLITE_READONLY: "it is read-only; look at the file's rights",
            sqlite3.SQLITE_NOTADB: "it is no SQLite file; look at its name",
            sqlite3.SQLITE_CORRUPT: "the file is damaged; take back a copy of it",
        }.get(code)
        if reason is None:
            raise
        raise StoreUnavailable(f"the store {path.name} cannot be used: {reason}") from error


def _migrate(database: sqlite_utils.Database) -> None:
    migrations, names = Migrations("vigie"), set()
    folder = resources.files("bot.store") / "migrations"
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name):
        name = file.name.removesuffix(".sql")
        names.add(name)
        migrations(name=name)(_migration(file.read_text("utf-8")))
    if unknown := {m.name for m in migrations.applied(database)} - names:
        raise StoreUnavailable(f"a newer Vigie has used this store ({max(unknown)}); install that version")
    if migrations.pending(database):
        # Two programs may open a new file in the same moment: the second waits, then finds it all done.
        database.execute("BEGIN IMMEDIATE")
        with database.conn:
            migrations.apply(database)


def _migration(text: str) -> Any:
    statements = list(_statements(text.format(**DIALECT)))

    def apply(database: sqlite_utils.Database) -> None:
        for statement in statements:
            database.execute(statement)

    return apply


def _statements(script: str) -> Iterator[str]:
    """Split where SQLite itself says that a statement is complete; triggers hold semicolons."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
