"""XRPC: the addresses of records, and what its answers mean: https://atproto.com/specs/xrpc"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from accounts._moved import moved
from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError
from bot.http import Answer, instant

if TYPE_CHECKING:
    import httpx

POST: Final = "app.bsky.feed.post"
# https://atproto.com/specs/at-uri-scheme, in the strict form that records go by.
_URI: Final = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/([A-Za-z0-9.-]+)/([A-Za-z0-9._:~-]{1,512})")
_WORD: Final = re.compile(r"[A-Za-z]{1,60}")
CLOSED: Final = ("AccountTakedown", "AccountDeactivated", "AccountSuspended")


class Rejected(Refused):
    """The service says no; `code` is its word for why, "" where it has none."""

    def __init__(self, message: str, code: str) -> None:
        self.code = code
        super().__init__(message)


def place(uri: str) -> tuple[str, str, str] | None:
    """Whose record it is (a DID), of which collection, under which key; `None` if `uri` names no record."""
    found = _URI.fullmatch(uri)
    return (found[1], found[2], found[3]) if found else None


def link(uri: str, handle: str = "") -> str:
    """Where people read the post in a browser."""
    found = place(uri)
    if found is None:
        return ""
    who = handle if handle and handle != "handle.invalid" else found[0]
    return f"https://bsky.app/profile/{who}/post/{found[2]}"


def code_of(answer: Answer) -> str:
    """The service's word for what went wrong, "" where there is none."""
    found = body_of(answer) if answer.status >= 400 else None
    return word(found.get("error")) if found else ""


def fault(host: str, answer: Answer) -> ServiceError:
    """What is wrong with an answer that we cannot go on from. Its text holds none of the service's own words:
    they may be somebody's."""
    code = code_of(answer)
    if code in CLOSED:
        return AuthFailed(f"{host} says that the account is closed ({code})")
    if answer.status in (401, 403):
        return AuthFailed(f"{host} does not let this account do that ({code or answer.status})")
    if 300 <= answer.status < 400:
        return moved(host, answer)
    if code and 400 <= answer.status < 500:
        return Rejected(f"{host} does not take it ({code})", code)
    return Retry(f"{host} does not answer as a PDS does (status {answer.status})")


def watch_limits(answer: httpx.Response) -> None:
    """Bluesky says when the limit begins anew, in seconds of the epoch, and not always also how long that is:
    https://docs.bsky.app/docs/advanced-guides/rate-limits"""
    reset = answer.headers.get("ratelimit-reset", "")
    if answer.status_code == 429 and "retry-after" not in answer.headers and reset[:12].isdecimal():
        now = instant(answer.headers.get("date", "")) or datetime.now(UTC)
        wait = min(max(int(reset[:12]) - now.timestamp(), 1.0), 86_400.0)
        raise RateLimited(f"{answer.url.host} asks us to wait", wait)


def body_of(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def word(value: Any) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def mapping(value: Any) -> dict[str, Any]:
    """`value`, or {} where it is something else: what people wrote keeps to no schema."""
    return value if isinstance(value, dict) else {}


def string(value: Any) -> str:
    """`value`, or "" where it is something else."""
    return value if isinstance(value, str) else ""
