"""What both directions of Facebook and of Instagram are set up with, and how they read what Meta gives. Costs
nothing to import; what asks Meta's Graph API stands in accounts/graph.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.http import check_address

NUMERIC = r"^[0-9]{1,32}$"
Item = Mapping[str, Any]


class Access(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """How to ask the Graph API: https://developers.facebook.com/docs/graph-api/overview"""

    token: SecretStr = Field(description="A long-lived access token of the page; it needs no renewal.")
    app_secret: SecretStr = Field(
        description="The secret of the Meta app that the token was made for (App settings > Basic)."
    )
    verify_token: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="Any words of your own, given to Meta with the webhook's address. Default: no webhooks.",
    )
    graph_version: str = Field(
        default="v24.0", pattern=r"^v[0-9]{1,3}\.[0-9]$", description="The Graph API's version."
    )
    api_url: str = Field(
        default="https://graph.facebook.com", description="Where Meta answers; another one for tests only."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for one answer.")

    @field_validator("api_url")
    @classmethod
    def _safe(cls, url: str) -> str:
        check_address(url, allow_http=False)
        return url


# --- Values as Graph gives them; never an error over one that is missing or odd ------------------------


def text(item: Item, name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def number(item: Item, name: str) -> str:
    """An id: Meta gives some of them as numbers."""
    value = item.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def part(item: Item, name: str) -> Item:
    """An object within; empty where there is none."""
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Item]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def instant(value: Any) -> datetime | None:
    """A date such as 2026-01-31T09:30:00+0000, or seconds since 1970."""
    try:
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
