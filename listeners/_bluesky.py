"""What a post on Bluesky says, as far as it can be made out: a record keeps to its schema or does not, and
nobody is left out over it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.xrpc import mapping, place, string
from bot.models import Author


def position(item: dict[str, Any]) -> datetime | None:
    return instant(item, mapping(item.get("record")) or mapping(item.get("value")))


def instant(item: dict[str, Any], record: dict[str, Any]) -> datetime | None:
    """When Bluesky got it; from its own repository, when it was written."""
    for value in (item.get("indexedAt"), record.get("createdAt")):
        try:
            found = datetime.fromisoformat(value or "")
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (TypeError, ValueError, OverflowError):
            continue
    return None


def speaks_to(record: dict[str, Any], parent: str, me: str) -> bool:
    """It answers a post of ours, quotes one, or names us."""
    embed = mapping(record.get("embed"))
    quoted = [uri_of(embed.get("record")), uri_of(mapping(embed.get("record")).get("record"))]
    if any(uri.startswith(f"at://{me}/") for uri in (parent, *quoted)):
        return True
    facets = record.get("facets")
    named = (
        (facet.get("features") for facet in facets if isinstance(facet, dict))
        if isinstance(facets, list)
        else ()
    )
    lists = (features for features in named if isinstance(features, list))
    return any(mapping(feature).get("did") == me for features in lists for feature in features)


def author_of(item: dict[str, Any]) -> Author:
    """A post says whose it is even where the person behind it is not shown."""
    shown = mapping(item.get("author"))
    whose = place(item["uri"])
    handle = string(shown.get("handle"))
    return Author(
        id=string(shown.get("did")) or (whose[0] if whose else ""),
        handle="" if handle == "handle.invalid" else handle,
        name=string(shown.get("displayName")),
    )


def language(record: dict[str, Any]) -> str:
    """The one that its author's app named; of several, nobody knows which."""
    langs = record.get("langs")
    named = {string(one).partition("-")[0].lower() for one in langs} if isinstance(langs, list) else set()
    return named.pop() if len(named) == 1 else ""


def uri_of(reference: Any) -> str:
    return string(mapping(reference).get("uri"))
