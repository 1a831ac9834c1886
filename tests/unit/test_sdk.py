"""What an SDK on a short lead may do: where it asks, for how long, for how much, and what its faults mean."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from accounts.sdk import hush, lead
from bot.errors import Retry, ServiceError, Unsure
from tests.support.scripted import nobody, playing

BASE = "https://api.example.org"
TOKEN = "a-token-in-the-query"


@contextlib.contextmanager
def session(to: str, timeout: float = 5, **more: Any) -> Iterator[requests.Session]:
    with requests.Session() as made:
        lead(made, BASE, to=to, timeout=timeout, **more)
        yield made


def fault(to: str, method: str, **more: Any) -> ServiceError:
    """The error that a request ends in, which shows nothing of what was sent."""
    with session(to, **more) as made, pytest.raises(ServiceError) as caught:
        made.request(method, f"{BASE}/2/say", params={"access_token": TOKEN}, headers={"X-Key": TOKEN})
    assert TOKEN not in str(caught.value)
    assert "/2/say" not in str(caught.value)
    return caught.value


@contextlib.contextmanager
def wire(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that reads one request and then does whatever it likes with the connection."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            taken, _ = listening.accept()
            with context.wrap_socket(taken, server_side=True) if context else taken as connection:
                connection.settimeout(10)
                connection.recv(65_536)
                answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        scheme = "https" if context else "http"
        yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_path_query_and_body_arrive_as_they_were_at_the_other_address() -> None:
    said = {"request": "POST /x/2/say", "query": {"a": "é&=1"}, "json": {"text": "ça va"}}
    with (
        playing([{**said, "response": {"json": {"ok": True}}}]) as script,
        session(f"{script.url}/x/") as made,
    ):
        answer = made.post(f"{BASE}/2/say", params={"a": "é&=1"}, json={"text": "ça va"})
        assert (answer.status_code, answer.json(), answer.content) == (200, {"ok": True}, b'{"ok": true}')
        script.check()


def test_what_never_left_may_be_tried_again_whatever_it_was() -> None:
    for method in ("GET", "POST", "DELETE"):
        assert "127.0.0.1 could not be reached" in str(fault(nobody(), method))
        assert isinstance(fault(nobody(), method), Retry)


@pytest.mark.parametrize(
    "answer",
    [
        lambda connection: None,
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        lambda connection: connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"
        ),
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"),
        lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
    ],
    ids=["dropped", "cut", "cut in a chunk", "garbled", "another protocol"],
)
@pytest.mark.parametrize(("method", "error"), [("GET", Retry), ("POST", Unsure), ("DELETE", Unsure)])
def test_what_was_sent_and_not_answered_is_unsure_unless_it_only_reads(
    answer: Callable[[socket.socket], None], method: str, error: type[ServiceError]
) -> None:
    with wire(answer) as url:
        assert type(fault(url, method)) is error


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
    with contextlib.suppress(OSError):
        for _ in range(300):
            connection.sendall(b"x")
            time.sleep(0.02)


@pytest.mark.parametrize("answer", [lambda connection: time.sleep(1), drip], ids=["silent", "dripping"])
def test_an_answer_that_does_not_come_to_an_end_is_given_up(answer: Callable[[socket.socket], None]) -> None:
    for method, error in (("GET", Retry), ("POST", Unsure)):
        with wire(answer) as url:
            began = time.monotonic()
            assert type(fault(url, method, timeout=0.2)) is error
            assert time.monotonic() - began < 0.8


def test_a_call_that_has_no_time_left_sends_nothing() -> None:
    with playing([]) as script:
        assert isinstance(fault(script.url, "POST", end=time.monotonic()), Retry)
        script.check()


def packed(text: bytes) -> Callable[[socket.socket], None]:
    body = gzip.compress(text)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def test_a_packed_answer_is_unpacked() -> None:
    with wire(packed(b'{"ok": true}')) as url, session(url) as made:
        assert made.get(f"{BASE}/2/say").json() == {"ok": True}


def test_an_endless_answer_is_cut_off_also_where_it_was_packed_small() -> None:
    with playing([{"request": "POST /2/say", "response": {"body": "x" * 1_000, "times": 100}}]) as script:
        assert type(fault(script.url, "POST", most=50_000)) is Unsure
    with wire(packed(b"x" * 50_000_000)) as url:
        assert "more than 1,000,000 bytes" in str(fault(url, "GET", most=1_000_000))


def test_credentials_follow_no_redirect_and_go_to_no_other_host() -> None:
    moved = {"status": 302, "headers": {"Location": "{url}/elsewhere"}}
    with playing([{"request": "GET /2/say", "response": moved}]) as script:
        assert "sends us on" in str(fault(script.url, "GET"))
        script.check()
    with playing([{"request": "POST /2/say", "response": moved}]) as script:
        assert type(fault(script.url, "POST")) is Unsure
    with playing([]) as script, session(script.url) as made:
        for url in ("https://api.example.org.evil.test/2/say", "http://api.example.org/2/say", script.url):
            with pytest.raises(Retry, match="do not go to"):
                made.get(url)
        script.check()


def test_a_proxy_of_the_environment_is_left_out_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", nobody())
    monkeypatch.setenv("NO_PROXY", "")
    with playing([{"request": "GET /2/say", "response": {}}]) as script, session(script.url) as made:
        assert made.get(f"{BASE}/2/say").status_code == 200


def test_a_certificate_that_is_not_the_host_s_is_known_before_anything_is_sent(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 1 -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with wire(lambda connection: None, context) as url:
        assert type(fault(url, "POST")) is Retry


class _Ports(BaseHTTPRequestHandler):
    """Answers with the port that it was asked from: one for each connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        body = str(self.client_address[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815


def test_a_post_never_goes_over_a_connection_that_was_kept() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Ports) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with session(f"http://127.0.0.1:{server.server_port}") as made:
            ports = [made.request(method, f"{BASE}/2").text for method in ("GET", "GET", "POST")]
        server.shutdown()
    assert ports[0] == ports[1] != ports[2]


def test_no_level_makes_the_libraries_below_talk(caplog: pytest.LogCaptureFixture) -> None:
    loud = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, loud.name):
        with playing([{"request": "GET /2/say", "response": {}}]) as script, session(script.url) as made:
            made.get(f"{BASE}/2/say", params={"access_token": TOKEN})
        loud.error("this is worth knowing")
    hush()
    assert [record.getMessage() for record in caplog.records] == ["this is worth knowing"]
