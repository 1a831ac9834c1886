"""Escalations and digests to whatever Apprise reaches: e-mail, Microsoft Teams, Mattermost, ntfy and more.

Each address is an Apprise URL (https://github.com/caronc/apprise/wiki), such as
``mailtos://user:password@example.org?to=team@example.org``. It holds credentials, so all of it is a secret:
faults are told by an address's place in the list, and Apprise's own log, which holds addresses and texts, is
switched off. Apprise says only whether a message was taken, so whatever went wrong is tried again.

One address that takes the message will do. Where each of several must be told, give each an entry of its own.
"""

from __future__ import annotations

import hashlib
import logging
import time
import unicodedata
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.errors import Refused, Retry
from bot.models import Escalation, Receipt

if TYPE_CHECKING:
    from apprise import Apprise

log = logging.getLogger("vigie")
_MOST: Final = 2000  # characters of a person's words
_INVISIBLE: Final = "\u200b"


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    urls: Annotated[tuple[SecretStr, ...], Field(min_length=1)] = Field(
        description="Apprise URLs, each as ${NAME}: https://github.com/caronc/apprise/wiki"
    )
    timeout: float = Field(default=20, gt=0, description="Seconds that one message may take, to all of them.")

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, url in enumerate(urls, start=1):
            if not urlsplit(url.get_secret_value()).scheme:
                raise ValueError(
                    f"number {number} is no Apprise URL; it begins such as mailtos:// or ntfy://"
                )
        return urls


class AppriseNotifier:
    """Tells people through Apprise (https://github.com/caronc/apprise)."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def notify(self, escalation: Escalation) -> Receipt:
        """Deliver `escalation` as plain text.

        Raises:
            Refused: Apprise knows none of the addresses.
            Retry: none of them took it.
        """
        self._send(_headline(escalation), _body(escalation))
        return Receipt(f"apprise:{escalation.key}:{escalation.ring}")

    def tell(self, subject: str, text: str) -> Receipt:
        """Deliver a text that rings for nothing.

        Raises:
            Refused, Retry: as `notify`.
        """
        self._send(_line(subject), text)
        return Receipt(f"apprise:{hashlib.sha256(text.encode()).hexdigest()[:16]}")

    def _send(self, title: str, body: str) -> None:
        from apprise import NotifyFormat

        logging.getLogger("apprise").disabled = True
        end = time.monotonic() + self.config.timeout
        taken, unknown, silent = 0, list[str](), list[str]()
        for number, url in enumerate(self.config.urls, start=1):
            place = _opened(url, (end - time.monotonic()) / (len(self.config.urls) - number + 1))
            if place is None:
                unknown.append(str(number))
            elif place.notify(body, title, body_format=NotifyFormat.TEXT):
                taken += 1
            else:
                silent.append(str(number))
        problem = "; ".join(
            f"{what}: {', '.join(numbers)}"
            for what, numbers in (("unknown to Apprise", unknown), ("did not take it", silent))
            if numbers
        )
        if not taken:
            told = f"of urls: {problem}"
            raise Retry(told) if silent else Refused(told)
        if problem:
            log.warning("Apprise reached %d of %d urls: %s", taken, len(self.config.urls), problem)


def _opened(url: SecretStr, seconds: float) -> Apprise | None:
    """Apprise for one address, which gives up in time; `None` if it knows no such address."""
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(app_id="Vigie", app_desc="Vigie", app_url="", async_mode=False)
    service = Apprise.instantiate(url.get_secret_value(), asset=asset)
    if service is None:
        return None
    service.socket_connect_timeout = service.socket_read_timeout = max(0.1, seconds / 2)
    place = Apprise(asset=asset)
    place.add(service)
    return place


# --- What stands in the message ------------------------------------------------------------------


def _headline(escalation: Escalation) -> str:
    about = escalation.subject
    if escalation.mention_id is not None:
        about = f"{escalation.author or 'somebody'} on {escalation.network}" + (f", {about}" if about else "")
    urgent = f" [{escalation.priority}]" if escalation.priority in ("high", "crisis") else ""
    return _line(f"Vigie{urgent}: {escalation.reason}: {about}")


def _body(escalation: Escalation) -> str:
    due = escalation.due_at
    lines = [
        f"Why: {escalation.reason}",
        f"About: {escalation.subject}" if escalation.subject else "",
        f"From: {escalation.author} on {escalation.network}" if escalation.mention_id is not None else "",
        f"Answer due: {due:%Y-%m-%d %H:%M} UTC" if due else "",
        f"Rings for the {escalation.ring}. time" if escalation.ring > 1 else "",
        f"Number in Vigie: {escalation.mention_id}" if escalation.mention_id is not None else "",
    ]
    link = escalation.url if escalation.url.isprintable() and " " not in escalation.url else ""
    words = escalation.text.strip()
    words = words if len(words) <= _MOST else f"{words[:_MOST]}…"
    quoted = [f"| {_line(line)}" for line in words.splitlines()]
    return "\n".join([*(_line(line) for line in lines if line), *filter(None, [link]), "", *quoted]).rstrip()


def _line(text: str) -> str:
    """One line in which nothing steers: no control characters, and nothing that would ping a whole team where
    the service reads ``@here``, ``@all`` or ``<!channel>`` in any text."""
    line = " ".join(text.split())
    line = "".join(c for c in line if c == "\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return line.replace("@", f"@{_INVISIBLE}").replace("<", f"<{_INVISIBLE}")
