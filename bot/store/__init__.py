"""Where everything is kept. `open_store` picks the engine by the URL; the queries stand once, in SQL that
SQLite >= 3.40 and PostgreSQL >= 15 share, in the files named after what they keep."""

from __future__ import annotations

from pathlib import Path

from bot.errors import NotPossible
from bot.instants import instant, ms, span_ms
from bot.store.engine import Clock, Row, Store, Tx, utcnow
from bot.store.sqlite import SqliteStore

__all__ = ["Clock", "Row", "Store", "Tx", "instant", "ms", "open_store", "span_ms", "utcnow"]


def open_store(url: str) -> Store:
    """Open, and where needed make, the store at `url`.

    ``sqlite:///relative.db`` and ``sqlite:////absolute.db`` name a file.

    Raises:
        NotPossible: no engine for that URL.
        StoreUnavailable: the file cannot be used.
    """
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) < 2:
        raise NotPossible(
            f"no store can be opened from {scheme or 'an empty'!s} URL; write sqlite:///vigie.db "
            "or sqlite:////var/lib/vigie/vigie.db"
        )
    return SqliteStore(Path(rest[1:]))
