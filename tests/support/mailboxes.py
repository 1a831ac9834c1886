"""Real mail servers on loopback, thrown away at the end: dovecot for IMAP, aiosmtpd for SMTP, which delivers
into dovecot's mailboxes. Both speak TLS only, with a certificate of their own. What they need is installed by
``scripts/install-test-servers.d/mail.sh``.

The SMTP server can be told to die by itself, at the worst moment: see `Servers.dies`.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import itertools
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.loopback import free_port
from tests.support.needs import need

PASSWORD = "not-a-real-päss"  # beyond ASCII, as people have them
NOBODY = 65534
_ROOT = Path(__file__).parents[2]

DOVECOT = """
base_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:~/Maildir
mail_max_userip_connections = 50
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Envoyés" {{
    special_use = \\Sent
    auto = create
  }}
}}
"""


def lacking() -> str:
    """What this machine lacks to run the servers, or ""."""
    missing = [name for name in ("dovecot", "openssl") if not shutil.which(name, path=_PATH)]
    return ", ".join(missing) or ("" if os.getuid() == 0 else "root")


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def require() -> None:
    """Skip the test on a machine that lacks it: see `need`."""
    need("mail servers", lacking(), "install-test-servers.d/mail.sh")


@dataclass
class Person:
    """Somebody with a mailbox, and what they do with it."""

    servers: Servers
    address: str
    name: str = ""

    def says(self, to: str, subject: str, text: str, **heads: str) -> EmailMessage:
        """Send a message; what was sent."""
        message = self.writes(to, subject, text, **heads)
        with self.servers.smtp() as smtp:
            smtp.send_message(message, self.address, [to])
        return message

    def writes(self, to: str, subject: str, text: str, **heads: str) -> EmailMessage:
        """A message that is not sent yet. In the names of `heads`, _ stands for -."""
        message = EmailMessage()
        message["From"] = f'"{self.name}" <{self.address}>' if self.name else self.address
        message["To"], message["Subject"] = to, subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain=self.address.partition("@")[2])
        for name, value in heads.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return message

    def keeps(self, message: EmailMessage) -> None:
        """Put what was sent among what was sent, as mail programs do."""
        with self.mailbox() as imap:
            assert imap.append('"Envoy&AOk-s"', r"(\Seen)", "", message.as_bytes())[0] == "OK"

    def got(self, folder: str = "INBOX") -> list[EmailMessage]:
        """What lies in the mailbox, oldest first."""
        with self.mailbox() as imap:
            imap.select(folder, readonly=True)
            found = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        parts = [one[1] for one in found if isinstance(one, tuple)]
        messages = [message_from_bytes(data, policy=policy.default) for data in parts]
        return [one for one in messages if isinstance(one, EmailMessage)]

    def unseen(self) -> int:
        with self.mailbox() as imap:
            imap.select("INBOX", readonly=True)
            return len(imap.search(None, "UNSEEN")[1][0].split())

    @contextlib.contextmanager
    def mailbox(self) -> Iterator[imaplib.IMAP4]:
        trusted = ssl.create_default_context(cafile=str(self.servers.certificate))
        with imaplib.IMAP4_SSL("localhost", self.servers.imap_port, ssl_context=trusted, timeout=30) as imap:
            imap.authenticate("PLAIN", lambda _: f"\0{self.address}\0{PASSWORD}".encode())
            yield imap


@dataclass
class Servers:
    """Both servers; the SMTP server runs from `start` to `kill`, and again."""

    folder: Path
    imap_port: int
    smtp_port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    def join(self, address: str, name: str = "") -> Person:
        """Make a mailbox."""
        home = self.folder / "mail" / address
        for place in (home, home / "Maildir", *(home / "Maildir" / one for one in ("cur", "new", "tmp"))):
            place.mkdir()
            os.chown(place, NOBODY, NOBODY)
        return Person(self, address, name)

    @contextlib.contextmanager
    def smtp(self, user: str = "") -> Iterator[smtplib.SMTP]:
        with smtplib.SMTP("localhost", self.smtp_port, "people.example", timeout=30) as smtp:
            smtp.starttls(context=ssl.create_default_context(cafile=str(self.certificate)))
            smtp.ehlo()
            if user:
                said = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
                assert smtp.docmd("AUTH", f"PLAIN {said}")[0] == 235
            yield smtp

    def start(self) -> None:
        """Start the SMTP server."""
        command = [sys.executable, "-m", "tests.support.mailboxes", str(self.folder), str(self.smtp_port)]
        with (self.folder / "smtp.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=log)
        _until_open(self.smtp_port, self.folder / "smtp.log")

    def dies(self, when: Literal["before", "during", "after"], to: str) -> None:
        """Let the SMTP server be killed at the next message to somebody: before it takes any of it, when it
        has a part, or when it has delivered it and not yet said so."""
        (self.folder / "dies").write_text(f"{when} {to}")

    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() == -signal.SIGKILL

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def running() -> Iterator[Servers]:
    """Start both (about 1 s); stop them and remove every trace of them at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="vigie-mail-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # mailboxes belong to another user, who must pass through
        (folder / "mail").mkdir(mode=0o711)
        certify(folder)
        servers = Servers(folder, free_port(), free_port())
        settings = folder / "dovecot.conf"
        values = {"folder": folder, "password": PASSWORD, "user": NOBODY}
        settings.write_text(DOVECOT.format(port=servers.imap_port, **values), "utf-8")
        settings.chmod(0o600)
        dovecot = shutil.which("dovecot", path=_PATH)
        assert dovecot
        process = subprocess.Popen(
            [dovecot, "-F", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        _until_open(servers.imap_port, folder / "log")
        servers.start()
        stack.callback(servers.kill)
        yield servers


def certify(folder: Path) -> None:
    """A key, and a certificate for localhost that only who is told so trusts."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def _until_open(port: int, log: Path) -> None:
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < end, log.read_text(errors="replace")[-2000:]
        time.sleep(0.05)


# --- The SMTP server, a process of its own -----------------------------------------------------------


@dataclass
class Postman:
    """Delivers into the mailboxes, and keeps the moment at which to die."""

    folder: Path
    count: Iterator[int] = field(default_factory=itertools.count)

    def die_if(self, when: str, envelope: Envelope | None) -> None:
        file = self.folder / "dies"
        if envelope and file.exists() and file.read_text() in {f"{when} {to}" for to in envelope.rcpt_tos}:
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("care@") and not session.authenticated:
            return "530 sign in first"
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not (self.folder / "mail" / address).is_dir():
            return "550 nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        for address in envelope.rcpt_tos:
            self.deliver(address, envelope)
        self.die_if("after", envelope)
        return "250 kept"

    def deliver(self, address: str, envelope: Envelope) -> None:
        maildir, name = (
            self.folder / "mail" / address / "Maildir",
            f"{time.time_ns()}.{next(self.count)}.here",
        )
        assert isinstance(envelope.content, bytes)
        (maildir / "tmp" / name).write_bytes(
            f"Return-Path: <{envelope.mail_from or ''}>\r\n".encode() + envelope.content
        )
        os.chown(maildir / "tmp" / name, NOBODY, NOBODY)
        (maildir / "tmp" / name).rename(maildir / "new" / name)


class Office(SMTP):
    """aiosmtpd, which dies when it is told to."""

    in_data = False
    postman: Postman

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        self.postman.die_if("before", self.envelope)
        self.in_data = True
        await super().smtp_DATA(arg)
        self.in_data = False

    def data_received(self, data: bytes) -> None:
        if self.in_data:
            self.postman.die_if("during", self.envelope)
        super().data_received(data)


def knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=True)


def serve(folder: Path, port: int) -> None:
    import asyncio

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    postman = Postman(folder)
    bound = type("Bound", (Office,), {"postman": postman})

    async def forever() -> None:
        def session() -> SMTP:
            made: SMTP = bound(
                postman, hostname="localhost", tls_context=tls, require_starttls=True, authenticator=knows
            )
            return made

        server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(forever())


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
