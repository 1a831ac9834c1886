"""Bluesky listener and responder against a stand-in that keeps lists, tokens and limits as Bluesky does: for
what takes too long, or cannot be brought about, on the real network of tests/servers/test_bluesky.py."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from accounts.bluesky import Access, account
from bot.errors import AuthFailed, RateLimited, Retry, ServiceError, Unsure
from bot.models import Author, Batch, Limits, Mention, Reply
from listeners.bluesky import BlueskyListener
from listeners.bluesky import Config as ListenerConfig
from responders.bluesky import BlueskyResponder
from responders.bluesky import Config as ResponderConfig
from tests.support import loopback

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ME = "did:plc:bank"
COLLECTION = "app.bsky.feed.post"
SECOND = timedelta(seconds=1)  # as the service's clock is a second's, and an answer takes a moment


@dataclass
class Sky:
    """A PDS and its AppView in one: notifications by their time, records by their key, sessions that end."""

    url: str = ""
    password: str = "abcd-efgh-ijkl-mnop"
    now: datetime = NOON
    notified: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sign_ins: int = 0
    renewals: int = 0
    access: str = ""
    refresh: str = ""
    limited: dict[str, str] = field(default_factory=dict)  # the headers of a 429 that answers everything
    gone: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)  # there, but not for us
    tired: bool = False  # sessions are not renewed just now
    silent: int = 0  # so many writes are carried out and not answered
    lock: threading.Lock = field(default_factory=threading.Lock)

    def speaks(self, name: str, at: datetime, reason: str = "mention", text: str = "Bonjour") -> str:
        """Somebody writes a post that claims to be from `at`; its uri."""
        uri = f"at://did:plc:{name}/{COLLECTION}/3{len(self.notified):05}"
        self.notified.append(
            {"uri": uri, "cid": "c", "reason": reason, "indexedAt": stamp(at),
             "author": {"did": f"did:plc:{name}", "handle": f"{name}.example.org"},
             "record": {"text": text, "createdAt": stamp(at)}}
        )  # fmt: skip
        return uri

    def expire(self) -> None:
        """The token that was given last is too old from now on."""
        self.access = ""

    def begin(self) -> dict[str, Any]:
        number = self.sign_ins + self.renewals
        self.access, self.refresh = f"acc-{number}-secret", f"ref-{number}-secret"
        tokens = {"accessJwt": self.access, "refreshJwt": self.refresh}
        return {"did": ME, "handle": "banque.example.org", "active": True, **tokens}

    # --- what the API asks -----------------------------------------------------------------------

    def answer(self, method: str, query: dict[str, list[str]], body: Any, token: str) -> tuple[int, Any]:
        self.asked.append(method)
        if method == "com.atproto.server.createSession":
            self.sign_ins += 1
            known = body["password"] == self.password
            return (200, self.begin()) if known else (401, {"error": "AuthenticationRequired"})
        if method == "com.atproto.server.refreshSession":
            if self.tired:
                return 503, {"error": "NotEnoughResources"}
            self.renewals += 1
            return (200, self.begin()) if token == self.refresh else (400, {"error": "ExpiredToken"})
        if token != self.access:
            return 400, {"error": "ExpiredToken"}
        answers: dict[str, Callable[[], tuple[int, Any]]] = {
            "app.bsky.notification.listNotifications": lambda: self._listed(query),
            "app.bsky.feed.getPostThread": lambda: (200, {"thread": {"post": self._post(query["uri"][0])}}),
            "com.atproto.repo.listRecords": lambda: (200, {"records": []}),
            "app.bsky.feed.getPosts": lambda: self._shown(query["uris"]),
            "com.atproto.repo.getRecord": lambda: self._record(query),
            "com.atproto.repo.putRecord": lambda: self._put(body),
        }
        return answers[method]()

    def _listed(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        """The newest first; `reasons` leaves out of a page what it does not name, as the AppView does it."""
        ordered = sorted(self.notified, key=lambda one: one["indexedAt"], reverse=True)
        start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        page = [one for one in ordered[start : start + limit] if one["reason"] in query["reasons"]]
        more = {"cursor": str(start + limit)} if start + limit < len(ordered) else {}
        return 200, {"notifications": page, **more}

    def _post(self, uri: str) -> dict[str, Any]:
        return {"uri": uri, "cid": "bafy", "author": {}, "viewer": {}, "record": {"text": "Bonjour"}}

    def _shown(self, asked: list[str]) -> tuple[int, Any]:
        if len(asked) > 25:
            return 400, {"error": "InvalidRequest"}
        shown = [{"uri": uri} for uri in asked if uri not in self.gone | self.hidden]
        return 200, {"posts": shown}

    def _record(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        whose, key = query["repo"][0], query["rkey"][0]
        theirs = f"at://{whose}/{COLLECTION}/{key}" not in self.gone and {"text": "Bonjour"}
        found = self.records.get(key) if whose == ME else theirs
        return (200, {"value": found}) if found else (400, {"error": "RecordNotFound"})

    def _put(self, body: dict[str, Any]) -> tuple[int, Any]:
        with self.lock:
            key, record = body["rkey"], body["record"]
            assert re.fullmatch(r"[234567abcdefghij][234567a-z]{12}", key), "https://atproto.com/specs/tid"
            if body["swapRecord"] is None and self.records.get(key, record) != record:
                return 400, {"error": "InvalidSwap"}
            self.records[key] = record
            if self.silent:
                self.silent -= 1
                return 0, {}
            return 200, {"uri": f"at://{ME}/{COLLECTION}/{key}", "cid": "bafynew"}


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Handler(BaseHTTPRequestHandler):
    sky: Sky
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return f"{self.sky.now:%a, %d %b %Y %H:%M:%S} GMT"

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        headers = self.sky.limited
        if headers:
            self.sky.asked.append("429")
            status, body = 429, {"error": "RateLimitExceeded"}
        else:
            method = target.path.removeprefix("/xrpc/")
            status, body = self.sky.answer(method, parse_qs(target.query), json.loads(raw or b"null"), token)
        if not status:
            self.close_connection = True
            return
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815


@pytest.fixture
def sky() -> Iterator[Sky]:
    made = Sky()
    with loopback.http(_Handler, sky=made) as made.url:
        yield made


def settings(sky: Sky, **more: Any) -> dict[str, Any]:
    return {"url": sky.url, "handle": "banque.example.org", "password": sky.password, **more}


def listener(sky: Sky, **more: Any) -> BlueskyListener:
    return BlueskyListener(ListenerConfig(**settings(sky, **{"shares": False, **more})), lambda: sky.now)


def responder(sky: Sky, **more: Any) -> BlueskyResponder:
    return BlueskyResponder(ResponderConfig(**settings(sky, **more)), lambda: sky.now)


def uris(batch: Batch) -> set[str]:
    return {mention.remote_id for mention in batch.mentions}


def reply(sky: Sky, number: int = 1, **more: Any) -> Reply:
    uri = f"at://did:plc:zoe/{COLLECTION}/3zoe{number}"
    mention = Mention("bluesky", uri, "Bonjour", NOON, Author("did:plc:zoe", "zoe.example.org"))
    return Reply(f"vigie-{number}", "Bonjour Zoé.", mention, created_at=NOON, **more)


# --- Hearing --------------------------------------------------------------------------------------


def test_a_great_backlog_is_read_in_several_polls_and_what_is_new_comes_first(sky: Sky) -> None:
    old = {sky.speaks("a", NOON - timedelta(hours=20) + timedelta(seconds=n)) for n in range(4_500)}
    ears = listener(sky)
    first = ears.poll(None)
    assert len(first.mentions) == 2_000
    assert first.complete_to == first.complete_from == NOON - timedelta(days=1)
    sky.now += timedelta(minutes=30)
    new = sky.speaks("b", sky.now - timedelta(seconds=5))
    second = ears.poll(first.cursor)
    assert new in uris(second)
    assert second.complete_to == first.complete_to, "what lies between was not read yet"
    sky.now += timedelta(minutes=1)
    third = ears.poll(second.cursor)
    assert uris(first) | uris(second) | uris(third) == old | {new}
    assert sky.now - SECOND < third.complete_to <= sky.now


def test_more_news_than_one_poll_reads_while_a_backlog_is_read_is_not_forgotten(sky: Sky) -> None:
    everyone = {sky.speaks("a", NOON - timedelta(hours=20) + timedelta(seconds=n)) for n in range(3_000)}
    ears = listener(sky)
    batches = [ears.poll(None)]
    sky.now += timedelta(hours=2)
    everyone |= {sky.speaks("b", NOON + timedelta(seconds=n)) for n in range(2_500)}
    for _ in range(4):
        batches.append(ears.poll(batches[-1].cursor))
        sky.now += timedelta(minutes=1)
    assert set().union(*map(uris, batches)) == everyone
    assert batches[1].complete_to == batches[0].complete_to
    assert sky.now - timedelta(minutes=1) - SECOND < batches[-1].complete_to


def test_a_post_that_claims_to_be_older_than_the_last_poll_is_heard(sky: Sky) -> None:
    sky.speaks("a", NOON - timedelta(hours=1))
    ears = listener(sky)
    first = ears.poll(None)
    late, wrong_clock = (
        sky.speaks("b", NOON - timedelta(minutes=5)),
        sky.speaks("c", NOON - timedelta(days=2)),
    )
    for n in range(150):
        sky.speaks(f"d{n}", NOON - timedelta(hours=1, minutes=n))
    sky.now += timedelta(minutes=1)
    second = ears.poll(first.cursor)
    assert late in uris(second)
    assert wrong_clock not in uris(second)
    sky.now += timedelta(minutes=16)
    assert wrong_clock in uris(ears.poll(second.cursor))


def test_a_storm_of_likes_holds_nobody_up(sky: Sky) -> None:
    first = listener(sky).poll(None)
    asks = sky.speaks("a", NOON + timedelta(seconds=1))
    for n in range(1_500):
        sky.speaks("b", NOON + timedelta(seconds=2, milliseconds=n), reason="like")
    sky.now += timedelta(minutes=1)
    sky.asked.clear()
    batch = listener(sky, shares=True).poll(first.cursor)
    assert asks in uris(batch)
    assert sum(mention.kind == "share" for mention in batch.mentions) == 500
    assert len(sky.asked) < 30


def test_a_quiet_poll_is_two_requests(sky: Sky) -> None:
    ears = listener(sky)
    first = ears.poll(None)
    sky.asked.clear()
    ears.poll(first.cursor)
    assert len(sky.asked) == 2


def test_a_clock_ahead_of_bluesky_s_promises_no_more_than_bluesky_knows(sky: Sky) -> None:
    ears = BlueskyListener(ListenerConfig(**settings(sky)), lambda: NOON + timedelta(hours=3))
    assert ears.poll(None).complete_to <= NOON


def test_a_429_that_names_only_the_moment_of_its_end_is_waited_out(sky: Sky) -> None:
    sky.limited = {"RateLimit-Reset": str(int(NOON.timestamp()) + 120), "RateLimit-Remaining": "0"}
    with pytest.raises(RateLimited) as caught:
        listener(sky).poll(None)
    assert caught.value.after == 120
    sky.limited = {"Retry-After": "17", "RateLimit-Reset": str(int(NOON.timestamp()) + 120)}
    with pytest.raises(RateLimited) as caught:
        responder(sky).send(reply(sky))
    assert caught.value.after == 17


def test_who_deleted_is_told_from_who_is_hidden_from_us_100_at_a_time(sky: Sky) -> None:
    posts = [sky.speaks(f"a{n}", NOON) for n in range(98)]
    sky.gone, sky.hidden = set(posts[::30]), set(posts[7::30])
    like = "at://did:plc:eve/app.bsky.feed.like/3like"
    ears = listener(sky)
    assert set(ears.deleted([*posts, like, "no uri"])) == sky.gone
    assert sky.asked.count("app.bsky.feed.getPosts") == 4
    assert sky.asked.count("com.atproto.repo.getRecord") == len(sky.gone | sky.hidden)


# --- Signing in -----------------------------------------------------------------------------------


def test_listener_and_responder_of_one_account_sign_in_once(sky: Sky) -> None:
    ears, search, talk = listener(sky), listener(sky, first_days=2), responder(sky)
    threads = [threading.Thread(target=one.poll, args=(None,)) for one in (ears, search) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    talk.send(reply(sky))
    sky.expire()
    talk.find(reply(sky))
    ears.poll(None)
    assert (sky.sign_ins, sky.renewals) == (1, 1)


def test_a_renewal_that_fails_is_tried_again_and_costs_no_sign_in(sky: Sky) -> None:
    ears = listener(sky)
    ears.poll(None)
    sky.expire()
    sky.tired = True
    for _ in range(3):
        with pytest.raises(Retry):
            ears.poll(None)
    sky.tired = False
    ears.poll(None)
    assert (sky.sign_ins, sky.renewals) == (1, 1)


def test_another_password_is_another_session(sky: Sky) -> None:
    ears = listener(sky)
    ears.poll(None)
    with pytest.raises(AuthFailed):
        listener(sky, password="wrong").poll(None)
    ears.poll(None)
    assert sky.sign_ins == 2


def test_a_refused_password_is_tried_again_after_a_quarter_of_an_hour(sky: Sky) -> None:
    now = [0.0]
    sky.password = "changed"
    access = Access(**settings(sky, password="old"))
    signed = type(account(access))(access, lambda: now[0])

    def ask() -> None:
        with signed.open() as xrpc:
            _ = xrpc.me

    for _ in range(20):
        with pytest.raises(AuthFailed):
            ask()
        now[0] += 60
    assert sky.sign_ins == 2


def test_with_a_session_file_the_next_process_goes_on_with_the_session(sky: Sky, tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    for _ in range(5):
        gone = listener(sky, session_file=file)
        gone.poll(None)
        del gone
        gc.collect()  # so ends what the process remembers
    assert sky.sign_ins == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


def test_two_processes_with_one_session_file_do_not_put_each_other_out(sky: Sky, tmp_path: Path) -> None:
    config = Access(**settings(sky, session_file=tmp_path / "session.json"))
    kind = type(account(config))
    one, other = kind(config), kind(config)

    def ask(whose: Any) -> None:
        with whose.open() as xrpc:
            xrpc.query("com.atproto.repo.listRecords")

    ask(one)
    ask(other)
    for _ in range(4):
        sky.expire()
        ask(one)
        ask(other)
    assert (sky.sign_ins, sky.renewals) == (1, 4)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "\0", '{"for": "somebody else", "did": "did:plc:x", "access": "a"}', "[" * 9_999],
)
def test_a_session_file_that_is_of_no_use_is_replaced(sky: Sky, tmp_path: Path, content: str) -> None:
    file = tmp_path / "session.json"
    file.write_text(content)
    file.chmod(0o644)
    listener(sky, session_file=file).poll(None)
    assert json.loads(file.read_text())["did"] == ME
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_session_file_that_cannot_be_written_stops_nothing(
    sky: Sky, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listener(sky, session_file=tmp_path / "no" / "session.json").poll(None)
    assert "session_file cannot be written (FileNotFoundError)" in caplog.text


def test_no_logger_writes_a_password_or_a_token(sky: Sky, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sky.speaks("a", NOON)
    talk = responder(sky)
    listener(sky).poll(None)
    talk.send(reply(sky))
    sky.expire()
    talk.find(reply(sky))
    sky.password = "other"
    with contextlib.suppress(ServiceError):
        sky.expire()
        sky.refresh = ""
        talk.find(reply(sky))
    assert "send_request_headers" in caplog.text, "every logger wrote all that it could"
    assert not re.search(r"(acc|ref)-\d+-secret|abcd-efgh", caplog.text)


@pytest.mark.parametrize(
    "url", ["http://pds.example.org", "https://me:word@pds.example.org", "pds.example.org"]
)
def test_an_address_that_the_password_must_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Access(url=url, handle="a.b", password="x")  # type: ignore[arg-type]


# --- Answering ------------------------------------------------------------------------------------


def test_however_often_and_at_however_many_places_it_is_sent_it_stands_once(sky: Sky) -> None:
    talks = [responder(sky) for _ in range(8)]
    found: list[Any] = []

    def send(talk: BlueskyResponder, later: timedelta) -> None:
        talk.clock = lambda: NOON + later
        found.append(talk.send(reply(sky)))

    threads = [
        threading.Thread(target=send, args=(talk, timedelta(seconds=n))) for n, talk in enumerate(talks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sky.records) == 1
    assert len(found) == 8
    assert len(set(found)) == 1


def test_what_was_carried_out_and_not_answered_is_found(sky: Sky) -> None:
    sky.silent = 1
    talk = responder(sky)
    assert talk.find(reply(sky)) is None
    with pytest.raises(Unsure):
        talk.send(reply(sky))
    receipt = talk.find(reply(sky))
    assert receipt is not None
    assert talk.send(reply(sky, attempt=2)) == receipt
    assert list(sky.records) == [receipt.remote_id.rpartition("/")[2]]


def test_replies_that_were_drafted_in_one_instant_have_keys_of_their_own(sky: Sky) -> None:
    talk = responder(sky)
    for number in range(80):
        talk.send(reply(sky, number))
    assert len(sky.records) == 80
    hour_before = stamp(NOON - timedelta(minutes=72))
    assert all(hour_before <= when(key) <= stamp(NOON) for key in sky.records)


def when(key: str) -> str:
    """The time in a TID."""
    number = 0
    for digit in key:
        number = number * 32 + "234567abcdefghijklmnopqrstuvwxyz".index(digit)
    return stamp(datetime.fromtimestamp((number >> 10) / 1e6, UTC))


def test_a_reply_is_of_the_moment_it_is_sent_and_not_of_its_draft(sky: Sky) -> None:
    sky.now += timedelta(hours=6)
    responder(sky).send(reply(sky))
    (record,) = sky.records.values()
    assert record["createdAt"] == "2026-01-31T18:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("voir https://a.example/b.", ["https://a.example/b"]),
        ("(https://a.example/b_(c)) !", ["https://a.example/b_(c)"]),
        ("«https://a.example»", ["https://a.example"]),
        ("https://a.example, https://b.example?", ["https://a.example", "https://b.example"]),
        ("🙏🏽 @zoe.example.org, merci", ["@zoe.example.org"]),
        ("@zoe.example.org@zoe.example.org", ["@zoe.example.org"]),
        ("a@zoe.example.org, https://x.example/@zoe.example.org", ["https://x.example/@zoe.example.org"]),
        ("http:// et https://) et @zoe", []),
    ],
)
def test_what_can_be_clicked_is_counted_in_bytes(sky: Sky, text: str, marked: list[str]) -> None:
    responder(sky).send(replace(reply(sky), text=text))
    (record,) = sky.records.values()
    raw = text.encode()
    facets = [one["index"] for one in record.get("facets", [])]
    assert [raw[one["byteStart"] : one["byteEnd"]].decode() for one in facets] == marked


@pytest.mark.parametrize(("lang", "langs"), [("fr", ["fr"]), ("", None), ("unknown language", None)])
def test_the_reply_is_in_the_language_that_the_person_s_app_named(sky: Sky, lang: str, langs: Any) -> None:
    one = reply(sky)
    responder(sky).send(replace(one, mention=replace(one.mention, lang=lang)))
    (record,) = sky.records.values()
    assert record.get("langs") == langs


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0), ("a" * 300, 300), ("é" * 300, 300), ("e\u0301" * 300, 300), ("漢" * 300, 300),
        ("👩‍👩‍👧‍👦" * 120, 300), ("👩‍👩‍👧‍👦" * 121, 303), ("🇫🇷" * 300, 300), ("a" * 301, 301),
        ("a" * 299 + "👩‍👩‍👧‍👦", 300),
    ],
)  # fmt: skip
def test_300_graphemes_and_3000_bytes_are_one_count(text: str, length: int) -> None:
    limits: Limits = BlueskyResponder.limits
    assert limits.count(text) == length
    fits = len(text.encode()) <= 3_000 and length <= 300
    assert (limits.count(text) <= limits.maximum) is fits


def test_all_of_a_send_together_ends_in_time(sky: Sky) -> None:
    talk = responder(sky, timeout=0.000001)
    with pytest.raises(Retry, match="no time was left"):
        talk.send(reply(sky))
    assert sky.records == {}
