"""What X's posts say, in our words.

A post: https://docs.x.com/x-api/fundamentals/data-dictionary. X is renaming its fields (referenced_tweets
to referenced_posts, and so on) and answers in the old names or the new ones; both are read here.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeGuard

from bot.models import Author

log = logging.getLogger(__name__)

FIELDS: Final = [
    "author_id",
    "conversation_id",
    "created_at",
    "edit_history_tweet_ids",
    "entities",
    "in_reply_to_user_id",
    "lang",
    "note_tweet",
    "referenced_tweets",
]
USER_FIELDS: Final = ["name", "public_metrics", "username"]
# An id holds the time it was made: milliseconds since then, and 22 bits of others
# (https://docs.x.com/fundamentals/x-ids).
_EPOCH: Final = 1_288_834_974_657
_BITS: Final = 22
_SHORT: Final = "t.co/"  # X's own link in place of any other
_NO_LANGUAGE: Final = {"und", "zxx", "art"}
_OLD_CODES: Final = {"in": "id", "iw": "he"}


class Post(NamedTuple):
    """One post. `first` is the id of its first version (an edit makes a new id), `versions` all that there
    are; `named` holds the ids and lower-case handles of those it names with @."""

    id: str
    first: str
    versions: tuple[str, ...]
    text: str
    posted_at: datetime
    author: Author
    lang: str
    conversation: str
    replied_to: str
    replied_to_user: str
    quoted: str
    is_share: bool
    named: frozenset[str]


def posts(body: Mapping[str, Any], now: datetime) -> Iterator[Post]:
    """The posts of an answer, in its order. What X leaves out stays empty; only what has no id is dropped."""
    people = authors(body)
    for item in body.get("data") or []:
        if isinstance(item, dict) and is_id(item.get("id")):
            yield _post(item, people, now)
        else:
            log.warning("X listed a post without an id: it was left out")


def authors(body: Mapping[str, Any]) -> dict[str, Author]:
    """The people that an answer describes, by id."""
    users = (body.get("includes") or {}).get("users") or []
    return {user["id"]: _author(user) for user in users if isinstance(user, dict) and is_id(user.get("id"))}


def is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20


def made_at(post_id: str) -> datetime:
    """When an id was made."""
    return datetime.fromtimestamp(((int(post_id) >> _BITS) + _EPOCH) / 1000, UTC)


def moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def plain(text: str, entities: Any) -> str:
    """The text as its author typed it: X writes & < > as entities and puts its own t.co for every link."""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    for link in _entities(entities, "urls"):
        short, full = link.get("url"), link.get("expanded_url")
        if isinstance(short, str) and short and isinstance(full, str) and full:
            text = text.replace(short, full)
    return text


def same_words(one: str, other: str) -> bool:
    """Whether two texts say the same, but for spaces, for the @names that X puts before a reply, and for what
    it makes of links."""
    first, second = _words(one), _words(other)
    return len(first) == len(second) and all(map(_same_word, first, second))


def without_names(text: str) -> str:
    """The text without the @names that it begins with."""
    while text.startswith("@"):
        text = text.partition(" ")[2].lstrip() if " " in text else ""
    return text


def _words(text: str) -> list[str]:
    words = unicodedata.normalize("NFC", text).split()
    while words and words[0].startswith("@"):
        words.pop(0)
    return [_bare(word) for word in words]


def _same_word(one: str, other: str) -> bool:
    short = one.startswith(_SHORT), other.startswith(_SHORT)
    return one == other or (any(short) and "." in one and "." in other)


def _bare(word: str) -> str:
    """A link as X may have tidied it up."""
    return word.removeprefix("http://").removeprefix("https://").rstrip("/")


def _post(item: Mapping[str, Any], people: Mapping[str, Author], now: datetime) -> Post:
    number, author = item["id"], item.get("author_id")
    history = [one for one in _either(item, "edit_history_tweet_ids", []) or [] if is_id(one)]
    versions = tuple(sorted({number, *history}, key=int))
    note = _either(item, "note_tweet", None)
    whole = note if isinstance(note, dict) and isinstance(note.get("text"), str) else item
    text = whole.get("text")
    return Post(
        id=number,
        first=versions[0],
        versions=versions,
        text=plain(text, whole.get("entities")) if isinstance(text, str) else "",
        posted_at=_posted_at(item, versions, now),
        author=people.get(author, Author(id=author)) if is_id(author) else Author(),
        lang=_lang(item.get("lang")),
        conversation=item["conversation_id"] if is_id(item.get("conversation_id")) else "",
        replied_to=_reference(item, "replied_to"),
        replied_to_user=str(item.get("in_reply_to_user_id") or ""),
        quoted=_reference(item, "quoted"),
        is_share=bool(_reference(item, "retweeted")),
        named=frozenset(_named(item.get("entities"))) | frozenset(_named(whole.get("entities"))),
    )


def _posted_at(item: Mapping[str, Any], versions: tuple[str, ...], now: datetime) -> datetime:
    """When its first version was posted: an edit makes nobody wait less."""
    created = moment(item.get("created_at"))
    if created and len(versions) == 1:
        return created
    return min(made_at(versions[0]), created or now)


def _either(item: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    """A field under its old name, or its new one."""
    new = name.replace("tweet", "post")
    return item.get(name, item.get(new, otherwise))


def _reference(item: Mapping[str, Any], kind: str) -> str:
    for reference in _either(item, "referenced_tweets", []) or []:
        if isinstance(reference, dict) and reference.get("type") == kind and is_id(reference.get("id")):
            return str(reference["id"])
    return ""


def _named(entities: Any) -> Iterator[str]:
    for name in _entities(entities, "mentions"):
        yield from (str(name[key]).lower() for key in ("id", "username") if name.get(key))


def _entities(entities: Any, kind: str) -> list[dict[str, Any]]:
    found = entities.get(kind) if isinstance(entities, dict) else None
    return [one for one in found or [] if isinstance(one, dict)]


def _lang(code: Any) -> str:
    """X has codes of its own for what is in no language, such as qme for pictures."""
    if not isinstance(code, str) or code in _NO_LANGUAGE or code.startswith("q"):
        return ""
    return _OLD_CODES.get(code, code)


def _author(user: Mapping[str, Any]) -> Author:
    metrics = user.get("public_metrics")
    followers = metrics.get("followers_count") if isinstance(metrics, dict) else None
    return Author(
        id=user["id"],
        handle=str(user.get("username") or ""),
        name=str(user.get("name") or ""),
        followers=followers if isinstance(followers, int) else None,
    )
