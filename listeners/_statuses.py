"""What a status of Mastodon says, who says it, and what sort of message it is."""

from __future__ import annotations

import re
from typing import Final

from accounts.mastodon import Entity, entities, word
from bot.models import Author, Kind
from listeners._html import text_of

_TAG: Final = re.compile(r"<a\s([^<>]*+)>", re.IGNORECASE)
_CLASS: Final = re.compile(r'\bclass\s*+=\s*+"([^"]*+)"', re.IGNORECASE)


def kind_of(status: Entity) -> Kind:
    if status.get("visibility") == "direct":
        return Kind.MESSAGE
    return Kind.REPLY if word(status, "in_reply_to_id") else Kind.POST


def author_of(account: Entity) -> Author:
    followers = account.get("followers_count")
    return Author(
        id=word(account, "id"),
        handle=word(account, "acct"),
        name=word(account, "display_name") or word(account, "username"),
        followers=followers if isinstance(followers, int) else None,
    )


def words_of(status: Entity) -> str:
    """The warning before it, if there is one, what was written, and how its pictures are described."""
    said = text_of(_TAG.sub(_unless_a_name, word(status, "content")))
    media = (word(one, "description") for one in entities(status.get("media_attachments")))
    return "\n\n".join(
        filter(None, [word(status, "spoiler_text"), said, *(f"[{one}]" for one in media if one)])
    )


def _unless_a_name(tag: re.Match[str]) -> str:
    """Nobody wants to read where the @names and #tags lead to."""
    found = _CLASS.search(tag[1])
    return "" if found and {"mention", "hashtag"}.intersection(found[1].split()) else tag[0]
