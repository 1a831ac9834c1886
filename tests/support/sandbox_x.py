"""tweepy, unchanged, led to a sandbox by an adapter on its session."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy  # type: ignore[import-untyped, unused-ignore]
from requests.adapters import HTTPAdapter

from bot.sandbox import x_auth


class Redirect(HTTPAdapter):
    """Sends what is meant for X somewhere else. The signature is made before that, over X's own address."""

    def __init__(self, to: str) -> None:
        self.to = to
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        target = urlsplit(request.url or "")
        request.url = self.to + str(target.path) + (f"?{target.query!s}" if target.query else "")
        kwargs["timeout"] = 5
        return super().send(request, *args, **kwargs)


def client(url: str, **keys: str) -> Any:
    """A `tweepy.Client` with the sandbox's keys, or others, that asks the sandbox at `url`."""
    usual = {
        "consumer_key": x_auth.CONSUMER_KEY,
        "consumer_secret": x_auth.CONSUMER_SECRET,
        "access_token": x_auth.ACCESS_TOKEN,
        "access_token_secret": x_auth.ACCESS_SECRET,
    }
    made = tweepy.Client(**{**usual, **keys})
    made.session.trust_env = False
    made.session.mount("https://api.twitter.com", Redirect(f"{url}/x"))
    return made
