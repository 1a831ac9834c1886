"""What a listener is. One file here per network; see CONTRIBUTING.md, "Adding a network"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.meter import Meter
from bot.models import Batch, Push


class Listener(Protocol):
    """Reads from one outside service and writes nothing.

    Its file also has a pydantic ``Config`` (with ``extra="forbid"``, secrets as ``SecretStr``); the
    class is built as ``X(config)`` without any I/O and imports its SDK in the method that needs it.
    The fields of ``Config`` are filled from the entry under ``listeners:`` and from its ``account:``.
    """

    def poll(self, cursor: str | None) -> Batch:
        """Everything since `cursor` (``None`` at the very first poll), oldest first where it can be.

        The same mention may be brought again, with another text if it was edited: the store drops what
        it knows and keeps the newest text. A mention must never be left out because a field is missing.

        Raises:
            Retry, RateLimited: the service is out of order or asks us to wait.
            AuthFailed: our credentials are no longer good.
        """
        ...


# --- What a listener may offer besides: the core sees by the attribute or method that it does ----


class Metered(Protocol):
    """Its calls cost money. The same holds for responders."""

    meter: Meter


class Rechecks(Protocol):
    """Its network shows by itself no more what was deleted, and wants it dropped."""

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        """Which of these messages (at most 100) their authors took down.

        Raises:
            as `Listener.poll`.
        """
        ...


class Hooked(Protocol):
    """Its network also pushes to us. Polling goes on: what a push misses, the next poll brings."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """The body with which to answer the GET by which the network makes sure of us.

        Raises:
            Refused: it is not who it says, or no secret is set.
        """
        ...

    def receive(self, body: bytes, headers: Mapping[str, str]) -> Push:
        """What a POST tells. `body` is as it came over the wire; the names of `headers` are lower-case.

        Raises:
            Refused: its signature is missing or wrong, or no secret is set.
        """
        ...
