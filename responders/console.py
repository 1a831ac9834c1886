"""Prints replies and escalations instead of sending them: for demonstrations and first steps."""

from __future__ import annotations

import sys
import textwrap
import threading
import unicodedata
from typing import Final

from pydantic import BaseModel, Field

from bot.errors import Unsure
from bot.models import Escalation, Limits, Mention, Receipt, Refusal, Reply

_KEPT: Final = "\t\u200c\u200d"  # joiners hold emoji and several scripts together
_WIDTH: Final = 78


class Config(BaseModel, extra="forbid", frozen=True):
    timeout: float = Field(
        default=20, gt=0, description="Seconds a call may take. A terminal needs far less."
    )


class ConsoleResponder:
    """Writes to standard output, one block per message, safe for two threads at once."""

    limits = Limits(maximum=sys.maxsize)

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lock = threading.Lock()

    def can_reply(self, mention: Mention) -> Refusal | None:  # noqa: ARG002 - the contract's name
        """Paper takes everything."""
        return None

    def send(self, reply: Reply) -> Receipt:
        """Print the reply below what it answers.

        Raises:
            Unsure: standard output broke off; part of it may have been read.
        """
        mention = reply.mention
        rows = [("to", _who(mention)), ("link", mention.url), ("asked", mention.text), ("answer", reply.text)]
        self._print(f"reply on {mention.network}", rows)
        return Receipt(f"console:{reply.key}")

    def find(self, reply: Reply) -> Receipt | None:
        """Paper cannot be read back.

        Raises:
            Unsure: always.
        """
        raise Unsure(f"a console cannot be read back: look whether reply {printable(reply.key)} stands there")

    def notify(self, escalation: Escalation) -> Receipt:
        """Print the escalation.

        Raises:
            Unsure: standard output broke off.
        """
        due = escalation.due_at
        rows = [
            ("about", escalation.subject),
            ("why", escalation.reason),
            ("due", f"{due:%Y-%m-%d %H:%M:%S} UTC" if due else ""),
            ("link", escalation.url),
            ("from", escalation.author),
            ("text", escalation.text),
        ]
        told = [f"escalation {escalation.ring}", escalation.priority.value, escalation.tier]
        self._print(", ".join(filter(None, told)), rows)
        return Receipt(f"console:{escalation.key}")

    def tell(self, subject: str, text: str) -> Receipt:
        """Print the text.

        Raises:
            Unsure: standard output broke off.
        """
        self._print(subject, [("", text.strip())])
        return Receipt("console:text")

    def _print(self, title: str, rows: list[tuple[str, str]]) -> None:
        block = _block(title, rows)
        try:
            with self._lock:
                out = sys.stdout
                out.write(block.encode(out.encoding, "backslashreplace").decode(out.encoding))
                out.flush()
        except (OSError, ValueError):  # ValueError: standard output is closed
            raise Unsure("standard output broke off while printing") from None


def printable(text: str) -> str:
    """`text` with nothing in it that a terminal would obey: control and format characters (ANSI
    escapes, backspaces, right-to-left overrides) are shown as their escapes."""
    return "".join(
        c if c in _KEPT or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else ascii(c)[1:-1]
        for c in text
    )


def _block(title: str, rows: list[tuple[str, str]]) -> str:
    """A heading and its rows; the bar before every line keeps a text from imitating the frame."""
    lines = [f"--- {printable(title)} ".ljust(_WIDTH, "-")]
    for name, value in rows:
        for number, line in enumerate(_wrapped(value) if value else []):
            lines.append(f"{'' if number else name:>6} | {line}".rstrip())
    return "\n".join(lines) + "\n\n"


def _wrapped(text: str) -> list[str]:
    """The lines of a text, none of them wider than the frame; a word that is longer stays whole."""
    fold = textwrap.TextWrapper(_WIDTH - 9, break_long_words=False, break_on_hyphens=False)
    return [part for line in text.split("\n") for part in fold.wrap(printable(line)) or [""]]


def _who(mention: Mention) -> str:
    author = mention.author
    return author.handle or author.name or author.id or "somebody without a name"
