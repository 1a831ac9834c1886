"""What both directions of a WordPress blog share: how to sign in, and what its REST API's errors mean.

https://developer.wordpress.org/rest-api/. The user needs the right to moderate comments (role Editor) and an
Application Password.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator

from accounts._moved import moved
from bot.errors import AuthFailed, Retry, ServiceError
from bot.http import Answer, check_address, client

if TYPE_CHECKING:
    import httpx

MOST: Final = 32_000_000  # bytes of an answer: 100 comments of 65,525 bytes, and what JSON makes of them
_CODE: Final = re.compile(r"[a-z0-9_]{1,60}")


class Access(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """How to ask one blog in the name of one of its users."""

    url: str = Field(description="The blog's address, such as https://blog.example.org")
    username: str = Field(description="Who reads and answers: a user of the blog with the role Editor.")
    password: SecretStr = Field(description="An Application Password of that user (Users > Profile).")
    allow_http: bool = Field(
        default=False, description="Send the password unprotected over http to another machine."
    )

    @model_validator(mode="after")
    def _safe(self) -> Access:
        check_address(self.url, allow_http=self.allow_http)
        return self

    @property
    def api(self) -> str:
        """Where its REST API is; paths such as "comments" follow it."""
        return f"{self.url.rstrip('/')}/wp-json/wp/v2/"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def client(self) -> httpx.Client:
        """To be closed by who asked for it."""
        return client(self.username, self.password.get_secret_value())


def fault(host: str, answer: Answer) -> ServiceError:
    """What is wrong with an answer that we cannot go on from."""
    if answer.status == 401:
        return AuthFailed(f"{host} accepts neither user nor Application Password, or never sees them")
    if answer.status == 403 and code_of(answer).startswith("rest_"):
        return AuthFailed(f"{host} does not let this user moderate comments: give it the role Editor")
    if 300 <= answer.status < 400:
        return moved(host, answer)
    return Retry(f"{host} does not answer as WordPress's REST API does (status {answer.status})")


def body_of(answer: Answer) -> Any:
    """The JSON in an answer; `None` where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def code_of(answer: Answer) -> str:
    """WordPress's word for what went wrong, "" where the answer is not WordPress's."""
    found = body_of(answer)
    return word(found.get("code")) if isinstance(found, dict) and answer.status >= 400 else ""


def word(value: Any) -> str:
    """One of WordPress's own words; "" where it is anything else."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""
