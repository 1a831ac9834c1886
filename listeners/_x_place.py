"""How far the reading of X has come: what the listener's cursor holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from accounts.x_posts import Post, made_at

KEPT: Final = timedelta(days=7)  # how far back X's recent search sees
_WATCHED: Final = 40  # posts whose quotes, and threads whose replies, are searched for
_EDITS: Final = 300


@dataclass
class Track:
    """One reading: of a timeline, of messages, or of some searches.

    `to`: everything before it was read. `begun`: when it was last begun. `paused`: it is not read again
    before that. A timeline goes on after the id `since`. Searches that were not finished stand in `todo`,
    each with the id below which it goes on ("" from the top); with the last of them `to` becomes `goal`.
    """

    to: datetime
    begun: datetime | None = None
    paused: datetime | None = None
    since: str = ""
    goal: datetime | None = None
    todo: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, found: dict[str, Any]) -> Track:
        for name in ("to", "begun", "paused", "goal"):
            found[name] = found[name] and datetime.fromisoformat(found[name])
        return cls(**found)

    def due(self, now: datetime, minutes: float) -> bool:
        """Whether it may be read now, at a pace of so many minutes."""
        if self.paused is not None and now < self.paused:
            return False
        # A clock that was set back must not put this off.
        return bool(self.todo) or self.begun is None or abs(now - self.begun) >= timedelta(minutes=minutes)


@dataclass
class Place:
    """All readings, and what they need to know of each other.

    `threads`: conversations that the brand takes part in, `posts`: its own posts, newest first. `edits` leads
    from the id of a later version of a post to that of its first, by which the mention is known. `owed`: the
    timeline of mentions was cut off, so that nothing is complete before they were searched for.
    """

    tracks: dict[str, Track]
    threads: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    edits: dict[str, str] = field(default_factory=dict)
    owed: bool = False

    @classmethod
    def read(cls, cursor: str) -> Place:
        found = json.loads(cursor)
        tracks = {name: Track.read(track) for name, track in found.pop("tracks").items()}
        return cls(tracks, **found)

    def cursor(self) -> str:
        return json.dumps(asdict(self), default=datetime.isoformat, separators=(",", ":"))

    def keep_only(self, names: set[str], to: datetime) -> None:
        """Forget readings that were switched off; one that was switched on begins at `to`."""
        self.tracks = {name: self.tracks.get(name, Track(to)) for name in sorted(names)}

    def remember_edits(self, posts: Iterable[Post]) -> None:
        for post in posts:
            self.edits |= dict.fromkeys(post.versions[1:], post.first)
        self.edits = dict(list(self.edits.items())[-_EDITS:])

    def remember_own(self, posts: Iterable[Post], now: datetime) -> None:
        """What the brand wrote itself, and where: quotes and replies there are searched for."""
        for post in sorted(posts, key=lambda post: int(post.id)):
            self.posts = [post.id, *(one for one in self.posts if one not in post.versions)]
            if post.conversation:
                self.threads = [post.conversation, *(one for one in self.threads if one != post.conversation)]
        self.posts = [one for one in self.posts if now - made_at(one) < KEPT][:_WATCHED]
        self.threads = self.threads[:_WATCHED]

    def first_version(self, post_id: str) -> str:
        return self.edits.get(post_id, post_id)
