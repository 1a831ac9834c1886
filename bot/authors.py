"""Who are the people that config names: press, vip, partners? Pure.

A policy is stored for as long as promises were made under it, and whoever asks to be erased must not stand
in it. So handles and ids are kept as digests only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from bot.models import Author

__all__ = ["Authors", "Who", "author_tier"]

_MARK: Final = "sha256:"


def _bare(name: str) -> str:
    return name.strip().removeprefix("@").casefold()


@lru_cache(maxsize=4096)
def _digest(name: str) -> str:
    """A handle or an id, with or without @, in whatever case, as it is kept. Takes whatever networks send."""
    return _MARK + hashlib.sha256(_bare(name).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _digests(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of config, or of a stored policy: there they are digests already."""
    if not all(map(_bare, names)):
        raise ValueError("an empty name would match everybody who shows none; take it out")
    return tuple(sorted({name if name.startswith(_MARK) else _digest(name) for name in names}))


_People = Annotated[
    tuple[str, ...],
    AfterValidator(_digests),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]


class Who(BaseModel):
    """Those with one of these handles or ids, and those with so many followers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    handles: _People = Field(default=(), description="Their handles, with or without @")
    ids: _People = Field(default=(), description="Their ids, as the network gives them")
    followers_at_least: int | None = Field(default=None, ge=1, description="Or whoever has so many followers")
    networks: tuple[str, ...] = Field(default=(), description="Only on these networks; default: all")

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.handles or self.ids or self.followers_at_least:
            return self
        raise ValueError("it names nobody; give handles, ids or followers_at_least")

    def has(self, author: Author, network: str) -> bool:
        """Is this person one of them?"""
        if self.networks and network not in self.networks:
            return False
        if self.followers_at_least and (author.followers or 0) >= self.followers_at_least:
            return True
        return _digest(author.handle) in self.handles or _digest(author.id) in self.ids


def _plain(name: str) -> str:
    if not re.fullmatch(r"\w[\w -]*", name):
        raise ValueError(f"{name!r} is no name; write letters and digits, for example press")
    return name


Authors = Mapping[Annotated[str, AfterValidator(_plain)], Who]
"""Names for people, such as press, and who they are; the first that fits holds."""


def author_tier(authors: Authors, author: Author, network: str) -> str:
    """The name under which config knows this person: the first that fits from the top; "" if none does."""
    return next((name for name, who in authors.items() if who.has(author, network)), "")
