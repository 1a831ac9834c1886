"""The door of the API, before any of its routes: who calls, how often, and how much they send. Whatever a
route did not foresee is logged here, and told as a problem without its text.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, State
from starlette.exceptions import HTTPException

from bot.errors import StoreUnavailable
from bot.roles import Role
from bot.steps.watch import surprise
from bot.store import ms, tokens
from bot.store.tokens import Scope
from bot.web.api.pace import Pace
from bot.web.api.problems import in_words
from bot.web.problem import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asgi

    from bot.web.visit import Web

OPEN: Final = "/openapi.json"
LARGEST: Final = 1 << 20
# A token's last use is written once a minute, not with every call.
_FRESH: Final = 60_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A token, and the user in whose name it acts. `scope` is what it may do now."""

    token: int
    user_id: int
    name: str
    role: Role
    scope: Scope


class Guard:
    """ASGI middleware. Callers are known from here on as ``request.state.caller``."""

    def __init__(self, app: ASGIApp, *, web: Web, a_minute: int) -> None:
        self._app, self._web, self._pace = app, web, Pace(a_minute)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = False

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._let_in(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 -- a boundary: its text may hold anybody's words
            surprise(error, "api")
            if not began:
                told = Problem(500, "Something went wrong here; the log says what.", "unexpected")
                await told.response()(scope, receive, send)

    async def _let_in(self, scope: Asgi, receive: Receive, send: Send) -> None:
        try:
            headers = Headers(scope=scope)
            if scope["path"].removeprefix(scope.get("root_path", "")) != OPEN:
                caller = await run_in_threadpool(self._caller, headers.get("authorization", ""))
                # A state of its own: that of the server is shared by all requests.
                scope["state"] = {**scope.get("state", {}), "caller": caller}
            _must_fit(headers)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, _counted(receive), send)

    def _caller(self, authorization: str) -> Caller:
        """https://www.rfc-editor.org/rfc/rfc6750

        Raises:
            Problem: 401, 429 or 503.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise Problem(401, "Send a token: Authorization: Bearer vigie_...", headers=_ask())
        try:
            return self._known(token.strip())
        except StoreUnavailable as error:
            raise in_words(error) from None

    def _known(self, token: str) -> Caller:
        web, now = self._web, self._web.clock()
        with web.store.read() as tx:
            row = tokens.find(tx, token, ms(now))
        if row is None:
            raise Problem(
                401, "This token opens nothing: it is unknown, expired or revoked.", "token",
                _ask('error="invalid_token"'),
            )  # fmt: skip
        if wait := self._pace.take(row["id"], now):
            after = {"Retry-After": str(math.ceil(wait))}
            raise Problem(429, "This token makes too many calls.", "too-many", after)
        if row["used_at"] is None or ms(now) - row["used_at"] >= _FRESH:
            with suppress(StoreUnavailable), web.store.tx() as tx:  # who reads may go on reading
                tokens.used(tx, row["id"], ms(now))
        role = Role(row["role"])
        return Caller(row["id"], row["user_id"], row["user"], role, tokens.lesser(Scope(row["scope"]), role))


def _ask(more: str = "") -> dict[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="vigie"{", " if more else ""}{more}'}


def caller_of(state: State) -> Caller:
    """Who makes the request with this state.

    Raises:
        Problem: 401, as nobody does.
    """
    found: Caller | None = getattr(state, "caller", None)
    if found is None:
        raise Problem(401, "Send a token: Authorization: Bearer vigie_...", headers=_ask())
    return found


def must_have(caller: Caller, scope: Scope) -> None:
    """Raises:
    Problem: 403, the token may not do this.
    """
    if not caller.scope.includes(scope):
        detail = f"This needs a token of scope {scope}; this one may {caller.scope}."
        asked = _ask(f'error="insufficient_scope", scope="{scope}"')
        raise Problem(403, detail, "scope", asked)


def _must_fit(headers: Headers) -> None:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal():
        raise Problem(400, "Content-Length must be a number.")
    if len(declared) > 9 or int(declared) > LARGEST:
        raise _too_large()


def _too_large() -> Problem:
    return Problem(413, f"At most {LARGEST:,} bytes are taken at once.")


def _counted(receive: Receive) -> Receive:
    """What is sent without a declared length, up to the same limit."""
    size = 0

    async def count() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST:
            raise HTTPException(413)  # FastAPI hands on no other error from here
        return message

    return count
