"""A mailbox and a server that takes messages, on loopback, which do what a test says: what real ones do only
on bad days. As little of IMAP (RFC 3501) and SMTP (RFC 5321) as a client needs."""

from __future__ import annotations

import base64
import contextlib
import re
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support import loopback

PASSWORD = "not-a-real-password"


@dataclass
class Kept:
    """One message in a folder."""

    uid: int
    data: bytes
    received: datetime


@dataclass
class Office:
    """Both servers, and what they do: `answers` are the codes that SMTP gives, by command (``"."`` is the end
    of the message; 0 breaks the connection, -1 lets it wait); `says` replaces IMAP's answer to a command."""

    folders: dict[str, list[Kept]] = field(default_factory=lambda: {"INBOX": [], "Sent": []})
    validity: int = 7
    special_use: bool = True
    answers: dict[str, int] = field(default_factory=dict)
    says: dict[str, bytes] = field(default_factory=dict)
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    imap_port: int = 0
    smtp_port: int = 0

    def keep(self, data: bytes | str, received: datetime | None = None, folder: str = "INBOX") -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        there = self.folders.setdefault(folder, [])
        there.append(Kept(there[-1].uid + 1 if there else 1, raw, received or datetime.now(UTC)))


class _Imap(socketserver.StreamRequestHandler):
    office: Office
    folder = "INBOX"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.wfile.write(b"* OK here\r\n")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            name = command.removeprefix("UID ").split()[0].upper()
            self.office.commands.append(command)
            if name in self.office.says:
                said = self.office.says[name]
                self.wfile.write(said.replace(b"TAG", tag.encode()))
                if not said:
                    return
                continue
            verb = getattr(self, f"do_{name.lower()}", None)
            ended = verb(command) if verb else "OK"
            self.wfile.write(f"{tag} {ended or 'OK'} done\r\n".encode())
            if name == "LOGOUT":
                return

    def say(self, line: str) -> None:
        self.wfile.write(f"* {line}\r\n".encode())

    def do_capability(self, _: str) -> None:
        self.say("CAPABILITY IMAP4rev1 AUTH=PLAIN")

    def do_authenticate(self, _: str) -> str:
        self.wfile.write(b"+ \r\n")
        _, _user, password = base64.b64decode(self.rfile.readline()).decode().split("\0")
        return "OK" if password == PASSWORD else "NO [AUTHENTICATIONFAILED]"

    def do_list(self, _: str) -> None:
        for name in self.office.folders:
            mark = "\\Sent" if name == "Sent" and self.office.special_use else "\\HasNoChildren"
            self.say(f'LIST ({mark}) "/" "{name}"')

    def do_examine(self, command: str) -> str:
        self.folder = command.split(" ", 1)[1].strip('"')
        if self.folder not in self.office.folders:
            return "NO"
        there = self.office.folders[self.folder]
        self.say(f"{len(there)} EXISTS")
        self.say(f"OK [UIDVALIDITY {self.office.validity}]")
        self.say(f"OK [UIDNEXT {there[-1].uid + 1 if there else 1}]")
        return "OK [READ-ONLY]"

    def do_search(self, command: str) -> None:
        there = self.office.folders[self.folder]
        if found := re.search(r"SEARCH UID (\d+):\*", command):
            hits = [one for one in there if one.uid >= int(found[1])] or there[-1:]
        elif found := re.search(r'HEADER Message-ID "(.*)"', command):
            hits = [one for one in there if found[1].encode() in one.data]
        elif found := re.search(r'TO "(.*)"', command):
            hits = [one for one in there if f"To: {found[1]}".encode() in one.data]
        elif found := re.search(r"SINCE (\S+)", command):
            day = datetime.strptime(found[1], "%d-%b-%Y").replace(tzinfo=UTC)
            hits = [one for one in there if one.received >= day]
        self.say(" ".join(["SEARCH", *(str(one.uid) for one in hits)]))

    def do_fetch(self, command: str) -> None:
        wanted = set(map(int, command.split()[2].split(",")))
        for number, one in enumerate(self.office.folders[self.folder], start=1):
            if one.uid in wanted:
                at = one.received.strftime("%d-%b-%Y %H:%M:%S +0000")
                data = one.data[:2_000_000]
                head = f'{number} FETCH (UID {one.uid} INTERNALDATE "{at}" BODY[]<0>'
                self.wfile.write(f"* {head} {{{len(data)}}}\r\n".encode() + data + b")\r\n")

    def do_create(self, command: str) -> None:
        self.office.folders[command.split(" ", 1)[1].strip('"')] = []

    def do_append(self, command: str) -> str:
        found = re.match(r'APPEND "(.*?)" .*\{(\d+)\}', command)
        assert found
        self.wfile.write(b"+ go on\r\n")
        data = self.rfile.read(int(found[2]))
        self.rfile.readline()
        if found[1] not in self.office.folders:
            return "NO [TRYCREATE]"
        self.office.keep(data, folder=found[1])
        return "OK"


class _Smtp(socketserver.StreamRequestHandler):
    office: Office
    recipient = ""
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            words = line.decode().split()
            name = words[0].upper()
            self.office.commands.append(name)
            if name == "RCPT":
                self.recipient = words[1]
            if not self.answers(name):
                return
            if name == "DATA" and self.office.answers.get("DATA", 354) == 354:
                data = b"".join(iter(self.rfile.readline, b".\r\n"))
                if self.office.answers.get(".", 250) in (0, -1, 250):
                    self.office.taken.append((self.recipient, data))
                if not self.answers("."):
                    return

    def answers(self, name: str) -> bool:
        usual = {"DATA": 354, "AUTH": 235}.get(name, 250)
        code = self.office.answers.get(name, usual)
        if code == -1:
            self.rfile.read()
            return False
        if name == "EHLO":
            self.wfile.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
        elif code:
            self.wfile.write(f"{code} zoe@example.com says {PASSWORD}\r\n".encode())
        return code != 0


@contextlib.contextmanager
def running() -> Iterator[Office]:
    office = Office()
    imap, smtp = loopback.tcp(_Imap, office=office), loopback.tcp(_Smtp, office=office)
    with imap as office.imap_port, smtp as office.smtp_port:
        yield office
