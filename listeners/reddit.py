"""Reddit: who names the brand's account, answers it or writes to it, and what is said in some communities.

The inbox (https://www.reddit.com/dev/api#GET_message_{where}) brings what speaks to the brand; the account's
own comments are its native answers; of the communities under `subreddits`, what holds a keyword is heard and
owed nothing. Reddit shows the last 1,000 of each: where that does not reach back to the poll before, a gap is
told. An edit is seen for `overlap_minutes`.

Docs: docs/networks/reddit.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from accounts.reddit import Account, Session, Thing, link
from bot.errors import AuthFailed, Refused
from bot.models import Author, Batch, Kind, Mention

_LAG: Final = timedelta(seconds=30)  # until Reddit's listings show what was just written
_ALL: Final = 900  # of the 1,000 that Reddit shows at most, some are left out
_TELL_AGAIN: Final = timedelta(hours=1)
_KINDS: Final = {"t1": Kind.COMMENT, "t3": Kind.POST, "t4": Kind.MESSAGE}
_DELETED: Final = "[deleted]"


class Config(Account, extra="forbid", frozen=True, hide_input_in_errors=True):
    subreddits: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{2,21}$")], ...] = Field(
        default=(), description="Communities to listen to, without r/. Only what holds a keyword is kept."
    )
    keywords: tuple[Annotated[str, Field(min_length=2)], ...] = Field(
        default=(), description="Words to listen for there; upper and lower case are one."
    )
    network: str = Field(default="reddit", min_length=1, description="The name it goes by.")
    overlap_minutes: float = Field(default=10, ge=0, description="How far back every poll looks again.")
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")


class RedditListener:
    """Reads one account, and what is said in some communities."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self._fault: Refused | None = None
        self._told: datetime | None = None

    def poll(self, cursor: str | None) -> Batch:
        """Everything that is newer than the poll before, and what lies in the overlap. A community that is
        closed to us holds up nothing else: the next poll tells of it, once an hour.

        Raises:
            AuthFailed: Reddit accepts the credentials no more.
            RateLimited, Retry: it asks us to wait, is out of order or not there.
            Refused: a community is closed to us, or not there.
        """
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        now = self.clock()
        to, known = now - _LAG, json.loads(cursor) if cursor else None
        first = now - timedelta(days=self.config.first_days)
        since = datetime.fromisoformat(known) if known else first
        floor = since - timedelta(minutes=self.config.overlap_minutes) if known else first
        session = Session(self.config, time.monotonic() + 60)
        found, reached = dict[str, Mention](), floor
        for path, speaks_to_us in self._streams():
            newer, until = self._read(session, path, floor)
            reached = max(reached, until)
            for thing in newer:
                if (mention := self._mention(thing, now, speaks_to_us)) is not None:
                    found.setdefault(mention.remote_id, mention)
        mentions = tuple(sorted(found.values(), key=lambda mention: mention.posted_at))
        gap = max(reached, first) if cursor is None or reached > since else None
        return Batch(mentions, json.dumps(to.isoformat()), to, gap and min(gap, to))

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        """Which of these comments and posts their authors took down. Messages are not looked up.

        Raises:
            as `poll`.
        """
        names = [one for one in remote_ids if one.startswith(("t1_", "t3_"))]
        if not names:
            return ()
        session = Session(self.config, time.monotonic() + 60)
        return [
            str(thing["name"])
            for thing in session.info(names)
            if _DELETED in (thing.get("body"), thing.get("selftext"))
        ]

    def _streams(self) -> Iterator[tuple[str, bool]]:
        """Each listing, and whether what it holds speaks to the brand."""
        yield "message/inbox/", True
        yield f"user/{self.config.username}/comments/", False
        if self.config.subreddits and self.config.keywords:
            places = "+".join(self.config.subreddits)
            yield f"r/{places}/comments/", False
            yield f"r/{places}/new/", False

    def _read(self, session: Session, path: str, floor: datetime) -> tuple[list[Thing], datetime]:
        try:
            return self._newer(session, path, floor)
        except (AuthFailed, Refused):
            now = self.clock()
            if not path.startswith("r/"):
                raise
            if self._told is None or now - self._told >= _TELL_AGAIN:
                self._fault, self._told = (
                    Refused("one of the subreddits is private, banned or not there"),
                    now,
                )
            return [], floor

    def _newer(self, session: Session, path: str, floor: datetime) -> tuple[list[Thing], datetime]:
        """What was written since `floor`, and from when on nothing is missing: `floor`, if it was reached."""
        found, last, shown = list[Thing](), floor, 0
        for page in session.listing(path):
            times = [_at(thing, self.clock()) for thing in page]
            found += [thing for thing, at in zip(page, times, strict=True) if at >= floor]
            last, shown = min(times, default=last), shown + len(page)
            if last <= floor:
                return found, floor
        return found, last if shown >= _ALL else floor

    def _mention(self, thing: Thing, now: datetime, speaks_to_us: bool) -> Mention | None:
        own, author = self.config.wrote(thing), str(thing.get("author") or "")
        text = _words(thing)
        if not (speaks_to_us or own or self._named(text)):
            return None
        return Mention(
            network=self.config.network,
            remote_id=str(thing["name"]),
            text=text,
            posted_at=min(_at(thing, now), now),
            author=Author(id=str(thing.get("author_fullname") or author), handle=author),
            kind=_KINDS.get(str(thing["kind"]), Kind.POST),
            # Reddit itself sends notices without an author: nobody waits for an answer to them.
            addressed=speaks_to_us and not own and bool(author),
            url=link(thing),
            in_reply_to=str(thing.get("parent_id") or ""),
            own=own,
        )

    def _named(self, text: str) -> bool:
        return any(word.casefold() in text.casefold() for word in self.config.keywords)


def _words(thing: Thing) -> str:
    if thing["kind"] != "t3":
        return str(thing.get("body") or "")
    return f"{thing.get('title') or ''}\n\n{thing.get('selftext') or ''}".strip()


def _at(thing: Thing, otherwise: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(float(thing["created_utc"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return otherwise
