"""What it means that a service sends us on to another address."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.errors import Retry
from bot.http import Answer


def moved(host: str, answer: Answer) -> Retry:
    """The error for a redirect, which is never followed: it says what to put into the config."""
    try:
        target = urlsplit(answer.headers.get("location", ""))
    except ValueError:
        return Retry(f"{host} sends us on to what is no web address")
    return Retry(f"{host} sends us on to {target.scheme}://{target.hostname}: put that under url")
