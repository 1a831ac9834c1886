"""A guestbook (tests/support/guestbook.py): whoever writes into it speaks to its owner.

It gives the entries above a number, oldest first. Edits and deletions it does not tell.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot import jsonl
from bot.errors import AuthFailed, Retry
from bot.http import ask, check_address, client
from bot.models import Author, Batch, Kind, Mention


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    url: str = Field(description="The guestbook's address.")
    token: SecretStr = Field(description="Its owner's token.")
    timeout: float = Field(default=20, gt=0, le=30, description="Seconds that one poll may take.")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url, allow_http=False)
        return url


class GuestbookListener:
    """Reads one guestbook."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """One page of entries above the number in `cursor`."""
        now, after = self.clock(), int(cursor or 0)
        found, more = self._page(after)
        mentions = tuple(self._mention(entry, now) for entry in found)
        newest = max((entry["number"] for entry in found), default=after)
        complete_to = min(now, mentions[-1].posted_at) if more and mentions else now
        first = min((mention.posted_at for mention in mentions), default=now) if cursor is None else None
        return Batch(mentions, str(newest), complete_to, first and min(first, complete_to))

    def _page(self, after: int) -> tuple[list[dict[str, Any]], bool]:
        url, end = f"{self.config.url}/api/entries", time.monotonic() + self.config.timeout
        headers = {"Authorization": f"Bearer {self.config.token.get_secret_value()}"}
        with client() as http:
            answer = ask(http, "GET", url, end=end, most=1_000_000, headers=headers, params={"after": after})
        if answer.status == 401:
            raise AuthFailed("the guestbook does not accept the token")
        try:
            page = json.loads(answer.body)
            return [entry for entry in page["entries"] if int(entry["number"])], bool(page["more"])
        except (ValueError, TypeError, KeyError):
            raise Retry(f"this is no guestbook (status {answer.status})") from None

    def _mention(self, entry: dict[str, Any], now: datetime) -> Mention:
        return Mention(
            network="guestbook",
            remote_id=str(entry["number"]),
            text=entry.get("words") or "",
            posted_at=jsonl.instant(entry, "written") or now,
            author=Author(name=entry.get("name") or ""),
            kind=Kind.REPLY if entry.get("to") else Kind.POST,
            addressed=not entry.get("by_owner"),
            url=entry.get("link") or "",
            in_reply_to=str(entry.get("to") or ""),
            own=bool(entry.get("by_owner")),
        )
