"""Log lines for people, on standard error, from which every known secret has been struck."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr


class Struck(logging.Formatter):
    """Replaces secrets wherever they turn up: message, arguments or traceback."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        # Longest first: one secret may hold another. Very short ones would strike out half of every line.
        written = {form for secret in secrets if len(secret) >= 4 for form in _forms(secret)}
        self._secrets = sorted(written, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        try:
            line = super().format(record)
        except (TypeError, ValueError, KeyError):  # arguments that do not fit; logging would print them raw
            line = f"{record.levelname} {record.pathname}:{record.lineno}: a log line that cannot be written"
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


def set_up(configs: Iterable[BaseModel], *, verbose: bool = False) -> None:
    """Log to standard error. Libraries stay at WARNING: some of them write tokens and texts at DEBUG."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Struck(secrets_in(configs)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("vigie").setLevel(logging.DEBUG if verbose else logging.INFO)


def _forms(secret: str) -> Iterator[str]:
    """How a secret may stand in a line: as it is, in a URL, in JSON, in a Python literal."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])


def secrets_in(configs: Iterable[BaseModel]) -> set[str]:
    """The plain values of all secrets in these settings."""
    values = (value for config in configs for _, value in config)
    each = (one for value in values for one in (value if isinstance(value, tuple) else (value,)))
    return {one.get_secret_value() for one in each if isinstance(one, SecretStr)}
