"""A program that comes to the API with a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.store import ms, tokens, users
from bot.store.tokens import Scope
from tests.support.house import House
from tests.support.signed_in import browser

if TYPE_CHECKING:
    from httpx import Response
    from starlette.testclient import TestClient


@dataclass(frozen=True, slots=True)
class Program:
    """Its calls go to ``/api``."""

    client: TestClient
    token: str
    user_id: int

    def get(self, path: str, **params: Any) -> Response:
        answer: Response = self.client.get(f"/api{path}", params=params)
        return answer

    def post(self, path: str, /, **body: Any) -> Response:
        answer: Response = self.client.post(f"/api{path}", json=body)
        return answer

    def send(self, path: str, content: bytes, kind: str) -> Response:
        headers = {"content-type": kind}
        answer: Response = self.client.post(f"/api{path}", content=content, headers=headers)
        return answer

    def version(self, mention_id: int) -> int:
        return int(self.get(f"/mentions/{mention_id}").json()["version"])


def program(
    house: House, scope: str = "act", role: str = "agent", name: str = "Léa", days: int = 30
) -> Program:
    """A program with a token of a user of that name, made where there is none."""
    with house.app.watch.store.tx() as tx:
        now = house.clock()
        row = users.by_name(tx, name)
        number = row["id"] if row else users.add(tx, name, role, ms(now))
        user = {"id": number, "name": name}
        until = ms(now + timedelta(days=days))
        token, _ = tokens.make(tx, user, "tickets of Lyon", Scope(scope), ms(now), until)
    return Program(browser(house, authorization=f"Bearer {token}"), token, number)
