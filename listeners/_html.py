"""HTML as people wrote it, turned into the text they meant.

A tokenizer of our own, because Python's `html.parser` needs over a minute for 60 kB of "<a <a <a" on
3.11 and such a comment is free to write: this one's time grows with the length and no faster.
"""

from __future__ import annotations

import html
import re
from typing import Final

# Possessive quantifiers and no "<" inside a tag: nothing is ever looked at twice.
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)([^<>]*+)>|<[!?/][^<>]*+>")
_HIDDEN: Final = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<script\b", re.IGNORECASE), re.compile(r"</script[^<>]*+>", re.IGNORECASE)),
    (re.compile(r"<style\b", re.IGNORECASE), re.compile(r"</style[^<>]*+>", re.IGNORECASE)),
)
_ATTRIBUTE: Final = r"""\s{}\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"']++))"""
_HREF: Final = re.compile(_ATTRIBUTE.format("href"), re.IGNORECASE)
_ALT: Final = re.compile(_ATTRIBUTE.format("alt"), re.IGNORECASE)
_BREAKS: Final = {
    **dict.fromkeys(("br", "div", "tr", "dt", "dd", "ul", "ol", "figcaption"), "\n"),
    **dict.fromkeys(("p", "blockquote", "pre", "table", "h1", "h2", "h3", "h4", "h5", "h6"), "\n\n"),
    "li": "\n- ",
}
_SPACE: Final = re.compile(r"[ \t\r\n\f]++")


def text_of(source: str, *, keep_lines: bool = False) -> str:
    """The text in `source`: links in brackets behind their words, images as their descriptions, line
    breaks where a browser shows them (and, with `keep_lines`, where the source has them: text typed
    into a form, before it was turned into paragraphs)."""
    source = _visible(source)
    parts: list[str] = []
    link: tuple[str, int] | None = None
    end = 0
    for tag in _TAG.finditer(source):
        parts.append(_words(source[end : tag.start()], keep_lines))
        end = tag.end()
        closing, name, attributes = tag[1], (tag[2] or "").lower(), tag[3] or ""
        if name == "a":
            parts.append(_target(link, parts))
            link = None if closing else (_value(_HREF, attributes), len(parts))
        elif name == "img":
            parts.append(_value(_ALT, attributes))
        elif not closing or _BREAKS.get(name) == "\n\n":
            parts.append(_BREAKS.get(name, ""))
    parts.append(_words(source[end:], keep_lines))
    parts.append(_target(link, parts))
    return _tidy("".join(parts))


def _visible(source: str) -> str:
    """Without comments, scripts and styles; one that never ends is left to be shown as it is."""
    for opening, ending in _HIDDEN:
        kept, at = [], 0
        while (first := opening.search(source, at)) and (last := ending.search(source, first.end())):
            kept.append(source[at : first.start()])
            at = last.end()
        source = "".join(kept) + source[at:]
    return source


def _words(data: str, keep_lines: bool) -> str:
    return html.unescape(data.replace("\r\n", "\n") if keep_lines else _SPACE.sub(" ", data))


def _value(attribute: re.Pattern[str], attributes: str) -> str:
    found = attribute.search(attributes)
    return html.unescape(next(filter(None, found.groups()), "")) if found else ""


def _target(link: tuple[str, int] | None, parts: list[str]) -> str:
    """Where the link that ends here leads to, unless its words say so already."""
    if link is None or not link[0].startswith(("http://", "https://")):
        return ""
    return "" if link[0] in "".join(parts[link[1] :]) else f" ({link[0]})"


def _tidy(text: str) -> str:
    """No spaces around lines, at most one empty line in a row, none at the ends."""
    lines: list[str] = []
    for line in (one.strip(" \t") for one in text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n")
