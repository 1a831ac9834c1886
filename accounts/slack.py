"""Slack's Web API through slack_sdk: https://docs.slack.dev/reference/methods. And how texts travel there."""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import urllib.error
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from bot.errors import AuthFailed, RateLimited, Refused, Retry, ServiceError, Unsure

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web import SlackResponse

# The SDK would write messages, with people's words in them, at DEBUG.
SILENT: Final = logging.Logger("slack_sdk", logging.CRITICAL)
_AUTH: Final = frozenset(
    {
        "access_denied",
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
# "Some aspect of the operation may have succeeded", as the page of each method says.
_DOUBTFUL: Final = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}", re.IGNORECASE)
_SCOPES: Final = re.compile(r"[a-z0-9:._, -]{1,200}", re.IGNORECASE)
_MENDS: Final = {
    "channel_not_found": "name a channel that exists, by its id, and invite the app there",
    "not_in_channel": "invite the app there: /invite @Vigie",
    "is_archived": "the channel is archived",
}


class Web:
    """One workspace's Web API. Safe for threads."""

    def __init__(self, token: str, api_url: str, timeout: float) -> None:
        self.host = urlsplit(api_url).hostname or ""
        self._token, self._url, self._timeout = token, api_url, timeout

    def client(self) -> WebClient:
        """Without the SDK's retries: it would post once more what was accepted before a connection broke."""
        from slack_sdk import WebClient

        return WebClient(
            self._token,
            base_url=self._url,
            timeout=self._timeout,  # type: ignore[arg-type]  # it goes to urlopen, which takes parts of seconds
            retry_handlers=[],
            logger=SILENT,
        )

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Ask for a method by its name in the SDK, such as "chat_postMessage".

        Raises:
            AuthFailed: Slack no longer takes the token, or it lacks a scope.
            Refused: it will not do it.
            Retry, RateLimited: it surely was not done.
            Unsure: nobody knows.
        """
        answer = self._ask(method, **values).data
        if not isinstance(answer, dict):
            raise Unsure(f"{self.host} does not answer as Slack's Web API does")
        return answer

    def scopes(self) -> set[str]:
        """What the token may do.

        Raises:
            as `call`.
        """
        headers = {name.lower(): value for name, value in self._ask("auth_test").headers.items()}
        return set(str(headers.get("x-oauth-scopes", "")).replace(" ", "").split(","))

    def _ask(self, method: str, **values: Any) -> SlackResponse:
        from slack_sdk.errors import SlackApiError

        try:
            found: SlackResponse = getattr(self.client(), method)(**values)
        except SlackApiError as error:
            raise fault(self.host, error) from None
        except urllib.error.URLError as error:
            _stop(self.host, error.reason)
        except (OSError, http.client.HTTPException) as error:
            raise Unsure(f"{self.host} gave no answer ({type(error).__name__})") from None
        return found


def _stop(host: str, reason: object) -> NoReturn:
    """No answer, and why: the SDK's errors hold the proxy's address, so only their kind is told."""
    kind = type(reason).__name__
    if isinstance(reason, (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)):
        raise Retry(f"{host} could not be reached ({kind})") from None
    raise Unsure(f"{host} gave no answer ({kind})") from None


def fault(host: str, error: SlackApiError) -> ServiceError:
    """Slack answers errors with 200 and ``{"ok": false, "error": code}``, or with a real status."""
    answer = error.response
    data = answer.data if isinstance(answer.data, dict) else {}
    code = str(data.get("error", ""))
    code = code if _CODE.fullmatch(code) else ""
    if answer.status_code == 429 or code in ("ratelimited", "rate_limited"):
        wait = str(answer.headers.get("Retry-After", ""))
        return RateLimited(f"{host} asks us to wait", float(wait[:6]) if wait.isdecimal() else 60)
    if code in _AUTH:
        needed = str(data.get("needed", ""))
        scopes = f": {needed}" if code == "missing_scope" and _SCOPES.fullmatch(needed) else ""
        return AuthFailed(f"{host} does not accept the token ({code}{scopes})")
    if answer.status_code >= 500 or code in _DOUBTFUL or not code:
        return Unsure(f"{host} is out of order ({code or f'status {answer.status_code}'})")
    mend = f": {_MENDS[code]}" if code in _MENDS else ""
    return Refused(f"{host} does not take the message ({code}){mend}")


# --- Texts ----------------------------------------------------------------------------------------


def link(url: str, label: str) -> str:
    """A link in Slack's markup, "" for what is no web address. No character of `url` can end it early."""
    if urlsplit(url).scheme not in ("http", "https"):
        return ""
    return f"<{quote(url, safe=':/?#[]@!$&()*+,;=%~').replace('&', '&amp;')}|{escaped(label)}>"


def escaped(text: str) -> str:
    """Text that Slack shows as it is: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, most: int) -> str:
    """Not more than `most` characters, none of them half of a pair."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


def date(at: datetime) -> str:
    """In the time zone of whoever reads it; in UTC where Slack cannot tell."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"
