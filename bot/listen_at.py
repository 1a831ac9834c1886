"""Where this machine takes calls, and that others reach it only through a proxy that encrypts."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from bot.http import is_loopback


class ListensAt(BaseModel, extra="forbid", frozen=True):
    """The keys of a section of config.yaml that opens a port."""

    listen: str = Field(default="", description='Such as "127.0.0.1:8710"; default: nothing is opened')
    behind_tls: bool = Field(
        default=False,
        description="That a proxy with a certificate stands before an address others can reach",
    )

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if listen and not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f'{listen!r} is no address and port; write for example "127.0.0.1:8710"')
        return listen

    @model_validator(mode="after")
    def _is_not_open(self) -> Self:
        if self.listen and not self.behind_tls and not is_loopback(self.place[0]):
            raise ValueError(
                "others can reach this address, and what passes there would be unencrypted: write "
                '"127.0.0.1:PORT", or say behind_tls: true if a proxy with a certificate stands before it'
            )
        return self

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of `listen`, which must not be empty."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)
