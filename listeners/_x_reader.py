"""Reads X for one poll: pages to their end, searches in windows of time, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from accounts.x import Account, Rejected, Session
from accounts.x_posts import FIELDS, USER_FIELDS, Post, authors, is_id, made_at, moment, posts
from bot.errors import Refused, ServiceError
from bot.models import Author
from listeners._x_place import KEPT, Place, Track

# X lists and finds a post only some time after it was posted: what we call complete ends that much earlier.
LAG: Final = timedelta(seconds=60)
# How much later still a search looks again for what `since_id` never showed.
_OVERLAP: Final = timedelta(minutes=10)
_PAGE: Final = 100  # the most X gives
_PAGES: Final = 40  # of a timeline: more than X keeps there (800 mentions, 3,200 posts of one's own)
_SEARCH_PAGES: Final = 10  # of one reading of searches in one poll; the next poll goes on from there
_MENTIONS_KEPT: Final = 800
_FIRST_MESSAGES: Final = 10  # every message that is listed costs, known or not
_QUERY: Final = 512  # characters
_MARGIN: Final = timedelta(minutes=1)


class Reader:
    """The readings of one poll. What was read stands in `heard` and `messages`, also when one of them fails;
    `place` moves on only past what stands there. `gap`: from when on that holds, where X shows no more what
    lies before."""

    def __init__(self, api: Session, account: Account, place: Place, now: datetime) -> None:
        self._api, self._account, self._place, self._now = api, account, place, now
        self.heard: list[Post] = []
        self.addressed: set[str] = set()
        self.messages: list[dict[str, Any]] = []
        self.people: dict[str, Author] = {}
        self.gap: datetime | None = None

    @property
    def _until(self) -> datetime:
        """Up to when a reading that is done now is complete, by our clock or by X's if ours is ahead."""
        return min(self._now, self._api.date or self._now) - LAG

    # --- timelines ---------------------------------------------------------------------------------

    def mentions(self, track: Track, reconcile: Track) -> None:
        """Those who named the account: all since the last time, or as many as X keeps; what it keeps no more
        is left to a search."""
        before = track.to
        read = self._timeline(self._api.client.get_users_mentions, "mention read", track, with_authors=True)
        self.addressed |= {post.first for post in read}
        self._place.remember_edits(read)
        if len(read) >= _MENTIONS_KEPT - _PAGE:  # a few of its 800 may be deleted meanwhile
            reconcile.to, reconcile.begun = min(reconcile.to, before), None
            reconcile.goal, reconcile.todo, self._place.owed = None, [], True

    def own(self, track: Track) -> None:
        """What the account itself wrote: answers given natively, and ours."""
        call = self._api.client.get_users_tweets
        read = self._timeline(call, "own post read", track, with_authors=False)
        self._place.remember_own(read, self._now)

    def _timeline(
        self, call: Callable[..., Any], item: str, track: Track, *, with_authors: bool
    ) -> list[Post]:
        after: dict[str, Any] = {"since_id": track.since} if track.since else {"start_time": track.to}
        try:
            read = self._whole_timeline(call, item, after, with_authors=with_authors)
        except Rejected as fault:
            if fault.status != 400 or not track.since:
                raise
            # X takes no id of more than a week ago, or of a post that is gone.
            read = self._whole_timeline(call, item, {"start_time": track.to}, with_authors=with_authors)
        newest = max((int(post.id) for post in read), default=0)
        track.since = str(max(newest, int(track.since or 0)) or "")
        track.begun, track.to = self._now, self._until
        self.heard += read
        return read

    def _whole_timeline(
        self, call: Callable[..., Any], item: str, after: dict[str, Any], *, with_authors: bool
    ) -> list[Post]:
        asked = {"id": self._account.me, "max_results": _PAGE, **_fields(with_authors=with_authors), **after}
        pages = self._pages(call, item, self._account.own_post, "pagination_token", _PAGES, asked)
        return [post for body in pages for post in posts(body, self._now)]

    # --- searches ----------------------------------------------------------------------------------

    def brand(self, track: Track) -> None:
        """Replies to the brand and in its threads, and quotes of its posts."""
        handle = self._account.handle
        clauses = [f"to:{handle}", f'url:"{handle}/status"']  # a quote holds a link to what it quotes
        clauses += [f"quotes_of_tweet_id:{number}" for number in self._place.posts]
        clauses += [f"conversation_id:{number}" for number in self._place.threads]
        self.searches(track, _joined(clauses, f" -from:{handle} -is:retweet"))

    def reconcile(self, track: Track) -> None:
        """Once more who named the account: timelines leave some out when asked by `since_id`."""
        handle = self._account.handle
        self.searches(track, [f"@{handle} -from:{handle} -is:retweet"], _OVERLAP)
        if not track.todo:
            self._place.owed = False

    def saved(self, track: Track, query: str) -> None:
        """One of the config's own searches."""
        try:
            self.searches(track, [query])
        except Rejected as fault:
            if fault.status == 400:
                raise Refused(f"X does not take the saved search that begins with {query[:20]!r}") from None
            raise

    def searches(self, track: Track, queries: list[str], overlap: timedelta = timedelta(0)) -> None:
        """Read all these from `Track.to` on, and a little before, as far as the pages of one poll reach."""
        begun, pages = track.begun, len(self.heard)
        if fresh := not track.todo:
            track.begun, track.goal = self._now, self._until
            track.todo = [[query, ""] for query in queries]
        try:
            self._search(track, self._from(track, overlap))
        except ServiceError:
            if fresh and len(self.heard) == pages:  # the next attempt need not go on from here
                track.begun, track.goal, track.todo = begun, None, []
            raise
        if not track.todo and track.goal:
            track.to, track.goal = track.goal, None

    def _search(self, track: Track, start: datetime) -> None:
        left = _SEARCH_PAGES
        while track.todo and left:
            query, below = track.todo[0]
            asked: dict[str, Any] = {"query": query, "start_time": start, "max_results": _PAGE}
            asked |= _fields(with_authors=True) | ({"until_id": below} if below else {})
            more = False
            for body in self._found(asked, left):
                left -= 1
                read = list(posts(body, self._now))
                self.heard += read
                self._place.remember_edits(read)
                if read:
                    track.todo[0][1] = min((post.id for post in read), key=int)
                more = bool((body.get("meta") or {}).get("next_token"))
            if not more:
                track.todo.pop(0)

    def _found(self, asked: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
        call, price = self._api.client.search_recent_tweets, self._account.prices.post_read
        return self._pages(call, "post read", price, "next_token", most, asked)

    def _from(self, track: Track, overlap: timedelta) -> datetime:
        """Where the window of a search begins: X's goes back a week."""
        earliest = self._now - KEPT + _MARGIN
        if track.to < earliest:
            self.gap = earliest
        return max(track.to - overlap, earliest)

    # --- messages ----------------------------------------------------------------------------------

    def direct(self, track: Track) -> None:
        """Direct messages, theirs and ours, newest first down to those that were read before."""
        call, price = self._api.client.get_direct_message_events, self._account.prices.message_read
        asked: dict[str, Any] = {
            "dm_event_fields": ["created_at", "dm_conversation_id", "event_type", "id", "text", "entities"],
            "event_types": "MessageCreate",
            "expansions": ["sender_id"],
            "user_fields": USER_FIELDS,
            "max_results": _FIRST_MESSAGES,
        }
        read = list[dict[str, Any]]()
        for body in self._pages(call, "message read", price, "pagination_token", _PAGES, asked):
            asked["max_results"] = _PAGE
            self.people |= authors(body)
            events = [one for one in body.get("data") or [] if isinstance(one, dict) and is_id(one.get("id"))]
            fresh = [one for one in events if _made(one) >= track.to]
            read += fresh
            if len(fresh) < len(events):
                break
        track.begun, track.to = self._now, self._until
        self.messages += read

    # --- pages -------------------------------------------------------------------------------------

    def _pages(
        self, call: Callable[..., Any], item: str, price: float, token: str, most: int, asked: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Page after page, newest first. `asked` may be changed between them."""
        following: dict[str, Any] = {}
        for _ in range(most):
            body = self._api.read(call, item, price, **asked, **following)
            yield body
            following = {token: (body.get("meta") or {}).get("next_token")}
            if not following[token]:
                return


def _fields(*, with_authors: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {"tweet_fields": FIELDS}
    return asked | ({"expansions": ["author_id"], "user_fields": USER_FIELDS} if with_authors else {})


def _made(event: dict[str, Any]) -> datetime:
    return moment(event.get("created_at")) or made_at(event["id"])


def _joined(clauses: list[str], behind: str) -> list[str]:
    """As few queries as X's limit allows, of clauses of which one must hold."""
    queries, taken = list[str](), list[str]()
    for clause in clauses:
        if taken and len(_either([*taken, clause])) + len(behind) > _QUERY:
            queries.append(_either(taken) + behind)
            taken = []
        taken.append(clause)
    return [*queries, _either(taken) + behind]


def _either(clauses: list[str]) -> str:
    return f"({' OR '.join(clauses)})"
