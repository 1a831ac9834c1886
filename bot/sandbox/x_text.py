"""What X makes of a text: how long it is, whom it mentions, and how it looks on the wire."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from html import escape
from typing import Any, Final

import regex

LONGEST: Final = 280
_LINK_WEIGHT: Final = 23
# Code points that count once; all others count twice. https://docs.x.com/fundamentals/counting-characters
_LIGHT: Final = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_URL: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'’»]", re.IGNORECASE)
_BARE: Final = re.compile(
    r"(?<![\w@.-])(?:[\w-]+\.)+(?:com|org|net|fr|eu|io|co|uk|be|ch|info)\b(?:/\S*)?", re.IGNORECASE
)
_HANDLE: Final = re.compile(r"(?<![\w@/.])@([A-Za-z0-9_]{1,15})(?![\w@])")
_TAG: Final = re.compile(r"(?<![\w&#/])#(\w*[^\W\d_]\w*)")
_EMOJI: Final = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|[0-9#*]\uFE0F?\u20E3")


def weight(text: str) -> int:
    """How many of the 280 characters a text takes: links take 23, an emoji 2, Chinese letters 2 each."""
    text = unicodedata.normalize("NFC", text)
    without, links = _URL.subn("", text)
    without, bare = _BARE.subn("", without)
    clusters = regex.findall(r"\X", without)
    return _LINK_WEIGHT * (links + bare) + sum(_cluster_weight(cluster) for cluster in clusters)


def _cluster_weight(cluster: str) -> int:
    # © and the like have a plain form, which is one letter among others.
    if _EMOJI.search(cluster) and not (len(cluster) == 1 and ord(cluster) < 0x2190):
        return 2
    return sum(1 if any(low <= ord(sign) <= high for low, high in _LIGHT) else 2 for sign in cluster)


@lru_cache(maxsize=50_000)
def handles(text: str) -> tuple[str, ...]:
    """Who is mentioned, in lower case, each once."""
    return tuple(dict.fromkeys(handle.lower() for handle in _HANDLE.findall(text)))


def links(text: str) -> list[str]:
    return _URL.findall(text)


def on_the_wire(text: str) -> str:
    """With links shortened, as X gives a text out, and with its three signs escaped."""
    return escape(shortened(text), quote=False)


def shortened(text: str) -> str:
    return _URL.sub(lambda found: _short(found[0]), text)


def _short(url: str) -> str:
    return f"https://t.co/{hashlib.sha256(url.encode()).hexdigest()[:10]}"


def entities(text: str, ids: dict[str, str]) -> dict[str, Any]:
    """Where what stands; `ids` are the users' by handle in lower case. Places are those in the text with
    short links and nothing escaped."""
    short = shortened(text)
    found: dict[str, Any] = {
        "mentions": [
            _span(match) | {"username": match[1], "id": ids[match[1].lower()]}
            for match in _HANDLE.finditer(short)
            if match[1].lower() in ids
        ],
        "hashtags": [_span(match) | {"tag": match[1]} for match in _TAG.finditer(short)],
        "urls": [
            _span(match) | _link(long) for match, long in zip(_URL.finditer(short), links(text), strict=True)
        ],
    }
    return {kind: spans for kind, spans in found.items() if spans}


def _span(match: re.Match[str]) -> dict[str, Any]:
    return {"start": match.start(), "end": match.end()}


def _link(long: str) -> dict[str, str]:
    shown = long.partition("://")[2]
    return {"url": _short(long), "expanded_url": long, "display_url": shown[:26] + "…" * (len(shown) > 26)}
