"""What both directions of a mailbox share: how to get in by IMAP (RFC 3501), on a short lead.

Nothing here marks, moves or deletes a message. What the server says is never repeated in an error: it may
hold addresses.
"""

from __future__ import annotations

import base64
import imaplib
import re
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr, model_validator

from accounts.mail_headers import is_address
from bot.errors import AuthFailed, Retry, ServiceError

MOST: Final = 2_000_000  # bytes that are read of one message: what was attached may be as large as it likes
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_LISTED: Final = re.compile(rb'\((?P<flags>[^()]*)\) (?:NIL|"(?:[^"\\]|\\.)*") (?P<name>.*)', re.DOTALL)
_SENT_NAMES: Final = ("Sent", "INBOX.Sent", "INBOX/Sent")


class Access(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """How to get into one mailbox."""

    address: str = Field(description="The mailbox's address, such as care@example.org; replies come from it.")
    also: tuple[str, ...] = Field(default=(), description="Other addresses of the brand.")
    imap: str = Field(min_length=1, description="The IMAP server, such as imap.example.org")
    imap_port: int = Field(default=993, ge=1, le=65535, description="993, where TLS begins at once.")
    username: str = Field(default="", description="Who signs in; default: the address")
    password: SecretStr = Field(description="Of the mailbox, or one made for applications.")
    tls: bool = Field(default=True, description="Off only to a server on this machine.")
    folder: str = Field(default="INBOX", description="The folder in which people's messages come.")
    sent: str = Field(
        default="",
        description="The folder of what was sent; default: the one that the server marks as such, else Sent",
    )
    timeout: float = Field(default=20, gt=0, description="Seconds that sending one reply may take in all.")

    @model_validator(mode="after")
    def _safe(self) -> Access:
        if not all(is_address(one) and one.isascii() for one in self.ours):
            raise ValueError("address and also must be addresses such as care@example.org")
        self.check_host(self.imap)
        return self

    def check_host(self, host: str) -> None:
        """Raises:
        ValueError: the password would travel unprotected.
        """
        if not self.tls and host not in _LOOPBACK:
            raise ValueError("tls may be off only for a server on this machine (127.0.0.1)")

    @property
    def ours(self) -> frozenset[str]:
        return frozenset(one.lower() for one in (self.address, *self.also))

    @property
    def login(self) -> tuple[str, str]:
        return self.username or self.address, self.password.get_secret_value()


def trusted() -> ssl.SSLContext:
    """Certificates are verified, against those that the system (or SSL_CERT_FILE) trusts."""
    return ssl.create_default_context()


@dataclass(frozen=True)
class Raw:
    """One message as it came: at most its first `MOST` bytes."""

    uid: int
    received: datetime
    data: bytes


@dataclass(frozen=True)
class Folder:
    """A folder that was opened: what its UIDs are valid for (RFC 3501, 2.3.1.1), and the last one."""

    name: str
    validity: int
    last: int


class Imap:
    """One connection. Every method raises Retry where the server is out of order or not there."""

    def __init__(self, access: Access, connection: imaplib.IMAP4) -> None:
        self.host = access.imap
        self._access = access
        self._imap = connection

    # --- Reading: nothing is changed by it -----------------------------------------------------------

    def open(self, name: str) -> Folder:
        """Open a folder to read only (EXAMINE).

        Raises:
            Retry: also where there is no such folder.
        """
        status, _ = self._do(lambda: self._imap.select(_quoted(name), readonly=True))
        validity = self._number("UIDVALIDITY")
        if status != "OK" or not validity:
            raise Retry(f"{self.host} does not open a folder: look at folder and sent in the config")
        following = self._number("UIDNEXT")
        return Folder(name, validity, following - 1 if following else max(self.search("UID", "*"), default=0))

    def _number(self, code: str) -> int:
        """What the server said with the folder; 0 where it did not."""
        said = self._imap.response(code)[1][0]
        return int(said) if isinstance(said, bytes) and said.isdigit() else 0

    def sent(self) -> str:
        """The folder of what was sent, "" where there is none yet."""
        if self._access.sent:
            return self._access.sent
        listed = self._done(lambda: self._imap.list('""', '"*"'))
        folders = list(_folders(listed))
        marked = [name for flags, name in folders if b"\\sent" in flags.lower().split()]
        return next(iter([*marked, *(name for _, name in folders if name in _SENT_NAMES)]), "")

    def after(self, uid: int) -> list[int]:
        """The UIDs beyond `uid`, in their order."""
        # "n:*" always gives the last message too (RFC 3501, 6.4.8).
        return [one for one in self.search("UID", f"{uid + 1}:*") if one > uid]

    def since(self, day: date) -> list[int]:
        """The UIDs of what arrived on `day`, as the server has it, or later."""
        return self.search("SINCE", imap_date(day))

    def search(self, *criteria: str) -> list[int]:
        """UIDs in their order. A criterion is ASCII, and quoted where it must be."""
        found = self._done(lambda: self._imap.uid("SEARCH", *criteria))
        return sorted(
            {int(uid) for line in found if isinstance(line, bytes) for uid in line.split() if uid.isdigit()}
        )

    def with_id(self, message_id: str) -> list[int]:
        """The UIDs of messages of that id, which stands without its brackets."""
        return self.search("HEADER", "Message-ID", quoted(f"<{message_id}>"))

    def messages(self, uids: Sequence[int], section: str = "BODY.PEEK[]") -> Iterator[Raw]:
        """These, without marking them as read."""
        if not uids:
            return
        wanted = f"(UID INTERNALDATE {section}<0.{MOST}>)"
        found = self._done(lambda: self._imap.uid("FETCH", ",".join(map(str, uids)), wanted))
        for place, part in enumerate(found):
            if isinstance(part, tuple):
                rest = found[place + 1] if place + 1 < len(found) else b""
                # What a server says of a message may stand before its text or behind it.
                facts = part[0] + b" " + (rest if isinstance(rest, bytes) else b"")
                if raw := _raw(facts, part[1]):
                    yield raw

    # --- Keeping -------------------------------------------------------------------------------------

    def keep(self, data: bytes) -> None:
        """Put what was sent into its folder, as read."""
        name, kept = self.sent() or _SENT_NAMES[0], imaplib.Time2Internaldate(time.time())
        status, _ = self._do(lambda: self._imap.append(_quoted(name), r"(\Seen)", kept, data))
        if status != "OK":
            self._do(lambda: self._imap.create(_quoted(name)))
            status, _ = self._do(lambda: self._imap.append(_quoted(name), r"(\Seen)", kept, data))
        if status != "OK":
            raise Retry(f"{self.host} does not take a copy of what was sent")

    def _done(self, ask: Callable[[], tuple[str, list[Any]]]) -> list[Any]:
        """Nothing found is an answer; that it could not be looked for is none."""
        status, found = self._do(ask)
        if status != "OK":
            raise Retry(f"{self.host} does not show what lies in the mailbox")
        return found

    def _do(self, ask: Callable[[], tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
        try:
            return ask()
        except (imaplib.IMAP4.error, OSError, ValueError) as fault:
            raise Retry(f"{self.host} gave no answer that can be used ({type(fault).__name__})") from None


@contextmanager
def opened(access: Access, seconds: float | None = None) -> Iterator[Imap]:
    """A connection that is signed in. `seconds`: for all of it; without it each answer may take the whole of
    ``Access.timeout``.

    Raises:
        AuthFailed: the server does not accept the credentials.
        Retry: it is out of order or not there, or its certificate cannot be trusted.
    """
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    try:
        connection = _Secure(access, end) if access.tls else _Plain(access, end)
    except (imaplib.IMAP4.error, OSError, ValueError) as fault:
        raise Retry(f"{access.imap} could not be reached ({type(fault).__name__})") from None
    try:
        _sign_in(access, connection)
        yield Imap(access, connection)
        with suppress(imaplib.IMAP4.error, OSError, ValueError):
            connection.logout()
    finally:
        with suppress(OSError):
            connection.shutdown()


class _Lead(imaplib.IMAP4):
    """Ends in time, and takes no more than was asked for."""

    end = float("inf")
    each = 20.0

    def read(self, size: int) -> bytes:
        if size > MOST + 65_536:
            raise self.abort("a literal that nobody asked for")
        self._hurry()
        return super().read(size)

    def readline(self) -> bytes:
        self._hurry()
        return super().readline()

    def _hurry(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(min(self.each, left))


class _Plain(_Lead):
    def __init__(self, access: Access, end: float) -> None:
        self.end, self.each = end, access.timeout
        super().__init__(access.imap, access.imap_port, _first(end, access))


class _Secure(_Lead, imaplib.IMAP4_SSL):
    def __init__(self, access: Access, end: float) -> None:
        self.end, self.each = end, access.timeout
        seconds = _first(end, access)
        imaplib.IMAP4_SSL.__init__(
            self, access.imap, access.imap_port, ssl_context=trusted(), timeout=seconds
        )


def _first(end: float, access: Access) -> float:
    return max(0.1, min(access.timeout, end - time.monotonic()))


def _sign_in(access: Access, connection: imaplib.IMAP4) -> None:
    user, password = access.login
    try:
        if "AUTH=PLAIN" in connection.capabilities:  # in UTF-8 (RFC 4616); LOGIN knows ASCII only
            connection.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        else:
            connection.login(user, password)
    except (imaplib.IMAP4.abort, OSError) as fault:
        raise Retry(f"{access.imap} broke off while signing in ({type(fault).__name__})") from None
    except (imaplib.IMAP4.error, ValueError) as fault:
        raise _refusal(access.imap, str(fault)) from None


def _refusal(host: str, said: str) -> ServiceError:
    """By the response code: https://www.rfc-editor.org/rfc/rfc5530#section-3"""
    if any(code in said for code in ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")):
        return Retry(f"{host} cannot sign us in just now")
    return AuthFailed(f"{host} does not accept the username and password")


# --- The wire's own ways ---------------------------------------------------------------------------


def quoted(text: str) -> str:
    """As a quoted string, in which no line ends (RFC 3501, 4.3)."""
    escaped = re.sub(r"[\x00-\x1f\x7f]", "", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted(folder: str) -> str:
    """A folder's name as it goes over the wire, in modified UTF-7 (RFC 3501, 5.1.3)."""
    return quoted(re.sub(r"&|[^\x20-\x7e]+", _shifted, folder))


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    return "&" + base64.b64encode(found[0].encode("utf-16-be"), b"+,").decode().rstrip("=") + "-"


def _unshifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padded = found[1] + "=" * (-len(found[1]) % 4)
    try:
        return base64.b64decode(padded, b"+,").decode("utf-16-be")
    except ValueError:
        return found[0]


def _folders(listed: Sequence[Any]) -> Iterator[tuple[bytes, str]]:
    """The attributes and the name of each folder in the answer to LIST."""
    for line in listed:
        # A name with odd characters comes as a literal: imaplib makes a pair of such a line.
        head, literal = line if isinstance(line, tuple) else (line, None)
        found = _LISTED.match(head) if isinstance(head, bytes) else None
        if found:
            name = (literal if literal is not None else _unquoted(found["name"])).decode("ascii", "replace")
            yield found["flags"], re.sub(r"&([A-Za-z0-9+,]*)-", _unshifted, name)


def _unquoted(name: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", name[1:-1]) if name[:1] == b'"' else name


def imap_date(day: date) -> str:
    """In English, whatever the locale: 5-Mar-2026."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def _raw(facts: bytes, data: bytes) -> Raw | None:
    uid = re.search(rb"\bUID (\d+)", facts)
    at = imaplib.Internaldate2tuple(facts)
    if not uid:
        return None
    received = datetime.fromtimestamp(time.mktime(at), UTC) if at else datetime.now(UTC)
    return Raw(int(uid[1]), received, data)
