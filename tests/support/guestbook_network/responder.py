"""Answers in a guestbook (tests/support/guestbook.py). It knows no keys, but shows what answers an entry."""

from __future__ import annotations

import json
import time
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.errors import AuthFailed, Refused, Retry, Unsure
from bot.http import Answer, ask, check_address, client, tell
from bot.models import Limits, Mention, Receipt, Refusal, Reply


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    url: str = Field(description="The guestbook's address.")
    token: SecretStr = Field(description="Its owner's token.")
    timeout: float = Field(default=20, gt=0, le=30, description="Seconds that sending one reply may take.")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url, allow_http=False)
        return url


class GuestbookResponder:
    """Answers as the owner of one guestbook."""

    limits = Limits(maximum=280)

    def __init__(self, config: Config) -> None:
        self.config = config

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Whether the entry is still there."""
        gone = self._call(ask, "GET", f"/{mention.remote_id}").status == 404
        return Refusal("the entry is gone") if gone else None

    def send(self, reply: Reply) -> Receipt:
        """Write below the entry."""
        body = {"words": reply.text, "to": int(reply.mention.remote_id)}
        answer = self._call(tell, "POST", "", json=body)
        if answer.status in (404, 413):
            raise Refused("the entry is gone" if answer.status == 404 else "the text is too long")
        try:
            return self._receipt(json.loads(answer.body))
        except (ValueError, TypeError, KeyError):
            raise Unsure(f"the guestbook does not say what became of it (status {answer.status})") from None

    def find(self, reply: Reply) -> Receipt | None:
        """Look below the entry for these words of the owner's."""
        answer = self._call(ask, "GET", f"/{reply.mention.remote_id}")
        try:
            below = [] if answer.status == 404 else json.loads(answer.body)["answers"]
            ours = (one for one in below if one["by_owner"] and one["words"] == reply.text)
            return next((self._receipt(one) for one in ours), None)
        except (ValueError, TypeError, KeyError):
            raise Retry(f"this is no guestbook (status {answer.status})") from None

    def _call(self, call: Any, method: str, path: str, **more: Any) -> Answer:
        url, end = f"{self.config.url}/api/entries{path}", time.monotonic() + self.config.timeout
        headers = {"Authorization": f"Bearer {self.config.token.get_secret_value()}"}
        with client() as http:
            answer: Answer = call(http, method, url, end=end, most=1_000_000, headers=headers, **more)
        if answer.status == 401:
            raise AuthFailed("the guestbook does not accept the token")
        return answer

    def _receipt(self, entry: dict[str, Any]) -> Receipt:
        return Receipt(str(entry["number"]), entry["link"])
