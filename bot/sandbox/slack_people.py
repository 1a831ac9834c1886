"""People in Slack: they press buttons and fill in forms, and Slack tells the app, signed.

https://docs.slack.dev/interactivity/handling-user-interaction,
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from bot.sandbox.apps import ask
from bot.sandbox.town import Impossible, Unknown

TEAM: Final = {"id": "T0SANDBOX", "domain": "banque-azur"}
CHANNEL: Final = {"id": "C0SANDBOX", "name": "vigie"}
BOT: Final = {"id": "U0VIGIE", "bot_id": "B0VIGIE", "app_id": "A0VIGIE"}
MEMBERS: Final = {"U0LEA": "lea", "U0MAX": "max", "U0GUEST": "guest"}
Values = dict[str, Any]


class People:
    """Whoever works in the workspace. `message` finds a message by its timestamp, or raises `Unknown`."""

    def __init__(self, message: Callable[[str], Values], signing_secret: str) -> None:
        self._message = message
        self._secret = signing_secret.encode()
        self._triggers: list[str] = []
        self.views: list[Values] = []

    def member(self, number: str) -> Values:
        """As users.info shows somebody.

        Raises:
            Unknown: nobody has that id.
        """
        if number not in MEMBERS:
            raise Unknown(f"nobody here has the id {number!r}; there are {', '.join(MEMBERS)}")
        name = MEMBERS[number]
        return {"id": number, "team_id": TEAM["id"], "name": name, "real_name": name.title(), "is_bot": False}

    def press(self, url: str, user: str, ts: str, action: str) -> Values:
        """`user` presses the button with the action_id `action` under message `ts`; {"status", "answer"} is
        what the app at `url` says to it.

        Raises:
            Unknown, Impossible: there is no such button, message or member, or the app is elsewhere.
        """
        return self.tell(url, self.pressed(user, ts, action))

    def pressed(self, user: str, ts: str, action: str) -> Values:
        """What Slack tells of it, for an app to be told in another way (Socket Mode)."""
        message = self._message(ts)
        found = _element(message, action)
        if found is None:
            raise Impossible(f"message {ts} has no button {action!r}")
        block, element = found
        pressed = {**element, "block_id": block["block_id"], "action_ts": f"{time.time():.6f}"}
        container = {"type": "message", "message_ts": ts, "channel_id": CHANNEL["id"], "is_ephemeral": False}
        return {
            "type": "block_actions",
            **self._common(user),
            "container": container,
            "channel": CHANNEL,
            "message": message,
            "actions": [pressed],
        }

    def submit(self, url: str, user: str, view: str, typed: dict[str, str]) -> Values:
        """`user` sends the form `view`, with texts typed in by block_id.

        Raises:
            Unknown, Impossible: there is no such form or member, or the app is elsewhere.
        """
        return self.tell(url, self.submitted(user, view, typed))

    def submitted(self, user: str, view: str, typed: dict[str, str]) -> Values:
        """What Slack tells of it."""
        found = next((one for one in self.views if one["id"] == view), None)
        if found is None:
            raise Unknown(f"there is no form {view!r}")
        values = {
            block["block_id"]: {
                block["element"]["action_id"]: {
                    "type": block["element"]["type"],
                    "value": typed.get(block["block_id"], block["element"].get("initial_value")),
                }
            }
            for block in found["blocks"]
            if block["type"] == "input"
        }
        return {
            "type": "view_submission",
            **self._common(user),
            "view": {**found, "state": {"values": values}},
        }

    def open(self, trigger: str, view: Values) -> Values | None:
        """The form that an app opens for whoever just pressed something; None if nobody did."""
        if trigger not in self._triggers:
            return None
        self._triggers.remove(trigger)
        opened = {**view, "id": f"V{len(self.views)}SANDBOX", "hash": "1.x", "state": {"values": {}}}
        self.views.append(opened)
        return opened

    def _common(self, user: str) -> Values:
        member = self.member(user)
        self._triggers.append(f"{len(self._triggers)}.{time.time_ns()}")
        return {
            "user": {"id": user, "username": member["name"], "name": member["name"], "team_id": TEAM["id"]},
            "api_app_id": BOT["app_id"],
            "token": "deprecated",
            "team": TEAM,
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self._triggers[-1],
        }

    def tell(self, url: str, payload: Values, *, at: float | None = None) -> Values:
        """Send a payload, signed as of `at` (seconds since 1970; now); status 0: there was no answer."""
        body = urlencode({"payload": json.dumps(payload)})
        status, answer = ask(url, body.encode(), self.signed(body, at))
        return {"status": status, "answer": _parsed(answer)}

    def signed(self, body: str, at: float | None = None) -> dict[str, str]:
        """The headers with which Slack sends a body."""
        moment = str(int(time.time() if at is None else at))
        digest = hmac.new(self._secret, f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": f"v0={digest}",
        }


def _element(message: Values, action: str) -> tuple[Values, Values] | None:
    for block in message.get("blocks", []):
        for element in [*block.get("elements", []), block.get("accessory", {})]:
            if element.get("action_id") == action:
                return block, element
    return None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")
