"""Handing in one message by SMTP (RFC 6409), where the fault says whether it may have been sent."""

from __future__ import annotations

import base64
import re
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from accounts.mailbox import trusted
from bot.errors import AuthFailed, Refused, Retry, Unsure

_TLS_AT_ONCE: Final = 465


@dataclass(frozen=True)
class Way:
    """Which server takes our messages, and who signs in there."""

    host: str
    port: int
    tls: bool
    login: tuple[str, str] = field(repr=False)


def submit(way: Way, sender: str, to: str, data: bytes, end: float) -> None:
    """Hand in one message. `data`: as it goes over the wire, lines ended by CRLF; `end`: when to give up, in
    `time.monotonic` seconds.

    Raises:
        Retry: nothing was sent. Refused: the server will not have it.
        AuthFailed: it does not let us in, or not send in this name.
        Unsure: it may have been sent.
    """
    try:
        with _signed_in(way, sender, end) as smtp:
            _hurry(smtp, end)
            _agreed(way.host, "the sender's address", smtp.mail(sender), ours=True)
            _hurry(smtp, end)
            _agreed(way.host, "the recipient's address", smtp.rcpt(to))
            _hurry(smtp, end)
            _hand_in(way.host, smtp, data, end)
    except OSError as fault:  # smtplib's faults are such, too
        what = f"{way.host} was not there, or broke off before it had the message"
        raise Retry(f"{what} ({type(fault).__name__})") from None


def _hand_in(host: str, smtp: smtplib.SMTP, data: bytes, end: float) -> None:
    """Raises:
    OSError: the end of the message never left us.
    """
    _agreed(host, "the message", smtp.docmd("DATA"))
    _hurry(smtp, end)
    smtp.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
    try:
        _hurry(smtp, end)
        answer = smtp.getreply()
    except OSError as fault:
        raise Unsure(f"{host} did not say whether it took the message ({type(fault).__name__})") from None
    if not (200 <= answer[0] < 300 or 400 <= answer[0] < 600):
        raise Unsure(f"{host} did not say whether it took the message (answer {answer[0]})")
    _agreed(host, "the message", answer)
    with suppress(OSError):
        _hurry(smtp, time.monotonic() + 1)
        smtp.quit()


@contextmanager
def _signed_in(way: Way, sender: str, end: float) -> Iterator[smtplib.SMTP]:
    """Raises:
    OSError: the server is not there, or breaks off.
    AuthFailed, Retry: it does not let us in, or not now.
    """
    smtp = _connected(way, sender, end)
    try:
        _hurry(smtp, end)
        if way.tls and way.port != _TLS_AT_ONCE:
            smtp.starttls(context=trusted())  # fails where it is not offered: nothing goes unprotected
            _hurry(smtp, end)
        smtp.ehlo_or_helo_if_needed()
        _hurry(smtp, end)
        _sign_in(way, smtp)
        yield smtp
    finally:
        smtp.close()


def _connected(way: Way, sender: str, end: float) -> smtplib.SMTP:
    seconds, us = max(0.1, end - time.monotonic()), sender.partition("@")[2]
    if way.tls and way.port == _TLS_AT_ONCE:
        return smtplib.SMTP_SSL(way.host, way.port, us, timeout=seconds, context=trusted())
    return smtplib.SMTP(way.host, way.port, us, timeout=seconds)


def _sign_in(way: Way, smtp: smtplib.SMTP) -> None:
    user, password = way.login
    try:
        if (
            "PLAIN" in smtp.esmtp_features.get("auth", "").upper().split()
        ):  # in UTF-8; smtplib knows ASCII only
            said = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            code, _ = smtp.docmd("AUTH", f"PLAIN {said}")
        else:
            code, _ = smtp.login(user, password)
    except smtplib.SMTPAuthenticationError as fault:
        code = fault.smtp_code
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPException, ValueError):
        raise AuthFailed(f"{way.host} offers no way to sign in that we know") from None
    if 400 <= code < 500:
        raise Retry(f"{way.host} cannot sign us in just now (answer {code})")
    if code not in (235, 503):
        raise AuthFailed(f"{way.host} does not accept the username and password (answer {code})")


def _hurry(smtp: smtplib.SMTP, end: float) -> None:
    left = end - time.monotonic()
    if left <= 0 or smtp.sock is None:
        raise TimeoutError
    smtp.sock.settimeout(left)


def _agreed(host: str, what: str, answer: tuple[int, bytes], *, ours: bool = False) -> None:
    """What an answer means (RFC 5321, 4.2.1). Its words are not repeated, as they may hold addresses.

    Raises:
        Retry, Refused; AuthFailed where what is `ours` is not accepted.
    """
    code = answer[0]
    if 200 <= code < 400:
        return
    if not 500 <= code < 600:
        raise Retry(f"{host} does not take {what} just now (answer {code})")
    if code in (530, 535) or (ours and code != 552):
        raise AuthFailed(f"{host} does not let us send from this address (answer {code})")
    raise Refused(f"{host} does not take {what} (answer {code})")
