"""What ``webhooks:`` in config.yaml holds: which other systems are told what happened, and how much of it."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.http import check_address
from bot.signatures import RULE, long_enough

# Lines of the event log, by their kinds, that other systems may want to know of.
KINDS: Final = (
    "heard", "edited", "deleted", "restored", "triaged", "addressed", "assigned", "handed_over", "drafted",
    "approved", "sent", "refused", "unsure", "answered", "confirmed", "exempted", "reopened", "outcome",
    "corrected", "escalated", "acknowledged", "escalation_closed", "asked_to_stop", "crisis_began",
    "crisis_ended", "source_failed", "source_recovered", "gap",
)  # fmt: skip
USUAL: Final = (
    "heard", "triaged", "answered", "exempted", "reopened", "deleted", "handed_over", "outcome", "escalated",
    "acknowledged",
)  # fmt: skip


class WebhookSettings(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """One system that is told, by signed POSTs, from when this entry is first read on."""

    url: str = Field(description="Where to, such as https://crm.example.org/vigie; http only on this machine")
    secret: SecretStr = Field(description=RULE)
    events: tuple[str, ...] = Field(default=USUAL, min_length=1, description="Of what it is told")
    with_text: bool = Field(
        default=False, description="Whether the person's words go along; else ids, times and states alone"
    )
    timeout: float = Field(default=10, gt=0, le=60, description="Seconds that one delivery may take")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url, allow_http=False)
        return url

    @field_validator("secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr) -> SecretStr:
        return long_enough(secret)

    @field_validator("events")
    @classmethod
    def _are_known(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(events) - set(KINDS)):
            raise ValueError(f"{', '.join(unknown)}: there is no such event; there are: {', '.join(KINDS)}")
        return events
