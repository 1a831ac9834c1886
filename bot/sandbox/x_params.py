"""What a request to X asks for, checked as X checks it."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.sandbox.town import Post
from bot.sandbox.x_problems import Invalid

Query = dict[str, str]
_RECENT: Final = timedelta(days=7)
# A search looks only at what has settled. https://docs.x.com/x-api/posts/search-recent-posts
_SETTLED: Final = timedelta(seconds=10)
_X_EPOCH: Final = 1_288_834_974_657  # ms
_EARLIEST: Final = datetime(2010, 11, 6, tzinfo=UTC)
OF_POSTS: Final = frozenset(
    {"tweet.fields", "user.fields", "media.fields", "poll.fields", "place.fields", "expansions"}
)
OF_LISTS: Final = frozenset(
    {"max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id"} | OF_POSTS
)


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: ids over `since` and under `until`, times from `start` up to `end`, `size` at
    once."""

    size: int
    since: int = 0
    until: int | None = None
    start: datetime = _EARLIEST
    end: datetime | None = None

    def has(self, post: Post) -> bool:
        in_ids = self.since < post.number and (self.until is None or post.number < self.until)
        return in_ids and self.start <= post.at and (self.end is None or post.at < self.end)


def window(query: Query, *, least: int, default: int) -> Window:
    """
    Raises:
        Invalid: a value is out of bounds, no id, no instant; or since_id comes with start_time.
    """
    if "since_id" in query and "start_time" in query:
        raise Invalid("since_id", query["since_id"], "`since_id` and `start_time` cannot both be given")
    token = query.get("pagination_token") or query.get("next_token")
    until = [_id(query, "until_id")] if "until_id" in query else []
    until += [below(token)] if token else []
    return Window(
        size(query, least=least, default=default),
        _id(query, "since_id") if "since_id" in query else 0,
        min(until, default=None),
        _instant(query, "start_time") or _EARLIEST,
        _instant(query, "end_time"),
    )


def recent(query: Query, asked: Window, now: datetime) -> Window:
    """The window of a recent search, which has seven days.

    Raises:
        Invalid: it reaches back further, or up to a moment that has not settled.
    """
    earliest = now - _RECENT
    if "start_time" in query and asked.start < earliest:
        message = (
            f"Invalid 'start_time':'{query['start_time']}'. 'start_time' must be on or after {_iso(earliest)}"
        )
        raise Invalid("start_time", query["start_time"], message)
    if "since_id" in query and asked.since < snowflake(earliest):
        message = (
            f"'since_id' must be a tweet id created after {_iso(earliest)}. Please use a 'since_id' that is "
            f"larger than {snowflake(earliest)}"
        )
        raise Invalid("since_id", query["since_id"], message)
    if asked.end and asked.end > now - _SETTLED:
        message = "Invalid 'end_time'. 'end_time' must be a minimum of 10 seconds prior to the request time."
        raise Invalid("end_time", query["end_time"], message)
    return Window(asked.size, asked.since, asked.until, max(asked.start, earliest), asked.end)


def known_only(query: Query, known: Iterable[str]) -> None:
    """
    Raises:
        Invalid: something else was asked.
    """
    known = sorted(known)
    for name, value in query.items():
        if name not in known:
            message = f"The query parameter [{name}] is not one of [{','.join(known)}]"
            raise Invalid(name, value, message)


def size(query: Query, *, least: int, default: int) -> int:
    """
    Raises:
        Invalid: max_results is no number, or out of bounds.
    """
    value = query.get("max_results", str(default))
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= 100):
        message = f"The `max_results` query parameter value [{value}] is not between {least} and 100"
        raise Invalid("max_results", value, message)
    return int(value)


def ids(query: Query) -> list[str]:
    """
    Raises:
        Invalid: there is none, one is no id, or there are more than 100.
    """
    given = query.get("ids", "").split(",")
    if len(given) > 100 or not all(re.fullmatch(r"[0-9]{1,19}", one) for one in given):
        message = "The `ids` query parameter value is not 1 to 100 valid ids"
        raise Invalid("ids", query.get("ids", ""), message)
    return list(dict.fromkeys(given))


def listed(query: Query, name: str, known: Iterable[str]) -> frozenset[str]:
    """A list with commas.

    Raises:
        Invalid: it has something unknown.
    """
    given = frozenset(filter(None, query.get(name, "").split(",")))
    if unknown := sorted(given - frozenset(known)):
        message = (
            f"The `{name}` query parameter value [{unknown[0]}] is not one of [{','.join(sorted(known))}]"
        )
        raise Invalid(name, unknown[0], message)
    return given


def token(number: int) -> str:
    """What to ask the next page with: everything below this number."""
    return base64.b32hexencode(f"below{number:019d}".encode()).decode().rstrip("=").lower()


def below(given: str) -> int:
    """
    Raises:
        Invalid: nobody gave out this token.
    """
    try:
        text = base64.b32hexdecode(given.upper() + "=" * (-len(given) % 8)).decode()
        return int(text.removeprefix("below"))
    except ValueError:
        message = f"The `pagination_token` query parameter value [{given}] is not valid"
        raise Invalid("pagination_token", given, message) from None


def snowflake(moment: datetime) -> int:
    """The smallest id of a moment."""
    return max(0, round(moment.timestamp() * 1000) - _X_EPOCH) << 22


def _id(query: Query, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", query[name]):
        raise Invalid(name, query[name], f"The `{name}` query parameter value [{query[name]}] is not valid")
    return int(query[name])


def _instant(query: Query, name: str) -> datetime | None:
    if (value := query.get(name)) is None:
        return None
    with contextlib.suppress(ValueError):
        if value.endswith("Z"):
            return datetime.fromisoformat(value)
    raise Invalid(name, value, f"The `{name}` query parameter value [{value}] is not a valid RFC3339 date")


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
