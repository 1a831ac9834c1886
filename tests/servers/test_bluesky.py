"""A whole Bluesky network, people on it who use Bluesky's own SDK, and the whole house in between."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.app import App, build
from bot.audit import audit
from bot.config import load
from bot.errors import Refused
from bot.models import Mention, Refusal, Reply
from bot.store import Row, ms, views
from listeners.bluesky import BlueskyListener
from listeners.bluesky import Config as ListenerConfig
from responders.bluesky import BlueskyResponder
from responders.bluesky import Config as ResponderConfig
from tests.support.atproto_network import Network, Person, eventually, network
from tests.support.lossy import ANSWER, REQUEST, SERVER, Lossy, between

__all__ = ["network"]

CONFIG = """
brand: {{name: Banque Azur, handles: ["@{handle}"], languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  sky: {{url: "{url}", handle: {handle}, password: "${{SKY_PASSWORD}}"{session}}}
listeners:
  sky: {{type: bluesky, account: sky, overlap_every_minutes: 0, recheck: 1s}}
  words: {{type: bluesky, account: sky, searches: ["Banque Azur"], network: bluesky}}
  blog: {{type: replay, path: {replay}, responder: terminal}}
responders:
  sky: {{type: bluesky, account: sky}}
  terminal: {{type: console}}
delivery: {{look_after: 1s, backoff: 1s}}
"""
NUMBERS = itertools.count(1)


@dataclass
class Clock:
    """The real time, and what the test puts it forward by."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class House:
    """Everything, real: store, steps, desk, tagger, listener, responder."""

    app: App
    clock: Clock

    def round(self, *only: str) -> None:
        """One round of the steps."""
        assert self.app.once(only or ("listen", "triage", "deliver", "sweep"))

    def until(self, look: Callable[[], Any], *only: str, seconds: float = 60) -> Any:
        """Round after round, until `look` finds something."""

        def rounds() -> Any:
            self.round(*only)
            self.clock.forward(seconds=1)
            return look()

        return eventually(rounds, seconds, pause=0.3)

    def rows(self, sql: str, *params: Any) -> list[Row]:
        with self.app.watch.store.read() as tx:
            return tx.rows(sql, params)

    def heard(self, uri: str) -> Row | None:
        found = self.rows("SELECT id FROM mentions WHERE remote_id = ?", uri)
        if not found:
            return None
        with self.app.watch.store.read() as tx:
            return views.mention_row(tx, found[0]["id"])

    def state(self, uri: str) -> str:
        return str((self.heard(uri) or {"state": ""})["state"])

    def approve(self, uri: str) -> str:
        """As a human does; the approved text."""
        mention = self.heard(uri)
        assert mention is not None
        with self.app.watch.store.read() as tx:
            draft = next(one for one in views.replies_of(tx, mention["id"]) if one["state"] == "draft")
        self.app.desk.approve(draft["id"], mention["version"], "camille")
        return str(draft["text"])

    def books(self) -> dict[str, Any]:
        with self.app.watch.store.read() as tx:
            return audit(tx, ms(self.clock()))


@dataclass
class Stage:
    """The network, the brand on it, and what stands between it and Vigie."""

    network: Network
    brand: Person
    password: str
    folder: Path
    lossy: Lossy
    session_file: bool = True
    houses: list[House] = field(default_factory=list)

    def open(self, clock: Clock | None = None) -> House:
        replay = self.folder / "blog.jsonl"
        replay.touch()
        session = f', session_file: "{self.folder / "session.json"}"' if self.session_file else ""
        text = CONFIG.format(
            url=self.lossy.url,
            handle=self.brand.handle,
            password=self.password,
            session=session,
            replay=replay,
        )
        (self.folder / "config.yaml").write_text(text)
        clock = clock or Clock()
        settings = load(self.folder / "config.yaml", {"SKY_PASSWORD": self.password})
        app = build(settings, f"sqlite:///{self.folder / 'vigie.db'}", clock)
        self.houses.append(House(app, clock))
        return self.houses[-1]


@pytest.fixture
def stage(network: Network, tmp_path: Path) -> Iterator[Stage]:
    brand = network.person(f"azur{next(NUMBERS)}")
    with between(network.pds, "com.atproto.repo.putRecord", network.kill) as lossy:
        made = Stage(network, brand, network.app_password(brand), tmp_path, lossy)
        yield made
        for house in made.houses:
            house.app.watch.store.close()


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What every logger writes, at DEBUG."""

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    lines, root, kept = list[str](), logging.getLogger(), Kept()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(before)
    root.removeHandler(kept)


def listener(stage: Stage, **more: Any) -> BlueskyListener:
    config = {"handle": stage.brand.handle, "password": stage.password, "url": stage.network.pds, **more}
    return BlueskyListener(ListenerConfig(**config))


def responder(stage: Stage, **more: Any) -> BlueskyResponder:
    config = {"handle": stage.brand.handle, "password": stage.password, "url": stage.network.pds, **more}
    return BlueskyResponder(ResponderConfig(**config))


def hears(stage: Stage, uri: str) -> Mention:
    ears = listener(stage)

    def look() -> Mention | None:
        return next((one for one in ears.poll(None).mentions if one.remote_id == uri), None)

    found = eventually(look, pause=0.3)
    assert found is not None
    return found


# --- The story ------------------------------------------------------------------------------------

SAYS = {
    "claire": (
        "fr",
        "@{} C'est une honte, ma carte est bloquée depuis trois semaines et personne ne répond !!!",
    ),
    "john": ("en", "Hello @{}, how do I open an account for my daughter? She is twelve."),
    "lea": ("fr", "Bonjour @{}, mon virement n'est pas arrivé, est-ce normal ?"),  # edits
    "mary": ("en", "@{} why was my transfer refused twice this week?"),  # deletes
    "paul": ("fr", "@{} à quelle heure ouvre l'agence de Lyon le samedi ?"),  # is answered natively
    "emma": ("en", "@{} I have been waiting for my new card since Monday, please help 🙏🏽"),
    "nina": ("fr", "👩‍👩‍👧 Bonjour @{}, comment ajouter ma fille à mon compte joint ?"),
}
REPLIES = {
    "hugo": ("fr", "Et pour les étudiants, c'est gratuit ?"),
    "kate": ("en", "Is this open to students?"),
}
QUOTES = {"omar": ("en", "Does this also hold for business accounts? My bank never answers.")}


@dataclass
class Said:
    """Who is there, and what each of them wrote to the brand."""

    people: dict[str, Person]
    uris: dict[str, str]


def test_ten_people_are_answered_though_the_server_is_killed_while_sending(
    stage: Stage, logged: list[str]
) -> None:
    said = ten_people_speak(stage)
    house = stage.open()
    all_are_heard_and_drafted(house, said)
    one_edits_one_deletes_one_is_answered_natively(stage, house, said)
    texts = {name: house.approve(said.uris[name]) for name in set(said.uris) - {"mary", "paul"}}
    for name in texts:  # everybody looks, so that only what comes now is new to them
        one = said.people[name].client
        one.app.bsky.notification.update_seen({"seen_at": one.get_current_time_iso()})
    the_server_is_killed_while_sending(stage, house)
    house.until(lambda: house.books()["answered"] == 9)
    everybody_was_answered_once(stage, house, said, texts)
    no_secret_was_logged(stage, logged)


def ten_people_speak(stage: Stage) -> Said:
    brand = (stage.brand.handle, stage.brand.did)
    prefix = stage.brand.handle.partition(".")[0]
    news = stage.brand.post("Notre nouveau compte est là.", langs=["fr"])
    people, uris = {}, {}
    for name in (*SAYS, *REPLIES, *QUOTES):
        people[name] = stage.network.person(f"{name}-{prefix}")
    eventually(lambda: stage.network.thread(news))
    for name, (lang, text) in SAYS.items():
        uris[name] = people[name].post(text.format(brand[0]), mentions=[brand], langs=[lang])
    for name, (lang, text) in REPLIES.items():
        uris[name] = people[name].reply(news, text, langs=[lang])
    for name, (_, text) in QUOTES.items():
        uris[name] = people[name].quote(news, text)
    people["john"].client.like(**people["john"].reference(news))
    people["emma"].client.repost(**people["emma"].reference(news))
    return Said(people, uris)


def all_are_heard_and_drafted(house: House, said: Said) -> None:
    house.until(lambda: house.books()["addresses"] == 10 and shares(house) == 2, "listen")
    house.round("triage")
    for name, uri in said.uris.items():
        row = house.heard(uri)
        assert row is not None, name
        assert (row["addressed"], row["author_handle"]) == (1, said.people[name].handle)
        assert row["state"] in ("waiting", "escalated"), name
        drafts = house.rows("SELECT text FROM replies WHERE mention_id = ? AND state = 'draft'", row["id"])
        assert drafts, name
    langs = {name: (house.heard(uri) or {})["lang"] for name, uri in said.uris.items()}
    assert langs == {name: lang for some in (SAYS, REPLIES, QUOTES) for name, (lang, _) in some.items()}


def shares(house: House) -> int:
    return len(house.rows("SELECT id FROM mentions WHERE kind = 'share' AND addressed = 0"))


def one_edits_one_deletes_one_is_answered_natively(stage: Stage, house: House, said: Said) -> None:
    """Bluesky's app has no edit; but a client may write another record in the place of the first."""
    lea = said.people["lea"]
    before = stage.network.thread(said.uris["lea"])["post"]["record"]
    edited = before["text"].replace("est-ce normal ?", "il y a dix jours !")
    lea.put(said.uris["lea"], {**before, "text": edited})
    said.people["mary"].delete(said.uris["mary"])
    stage.brand.reply(said.uris["paul"], "De 9 h à 12 h. L'équipe", langs=["fr"])
    house.until(lambda: (house.heard(said.uris["lea"]) or {})["text"] == edited, "listen", "triage")
    house.until(lambda: house.state(said.uris["paul"]) == "answered", "listen", "triage")
    house.until(lambda: house.state(said.uris["mary"]) == "deleted", "listen", "triage")
    house.until(lambda: house.state(said.uris["lea"]) in ("waiting", "escalated"), "triage")
    books = house.books()
    assert (books["answered"], books["deleted"], books["open"], books["balanced"]) == (1, 1, 8, True)


def the_server_is_killed_while_sending(stage: Stage, house: House) -> None:
    """The second reply's request is lost, the third's answer; in the middle of the fifth the PDS dies."""
    stage.lossy.lost = {2: REQUEST, 3: ANSWER, 5: SERVER}
    house.round("deliver")
    assert stage.lossy.counted == 5
    unsure = house.rows("SELECT id FROM replies WHERE state = 'unsure'")
    assert len(unsure) == 3
    house.round("listen", "deliver", "sweep")  # nobody there: nothing is lost over it
    assert house.books()["balanced"]
    stage.network.start()


def everybody_was_answered_once(stage: Stage, house: House, said: Said, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (reply,) = eventually(lambda uri=said.uris[name]: stage.network.replies(uri, stage.brand.did))  # type: ignore[misc]
        assert reply["record"]["text"] == text, name
        (row,) = house.rows(
            "SELECT remote_id, url FROM answers WHERE text = ? AND remote_id = ?", text, reply["uri"]
        )
        assert (
            row["url"]
            == f"https://bsky.app/profile/{stage.brand.handle}/post/{reply['uri'].rpartition('/')[2]}"
        )
        eventually(lambda name=name: said.people[name].unread() == 1)  # type: ignore[misc]
    posts = stage.network.posts(stage.brand.did)
    answered = [one["value"]["reply"]["parent"]["uri"] for one in posts if "reply" in one["value"]]
    assert sorted(answered) == sorted(uri for name, uri in said.uris.items() if name != "mary")
    assert len(posts) == 10  # the news, the native answer, and eight of ours
    books = house.books()
    assert (books["addresses"], books["answered"], books["deleted"], books["open"]) == (10, 9, 1, 0)
    assert (books["balanced"], books["unsure"], books["chain"]["ok"]) == (True, 0, True)
    house.round()
    assert len(stage.network.posts(stage.brand.did)) == 10, "a round with no news sends nothing"


def no_secret_was_logged(stage: Stage, logged: list[str]) -> None:
    session = json.loads((stage.folder / "session.json").read_text())
    assert (stage.folder / "session.json").stat().st_mode & 0o777 == 0o600
    lines = "\n".join(logged)
    assert "receive_response_headers" in lines, "every logger wrote all that it could"
    for secret in (stage.password, session["access"], session["refresh"]):
        assert secret not in lines
    stored = b"".join(path.read_bytes() for path in stage.folder.glob("vigie.db*"))
    for secret in (stage.password, session["access"], session["refresh"]):
        assert secret.encode() not in stored


# --- Rate limits ----------------------------------------------------------------------------------


def test_a_429_of_the_server_is_waited_out_and_holds_up_nobody_else(stage: Stage) -> None:
    zoe = stage.network.person(f"zoe-{stage.brand.handle.partition('.')[0]}")
    uri = zoe.post("Bonjour @x, ma carte ?".replace("x", stage.brand.handle),
                   mentions=[(stage.brand.handle, stage.brand.did)], langs=["fr"])  # fmt: skip
    stage.session_file = False
    clock = Clock()
    before = stage.open(clock)
    before.until(lambda: before.heard(uri), "listen")
    before.round("triage")
    text = before.approve(uri)
    stage.network.restart(rate_limits=True)
    stage.password = stage.network.app_password(stage.brand)  # so Vigie, restarted, must sign in anew
    sign_ins_are_used_up(stage)
    house = stage.open(clock)
    meanwhile_the_blog_is_heard(stage, house)
    stage.network.restart(rate_limits=True)  # which ends the server's five minutes; ours are put forward
    clock.forward(minutes=5)
    house.until(lambda: house.state(uri) == "answered")
    (reply,) = eventually(lambda: stage.network.replies(uri, stage.brand.did))
    assert reply["record"]["text"] == text
    assert len(stage.network.posts(stage.brand.did)) == 1


def sign_ins_are_used_up(stage: Stage) -> None:
    # A password that is too long to be looked at counts like any other.
    body = {"identifier": stage.brand.handle, "password": "x" * 600}
    statuses = []
    while 429 not in statuses:
        answer = httpx.post(
            f"{stage.network.pds}/xrpc/com.atproto.server.createSession", json=body, timeout=30
        )
        statuses.append(answer.status_code)
        assert len(statuses) < 40
    assert 0 < int(answer.headers["retry-after"]) <= 300


def meanwhile_the_blog_is_heard(stage: Stage, house: House) -> None:
    (stage.folder / "blog.jsonl").write_text(
        json.dumps({"text": "Bonjour, une question.", "remote_id": "b1"}) + "\n"
    )
    stage.lossy.asked.clear()
    stage.lossy.statuses.clear()
    house.round()
    assert house.heard("b1") is not None
    assert set(stage.lossy.statuses) == {429}
    source, reply = (
        house.rows("SELECT retry_at, error FROM sources WHERE listener = 'sky'")[0],
        house.rows("SELECT state, attempts, reason FROM replies WHERE approved_by <> ''")[0],
    )
    assert 0 < source["retry_at"] - ms(house.clock()) <= 300_000
    assert "asks us to wait" in source["error"]
    assert (reply["state"], reply["attempts"]) == ("ready", 0), reply["reason"]
    asked = len(stage.lossy.asked)
    house.clock.forward(minutes=3)
    house.round()
    assert len(stage.lossy.asked) == asked, "nobody is asked before the time"
    assert house.rows("SELECT 1 FROM sources WHERE listener = 'blog' AND error = ''")


# --- One by one -----------------------------------------------------------------------------------


CLUSTERS = (
    "a",
    "é",
    "e\u0301",
    "漢",
    "👩‍👩‍👧‍👦",
    "🇫🇷",
    "🙏🏽",
    "1️⃣",
    "क्षि",
    "각",
    "ก็",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "a\u0300\u0301\u0302",
    ".\r\n",
)


def test_the_count_that_the_inbox_shows_is_the_server_s(stage: Stage) -> None:
    limits = BlueskyResponder.limits
    for cluster in CLUSTERS:
        fits = next(n for n in range(400, 0, -1) if limits.count(cluster * n) <= limits.maximum)
        stage.brand.post(cluster * fits)
        with pytest.raises(Exception, match=r"(too big|longer than|too long)"):
            stage.brand.post(cluster * (fits + 1))


def test_who_blocks_the_account_or_lets_nobody_reply_is_not_answered(stage: Stage) -> None:
    prefix = stage.brand.handle.partition(".")[0]
    brand = [(stage.brand.handle, stage.brand.did)]
    people = [stage.network.person(f"{name}-{prefix}") for name in ("bea", "gil", "del")]
    blocks, gated, gone = (
        hears(stage, one.post(f"@{stage.brand.handle} hello", mentions=brand)) for one in people
    )
    talk = responder(stage)
    assert [talk.can_reply(one) for one in (blocks, gated, gone)] == [None, None, None]
    people[0].block(stage.brand.did)
    people[1].gate(gated.remote_id)
    people[2].delete(gone.remote_id)
    for mention, reason in ((blocks, "has blocked"), (gated, "only some people"), (gone, "is gone")):
        refusal = eventually(lambda mention=mention: talk.can_reply(mention))  # type: ignore[misc]
        assert isinstance(refusal, Refusal)
        assert reason in refusal.reason
        with pytest.raises(Refused, match=reason):
            talk.send(Reply("k1", "Bonjour", mention))
    ids = [blocks.remote_id, gated.remote_id, gone.remote_id]
    assert listener(stage).deleted(ids) == [gone.remote_id]
    assert stage.network.posts(stage.brand.did) == []


def test_links_and_handles_can_be_clicked_where_the_sdk_would_put_them(stage: Stage) -> None:
    zoe = stage.network.person(f"zoe2-{stage.brand.handle.partition('.')[0]}")
    mention = hears(
        stage, zoe.post(f"@{stage.brand.handle} hé", mentions=[(stage.brand.handle, stage.brand.did)])
    )
    text = (
        f"👋🏽 Bonjour @{zoe.handle}, tout est là : https://exemple.org/aide_(fr)?q=é (et https://exemple.org)."
        " Écrivez à aide@exemple.org, ou à @nobody-here.test !"
    )
    receipt = responder(stage).send(Reply("k1", text, mention))
    record = eventually(lambda: stage.network.thread(receipt.remote_id))["post"]["record"]
    raw = text.encode()
    shown = {
        raw[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode(): {
            key: value for key, value in one["features"][0].items() if key != "$type"
        }
        for one in record["facets"]
    }
    link = "https://exemple.org/aide_(fr)?q=é"
    assert shown == {
        f"@{zoe.handle}": {"did": zoe.did}, link: {"uri": link}, "https://exemple.org": {"uri": "https://exemple.org"}
    }  # fmt: skip
    theirs = stage.brand.client.detect_facets(text)
    assert sorted((one.index.byte_start, one.index.byte_end) for one in theirs) == sorted(
        (one["index"]["byteStart"], one["index"]["byteEnd"]) for one in record["facets"]
    )


def test_a_reply_in_a_thread_hangs_from_its_root_and_a_search_finds_who_does_not_speak_to_us(
    stage: Stage,
) -> None:
    prefix = stage.brand.handle.partition(".")[0]
    amy, ben = (stage.network.person(f"{name}-{prefix}") for name in ("amy", "ben"))
    root = amy.post(f"Qui connaît la banque {prefix} ?", langs=["fr"])
    eventually(lambda: stage.network.thread(root))
    answer = ben.reply(
        root, f"Demande à @{stage.brand.handle}", mentions=[(stage.brand.handle, stage.brand.did)]
    )
    mention = hears(stage, answer)
    assert (mention.in_reply_to, mention.conversation, mention.addressed) == (root, root, True)
    receipt = responder(stage).send(Reply("k1", "Avec plaisir.", mention))
    place = stage.network.posts(stage.brand.did)[0]["value"]["reply"]
    assert (place["root"]["uri"], place["parent"]["uri"]) == (root, answer)
    search = listener(stage, searches=(f"banque {prefix}",))
    (found,) = eventually(lambda: search.poll(None).mentions)
    assert (found.remote_id, found.addressed, found.own) == (root, False, False)
    assert eventually(lambda: stage.network.replies(answer, stage.brand.did))[0]["uri"] == receipt.remote_id
