"""Texts from the network on a page are data. Escaping is Jinja's; here is what escaping does not see."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import resources

# Control characters but tab and line feed, halves of pairs, and what turns the direction of all that follows:
# never a letter that somebody reads.
_STEERS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """A stranger's text without control characters and without what overrides the direction of text, each
    shown as U+FFFD, so that nobody reads another order than was written."""
    return _STEERS.sub("\ufffd", text)


def short(text: str, length: int = 140) -> str:
    """One line of it."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def handle(name: str) -> str:
    """A handle as people write it, whether or not its network or a file gives it with its @."""
    return short(f"@{name.removeprefix('@')}", 60)


def link(url: str) -> str:
    """A link from the network, if a browser may follow it; else ""."""
    return url if url.startswith(("https://", "http://")) and not any(c.isspace() for c in url) else ""


@cache
def static(name: str) -> str:
    """The address of a file of ``static/``; it changes with the file, so browsers may keep it for good."""
    content = (resources.files("bot.web") / "static" / name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
