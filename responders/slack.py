"""Escalations as messages in a Slack channel.

Web API: https://docs.slack.dev/reference/methods/chat.postMessage. The app needs the scope ``chat:write`` and
must be a member of the channel (or have ``chat:write.public``).

What rings again is posted in the thread of its first message and shown in the channel as well, so that it is
recognised and still seen. The thread is remembered for as long as Vigie runs; after that, a new one begins.
Slack knows no key that would keep a message from standing twice, which for a ringing does no harm.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from accounts.slack import Web, date, escaped, link, shortened
from bot.errors import Refused, Unsure
from bot.http import check_address
from bot.models import Escalation, Priority, Receipt

EVENT: Final = "vigie_escalation"
# Characters of a person's words: a section takes 3000, and "&" travels as five.
_WORDS: Final = 500
_SECTION: Final = 2500
_THREADS: Final = 1000


class Config(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    token: SecretStr = Field(description="The bot token of the Slack app (xoxb-...), with chat:write.")
    channel: str = Field(
        min_length=1, description="Where to: a channel's id such as C0123456789, or its #name."
    )
    inbox_url: str = Field(
        default="",
        description="Where Vigie's inbox stands, for a link; {mention} is filled in with the number.",
    )
    api_url: str = Field(
        default="https://slack.com/api/", description="Slack's Web API, or what stands in for it."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for Slack.")

    @field_validator("api_url")
    @classmethod
    def _ends_in_a_slash(cls, url: str) -> str:
        return url if url.endswith("/") else f"{url}/"

    @model_validator(mode="after")
    def _safe(self) -> Config:
        check_address(self.api_url, allow_http=False)
        return self


class SlackNotifier:
    """Posts escalations to one channel."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._web = Web(config.token.get_secret_value(), config.api_url, config.timeout)
        self._threads: dict[str, str] = {}
        self._lock = threading.Lock()

    def notify(self, escalation: Escalation) -> Receipt:
        """Post `escalation`; the receipt's id is the message's timestamp, which is Slack's own id for it.

        Raises:
            AuthFailed: Slack no longer takes the token, or it lacks a scope.
            Refused: there is no such channel, or the app is not in it.
            Retry, RateLimited, Unsure: it was not posted, or nobody knows.
        """
        with self._lock:
            thread = self._threads.get(escalation.key) if escalation.ring > 1 else None
        try:
            posted = self._post(escalation, thread)
        except Refused:
            if thread is None:
                raise
            posted = thread = self._post(escalation, None)  # its first message is gone
        with self._lock:
            self._threads.pop(escalation.key, None)
            self._threads[escalation.key] = thread or posted
            while len(self._threads) > _THREADS:
                del self._threads[next(iter(self._threads))]
        return Receipt(posted)

    def tell(self, subject: str, text: str) -> Receipt:
        """Post a text that rings for nothing, such as the daily digest.

        Raises:
            as `notify`.
        """
        found = [_section(f"*{escaped(subject)}*"), _section(escaped(shortened(text, _SECTION)))]
        return Receipt(self._say(text=escaped(shortened(subject, 200)), blocks=found))

    def _post(self, escalation: Escalation, thread: str | None) -> str:
        return self._say(
            text=headline(escalation),
            blocks=blocks(escalation, self.config.inbox_url),
            metadata=_metadata(escalation),
            thread_ts=thread,
            reply_broadcast=True if thread else None,
        )

    def _say(self, **message: Any) -> str:
        answer = self._web.call(
            "chat_postMessage",
            channel=self.config.channel,
            unfurl_links=False,
            unfurl_media=False,
            **message,
        )
        if not isinstance(answer.get("ts"), str):
            raise Unsure(f"{self._web.host} did not say what became of the message")
        return str(answer["ts"])


# --- What stands in the message -------------------------------------------------------------------


def blocks(escalation: Escalation, inbox_url: str = "") -> list[dict[str, Any]]:
    """The message as Block Kit: what it is about and why, the person's words, then the details and links.

    Nobody's words can ping: they are escaped, and Slack is told to look for no names in them (``verbatim``;
    https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
    """
    found = [_section(f"*{headline(escalation)}*")]
    if escalation.text.strip():
        found.append(_section(quoted(escalation.text)))
    details = [part for part in (*_details(escalation), *_links(escalation, inbox_url)) if part]
    if details:
        text = {"type": "mrkdwn", "text": "  ·  ".join(details), "verbatim": True}
        found.append({"type": "context", "elements": [text]})
    return found


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def headline(escalation: Escalation) -> str:
    """One line: why, whom or what, and how long there is. It is what a notification shows."""
    about = escalation.subject
    if escalation.mention_id is not None:
        who = escalation.author or "somebody"
        about = f"{who} on {escalation.network}" + (f", {escalation.subject}" if about else "")
    reason = escalation.reason[:1].upper() + escalation.reason[1:]
    left = time_left(escalation.due_at - escalation.at) if escalation.due_at else ""
    line = f"{shortened(reason, 300)}: {shortened(about, 200)}" + (f" ({left})" if left else "")
    return escaped(" ".join(line.split()))


def time_left(left: timedelta) -> str:
    """``"25 min left"``, ``"3 h 10 min overdue"``."""
    hours, minutes = divmod(round(abs(left).total_seconds() / 60), 60)
    words = f"{minutes} min" if not hours else f"{hours} h {minutes} min"
    words = words if hours < 24 else f"{hours // 24} d {hours % 24} h"
    return f"{words} left" if left > timedelta() else f"{words} overdue"


def quoted(text: str) -> str:
    """A person's words, cut where they are very long, as a quotation."""
    lines = escaped(shortened(text.strip(), _WORDS)).splitlines()
    return "\n".join(f"> {line}" for line in lines)


def _details(escalation: Escalation) -> list[str]:
    urgent = escalation.priority in (Priority.HIGH, Priority.CRISIS)
    return [
        escaped(escalation.tier),
        f"priority {escalation.priority}" if urgent else "",
        f"answer due {date(escalation.due_at)}" if escalation.due_at else "",
        f"rings for the {_nth(escalation.ring)} time" if escalation.ring > 1 else "",
    ]


def _links(escalation: Escalation, inbox_url: str) -> list[str]:
    mention = "" if escalation.mention_id is None else str(escalation.mention_id)
    return [
        link(inbox_url.replace("{mention}", mention), "Open in Vigie"),
        link(escalation.url, f"See it on {escalation.network}"),
    ]


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 // 10 != 1 else "th"
    return f"{number}{ending}"


def _metadata(escalation: Escalation) -> dict[str, Any]:
    payload: dict[str, Any] = {"key": escalation.key, "ring": escalation.ring}
    if escalation.mention_id is not None:
        payload["mention"] = escalation.mention_id
    return {"event_type": EVENT, "event_payload": payload}
