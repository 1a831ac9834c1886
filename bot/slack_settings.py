"""What ``slack:`` in config.yaml holds: who may act from Slack, and how Slack reaches us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, Field, SecretStr, model_validator

from bot.durations import SomeTime


class SlackSettings(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """Buttons under the messages of a responder of type slack, whose token and channel they use."""

    responder: str = Field(
        default="slack", description="Under whose messages: the name of a responder of type slack"
    )
    users: Mapping[str, str] = Field(
        min_length=1, description="Who may act: Slack's member id, and the name that the log keeps"
    )
    app_token: SecretStr | None = Field(
        default=None, description="For Socket Mode: an app-level token (xapp-...) with connections:write"
    )
    signing_secret: SecretStr | None = Field(
        default=None, description="For requests over HTTP: the app's signing secret"
    )
    drafts: bool = Field(
        default=True,
        description="Whether everything with a draft is put before people in the channel, or only what rings",
    )
    every: SomeTime = Field(
        default=timedelta(seconds=5), description="How often messages are brought up to date"
    )

    @model_validator(mode="after")
    def _can_be_reached(self) -> SlackSettings:
        if not any(one and one.get_secret_value() for one in (self.app_token, self.signing_secret)):
            raise ValueError("give app_token (Socket Mode) or signing_secret (HTTP), or no button would work")
        return self
