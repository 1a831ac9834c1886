"""What of a text's form counts: hashed words, pairs of words and stretches of characters.

Many texts are taken at once: a batch is one long array of code points, so every hash is a handful of
numpy operations and costs no Python per word. Hashing is our own (splitmix64's finaliser over a
polynomial, both public domain), so the same text gives the same features in every process; Python's
``hash`` does not.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

LIMIT: Final = 2_000  # characters looked at; a mood that shows only after them is not found
CHAR_SIZES: Final = (3, 4, 5)

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_URL: Final = re.compile(r"https?://\S+|www\.\S+|\bhttp\b")
_HANDLE: Final = re.compile(r"@\w[\w.]*")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_DIGIT: Final = re.compile(r"\d")
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_SPACE: Final = 32


@dataclass(frozen=True, slots=True)
class Parts:
    """A batch of texts taken apart once for all who look at it: each text for counting (`plain`), all their
    code points in a row with the text each belongs to, and where words begin and end among them."""

    texts: Sequence[str]
    plain: Sequence[str]
    points: Hashes
    rows: Ints
    starts: Ints
    ends: Ints


@dataclass(frozen=True, slots=True)
class Group:
    """Features of one `family` ("words" or "chars"): `hashes[i]` occurs in text `rows[i]`; rows ascend."""

    family: str
    hashes: Hashes
    rows: Ints


def parts(texts: Sequence[str]) -> Parts:
    """`texts` taken apart. Never raises on a text."""
    bare = [plain(text) for text in texts]
    points, rows = codes(bare)
    return Parts(texts, bare, points, rows, *tokens(points, rows))


def groups(said: Parts) -> list[Group]:
    """The hashed features of texts, in groups: words, word pairs, characters."""
    rows, words = said.rows[said.starts], spans(said.points, said.starts, said.ends)
    found = [Group("words", mix(words, 1), rows), *_pairs(words, rows)]
    return [*found, *_characters(said.points, said.rows)]


def plain(text: str) -> str:
    """`text` for counting: no markup, links and handles as one word each, lower case, no accents."""
    text = text[:LIMIT]
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    if "http" in text or "www." in text:
        text = _URL.sub(" http ", text)
    if "@" in text:
        text = _HANDLE.sub("@user", text)
    text = _DIGIT.sub("0", text.lower())
    return text if text.isascii() else _folded(text)


def _folded(text: str) -> str:
    """Without accents and other combining marks (which also undoes zalgo), quotes made straight."""
    bare = _marks().sub("", unicodedata.normalize("NFKD", text))
    return bare.replace("’", "'").replace("️", "").replace("œ", "oe")[: 2 * LIMIT]


@cache
def _marks() -> re.Pattern[str]:
    """Any combining mark: there are none below U+0300, nor above U+1FFFF."""
    return re.compile(f"[{''.join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.combining(c))}]+")


def codes(texts: Sequence[str]) -> tuple[Hashes, Ints]:
    """Code points of all texts in a row, each text between blanks, and which text each belongs to. Runs
    of three and more of a character count as two, runs of blanks as one."""
    whole = "".join(f" {text} " for text in texts)
    points = np.frombuffer(whole.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    rows = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    points = np.where(_classes()[np.minimum(points, 0xFFFF)] == 0, np.uint64(_SPACE), points)
    same = np.zeros(len(points) + 1, dtype=bool)
    same[1:-1] = (points[1:] == points[:-1]) & (rows[1:] == rows[:-1])
    again = same[:-1].copy()
    again[1:] &= same[:-2] | (points[1:] == _SPACE)
    return points[~again], rows[~again]


@cache
def _classes() -> npt.NDArray[np.uint8]:
    """For every code point below 65,536: 0 blank or control, 1 letter or digit, 2 any other sign."""
    kinds = [
        1 if (c := chr(i)).isalnum() or c == "_" else 0 if i <= _SPACE or c.isspace() else 2
        for i in range(0x10000)
    ]
    return np.array(kinds, dtype=np.uint8)


def tokens(points: Hashes, rows: Ints) -> tuple[Ints, Ints]:
    """Where words begin and end: runs of letters and digits; any other sign stands alone."""
    kind = _classes()[np.minimum(points, 0xFFFF)]
    kind[points > 0xFFFF] = 2  # emoji and rare scripts, sign by sign
    first = np.ones(len(points), dtype=bool)
    first[1:] = (kind[1:] != kind[:-1]) | (kind[1:] == 2) | (rows[1:] != rows[:-1])
    edges = np.flatnonzero(np.append(first, True))
    keep = kind[edges[:-1]] != 0
    return edges[:-1][keep], edges[1:][keep]


def spans(points: Hashes, starts: Ints, ends: Ints) -> Hashes:
    """A polynomial hash of each ``points[start:end]``, from prefix sums and the base's inverse mod 2**64."""
    power, inverse = _powers(1 << max(12, len(points).bit_length()))
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    np.cumsum(points * power[: len(points)], out=sums[1:])
    return (sums[ends] - sums[starts]) * inverse[starts]


@cache
def _powers(size: int) -> tuple[Hashes, Hashes]:
    inverse = pow(int(_BASE), -1, 1 << 64)
    tables = []
    for base in (_BASE, np.uint64(inverse)):
        steps = np.full(size, base, dtype=np.uint64)
        steps[0] = 1
        tables.append(np.cumprod(steps))
    return tables[0], tables[1]


def _pairs(tokens: Hashes, rows: Ints) -> list[Group]:
    """Neighbouring words, and words with one between them."""
    found = []
    for apart in (1, 2):
        both = rows[apart:] == rows[:-apart]
        pair = tokens[:-apart] * np.uint64(0xD6E8FEB86659FD93) + tokens[apart:]
        found.append(Group("words", mix(pair[both], 10 + apart), rows[apart:][both]))
    return found


def _characters(points: Hashes, rows: Ints) -> list[Group]:
    """Stretches of characters; a blank may stand at their ends but not inside, so they stay in one word."""
    found = []
    blanks = np.cumsum(points == _SPACE)
    rolling = points.copy()
    for size in range(2, max(CHAR_SIZES) + 1):
        if len(points) < size:
            break
        rolling = rolling[: len(points) - size + 1] * _BASE + points[size - 1 :]
        if size not in CHAR_SIZES:
            continue
        last = slice(size - 1, None)
        inside = blanks[size - 2 : len(points) - 1] - blanks[: len(points) - size + 1]
        keep = (inside == 0) & (rows[last] == rows[: len(points) - size + 1])
        found.append(Group("chars", mix(rolling[keep], 20 + size), rows[last][keep]))
    return found


def mix(hashes: Hashes, seed: int) -> Hashes:
    """Spread every bit over all others (splitmix64), so that any low bits make a good table index."""
    mixed = hashes + np.uint64(seed * int(_BASE) % (1 << 64))
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
