"""What a session goes by in the list of one's own: the browser and the system, nothing finer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import Request

# Most say the names of those behind them as well.
_BROWSERS: Final = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox",
                    "CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari"}  # fmt: skip
_SYSTEMS: Final = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows",
                   "CrOS": "ChromeOS", "Mac OS X": "macOS", "Linux": "Linux"}  # fmt: skip


def browser(request: Request) -> str:
    """Such as "Firefox, Linux"; "" for what nobody knows."""
    said = request.headers.get("user-agent", "")[:500]
    return ", ".join(filter(None, (_first(_BROWSERS, said), _first(_SYSTEMS, said))))


def _first(names: Mapping[str, str], said: str) -> str:
    return next((name for mark, name in names.items() if mark in said), "")
