"""Numbers as addresses and forms hold them: a browser may send anything there."""

from __future__ import annotations

from typing import Final

from starlette.convertors import Convertor, register_url_convertor

# The store can number more, and counts nothing with more digits.
_DIGITS: Final = 18


def number(text: str) -> int | None:
    """The number that `text` is, if it is one that the store can hold."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def whole(text: str) -> int:
    """The same; 0, which numbers nothing, for anything else."""
    return number(text) or 0


class _Number(Convertor[int]):
    """``{id:number}`` in the path of a route; a longer one is no page of ours."""

    regex = f"[0-9]{{1,{_DIGITS}}}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())
