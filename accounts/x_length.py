"""How long X finds a text: 280 at most, but not of characters.

Rules: https://docs.x.com/resources/fundamentals/counting-characters and the configuration v3 of twitter-text
(https://github.com/twitter/twitter-text/blob/master/config/v3.json). In doubt this counts more than X does.
It knows no list of emoji: every well-formed sequence counts as one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

import regex

from accounts.x_tlds import TLDS

_LINK: Final = 23  # what X's own t.co makes of every link
_EMOJI_WEIGHT: Final = 2
# What counts 1: Latin, Greek, Cyrillic, Arabic, Hebrew and the like, spaces, quotation marks, dashes.
_LIGHT: Final = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_PICTOGRAM: Final = (
    r"\p{Extended_Pictographic}(?:\uFE0F?\p{Emoji_Modifier}|\uFE0F)?(?:[\U000E0020-\U000E007E]+\U000E007F)?"
)
_EMOJI: Final = regex.compile(
    rf"(?:\p{{Regional_Indicator}}{{2}}|[0-9#*]\uFE0F?\u20E3|{_PICTOGRAM}(?:\u200D{_PICTOGRAM})*)"
)
# Without http:// X sees a link in plain ASCII only.
_HOST: Final = r"(?:[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}_\-]*[\p{L}\p{M}\p{N}])?\.)+"
_BARE_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?\.)+"
_LINK_LIKE: Final = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}@＠$#＃])(?:"
    rf"(?P<host>(?i:https?)://{_HOST}(?P<tld>[\p{{L}}\p{{M}}]{{2,}}|(?i:xn--)[A-Za-z0-9\-]+))"
    rf"|(?<![\-_./])(?P<host>{_BARE_HOST}(?P<tld>[A-Za-z]{{2,}}))"
    rf")(?![\p{{L}}\p{{N}}@＠])(?::[0-9]+)?(?P<path>/[^\s<>\"“”«»]*|\?[^\s<>\"“”«»]*)?"
)
_LOOSE: Final = regex.compile(r"[^\p{L}\p{N}=_#/+\-&]")


def weight(text: str) -> int:
    """The weighted length of `text`. 280 is the most that an account without long posts may send.

    Leading @names, which cost nothing in a reply where X itself put them, are counted like the rest.
    """
    text = unicodedata.normalize("NFC", text)
    total = end = 0
    for start, stop in _links(text):
        total += _plain(text[end:start]) + _LINK
        end = stop
    return total + _plain(text[end:])


def has_link(text: str) -> bool:
    """Whether X would make a link of something in `text`, which costs more to send."""
    return next(_links(unicodedata.normalize("NFC", text)), None) is not None


def _links(text: str) -> Iterator[tuple[int, int]]:
    for found in _LINK_LIKE.finditer(text):
        if _is_domain(found["host"], found["tld"]):
            start = found.start("host")
            yield start, found.end() - _loose(found["path"] or "")


def _is_domain(host: str, tld: str) -> bool:
    labels = host.partition("://")[2] or host
    known = tld.lower() in TLDS or tld.lower().startswith("xn--")
    return known and all(_label_length(label) <= 63 for label in labels.split("."))


def _label_length(label: str) -> int:
    return len(label) if label.isascii() else len(label.encode("punycode")) + 4


def _loose(path: str) -> int:
    """How many characters at its end are the sentence's, not the link's."""
    kept = len(path)
    while kept and _LOOSE.match(path, kept - 1):
        if path[kept - 1] == ")" and path.count("(", 0, kept) >= path.count(")", 0, kept):
            break
        kept -= 1
    return len(path) - kept


def _plain(text: str) -> int:
    return sum(map(_cluster, regex.findall(r"\X", text)))


def _cluster(cluster: str) -> int:
    if not cluster.isascii() and _EMOJI.fullmatch(cluster):
        return _EMOJI_WEIGHT
    return sum(1 if _light(ord(character)) else 2 for character in cluster)


def _light(point: int) -> bool:
    return any(first <= point <= last for first, last in _LIGHT)
