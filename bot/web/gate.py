"""Requests that no page of ours makes are turned away before any page sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.requests import Request

from bot.web.errors import error_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bot.web.visit import Web

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Asked by machines that know us by a bare address; it tells nothing.
_ANY_HOST: Final = frozenset({"/healthz"})


class Gate:
    """ASGI middleware. A name that is not ours is refused, or a site whose name turns to this machine's
    address (DNS rebinding) would read the inbox in the browser of somebody who sits here. And nothing is
    changed by a request that a browser says comes from another site.

    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """

    def __init__(self, app: ASGIApp, *, web: Web) -> None:
        self._app = app
        self._hosts = _THIS_MACHINE | {urlsplit(web.url).hostname or ""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self._refusal(Request(scope)) if scope["type"] == "http" else 0
        answer = error_page(Request(scope), status) if status else self._app
        await answer(scope, receive, send)

    def _refusal(self, request: Request) -> int:
        host = request.headers.get("host", "")
        if _name(host) not in self._hosts and request.url.path not in _ANY_HOST:
            return 421
        if request.method not in _READING and _is_foreign(request, host):
            return 403
        return 0


def _is_foreign(request: Request, host: str) -> bool:
    """What the browser says of where the request comes from; programs say nothing."""
    if site := request.headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and _place(origin) != host.lower()


def _place(origin: str) -> str:
    return origin.partition("://")[2].lower()


def _name(host: str) -> str:
    """The host of a Host header, without its port; "" for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
