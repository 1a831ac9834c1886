"""One account of Reddit, through praw: how to sign in, and what its errors mean.

https://www.reddit.com/dev/api. praw is an extra (`pip install "vigie[reddit]"`): a config that needs it says
so when it is missing. By itself it sends a POST up to three times when it gets a 5xx or the connection
breaks, and sleeps until a limit ends. Neither happens here.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator

from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from bot.http import check_address, wait

if TYPE_CHECKING:
    import requests
    from praw import Reddit
    from praw.exceptions import RedditAPIException
    from prawcore.exceptions import ResponseException

Thing = Mapping[str, Any]
T = TypeVar("T")
_PAGE: Final = 100
_SITE: Final = "https://www.reddit.com"
_MINUTE: Final = 60.0
_NAP: Final = 2.0  # seconds between two requests that praw may keep
_BREAK: Final = re.compile(r"(\d{1,5}) (millisecond|second|minute|hour)")
_SECONDS: Final = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0}
_CODE: Final = re.compile(r"[A-Z_]{1,60}")
# What praw and its parts raise where an answer is none that they know.
_UNREADABLE: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Account(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """What the listener and the responder both need."""

    client_id: str = Field(min_length=1, description="The app's id (reddit.com/prefs/apps)")
    client_secret: SecretStr = Field(description="The app's secret")
    username: str = Field(pattern=r"^[A-Za-z0-9_-]{1,30}$", description="The brand's account, without u/")
    password: SecretStr | None = Field(default=None, description="Its password, for an app of type script")
    refresh_token: SecretStr | None = Field(
        default=None, description="Instead of the password: a permanent token, for an app of type web"
    )
    reddit_url: str = Field(default=_SITE, description="Where to sign in; another address for tests")
    oauth_url: str = Field(
        default="https://oauth.reddit.com", description="Where the API is; another address for tests"
    )
    timeout: float = Field(default=20, gt=0, le=30, description="Seconds to wait for one answer.")

    @model_validator(mode="after")
    def _usable(self) -> Account:
        check_address(self.reddit_url, allow_http=False)
        check_address(self.oauth_url, allow_http=False)
        if (self.password is None) == (self.refresh_token is None):
            raise ValueError("give either password or refresh_token")
        if importlib.util.find_spec("praw") is None:
            raise ValueError('type reddit needs praw, which is not installed: pip install "vigie[reddit]"')
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.oauth_url).hostname or ""

    def wrote(self, thing: Thing) -> bool:
        """Whether the brand wrote this."""
        return str(thing.get("author") or "").lower() == self.username.lower()


class Session:
    """Calls of one account, one after the other, until `end` (`time.monotonic` seconds). Signs in at once.

    Raises:
        as `get`.
    """

    def __init__(self, account: Account, end: float) -> None:
        self._account = account
        http = _http(account, end)
        self._api = _praw(account, http)
        # A fault while we sign in says nothing of what is asked afterwards.
        self._asked(self._api.auth.scopes, Retry)
        http.close()  # praw asks for that connection to be closed, and would begin to use it again

    def get(self, path: str, **params: str | int) -> Any:
        """What Reddit answers to a GET, as it wrote it.

        Raises:
            RateLimited: Reddit asks us to wait.
            AuthFailed: the credentials are no longer good, or not for this.
            Refused: it is not there.
            Retry: no usable answer came.
        """
        return self._asked(lambda: self._api.request(method="GET", path=path, params=params), Retry)

    def post(self, path: str, data: Mapping[str, str]) -> Thing:
        """What Reddit says of what was just published.

        Raises:
            RateLimited, AuthFailed, Refused, Retry: it was not published.
            Unsure: it may have been.
        """
        found = self._asked(lambda: self._api.request(method="POST", path=path, data=dict(data)), Unsure)
        answer = found.get("json") if isinstance(found, dict) else None
        if not isinstance(answer, dict):
            raise Unsure(f"{self._account.host} does not answer as Reddit does")
        for error in answer.get("errors") or ():
            raise _no(self._account.host, str(error[0]), str(error[1]))
        return answer

    def listing(self, path: str) -> Iterator[list[Thing]]:
        """A listing, page by page from its newest; at most 1,000 things, which is as far as Reddit goes back.

        Raises:
            as `get`.
        """
        after = ""
        for _ in range(10):
            data = _data(self.get(path, limit=_PAGE, **({"after": after} if after else {})))
            page = things(data)
            yield page
            after = str(data.get("after") or "")
            if not after:
                return

    def info(self, names: list[str]) -> list[Thing]:
        """The posts and comments with these names ("t1_..."), of those that there are.

        Raises:
            as `get`.
        """
        return things(_data(self.get("api/info/", id=",".join(names))))

    def _asked(self, call: Callable[[], T], doubt: type[Retry | Unsure]) -> T:
        from praw.exceptions import PRAWException, RedditAPIException
        from prawcore.exceptions import OAuthException, PrawcoreException, RequestException, ResponseException

        host = self._account.host
        try:
            return call()
        except RequestException as fault:
            raise _of_the_connection(fault.original_exception, host, doubt) from None
        except OAuthException:
            raise AuthFailed(f"{host} does not accept the name, the password or the token") from None
        except ResponseException as fault:
            raise _of_the_status(fault, host, doubt) from None
        except RedditAPIException as fault:
            raise _of_the_request(fault, host, doubt) from None
        except (PRAWException, PrawcoreException, *_UNREADABLE) as fault:
            kind = type(fault).__name__
            raise doubt(f"{host} does not answer as Reddit does ({kind})") from None


def _http(account: Account, end: float) -> requests.Session:
    import requests

    from accounts.sdk import Redirect

    session = requests.Session()
    session.trust_env = urlsplit(account.oauth_url).scheme != "http"
    here, there = account.oauth_url, account.reddit_url
    for prefix, base in (("https://", here), ("http://", here), (here, here), (there, there)):
        session.mount(prefix, Redirect(base, base, account.timeout, 32_000_000, end))
    return session


def _praw(account: Account, http: requests.Session) -> Reddit:
    import praw
    from prawcore.rate_limit import RateLimiter
    from prawcore.sessions import FiniteRetryStrategy

    class Awake(RateLimiter):
        def delay(self) -> None:
            left = ((self.next_request_timestamp_ns or 0) - time.monotonic_ns()) / 1e9
            if left > _NAP:
                raise RateLimited(f"{account.host} asks us to wait", left)
            super().delay()

    class Once(FiniteRetryStrategy):
        def should_retry_on_failure(self) -> bool:
            return False

    for name in ("praw", "prawcore"):  # they would write people's words, at DEBUG
        logging.getLogger(name).disabled = True
    api = praw.Reddit(
        site_name="DEFAULT",
        client_id=account.client_id,
        client_secret=account.client_secret.get_secret_value(),
        password=_secret(account.password),
        refresh_token=_secret(account.refresh_token),
        username=account.username,
        user_agent=f"python:vigie (by /u/{account.username})",
        reddit_url=account.reddit_url,
        oauth_url=account.oauth_url,
        check_for_updates=False,
        check_for_async=False,
        requestor_kwargs={"session": http},
    )
    core: Any = api._core  # praw offers no other way to either
    core._retry_strategy_class = Once
    core._rate_limiter = Awake(window_size=600)
    return api


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


# --- What Reddit's errors mean -------------------------------------------------------------------

_MEANINGS: Final[Mapping[str, str]] = {
    "DELETED_COMMENT": "it was deleted",
    "DELETED_LINK": "the post was deleted",
    "THREAD_LOCKED": "the thread is locked",
    "TOO_OLD": "the thread is archived",
    "TOO_LONG": "the text is too long",
    "NO_TEXT": "there is no text",
    "SUBREDDIT_NOTALLOWED": "the account may not write there",
    "SOMETHING_IS_BROKEN": "Reddit does not take it, and does not say why",
    "USER_BLOCKED": "this person has blocked the account",
}


def _no(host: str, code: str, said: str) -> ServiceError:
    """An error inside an answer that is a success by its status: nothing was published."""
    if code == "RATELIMIT":
        found = _BREAK.search(said)
        after = int(found[1]) * _SECONDS[found[2]] if found else _MINUTE
        return RateLimited(f"{host} asks us to wait", after)
    if code == "USER_REQUIRED":
        return AuthFailed(f"{host} does not know who we are")
    shown = code if _CODE.fullmatch(code) else "for no reason that we know"
    return Refused(_MEANINGS.get(code, f"{host} does not take it ({shown})"))


def _of_the_connection(fault: Exception, host: str, doubt: type[Retry | Unsure]) -> ServiceError:
    """What accounts/sdk.py made of it; a doubt about a request that only reads, or signs in, is none."""
    if isinstance(fault, ServiceError) and not (isinstance(fault, Unsure) and doubt is Retry):
        return fault
    return doubt(str(fault) if isinstance(fault, ServiceError) else f"{host} gave no answer")


def _of_the_status(fault: ResponseException, host: str, doubt: type[Retry | Unsure]) -> ServiceError:
    from prawcore.exceptions import InsufficientScope

    status = fault.response.status_code
    if status == 429:
        return RateLimited(f"{host} asks us to wait", wait(fault.response.headers) or _MINUTE)
    if status == 401 or isinstance(fault, InsufficientScope):
        return AuthFailed(f"{host} does not accept the credentials, or not for this (status {status})")
    if status == 403:  # of a thread that is locked, or a community that we are banned from, when we write
        if doubt is Retry:
            return AuthFailed(f"{host} does not let this account or app read that (status 403)")
        return Refused("Reddit does not let the account answer there: it is locked, or the account is banned")
    if status in (404, 413):
        return Refused(f"{host} does not have it, or not for us (status {status})")
    return doubt(f"{host} is out of order (status {status})")


def _of_the_request(fault: RedditAPIException, host: str, doubt: type[Retry | Unsure]) -> ServiceError:
    error = _no(host, str(fault.items[0].error_type), str(fault.items[0].message))
    return Retry(str(error)) if isinstance(error, Refused) and doubt is Retry else error


# --- Things: nothing in them is taken for granted ------------------------------------------------


def _data(found: Any) -> Thing:
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("children"), list):
        raise Retry("Reddit does not answer with a listing")
    return data


def things(data: Thing) -> list[Thing]:
    """What a listing holds, each with its `kind` ("t1": a comment, "t3": a post, "t4": a message)."""
    children = [child for child in data["children"] if isinstance(child, dict)]
    inner = [(child.get("kind"), child.get("data")) for child in children]
    return [{**thing, "kind": kind} for kind, thing in inner if isinstance(thing, dict) and thing.get("name")]


def link(thing: Thing) -> str:
    """Where it stands in public."""
    path = str(thing.get("permalink") or thing.get("context") or "")
    return _SITE + path.partition("?")[0] if path.startswith("/") else ""
