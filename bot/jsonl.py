"""One mention as one line of JSON: what replay and import read and export writes.

The line: ``{"network", "remote_id", "url", "author": {"id", "handle", "name", "followers"}, "text",
"lang", "posted_at", "in_reply_to", "conversation", "addressed", "kind"}``, and ``"own": true`` for a
message by the brand itself. Only ``text`` is required; unknown fields are passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from bot.models import Author, Kind, Mention

NETWORK: Final = "import"
_KINDS: Final = {kind.value: kind for kind in Kind}
_NOBODY: Final = Author()
_MOST: Final = 2**53 - 1  # how far every reader of JSON can count


def parse(line: str | bytes, now: datetime) -> Mention:
    """The mention on `line`. `now` (aware) stands in for a missing ``posted_at``.

    Raises:
        ValueError: one sentence for people that names the field and never quotes the text.
    """
    return mention_from(fields(line), now)


def fields(line: str | bytes) -> dict[str, Any]:
    """The JSON object on `line`.

    Raises:
        ValueError: it is not UTF-8, not JSON, or not an object.
    """
    try:
        found = _decoded(line)
    except UnicodeDecodeError as fault:
        raise ValueError(f"the line is not UTF-8 (byte {fault.start + 1})") from None
    except json.JSONDecodeError as fault:
        raise ValueError(f"the line is not JSON: {fault.msg} (character {fault.pos + 1})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of brackets
        raise ValueError("the line is not JSON that can be read") from None
    if type(found) is not dict:
        raise ValueError('the line must be an object: {"text": "...", ...}')
    return found


def _decoded(line: str | bytes) -> Any:
    try:
        return from_json(line)  # more than twice as fast
    except ValueError:
        return json.loads(line)  # reads more: other UTFs, half characters; and says what is wrong in words


def mention_from(line: Mapping[str, Any], now: datetime) -> Mention:
    """As `parse`, for a line that was already decoded.

    Raises:
        ValueError: as `parse`.
    """
    text = line.get("text")
    if type(text) is not str:
        raise ValueError("text is missing" if text is None else "text must be text (in quotes)")
    return Mention(
        network=_text(line, "network") or NETWORK,
        remote_id=_text(line, "remote_id") or stable_id(line),
        text=text,
        posted_at=instant(line, "posted_at") or now,
        author=_author(line),
        kind=_kind(line),
        addressed=_flag(line, "addressed"),
        url=_text(line, "url"),
        lang=_text(line, "lang"),
        in_reply_to=_text(line, "in_reply_to"),
        conversation=_text(line, "conversation"),
        own=_flag(line, "own"),
    )


def render(mention: Mention) -> str:
    """`mention` as one line, without the line feed; `parse` gives the same mention back."""
    author = mention.author
    line: dict[str, Any] = {
        "network": mention.network,
        "remote_id": mention.remote_id,
        "url": mention.url,
        "author": {
            "id": author.id,
            "handle": author.handle,
            "name": author.name,
            "followers": author.followers,
        },
        "text": mention.text,
        "lang": mention.lang,
        "posted_at": mention.posted_at.isoformat(),
        "in_reply_to": mention.in_reply_to,
        "conversation": mention.conversation,
        "addressed": mention.addressed,
        "kind": mention.kind.value,
    }
    if mention.own:
        line["own"] = True
    return json.dumps(line, ensure_ascii=False)


def stable_id(line: Mapping[str, Any]) -> str:
    """An id for a line that has none: the same words by the same author at the same time are one
    mention, however often the file is read."""
    parts = [line.get(name) for name in ("network", "author", "posted_at", "text")]
    text = json.dumps(parts, sort_keys=True)  # ASCII, so nothing in it can fail to encode
    return "sha256-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def instant(line: Mapping[str, Any], name: str) -> datetime | None:
    """The instant under `name`, in UTC; without a zone it is taken as UTC. ``None`` where it is missing.

    Raises:
        ValueError: it is not an ISO 8601 date.
    """
    value = line.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a date and time such as 2026-01-31T09:30:00+01:00") from None


def _text(line: Mapping[str, Any], name: str, where: str = "") -> str:
    value = line.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise ValueError(f"{where}{name} must be text (in quotes)")
    return value


def _flag(line: Mapping[str, Any], name: str) -> bool:
    value = line.get(name)
    if value is None:
        return False
    if type(value) is not bool:
        raise ValueError(f"{name} must be true or false")
    return value


def _kind(line: Mapping[str, Any]) -> Kind:
    value = line.get("kind")
    if value is None:
        return Kind.POST
    if type(value) is not str or value not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}")
    return _KINDS[value]


def _author(line: Mapping[str, Any]) -> Author:
    value = line.get("author")
    if value is None:
        return _NOBODY
    if type(value) is not dict:
        raise ValueError('author must be an object: {"id", "handle", "name", "followers"}')
    followers = value.get("followers")
    if type(followers) is float and followers.is_integer():
        followers = int(followers)  # 3.0 is a whole number in JSON
    if followers is not None and (type(followers) is not int or not 0 <= followers <= _MOST):
        raise ValueError("author.followers must be a whole number, 0 or more")
    return Author(
        _text(value, "id", "author."),
        _text(value, "handle", "author."),
        _text(value, "name", "author."),
        followers,
    )
