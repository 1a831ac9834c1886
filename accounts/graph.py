"""Meta's Graph API through facebook-sdk 3.1.0, as it has to be asked today: https://developers.facebook.com/docs/graph-api

The SDK is of 2018 and stays unchanged. `ModernGraph` mends by inheritance what time has broken: the version,
the proof that we know the app's secret, a token that would stand in addresses, statuses and errors that it
does not look at. Import this module where it is needed: it costs as much as the SDK.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests

from accounts.meta import Access
from accounts.sdk import lead
from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure
from bot.http import instant, wait

with warnings.catch_warnings():
    # Its only backslash is one that newer Pythons warn of while they compile it.
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    import facebook

_BASE: Final = facebook.FACEBOOK_GRAPH_URL.rstrip("/")
# https://developers.facebook.com/docs/graph-api/overview/rate-limiting
_THROTTLED: Final = frozenset({4, 17, 32, 341, 613, *range(80_000, 80_100)})
_ENOUGH: Final = 95  # percent of what we may use: calls beyond 100 are refused, and counted all the same
_PAUSE: Final = 300  # seconds, where Meta does not say how long: its windows slide
# https://developers.facebook.com/docs/messenger-platform/error-codes
_WINDOW: Final = frozenset({2018065, 2018108, 2018278, 2534022})
_GONE: Final = frozenset({(100, 33), (803, 0)})
_TWICE: Final = frozenset({506, 10_900})
_REFUSED: Final = {
    368: "Meta blocks this as abuse, or as too much of the same",
    551: "this person cannot be written to",
    10_901: "the time for a private reply is over",
    10_902: "there can be no private reply to this",
    10_903: "this person cannot be written to",
    10_904: "the page has messages switched off in its settings",
}
_TRANSIENT: Final = frozenset({1, 2})
_PERMISSION: Final = re.compile(
    r"\b(?:pages_(?:manage_engagement|manage_metadata|messaging|read_engagement|read_user_content|show_list)"
    r"|instagram_(?:basic|manage_comments)|business_management)\b"
)
_PAGING: Final = ("after", "until", "offset", "__paging_token")


class ModernGraph(facebook.GraphAPI):  # type: ignore[misc]  # the SDK has no types
    """One call's way to Meta; not for several threads. `end`: when to give up, in `time.monotonic` seconds.

    `date`: Meta's clock at the first answer. Of the last one: `error`, its code and subcode (0: none), and
    `rest`, for how many seconds Meta would rather not be asked; `None`: go on.
    """

    def __init__(self, access: Access, end: float = float("inf")) -> None:
        super().__init__(timeout=access.timeout)  # and no token: the SDK would write it into addresses
        self.version = access.graph_version
        self.date: datetime | None = None
        self.error = (0, 0)
        self.rest: float | None = None
        token = access.token.get_secret_value()
        secret = access.app_secret.get_secret_value().encode()
        # https://developers.facebook.com/docs/graph-api/guides/secure-requests
        self._proof = {"appsecret_proof": hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()}
        self.session.auth = _Bearer(token)
        self.session.hooks["response"].append(self._look_at)
        lead(self.session, _BASE, to=access.api_url, timeout=access.timeout, end=end)

    def __enter__(self) -> ModernGraph:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def read(self, path: str, **query: str) -> dict[str, Any]:
        """What is at `path`, such as "123/feed".

        Raises:
            Refused: it is gone, or nothing that this token may see.
            AuthFailed, RateLimited, Retry: as `Listener.poll`.
        """
        found = self.request(f"{self.version}/{path}", args={**query, **self._proof})
        assert isinstance(found, dict), "everything else was refused when it came"
        return found

    def write(self, path: str, **form: str) -> dict[str, Any]:
        """Do something there, which may show.

        Raises:
            Refused, AuthFailed, RateLimited, Retry: it surely did not happen.
            Unsure: it may have.
        """
        done = self.request(f"{self.version}/{path}", post_args={**form, **self._proof}, method="POST")
        assert isinstance(done, dict), "everything else was refused when it came"
        return done

    def all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Everything on an edge, page by page."""
        seen: list[Mapping[str, str]] = []
        after: Mapping[str, str] | None = {}
        while after is not None and after not in seen:
            seen.append(after)
            answer = self.read(path, **query, **after)
            yield from items(answer)
            after = following(answer)

    @property
    def gone(self) -> bool:
        """There is no such thing, or nothing that this token may see: Meta does not tell which."""
        return self.error in _GONE

    @property
    def twice(self) -> bool:
        """Meta says that this stands there already, and not where."""
        return self.error[0] in _TWICE

    @property
    def lost(self) -> bool:
        """Meta does not know what was asked for: such as a page of a list that is another one by now."""
        return self.error[0] == 100 and not self.gone

    def _look_at(self, answer: requests.Response, **_: Any) -> None:
        """Every answer passes here before the SDK sees it."""
        body = _json(answer)
        self.error = codes(body)
        if (wrong := fault(answer, body)) is not None:
            raise wrong
        self.date = self.date or instant(answer.headers.get("date", ""))
        self.rest = _rest(answer.headers)
        answer.headers["content-type"] = "application/json"  # Graph also says text/javascript


class _Bearer(requests.auth.AuthBase):
    """As Meta's own examples do, so that the token stands in no address."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def items(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list in an answer, without what is no object with an id."""
    found = answer.get("data")
    listed = found if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]


def following(answer: Mapping[str, Any]) -> dict[str, str] | None:
    """What to ask besides for the next page; `None` if this was the last. The address that Meta gives for
    it holds the token: only the place is taken from it."""
    paging = answer.get("paging")
    following_ = paging.get("next") if isinstance(paging, dict) else None
    if not isinstance(following_, str):
        return None
    query = dict(parse_qsl(urlsplit(following_).query))
    return {name: query[name] for name in _PAGING if name in query} or None


# --- What Meta's errors mean: https://developers.facebook.com/docs/graph-api/guides/error-handling --------


def fault(answer: requests.Response, body: Any) -> ServiceError | None:
    """What is wrong with an answer; `None`: nothing. Its text never holds words of Meta's: they may be
    somebody's, or hold the token."""
    reads = answer.request.method == "GET"
    doubt: type[Retry | Unsure] = Retry if reads else Unsure
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return _said(answer, error, codes(body), doubt)
    if answer.status_code == 429:
        return RateLimited("Meta asks us to wait", _regained(answer.headers))
    if answer.status_code >= 400 or not isinstance(body, dict) or error:
        return doubt(f"Meta does not answer as its Graph API does (status {answer.status_code})")
    return None


def codes(body: Any) -> tuple[int, int]:
    """The code and subcode of an error; zeros where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    found = error if isinstance(error, dict) else {}
    return _number(found.get("code")), _number(found.get("error_subcode"))


def _said(
    answer: requests.Response,
    error: Mapping[str, Any],
    number: tuple[int, int],
    doubt: type[Retry | Unsure],
) -> ServiceError:
    code, subcode = number
    name = f"error {code}/{subcode}" if subcode else f"error {code}"
    if code in _THROTTLED or answer.status_code == 429:
        return RateLimited(f"Meta asks us to wait ({name})", _regained(answer.headers))
    if code in _TWICE and doubt is Unsure:
        return Unsure(f"Meta says that this stands there already ({name})")
    if (definite := _definite(code, subcode, name)) is not None:
        return definite
    if code in (3, 10) or 200 <= code < 300:
        return _forbidden(error, name, reads=doubt is Retry)
    if code in _TRANSIENT or answer.status_code >= 500 or error.get("is_transient") is True or doubt is Retry:
        return doubt(f"Meta is out of order (status {answer.status_code}, {name})")
    return Refused(f"Meta does not take it ({name})")


def _definite(code: int, subcode: int, name: str) -> ServiceError | None:
    if code in (102, 190):
        return AuthFailed(f"Meta no longer accepts the token ({name}): make a new one")
    if subcode in _WINDOW:
        return Refused(f"the time in which Meta lets a page write to this person is over ({name})")
    if (code, subcode) in _GONE:
        return Refused(f"it is gone, or this token may not see it ({name})")
    if code in _REFUSED:
        return Refused(f"{_REFUSED[code]} ({name})")
    return None


def _forbidden(error: Mapping[str, Any], name: str, *, reads: bool) -> AuthFailed | Refused:
    """A permission that is missing stops everything; without its name, a refused reply is about this one
    place."""
    missing = sorted(set(_PERMISSION.findall(str(error.get("message", "")))))
    if error.get("code") == 230:
        missing = ["pages_messaging"]
    if missing:
        return AuthFailed(f"the token lacks a permission ({name}): grant {' or '.join(missing)}")
    if reads:
        return AuthFailed(f"the token may not read this ({name}): see which permissions it needs")
    return Refused(f"Meta does not let the page answer there ({name})")


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


# --- How much of what we may ask is used up -------------------------------------------------------


def _rest(headers: Mapping[str, str]) -> float | None:
    """Seconds to stay away, where nearly everything is used up."""
    most = max((_used(usage) for usage in _usages(headers)), default=0)
    return _regained(headers) if most > _ENOUGH else None


def _regained(headers: Mapping[str, str]) -> float:
    """Seconds until we may ask again: Meta says minutes."""
    minutes = max((_number(u.get("estimated_time_to_regain_access")) for u in _usages(headers)), default=0)
    return float(min(minutes * 60, 86_400)) or wait(headers) or _PAUSE


def _used(usage: Mapping[str, Any]) -> float:
    shares = (usage.get(name) for name in ("call_count", "total_cputime", "total_time"))
    return max((share for share in shares if isinstance(share, int | float)), default=0)


def _usages(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Each is shares in percent: one for the app, and some for each page and business case."""
    app = _decoded(headers.get("x-app-usage"))
    cases = _decoded(headers.get("x-business-use-case-usage"))
    lists = (value for value in cases.values() if isinstance(value, list))
    yield from (one for one in (app, *(one for some in lists for one in some)) if isinstance(one, dict))


def _decoded(value: str | None) -> dict[str, Any]:
    try:
        found = json.loads(value or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
