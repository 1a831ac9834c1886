"""What stands at the head of a message (RFC 5322), read as it really comes: broken, folded, in any charset.

Parsed by the standard library with its oldest policy, which never fails over a header.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import Header, decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final, NamedTuple

_ID: Final = re.compile(r"<([\x21-\x3b\x3d\x3f-\x7e]{1,500})>")
# No quotes, comments or routes: what has them is hardly ever a person's, and easily read in two ways.
_ADDRESS: Final = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,253}"
)
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f]+")
_MOST: Final = 2000  # characters of a header that anybody is shown
OUR_ID: Final = "vigie-"

_DEAF: Final = re.compile(
    r"(?:(?:no|do[-_.]?not|ne[-_.]?pas)[-_.]?(?:reply|repondre|répondre)|mailer-daemon|bounces?|nobody)(?![^\W_])",
    re.IGNORECASE,
)
_ROBOTS: Final = ("mailer-daemon", "postmaster")
_BULK: Final = ("bulk", "junk", "list", "auto_reply")
_RESPONDERS: Final = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from")


class Person(NamedTuple):
    """Who an address belongs to, as it says; the address in lower case."""

    address: str
    name: str = ""


class Letter(NamedTuple):
    """Who is behind a message, and who an answer would reach."""

    author: Person
    answer_to: str
    by_form: bool = False


def parsed(data: bytes) -> Message:
    """The message, however broken; of one with thousands of parts within parts, the head."""
    try:
        return BytesParser().parsebytes(data)
    except RecursionError:
        return BytesHeaderParser().parsebytes(data)


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def words(message: Message, name: str) -> str:
    """A header's words on one line, "" where it is missing. What cannot be decoded stands as U+FFFD."""
    value = message.get(name)
    return "" if value is None else _words(value)


def _words(value: str | Header) -> str:
    try:
        parts = [_part(text, charset) for text, charset in decode_header(value)]
    except (HeaderParseError, ValueError, LookupError):  # such as base64 that is none
        parts = [str(value)]
    return _SPACE.sub(" ", "".join(parts)).strip()[:_MOST]


def _part(text: str | bytes, charset: str | None) -> str:
    return text if isinstance(text, str) else decoded(text, charset or "ascii")


def decoded(data: bytes, charset: str) -> str:
    """`data` in the charset that it says, or else in the one that it seems to be in."""
    name = charset.strip("\"' ").lower()
    # Browsers read Latin-1 and ASCII as Windows-1252, and so do people's programs write it
    # (https://encoding.spec.whatwg.org/#names-and-labels).
    known = () if name in _NOT_TRUSTED else (name,)
    for one in (*known, "utf-8", "cp1252"):
        try:
            return data.decode(one)
        except (LookupError, ValueError):
            continue
    return data.decode("utf-8", "replace")


# The last two take time by the square of the length.
_NOT_TRUSTED: Final = frozenset(
    {"us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "unknown-8bit", "punycode", "idna"}
)


# --- Ids -------------------------------------------------------------------------------------------


def is_id(text: str) -> bool:
    """Whether it is an id of a message, and not one that we made for want of one."""
    return "@" in text and _ID.fullmatch(f"<{text}>") is not None


def ids(message: Message, name: str) -> list[str]:
    """The message ids in a header, without their brackets."""
    return _ID.findall(str(message.get(name) or "")[:50_000])


def message_id(message: Message, data: bytes) -> str:
    """Its id; where it has none, one made of all of it, always the same for the same message."""
    return next(iter(ids(message, "Message-ID")), f"sha256-{hashlib.sha256(data).hexdigest()[:32]}")


def parent_id(message: Message) -> str:
    """What it answers, "" for nothing: the last of References where In-Reply-To is missing."""
    return next(iter([*ids(message, "In-Reply-To"), *ids(message, "References")[-1:]]), "")


# --- Who -------------------------------------------------------------------------------------------


def people(message: Message, name: str) -> list[Person]:
    """Those in a header whose address can be used."""
    # Only what is no ASCII is decoded first: a comma in a name that is written in code parts nobody.
    values = [one if isinstance(one, str) else _words(one) for one in message.get_all(name, [])]
    found = getaddresses([_SPACE.sub(" ", value)[:_MOST] for value in values])
    return [Person(address.lower(), _words(shown)) for shown, address in found if is_address(address)]


def letter(message: Message, ours: frozenset[str]) -> Letter:
    """Who wrote it. A form on a web site writes in the name of the brand, or of nobody, and says under
    Reply-To who filled it in."""
    sender = next(iter(people(message, "From")), Person("", words(message, "From")))
    back = next((one for one in people(message, "Reply-To") if one.address not in ours), None)
    if back and not _is_deaf(back.address) and (sender.address in ours or _is_deaf(sender.address)):
        return Letter(Person(back.address, back.name or sender.name), back.address, by_form=True)
    return Letter(sender, back.address if back else sender.address)


def _is_deaf(address: str) -> bool:
    """Whether nobody reads what is sent there, by its name."""
    return _DEAF.match(address) is not None


def robot(message: Message, ours: frozenset[str]) -> str:
    """Why no answer may go to whoever wrote this (RFC 3834, section 2); "" where it may."""
    who = letter(message, ours)
    # A person's address that cannot be read is a person's all the same: a human sees what can be done.
    if not who.answer_to and "@" not in words(message, "From"):
        return "it says not who wrote it"
    if message.get_content_type() == "multipart/report":
        return "it is a report about another message, such as a bounce"
    if any(one.startswith(OUR_ID) for one in ids(message, "Message-ID")) or who.answer_to in ours:
        return "it comes from our own address"
    if _is_deaf(who.answer_to) or who.author.address.partition("@")[0] in _ROBOTS:
        return "nobody reads what is sent to that address"
    return "" if who.by_form else _automatic(message, ours)


def _automatic(message: Message, ours: frozenset[str]) -> str:
    first = {name: words(message, name).lower() for name in ("Auto-Submitted", "X-Auto-Response-Suppress")}
    said = first["Auto-Submitted"].partition(";")[0].strip()
    if said not in ("", "no") or first["X-Auto-Response-Suppress"] not in ("", "none"):
        return "a machine wrote it"
    if any(name in message for name in _RESPONDERS):
        return "a machine answered by itself"
    if str(message.get("Return-Path", "-")).strip() == "<>":
        return "its sender wants nothing back"
    through_us = _our_list(message, ours)
    if not through_us and words(message, "Precedence").lower() in _BULK:
        return "it went to many at once"
    if not through_us and any(name.lower().startswith("list-") for name in message):
        return "it comes from a mailing list"
    return ""


def _our_list(message: Message, ours: frozenset[str]) -> bool:
    """The brand's address may be a group, which marks everything as a list does."""
    listed = words(message, "List-Id").lower()
    return any(f"<{one.replace('@', '.')}>" in listed for one in ours)


def subject(message: Message) -> str:
    return words(message, "Subject")


def posted_at(message: Message, received: datetime, most_days: int = 7) -> datetime:
    """When it was written, in UTC: what it says itself, if that was before it was received and not long
    before; a clock that is wrong counts for nothing."""
    try:
        said = parsedate_to_datetime(words(message, "Date"))
        said = said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return received
    return said if 0 <= (received - said).total_seconds() <= most_days * 86_400 else received
