"""What a listener is. One file here per network; see CONTRIBUTING.md, "Adding a network"."""

from __future__ import annotations

from typing import Protocol

from bot.models import Batch


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
