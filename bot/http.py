"""Asking over HTTP with an end to it, of time and of size, where the fault says whether the request may
have been carried out. For listeners and responders; it knows none of the services they ask."""

from __future__ import annotations

import functools
import ipaddress
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from bot.errors import RateLimited, Retry, Unsure

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
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise ValueError("url must begin with https:// or the password travels unprotected (allow_http)")


def is_loopback(host: str) -> bool:
    """Whether this name or number of a host never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@functools.cache
def _trusted() -> ssl.SSLContext:
    import httpx  # noqa: PLC0415 -- only who speaks HTTP pays for it

    return httpx.create_ssl_context()  # 20 ms, so once for all


def client(username: str = "", password: str = "") -> httpx.Client:
    """A client, to be closed by who asked for it.

    For `tell`, one for each call: a connection that was kept, and that the other side closes just as we
    write to it, would leave us unsure.
    """
    import httpx  # noqa: PLC0415

    return httpx.Client(auth=(username, password) if username else None, verify=_trusted())


def ask(http: httpx.Client, method: str, url: str, *, end: float, most: int, **request: Any) -> Answer:
    """Send a request that changes nothing, or may safely be sent again; otherwise as `tell`.

    Raises:
        RateLimited: 429; after as long as the service said, or a minute.
        Retry: no usable answer came, whatever the reason.
    """
    try:
        answer = exchange(http, method, url, end=end, most=most, **request)
    except Unsure as fault:
        raise Retry(str(fault)) from None
    _must_not_wait(url, answer)
    if _broken(answer):
        raise Retry(_out_of_order(url, answer), wait(answer.headers))
    return answer


def tell(http: httpx.Client, method: str, url: str, *, end: float, most: int, **request: Any) -> Answer:
    """Send a request that must not be sent twice. `end`: when to give up, in `time.monotonic` seconds;
    `most`: bytes of an answer. Redirects are not followed: credentials stay with the host they are for.

    Raises:
        Retry: the connection was never made, or no time was left for it.
        RateLimited: 429; after as long as the service said, or a minute.
        Unsure: anything else that is no answer, or a 5xx.
    """
    answer = exchange(http, method, url, end=end, most=most, **request)
    _must_not_wait(url, answer)
    if _broken(answer):
        raise Unsure(_out_of_order(url, answer))
    return answer


def exchange(http: httpx.Client, method: str, url: str, *, end: float, most: int, **request: Any) -> Answer:
    """Send a request, and take the answer whatever its status; otherwise as `tell`.

    Raises:
        Retry: the connection was never made, or no time was left for it.
        Unsure: anything else that is no answer.
    """
    import httpx  # noqa: PLC0415

    host, began, body = urlsplit(url).hostname, time.monotonic(), bytearray()
    if began >= end:
        raise Retry(f"no time was left to ask {host}")
    try:
        with http.stream(method, url, timeout=end - began, **request) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > most:
                    raise Unsure(f"{host} sent more than {most:,} bytes")
                if time.monotonic() > end:
                    raise Unsure(f"{host} did not come to an end in time")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as fault:
        raise Retry(f"{host} could not be reached ({type(fault).__name__})") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as fault:
        raise Retry(f"{host} has no address that could be used ({type(fault).__name__})") from None
    except httpx.HTTPError as fault:
        raise Unsure(f"{host} gave no answer ({type(fault).__name__})") from None
    took = timedelta(seconds=time.monotonic() - began)
    return Answer(answer.status_code, answer.headers, bytes(body), took)


def _must_not_wait(url: str, answer: Answer) -> None:
    if answer.status == 429:
        raise RateLimited(f"{urlsplit(url).hostname} asks us to wait", wait(answer.headers) or 60)


def _broken(answer: Answer) -> bool:
    return answer.status >= 500 or answer.status == 408


def _out_of_order(url: str, answer: Answer) -> str:
    return f"{urlsplit(url).hostname} is out of order (status {answer.status})"


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
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
