"""What there is in the town: people, posts, messages; and what can be wrong about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class Unknown(LookupError):
    """Nobody has that handle, or nothing has that id. The text says which."""


class Impossible(ValueError):
    """That cannot be said, edited or deleted; the text says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has an account on every network, or the brand.

    `ids` has the account's id on each network. `language` is "fr" or "en".
    """

    handle: str
    name: str
    language: str
    followers: int
    ids: dict[str, str]
    since: datetime

    def id_on(self, network: str) -> str:
        return self.ids[network]


@dataclass(frozen=True, slots=True)
class Post:
    """Something said in public. `number` grows with time and orders everything on one network.

    `in_reply_to`, `quotes` and `shares` are ids of other posts on that network; `conversation` is the id of
    the post under which all of it hangs (a post that starts one: its own). `root` is true of the latter.
    `versions` are the ids of all its versions, oldest first, itself last: on X an edit makes a new id, on the
    others it keeps it. `replaced` is true of an older version. `photo`: there is a photo and maybe no text.
    `replies` says who may answer, in X's words: everyone, following, mentionedUsers.
    """

    id: str
    number: int
    network: str
    author: str
    text: str
    at: datetime
    lang: str
    conversation: str
    in_reply_to: str | None = None
    quotes: str | None = None
    shares: str | None = None
    photo: bool = False
    replies: str = "everyone"
    versions: tuple[str, ...] = ()
    replaced: bool = False
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    through_api: bool = False

    @property
    def root(self) -> bool:
        return self.in_reply_to is None

    @property
    def stands(self) -> bool:
        """Anybody can read it now: it is neither deleted nor an older version."""
        return self.deleted_at is None and not self.replaced


@dataclass(frozen=True, slots=True)
class Message:
    """A direct message. `conversation` is the same for both directions between two people; `about` is the id
    of a public comment that it answers in private (Facebook)."""

    id: str
    number: int
    network: str
    author: str
    to: str
    text: str
    at: datetime
    conversation: str
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Something that came in through an API and was taken. `parent`: the id of what it answers; for a direct
    message that answers no comment, the id of the person. `private`: it is a direct message."""

    network: str
    id: str
    parent: str
    author: str
    text: str
    at: datetime
    private: bool = False

    @property
    def answers(self) -> tuple[str, ...]:
        """Two with the same are a double. A person may get many messages, but none of them twice."""
        return (self.network, self.parent, self.text) if self.private else (self.network, self.parent)
