"""What a person wrote in a message: without what they quoted, without their signature, whatever its parts and
charsets. What was attached is named and not opened.

The rules for quotes and signatures are our own and few: the forms in which French and English programs write
them. Where they would leave nothing, everything stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from accounts.mail_headers import decoded, subject, words
from listeners._html import text_of

_MOST: Final = 100_000  # characters
_DEEP: Final = 20  # parts within parts
_PARTS: Final = 200
# --- HTML: where programs put what is quoted ---------------------------------------------------------
_HTML_QUOTE: Final = re.compile(
    r"<(?:div|blockquote|hr|p)\b[^<>]{0,500}?(?:"
    r"class\s*=\s*[\"']?(?:gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote)"
    r"|id\s*=\s*[\"']?(?:divRplyFwdMsg|appendonsend|stopSpelling)"
    r"|type\s*=\s*[\"']?cite\b)",
    re.IGNORECASE,
)
# --- Text ----------------------------------------------------------------------------------------
_BEGINS: Final = ("le ", "on ")
_ENDS: Final = ("a écrit", "wrote", "a ecrit")
_ATTRIBUTION: Final = 4  # lines at most, as programs break them
_ORIGINAL: Final = re.compile(
    r"-{2,}\s?(?:original message|message d['’]origine|message original|message initial)\s?-{2,}",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"\*?(?:from|de)\s?:", re.IGNORECASE)
_THEN: Final = re.compile(r"\*?(?:sent|envoyé|date|to|à|subject|objet)\s?:", re.IGNORECASE)
_FORWARDED: Final = re.compile(r"(?:fwd?|tr)\s?:", re.IGNORECASE)
_FLOWS: Final = re.compile(r"^(?!>|-- $)(.*) \n(?=[^>\n])", re.MULTILINE)
_SIGNED: Final = re.compile(
    r"(?:(?:sent|envoyé) (?:from|with|de|depuis|avec|à partir de) "
    r"|get outlook for |télécharger outlook pour ).{1,80}",
    re.IGNORECASE,
)


def words_of(message: Message, *, first: bool, whole: bool = False) -> str:
    """What was written; with its subject before it where it is the `first` of a conversation; with `whole`,
    and where it is passed on to us, nothing of it is taken for a quote or a signature."""
    about = subject(message)
    reading = _Reading(whole or _FORWARDED.match(about) is not None)
    text = reading.text(message).strip()[: 4 * _MOST]
    body = text if reading.whole else own_words(text)
    head = [about] if first else []
    named = "\n".join(f"[pièce jointe : {name}]" for name in reading.attached)
    return "\n\n".join(one for one in (*head, body, named) if one)[:_MOST]


def own_words(text: str) -> str:
    """`text` without quotes and signature."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    kept = "\n".join(_unsigned(list(_unquoted(lines))))
    return re.sub(r"\n{3,}", "\n\n", kept).strip() or text.strip()


def _unquoted(lines: Sequence[str]) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place].strip()
        if length := _attribution(lines, place):
            # Where the quote is marked, answers may stand between its lines; else it goes on to the end.
            if not _is_marked(lines, place + length):
                return
            place += length
        elif _ORIGINAL.fullmatch(line) or _is_head(lines, place):
            return
        else:
            if not line.startswith(">"):
                yield lines[place]
            place += 1


def _attribution(lines: Sequence[str], place: int) -> int:
    """How many lines "On Monday, X wrote:" takes here, 0 for none."""
    if not lines[place].strip().lower().startswith(_BEGINS):
        return 0
    for length in range(1, _ATTRIBUTION + 1):
        joined = " ".join(" ".join(lines[place : place + length]).split())
        if joined.endswith(":") and joined.rstrip(": \u00a0").lower().endswith(_ENDS):
            # It names a day or an address; "On the sign somebody wrote:" does neither.
            return length if re.search(r"[\d@]", joined) else 0
    return 0


def _is_marked(lines: Sequence[str], place: int) -> bool:
    following = (line.strip() for line in lines[place : place + 4])
    return next(filter(None, following), "").startswith(">")


def _is_head(lines: Sequence[str], place: int) -> bool:
    """The heads of the message before, as Outlook puts them above it: From, Sent, To, Subject."""
    if not _FROM.match(lines[place].strip()):
        return False
    return sum(_THEN.match(line.strip()) is not None for line in lines[place + 1 : place + 7]) >= 2


def _unsigned(lines: list[str]) -> list[str]:
    """Up to "-- " (RFC 3676, 4.3), and without what a telephone says of itself."""
    end = next((number for number, line in enumerate(lines) if line.rstrip() == "--"), len(lines))
    kept = [line for line in lines[:end] if not _SIGNED.fullmatch(line.strip())]
    while kept and (not kept[-1].strip() or re.fullmatch(r"_{5,}", kept[-1].strip())):
        kept.pop()
    return kept


# --- Parts -----------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """One message being read: whether `whole`, what is attached, how many parts may still be looked at."""

    whole: bool
    attached: list[str] = field(default_factory=list)
    left: int = _PARTS

    def text(self, part: Message, depth: int = 0) -> str:
        self.left -= 1
        kind = part.get_content_type()
        if self.left < 0 or depth > _DEEP:
            return ""
        if kind.startswith("message/") or _is_attached(part):
            self.attached.append(_file_name(part) or kind)
            return ""
        if part.is_multipart():
            inner = [one for one in part.get_payload() if isinstance(one, Message)]
            best = kind == "multipart/alternative"
            return self._best(inner, depth) if best else self._all(inner, depth)
        if kind == "text/html":
            return _html(_string(part), whole=self.whole)
        return _flowing(part) if kind == "text/plain" else ""

    def _all(self, inner: Sequence[Message], depth: int) -> str:
        return "\n".join(filter(None, (self.text(one, depth + 1) for one in inner)))

    def _best(self, inner: Sequence[Message], depth: int) -> str:
        """Of the same in several forms, the plain one if it says anything."""
        for part in sorted(inner, key=lambda one: one.get_content_type() != "text/plain"):
            if text := self.text(part, depth + 1).strip():
                return text
        return ""


def _is_attached(part: Message) -> bool:
    if part.is_multipart():
        return False
    shown = part.get_content_type() in ("text/plain", "text/html")
    return part.get_content_disposition() == "attachment" or (not shown and bool(_file_name(part)))


def _file_name(part: Message) -> str:
    shell = Message()
    try:
        shell["Name"] = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return "?"
    return re.sub(r"[\[\]\r\n]", " ", words(shell, "Name"))[:200].strip()


def _string(part: Message) -> str:
    data = part.get_payload(decode=True)
    return decoded(data, _charset(part)) if isinstance(data, bytes) else ""


def _charset(part: Message) -> str:
    try:
        return str(part.get_param("charset") or "ascii")
    except (ValueError, LookupError, TypeError):
        return "ascii"


def _html(source: str, *, whole: bool) -> str:
    quote = None if whole else _HTML_QUOTE.search(source)
    return (text_of(source[: quote.start()]) if quote else "") or text_of(source)


def _flowing(part: Message) -> str:
    """Plain text; where it flows (RFC 3676), lines that go on are joined."""
    text = _string(part).replace("\r\n", "\n")
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    joint = "" if str(part.get_param("delsp") or "").lower() == "yes" else " "
    return _FLOWS.sub(rf"\1{joint}", text)
