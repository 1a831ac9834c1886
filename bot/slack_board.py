"""The channel kept as the store is: what waits is posted, and each message is rewritten when anything about
it changed, whoever acted and wherever.

Nothing about Slack is stored here. Each message names what it is about, and what it shows, in its metadata
(https://docs.slack.dev/messaging/message-metadata): after a restart, or when nobody knows whether a post got
through, the channel itself is read.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from accounts.slack import Web
from bot import slack_messages
from bot.errors import NotPossible, RateLimited, Refused, ServiceError
from bot.price import price_of
from bot.slack_messages import OVER, WAITS, Block, Case
from bot.steps.watch import Watch, log
from bot.store import Tx, escalations, news, views
from responders.slack import EVENT as RING

# How far back the channel is read at the start.
_REMEMBERED: Final = timedelta(days=14)
_PAGE: Final = 200
_PAGES: Final = 25
_INBOX: Final = 200
# Many alarms in one message, named after the worst: it stays as it is.
_GROUP: Final = "group:"
Subject = int | str
"""A mention by its number, or an escalation that is no mention by its key."""


@dataclass(slots=True)
class _Message:
    """One of our messages: what it is about, a digest of what it shows ("": nobody knows), and the version
    and state of the mention when that was worked out."""

    subject: Subject
    shows: str = ""
    as_of: tuple[int, str] | None = None


class Shown:
    """What a subject looks like now. `over`: nothing will change any more, as far as one can tell."""

    def __init__(
        self, text: str, blocks: list[Block], *, over: bool, as_of: tuple[int, str] | None = None
    ) -> None:
        self.text, self.blocks, self.over, self.as_of = text, blocks, over, as_of
        self.digest = hashlib.sha256(json.dumps([text, blocks]).encode()).hexdigest()[:16]


class Board:
    """The messages in one channel."""

    def __init__(self, watch: Watch, web: Web, channel: str, inbox_url: str, *, drafts: bool) -> None:
        self._watch, self._web = watch, web
        self._channel, self._inbox_url, self._drafts = channel, inbox_url, drafts
        self._messages: dict[str, _Message] = {}
        self._read_to = ""
        self._trouble = ""
        self._not_before = 0.0
        self._lock = threading.RLock()

    def tick(self) -> None:
        """Bring the channel up to date. What Slack would not do now is done by a later tick."""
        if time.monotonic() < self._not_before:
            return
        try:
            self._read()
            for ts in list(self._messages):
                self._rewrite(ts)
            if self._drafts:
                self._post_new()
        except ServiceError as error:
            self._wait(error)
        else:
            self._trouble = ""

    def refresh(self, subject: Subject, ts: str) -> None:
        """Somebody acted on this in message `ts`: show it at once, there and wherever else it stands."""
        with self._lock:
            self._messages[ts] = _Message(subject)
            about = [one for one, message in self._messages.items() if message.subject == subject]
        try:
            for one in about:
                self._rewrite(one)
        except ServiceError as error:
            self._wait(error)

    def case(self, tx: Tx, mention_id: int) -> Case:
        """What is known about a mention.

        Raises:
            NotPossible: there is none of that number.
        """
        mention = views.mention_row(tx, mention_id)
        replies = views.replies_of(tx, mention_id)
        drafts = [reply for reply in replies if reply["state"] in ("draft", "refused")]
        sent = [reply["url"] for reply in replies if reply["state"] == "sent"]
        rings = [row["reason"] for row in escalations.ringing_for(tx, mention_id)]
        responder = self._watch.responders.get(drafts[0]["responder"]) if drafts else None
        last = str(news.last(tx, mention["conversation_id"]))
        limits = responder.limits if responder else None
        prices = {draft["id"]: price_of(self._watch.settings, draft, mention) for draft in drafts}
        costs = {number: found.warning for number, found in prices.items() if found and found.warning}
        return Case(mention, drafts, sent[0] if sent else "", rings, last, limits, costs)

    # --- What stands there -----------------------------------------------------------------------------

    def _read(self) -> None:
        """Learn of messages that the notifier posted, or that we did and nobody told us so."""
        oldest = self._read_to or f"{(self._watch.clock() - _REMEMBERED).timestamp():.6f}"
        for message in self._history(oldest):
            ts, subject = str(message.get("ts", "")), _subject(message)
            self._read_to = max(self._read_to, ts, key=lambda one: float(one or 0))
            if subject is not None and "thread_ts" not in message:
                payload = message["metadata"]["event_payload"]
                with self._lock:
                    self._messages.setdefault(ts, _Message(subject, str(payload.get("shows", ""))))

    def _history(self, oldest: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        for _ in range(_PAGES):
            answer = self._web.call(
                "conversations_history",
                channel=self._channel,
                oldest=oldest,
                limit=_PAGE,
                cursor=cursor,
                include_all_metadata=True,
            )
            yield from (one for one in answer.get("messages") or [] if isinstance(one, dict))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    # --- What should stand there -----------------------------------------------------------------------

    def _rewrite(self, ts: str) -> None:
        with self._lock:
            message = self._messages.get(ts)
            if message is None or self._is_current(message):
                return
            shown = self._shown(message.subject)
            if shown is None:
                del self._messages[ts]
                return
            if message.shows != shown.digest:
                try:
                    self._web.call(
                        "chat_update", channel=self._channel, ts=ts, **_content(message.subject, shown)
                    )
                except Refused:  # somebody deleted it
                    del self._messages[ts]
                    return
            message.shows, message.as_of = shown.digest, shown.as_of
            if shown.over:
                del self._messages[ts]

    def _post_new(self) -> None:
        """Everything with a draft that has no message yet, the most pressing promise first."""
        with self._watch.store.read() as tx:
            rows = views.inbox(tx, _INBOX)
        waiting = [row["id"] for row in rows if row["drafts"] and row["state"] in WAITS]
        for mention in waiting:
            with self._lock:
                if mention in {message.subject for message in self._messages.values()}:
                    continue
                shown = self._shown(mention)
                if shown is None or shown.over:
                    continue
                answer = self._web.call(
                    "chat_postMessage",
                    channel=self._channel,
                    unfurl_links=False,
                    unfurl_media=False,
                    **_content(mention, shown),
                )
                self._messages[str(answer.get("ts"))] = _Message(mention, shown.digest, shown.as_of)

    def _is_current(self, message: _Message) -> bool:
        """Whether the mention is as it was when its message was written. A reply on its way may change
        without a new version."""
        if message.as_of is None or isinstance(message.subject, str) or message.as_of[1] == "answering":
            return False
        with self._watch.store.read() as tx:
            mention = views.mention_row(tx, message.subject)
        return (mention["version"], mention["state"]) == message.as_of

    def _shown(self, subject: Subject) -> Shown | None:
        """None: nothing is known of it here."""
        with self._watch.store.read() as tx:
            if isinstance(subject, str):
                return self._matter(tx, subject)
            try:
                case = self.case(tx, subject)
            except NotPossible:
                return None
        blocks, state = slack_messages.of_mention(case, self._inbox_url), case.mention["state"]
        as_of = case.mention["version"], state
        return Shown(slack_messages.headline(case), blocks, over=state in OVER, as_of=as_of)

    def _matter(self, tx: Tx, key: str) -> Shown:
        row = escalations.standing(tx, key)
        if row is None:
            return Shown(f"Over: {key}", slack_messages.matter_over(key), over=True)
        return Shown(slack_messages.matter(row), slack_messages.of_matter(row, self._inbox_url), over=False)

    def _wait(self, error: ServiceError) -> None:
        """Slack is out of order, or asks us to wait: nothing is lost, as the store has it all."""
        after = getattr(error, "after", None) or 0.0
        self._not_before = time.monotonic() + (after if isinstance(error, RateLimited) else 0.0)
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.warning("slack: %s", error)


def _subject(message: dict[str, Any]) -> Subject | None:
    """What one of our messages is about; None: it is none of ours."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(payload := metadata.get("event_payload"), dict):
        return None
    if metadata.get("event_type") not in (RING, slack_messages.EVENT):
        return None
    if str(payload.get("key", "")).startswith(_GROUP):
        return None
    found = payload.get("mention", payload.get("key"))
    return found if isinstance(found, int | str) else None


def _content(subject: Subject, shown: Shown) -> dict[str, Any]:
    payload = {"mention" if isinstance(subject, int) else "key": subject, "shows": shown.digest}
    metadata = {"event_type": slack_messages.EVENT, "event_payload": payload}
    return {"text": shown.text, "blocks": shown.blocks, "metadata": metadata}
