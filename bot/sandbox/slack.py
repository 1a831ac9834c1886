"""Slack's Web API on loopback, as far as Vigie uses it: https://docs.slack.dev/reference/methods

One workspace with one channel, `CHANNEL` (#vigie). `TOKEN` is the bot's, with or without ``xoxb-``;
`APP_TOKEN` is for Socket Mode, whose other end is wherever `SlackWire.socket_url` says; `SIGNING_SECRET`
signs what people click. Who works there: `MEMBERS`.

``POST /control/slack/messages`` shows what stands there and what was whispered to whom; ``press`` and
``submit`` (`slack_people`) are people at their buttons and forms.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.sandbox.faults import Fault
from bot.sandbox.slack_people import BOT, CHANNEL, MEMBERS, TEAM, People
from bot.sandbox.town import Town, Unknown
from bot.sandbox.wire import Answer, Request, in_json

TOKEN: Final = "sandbox-slack-token"  # noqa: S105 -- it opens nothing but the sandbox
APP_TOKEN: Final = "sandbox-slack-app-token"  # noqa: S105
SIGNING_SECRET: Final = "sandbox-signing-secret"  # noqa: S105
_READS: Final = {"auth.test", "conversations.history", "users.info"}
_LONGEST: Final = {"text": 40_000, "section": 3_000, "blocks": 50, "title": 24}
_REFUSALS: Final = {
    Fault.TOKEN_EXPIRED: "token_expired",
    Fault.OUT_OF_CREDITS: "team_access_not_granted",
    Fault.NOT_SUMMONED: "not_in_channel",
    Fault.DUPLICATE: "restricted_action",
}
Values = dict[str, Any]


class Refused(Exception):
    """What Slack says in ``error``."""


class SlackWire:
    """One workspace. `messages` stand in the order in which they came; `whispers` only one person saw.
    `scopes` is what the bot is said to have; nothing is refused for want of one."""

    name = "slack"

    def __init__(self, town: Town) -> None:
        self._town = town
        self._lock = threading.RLock()
        self._count = 0
        self.messages: list[Values] = []
        self.whispers: list[Values] = []
        self.socket_url = ""
        self.scopes = ["chat:write", "channels:history", "groups:history"]
        self.people = People(self.message, SIGNING_SECRET)
        self._methods: dict[str, Callable[[Values], Values]] = {
            "apps.connections.open": self._socket,
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._whisper,
            "chat.update": self._update,
            "conversations.history": self._history,
            "users.info": self._user,
            "views.open": self._open,
        }

    def handle(self, request: Request) -> Answer:
        try:
            done = self._do(request)
            return in_json(200, {"ok": True, **done}, {"x-oauth-scopes": ",".join(self.scopes)})
        except Refused as refused:
            return in_json(200, {"ok": False, "error": str(refused)})

    def _do(self, request: Request) -> Values:
        values = request.values
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or values.get("token")
        if not token:
            raise Refused("not_authed")
        asked = request.path.removeprefix("/api/")
        wanted = APP_TOKEN if asked == "apps.connections.open" else TOKEN
        if str(token).removeprefix("xoxb-").removeprefix("xapp-") != wanted:
            raise Refused("invalid_auth")
        method = self._methods.get(asked)
        if method is None:
            raise Refused("unknown_method")
        with self._lock:
            return method(values)

    def writes(self, request: Request) -> bool:
        return request.path.removeprefix("/api/") not in _READS

    def subject(self, request: Request) -> tuple[str, str] | None:  # noqa: ARG002
        """Nothing here answers a post."""
        return None

    def refuse(self, fault: Fault, request: Request, seconds: float) -> Answer:  # noqa: ARG002
        if fault in (Fault.RATE_LIMITED, Fault.RATE_LIMITED_NO_RESET):
            wait = {"Retry-After": str(math.ceil(seconds))} if fault is Fault.RATE_LIMITED else {}
            return in_json(429, {"ok": False, "error": "ratelimited"}, wait)
        if fault is Fault.ERROR_AFTER:
            return in_json(500, {"ok": False, "error": "internal_error"})
        return in_json(200, {"ok": False, "error": _REFUSALS[fault]})

    def control(self, verb: str, values: Values) -> Values:
        if verb == "messages":
            with self._lock:
                return {"messages": list(self.messages), "whispers": list(self.whispers)}
        if verb == "press":
            return self.people.press(**_only_text(values))
        if verb == "submit":
            typed = values.pop("typed", {})
            return self.people.submit(**_only_text(values), typed=_only_text(typed))
        raise Unknown(f"there is no verb {verb!r}; there are messages, press, submit")

    def message(self, ts: str) -> Values:
        """By its timestamp.

        Raises:
            Unknown: there is none.
        """
        with self._lock:
            for message in self.messages:
                if message["ts"] == ts:
                    return message
        raise Unknown(f"there is no message {ts}; POST /control/slack/messages lists them")

    # --- Methods ---------------------------------------------------------------------------------------

    def _socket(self, values: Values) -> Values:  # noqa: ARG002 -- as every method
        if not self.socket_url:
            raise Refused("internal_error")
        return {"url": self.socket_url}

    def _auth_test(self, values: Values) -> Values:  # noqa: ARG002
        return {
            "url": f"https://{TEAM['domain']}.slack.com/",
            "team": "Banque Azur",
            "user": "vigie",
            "team_id": TEAM["id"],
            "user_id": BOT["id"],
            "bot_id": BOT["bot_id"],
            "is_enterprise_install": False,
        }

    def _post(self, values: Values) -> Values:
        _in_channel(values)
        shown = _shown(values)
        message: Values = {"type": "message", "user": BOT["id"], "bot_id": BOT["bot_id"], **shown}
        if thread := values.get("thread_ts"):
            if thread not in {one["ts"] for one in self.messages}:
                raise Refused("thread_not_found")
            message["thread_ts"] = thread
            if _true(values.get("reply_broadcast")):
                message["subtype"] = "thread_broadcast"
        message |= {"app_id": BOT["app_id"], "team": TEAM["id"], "ts": self._ts()}
        self.messages.append(message)
        return {"channel": CHANNEL["id"], "ts": message["ts"], "message": message}

    def _whisper(self, values: Values) -> Values:
        _in_channel(values)
        if values.get("user") not in MEMBERS:
            raise Refused("user_not_in_channel")
        whisper = {"user": values["user"], **_shown(values), "ts": self._ts()}
        self.whispers.append(whisper)
        return {"message_ts": whisper["ts"]}

    def _update(self, values: Values) -> Values:
        _in_channel(values)
        try:
            message = self.message(str(values.get("ts")))
        except Unknown:
            raise Refused("message_not_found") from None
        shown = _shown(values)
        message.update({"blocks": [], **shown, "edited": {"user": BOT["id"], "ts": self._ts()}})
        return {"channel": CHANNEL["id"], "ts": message["ts"], "text": message["text"], "message": message}

    def _history(self, values: Values) -> Values:
        """Newest first; without what stands in threads only."""
        _in_channel(values)
        inclusive = _true(values.get("inclusive"))
        oldest, latest = float(values.get("oldest") or 0), float(values.get("latest") or "inf")
        found = [
            one
            for one in reversed(self.messages)
            if ("thread_ts" not in one or one.get("subtype"))
            and (oldest < float(one["ts"]) < latest or (inclusive and float(one["ts"]) in (oldest, latest)))
        ]
        start, size = int(values.get("cursor") or 0), min(int(values.get("limit") or 100), 999)
        known = _true(values.get("include_all_metadata"))
        part = [one if known else _without(one, "metadata") for one in found[start : start + size]]
        more = start + size < len(found)
        follows = {"response_metadata": {"next_cursor": str(start + size)}} if more else {}
        return {"messages": part, "has_more": more, **follows}

    def _user(self, values: Values) -> Values:
        number = str(values.get("user"))
        if number not in MEMBERS:
            raise Refused("user_not_found")
        return {"user": self.people.member(number)}

    def _open(self, values: Values) -> Values:
        view = values.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        if not isinstance(view, dict) or len(_words(view.get("title"))) not in range(
            1, _LONGEST["title"] + 1
        ):
            raise Refused("invalid_arguments")
        _check_blocks(view.get("blocks"))
        opened = self.people.open(str(values.get("trigger_id")), view)
        if opened is None:
            raise Refused("expired_trigger_id")
        return {"view": opened}

    def _ts(self) -> str:
        self._count += 1
        return f"{int(self._town.clock().timestamp())}.{self._count:06}"


def _only_text(values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ValueError("give texts by their names")
    return values


def _in_channel(values: Values) -> None:
    if values.get("channel") not in (CHANNEL["id"], CHANNEL["name"], f"#{CHANNEL['name']}"):
        raise Refused("channel_not_found")


def _shown(values: Values) -> Values:
    """What a message shows; blocks and metadata come as JSON, or as JSON within a form."""
    found: Values = {"text": str(values.get("text") or "")}
    for name in ("blocks", "metadata"):
        if (value := values.get(name)) is not None:
            found[name] = json.loads(value) if isinstance(value, str) else value
    if not found["text"] and not found.get("blocks"):
        raise Refused("no_text")
    if len(found["text"]) > _LONGEST["text"]:
        raise Refused("msg_too_long")
    _check_blocks(found.get("blocks", []))
    return found


def _check_blocks(blocks: Any) -> None:
    """https://docs.slack.dev/reference/block-kit/blocks"""
    if not isinstance(blocks, list) or len(blocks) > _LONGEST["blocks"]:
        raise Refused("invalid_blocks")
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or "type" not in block:
            raise Refused("invalid_blocks")
        block.setdefault("block_id", f"b{number}")
        if block["type"] == "section" and not 0 < len(_words(block.get("text"))) <= _LONGEST["section"]:
            raise Refused("invalid_blocks")
        actions = [
            element.get("action_id") for element in block.get("elements", []) if "action_id" in element
        ]
        if len(set(actions)) != len(actions):
            raise Refused("invalid_blocks")


def _words(text: Any) -> str:
    return str(text.get("text", "")) if isinstance(text, dict) else ""


def _without(message: Mapping[str, Any], name: str) -> Values:
    return {key: value for key, value in message.items() if key != name}


def _true(value: Any) -> bool:
    return value in (True, 1, "1", "true")
