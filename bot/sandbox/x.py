"""X API v2 as far as a brand that listens and answers needs it, in the wire format that tweepy 4.17 reads.

https://docs.x.com/x-api. What X does and this does not: nothing is billed, and every call may be made
`per_window` times in a quarter of an hour.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from bot.sandbox import x_problems
from bot.sandbox.faults import Fault
from bot.sandbox.town import Town
from bot.sandbox.wire import Answer, Request
from bot.sandbox.x_auth import signed
from bot.sandbox.x_problems import Invalid
from bot.sandbox.x_reads import Reads
from bot.sandbox.x_view import NETWORK
from bot.sandbox.x_writes import Writes, parent_of

_WINDOW_SECONDS: Final = 900
_ID: Final = "([0-9]{1,19})"
_Handler = Callable[..., Answer]


class XWire:
    """Under ``/x``. The brand is signed in: OAuth 1.0a with the keys of `x_auth`."""

    name = "x"

    def __init__(self, town: Town, per_window: int = 10_000) -> None:
        self._town, self.per_window = town, per_window
        self._counted: dict[tuple[str, int], int] = {}
        reads, writes = Reads(town), Writes(town)
        self._routes: list[tuple[str, re.Pattern[str], _Handler]] = [
            ("GET", re.compile("/2/users/me"), reads.me),
            ("GET", re.compile(f"/2/users/{_ID}/mentions"), reads.mentions),
            ("GET", re.compile(f"/2/users/{_ID}/tweets"), reads.tweets_of),
            ("GET", re.compile("/2/tweets/search/recent"), reads.search),
            ("GET", re.compile(f"/2/tweets/{_ID}/quote_tweets"), reads.quotes),
            ("GET", re.compile(f"/2/tweets/{_ID}"), reads.tweet),
            ("GET", re.compile("/2/tweets"), reads.tweets),
            ("POST", re.compile("/2/tweets"), writes.create),
            ("DELETE", re.compile(f"/2/tweets/{_ID}"), writes.delete),
            ("GET", re.compile("/2/dm_events"), reads.messages),
            ("GET", re.compile(f"/2/dm_conversations/with/{_ID}/dm_events"), reads.messages),
            ("POST", re.compile(f"/2/dm_conversations/with/{_ID}/messages"), writes.message),
        ]

    # --- what the server asks ----------------------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                return self._call(f"{method} {pattern.pattern}", handler, request, match.groups())
        return x_problems.nowhere()

    def refuse(self, fault: Fault, request: Request, seconds: float) -> Answer:  # noqa: ARG002
        now = self._town.clock().timestamp()
        reset = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0"}
        said = {
            Fault.TOKEN_EXPIRED: x_problems.unauthorized(),
            Fault.RATE_LIMITED: x_problems.too_many(
                reset | {"x-rate-limit-reset": str(math.ceil(now + seconds))}
            ),
            Fault.RATE_LIMITED_NO_RESET: x_problems.too_many({}),
            Fault.OUT_OF_CREDITS: x_problems.out_of_credits(self._town.brand.id_on(NETWORK)),
            Fault.NOT_SUMMONED: x_problems.forbidden(x_problems.NOT_SUMMONED),
            Fault.DUPLICATE: x_problems.forbidden(x_problems.DUPLICATE),
        }
        return said.get(fault, x_problems.internal())

    def writes(self, request: Request) -> bool:
        return request.method != "GET"

    def subject(self, request: Request) -> tuple[str, str] | None:
        parent = parent_of(request.json) if request.method == "POST" else None
        return (NETWORK, parent) if parent else None

    def _call(self, route: str, handler: _Handler, request: Request, ids: tuple[str, ...]) -> Answer:
        if not signed(request):
            return x_problems.unauthorized()
        headers = self._count(route)
        if int(headers["x-rate-limit-remaining"]) < 0:
            return x_problems.too_many(headers | {"x-rate-limit-remaining": "0"})
        try:
            answer = handler(request, *ids)
        except Invalid as error:
            answer = x_problems.invalid(error)
        return Answer(answer.status, answer.body, answer.headers | headers)

    def _count(self, route: str) -> dict[str, str]:
        window = int(self._town.clock().timestamp()) // _WINDOW_SECONDS
        with self._town.lock:
            used = self._counted[route, window] = self._counted.get((route, window), 0) + 1
        return {
            "x-rate-limit-limit": str(self.per_window),
            "x-rate-limit-remaining": str(self.per_window - used),
            "x-rate-limit-reset": str((window + 1) * _WINDOW_SECONDS),
        }
