"""A mail server on loopback that keeps what it is given (RFC 5321, as little of it as a client needs)."""

from __future__ import annotations

import contextlib
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.support import loopback


@dataclass
class Mailbox:
    """What came; `refuses`: every message is turned away."""

    port: int = 0
    refuses: bool = False
    messages: list[EmailMessage] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    mailbox: Mailbox

    def handle(self) -> None:
        self.say("220 loopback")
        while line := self.rfile.readline():
            match line.upper().split()[:1]:
                case [b"DATA"]:
                    self.say("354 go on")
                    self.take()
                case [b"QUIT"]:
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def take(self) -> None:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        if self.mailbox.refuses:
            self.say("554 not here")
            return
        told = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(told, EmailMessage)
        self.mailbox.messages.append(told)
        self.say("250 kept")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextlib.contextmanager
def receiving(*, refuses: bool = False) -> Iterator[Mailbox]:
    mailbox = Mailbox(refuses=refuses)
    with loopback.tcp(_Session, mailbox=mailbox) as mailbox.port:
        yield mailbox
