"""One account of Bluesky: how to sign in and stay signed in.

XRPC is spoken directly and not through the SDK (atproto 0.0.73), which was measured: its import costs 2.3 to
3 s and 37 MB; a notification without its author makes it refuse the whole page; and it leaves ``swapRecord:
null`` out of a request, which is what keeps a reply from ever being written over. The tests let people write
and read through the SDK, so that each side checks the other.

Signing in is limited to 30 times in 5 minutes and 300 a day for one account
(https://docs.bsky.app/docs/advanced-guides/rate-limits). So the listeners and responders of one account share
one session, renewed for as long as the process lives; and with `session_file` the next process goes on with
it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from accounts.xrpc import CLOSED, body_of, code_of, fault, watch_limits, word
from bot.errors import AuthFailed, Retry, Unsure
from bot.http import Answer, ask, check_address, client, instant, tell

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

_MOST: Final = 32_000_000  # bytes of an answer
# The token is too old, or was taken back: a new one may be good.
_STALE: Final = ("ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired")
# Seconds for which a refused password is not tried again: 300 times a day is all that there is.
_REFUSED: Final = 900.0


class Access(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """What the listener and the responder of one account both need."""

    handle: str = Field(min_length=1, description="The account's handle, such as banqueazur.bsky.social")
    password: SecretStr = Field(
        description="An App Password of the account (Settings > Privacy and security > App passwords)."
    )
    url: str = Field(
        default="https://bsky.social", description="Where the account is hosted: the address of its PDS."
    )
    session_file: Path | None = Field(
        default=None,
        description="Keep the session in this file, so that the next process need not sign in anew: for "
        "`run --once`, and for much work on the command line. Whoever can read it can write as the account: "
        "it is made readable by its owner alone. Default: the session ends with the process.",
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for one answer.")

    @field_validator("url")
    @classmethod
    def _safe(cls, url: str) -> str:
        check_address(url, allow_http=False)
        return url.rstrip("/")

    @field_validator("handle")
    @classmethod
    def _bare(cls, handle: str) -> str:
        return handle.strip().removeprefix("@").lower()

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class Session(NamedTuple):
    """Who we are, and the two tokens that say so."""

    did: str
    handle: str
    access: str
    refresh: str


class Account:
    """One account, signed in as needed. Safe for threads."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self._clock = clock
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._refused: tuple[float, str] | None = None

    @contextlib.contextmanager
    def open(self, end: float = float("inf")) -> Iterator[Xrpc]:
        """Calls in the account's name. `end`: when to give up, in `time.monotonic` seconds."""
        with client() as http:
            http.event_hooks = {"response": [watch_limits]}
            yield Xrpc(self, http, end)

    def session(self, xrpc: Xrpc) -> Session:
        """The session; signs in where there is none.

        Raises:
            AuthFailed, Retry, RateLimited: as `Xrpc.query`.
        """
        with self._lock:
            if self._session is None:
                self._session = self._kept() or self._sign_in(xrpc)
            return self._session

    def renew(self, xrpc: Xrpc, used: Session) -> None:
        """Get a session that is not `used`: another thread's, another process's, or a new one.

        Raises:
            as `session`.
        """
        with self._lock:
            if self._session is not used:
                return
            kept = self._kept()
            if kept is not None and kept.access != used.access:
                self._session = kept
                return
            answer = xrpc.post("com.atproto.server.refreshSession", used.refresh)
            if answer.status in (400, 401):  # too old, used up, or taken back
                self._session = None
                self._session = self._sign_in(xrpc)
            else:
                self._session = self._begun(answer)

    def _sign_in(self, xrpc: Xrpc) -> Session:
        if self._refused is not None and self._clock() < self._refused[0]:
            raise AuthFailed(self._refused[1])
        password = self.access.password.get_secret_value()
        body = {"identifier": self.access.handle, "password": password}
        answer = xrpc.post("com.atproto.server.createSession", json=body)
        if answer.status in (400, 401, 403) and code_of(answer):
            said = _unwelcome(self.access.host, code_of(answer))
            self._refused = self._clock() + _REFUSED, said
            raise AuthFailed(said)
        return self._begun(answer)

    def _begun(self, answer: Answer) -> Session:
        found = body_of(answer)
        if answer.status != 200 or found is None:
            raise fault(self.access.host, answer)
        if found.get("active") is False:
            raise AuthFailed(
                f"{self.access.host} says that the account is {word(found.get('status')) or 'closed'}"
            )
        session = _session(found, ("did", "handle", "accessJwt", "refreshJwt"))
        if session is None:
            raise Retry(f"{self.access.host} does not say who we are")
        self._keep(session)
        return session

    # --- The session file ------------------------------------------------------------------------

    def _kept(self) -> Session | None:
        if (file := self.access.session_file) is None:
            return None
        try:
            found = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        ours = isinstance(found, dict) and found.get("for") == self._owner
        return _session(found, Session._fields) if ours else None

    def _keep(self, session: Session) -> None:
        """Another process finds the whole of the old file or the whole of the new one."""
        if (file := self.access.session_file) is None:
            return
        new = file.with_name(f"{file.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as out:
                json.dump({"for": self._owner, **session._asdict()}, out)
            new.replace(file)
        except OSError as problem:
            new.unlink(missing_ok=True)
            log.warning("Bluesky: session_file cannot be written (%s)", type(problem).__name__)

    @property
    def _owner(self) -> str:
        return f"{self.access.handle} {self.access.url}"


_ACCOUNTS: Final[weakref.WeakValueDictionary[tuple[Any, ...], Account]] = weakref.WeakValueDictionary()
_ACCOUNTS_LOCK: Final = threading.Lock()


def account(access: Access) -> Account:
    """The account that these settings are for: the same one for all who hold it at the same time."""
    key = (access.url, access.handle, access.password.get_secret_value(), access.session_file)
    with _ACCOUNTS_LOCK:
        found = _ACCOUNTS.get(key)
        if found is None:
            found = _ACCOUNTS[key] = Account(access)
        return found


class Xrpc:
    """Calls of one account, one after the other. `date`: the service's clock when it answered last."""

    def __init__(self, of: Account, http: httpx.Client, end: float) -> None:
        self._account, self._http, self._end = of, http, end
        self.date: datetime | None = None

    @property
    def me(self) -> Session:
        """Who we are.

        Raises:
            as `query`.
        """
        return self._account.session(self)

    @property
    def host(self) -> str:
        return self._account.access.host

    def query(self, method: str, **params: Any) -> dict[str, Any]:
        """What a method that changes nothing answers.

        Raises:
            RateLimited: the service asks us to wait.
            AuthFailed: our credentials are no longer good, or the account is closed.
            Rejected: it says no.
            Retry: no usable answer came.
        """

        def send(token: str) -> Answer:
            answer = self._send(ask, "GET", method, token, params=params)
            date = instant(answer.headers.get("date", ""))
            self.date = date - answer.took if date else None
            return answer

        answer = self._signed_in(send)
        found = body_of(answer)
        if answer.status != 200 or found is None:
            raise fault(self.host, answer)
        return found

    def write(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a method that changes something answers.

        Raises:
            RateLimited, AuthFailed, Rejected, Retry: it surely did not happen.
            Unsure: it may have.
        """
        answer = self._signed_in(lambda token: self._send(tell, "POST", method, token, json=body))
        if answer.status >= 300:
            raise fault(self.host, answer)
        found = body_of(answer)
        if answer.status != 200 or found is None:
            raise Unsure(f"{self.host} did not say what became of it")
        return found

    def post(self, method: str, token: str = "", **request: Any) -> Answer:
        """For signing in, which may safely be repeated.

        Raises:
            Retry, RateLimited: as `query`.
        """
        return self._send(ask, "POST", method, token, **request)

    def _signed_in(self, send: Callable[[str], Answer]) -> Answer:
        # A token from the file may be as old as our own: so the third time counts.
        for _ in range(3):
            session = self.me
            answer = send(session.access)
            if answer.status not in (400, 401) or code_of(answer) not in _STALE:
                return answer
            self._account.renew(self, session)
        raise AuthFailed(f"{self.host} does not accept the token that it gave us ({code_of(answer)})")

    def _send(self, how: Callable[..., Answer], verb: str, method: str, token: str, **request: Any) -> Answer:
        end = min(self._end, time.monotonic() + self._account.access.timeout)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._account.access.url}/xrpc/{method}"
        return how(self._http, verb, url, end=end, most=_MOST, headers=headers, **request)


def _unwelcome(host: str, code: str) -> str:
    if code == "AuthFactorTokenRequired":
        return f"{host} wants a code by e-mail, as for the account's own password: use an App Password"
    if code in CLOSED:
        return f"{host} says that the account is closed ({code})"
    return f"{host} does not accept the handle and the App Password ({code})"


def _session(found: Mapping[str, Any], names: tuple[str, ...]) -> Session | None:
    values = [found.get(name) for name in names]
    texts = [value for value in values if isinstance(value, str) and value]
    return Session(*texts) if len(texts) == len(names) and texts[0].startswith("did:") else None
