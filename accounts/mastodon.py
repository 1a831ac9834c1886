"""What both directions of Mastodon share: how to sign in, and what an answer of the server means.

API: https://docs.joinmastodon.org/client/intro/. Many servers speak it that are no Mastodon (snac, Pleroma,
GoToSocial, ...), so nothing here relies on a version, on the order of ids or on an id being a number.

Mastodon.py is imported by who asks; to import this module costs nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator

from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from bot.http import check_address, wait

if TYPE_CHECKING:
    from mastodon import Mastodon
    from requests import Response

T = TypeVar("T")
Entity = Mapping[str, Any]

_MOST: Final = 32_000_000  # bytes of an answer: 80 statuses of servers that allow 100,000 characters
_SNAC: Final = re.compile(r"\A[0-9]{10}([0-9a-f]{32})\Z")
_PAUSE: Final = 60.0  # seconds, where a server does not say for how long


class Access(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """How to ask one server on behalf of one account."""

    url: str = Field(description="The address of the account's server, such as https://mastodon.social")
    token: SecretStr = Field(
        description="An access token of the account (Preferences > Development > New application), with the "
        "scopes read and write:statuses."
    )
    allow_http: bool = Field(
        default=False, description="Send the token unprotected over http to another machine."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds that sending one reply may take in all.")

    @model_validator(mode="after")
    def _safe(self) -> Access:
        check_address(self.url, allow_http=self.allow_http)
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class Gone(Refused):
    """It is not there, or no longer there for us: the server says no more than that."""


class Server:
    """One server, asked through Mastodon.py, on a short lead: see `accounts.sdk.lead`.

    `seconds`: for all requests together; without it each one may take the whole of ``Access.timeout``.
    `params` go into the query of every request.
    """

    def __init__(
        self, access: Access, seconds: float | None = None, params: Mapping[str, str] | None = None
    ) -> None:
        import requests
        from mastodon import Mastodon

        from accounts.sdk import lead

        self.host = access.host
        self._last: Response | None = None
        session = requests.Session()
        session.params = dict(params or {})
        base, end = access.url.rstrip("/"), time.monotonic() + (seconds or float("inf"))
        lead(session, base, to=base, timeout=access.timeout, most=_MOST, end=end)
        session.hooks["response"].append(self._answered)
        self._session = session
        self.api: Mastodon = Mastodon(
            api_base_url=base,
            ratelimit_method="throw",  # it would sleep instead
            request_timeout=access.timeout,
            version_check_mode="none",  # versions such as "4.0.0 (not true; really snac/2.75)"
            session=session,
            user_agent="vigie",
        )
        # Not above: there it may as well be the name of a file.
        self.api.access_token = access.token.get_secret_value().strip()

    def _answered(self, answer: Response, *_: Any, **__: Any) -> None:
        self._last = answer
        # Some servers (snac) close every connection after one answer and do not say so.
        self._session.close()

    def read(self, ask: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Ask for something that changes nothing.

        Raises:
            RateLimited: as long as the server says, or a minute.
            AuthFailed: the token is not accepted, or may not do this.
            Gone: it is not there.
            Retry: no usable answer came, whatever the reason.
        """
        return self._ask(Retry, ask, *arguments, **options)

    def write(self, ask: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Send what must not be sent twice: one request, never repeated.

        Raises:
            RateLimited, AuthFailed, Retry: it was not done.
            Refused: it never will be, as it is.
            Unsure: it may have been done.
        """
        return self._ask(Unsure, ask, *arguments, **options)

    def _ask(self, doubt: type[Retry | Unsure], ask: Callable[..., T], *arguments: Any, **options: Any) -> T:
        from mastodon import MastodonError

        self._last = None
        try:
            return ask(*arguments, **options)
        except MastodonError as fault:
            if isinstance(fault.__context__, ServiceError):  # the connection's, which the SDK wraps
                raise fault.__context__ from None
            if self._last is None:
                raise Retry(f"{self.host} could not be asked ({type(fault).__name__})") from None
            # By the status, not by the SDK's error: that may be a header which it cannot read.
            raise self._meaning(self._last, doubt) from None

    def _meaning(self, answer: Response, doubt: type[Retry | Unsure]) -> ServiceError:
        status, host = answer.status_code, self.host
        if status == 429:
            return RateLimited(f"{host} asks us to wait", self._wait(answer.headers))
        if status == 401 or (status == 403 and "This action is not allowed" not in _error(answer)):
            return AuthFailed(f"{host} does not accept the token, or not for this (status {status})")
        if status in (404, 410):
            return Gone(f"{host} does not have it, or not for us")
        if status == 408 or not 400 <= status < 500:
            return doubt(f"{host} gave an answer that cannot be used (status {status})")
        if doubt is Retry:
            return Retry(f"{host} does not answer as Mastodon does (status {status})")
        return Refused(f"{host} does not take it (status {status}{_hint(answer)})")

    def _wait(self, headers: Mapping[str, str]) -> float:
        if reset := self.api.ratelimit_reset:
            return float(min(max(reset - time.time(), 1.0), 86_400))
        return wait(headers) or _PAUSE

    @property
    def left(self) -> int:
        """How many requests the server still grants us in this while, by its last answer. 300 where it does
        not say (https://docs.joinmastodon.org/api/rate-limits/)."""
        reset = self.api.ratelimit_reset
        return 300 if reset is not None and reset < time.time() else int(self.api.ratelimit_remaining)

    def me(self) -> str:
        """The id of our account.

        Raises:
            as `read`; AuthFailed also where a server (snac) answers 422 to a wrong token.
        """
        try:
            found = entity(self.read(self.api.account_verify_credentials))
        except Retry as fault:
            if self._last is not None and self._last.status_code == 422:
                raise AuthFailed(f"{self.host} does not accept the token (status 422)") from None
            raise fault from None
        if not found:
            raise Retry(f"{self.host} does not say who we are")
        return str(found["id"])


def _hint(answer: Response) -> str:
    return ": the text is too long" if "character" in _error(answer).lower() else ""


def _error(answer: Response) -> str:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


# --- Entities: nothing in them is taken for granted ----------------------------------------------


def entity(found: Any) -> Entity:
    """Something with an id; {} where it is none."""
    return found if isinstance(found, Mapping) and found.get("id") not in (None, "") else {}


def entities(found: Any) -> Iterator[Entity]:
    """Those in a list that have an id."""
    if isinstance(found, list):
        yield from filter(None, map(entity, found))


def original(status: Entity) -> Entity:
    """Of a boost, what was boosted. snac shows a status that somebody boosted as that boost."""
    return entity(status.get("reblog")) or status


def word(found: Entity, name: str) -> str:
    """A field as text; "" where it is missing or null."""
    value = found.get(name)
    return "" if value is None else str(value)


def ident(status: Entity, name: str = "id") -> str:
    """The id of a status. snac begins it with the time of its last change, which it passes over when it is
    asked: an edit would make another status of it."""
    return _SNAC.sub(r"0000000000\1", word(status, name))


def author_id(status: Entity) -> str:
    return word(entity(status.get("account")), "id")


def when(found: Entity, name: str) -> datetime | None:
    """A field as an instant in UTC."""
    value = found.get(name)
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


# --- Pages ---------------------------------------------------------------------------------------

Get = Callable[..., Any]
SHORT: Final = 15  # no server gives so few where it has more
_PAGES: Final = 20  # of news at once; what follows is read the next time
_BACK: Final = 100


@dataclass(frozen=True)
class Read:
    """What was read of a stream. `newest`: the id to go on from. What was posted before `since` or after
    `until` was left out, though it should have been read; `None` where nothing was."""

    items: tuple[Entity, ...]
    newest: str
    since: datetime | None = None
    until: datetime | None = None


def newer(get: Get, known: str, floor: datetime) -> Read:
    """Everything in a stream that is newer than `known`, a page at a time; where that is "", what is newer
    than `floor`.

    ``min_id`` gives the page that follows next. Some servers give the newest page all the same, so what lies
    between is asked for as well. Within a page the newest comes first.
    """
    if not known:
        return back(get, floor)
    found, newest = dict[str, Entity](), known
    for _ in range(_PAGES):
        page = older = _fresh(get(min_id=newest), found)
        while len(older) >= SHORT:
            older = _fresh(get(min_id=newest, max_id=older[-1]), found)
        newest = page[0] if page else newest
        if len(page) < SHORT:
            return Read(tuple(found.values()), newest)
    return Read(tuple(found.values()), newest, until=when(found[newest], "created_at"))


def back(get: Get, floor: datetime, pages: int = _BACK) -> Read:
    """Everything that is newer than `floor`, from the newest page backwards."""
    found = dict[str, Entity]()
    page = first = _fresh(get(), found)
    for _ in range(pages - 1):
        if len(page) < SHORT or (last := when(found[page[-1]], "created_at") or floor) <= floor:
            return Read(tuple(found.values()), first[0] if first else "")
        page = _fresh(get(max_id=page[-1]), found)
    return Read(tuple(found.values()), first[0], since=last)


def _fresh(page: Any, found: dict[str, Entity]) -> list[str]:
    """Keep what is new on a page; the ids of that."""
    new = {word(one, "id"): one for one in entities(page) if word(one, "id") not in found}
    found |= new
    return list(new)
