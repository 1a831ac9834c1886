"""Webhooks that can be verified: HMAC-SHA256 over ``id.timestamp.body``, as https://www.standardwebhooks.com/
says, so that libraries that exist can do it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Final

from pydantic import SecretStr

_PREFIX: Final = "whsec_"
_SHORTEST: Final = 24
RULE: Final = (
    "What the receiver verifies the signature with: whsec_ and 24 to 64 bytes in base64, or 24 characters "
    "and more"
)


def long_enough(secret: SecretStr) -> SecretStr:
    """A secret that nobody can guess.

    Raises:
        ValueError: says what it must be.
    """
    if len(_key(secret.get_secret_value())) < _SHORTEST:
        raise ValueError("secret must be whsec_ and 24 to 64 bytes in base64, or 24 characters and more")
    return secret


def signed(secret: str, message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that prove where `body` comes from. `message` is its id: without a full stop, which would
    end the id in what is signed."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((message.encode(), timestamp.encode(), body))
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return b""
