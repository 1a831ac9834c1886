"""The second factor: six digits that change every 30 seconds.

https://datatracker.ietf.org/doc/html/rfc6238
"""

from __future__ import annotations

import secrets
from typing import Final

import pyotp
import segno

_STEP: Final = 30_000
# A phone's clock may be a step ahead or behind.
_AROUND: Final = (0, -1, 1)


def new_secret() -> str:
    return pyotp.random_base32()


def step_of(secret: str, code: str, now: int) -> int | None:
    """For which step this code is good at the moment `now` (ms); None: for none."""
    code, made = "".join(code.split()), pyotp.TOTP(secret)
    if not (code.isascii() and code.isdecimal()):
        return None
    steps = (now // _STEP + beside for beside in _AROUND)
    return next((step for step in steps if secrets.compare_digest(made.generate_otp(step), code)), None)


def address(secret: str, name: str, brand: str) -> str:
    """What an app on a phone reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"Vigie {brand}".replace(":", " "))


def picture(address_: str) -> str:
    """The QR code, as a ``data:`` address; black on white, which phones read in the dark too."""
    return str(segno.make(address_, error="m").svg_data_uri(scale=5, light="#fff", border=4))
