"""The front door as tests pass through it: users with passwords, forms as browsers send them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pyotp

from bot.store import ms, users
from bot.web import passwords
from tests.support.house import House, build_house
from tests.support.signed_in import browser

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from httpx import Response

PASSWORD = "four words that only I know"


def user(
    house: House, name: str = "Léa", role: str = "agent", password: str = PASSWORD, totp: str = ""
) -> int:
    """The number of a user with a password, and a second factor if `totp` is a secret."""
    with house.app.watch.store.tx() as tx:
        number = users.add(tx, name, role, ms(house.clock()))
        users.set_password(tx, number, passwords.hashed(password))
        users.set_totp(tx, number, totp)
    return number


def house_behind_tls(folder: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "") -> House:
    """A house that people reach at https://vigie.example.com, through a proxy. `extra`: more keys of web:."""
    monkeypatch.setenv("VIGIE_SECRET_KEY", "0123456789abcdef" * 2)
    keys = f'behind_tls: true, url: "https://vigie.example.com", secret_key: "${{VIGIE_SECRET_KEY}}"{extra}'
    return build_house(folder, extra=f"web: {{{keys}}}")


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, fills in the forms that it was shown, and does not follow redirects
    by itself."""

    house: House
    headers: dict[str, str] = field(default_factory=dict)
    seen: str = ""
    """The page that was seen last."""

    def __post_init__(self) -> None:
        self.client = browser(self.house, **self.headers)

    def open(self, path: str, **headers: str) -> Response:
        answer: Response = self.client.get(path, headers=headers)
        self.seen = answer.text
        return answer

    def send(self, path: str, /, **fields: Any) -> Response:
        """The form of the page that was seen last which goes to `path`, its hidden fields as they stand."""
        form = re.search(rf'<form method="post" action="{re.escape(path)}".*?</form>', self.seen, re.DOTALL)
        hidden = dict(_hidden(form[0])) if form else {}
        answer: Response = self.client.post(path, data=hidden | fields)
        if answer.status_code != 303:
            self.seen = answer.text
        return answer

    def sign_in(self, name: str = "Léa", password: str = PASSWORD, page: str = "/sign-in") -> Response:
        self.open(page)
        return self.send("/sign-in", name=name, password=password)

    def code(self, secret: str, ahead: int = 0) -> Response:
        """The second step, with the code of this moment or of `ahead` steps later."""
        return self.send("/sign-in/code", code=code(self.house, secret, ahead))

    def is_in(self) -> bool:
        return self.open("/account").status_code == 200


def code(house: House, secret: str, ahead: int = 0) -> str:
    return pyotp.TOTP(secret).at(house.clock() + timedelta(seconds=30 * ahead))


def _hidden(form: str) -> list[tuple[str, str]]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    found += re.findall(r'<textarea name="([^"]*)" hidden[^>]*>\n?(.*?)</textarea>', form, re.DOTALL)
    return [(name, unescape(value)) for name, value in found]
