"""What Slack must be told of us, and whether it was: the app's manifest, its scopes, its channel.

https://docs.slack.dev/reference/app-manifest
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml

from accounts.slack import Web
from bot.errors import ServiceError
from responders.slack import Config

# Each with what it is for.
SCOPES: Final = {
    "chat:write": "post messages and rewrite them",
    "channels:history": "know its own messages again in a public channel",
    "groups:history": "know its own messages again in a private channel",
}


def manifest(request_url: str = "") -> str:
    """The manifest of the app, as YAML: over Socket Mode, or over HTTP at `request_url`."""
    over = {"is_enabled": True, **({"request_url": request_url} if request_url else {})}
    app = {
        "display_information": {"name": "Vigie"},
        "features": {"bot_user": {"display_name": "Vigie", "always_online": True}},
        "oauth_config": {"scopes": {"bot": [*SCOPES]}},
        "settings": {"interactivity": over, "socket_mode_enabled": not request_url},
    }
    return yaml.safe_dump(app, sort_keys=False)


def lacking(config: Config) -> Iterator[str]:
    """What is still to be done in Slack, in words with the mend."""
    web = Web(config.token.get_secret_value(), config.api_url, config.timeout)
    try:
        granted = web.scopes()
        for scope in sorted(SCOPES.keys() - granted):
            what = SCOPES[scope]
            yield f"the app lacks the scope {scope} ({what}): add it under OAuth & Permissions, and reinstall"
        if granted & {"channels:history", "groups:history"}:
            web.call("conversations_history", channel=config.channel, limit=1)
    except ServiceError as error:
        yield str(error)
