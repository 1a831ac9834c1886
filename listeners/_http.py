"""Reading over HTTP with an end to it: of time, of size. Every failure is one that may be tried again."""

from __future__ import annotations

import functools
import ipaddress
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from bot.errors import RateLimited, Retry

if TYPE_CHECKING:
    import httpx


class Answer(NamedTuple):
    """`headers` are found whatever their letters' case; `took` is how long the answer was in coming."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took: timedelta


def check_address(url: str, *, allow_http: bool) -> None:
    """Refuse an address that credentials cannot safely be sent to.

    Raises:
        ValueError: says what is wrong with it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must be an address such as https://blog.example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must not hold credentials: put them under username and password")
    if parts.scheme == "http" and not (allow_http or _loopback(parts.hostname)):
        raise ValueError("url must begin with https:// or the password travels unprotected (allow_http)")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@functools.cache
def _trusted() -> ssl.SSLContext:
    import httpx  # only who reads over HTTP pays for it

    return httpx.create_ssl_context()  # 20 ms, so once for all


def client(username: str = "", password: str = "") -> httpx.Client:
    """A client for the requests of one poll; to be closed at its end."""
    import httpx

    return httpx.Client(auth=(username, password) if username else None, verify=_trusted())


def read(
    client: httpx.Client,
    url: str,
    *,
    timeout: float,
    most: int,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET `url` within `timeout` seconds and `most` bytes; redirects are not followed.

    Raises:
        RateLimited: 429; after as long as the service said, or a minute.
        Retry: no answer, one that does not end, one that is too large, or a 5xx.
    """
    import httpx

    host, began, body = urlsplit(url).hostname, time.monotonic(), bytearray()
    try:
        with client.stream("GET", url, params=params, headers=headers, timeout=timeout) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > most:
                    raise Retry(f"{host} sent more than {most:,} bytes")
                if time.monotonic() > began + timeout:
                    raise Retry(f"{host} did not come to an end within {timeout:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise Retry(f"{host} could not be read ({type(fault).__name__})") from None
    if answer.status_code == 429:
        raise RateLimited(f"{host} asks us to wait", wait(answer.headers) or 60)
    if answer.status_code >= 500:
        raise Retry(f"{host} is out of order (status {answer.status_code})", wait(answer.headers))
    return Answer(
        answer.status_code, answer.headers, bytes(body), timedelta(seconds=time.monotonic() - began)
    )


def wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to stay away, from Retry-After: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after"""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return float(min(int(value[:9]), 86_400))
    when = instant(value)
    return min(max((when - datetime.now(UTC)).total_seconds(), 0), 86_400) if when else None


def instant(date: str) -> datetime | None:
    """An HTTP date, in UTC."""
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
