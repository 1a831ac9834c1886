"""Texts that mean harm, a mention that holds one in every field that comes from a network, and how one sees
that a page shows them as text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, Final

from bot.models import Author, Mention
from tests.support.house import START, comment

TEXTS: Final = {
    "markup": '<script>alert(1)</script><img src=x onerror="alert(1)">',
    "attribute": '" autofocus onfocus="alert(1)" x="',
    "template": "{{ 7*7 }}{% raw %}${7*7}#{7*7}",
    "override": "\u202ereversed\u2066\u200b",
    "zalgo": "Z\u0351\u036b\u0343\u036a" * 40,
    "formula": '=HYPERLINK("http://evil.example","click")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1+1)",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "space": "   =1+1",
    "full width": "\uff1d1+1",
    "quotes": '";=1+1;"\n=2+2',
    "percent": "%(n)s %s {0}",
    "sql": "'; DROP TABLE mentions; --",
    "long": "a" * 20_000,
}


def mention(remote_id: str, evil: str, **facts: Any) -> Mention:
    """An address whose author, names, ids and texts are all `evil`."""
    return comment(
        remote_id, evil, network=evil, author=Author(id=evil, handle=evil, name=evil), lang=evil[:20],
        url=f"javascript:{evil}", conversation=evil, posted_at=START, **facts,
    )  # fmt: skip


ZALGO: Final = "Z" + "\u0335\u0322\u031b\u0347\u035d" * 40 + "algo"
HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</textarea></title></style></script><script>alert(1)</script>",
    "{{ 7 * 7 }}{% for x in y %}{{ visit.token }}",
    "%(name)s %s %d 100%",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\u202etxet sdrawkcab\u202c \u2066isolated",
    ZALGO,
    "a" * 100_000,
    "é " * 50_000,
    "'; DROP TABLE mentions; --",
    '" OR 1=1; --',
    'carte" OR said:* NEAR(a b, 3) AND NOT ^x {said who} : "',
    "- + * ( ) : ^ \" '",
    "=cmd|' /C calc'!A0",
    "\0null\x1b[31mred\x07",
    "\ud83d half a pair",
    "🙂🙃 👩‍👩‍👧‍👦",
    "مرحبا بالعالم",
    "\ufeff\u200b\u200d",
)

_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\0\x1b\x07")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script" and not (values.get("src") or "").startswith("/static/"):
            self.wrong.append("a script of theirs")
        if tag in {"svg", "iframe", "object", "base"}:
            self.wrong.append(tag)
        for name, value in values.items():
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            if name in {"href", "src", "action"} and not (value or "").startswith(
                ("/", "#", "https://", "http://")
            ):
                self.wrong.append(f"{tag} {name} leads elsewhere")


def harmless(page: str) -> None:
    """The page holds no element, link or handler that is not ours, nothing that turns text around, and no
    template was worked out."""
    reader = _Reader()
    reader.feed(page)
    assert reader.wrong == []
    assert _TURNING.isdisjoint(page)
    assert ">49<" not in page
    assert "{{ 7" in page or "7 * 7" not in page
