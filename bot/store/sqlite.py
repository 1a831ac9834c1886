"""The default engine: one SQLite file, migrated by sqlite-utils.

The settings and their reasons were measured: WAL lets readers go on while one writes; synchronous=FULL
because a row "sending" must survive a power cut before the call is made; BEGIN IMMEDIATE because a
deferred transaction that reads before it writes fails at once when another process wrote in between,
whatever the busy timeout.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.errors import StoreUnavailable
from bot.store import full_text
from bot.store.engine import Params, Row, Tx
from bot.store.turns import Turns

if TYPE_CHECKING:
    import sqlite_utils

_SET: Final = "vigie"
_LOCKED: Final = "another program keeps it locked; end that program"
DIALECT: Final = {
    "id": "INTEGER PRIMARY KEY",
    "strict": "STRICT",
    "forbid_change": """
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
""",
    "note_when_answered": """
CREATE TRIGGER mentions_note_when_answered AFTER UPDATE OF state ON mentions
    WHEN NEW.state = 'answered' AND OLD.state <> 'answered'
    BEGIN UPDATE mentions SET answered_at = COALESCE((
        SELECT MIN(a.posted_at) FROM answers a LEFT JOIN replies r ON r.id = a.reply_id
        WHERE a.network = NEW.network AND a.in_reply_to = NEW.remote_id AND COALESCE(r.holding, 0) = 0
    ), NEW.ended_at) WHERE id = NEW.id; END;
""",
    "sentiment": "TEXT GENERATED ALWAYS AS (json_extract(analysis, '$.sentiment')) VIRTUAL",
    "intent": "TEXT GENERATED ALWAYS AS (json_extract(analysis, '$.intent')) VIRTUAL",
    "full_text": full_text.TABLES,
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

    def learn_words(self, first: int, last: int) -> None:
        self._connection.execute(full_text.LEARN, (first, last))

    def matching(
        self, words: Sequence[str], limit: int, *, below: int | None = None, above: int | None = None
    ) -> list[int]:
        if not words:
            return []
        direction, bound = ("<", below) if above is None else (">", above)
        order = "DESC" if above is None else "ASC"
        behind, params = ("", ()) if bound is None else (f" AND rowid {direction} ?", (bound,))
        found = self._connection.execute(
            f"SELECT rowid FROM words WHERE words MATCH ?{behind} ORDER BY rowid {order} LIMIT ?",
            (full_text.query(words), *params, limit),
        )
        return [row[0] for row in found]


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
        self._all = weakref.WeakSet[_Own]()
        self._lock = threading.Lock()
        self._writes = Turns()
        _make(self.path)
        try:
            _migrate(self._connection())
        except sqlite3.DatabaseError as error:
            if (told := _in_words(self.path, error)) is None:
                raise
            raise told from error

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        # Threads of this process take turns. SQLite would have each look again after a while, and whoever
        # looks in between goes first.
        if not self._writes.acquire(self._timeout):
            raise StoreUnavailable(f"the store {self.path.name} cannot be used: {_LOCKED}")
        try:
            with self._transaction("BEGIN IMMEDIATE") as tx:
                yield tx
        finally:
            self._writes.release()

    def read(self) -> AbstractContextManager[Tx]:
        return self._transaction("BEGIN")

    def close(self) -> None:
        with self._lock:
            for own in self._all:
                own.close()
            self._all.clear()
        self._local = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tx]:
        try:
            connection = self._connection()
            connection.execute(begin)
            try:
                yield SqliteTx(connection)
                connection.execute("COMMIT")
            except BaseException:
                # A full disk rolls back by itself; then there is nothing left to roll back.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            if (told := _in_words(self.path, error)) is None:
                raise
            raise told from error

    def _connection(self) -> sqlite3.Connection:
        """This thread's own."""
        if (own := getattr(self._local, "own", None)) is None:
            own = self._local.own = _Own(self._connect())
            with self._lock:
                self._all.add(own)
        return own.connection

    def _connect(self) -> sqlite3.Connection:
        # check_same_thread off only so that close() may close what other threads opened. isolation_level
        # None: transactions are ours alone to begin.
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
        return connection


class _Own:
    """The connection of one thread, which ends with it: servers begin and end threads all day."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def close(self) -> None:
        self.connection.close()

    def __del__(self) -> None:
        self.close()


def _make(path: Path) -> None:
    """An empty file for its owner alone, where there is none."""
    try:
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        reason = f"{error.strerror}; look at the folder and its rights"
        raise StoreUnavailable(f"the store {path.name} cannot be used: {reason}") from error


def _in_words(path: Path, error: sqlite3.DatabaseError) -> StoreUnavailable | None:
    """What keeps the store from being used, in words for people; `None` where the fault is a program's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reason = {
        sqlite3.SQLITE_FULL: "the disk is full; free some space",
        sqlite3.SQLITE_BUSY: _LOCKED,
        sqlite3.SQLITE_IOERR: "the disk reports an error; look at the disk",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened or made; look at the folder and its rights",
        sqlite3.SQLITE_READONLY: "it is read-only; look at the file's rights",
        sqlite3.SQLITE_NOTADB: "it is no SQLite file; look at its name",
        sqlite3.SQLITE_CORRUPT: "the file is damaged; take back a copy of it",
    }.get(code)
    return StoreUnavailable(f"the store {path.name} cannot be used: {reason}") if reason else None


def _migrate(connection: sqlite3.Connection) -> None:
    folder = resources.files("bot.store") / "migrations"
    files = {f.name.removesuffix(".sql"): f for f in folder.iterdir() if f.name.endswith(".sql")}
    if _applied(connection) == files.keys():
        return
    # With numpy, which it looks for, this import costs a command a third of its time.
    import sqlite_utils  # noqa: PLC0415
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415

    database, migrations = sqlite_utils.Database(connection, execute_plugins=False), Migrations(_SET)
    for name in sorted(files):
        migrations(name=name)(_migration(files[name]))
    if unknown := {m.name for m in migrations.applied(database)} - files.keys():
        raise StoreUnavailable(f"a newer Vigie has used this store ({max(unknown)}); install that version")
    if migrations.pending(database):
        # Two programs may open a new file in the same moment: the second waits, then finds it all done.
        database.execute("BEGIN IMMEDIATE")
        with database.conn:
            migrations.apply(database)


def _applied(connection: sqlite3.Connection) -> set[str]:
    """The migrations that sqlite-utils has noted in this file."""
    try:
        rows = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (_SET,))
        return {row["name"] for row in rows}
    except sqlite3.OperationalError:  # it is new
        return set()


def _migration(file: Traversable) -> Callable[[sqlite_utils.Database], None]:
    def apply(database: sqlite_utils.Database) -> None:
        for statement in _statements(file.read_text("utf-8").format(**DIALECT)):
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
