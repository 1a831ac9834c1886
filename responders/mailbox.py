"""Replies by e-mail, handed in by SMTP (RFC 6409), in the conversation that the person's program shows.

A reply goes where Reply-To or From of the message said (`Author.handle`), and never to a machine or a list
(RFC 3834). It carries no ``Auto-Submitted``: whether a human approved it is not told to a responder.

Until the server was sent the end of the message, nothing was sent. Once it was, and no answer came, nobody
knows. Every attempt has the same Message-ID, under which Sent is searched; but a copy that we put there
ourselves, after sending, proves nothing by its absence. So a human is asked, unless the server itself keeps
what it takes (`server_keeps_sent`).
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from datetime import UTC, datetime, timedelta
from email import charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Final, NamedTuple

from pydantic import Field, model_validator

from accounts import mail_headers
from accounts.mailbox import Access, imap_date, opened, quoted
from bot.errors import Refused, ServiceError, Unsure
from bot.models import Kind, Limits, Mention, Receipt, Refusal, Reply
from responders._smtp import Way, submit

log = logging.getLogger(__name__)

_WIRE: Final = compat32.clone(linesep="\r\n")
_KEPT: Final = 12  # ids in References, the first and the last ones (RFC 5322, 3.6.4 lets it be shortened)
_KEEPING: Final = 0.3  # part of the time that is left for keeping a copy
_UTF8: Final = charset.Charset("utf-8")
_UTF8.body_encoding = charset.QP
_LINE_END: Final = re.compile(r"\r\n?")
_REPLIED: Final = re.compile(r"(?:re|rép|ref|aw|sv)\s?(?:\[\d+\])?\s?:", re.IGNORECASE)


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    smtp: str = Field(min_length=1, description="The server that takes messages, such as smtp.example.org")
    smtp_port: int = Field(
        default=465,
        ge=1,
        le=65535,
        description="465, where TLS begins at once; any other begins it by STARTTLS.",
    )
    name: str = Field(default="", description="The name from which replies come, such as Banque Exemple")
    server_keeps_sent: bool = Field(
        default=False,
        description="Whether the server itself puts all that it takes into the folder of what was sent, as "
        "Gmail does. Then Vigie puts no copy there, and takes what is missing there for not sent.",
    )
    most_a_day: int = Field(
        default=20, ge=1, description="Replies to the same address within a day: two machines may be talking."
    )

    @model_validator(mode="after")
    def _smtp_is_safe(self) -> Config:
        self.check_host(self.smtp)
        return self


class _Before(NamedTuple):
    """What is known of the message that is answered."""

    subject: str
    references: list[str]


class MailboxResponder:
    """Answers from one mailbox."""

    limits = Limits(100_000)

    def __init__(self, config: Config) -> None:
        self.config = config

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Not to machines, and only where there is an address. Asks nobody."""
        if mention.kind is not Kind.MESSAGE:
            return Refusal("a machine or a list wrote it, which is never answered (RFC 3834)")
        if not mail_headers.is_address(_recipient(mention)):
            return Refusal("it says not whom an answer would reach")
        if _recipient(mention) in self.config.ours:
            return Refusal("the answer would come back to us")
        return None

    def send(self, reply: Reply) -> Receipt:
        """Hand the reply in, and put a copy of it into Sent.

        Raises:
            Refused: a machine would get it, or the server will not have it.
            Retry, AuthFailed: it was not sent.
            Unsure: it may have been sent.
        """
        end = time.monotonic() + self.config.timeout
        if refusal := self.can_reply(reply.mention):
            raise Refused(refusal.reason)
        before = self._look(reply, end)
        if isinstance(before, Receipt):
            return before
        data = _written(self.config, reply, before).as_bytes(policy=_WIRE)
        way = Way(self.config.smtp, self.config.smtp_port, self.config.tls, self.config.login)
        keeping = _KEEPING * (end - time.monotonic())
        submit(way, self.config.address, _recipient(reply.mention), data, end - keeping)
        if not self.config.server_keeps_sent:
            self._keep(data, end)
        return Receipt(_id(self.config, reply))

    def find(self, reply: Reply) -> Receipt | None:
        """Look in Sent.

        Raises:
            Unsure: it is not there, and that proves nothing.
            ServiceError: the server could not be asked.
        """
        with opened(self.config, self.config.timeout) as imap:
            if (sent := imap.sent()) and imap.open(sent) and imap.with_id(_id(self.config, reply)):
                return Receipt(_id(self.config, reply))
        if sent and self.config.server_keeps_sent:
            return None
        raise Unsure("no copy of it lies in Sent, but it may have been sent before one could be kept")

    # --- Looking -------------------------------------------------------------------------------------

    def _look(self, reply: Reply, end: float) -> _Before | Receipt:
        """What is answered, as it lies in the mailbox; or the reply, if it stands in Sent already."""
        to, mention = _recipient(reply.mention), reply.mention
        with opened(self.config, end - time.monotonic()) as imap:
            if sent := imap.sent():
                imap.open(sent)
                if imap.with_id(_id(self.config, reply)):
                    return Receipt(_id(self.config, reply))
                yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
                lately = imap.search("SINCE", imap_date(yesterday), "TO", quoted(to)) if to.isascii() else []
                if len(lately) >= self.config.most_a_day:
                    raise Refused(
                        "so many replies went there since yesterday that two machines may be talking"
                    )
            imap.open(self.config.folder)
            raws = imap.messages(imap.with_id(mention.remote_id)[:1], "BODY.PEEK[HEADER]")
            message = next((mail_headers.parsed(raw.data) for raw in raws), None)
        if message is None:  # somebody has moved it
            return _Before(
                mention.text.partition("\n")[0] if not mention.in_reply_to else "", _thread(mention)
            )
        if why := mail_headers.robot(message, self.config.ours):
            raise Refused(f"it is never answered: {why}")
        references = mail_headers.ids(message, "References") or mail_headers.ids(message, "In-Reply-To")[:1]
        return _Before(mail_headers.subject(message), [*references, mention.remote_id])

    def _keep(self, data: bytes, end: float) -> None:
        """It is sent, whatever becomes of the copy."""
        try:
            with opened(self.config, end - time.monotonic()) as imap:
                imap.keep(data)
        except ServiceError as fault:
            log.warning("a reply was sent, but no copy of it could be kept: %s", fault)


# --- What is sent ----------------------------------------------------------------------------------


def _written(config: Config, reply: Reply, before: _Before) -> Message[str, str]:
    """The message, in the library's old way: its new one writes long ids as words in code, which no program
    then knows for ids."""
    text = Message()
    text.set_payload(f"{_LINE_END.sub(chr(10), reply.text)}\n", _UTF8)
    about = before.subject if _REPLIED.match(before.subject) else f"Re: {before.subject}".strip()
    text["From"] = formataddr((_line(config.name), config.address))
    text["To"] = _recipient(reply.mention)
    text["Subject"] = Header(_line(about), None if about.isascii() else "utf-8").encode()
    text["Date"] = format_datetime(datetime.now(UTC))
    text["Message-ID"] = f"<{_id(config, reply)}>"
    ids = list(dict.fromkeys(filter(mail_headers.is_id, before.references)))
    if mail_headers.is_id(reply.mention.remote_id):
        text["In-Reply-To"] = f"<{reply.mention.remote_id}>"
    if ids:
        text["References"] = " ".join(f"<{one}>" for one in [*ids[:1], *ids[1:][1 - _KEPT :]])
    return text


def _id(config: Config, reply: Reply) -> str:
    """The same for every attempt. With what it answers: a store begun anew counts its replies from 1."""
    same = hashlib.sha256(f"{reply.key}\0{reply.mention.remote_id}".encode()).hexdigest()[:32]
    return f"{mail_headers.OUR_ID}{same}@{config.address.partition('@')[2]}"


def _recipient(mention: Mention) -> str:
    """Where the answer goes; "" where there is no address that every server knows (RFC 6531 knows more)."""
    local, _, host = (mention.author.handle or mention.author.id).rpartition("@")
    try:
        found = f"{local}@{host.encode('idna').decode()}"
    except ValueError:
        return ""
    return found.lower() if found.isascii() and mail_headers.is_address(found) else ""


def _thread(mention: Mention) -> list[str]:
    return [mention.conversation, mention.in_reply_to, mention.remote_id]


def _line(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
