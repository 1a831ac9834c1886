"""Does a mention cost more to bring in when there are a million already?

The full store is made with plain SQL from a real import, laid in fifty times over with later ids: the same
people, networks, threads, replies and events as they come, nearly all of it answered. Then further pages are
imported into it, and into an empty store, turn by turn. Limit: 1.3 times the CPU time beside spaCy.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import people
from benchmarks.house import import_into, loaded_tagger
from benchmarks.machine import describe, verdict

FULL: Final = int(os.environ.get("VIGIE_BENCH_FULL", "1000000"))
SEED: Final = min(20_000, FULL)
COUNT: Final = 5_000
ROUNDS: Final = 5
LIMIT: Final = 1.3


def main() -> None:
    tagger, ratios = loaded_tagger(), []
    with TemporaryDirectory() as folder:
        full = Path(folder, "full.db")
        import_into(full, people.lines(SEED), tagger)
        fill(full, FULL // SEED)
        size = full.stat().st_size / 1e9
        print(f"{FULL} mentions in {size:.2f} GB; each time {COUNT} more", flush=True)
        for turn in range(ROUNDS):
            lines = people.lines(COUNT, first=FULL + turn * COUNT)
            empty = Path(folder, f"empty{turn}.db")
            alone = import_into(empty, lines, tagger).rest / COUNT
            along = import_into(full, lines, tagger).rest / COUNT
            ratios.append(along / alone)
            print(f"{1e6 * alone:.0f} µs alone, {1e6 * along:.0f} µs: {ratios[-1]:.2f} times", flush=True)
            empty.unlink()
    found = verdict(median(ratios), LIMIT)
    print(f"cost per mention, {FULL} in the store / none, median of {ROUNDS}: {found}")


def fill(store: Path, times: int) -> None:
    """Lay what is in a store into it again, so that it is there `times` times. Nine in ten of the copies
    that waited are answered. The chain of events is not continued: nobody audits a benchmark."""
    db = sqlite3.connect(store, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -500000"):
        db.execute(f"PRAGMA {pragma}")
    keys = {"c": "conversations", "m": "mentions", "r": "replies", "e": "events"}
    last = {key: _last(db, table) for key, table in keys.items()}
    ends = {f"{key}_last": number for key, number in last.items()}
    for turn in range(1, times):
        shifts = {key: turn * number for key, number in last.items()} | {"remote": turn * SEED * people.STEP}
        db.execute("BEGIN")
        for sql in _COPIES:
            db.execute(sql, shifts | ends)
        db.execute("COMMIT")
    db.execute("UPDATE chain SET seq = (SELECT MAX(seq) FROM events)")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def _last(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT MAX(rowid) FROM {table}").fetchone()[0])  # noqa: S608


_COPIES: Final = (
    """
    INSERT INTO conversations (id, network, thread, author_id, version, said)
    SELECT id + :c, network, CAST(thread + :remote AS TEXT), author_id, version, said
    FROM conversations WHERE id <= :c_last
    """,
    """
    INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,
        author_handle, author_name, author_followers, text, lang, in_reply_to, said, posted_at, heard_at,
        addressed, state, priority, process, due_at, policy, alarm_at, analysis, ended_at)
    SELECT id + :m, network, CAST(remote_id + :remote AS TEXT), listener, conversation_id + :c, kind, url,
        author_id, author_handle, author_name, author_followers, text, lang,
        CASE in_reply_to WHEN '' THEN '' ELSE CAST(in_reply_to + :remote AS TEXT) END,
        said, posted_at, heard_at, addressed,
        CASE WHEN state = 'ignored' OR id % 10 = 0 THEN state ELSE 'answered' END,
        priority, process, due_at, policy, CASE id % 10 WHEN 0 THEN alarm_at END, analysis,
        CASE id % 10 WHEN 0 THEN NULL ELSE heard_at END
    FROM mentions WHERE id <= :m_last
    """,
    """
    INSERT INTO replies (id, mention_id, conversation_id, responder, state, text, template, candidate, cut,
        created_at)
    SELECT id + :r, mention_id + :m, conversation_id + :c, responder,
        CASE mention_id % 10 WHEN 0 THEN state ELSE 'discarded' END, text, template, candidate, cut,
        created_at
    FROM replies WHERE id <= :r_last
    """,
    """
    INSERT INTO events (seq, at, kind, mention_id, reply_id, source, actor, data, hash)
    SELECT seq + :e, at, kind, mention_id + :m, reply_id + :r, source, actor, data, hash
    FROM events WHERE seq <= :e_last
    """,
)


if __name__ == "__main__":
    print(describe())
    main()
