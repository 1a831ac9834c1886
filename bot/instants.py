"""Instants and lengths of time, as the store keeps them: whole milliseconds, since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def ms(at: datetime) -> int:
    """An aware instant in milliseconds."""
    return (at - EPOCH) // _MS


def instant(value: int) -> datetime:
    """The instant of so many milliseconds, in UTC.

    Raises:
        OverflowError: no date can tell it.
    """
    return EPOCH + value * _MS


def span_ms(span: timedelta) -> int:
    """A length of time in milliseconds."""
    return span // _MS
