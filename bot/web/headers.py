"""The headers of every answer: no script or style but our files, no frame, no outside address. And the answer
where a page failed, which would have none otherwise.

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.steps.watch import surprise
from bot.web.errors import failed

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "x-robots-tag": "noindex",
}
_TLS: Final = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


class Headers:
    """ASGI middleware, the outermost of ours. What a handler set itself stays; nothing is kept by a cache
    unless it says so."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        values = {**_ALWAYS, **(_TLS if secure else {}), "cache-control": "no-store"}
        self._headers = [(name.encode(), value.encode()) for name, value in values.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self._headers if h[0] not in there)]
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 -- a boundary: the server would log what the error says
            surprise(error, "web")
            if not begun:
                await failed(scope)(scope, receive, with_headers)
