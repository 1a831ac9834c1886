"""The inbox as somebody who is signed in sees it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.store import ms, sessions, users
from bot.web import make_app
from tests.support.house import House

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another client library than httpx
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from httpx import Response
    from starlette.applications import Starlette

# Where the inbox stands by its default config.
URL: Final = "http://127.0.0.1:8700"
_COOKIE: Final = "vigie"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody's browser. `csrf` is what the forms of their session hold, `user_id` their number. Redirects
    are not followed, and an error in a page is the page that it makes, not an exception."""

    client: TestClient
    csrf: str
    user_id: int

    def get(self, path: str, **headers: str) -> Response:
        """`headers` with underscores: ``accept_language="fr"``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer: Response = self.client.get(path, headers=named)
        return answer

    def post(self, path: str, /, **fields: Any) -> Response:
        """A form of a page of ours, with its CSRF token."""
        answer: Response = self.client.post(path, data={"csrf": self.csrf, **fields})
        return answer

    def follow(self, answer: Response) -> Response:
        """The page to which an action sent the browser."""
        assert answer.status_code == 303, answer.status_code
        return self.get(answer.headers["location"])


def inbox(house: House) -> Starlette:
    """One application for all browsers of a house, as in a daemon."""
    if "inbox" not in vars(house):
        vars(house)["inbox"] = make_app(house.app, house.wake)
    app: Starlette = vars(house)["inbox"]
    return app


def browser(house: House, **headers: str) -> TestClient:
    """Of somebody who is not signed in."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestClient(
        inbox(house), base_url=URL, headers=named, follow_redirects=False, raise_server_exceptions=False,
        client=("127.0.0.1", 50000),
    )  # fmt: skip


def signed_in(house: House, role: str = "agent", name: str = "Léa", lang: str = "") -> Visitor:
    """A user of that role, made where there is none of that name, in a browser where they are signed in."""
    with house.app.watch.store.tx() as tx:
        row = users.by_name(tx, name)
        now = ms(house.clock())
        number = row["id"] if row else users.add(tx, name, role, now)
        users.set_language(tx, number, lang)
        token = sessions.begin(tx, number, now)
    csrf = house.row("SELECT csrf FROM sessions WHERE token = ?", sessions.hashed(token))["csrf"]
    client = browser(house)
    client.cookies.set(_COOKIE, token, domain="127.0.0.1")
    return Visitor(client, csrf, number)
