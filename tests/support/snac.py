"""Two real servers of the Mastodon network on loopback, which talk to each other: snac2, each on an address
of its own, thrown away at the end. ``scripts/install-test-servers.d/snac.sh`` fetches what it needs.

It is no Mastodon: another server with the same interface, written by other people. Its ids are hexadecimal
and change with an edit, it ignores ``Idempotency-Key``, knows no ``/api/v2/instance``, writes "en" on every
status, and gives its version as "4.0.0 (not true; really snac/2.75)".

``python -m tests.support.snac`` starts both to look at, until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.needs import need

PLACE = Path(os.environ.get("VIGIE_SNAC", Path.home() / ".cache/vigie-test/snac"))
BINARY = PLACE / "usr/bin/snac"
PORT = 80  # addresses such as @brand@127.0.0.2 have no place for another one
NOBODY = 65534  # snac will not run as root


def lacking() -> str:
    """What this machine lacks to run the servers, or ""."""
    if not BINARY.exists():
        return str(BINARY)
    if os.getuid() == 0:
        return "" if shutil.which("setpriv") else "setpriv"
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return "" if first <= PORT else f"the right to listen on port {PORT} (root has it)"


def require() -> None:
    """Skip the test on a machine that lacks it: see `need`."""
    need("Mastodon servers", lacking(), "install-test-servers.d/snac.sh")


@dataclass
class Person:
    """Somebody with an account on one of the servers, and what they do there."""

    server: Server
    name: str
    password: str
    token: str
    http: httpx.Client = field(repr=False)

    @property
    def handle(self) -> str:
        return f"{self.name}@{self.server.host}"

    def says(self, text: str, **more: Any) -> dict[str, Any]:
        """Post `text`; the status."""
        status: dict[str, Any] = self.api("POST", "statuses", json={"status": text, **more})
        return status

    def edits(self, status: dict[str, Any], text: str) -> None:
        self.api("PUT", f"statuses/{status['id']}", json={"status": text})

    def boosts(self, status: dict[str, Any]) -> None:
        self.api("POST", f"statuses/{status['id']}/reblog", json={})

    def deletes(self, status: dict[str, Any]) -> None:
        """By the button on the web page: the server's interface for programs has no deletion."""
        form = {"id": status["uri"], "action": "Delete", "actor": "", "redir": ""}
        url = f"{self.server.url}/{self.name}/admin/action"
        answer = httpx.post(url, data=form, auth=(self.name, self.password), timeout=30)
        assert answer.status_code in (200, 303), answer.text

    def notified(self) -> list[dict[str, Any]]:
        """The statuses that mention this person, newest first."""
        query = {"types[]": "mention", "limit": "60"}
        found = self.api("GET", "notifications", params=query)
        return [one["status"] for one in found if "status" in one]

    def api(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, f"/api/v1/{path}", **options)
        return answer.raise_for_status().json()


@dataclass
class Server:
    """One server; it runs from `start` to `kill`, and again."""

    host: str
    folder: Path
    http: httpx.Client = field(repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def start(self) -> None:
        serve = _as_nobody([str(self.folder / "snac"), "httpd", str(self.folder / "data")])
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(serve, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.http.get("/api/v1/instance").is_success
        return False

    def kill(self) -> None:
        """As when somebody pulls the plug."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def join(self, name: str) -> Person:
        """Make an account, and a token for it as its owner does."""
        printed = _run([str(self.folder / "snac"), "adduser", str(self.folder / "data"), name])
        found = re.search(r"User password is (\S+)", printed)
        assert found, printed
        form = {"login": name, "passwd": found[1]}
        token = self.http.post("/oauth/x-snac-get-token", data=form).raise_for_status().text
        assert re.fullmatch("[0-9a-f]{32}", token), "no token, but the page that asks for the password again"
        http = _client(self.url, {"Authorization": f"Bearer {token}"})
        return Person(self, name, found[1], token, http)

    def public(self, url: str) -> dict[str, Any]:
        """What anybody gets to see of a status, without an account."""
        answer = httpx.get(url, headers={"Accept": "application/activity+json"}, timeout=30)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


@contextlib.contextmanager
def running(number: int = 2) -> Iterator[list[Server]]:
    """Start fresh servers (about 1 s); stop them and remove every trace of them at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="vigie-snac-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # the servers run as another user and must pass through
        servers = list[Server]()
        for host in _free_hosts(number):
            _make(folder / host, host)
            http = stack.enter_context(_client(f"http://{host}", {}))
            servers.append(Server(host, folder / host, http))
            stack.callback(servers[-1].kill)
            servers[-1].start()
        yield servers


def _make(folder: Path, host: str) -> None:
    folder.mkdir()
    # The home of whoever installed it may be closed to others.
    shutil.copy(BINARY, folder / "snac")
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    answers = f"{host}\n{PORT}\n{host}\n\n\n"
    _run([str(folder / "snac"), "init", str(folder / "data")], answers)
    settings = folder / "data" / "server.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "protocol": "http"}))


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    # snac closes every connection after one answer, and does not say so.
    once = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, headers=headers, timeout=30, limits=once)


def _as_nobody(command: list[str]) -> list[str]:
    if os.getuid() != 0:
        return command
    may_listen = ["--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service"]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *may_listen, *command]


def _run(command: list[str], answers: str = "\n") -> str:
    done = subprocess.run(_as_nobody(command), input=answers, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _free_hosts(number: int) -> list[str]:
    """127.0.0.2, 127.0.0.3 and so on; others where somebody listens there already."""
    free = (host for net in range(250) for host in _net(net, number) if _is_free(host))
    return [next(free) for _ in range(number)]


def _net(net: int, number: int) -> list[str]:
    return [f"127.0.{net}.{last}" for last in range(2, 2 + number)]


def _is_free(host: str) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, PORT))
        return True
    return False


if __name__ == "__main__":
    with running() as started, contextlib.suppress(KeyboardInterrupt):
        for one in started:
            person = one.join("brand")
            print(f"{one.url}  {person.handle} / {person.password}  token {person.token}", flush=True)
        signal.pause()
