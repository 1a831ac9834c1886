"""The part of a config that points Vigie at a running sandbox."""

from __future__ import annotations

from typing import Any

from bot.sandbox import graph, slack, slack_people, x_auth
from bot.sandbox.town import Town


def config_at(url: str, town: Town) -> dict[str, Any]:
    """``brand:``, ``accounts:``, ``listeners:`` and ``responders:`` for all the sandbox's networks. Its keys
    are known to everybody and open nothing else."""
    networks = ("x", "facebook", "instagram")
    return {
        "brand": {"name": town.brand.name, "handles": [f"@{town.brand.handle}"], "languages": ["fr", "en"]},
        "accounts": _accounts(url, town),
        "listeners": {name: {"type": name, "account": name, "every": "2s"} for name in networks},
        "responders": {name: {"type": name, "account": name} for name in (*networks, "slack")},
    }


def _accounts(url: str, town: Town) -> dict[str, dict[str, Any]]:
    meta = {
        "token": graph.TOKEN,
        "app_secret": graph.APP_SECRET,
        "verify_token": graph.VERIFY_TOKEN,
        "api_url": f"{url}/graph",
    }
    ids = town.brand.ids
    return {
        "x": {
            "consumer_key": x_auth.CONSUMER_KEY,
            "consumer_secret": x_auth.CONSUMER_SECRET,
            "access_token": x_auth.ACCESS_TOKEN,
            "access_token_secret": x_auth.ACCESS_SECRET,
            "handle": f"@{town.brand.handle}",
            "user_id": ids["x"],
            "messages": True,
            "searches_every_minutes": 0.05,
            "api_url": f"{url}/x",
        },
        "facebook": meta | {"page_id": ids["facebook"], "messages": True},
        "instagram": meta | {"ig_user_id": ids["instagram"]},
        "slack": {
            "token": slack.TOKEN,
            "channel": slack_people.CHANNEL["id"],
            "api_url": f"{url}/slack/api/",
        },
    }
