"""What the tests of Facebook and of Instagram have in common: a town to listen to, and pushes signed as Meta
signs them."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from bot.models import Batch
from bot.sandbox.graph import APP_SECRET, TOKEN, VERIFY_TOKEN
from bot.sandbox.server import Sandbox, running
from bot.sandbox.town import Town
from tests.support.house import Clock

SECRETS: Final = {"token": "page-token-1", "app_secret": "app-secret-1", "verify_token": "verify-token-1"}


@contextlib.contextmanager
def peopled(clock: Clock) -> Iterator[Sandbox]:
    """A town where Zoé and Bob live."""
    with running(Town(clock)) as one:
        one.town.add("zoe", "Zoé Martin")
        one.town.add("bob", "Bob Roy")
        yield one


def access(sandbox: Sandbox) -> dict[str, Any]:
    """How to ask the sandbox's Graph API."""
    secrets = {"token": TOKEN, "app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN}
    return {**secrets, "api_url": f"{sandbox.url}/graph"}


def ids(batch: Batch) -> set[str]:
    """What others said."""
    return {mention.remote_id for mention in batch.mentions if not mention.own}


def push(body: Any, key: str = SECRETS["app_secret"]) -> tuple[bytes, dict[str, str]]:
    """A body as it goes over the wire, and its headers."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw, {"x-hub-signature-256": f"sha256={hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()}"}
