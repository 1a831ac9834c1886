"""Who is behind a request: the session that its cookie names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from bot.errors import StoreUnavailable
from bot.roles import Role
from bot.store import ms, sessions, span_ms
from bot.web import flash, returning
from bot.web.stranger import Stranger
from bot.web.visit import User, Visit, Web

if TYPE_CHECKING:
    from starlette.requests import Request


# A session's `seen_at` is written once a minute, not with every click.
_FRESH: Final = 60_000


def cookie_name(web: Web) -> str:
    """``__Host-`` binds it to this very host: https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis"""
    return "__Host-vigie" if web.secure else "vigie"


def limits(web: Web) -> tuple[int, int]:
    """A session holds that began, and was last seen, after these instants (ms)."""
    settings, now = web.settings, ms(web.clock())
    return now - span_ms(settings.session), now - span_ms(settings.idle)


def visit(request: Request) -> Visit | None:
    """The request with its user; None for who is not signed in (any more)."""
    web: Web = request.app.state.web
    token = request.cookies.get(cookie_name(web), "")
    if not token:
        return None
    with web.store.read() as tx:
        row = sessions.find(tx, token, *limits(web))
    if row is None:
        return None
    alone = _by_itself(request)
    if not alone and (now := ms(web.clock())) - row["seen_at"] >= _FRESH:
        # Where the disk is full, the inbox can be read all the same.
        with suppress(StoreUnavailable), web.store.tx() as tx:
            sessions.seen(tx, token, now)
    role = Role(row["role"])
    due = role in web.settings.second_factor and not row["has_totp"]
    user = User(row["id"], row["name"], role, row["lang"], due)
    language = web.languages.best(user.lang, request.headers.get("accept-language", ""))
    told = None if alone else flash.read(request, web)
    return Visit(web, request, user, token, row["csrf"], told, language)


def _by_itself(request: Request) -> bool:
    """Whether a page asks for news by itself: then nobody need sit before it, and nobody reads what it says
    once. https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header"""
    return request.method == "GET" and request.headers.get("sec-fetch-dest") == "empty"


def give(response: Response, web: Web, token: str) -> Response:
    """Hand the browser its session, for as long as one can last."""
    age = int(web.settings.session.total_seconds())
    name, secure = cookie_name(web), web.secure
    response.set_cookie(name, token, max_age=age, secure=secure, httponly=True, samesite="lax")
    return response


def ask(request: Request, form: Mapping[str, str] | None = None) -> Response:
    """To the sign-in page, and back here afterwards. Of a form that was sent too late nothing typed is lost:
    the page holds it (see `bot.web.returning`)."""
    if form is None:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(back, safe='/')}", 303)
    stranger = Stranger.of(request)
    kept = returning.from_late(request, form)
    return stranger.render("sign_in.html", 403, kept=kept, name="", late=True, error="", said="")
