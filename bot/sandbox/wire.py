"""What crosses the door between the server and a network: a request, an answer, and the shape of a `Wire`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from urllib.parse import parse_qsl

from bot.sandbox.faults import Fault

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with "/" and lacks the wire's prefix; `target` is the path with the query as it came, so
    that signatures can be checked. The names of `headers` are in lower case. `struck` has the faults that
    the wire itself has to play (`Fault.OUT_OF_ORDER`, `Fault.FROM_MISSING`)."""

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: Headers
    body: bytes = b""
    struck: frozenset[Fault] = frozenset()

    @property
    def json(self) -> Any:
        """The body as JSON; None where there is none, or it is not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    @property
    def form(self) -> dict[str, str]:
        """The body as a form; empty where it is none."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def values(self) -> dict[str, Any]:
        """Whatever was given, in the address, as a form, or as JSON."""
        body = self.json if not self.form else None
        return {**self.query, **self.form, **(body if isinstance(body, dict) else {})}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. The server adds the length."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def in_json(
    status: int, value: Any, headers: Headers | None = None, kind: str = "application/json; charset=utf-8"
) -> Answer:
    """An answer in JSON, in UTF-8."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": kind, **(headers or {})})


def in_html(status: int, text: str, headers: Headers | None = None) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/html; charset=utf-8", **(headers or {})})


class Wire(Protocol):
    """One network's side of the wire. `name` is also the prefix of its paths and the name for faults."""

    name: str

    def handle(self, request: Request) -> Answer:
        """Do what is asked."""

    def refuse(self, fault: Fault, request: Request, seconds: float) -> Answer:
        """Say in the network's words that it is not done: for `faults.REFUSALS`, and `Fault.ERROR_AFTER`
        (500). `seconds`: how long a rate limit lasts from now."""

    def writes(self, request: Request) -> bool:
        """Does this call change anything? Else it reads."""

    def subject(self, request: Request) -> tuple[str, str] | None:
        """The network ("x", "facebook", "instagram") and the id of what this call answers, if anything."""


@runtime_checkable
class Controlled(Protocol):
    """A wire with verbs of its own under ``/control/<name>/<verb>``."""

    def control(self, verb: str, values: dict[str, Any]) -> dict[str, Any]:
        """Do it and say what came of it.

        Raises:
            LookupError, ValueError: with words that say how to mend it.
        """
