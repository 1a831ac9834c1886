"""What ``web:`` in config.yaml holds: where the inbox is open, and what it needs beyond this machine."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from bot.durations import SomeTime
from bot.http import is_loopback
from bot.listen_at import ListensAt
from bot.roles import Role

_SHORTEST_KEY = 32


class WebSettings(ListensAt, extra="forbid", frozen=True, hide_input_in_errors=True):
    """The inbox: pages, and the API. Open to this machine alone unless a proxy with a certificate stands
    before it."""

    listen: str = Field(default="127.0.0.1:8700", description='Where it is open; "" for no inbox')
    url: str = Field(
        default="",
        description="Under which address people reach it, for links in Slack and e-mail; needed behind_tls",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="At least 32 random characters, such as `openssl rand -hex 32` prints; needed beyond "
        "this machine",
    )
    idle: SomeTime = Field(
        default=timedelta(hours=8), description="Whoever does nothing for so long is signed out"
    )
    session: SomeTime = Field(default=timedelta(days=7), description="After so long everybody signs in anew")
    second_factor: tuple[Role, ...] = Field(
        default=(), description="Roles whose users must set up a second factor; the others may"
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="What Prometheus says to read /metrics (Authorization: Bearer ...); without one, only "
        "this machine may read it",
    )

    api_calls: int = Field(
        default=600, ge=1, description="How many calls of the API a token may make in a minute"
    )

    @property
    def key(self) -> bytes:
        """The secret key; empty where none is set."""
        return self.secret_key.get_secret_value().encode() if self.secret_key else b""

    @property
    def address(self) -> str:
        """Under which address people reach it."""
        return self.url or f"http://{self.listen}"

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, url: str) -> str:
        if url and not (url.startswith(("https://", "http://")) and urlsplit(url).hostname):
            raise ValueError(f'{url!r} is no address; write for example "https://vigie.example.com"')
        return url.rstrip("/")

    @field_validator("secret_key", "metrics_token")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(
                f"too short: {_SHORTEST_KEY} characters at least, such as `openssl rand -hex 32` prints"
            )
        return secret

    @model_validator(mode="after")
    def _has_a_key(self) -> WebSettings:
        if self.listen and not self.key and (self.behind_tls or not is_loopback(self.place[0])):
            raise ValueError(
                "beyond this machine a secret_key is needed: write secret_key: ${VIGIE_SECRET_KEY} and set "
                "that variable where Vigie starts, to what `openssl rand -hex 32` prints"
            )
        return self

    @model_validator(mode="after")
    def _has_a_name(self) -> WebSettings:
        if self.listen and self.behind_tls and not self.url.startswith("https://"):
            raise ValueError(
                "behind_tls the address is needed under which people reach it: write for example "
                'url: "https://vigie.example.com"'
            )
        return self
