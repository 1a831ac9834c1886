"""A bank's day on Mastodon, for real: two servers that federate, ten people, the daemon, and a community
manager. In the middle of the sending the server dies, and then the daemon.

It is one story, told in its order; each chapter is a function that says what must be seen.
"""

from __future__ import annotations

import contextlib
import html
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from bot.config import load
from bot.desk import Desk
from bot.store import Row, Store, open_store, utcnow, views
from tests.support import loopback, snac
from tests.support.snac import Person, Server
from tests.support.terminal import Daemon, Terminal

CONFIG = """
brand: {{name: Banque Exemple, languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  masto: {{url: "{url}", token: "${{MASTODON_TOKEN}}"}}
listeners:
  masto:
    {{type: mastodon, account: masto, every: 1s, recheck: 1s, overlap_every_minutes: 0,
      trust_language: false}}
responders:
  masto: {{type: mastodon, account: masto, timeout: 3}}
  bell: {{type: console}}
delivery: {{lease: 5s, look_after: 2s, backoff: 1s}}
pace: {{triage: 1s, deliver: 1s, sweep: 1s}}
"""
# Five people on each of the two servers.
HOME = {
    "amina": "Bonjour, ma carte est bloquée depuis trois semaines et personne ne répond !",
    "john": "Hello, how do I open an account for my daughter? She is twelve.",
    "hugo": "Bonjour, à quelle heure ouvre votre agence de Lyon le samedi ?",
    "mary": "My transfer has been missing for five days, please help me with that.",
    "louis": "Je me suis trompé de compte, oubliez ce message s'il vous plaît.",
}
AWAY = {
    "claire": "C'est une honte, votre application plante tous les matins depuis la mise à jour.",
    "peter": "Can I still change the address on my account, or is it too late for this month?",
    "lea": "Bonjour, comment puis-je augmenter le plafond de ma carte pour les vacances ?",
    "sam": "Thank you so much for your help yesterday, your team was really great!",
    "zoe": "Bonjour, pouvez-vous me rappeler au sujet de mon crédit immobilier ?",
}
EDITED = "Bonjour, comment puis-je baisser le plafond de ma carte, c'est urgent ?"
NATIVE = "With her passport, at any of our branches."
FIRST = ("amina", "peter", "zoe")  # who is answered before the server dies


@dataclass
class Wire:
    """Between Vigie and its server: passes everything on. What happens when the server has taken a reply, and
    Vigie does not know it yet, is up to `taken`, which says whether the answer goes through."""

    server: Server
    taken: Callable[[str], bool]
    replies: list[str] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def passes(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        kept: dict[str, str] = {
            name: headers[name] for name in ("authorization", "content-type") if name in headers
        }
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.request(method, self.server.url + path, headers=kept, content=body, timeout=30)
            if method == "POST" and answer.is_success:
                with self.lock:
                    self.replies.append(parse_qs(body.decode())["status"][0])
                    if not self.taken(self.replies[-1]):
                        return None
            return answer
        return None


class _Handler(BaseHTTPRequestHandler):
    wire: Wire

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.wire.passes(self.command, self.path, headers, body)
        if answer is None:
            return  # the connection ends, and no answer came
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(answer.content)

    do_POST = do_GET  # noqa: N815


@contextlib.contextmanager
def wired(server: Server) -> Iterator[Wire]:
    wire = Wire(server, lambda _: True)
    with loopback.http(_Handler, wire=wire) as wire.url:
        yield wire


@dataclass
class Stage:
    """Who is there, what they said, and what Vigie keeps of it."""

    brand: Person
    away: Server
    wire: Wire
    terminal: Terminal
    store: Store
    desk: Desk
    people: dict[str, Person] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def rows(self) -> dict[str, Row]:
        """What is kept of each person's message, by their name: also when they are forgotten."""
        with self.store.read() as tx:
            found = tx.rows(
                "SELECT m.*, c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
            )
        for row in found:
            self.names.setdefault(row["id"], row["author_handle"].partition("@")[0])
        return {self.names[row["id"]]: row for row in found}

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.rows().values())

    def replies(self, name: str) -> list[Row]:
        number = self.rows()[name]["id"]
        with self.store.read() as tx:
            return views.replies_of(tx, number)

    def answers(self, name: str) -> list[dict[str, Any]]:
        """What this person was told that the brand said to them."""
        return [one for one in self.people[name].notified() if one["account"]["username"] == "brand"]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    snac.require()
    with snac.running() as (home, away), wired(home) as wire:
        brand = home.join("brand")
        file = tmp_path / "config.yaml"
        file.write_text(CONFIG.format(url=wire.url), "utf-8")
        monkeypatch.setenv("MASTODON_TOKEN", brand.token)
        settings = load(file)
        store = open_store(f"sqlite:///{tmp_path / 'vigie.db'}")
        terminal = Terminal(tmp_path, {"MASTODON_TOKEN": brand.token})
        desk = Desk(store, settings, utcnow)
        yield Stage(brand, away, wire, terminal, store, desk)
        store.close()


def test_nobody_on_two_servers_is_met_with_silence(stage: Stage) -> None:
    with stage.terminal.daemon() as daemon:
        ten_people_are_heard_and_drafted(stage, daemon)
        one_edits_one_deletes_and_one_is_answered_by_the_brand_itself(stage, daemon)
        the_server_dies_in_the_middle_of_sending(stage, daemon)
        the_daemon_dies_in_the_middle_of_sending(stage, daemon)
    with stage.terminal.daemon() as daemon:
        daemon.until(lambda: stage.states() == {"answered": 9, "deleted": 1}, 60)
        assert daemon.end() < 5
    the_books_balance_and_nobody_was_answered_twice(stage)
    every_answer_stands_where_its_person_and_the_public_see_it(stage)
    no_token_is_left_behind(stage)


def ten_people_are_heard_and_drafted(stage: Stage, daemon: Daemon) -> None:
    places = [(stage.brand.server, name) for name in HOME] + [(stage.away, name) for name in AWAY]
    with ThreadPoolExecutor(4) as pool:  # each makes a key of its own, which takes a while
        stage.people = {one.name: one for one in pool.map(lambda place: place[0].join(place[1]), places)}
    for name, text in {**HOME, **AWAY}.items():
        # One asks in private, one warns of what comes.
        more = {"zoe": {"visibility": "direct"}, "claire": {"spoiler_text": "banque"}}.get(name, {})
        stage.said[name] = stage.people[name].says(f"@{stage.brand.handle} {text}", **more)
    daemon.until(lambda: stage.states()["waiting"] + stage.states()["escalated"] == 10)
    rows = stage.rows()
    assert rows.keys() == stage.people.keys()
    assert all(row["addressed"] for row in rows.values())
    assert all(text in rows[name]["text"] for name, text in {**HOME, **AWAY}.items())
    assert rows["claire"]["text"].startswith("banque\n\n@brand")
    french = {name for name in rows if stage.replies(name)[0]["text"].startswith("Bonjour")}
    assert french == {"amina", "hugo", "louis", "claire", "lea", "zoe"}


def one_edits_one_deletes_and_one_is_answered_by_the_brand_itself(stage: Stage, daemon: Daemon) -> None:
    stage.people["lea"].edits(stage.said["lea"], f"@{stage.brand.handle} {EDITED}")
    stage.people["louis"].deletes(stage.said["louis"])
    question = stage.rows()["john"]["remote_id"]
    stage.brand.says(f"@{stage.people['john'].handle} {NATIVE}", in_reply_to_id=question)
    daemon.until(lambda: EDITED in stage.rows()["lea"]["text"] and stage.rows()["lea"]["state"] != "new")
    daemon.until(lambda: stage.rows()["louis"]["state"] == "deleted")
    daemon.until(lambda: stage.rows()["john"]["state"] == "answered")
    assert len(stage.rows()) == 10, "what was edited is no second message"


def the_server_dies_in_the_middle_of_sending(stage: Stage, daemon: Daemon) -> None:
    def taken(reply: str) -> bool:
        # No list of the brand's statuses shows a private one: only the look below the question finds it.
        ours = reply.startswith(f"@{stage.people['zoe'].handle} ")
        if ours:
            stage.brand.server.kill()
        return not ours

    stage.wire.taken = taken
    for name in FIRST:
        approve(stage, name)
    daemon.until(lambda: "unsure" in {one["state"] for one in stage.replies("zoe")})


def the_daemon_dies_in_the_middle_of_sending(stage: Stage, daemon: Daemon) -> None:
    died = threading.Event()

    def taken(reply: str) -> bool:
        later.append(reply)
        if len(later) == 3:
            daemon.process.kill()
            died.set()
        return len(later) != 3

    later = list[str]()
    stage.wire.taken = taken
    stage.brand.server.start()
    for name, row in stage.rows().items():
        if row["state"] in ("waiting", "escalated"):
            approve(stage, name)
    assert died.wait(60)
    daemon.process.wait()
    assert stage.states()["answering"] > 0


def approve(stage: Stage, name: str) -> None:
    draft = next(one for one in stage.replies(name) if one["state"] == "draft")
    stage.desk.approve(draft["id"], stage.rows()[name]["version"], "Camille")


def the_books_balance_and_nobody_was_answered_twice(stage: Stage) -> None:
    books = stage.terminal.json("audit")
    assert (books["addresses"], books["answered"], books["deleted"], books["open"]) == (10, 9, 1, 0)
    assert (books["balanced"], books["unsure"], books["chain"]["ok"]) == (True, 0, True)
    assert len(stage.wire.replies) == 8, "as many as were approved"


def every_answer_stands_where_its_person_and_the_public_see_it(stage: Stage) -> None:
    answered = stage.people.keys() - {"louis"}
    end = time.monotonic() + 40  # the servers take their time to tell each other
    while any(not stage.answers(name) for name in answered) and time.monotonic() < end:
        time.sleep(0.5)
    assert {name: len(stage.answers(name)) for name in stage.people} == {
        name: int(name in answered) for name in stage.people
    }
    for name in answered:
        (answer,) = stage.answers(name)
        assert answer["in_reply_to_id"][10:] == stage.said[name]["id"][10:]
        if name == "zoe":
            assert (
                httpx.get(answer["url"], headers={"Accept": "application/activity+json"}).status_code == 404
            )
            continue
        public = stage.brand.server.public(answer["url"])
        assert public["inReplyTo"] == stage.said[name]["uri"]
        assert words(public["content"]) == f"@{stage.people[name].handle} {expected(stage, name)}"


def expected(stage: Stage, name: str) -> str:
    if name == "john":
        return NATIVE
    (sent,) = [one for one in stage.replies(name) if one["state"] == "sent"]
    return " ".join(sent["text"].split())


def words(content: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", "", content.replace("<br>", " "))).split())


def no_token_is_left_behind(stage: Stage) -> None:
    printed = "".join(stage.terminal.printed)
    kept = b"".join(path.read_bytes() for path in stage.terminal.folder.iterdir() if path.is_file())
    assert stage.brand.token not in printed
    assert stage.brand.token.encode() not in kept
