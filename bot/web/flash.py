"""What the next page says once: what was done, or why it was not. It travels with the browser, so that saying
it waits for nobody who writes to the store."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.web.visit import Web

_SECONDS: Final = 60
# A browser keeps 4,096 bytes of a cookie; written as base64, a letter takes up to six.
_LONGEST: Final = 600


class Flash(NamedTuple):
    text: str
    error: bool


def put(response: Response, web: Web, text: str, *, error: bool) -> None:
    """Let the next page say it."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    told = base64.urlsafe_b64encode(json.dumps([cut, error], ensure_ascii=False).encode()).decode()
    response.set_cookie(_name(web), told, max_age=_SECONDS, secure=web.secure, httponly=True, samesite="lax")


def read(request: Request, web: Web) -> Flash | None:
    """What this page is to say, if there is anything."""
    try:
        text, error = json.loads(base64.urlsafe_b64decode(request.cookies.get(_name(web), "")))
    except (ValueError, TypeError, RecursionError):  # not what we put there
        return None
    return Flash(str(text), bool(error))


def drop(response: Response, web: Web) -> None:
    """It was said."""
    response.delete_cookie(_name(web), secure=web.secure, httponly=True, samesite="lax")


def _name(web: Web) -> str:
    return "__Host-vigie-said" if web.secure else "vigie-said"
