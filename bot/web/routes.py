"""The ways into the house. For users: a page (GET) and an action (POST). For strangers, on their way to be
users: a door (GET) and a knock (POST).

Every route is made here, so every route asks who is there and whether they may; every POST checks the CSRF
token of the browser too. Handlers run in a thread: they may read and write the store.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.errors import Conflict, NotAllowed, NotPossible, StoreUnavailable
from bot.roles import Role
from bot.steps.watch import log
from bot.web import signed_in
from bot.web.errors import error_page
from bot.web.forms import Unreadable, fields
from bot.web.stranger import Stranger
from bot.web.told import told
from bot.web.visit import Visit
from bot.web.words import N_

Handler = Callable[[Visit], Response]
Knock = Callable[[Stranger], Response]
CSRF: Final = "csrf"
# Where somebody goes who must set up a second factor first, and all that they may do meanwhile.
SECOND_FACTOR: Final = "/account/second-factor"
_STRANGERS: Final = ThreadPoolExecutor(4, "strangers")
_MEANWHILE: Final = (SECOND_FACTOR, "/sign-out")
_OUT_OF_DATE: Final = N_("This page is out of date: reload it, and do it once more.")
_NOT_YOURS: Final = N_("Your role does not allow this: ask an administrator of this inbox.")


def page(path: str, handler: Handler, role: Role = Role.VIEWER) -> Route:
    """A GET for users of `role` and above. Who is not signed in is asked to, and comes back here."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_show, request)

    def _show(request: Request) -> Response:
        visit = signed_in.visit(request)
        if visit is None:
            return signed_in.ask(request)
        return _refused(visit, role, f"GET {path}") or _answered(visit, handler)

    return Route(path, endpoint, methods=["GET"], name=f"GET {path}")


def action(path: str, handler: Handler, role: Role = Role.AGENT) -> Route:
    """A POST for users of `role` and above. It answers with a redirect to a page: `Visit.back`."""

    def act(request: Request, form: dict[str, str]) -> Response:
        visit = signed_in.visit(request)
        if visit is None:
            return signed_in.ask(request, form)
        if not secrets.compare_digest(form.pop(CSRF, "").encode(), visit.csrf.encode()):
            return _page(visit, 403, visit.say(_OUT_OF_DATE))
        return _refused(visit, role, f"POST {path}") or _answered(replace(visit, form=form), handler)

    return _post(path, act)


def door(path: str, handler: Knock) -> Route:
    """A GET for anybody."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_open, request)

    def _open(request: Request) -> Response:
        return handler(Stranger.of(request))

    return Route(path, endpoint, methods=["GET"], name=f"GET {path}")


def knock(path: str, handler: Knock) -> Route:
    """A POST for anybody whose browser got the form from us. They have few threads of their own, so that
    however many strangers try passwords at once, users are not kept waiting, nor is memory used up."""

    def act(request: Request, form: dict[str, str]) -> Response:
        stranger = Stranger.of(request)
        if not secrets.compare_digest(form.pop(CSRF, "").encode(), stranger.csrf.encode()):
            return error_page(request, 403)
        return handler(replace(stranger, form=form))

    return _post(path, act, _STRANGERS)


def _post(
    path: str, act: Callable[[Request, dict[str, str]], Response], threads: Executor | None = None
) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            form = await fields(request)
        except Unreadable as error:
            return error_page(request, error.status)
        if threads is None:
            return await run_in_threadpool(act, request, form)
        return await asyncio.get_running_loop().run_in_executor(threads, act, request, form)

    return Route(path, endpoint, methods=["POST"], name=f"POST {path}")


def _refused(visit: Visit, role: Role, name: str) -> Response | None:
    if visit.user.factor_due and not visit.request.url.path.startswith(_MEANWHILE):
        return RedirectResponse(SECOND_FACTOR, 303)
    if visit.user.may_be(role):
        return None
    user = visit.user
    log.warning("web: %s was refused to user %d, who is %s", name, user.id, user.role)
    return _page(visit, 403, visit.say(_NOT_YOURS))


def _answered(visit: Visit, handler: Handler) -> Response:
    try:
        return handler(visit)
    except Conflict as error:
        return _page(visit, 409, told(visit.language, error))
    except NotAllowed as error:
        return _page(visit, 403, told(visit.language, error))
    except NotPossible as error:
        reading = visit.request.method in ("GET", "HEAD")
        return _page(visit, 404 if reading else 409, told(visit.language, error))
    except StoreUnavailable as error:
        return _page(visit, 503, told(visit.language, error))


def _page(visit: Visit, status: int, text: str) -> Response:
    return visit.render("error.html", status, text=text)
