"""How people, posts and messages look on X's wire: the fields that were asked for, and what is expanded.

https://docs.x.com/x-api/fundamentals/fields, https://docs.x.com/x-api/fundamentals/expansions
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from bot.sandbox import x_text
from bot.sandbox.town import Message, Person, Post, Town, Unknown
from bot.sandbox.x_fields import Wanted
from bot.sandbox.x_problems import Invalid, not_found
from bot.sandbox.x_query import Facts

Json = dict[str, Any]
NETWORK: Final = "x"
_EDITABLE: Final = timedelta(minutes=30)
_EDITS: Final = 5


@dataclass
class _Beside:
    """What comes beside the data: expanded things, each once, and what could not be found."""

    users: dict[str, Json] = field(default_factory=dict)
    tweets: dict[str, Json] = field(default_factory=dict)
    media: dict[str, Json] = field(default_factory=dict)
    errors: list[Json] = field(default_factory=list)

    def answer(self) -> Json:
        kinds = {"users": self.users, "tweets": self.tweets, "media": self.media}
        includes = {kind: list(things.values()) for kind, things in kinds.items() if things}
        return ({"includes": includes} if includes else {}) | ({"errors": self.errors} if self.errors else {})


class View:
    """For one request. `without_authors`: whoever wrote cannot be found, as when an account is suspended."""

    def __init__(self, town: Town, *, without_authors: bool = False) -> None:
        self._town, self._without_authors = town, without_authors
        self._post_fields: dict[str, Callable[[Post], Any]] = {
            "attachments": lambda post: {"media_keys": [_media_key(post)]} if post.photo else None,
            "author_id": lambda post: self._user_id(post.author),
            "conversation_id": lambda post: post.conversation,
            "created_at": lambda post: instant(post.at),
            "display_text_range": lambda post: [
                len(self._prefix(post)),
                len(self._shortened(post)),
            ],
            "edit_controls": self._edit_controls,
            "entities": lambda post: x_text.entities(self.full(post), self._ids(post)) or None,
            "in_reply_to_user_id": self._replied_user,
            "lang": lambda post: post.lang if post.text else "zxx",
            "possibly_sensitive": lambda _: False,
            "public_metrics": self._metrics,
            "referenced_tweets": lambda post: _references(post) or None,
            "reply_settings": lambda post: post.replies,
        }

    # --- whole answers -----------------------------------------------------------------------------

    def posts(self, posts: Iterable[Post], asked: Wanted) -> Json:
        """``data`` (absent when there is none), ``includes`` and ``errors``."""
        posts, beside = list(posts), _Beside()
        data = [self.post(post, asked.post) for post in posts]
        for post in posts:
            self._expand(post, asked, beside)
        return ({"data": data} if data else {}) | beside.answer()

    def messages(self, messages: Iterable[Message], asked: Wanted) -> Json:
        messages, beside = list(messages), _Beside()
        data = [self._message(one, asked.message) for one in messages]
        for one in messages:
            names = [one.author] if "sender_id" in asked.expansions else []
            names += [one.author, one.to] if "participant_ids" in asked.expansions else []
            for name in names:
                self._add_user(beside, name, asked)
        return ({"data": data} if data else {}) | beside.answer()

    def user(self, person: Person, fields: frozenset[str]) -> Json:
        counts = {
            "followers_count": person.followers,
            "following_count": 180,
            "tweet_count": self._spoken[person.handle],
            "listed_count": 0,
        }
        more: dict[str, Any] = {
            "created_at": instant(person.since),
            "protected": False,
            "verified": False,
            "public_metrics": counts,
        }
        chosen = {name: value for name, value in more.items() if name in fields}
        return {"id": person.id_on(NETWORK), "name": person.name, "username": person.handle, **chosen}

    # --- posts -------------------------------------------------------------------------------------

    def post(self, post: Post, fields: frozenset[str]) -> Json:
        text = x_text.on_the_wire(self.full(post))
        made: Json = {"id": post.id, "text": text, "edit_history_tweet_ids": list(post.versions)}
        for name in fields & self._post_fields.keys():
            if (value := self._post_fields[name](post)) is not None:
                made[name] = value
        return made

    def full(self, post: Post) -> str:
        """The text as X keeps it: those who are answered in front, a link to what is quoted or shown
        behind."""
        if post.shares:
            original = self._town.post(NETWORK, post.shares)
            return f"RT @{original.author}: {self.full(original)}"
        behind = []
        if post.quotes:
            behind.append(self.link(self._town.post(NETWORK, post.quotes)))
        if post.photo:
            behind.append(f"{self.link(post)}/photo/1")
        return self._prefix(post) + " ".join(filter(None, [post.text, *behind]))

    def _shortened(self, post: Post) -> str:
        return x_text.shortened(self.full(post))

    def link(self, post: Post) -> str:
        return f"https://x.com/{post.author}/status/{post.id}"

    def mentioned(self, post: Post) -> tuple[str, ...]:
        """Whom a post mentions, in lower case: in its text, and by what it answers."""
        return tuple(dict.fromkeys((*self._implied(post), *x_text.handles(post.text))))

    def facts(self, post: Post) -> Facts:
        """What a search looks at."""
        full = self.full(post)
        return Facts(
            text=full.lower(),
            author=post.author.lower(),
            to=self._answered(post).lower(),
            mentions=self.mentioned(post),
            links=tuple(link.lower() for link in x_text.links(full)),
            conversation=post.conversation,
            replied_to=post.in_reply_to or "",
            quoted=post.quotes or "",
            shared=post.shares or "",
            lang=post.lang,
            photo=post.photo,
        )

    def _implied(self, post: Post) -> tuple[str, ...]:
        """An answer speaks to whom it answers, and to whom that spoke: up the thread, the nearest first."""
        names: dict[str, None] = {}
        above = post
        while above.in_reply_to:
            above = self._town.post(NETWORK, above.in_reply_to)
            names |= dict.fromkeys((above.author.lower(), *x_text.handles(above.text)))
        names.pop(post.author.lower(), None)
        return tuple(names)

    def _prefix(self, post: Post) -> str:
        said = x_text.handles(post.text)
        return "".join(f"@{self._handle(name)} " for name in self._implied(post) if name not in said)

    def _handle(self, name: str) -> str:
        try:
            return self._town.person(name).handle
        except Unknown:
            return name

    def _answered(self, post: Post) -> str:
        return self._town.post(NETWORK, post.in_reply_to).author if post.in_reply_to else ""

    def _replied_user(self, post: Post) -> str | None:
        return self._user_id(self._answered(post)) if post.in_reply_to else None

    def _user_id(self, handle: str) -> str:
        return self._town.person(handle).id_on(NETWORK)

    def _ids(self, post: Post) -> dict[str, str]:
        people = (self._known(name) for name in x_text.handles(self.full(post)))
        return {person.handle.lower(): person.id_on(NETWORK) for person in people if person}

    def _known(self, name: str) -> Person | None:
        try:
            return self._town.person(name)
        except Unknown:
            return None

    def _edit_controls(self, post: Post) -> Json:
        first = self._town.post(NETWORK, post.versions[0])
        until = first.at + _EDITABLE
        left = _EDITS - len(post.versions) + 1
        able = post.in_reply_to is None and left > 0 and self._town.clock() < until
        return {"edits_remaining": left, "is_edit_eligible": able, "editable_until": instant(until)}

    def _metrics(self, post: Post) -> Json:
        def counted(kind: str) -> int:
            return sum(self._reactions[kind, version] for version in post.versions)

        return {
            "retweet_count": counted("retweeted"),
            "reply_count": counted("replied_to"),
            "like_count": 0,
            "quote_count": counted("quoted"),
            "bookmark_count": 0,
            "impression_count": 0,
        }

    @cached_property
    def _reactions(self) -> Counter[tuple[str, str]]:
        """(how, what) → how many posts refer to it so."""
        references = (one for post in self._posts for one in _references(post))
        return Counter((one["type"], one["id"]) for one in references)

    @cached_property
    def _spoken(self) -> Counter[str]:
        return Counter(post.author for post in self._posts)

    @cached_property
    def _posts(self) -> list[Post]:
        return self._town.posts(NETWORK)

    # --- beside ------------------------------------------------------------------------------------

    def _expand(self, post: Post, asked: Wanted, beside: _Beside) -> None:
        for name in self._people_beside(post, asked.expansions):
            self._add_user(beside, name, asked)
        if "attachments.media_keys" in asked.expansions and post.photo:
            beside.media[_media_key(post)] = {"media_key": _media_key(post), "type": "photo"}
        if "edit_history_tweet_ids" in asked.expansions:
            for version in post.versions:
                self._add_post(beside, version, "edit_history_tweet_ids", asked)
        if asked.expansions & {"referenced_tweets.id", "referenced_tweets.id.author_id"}:
            for reference in _references(post):
                self._add_post(beside, reference["id"], "referenced_tweets.id", asked)

    def _people_beside(self, post: Post, expansions: frozenset[str]) -> list[str]:
        names = [post.author] if "author_id" in expansions else []
        if "in_reply_to_user_id" in expansions and post.in_reply_to:
            names.append(self._answered(post))
        if "entities.mentions.username" in expansions:
            names += [name for name in self.mentioned(post) if self._known(name)]
        return names

    def _add_user(self, beside: _Beside, handle: str, asked: Wanted) -> None:
        person = self._town.person(handle)
        number = person.id_on(NETWORK)
        if self._without_authors and person != self._town.brand:
            beside.errors.append(not_found("user", "author_id", number))
        else:
            beside.users[number] = self.user(person, asked.user)

    def _add_post(self, beside: _Beside, number: str, parameter: str, asked: Wanted) -> None:
        post = self._town.post(NETWORK, number)
        if post.deleted_at:
            beside.errors.append(not_found("tweet", parameter, number))
            return
        beside.tweets[number] = self.post(post, asked.post)
        if "referenced_tweets.id.author_id" in asked.expansions:
            self._add_user(beside, post.author, asked)

    # --- messages ----------------------------------------------------------------------------------

    def _message(self, message: Message, fields: frozenset[str]) -> Json:
        pair = [self._user_id(message.author), self._user_id(message.to)]
        more = {
            "created_at": instant(message.at),
            "dm_conversation_id": message.conversation,
            "sender_id": pair[0],
            "participant_ids": pair,
        }
        chosen = {name: value for name, value in more.items() if name in fields}
        text = x_text.on_the_wire(message.text)
        return {"id": message.id, "event_type": "MessageCreate", "text": text, **chosen}


def instant(moment: datetime) -> str:
    """As X writes it, in milliseconds."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _references(post: Post) -> list[dict[str, str]]:
    kinds = {"replied_to": post.in_reply_to, "quoted": post.quotes, "retweeted": post.shares}
    return [{"type": kind, "id": number} for kind, number in kinds.items() if number]


def _media_key(post: Post) -> str:
    return f"3_{post.id}"


def handle_of(town: Town, user: str) -> str:
    """Whose id on X this is.

    Raises:
        Invalid: nobody's.
    """
    try:
        return town.person_by_id(NETWORK, user).handle
    except Unknown:
        raise Invalid("id", user, f"The `id` query parameter value [{user}] is not a user") from None


def visible(town: Town, number: str) -> Post | None:
    """A post by the id of any of its versions, unless it is deleted."""
    try:
        post = town.post(NETWORK, number)
    except Unknown:
        return None
    return None if post.deleted_at else post
