"""Texts from the network on a page are data. Escaping is Jinja's; here is what escaping does not see."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from importlib import resources

# What turns the direction of all that follows, and what steers: never a letter that somebody reads.
_STEERING = ("Cc", "Cs")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """A stranger's text without control characters and without what overrides the direction of text, each
    shown as U+FFFD, so that nobody reads another order than was written."""
    return "".join(
        c if c in "\n\t" or (unicodedata.category(c) not in _STEERING and c not in _TURNING) else "\ufffd"
        for c in text
    )


def short(text: str, length: int = 140) -> str:
    """One line of it."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def link(url: str) -> str:
    """A link from the network, if a browser may follow it; else ""."""
    return url if url.startswith(("https://", "http://")) and not any(c.isspace() for c in url) else ""


@cache
def static(name: str) -> str:
    """The address of a file of ``static/``; it changes with the file, so browsers may keep it for good."""
    content = (resources.files("bot.web") / "static" / name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
