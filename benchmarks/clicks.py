"""Fifty people click in the inbox while 100 mentions a second arrive: how long do they wait for a page, is
anything lost, and has each draft one winner?

A daemon in a process of its own, asked through loopback as browsers ask, without JavaScript. Everybody looks
at the top of the same queue, so that they meet. Limit: 95 of 100 pages within 300 ms on the wall clock, which
is what a person waits for; others on the machine lengthen it. VIGIE_BENCH_SECONDS, default 60: how long it
lasts.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from benchmarks import people
from benchmarks.machine import describe, free_port, verdict
from bot.store import Store, ms, open_store, sessions, users, utcnow

PEOPLE: Final = 50
A_SECOND: Final = 100
SECONDS: Final = int(os.environ.get("VIGIE_BENCH_SECONDS", "60"))
LIMIT: Final = 0.3
# Between two clicks somebody reads: so many seconds, at random.
THINKS: Final = (1.0, 3.0)
CONFIG: Final = """
brand: {{name: Banque Azur, handles: ["@banqueazur"], languages: [fr, en]}}
store: sqlite:///vigie.db
web: {{listen: "127.0.0.1:{port}"}}
listeners:
  day: {{type: replay, path: day.jsonl, every: 1s, responder: out}}
responders:
  out: {{type: console}}
"""
ROOT: Final = Path(__file__).parents[1]


class Forms(HTMLParser):
    """The forms of a page: where each goes, its hidden fields, and its buttons ((name, value))."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], list[tuple[str, str]]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}, []))
        elif tag == "input" and given.get("type") == "hidden" and self.found:
            self.found[-1][1][given["name"]] = given.get("value", "")
        elif tag == "button" and "name" in given and self.found:
            self.found[-1][2].append((given["name"], given.get("value", "")))


@dataclass
class Tally:
    """What all of them saw: seconds for each answer, by what was asked; and how each approval ended."""

    waited: dict[str, list[float]] = field(default_factory=dict)
    approvals: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        expected = _lay_out(folder)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        (folder / "config.yaml").write_text(CONFIG.format(port=port), "utf-8")
        store = open_store(f"sqlite:///{folder / 'vigie.db'}")
        tokens = _staff(store)
        tally = Tally()
        with _daemon(folder, url) as daemon:
            asyncio.run(_click(url, tokens, tally))
            heard = _until_all_heard(store, expected, daemon)
        approved = _approved(store)
        audit = _audit(folder)
        store.close()
    _tell(tally, expected, heard, approved, audit)


async def _click(url: str, tokens: list[str], tally: Tally) -> None:
    end = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as group:
        for number, token in enumerate(tokens):
            group.create_task(_person(url, token, random.Random(number), end, tally))


async def _person(url: str, token: str, chance: random.Random, end: float, tally: Tally) -> None:
    # Nothing is encrypted on loopback, and 50 times the certificates would take longer than all else.
    cookies = {"vigie": token}
    async with httpx.AsyncClient(base_url=url, cookies=cookies, timeout=30, verify=False) as browser:  # noqa: S501
        await asyncio.sleep(chance.uniform(*THINKS))
        while time.monotonic() < end:
            queue = await _ask(browser, tally, "queue", "GET", "/")
            await asyncio.sleep(chance.uniform(*THINKS))
            numbers = re.findall(r'href="/mentions/(\d+)"', queue)
            if not numbers:
                continue
            path = f"/mentions/{chance.choice(numbers[:20])}"
            page = await _ask(browser, tally, "conversation", "GET", path)
            await asyncio.sleep(chance.uniform(*THINKS))
            await _act(browser, tally, page, chance)


async def _act(browser: httpx.AsyncClient, tally: Tally, page: str, chance: random.Random) -> None:
    forms = [form for form in Forms(page).found if ("do", "approve") in form[2]]
    if not forms or chance.random() < 0.3:
        return
    action, fields, _ = chance.choice(forms[:3])
    answer = await _ask(browser, tally, "approve", "POST", action, {**fields, "do": "approve"})
    tally.approvals["won" if 'class="flash good"' in answer else "told who was first"] += 1


async def _ask(
    browser: httpx.AsyncClient,
    tally: Tally,
    what: str,
    method: str,
    path: str,
    data: dict[str, str] | None = None,
) -> str:
    """The page in the end. A redirect counts as part of the wait, as it does for a person."""
    start = time.perf_counter()
    answer = await browser.request(method, path, data=data, follow_redirects=True)
    tally.waited.setdefault(what, []).append(time.perf_counter() - start)
    if answer.status_code >= 500 or answer.url.path == "/sign-in":
        tally.faults.append(f"{method} {what}: {answer.status_code}")
    return answer.text


# --- The house, and what it holds in the end -----------------------------------------------------


def _lay_out(folder: Path) -> int:
    lines = people.lines(SECONDS * A_SECOND)
    with (folder / "day.jsonl").open("w", encoding="utf-8") as file:
        for number, line in enumerate(lines):
            said = {k: v for k, v in json.loads(line).items() if k != "posted_at"}
            file.write(json.dumps(said | {"after": number / A_SECOND}, ensure_ascii=False) + "\n")
    return SECONDS * A_SECOND


def _staff(store: Store) -> list[str]:
    now = ms(utcnow())
    with store.tx() as tx:
        return [sessions.begin(tx, users.add(tx, f"Agent {n}", "agent", now), now) for n in range(PEOPLE)]


@contextmanager
def _daemon(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "bot", "--config", "config.yaml", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until_open(url)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _until_open(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            httpx.get(url, timeout=5)
            return
        time.sleep(0.2)
    raise TimeoutError("the inbox does not open")


def _until_all_heard(store: Store, expected: int, daemon: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 120
    while (heard := _count(store)) < expected and time.monotonic() < end and daemon.poll() is None:
        time.sleep(0.5)
    return heard


def _count(store: Store) -> int:
    with store.read() as tx:
        row = tx.row("SELECT COUNT(*) AS n FROM mentions")
    return int(row["n"]) if row else 0


def _approved(store: Store) -> Counter[int]:
    """How often each reply was approved by somebody."""
    with store.read() as tx:
        rows = tx.rows("SELECT reply_id FROM events WHERE kind = 'approved' AND actor LIKE 'Agent %'")
    return Counter(row["reply_id"] for row in rows)


def _audit(folder: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "bot", "--config", "config.yaml", "audit", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _tell(tally: Tally, expected: int, heard: int, approved: Counter[int], audit: dict[str, object]) -> None:
    for line in _lines(tally):
        print(line)
    print(f"{heard} of {expected} mentions heard, {'none lost' if heard == expected else 'SOME LOST'}")
    twice = sum(1 for count in approved.values() if count > 1)
    agree = sum(approved.values()) == tally.approvals["won"]
    print(
        f"approvals: {dict(tally.approvals)}; the log has {sum(approved.values())}"
        f" ({'the same' if agree else 'NOT THE SAME'}), {twice} drafts approved twice"
    )
    print(f"books balance: {audit['balanced']}; pages that failed: {tally.faults[:5] or 'none'}")


def _lines(tally: Tally) -> Iterator[str]:
    everything = sorted(wait for waits in tally.waited.values() for wait in waits)
    for what, waits in tally.waited.items():
        p95 = quantiles(waits, n=20)[-1]
        yield f"{what}: {len(waits)} times, median {median(waits) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms"
    p95 = quantiles(everything, n=20)[-1]
    yield f"all {len(everything)} pages: p95 {p95 * 1000:.0f} ms; / {LIMIT} s: {verdict(p95 / LIMIT, 1)}"


if __name__ == "__main__":
    print(describe())
    main()
