"""One request of somebody who is not signed in: on the way to the sign-in page, at it, or lost."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, Response

from bot.store import ms

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.language import Language
    from bot.web.visit import Web

_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Stranger:
    """Who asks, and ways to answer.

    `token` is their browser's own, so that a form which another site makes them send is known as such;
    `is_new` whether the browser still has to be given it. `form` holds the fields of a form.
    """

    web: Web
    request: Request
    language: Language
    token: str
    is_new: bool
    form: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> Stranger:
        web: Web = request.app.state.web
        token = request.cookies.get(cookie_name(web), "")
        language = web.languages.best("", request.headers.get("accept-language", ""))
        return cls(web, request, language, token or secrets.token_urlsafe(_BYTES), not token)

    @property
    def csrf(self) -> str:
        """What their forms hold: only who knows our key can make it for a token.

        https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
        """
        return hmac.new(self.web.key, self.token.encode(), hashlib.sha256).hexdigest()

    def render(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page without anything that only users may see."""
        page = self.language.render(
            template, visit=None, user=None, csrf=self.csrf, path=self.request.url.path, flash=None,
            now=ms(self.web.clock()), brand=self.web.app.watch.settings.root.brand.name, **context,
        )  # fmt: skip
        response = HTMLResponse(page, status)
        if self.is_new:
            remember(response, self.web, self.token)
        return response

    def say(self, text: str, **values: Any) -> str:
        """`text` in the language that their browser asks for."""
        return self.language.gettext(text, **values)


def cookie_name(web: Web) -> str:
    return "__Host-vigie-door" if web.secure else "vigie-door"


def remember(response: Response, web: Web, token: str) -> None:
    """Give the browser its token, until it is closed."""
    response.set_cookie(cookie_name(web), token, secure=web.secure, httponly=True, samesite="lax")
