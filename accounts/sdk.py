"""Puts an SDK that is built on requests on a short lead: where it asks, for how long, for how much, and what
it may write to a log.

`lead` mounts an adapter on the SDK's session. It sends what is meant for the service's own address to the one
of the config (a stand-in on loopback, say) and nothing anywhere else, and it turns every fault of the
connection into an error that says whether the request may have been carried out. Import this module where
the SDK is imported: it costs as much.
"""

from __future__ import annotations

import functools
import io
import logging
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.util import Timeout

from bot.errors import Retry, ServiceError, Unsure

# They write tokens, signatures, addresses with a token in them, or people's words below ERROR.
_TALKATIVE: Final = ("facebook", "oauthlib", "requests", "requests_oauthlib", "tweepy", "urllib3")
_CHUNK: Final = 65_536


def lead(
    session: requests.Session,
    base: str,
    *,
    to: str,
    timeout: float,
    most: int = 32_000_000,
    end: float = float("inf"),
) -> None:
    """Let `session` ask the service at `base` only, and really ask `to`.

    `timeout`: seconds for one request; `end`: when to give up, in `time.monotonic` seconds; `most`: bytes of
    an answer. From then on a request raises `Retry` where it surely was not carried out or only reads (GET),
    `Unsure` where it may have been. Redirects are not followed: credentials stay with the host they are for.
    The variables of the environment for proxies count, but for plain http, which is loopback.
    """
    hush()
    session.trust_env = urlsplit(to).scheme != "http"
    adapter = Redirect(base, to, timeout, most, end)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)


class Redirect(HTTPAdapter):
    """One service, under the address where it really is. See `lead`."""

    def __init__(self, base: str, to: str, timeout: float, most: int, end: float) -> None:
        self._base, self._to = base.rstrip("/"), to.rstrip("/")
        self._timeout, self._most, self._end = timeout, most, end
        self._host = urlsplit(to).hostname or ""
        super().__init__()

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Send one request and read all of its answer.

        Raises:
            Retry, Unsure: as `lead` says. The text names the host and neither the rest of the address nor
                anything that was sent.
        """
        end = min(time.monotonic() + self._timeout, self._end)
        request.url = self._address(request.url or "")
        options |= {"stream": True, "timeout": Timeout(total=max(end - time.monotonic(), 0.001))}
        if time.monotonic() >= self._end:
            raise Retry(f"no time was left to ask {self._host}")
        if not _only_reads(request):
            self.close()  # a kept connection that the other side closes as we write would leave us unsure
        try:
            answer = super().send(request, **options)
        except (requests.RequestException, HTTPError, OSError) as fault:
            raise self._fault(request, fault) from None
        packed = answer.raw
        try:
            answer.raw = io.BytesIO(self._body(packed, end))
        except _TooMuch as fault:
            raise _error(request)(f"{self._host} {fault}") from None
        except (HTTPError, OSError) as fault:
            raise _error(request)(f"{self._host} gave no whole answer ({type(fault).__name__})") from None
        finally:
            packed.close()
        if answer.is_redirect:
            raise _error(request)(
                f"{self._host} sends us on to another address (status {answer.status_code})"
            )
        return answer

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        if url != self._base and not url.startswith((f"{self._base}/", f"{self._base}?")):
            raise Retry(f"credentials for {urlsplit(self._base).hostname} do not go to {parts.hostname}")
        rest = urlunsplit(("", "", *urlsplit(url[len(self._base) :])[2:]))
        return self._to + rest

    def _body(self, packed: Any, end: float) -> bytes:
        body = bytearray()
        for chunk in _chunks(packed):
            body += chunk
            if len(body) > self._most:
                raise _TooMuch(f"sent more than {self._most:,} bytes")
            if time.monotonic() > end:
                raise _TooMuch("did not come to an end in time")
        return bytes(body)

    def _fault(self, request: requests.PreparedRequest, fault: Exception) -> ServiceError:
        kind = type(fault).__name__
        if _never_sent(fault):
            return Retry(f"{self._host} could not be reached ({kind})")
        return _error(request)(f"{self._host} gave no answer ({kind})")


class _TooMuch(Exception):
    """More bytes, or more time, than were agreed."""


def _chunks(packed: Any) -> Iterator[bytes]:
    # As they come: read() would wait until as many are there as were asked for.
    return iter(functools.partial(packed.read1, _CHUNK, decode_content=True), b"")


def _only_reads(request: requests.PreparedRequest) -> bool:
    return request.method in ("GET", "HEAD")


def _error(request: requests.PreparedRequest) -> type[Retry | Unsure]:
    return Retry if _only_reads(request) else Unsure


def _never_sent(fault: Exception) -> bool:
    """Whether the connection was not even made."""
    if isinstance(fault, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(fault, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return True
    cause = fault.args[0] if fault.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    unverified = reason is not None and any(isinstance(a, ssl.SSLCertVerificationError) for a in reason.args)
    return isinstance(reason, NewConnectionError) or unverified


class _ErrorsOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR


_ERRORS_ONLY: Final = _ErrorsOnly()


def hush() -> None:
    """Keep these SDKs from logging anything below ERROR, whatever level somebody sets. Safe to repeat."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _TALKATIVE:
            logging.getLogger(name).addFilter(_ERRORS_ONLY)
