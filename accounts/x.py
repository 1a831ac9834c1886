"""One account of X: how to sign in, what its errors mean, what a call costs.

API v2 through tweepy, in the name of the account (OAuth 1.0a): https://docs.x.com/x-api/introduction. Errors:
https://docs.x.com/x-api/fundamentals/response-codes-and-errors. Prices:
https://docs.x.com/x-api/getting-started/pricing, as of `Prices.as_of`; where that page leaves a case open,
the dearer reading is charged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, model_validator

from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from bot.http import check_address, instant, wait
from bot.meter import Budget, Meter

if TYPE_CHECKING:
    import requests

# What tweepy asks and signs for, whatever the address really is.
_BASE: Final = "https://api.twitter.com"
_MINUTE: Final = 60.0
_DAY: Final = 86_400.0
Clock = Callable[[], datetime]


class Prices(BaseModel, extra="forbid", frozen=True):
    """US dollars for one of each."""

    as_of: date = Field(default=date(2026, 8, 22), description="When these prices were looked up")
    post_read: float = Field(default=0.005, ge=0, description="A post that a search or a look-up returns")
    owned_read: float = Field(
        default=0.001, ge=0, description="A post of one's own timelines, with owned_reads: true"
    )
    user_expansion: float = Field(
        default=0.010,
        ge=0,
        description="An author's name beside a post; X does not say whether it charges it",
    )
    message_read: float = Field(default=0.010, ge=0, description="A direct message that is returned")
    reply: float = Field(default=0.010, ge=0, description="A reply to somebody who called the account")
    post_with_link: float = Field(default=0.200, ge=0, description="A post, or a reply, with a link in it")
    message: float = Field(default=0.015, ge=0, description="A direct message that is sent")


def _bare(handle: Any) -> Any:
    return handle.removeprefix("@") if isinstance(handle, str) else handle


class Account(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """What the listener and the responder of one account both need."""

    consumer_key: SecretStr = Field(description="The app's API key (console.x.com, Keys and tokens)")
    consumer_secret: SecretStr = Field(description="The app's API key secret")
    access_token: SecretStr = Field(
        description="The account's access token, with the permission to write (and to read messages)"
    )
    access_token_secret: SecretStr = Field(description="The account's access token secret")
    handle: Annotated[str, BeforeValidator(_bare)] = Field(
        pattern=r"^[A-Za-z0-9_]{1,15}$", description="The account's name on X, such as @banqueazur"
    )
    user_id: str = Field(
        default="",
        pattern=r"^[0-9]{0,19}$",
        description="The account's number; default: the digits that the access token begins with",
    )
    api_url: str = Field(default=_BASE, description="Where X's API is; another address for a sandbox")
    timeout: float = Field(default=20, gt=0, le=30, description="Seconds to wait for one answer.")
    budget: Budget = Field(default=Budget(), description="What X may cost")
    prices: Prices = Field(default=Prices(), description="X's prices, for the budget")
    owned_reads: bool = Field(
        default=False, description="The account itself owns the app, so that its own timelines cost less"
    )

    @model_validator(mode="after")
    def _usable(self) -> Account:
        check_address(self.api_url, allow_http=False)
        if not self.me:
            raise ValueError("user_id is needed: the access token does not begin with it")
        return self

    @property
    def me(self) -> str:
        """The account's number."""
        digits = self.access_token.get_secret_value().partition("-")[0]
        return self.user_id or (digits if digits.isascii() and digits.isdecimal() else "")

    @property
    def host(self) -> str:
        return urlsplit(self.api_url).hostname or ""

    @property
    def own_post(self) -> float:
        """What a post of one's own timelines costs."""
        return self.prices.owned_read if self.owned_reads else self.prices.post_read


class Rejected(Refused):
    """X says no. `status` is HTTP's; `said` are X's own words in lower case, to compare with, not to show."""

    def __init__(self, message: str, status: int, said: str = "") -> None:
        self.status, self.said = status, said
        super().__init__(message)


class Session:
    """Calls of one account, one after the other. Not for several threads. `date`: X's clock at the last of
    them, where it showed it."""

    def __init__(self, account: Account, meter: Meter, clock: Clock, client: Any) -> None:
        self._account, self._meter, self._clock = account, meter, clock
        self.client = client
        self.date: datetime | None = None

    def read(
        self, call: Callable[..., Any], item: str, price: float, *, errors: bool = False, **params: Any
    ) -> dict[str, Any]:
        """What a reading call of `client` answers, as X wrote it, charged by what it returned. `errors`: an
        answer that holds nothing but errors is one.

        Raises:
            RateLimited: X asks us to wait, or the budget for reading is used up.
            Rejected, AuthFailed: X says no, or does not let us.
            Retry: no usable answer came.
        """
        self._meter.may_read(self._clock())
        body = self._body(call(user_auth=True, **params), Retry)
        users = (body.get("includes") or {}).get("users") or []
        self._charge(item, len(_items(body)), price)
        self._charge("author read", len(users), self._account.prices.user_expansion)
        if not errors and "data" not in body and "meta" not in body and body.get("errors"):
            raise Retry(f"{self._account.host} answered with errors only ({_slug(body['errors'])})")
        return body

    def write(self, call: Callable[..., Any], item: str, price: float, **params: Any) -> dict[str, Any]:
        """What X says of what was just published. Charged unless it surely was not published.

        Raises:
            RateLimited, Rejected, AuthFailed, Retry: it was not published.
            Unsure: it may have been.
        """
        self._meter.may_write(self._clock())
        try:
            body = self._body(call(user_auth=True, **params), Unsure)
        except Unsure:
            self._charge(item, 1, price)
            raise
        self._charge(item, 1, price)
        data = body.get("data")
        if not isinstance(data, dict):
            raise Unsure(f"{self._account.host} did not say what became of it")
        return data

    def _charge(self, item: str, number: int, price: float) -> None:
        self._meter.charge(item, number, number * round(price * 1_000_000))

    def _body(self, answer: requests.Response, error: type[Retry | Unsure]) -> dict[str, Any]:
        self.date = instant(answer.headers.get("date", ""))
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise error(f"{self._account.host} does not answer as X's API does")
        return body


@contextmanager
def session(account: Account, meter: Meter, clock: Clock, end: float = math.inf) -> Iterator[Session]:
    """Sign in. `end`: when to give up, in `time.monotonic` seconds."""
    import requests
    import tweepy  # type: ignore[import-untyped, unused-ignore]

    from accounts.sdk import lead

    class Client(tweepy.Client):  # type: ignore[misc, unused-ignore]
        def _process_params(self, params: Mapping[str, Any], endpoint_parameters: Any) -> Any:
            # tweepy would send what it does not know, and only log it.
            if unknown := set(params) - {name.replace(".", "_") for name in endpoint_parameters}:
                raise TypeError(f"X's API has no such parameter: {', '.join(sorted(unknown))}")
            return super()._process_params(params, endpoint_parameters)

    client = Client(
        consumer_key=account.consumer_key.get_secret_value(),
        consumer_secret=account.consumer_secret.get_secret_value(),
        access_token=account.access_token.get_secret_value(),
        access_token_secret=account.access_token_secret.get_secret_value(),
        return_type=requests.Response,
        wait_on_rate_limit=False,  # it would sleep here for up to a day, or ask again without end
    )
    lead(client.session, _BASE, to=account.api_url, timeout=account.timeout, end=end)
    # Before tweepy looks at it: it keeps neither headers nor a status that it has no name for.
    client.session.hooks["response"].append(lambda answer, **_: _check(account, clock, answer))
    with client.session:
        yield Session(account, meter, clock, client)


# --- What X's errors mean ------------------------------------------------------------------------

_SUMMONED: Final = (
    "X lets an app answer only those who named the account (@) or quoted one of its posts: answer by hand"
)
_NO_RIGHT: Final = (
    "the app may not do this: give it the permission to write (and messages) in X's console, then make new"
    " access tokens"
)
_WORDS: Final = ("title", "detail", "type", "reason", "message")
# A part of X's words, and what it means. The first that fits counts.
_FORBIDDEN: Final[tuple[tuple[str, type[Refused | AuthFailed], str], ...]] = (
    ("duplicate content", Refused, "X says that the account has posted this text already"),
    ("mentioned or otherwise engaged", Refused, _SUMMONED),
    ("not summoned", Refused, _SUMMONED),
    ("not been mentioned", Refused, _SUMMONED),
    ("oauth1 app permissions", AuthFailed, _NO_RIGHT),
    ("oauth1-permissions", AuthFailed, _NO_RIGHT),
    ("read-only", AuthFailed, _NO_RIGHT),
    ("read only", AuthFailed, _NO_RIGHT),
    ("client-not-enrolled", AuthFailed, "X does not let this app use its API: see the app in X's console"),
    ("client-forbidden", AuthFailed, "X does not let this app use its API: see the app in X's console"),
    ("account is suspended", AuthFailed, "X has suspended the account"),
    ("account is temporarily locked", AuthFailed, "X has locked the account: sign in on x.com"),
    ("deleted or not visible", Refused, "the post is gone, or its author shows it to us no more"),
    ("who can reply", Refused, "the author lets only some people reply"),
    ("not following you", Refused, "this person takes no messages from the account"),
    ("permission to dm", Refused, "this person takes no messages from the account"),
    ("cannot send messages", Refused, "this person takes no messages from the account"),
    ("blocked", Refused, "this person has blocked the account"),
    ("too long", Refused, "the text is too long for X"),
)


def _check(account: Account, clock: Clock, answer: requests.Response) -> None:
    """Raise what an answer other than a success means. `Rejected` where X says no for good."""
    if not 200 <= answer.status_code < 300:
        raise _fault(account, clock, answer)


def _fault(account: Account, clock: Clock, answer: requests.Response) -> ServiceError:
    status, host = answer.status_code, account.host
    writes = answer.request.method != "GET"
    if status == 401:
        return AuthFailed(f"{host} accepts these credentials no more: make new ones in X's console")
    if status == 402:
        return AuthFailed(
            f"the credits at {host} are used up: buy some in X's console (console.x.com), or wait"
        )
    if status == 429:
        return RateLimited(f"{host} asks us to wait", _reset(answer.headers, clock()))
    said = _said(answer)
    if 400 <= status < 500 and status != 408 and (said is not None or status == 404):
        return _no(status, said or "", writes=writes)
    if 400 <= status < 500:  # whoever stands in front of X; X itself never saw it
        return Retry(f"{host} does not answer as X's API does (status {status})")
    return (Unsure if writes else Retry)(f"{host} is out of order (status {status})")


def _no(status: int, said: str, *, writes: bool) -> ServiceError:
    if status == 403:
        for part, error, meaning in _FORBIDDEN:
            if part in said:
                return AuthFailed(meaning) if error is AuthFailed else Rejected(meaning, status, said)
        if not writes:
            return AuthFailed("X does not let this app read that: see its plan and its rights in X's console")
    meaning = "it is gone, or X does not show it to us" if status == 404 else f"X does not take it ({status})"
    return Rejected(meaning, status, said)


def _said(answer: requests.Response) -> str | None:
    """What X calls the problem, in whichever of its shapes, without what it repeats of the request. `None`
    where it is not X that answers."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    errors = body.get("errors")
    parts = [body, *(errors if isinstance(errors, list) else [])]
    words = [part.get(key) for part in parts if isinstance(part, dict) for key in _WORDS]
    return "\n".join(word for word in words if isinstance(word, str)).lower()


def _reset(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds until the limit that was reached ends: of 15 minutes, or of the whole day."""
    resets = [headers.get("x-rate-limit-reset", "")] + [
        headers.get(f"x-{whose}-limit-24hour-reset", "")
        for whose in ("user", "app")
        if headers.get(f"x-{whose}-limit-24hour-remaining") == "0"
    ]
    ends = [int(reset[:12]) for reset in resets if reset.isascii() and reset.isdecimal()]
    if not ends:
        return wait(headers) or _MINUTE
    return min(max(max(ends) - now.timestamp(), 1.0), _DAY)


def _items(body: Mapping[str, Any]) -> list[Any]:
    data = body.get("data")
    return data if isinstance(data, list) else [data] if isinstance(data, dict) else []


def _slug(errors: Any) -> str:
    """The last part of a problem's type, which is one of X's own few words."""
    first = errors[0] if isinstance(errors, list) and errors else None
    kind = str(first.get("type", "")).rpartition("/")[2] if isinstance(first, dict) else ""
    return kind if kind.replace("-", "").isalpha() and len(kind) < 60 else "of no kind we know"
