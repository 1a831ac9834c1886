"""Pages that say what went wrong, in the visitor's language and without any detail from inside."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.errors import StoreUnavailable
from bot.steps.watch import log
from bot.web import signed_in
from bot.web.problem import Problem
from bot.web.stranger import Stranger
from bot.web.words import N_

if TYPE_CHECKING:
    from starlette.types import Scope

_TEXTS: Final = {
    400: N_("Your browser sent something that nobody here can read."),
    403: N_("This was sent by another site, or by a page that is out of date: open the page anew."),
    404: N_("There is no such page, or it is gone."),
    405: N_("This address takes no request of that kind."),
    413: N_("That is too long to be taken."),
    415: N_("Only forms are taken here."),
    421: N_("Nothing is served under this host name: ask an administrator of this inbox for the right one."),
    503: N_("What is kept here cannot be read or written just now: try again in a moment."),
    500: N_("Something went wrong here. It was noted in the log; nothing that you did before is lost."),
}


def error_page(request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """For whom it may concern: nothing is asked of the store, which may be what went wrong. Programs are told
    in a form for machines."""
    if _is_for_programs(request):
        return Problem(status, f"{HTTPStatus(status).phrase}.", headers=headers).response()
    stranger = Stranger.of(request)
    text = stranger.say(_TEXTS.get(status, _TEXTS[400 if status < 500 else 500]))
    page = stranger.render("error.html", status, text=text)
    page.headers.update(headers or {})
    return page


def failed(scope: Scope) -> Response:
    """The answer where a page failed."""
    return error_page(Request(scope), 500)


def _http(request: Request, error: Any) -> Response:
    """A status that some route or file answered with. Who is signed in keeps the way to other pages."""
    assert isinstance(error, HTTPException)
    try:
        visit = None if _is_for_programs(request) else signed_in.visit(request)
    except StoreUnavailable:
        visit = None
    if visit is None or error.status_code not in _TEXTS:
        return error_page(request, error.status_code, error.headers)
    page = visit.render("error.html", error.status_code, text=visit.say(_TEXTS[error.status_code]))
    page.headers.update(error.headers or {})
    return page


def _is_for_programs(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _unavailable(request: Request, error: Any) -> Response:
    """Nobody can be told apart without the store; nothing was done."""
    log.error("web: %s", error)
    return error_page(request, 503)


HANDLERS: Final = {HTTPException: _http, StoreUnavailable: _unavailable}
