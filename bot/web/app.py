"""The pages, put together as one ASGI application."""

from __future__ import annotations

import secrets
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import App
from bot.steps import Wake
from bot.web.errors import HANDLERS
from bot.web.gate import Gate
from bot.web.headers import Headers
from bot.web.language import Languages
from bot.web.visit import Web

# Each file of bot/web/pages holds its `ROUTES`.
PAGES: Final = (
    "sign_in", "welcome", "account", "second_factor", "users", "machines", "tokens", "webhooks",
    "reports", "audit", "settings", "queue", "live", "escalations", "sources", "conversation",
    "conversation_verbs",
)  # fmt: skip
_KEPT_FOR_GOOD: Final = "public, max-age=31536000, immutable"


def assemble(app: App, wake: Wake) -> Starlette:
    """All pages over one house."""
    root = app.watch.settings.root
    url = root.web.address
    languages = Languages(ZoneInfo(root.promises.calendar.timezone))
    web = Web(app, wake, languages, url, root.web.key or secrets.token_bytes(32))
    folder = Path(str(resources.files("bot.web") / "static"))
    routes: list[BaseRoute] = [Mount("/static", _Kept(directory=folder)), Mount("/api", _Api(web))]
    for name in PAGES:
        routes += import_module(f"bot.web.pages.{name}").ROUTES
    middleware = [Middleware(Headers, secure=web.secure), Middleware(Gate, web=web)]
    made = Starlette(routes=routes, middleware=middleware, exception_handlers=HANDLERS)
    # No redirect to an address that is put together from what the browser sent.
    made.router.redirect_slashes = False
    made.state.web = web
    return made


class _Api:
    """The API, loaded when it is first called: that takes half a second, which no page waits for."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = await run_in_threadpool(_make_api, self._web)
        await self._made(scope, receive, send)


def _make_api(web: Web) -> ASGIApp:
    from bot.web.api import make_api  # noqa: PLC0415 -- see _Api

    return make_api(web)


class _Kept(StaticFiles):
    """Their addresses change with what they hold."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = _KEPT_FOR_GOOD
        return response
