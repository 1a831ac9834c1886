"""The fields of a form, as browsers send them; nothing else is taken.

https://url.spec.whatwg.org/#application/x-www-form-urlencoded
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

# What all fields of a form may hold together, in bytes: a text of 100,000 characters, written as a form does.
LARGEST: Final = 1 << 20
_MOST_FIELDS: Final = 100
_TYPE: Final = "application/x-www-form-urlencoded"


class Unreadable(Exception):
    """What was sent is no form that we take; `status` says why."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


async def fields(request: Request) -> dict[str, str]:
    """{name: value}, the last of a name. Line ends are those of Python ("\\n"), not those of the wire; a NUL,
    which no database keeps as text, is U+FFFD.

    Raises:
        Unreadable: it is too large, no form, or was not sent to its end.
    """
    body = await _body(request)
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise Unreadable(415)
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Unreadable(400) from None
    return {name: _text(value) for name, value in pairs}


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > LARGEST:
        raise Unreadable(413)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                raise Unreadable(413)
    except ClientDisconnect:
        raise Unreadable(400) from None
    return bytes(body)


def _text(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
