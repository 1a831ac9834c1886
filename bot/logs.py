"""Log lines for people, on standard error, from which every known secret has been struck."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

from pydantic import BaseModel, SecretStr


class Struck(logging.Formatter):
    """Replaces secrets wherever they turn up: message, arguments or traceback."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        # Longest first: one secret may hold another. Very short ones would strike out half of every line.
        self._secrets = sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


def set_up(configs: Iterable[BaseModel], *, verbose: bool = False) -> None:
    """Log to standard error. Libraries stay at WARNING: some of them write tokens and texts at DEBUG."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Struck(secrets_in(configs)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("vigie").setLevel(logging.DEBUG if verbose else logging.INFO)


def secrets_in(configs: Iterable[BaseModel]) -> set[str]:
    """The plain values of all secrets in these settings."""
    values = (value for config in configs for _, value in config)
    return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
