"""The default engine: all of a transaction or none, and in words for people when the file cannot be used."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import NotPossible, StoreUnavailable
from bot.store import open_store
from bot.store.sqlite import SqliteStore

# Keeps the file locked until its standard input is closed.
HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "vigie.db", busy_timeout=0.3)
    yield opened
    opened.close()


def listeners(store: SqliteStore) -> list[str]:
    with store.read() as tx:
        return [row["listener"] for row in tx.rows("SELECT listener FROM sources ORDER BY listener")]


def keep(store: SqliteStore, name: str) -> None:
    with store.tx() as tx:
        tx.run("INSERT INTO sources (listener, since) VALUES (?, 0)", (name,))


def test_what_fails_half_way_leaves_nothing(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.tx() as tx:
        tx.many("INSERT INTO sources (listener, since) VALUES (?, ?)", [("blog", 0), ("blog", 0)])
    assert listeners(store) == []
    keep(store, "blog")
    assert listeners(store) == ["blog"]


def test_each_thread_has_a_connection_of_its_own_and_none_sees_half_of_anothers_work(
    store: SqliteStore,
) -> None:
    seen, half, looked = list[list[str]](), threading.Event(), threading.Event()

    def look() -> None:
        half.wait(5)
        seen.append(listeners(store))
        looked.set()

    reader = threading.Thread(target=look)
    reader.start()
    with store.tx() as tx:
        tx.run("INSERT INTO sources (listener, since) VALUES ('blog', 0)")
        half.set()
        assert looked.wait(5)
    reader.join()
    assert (seen, listeners(store)) == ([[]], ["blog"])


def test_a_file_that_another_program_keeps_locked_is_told_in_words_and_nothing_is_lost(
    store: SqliteStore,
) -> None:
    keep(store, "before")
    with locked_by_another_process(store.path):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"vigie\.db .* another program keeps it locked; end that"):
            keep(store, "meanwhile")
        assert 0.2 < time.monotonic() - began < 5
        assert listeners(store) == ["before"]  # whoever only looks need not wait
    keep(store, "after")
    assert listeners(store) == ["after", "before"]


def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "vigie.db")
    with locked_by_another_process(store.path):
        writer = threading.Thread(target=keep, args=(store, "patient"))
        writer.start()
        time.sleep(0.3)
        assert writer.is_alive()
    writer.join(10)
    assert listeners(store) == ["patient"]
    store.close()


def test_a_full_disk_is_told_in_words_and_nothing_is_half_kept(store: SqliteStore) -> None:
    keep(store, "before")
    with store.read() as tx:
        pages = tx.rows("PRAGMA page_count")[0]["page_count"]
        tx.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="the disk is full; free some space"), store.tx() as tx:
        tx.many("INSERT INTO sources (listener, since) VALUES (?, 0)", [(f"{n:0500}",) for n in range(500)])
    assert listeners(store) == ["before"]
    with store.read() as tx:
        tx.rows("PRAGMA max_page_count = 1000000")
    keep(store, "after")
    assert listeners(store) == ["after", "before"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file or directory; look at the folder"),
        (lambda path: path.parent.write_text("I am no folder"), "Not a directory; look at the folder"),
        (lambda path: path.mkdir(parents=True), "it cannot be opened or made"),
        (lambda path: (path.parent.mkdir(), path.write_bytes(b"x" * 5000)), "it is no SQLite file"),
    ],
    ids=["no folder", "a file for a folder", "a folder for a file", "another kind of file"],
)
def test_a_store_that_cannot_be_opened_is_told_in_words(tmp_path: Path, make, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "here" / "vigie.db"
    make(path)
    with pytest.raises(StoreUnavailable, match=said):
        open_store(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["", "vigie.db", "mysql://host/db", "sqlite://vigie.db", "sqlite:///"])
def test_a_url_that_names_no_store_is_told_in_words(url: str) -> None:
    with pytest.raises(NotPossible, match=r"write sqlite:///vigie\.db"):
        open_store(url)


def test_a_new_file_is_for_its_owner_alone(store: SqliteStore) -> None:
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_many_programs_that_open_a_new_store_at_once_all_find_it_ready(tmp_path: Path) -> None:
    path, start, faults = tmp_path / "vigie.db", threading.Barrier(8), list[StoreUnavailable]()

    def work() -> None:
        start.wait()
        try:
            SqliteStore(path).close()
        except StoreUnavailable as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_store_of_a_newer_vigie_is_left_alone(store: SqliteStore) -> None:
    with store.tx() as tx:
        tx.run(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('vigie', '9999_later', '')"
        )
    with pytest.raises(StoreUnavailable, match=r"a newer Vigie has used this store \(9999_later\)"):
        SqliteStore(store.path)


def test_no_event_can_be_changed_or_removed(store: SqliteStore) -> None:
    from bot.store import events

    with store.tx() as tx:
        events.append(tx, 1, [events.Event("gap", source="blog")])
    for change in ("UPDATE events SET at = 2", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), store.tx() as tx:
            tx.run(change)


def test_a_store_of_the_first_version_is_brought_up_to_date_and_forgets_what_was_deleted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vigie.db"
    _first_version(path)
    opened = SqliteStore(path)
    with opened.read() as tx:
        rows = {row["remote_id"]: dict(row) for row in tx.rows("SELECT * FROM mentions")}
        texts = [row["text"] for row in tx.rows("SELECT text FROM replies ORDER BY id")]
    opened.close()
    assert (rows["1"]["text"], rows["1"]["author_name"], rows["1"]["deleted_at"]) == (
        "Bonjour",
        "Claire",
        None,
    )
    assert (rows["2"]["text"], rows["2"]["author_name"], rows["2"]["deleted_at"]) == ("", "", 7)
    assert texts == ["Bonjour Claire", "", "Bonjour Bob"]


def test_what_was_promised_and_acknowledged_under_the_first_version_goes_on(tmp_path: Path) -> None:
    path, noon = tmp_path / "vigie.db", 1_773_140_400_000
    _first_version(path)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO policies VALUES ('p', '{}', 0)")
        db.execute("UPDATE mentions SET addressed = 1, due_at = 5, policy = 'p', priority = 'high'")
        db.execute(
            "INSERT INTO escalations (key, reason, subject, opened_at, ring_at, acknowledged_at)"
            " VALUES ('source:blog', 'silent', '', 1, 1, ?)",
            (noon,),
        )
    db.close()
    opened = SqliteStore(path)
    with opened.read() as tx:
        terms = {row["terms"] for row in tx.rows("SELECT terms FROM mentions")}
        bell = tx.rows("SELECT ring_at, repeats FROM escalations")[0]
    opened.close()
    assert terms == {'{"priority":"high","process":"service"}'}
    assert (bell["ring_at"], bell["repeats"]) == (noon + 4 * 3_600_000, 0)


def _first_version(path: Path) -> None:
    """As the very first version left it: one who waits, and one who deleted."""
    from importlib import resources

    from bot.store.sqlite import DIALECT

    file = resources.files("bot.store") / "migrations" / "0001_the_watch.sql"
    with sqlite3.connect(path) as made:
        made.executescript(file.read_text("utf-8").format(**DIALECT))
        made.executescript("""
            CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT);
            INSERT INTO _sqlite_migrations VALUES ('vigie', '0001_the_watch', '2026-01-01');
            INSERT INTO conversations (id, network, thread, author_id) VALUES (1, 'blog', 't', 'a');
        """)
        columns = (
            "remote_id, state, author_name, ended_at, text, network, listener, conversation_id, kind, url,"
        )
        columns += " author_id, author_handle, lang, in_reply_to, said, posted_at, heard_at, addressed"
        rest = "'blog', 'blog', 1, 'comment', '', 'a', '', '', '', 1, 1, 1, 0"
        made.execute(
            f"INSERT INTO mentions ({columns}) VALUES ('1', 'waiting', 'Claire', NULL, 'Bonjour', {rest})"
        )
        made.execute(f"INSERT INTO mentions ({columns}) VALUES ('2', 'deleted', 'Bob', 7, 'Bonsoir', {rest})")
        replies = (
            (1, "draft", "Bonjour Claire"),
            (2, "discarded", "Bonjour Bob"),
            (2, "sent", "Bonjour Bob"),
        )
        made.executemany(
            "INSERT INTO replies (mention_id, conversation_id, responder, state, text, template, candidate,"
            " created_at, approved_by, approved_hash, approved_said)"
            " VALUES (?, 1, 'paper', ?, ?, '', 0, 1, 'x', 'x', 1)",
            replies,
        )
    made.close()


def test_a_thread_that_ends_takes_its_connection_along(store: SqliteStore) -> None:
    def look() -> None:
        listeners(store)

    for _ in range(20):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    gc.collect()
    assert len(store._all) == 1


def test_writers_of_one_process_take_turns_in_the_order_in_which_they_asked(tmp_path: Path) -> None:
    """SQLite alone would have those who wait look again every 100 ms, and a plain lock would let whoever has
    just written go first again."""
    store = SqliteStore(tmp_path / "vigie.db")

    def wait(for_many: int) -> None:
        while len(store._writes.waiting) < for_many:
            time.sleep(0.001)

    with ThreadPoolExecutor(2) as others:
        with store.tx():
            first = others.submit(keep, store, "first")
            wait(1)
            second = others.submit(keep, store, "second")
            wait(2)
        with store.tx() as tx:
            assert {row["listener"] for row in tx.rows("SELECT listener FROM sources")} == {"first", "second"}
    assert (first.exception(), second.exception()) == (None, None)
    store.close()


def test_who_gave_up_waiting_holds_up_nobody(store: SqliteStore) -> None:
    with store.tx(), ThreadPoolExecutor(1) as other:
        assert isinstance(other.submit(keep, store, "late").exception(), StoreUnavailable)
        assert not store._writes.waiting
    keep(store, "blog")
    assert listeners(store) == ["blog"]


def test_who_is_interrupted_while_waiting_holds_up_nobody(tmp_path: Path) -> None:
    store, main_waits = SqliteStore(tmp_path / "vigie.db", busy_timeout=20), threading.Event()

    def write_for_long() -> None:
        with store.tx():
            main_waits.set()
            while not store._writes.waiting:
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGUSR1)
            over = time.monotonic() + 5
            while store._writes.waiting and time.monotonic() < over:
                time.sleep(0.001)

    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(1) as other:
            other.submit(write_for_long)
            assert main_waits.wait(20)
            with pytest.raises(KeyboardInterrupt):
                keep(store, "main")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not store._writes.waiting
    keep(store, "blog")
    assert listeners(store) == ["blog"]
    store.close()


def test_a_writer_that_never_ends_is_told_in_words_to_the_next(store: SqliteStore) -> None:
    with store.tx(), ThreadPoolExecutor(1) as other:
        told = other.submit(keep, store, "blog").exception()
    assert isinstance(told, StoreUnavailable)
    assert "locked" in str(told)
