"""Who lives in the sandbox, and what they said. It knows no wire: each network reads it and writes to it."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.sandbox.ids import Ids
from bot.sandbox.said import Accepted, Impossible, Message, Person, Post, Unknown

__all__ = ["BRAND", "NETWORKS", "Accepted", "Impossible", "Message", "Person", "Post", "Town", "Unknown"]

NETWORKS: Final = ("x", "facebook", "instagram")
BRAND: Final = "banqueazur"


@dataclass
class Town:
    """Everybody and everything. One lock makes every method safe for threads.

    `clock` gives an aware datetime. The same `seed` gives the same ids to the same people at the same times.
    `accepted` has every reply and message that came in through an API, for tests to count.
    The brand `BRAND` ("banqueazur", Banque Azur) lives there from the start.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seed: int = 0
    accepted: list[Accepted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._ids = Ids(self.seed)
        self._people: dict[str, Person] = {}
        self._by_id: dict[tuple[str, str], Person] = {}
        self._posts: dict[tuple[str, str], Post] = {}
        self._order: dict[str, list[tuple[int, str]]] = {network: [] for network in NETWORKS}
        self._messages: list[Message] = []
        self.add(BRAND, "Banque Azur", followers=48_200)

    # --- people ------------------------------------------------------------------------------------

    def add(self, handle: str, name: str = "", *, language: str = "fr", followers: int = 0) -> Person:
        """Somebody moves in, or is given another name, language or number of followers; their ids stay.

        Raises:
            Impossible: the handle has other signs than letters, digits and _, or more than 15 of them.
        """
        handle = handle.removeprefix("@")
        if not (handle.isascii() and handle.replace("_", "a").isalnum() and len(handle) <= 15):
            raise Impossible("a handle has 1 to 15 letters without accents, digits or _; write it without @")
        with self.lock:
            known = self._people.get(handle.lower())
            ids = known.ids if known else {network: self._ids.user(network) for network in NETWORKS}
            since = known.since if known else self.clock() - timedelta(days=900)
            person = Person(
                known.handle if known else handle, name or handle, language, followers, ids, since
            )
            self._people[handle.lower()] = person
            self._by_id.update(dict.fromkeys(ids.items(), person))
            return person

    def people(self) -> list[Person]:
        with self.lock:
            return list(self._people.values())

    def person(self, handle: str) -> Person:
        """By handle, with or without @, in any case.

        Raises:
            Unknown: nobody has it.
        """
        with self.lock:
            found = self._people.get(handle.removeprefix("@").lower())
        if found is None:
            raise Unknown(f"nobody here has the handle {handle!r}; POST /control/person adds somebody")
        return found

    def person_by_id(self, network: str, number: str) -> Person:
        """By the account's id on a network.

        Raises:
            Unknown: no account has it.
        """
        with self.lock:
            found = self._by_id.get((network, number))
        if found is None:
            raise Unknown(f"no account on {network} has the id {number!r}")
        return found

    @property
    def brand(self) -> Person:
        return self.person(BRAND)

    # --- saying ------------------------------------------------------------------------------------

    def say(
        self,
        network: str,
        who: str,
        text: str,
        *,
        to: str | None = None,
        quotes: str | None = None,
        shares: str | None = None,
        photo: bool = False,
        replies: str = "everyone",
        at: datetime | None = None,
        through_api: bool = False,
    ) -> Post:
        """`who` says it in public; `to`, `quotes`, `shares`: the ids of the posts that it answers, quotes or
        shares. `at` in the past is how something comes late: its id is as old as it is. `through_api` is for
        wires: an answer is then kept in `accepted`.

        Raises:
            Unknown: nobody has that handle, or there is no such network or post.
            Impossible: there is nothing in it, or what it answers is deleted.
        """
        with self.lock:
            person = self.person(who)
            for other in filter(None, (to, quotes, shares)):
                if self.post(network, other).deleted_at:
                    raise Impossible(f"{other} is deleted; nobody can answer, quote or share it")
            if not (text.strip() or photo or shares):
                raise Impossible("say something: text is empty, and there is no photo")
            moment = at or self.clock()
            number = self._number(network, moment)
            post = Post(
                id=self._post_id(network, number, to),
                number=number,
                network=network,
                author=person.handle,
                text=text,
                at=moment,
                lang=person.language,
                conversation="",
                in_reply_to=to,
                quotes=quotes,
                shares=shares,
                photo=photo,
                replies=replies,
                through_api=through_api,
            )
            conversation = self.post(network, to).conversation if to else post.id
            post = replace(post, conversation=conversation, versions=(post.id,))
            self._keep(post)
            if through_api and to:
                self.accept(network, post.id, to, person.handle, text)
            return post

    def message(
        self,
        network: str,
        who: str,
        to: str,
        text: str,
        *,
        about: str | None = None,
        at: datetime | None = None,
        through_api: bool = False,
    ) -> Message:
        """`who` sends a direct message to the person whose handle is `to`.

        Raises:
            Unknown: nobody has that handle, or there is no such network or comment.
            Impossible: there is nothing in it, or it goes to its own sender.
        """
        with self.lock:
            author, other = self.person(who), self.person(to)
            if author == other:
                raise Impossible("nobody sends a message to themselves; say whom it is to")
            if not text.strip():
                raise Impossible("say something: text is empty")
            if about is not None:
                self.post(network, about)
            moment = at or self.clock()
            number = self._number(network, moment)
            pair = sorted((author.id_on(network), other.id_on(network)), key=int)
            sent = Message(
                id=str(number),
                number=number,
                network=network,
                author=author.handle,
                to=other.handle,
                text=text,
                at=moment,
                conversation="-".join(pair),
                about=about,
            )
            insort(self._messages, sent, key=lambda one: one.number)
            if through_api:
                parent = about or other.id_on(network)
                self.accept(network, sent.id, parent, author.handle, text, private=True)
            return sent

    def edit(self, network: str, post_id: str, text: str) -> Post:
        """Its author changes the text. On X that is a new post under a new id; the older version can still be
        asked for by its id.

        Raises:
            Unknown, Impossible: see `say`.
        """
        with self.lock:
            old = self.newest_version(network, post_id)
            if old.deleted_at:
                raise Impossible(f"{post_id} is deleted; it cannot be edited")
            if not text.strip():
                raise Impossible("say something: text is empty")
            now = self.clock()
            if network != "x":
                new = replace(old, text=text, edited_at=now)
                self._posts[network, new.id] = new
                return new
            number = self._number(network, now)
            made = str(number)
            versions = (*old.versions, made)
            new = replace(
                old,
                id=made,
                number=number,
                text=text,
                edited_at=now,
                versions=versions,
            )
            for earlier in old.versions:
                kept = self._posts[network, earlier]
                self._posts[network, earlier] = replace(kept, versions=versions, replaced=True)
            self._keep(new)
            return new

    def delete(self, network: str, post_id: str) -> Post:
        """Its author takes it back, with all its versions. What was said under it stays.

        Raises:
            Unknown: there is no such post.
        """
        with self.lock:
            gone = self.newest_version(network, post_id)
            for version in gone.versions:
                kept = self._posts[network, version]
                self._posts[network, version] = replace(kept, deleted_at=kept.deleted_at or self.clock())
            return self._posts[network, gone.id]

    def accept(
        self, network: str, made: str, parent: str, author: str, text: str, *, private: bool = False
    ) -> None:
        """Note that something came in through an API. `say` and `message` do it by themselves; for wires that
        keep their own things (Slack)."""
        with self.lock:
            self.accepted.append(Accepted(network, made, parent, author, text, self.clock(), private))

    def _keep(self, post: Post) -> None:
        self._posts[post.network, post.id] = post
        insort(self._order[post.network], (post.number, post.id))

    def _number(self, network: str, moment: datetime) -> int:
        if network not in NETWORKS:
            raise Unknown(f"there is no network {network!r}; there are {', '.join(NETWORKS)}")
        return self._ids.number(network, moment)

    def _post_id(self, network: str, number: int, to: str | None) -> str:
        if network != "facebook":
            return str(number)
        if to is None:
            return f"{self.brand.id_on(network)}_{number}"
        return f"{self.post(network, to).conversation.partition('_')[2]}_{number}"

    # --- reading -----------------------------------------------------------------------------------

    def post(self, network: str, post_id: str) -> Post:
        """By id, also when it is deleted or an older version.

        Raises:
            Unknown: there never was one.
        """
        with self.lock:
            found = self._posts.get((network, post_id))
        if found is None:
            raise Unknown(f"there is no post {post_id!r} on {network}")
        return found

    def newest_version(self, network: str, post_id: str) -> Post:
        """The post as it now is, by the id of any of its versions.

        Raises:
            Unknown: there never was one.
        """
        with self.lock:
            return self.post(network, self.post(network, post_id).versions[-1])

    def posts(self, network: str, *, since: int = 0, below: int | None = None) -> list[Post]:
        """What stands on a network, newest first: numbers over `since` and under `below`."""
        with self.lock:
            order = self._order[network]
            start = bisect_right(order, (since, "￿"))
            end = bisect_left(order, (below, "")) if below is not None else len(order)
            found = (self._posts[network, one] for _, one in reversed(order[start:end]))
            return [post for post in found if post.stands]

    def answers_to(self, network: str, post_id: str) -> list[Post]:
        """What stands directly under a post, oldest first."""
        versions = self.post(network, post_id).versions
        return [post for post in reversed(self.posts(network)) if post.in_reply_to in versions]

    def messages(self, network: str, *, between: tuple[str, str] | None = None) -> list[Message]:
        """Direct messages, newest first; `between`: two handles."""
        with self.lock:
            found = [one for one in reversed(self._messages) if one.network == network]
        if between is None:
            return found
        pair = {self.person(handle).handle for handle in between}
        return [one for one in found if {one.author, one.to} == pair]

    def said_lately(self, network: str, who: str, text: str, within: timedelta) -> bool:
        """Has that person said the very same in public, and does it still stand?"""
        handle, start = self.person(who).handle, self.clock() - within
        with self.lock:
            return any(
                post.author == handle and post.text == text and post.at >= start
                for post in self.posts(network)
            )

    def state(self) -> dict[str, int]:
        """Figures for a test at the end: how many answers came in through an API, to how many, how many
        twice. What its sender deleted again counts as well."""
        with self.lock:
            answered = {one.answers for one in self.accepted}
            doubled = len(self.accepted) - len(answered)
            return {"replies": len(self.accepted), "answered": len(answered), "doubled": doubled}
