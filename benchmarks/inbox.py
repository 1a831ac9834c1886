"""Is the first page of the queue there in time when 100,000 people wait? And every view of it?

The store is made from a real import, laid in many times over with later ids, as many waiting as are over.
Each view is asked for through the whole of the web application, without a network. Limits: 200 ms of CPU time
for each page, and 100 kB for the page together with its styles and scripts, none of it compressed.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks import people
from benchmarks.house import import_into, loaded_tagger, watch_on
from benchmarks.machine import cpu, describe, verdict
from bot.app import App
from bot.desk import Desk
from bot.steps.watch import no_wake
from bot.store import ms, sessions, users
from bot.web import make_app

if TYPE_CHECKING:
    from httpx import Response
    from starlette.testclient import TestClient

OPEN: Final = int(os.environ.get("VIGIE_BENCH_OPEN", "100000"))
SEED: Final = 5_000
ROUNDS: Final = 7
SECONDS: Final = 0.2
BYTES: Final = 100_000
VIEWS: Final = {
    "all that waits": "/",
    "far down": "/?after={far}",
    "back from there": "/?before={far}",
    "overdue": "/?due=over",
    "within an hour": "/?due=hour",
    "mine": "/?assignee=%40me",
    "nobody's": "/?assignee=%40nobody",
    "somebody's": "/?assignee=Sacha",
    "of one network": "/?network=mastodon",
    "of a network that nobody wrote on": "/?network=none",
    "of one process": "/?process=communication",
    "of one intent": "/?intent=churn",
    "of one sentiment": "/?sentiment=negative",
    "of one priority": "/?priority=crisis",
    "ringing": "/?state=escalated",
    "being answered": "/?state=answering",
    "answered": "/?state=answered",
    "exempted": "/?state=exempted",
    "deleted": "/?state=deleted",
    "everything": "/?state=all",
    "answered, narrowed to what is rare": "/?state=answered&network=mastodon&intent=churn&priority=crisis",
    "everything, narrowed to nothing": "/?state=all&network=none",
    "narrowed by all there is": "/?network=x&process=service&intent=question&sentiment=neutral"
    "&priority=normal&assignee=Sacha",
    "a common word": "/?q=bonjour",
    "a rare word": "/?q=virement",
    "the beginning of a word": "/?q=b",
    "a name": "/?q=claire",
    "a word that nobody wrote": "/?q=ornithorynque",
    "a common word, narrowed to nothing": "/?q=bonjour&network=none",
}  # fmt: skip


def main() -> None:
    with TemporaryDirectory() as folder:
        store = Path(folder, "inbox.db")
        import_into(store, people.lines(SEED), loaded_tagger())
        fill(store, OPEN)
        print(what_is_there(store), flush=True)
        with visitor(store) as client:
            for name, path in VIEWS.items():
                path = path.format(far=_far(store))  # noqa: PLW2901
                page = client.get(path)
                if page.status_code != 200:
                    raise RuntimeError(f"{path}: {page.status_code}")
                spent = median(cpu(lambda: client.get(path)) for _ in range(ROUNDS))  # noqa: B023
                rows = page.text.count('class="item')
                print(f"{name}: {rows} rows, {1000 * spent:.0f} ms, {len(page.content) / 1000:.0f} kB: "
                      f"{verdict(spent / SECONDS, 1)}", flush=True)  # fmt: skip
            first = client.get("/")
            whole = len(first.content) + sum(len(client.get(file).content) for file in files(first))
            print(f"first page with its styles and scripts, {whole / 1000:.0f} kB / {BYTES / 1000:.0f} kB: "
                  f"{verdict(whole / BYTES, 1)}")  # fmt: skip


def fill(store: Path, wanted: int) -> None:
    """Lay what is in a store into it again, with later ids and other times, until so many wait and as many
    are over. One in fifty of those that wait is assigned. The chain of events is not continued."""
    db = sqlite3.connect(store, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -500000"):
        db.execute(f"PRAGMA {pragma}")
    last = {table: db.execute(f"SELECT MAX(id) FROM {table}").fetchone()[0] for table in _COPIES}  # noqa: S608
    (open_,) = db.execute(f"SELECT COUNT(*) FROM mentions WHERE {_WAITS}").fetchone()  # noqa: S608
    turns = wanted // open_ + 1
    db.execute("BEGIN")
    for turn in range(1, 2 * turns):
        values = {f"{table}_last": number for table, number in last.items()}
        values |= {f"{table}_by": turn * number for table, number in last.items()}
        values |= {"later": turn * 61_000, "over": int(turn >= turns)}
        for sql in _COPIES.values():
            db.execute(sql, values)
    db.execute(_ASSIGN)
    db.execute(
        "INSERT INTO words (rowid, said, who, answered)"
        " SELECT id, said, who, answered FROM searchable WHERE id > ?", (last["mentions"],),
    )  # fmt: skip
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


_WAITS: Final = "state IN ('waiting', 'escalated', 'answering')"
_ASSIGN: Final = f"""
    UPDATE mentions SET assignee = CASE id % 3 WHEN 0 THEN 'Léa' WHEN 1 THEN 'Sacha' ELSE 'Noé' END
    WHERE id % 50 = 0 AND {_WAITS}
"""  # noqa: S608
_COPIES: Final = {
    "conversations": """
    INSERT INTO conversations (id, network, thread, author_id, version, said)
    SELECT id + :conversations_by, network, thread || '-' || :conversations_by, author_id, version, said
    FROM conversations WHERE id <= :conversations_last
    """,
    "mentions": f"""
    INSERT INTO mentions (id, network, remote_id, listener, conversation_id, kind, url, author_id,
        author_handle, author_name, author_followers, text, lang, in_reply_to, said, posted_at, heard_at,
        addressed, state, priority, process, due_at, policy, alarm_at, analysis, ended_at)
    SELECT id + :mentions_by, network, remote_id || '-' || :mentions_by, listener,
        conversation_id + :conversations_by, kind, url, author_id, author_handle, author_name,
        author_followers, text, lang, in_reply_to, said, posted_at + :later, heard_at + :later, addressed,
        CASE WHEN :over = 0 OR NOT {_WAITS} THEN state WHEN id % 40 = 0 THEN 'exempted' WHEN id % 41 = 0
            THEN 'deleted' ELSE 'answered' END,
        priority, process, due_at + :later, policy, CASE :over WHEN 0 THEN alarm_at + :later END, analysis,
        CASE WHEN :over = 1 AND {_WAITS} THEN heard_at + :later + 3600000 END
    FROM mentions WHERE id <= :mentions_last
    """,  # noqa: S608
    "replies": """
    INSERT INTO replies (id, mention_id, conversation_id, responder, state, text, template, candidate, cut,
        created_at)
    SELECT id + :replies_by, mention_id + :mentions_by, conversation_id + :conversations_by, responder,
        CASE :over WHEN 0 THEN state ELSE 'discarded' END, text, template, candidate, cut, created_at
    FROM replies WHERE id <= :replies_last
    """,
    "escalations": """
    INSERT INTO escalations (id, key, mention_id, reason, subject, opened_at, ring_at, closed_at)
    SELECT id + :escalations_by, 'mention:' || (mention_id + :mentions_by), mention_id + :mentions_by, reason,
        subject, opened_at + :later, ring_at + :later, CASE :over WHEN 1 THEN opened_at + :later END
    FROM escalations WHERE id <= :escalations_last AND mention_id IS NOT NULL
    """,
}


def what_is_there(store: Path) -> str:
    with sqlite3.connect(store) as db:
        counts = dict(db.execute("SELECT state, COUNT(*) FROM mentions GROUP BY state"))
    size = store.stat().st_size / 1e9
    return f"{', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}; {size:.2f} GB"


@contextmanager
def visitor(store: Path) -> Iterator[TestClient]:
    """Léa's browser, signed in."""
    from starlette.testclient import TestClient  # noqa: PLC0415 -- only whoever asks over the web needs it

    with watch_on(store, loaded_tagger()) as (watch, _):
        with watch.store.tx() as tx:
            now = ms(watch.clock())
            token = sessions.begin(tx, users.add(tx, "Léa", "agent", now), now)
        app = make_app(App(watch, Desk(watch.store, watch.settings, watch.clock)), no_wake)
        client = TestClient(app, base_url="http://127.0.0.1:8700", follow_redirects=False)
        client.cookies.set("vigie", token, domain="127.0.0.1")
        with client:
            yield client


def files(page: Response) -> list[str]:
    """The styles and scripts that a page asks for."""
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)


def _far(store: Path) -> str:
    """The place of somebody in the midst of those that wait."""
    with sqlite3.connect(store) as db:
        due_at, number = db.execute(
            f"SELECT due_at, id FROM mentions WHERE {_WAITS} AND addressed = 1"  # noqa: S608
            " ORDER BY due_at, id LIMIT 1 OFFSET ?", (OPEN // 2,),
        ).fetchone()  # fmt: skip
    return f"1-{due_at}-{number}"


if __name__ == "__main__":
    print(describe())
    main()
