"""What carries text out. One file here per way out; see CONTRIBUTING.md, "Adding a network"."""

from __future__ import annotations

from typing import Protocol

from bot.models import Escalation, Limits, Mention, Price, Receipt, Refusal, Reply


class Responder(Protocol):
    """Answers people on one network.

    Its file also has a pydantic ``Config`` (with ``extra="forbid"``, secrets as ``SecretStr``); the
    class is built as ``X(config)`` without any I/O and imports its SDK in the method that needs it.
    ``Config.timeout`` (seconds) bounds every call; the core's lease must be longer.
    """

    limits: Limits

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Asked before drafting: reply settings, windows, permissions. `None` means yes.

        Raises:
            ServiceError: the service could not be asked; the core then drafts all the same.
        """
        ...

    def send(self, reply: Reply) -> Receipt:
        """Publish `reply.text` as the answer to `reply.mention`, exactly once or not at all.

        Raises:
            Retry, RateLimited: it surely was not published.
            Refused: it never will be, as it is.
            AuthFailed: our credentials are no longer good; it was not published.
            Unsure: it may have been published (timeout, dropped connection, 5xx). So does the core
                treat every other exception.
        """
        ...

    def find(self, reply: Reply) -> Receipt | None:
        """Did an earlier attempt get through? `None` means surely not.

        Raises:
            Unsure: this service offers no way to look; a human must.
            ServiceError: it could not be asked now; the core asks again later.
        """
        ...


class Priced(Protocol):
    """A responder whose sends cost money, and who can say how much: seen by the method."""

    def price(self, text: str, mention: Mention) -> Price:
        """What it costs to send `text` as the answer to `mention`. Talks to nobody."""
        ...


class Notifier(Protocol):
    """Tells people that something needs them (Slack, e-mail, a webhook). May ring twice, never not."""

    def notify(self, escalation: Escalation) -> Receipt:
        """Deliver `escalation`.

        Raises:
            ServiceError: it was not delivered, or nobody knows; the core rings again.
        """
        ...


class Tells(Protocol):
    """A notifier that can also carry a text that rings for nothing, such as the daily digest: seen by the
    method."""

    def tell(self, subject: str, text: str) -> Receipt:
        """Deliver `text`, plain and of several lines, under `subject`, which is one line.

        Raises:
            ServiceError: it was not delivered, or nobody knows; the core tells it again.
        """
        ...
