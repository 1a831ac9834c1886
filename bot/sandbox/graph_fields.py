"""Which fields a Graph call asks for: ``id,from{id,name},comments.limit(5).order(chronological){message}``.

https://developers.facebook.com/docs/graph-api/guides/field-expansion
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[{},]|\.([a-z_]+)\(([^()]*)\))")


class Malformed(ValueError):
    """The list of fields cannot be read."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field or edge, what was asked of it (``.limit(5)``), and the fields below it (none: the usual)."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    below: tuple[Field, ...] = ()


def parse(text: str) -> tuple[Field, ...]:
    """The fields in their order, each once.

    Raises:
        Malformed: says where.
    """
    tokens = list(_tokens(text))
    found = _list(tokens)
    if tokens:
        raise Malformed(f"Syntax error before: {tokens[0][0]!r}")
    return found


def _tokens(text: str) -> Iterator[tuple[str, str, str]]:
    at = 0
    while at < len(text.rstrip()):
        if (match := _TOKEN.match(text, at)) is None:
            raise Malformed(f"Syntax error at character {at}")
        yield match[1], match[2] or "", match[3] or ""
        at = match.end()


def _list(tokens: list[tuple[str, str, str]]) -> tuple[Field, ...]:
    found: dict[str, Field] = {}
    while tokens and tokens[0][0] != "}":
        one = _one(tokens)
        found[one.name] = one
        if tokens and tokens[0][0] == ",":
            tokens.pop(0)
    return tuple(found.values())


def _one(tokens: list[tuple[str, str, str]]) -> Field:
    name, arguments = tokens.pop(0)[0], dict[str, str]()
    if not name.isidentifier():
        raise Malformed(f"Syntax error at {name!r}: the name of a field was expected")
    while tokens and tokens[0][1]:
        _, argument, value = tokens.pop(0)
        arguments[argument] = value
    if not tokens or tokens[0][0] != "{":
        return Field(name, arguments)
    tokens.pop(0)
    below = _list(tokens)
    if not tokens:
        raise Malformed("Syntax error: a closing } is missing")
    tokens.pop(0)
    return Field(name, arguments, below)
