"""One request of somebody who is signed in: what every page and every action is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, RedirectResponse

from bot.roles import Role
from bot.store import Clock, Store, ms
from bot.web import flash

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.app import App
    from bot.steps import Wake
    from bot.web.language import Language, Languages
    from bot.web_settings import WebSettings


@dataclass(frozen=True, slots=True)
class Web:
    """What all pages share."""

    app: App
    wake: Wake
    languages: Languages
    url: str
    """Under which address people reach the inbox."""
    key: bytes
    """Signs what the browser of a stranger holds."""

    @property
    def store(self) -> Store:
        return self.app.watch.store

    @property
    def clock(self) -> Clock:
        return self.app.watch.clock

    @property
    def settings(self) -> WebSettings:
        return self.app.watch.settings.root.web

    @property
    def secure(self) -> bool:
        """Whether browsers reach us through TLS."""
        return self.settings.behind_tls


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str
    role: Role
    lang: str
    factor_due: bool = False
    """Whether their role asks for a second factor and they have none yet."""

    def may_be(self, role: Role | str) -> bool:
        return self.role.includes(Role(role))


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, what for, and ways to answer.

    `form` holds the fields of an action (the last of a name), without its CSRF token.
    """

    web: Web
    request: Request
    user: User
    token: str
    csrf: str
    flash: flash.Flash | None
    language: Language
    form: Mapping[str, str] = field(default_factory=dict)

    def render(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """The page of `bot/web/templates/`; see ``base.html`` for what every template is given."""
        page = self.language.render(
            template, visit=self, user=self.user, csrf=self.csrf, path=self.request.url.path,
            flash=self.flash, now=ms(self.web.clock()),
            brand=self.web.app.watch.settings.root.brand.name, **context,
        )  # fmt: skip
        response = HTMLResponse(page, status)
        if self.flash is not None:
            flash.drop(response, self.web)
        return response

    def back(self, path: str, said: str = "", error: str = "") -> RedirectResponse:
        """Send the browser to a page of ours, which says once what was done, or why it was not."""
        response = RedirectResponse(path, 303)
        if said or error:
            flash.put(response, self.web, error or said, error=bool(error))
        return response

    def renewed(self, token: str) -> Visit:
        """The same visit in a new session."""
        return replace(self, token=token)

    def say(self, text: str, **values: Any) -> str:
        """`text` in the user's language."""
        return self.language.gettext(text, **values)
