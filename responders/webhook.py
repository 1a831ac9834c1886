"""Escalations as signed JSON, for whatever else should ring.

Signed by `bot.signatures`. The same escalation that rings again has an id of its own per ring, so that a
receiver drops what was delivered twice and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from bot.errors import AuthFailed, Refused
from bot.http import check_address, client, tell
from bot.models import Escalation, Receipt
from bot.signatures import RULE, long_enough, signed

_MOST: Final = 100_000  # bytes of an answer that nobody reads
_OTHER: Final = re.compile(r"[^A-Za-z0-9_:-]")


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    url: str = Field(description="Where to, such as https://alerts.example.org/vigie")
    secret: SecretStr = Field(description=f"{RULE}.")
    allow_http: bool = Field(
        default=False, description="Send people's words unprotected over http to another machine."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds that one delivery may take.")

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        return long_enough(secret)

    @model_validator(mode="after")
    def _safe(self) -> Config:
        check_address(self.url, allow_http=self.allow_http)
        return self


class WebhookNotifier:
    """Posts escalations to one address."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def notify(self, escalation: Escalation) -> Receipt:
        """Deliver `escalation`; any 2xx confirms it.

        Raises:
            AuthFailed: the receiver does not accept the signature (401, 403).
            Refused: it does not take the message.
            Retry, RateLimited, Unsure: it was not delivered, or nobody knows.
        """
        # A full stop would end the id in what is signed.
        message = _OTHER.sub("_", f"{escalation.key}:{escalation.ring}")
        return self._deliver(message, json.dumps(_body(escalation)).encode(), "escalation")

    def tell(self, subject: str, text: str) -> Receipt:
        """Deliver a text that rings for nothing. Told again, it is the same message.

        Raises:
            AuthFailed, Refused, Retry, RateLimited, Unsure: as `notify`.
        """
        data = {"subject": subject, "text": text}
        body = {"type": "text", "timestamp": self.clock().isoformat(), "data": data}
        message = "text:" + hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]
        return self._deliver(message, json.dumps(body).encode(), "text")

    def _deliver(self, message: str, body: bytes, what: str) -> Receipt:
        config, host = self.config, urlsplit(self.config.url).hostname
        headers = signed(config.secret.get_secret_value(), message, self.clock(), body)
        with client() as http:
            answer = tell(
                http,
                "POST",
                config.url,
                end=time.monotonic() + config.timeout,
                most=_MOST,
                content=body,
                headers={"Content-Type": "application/json", **headers},
            )
        if answer.status in (401, 403):
            raise AuthFailed(f"{host} does not accept the signature (status {answer.status})")
        if not 200 <= answer.status < 300:
            raise Refused(f"{host} does not take the {what} (status {answer.status})")
        return Receipt(message)


def _body(escalation: Escalation) -> dict[str, Any]:
    return {
        "type": "escalation",
        "timestamp": escalation.at.isoformat(),
        "data": {
            "key": escalation.key,
            "ring": escalation.ring,
            "priority": escalation.priority.value,
            "tier": escalation.tier,
            "reason": escalation.reason,
            "subject": escalation.subject,
            "due_at": escalation.due_at.isoformat() if escalation.due_at else None,
            "mention_id": escalation.mention_id,
            "network": escalation.network,
            "author": escalation.author,
            "text": escalation.text,
            "url": escalation.url,
        },
    }
