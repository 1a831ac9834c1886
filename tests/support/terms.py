"""On what promises are made, as short as tests say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.promises import Terms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def posted(at: datetime, **other: Any) -> Terms:
    """The terms of an address on X that nobody in particular posted then, but for what is given."""
    return Terms("x", (at - _EPOCH) // timedelta(milliseconds=1))._replace(**other)
