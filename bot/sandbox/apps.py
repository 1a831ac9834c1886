"""Telling an app on this machine what happened, as the networks tell theirs."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from bot.sandbox.town import Impossible

_TIMEOUT: Final = 10.0
_MOST: Final = 100_000  # bytes of an answer
# Past any proxy: it goes to this machine only.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """The status and body of the app's answer to a POST, or, without a body, to a GET; 0: there was none.

    Raises:
        Impossible: it is elsewhere.
    """
    if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in ("127.0.0.1", "localhost"):
        raise Impossible("url is an address on this machine, such as http://127.0.0.1:8000/hooks/facebook")
    request = urllib.request.Request(url, body, dict(headers or {}))  # noqa: S310 -- see above
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            return answer.status, answer.read(_MOST)
    except urllib.error.HTTPError as error:
        return error.code, error.read(_MOST)
    except OSError:
        return 0, b""
