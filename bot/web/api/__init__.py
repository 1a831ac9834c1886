"""The API: what the pages do, for programs. `make_api` is mounted at ``/api``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from bot import __version__
from bot.web.api import bring, deliveries, figures, mentions, verbs, watch
from bot.web.api.guard import OPEN, Guard
from bot.web.api.problems import SCHEMA, tell_problems

if TYPE_CHECKING:
    from bot.web.visit import Web

_ROUTERS: Final = tuple(part.router for part in (mentions, bring, verbs, watch, figures, deliveries))
_ABOUT: Final = """
The inbox for programs. Every call names a token (`Authorization: Bearer vigie_...`) that a user made at
`/tokens`; it acts in that user's name, and may never do more than they may.

A verb names the `version` that the caller saw. If anybody acted or wrote since, nothing is done and the
answer is a 409 that says who was first. Errors are `application/problem+json`. Times are in ISO 8601, in UTC.
"""


def make_api(web: Web) -> FastAPI:
    """The API over one house. It describes itself at ``/openapi.json``, to anybody: that is no secret."""
    api = FastAPI(
        title="Vigie", version=__version__, description=_ABOUT, openapi_url=OPEN, docs_url=None,
        redoc_url=None, redirect_slashes=False, servers=[{"url": "/api"}], root_path_in_servers=False,
        middleware=[Middleware(Guard, web=web, a_minute=web.app.watch.settings.root.web.api_calls)],
    )  # fmt: skip
    for router in _ROUTERS:
        api.include_router(router)
    tell_problems(api, [r for router in _ROUTERS for r in router.routes if isinstance(r, APIRoute)])
    api.openapi = lambda: _described(api)  # type: ignore[method-assign]
    api.state.web = web
    return api


def _described(api: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with the one shape that it cannot know."""
    if not api.openapi_schema:
        found = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes,
            servers=api.servers,
        )  # fmt: skip
        found["components"]["schemas"]["Problem"] = SCHEMA
        api.openapi_schema = found
    return api.openapi_schema
