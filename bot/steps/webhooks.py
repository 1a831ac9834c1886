"""Webhooks: other systems are told what happened, by signed POSTs, at least once and in no promised order.

What is told stands in the event log, so it is true, and by a cursor, so nothing is left out. What is not
taken is tried again for a day; then a human is told. https://www.standardwebhooks.com/
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bot.errors import ServiceError
from bot.http import Answer, client, exchange, wait
from bot.signatures import signed
from bot.steps.watch import Busy, TookTooLong, Wake, Watch, bounded, is_time, log
from bot.store import Row, Tx, events, hook_deliveries, ms, span_ms, views
from bot.store.as_json import iso, iso_or_none
from bot.store.hook_deliveries import Told
from bot.webhook_settings import WebhookSettings

if TYPE_CHECKING:
    import httpx

GIVEN_UP: Final = timedelta(days=1)
KEPT: Final = timedelta(days=30)
_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)
_MOST: Final = 100_000  # bytes of an answer
_SHOWN: Final = 1024  # of which so many are kept
# What a status like these says is true of every delivery; another 4xx, of this one alone.
_OF_ALL: Final = frozenset({401, 403, 404, 405, 407, 408, 410, 429})


def webhooks(watch: Watch, wake: Wake, name: str) -> None:  # noqa: ARG001 -- every step has them
    """Tell one webhook what is new."""
    settings, now = watch.settings.root.webhooks[name], ms(watch.clock())
    if is_time(watch, f"purge {name}", timedelta(hours=1)):
        with watch.store.tx() as tx:
            hook_deliveries.purge(tx, name, now - span_ms(KEPT))
    with watch.store.read() as tx:
        if not hook_deliveries.has_work(tx, name, now):
            return
    _gather(watch, name, settings)
    with client() as http:
        while not watch.stopping.is_set() and _deliver_next(watch, http, name, settings):
            pass


def _gather(watch: Watch, name: str, settings: WebhookSettings) -> None:
    found = 1
    while found:
        with watch.store.tx() as tx:
            found = hook_deliveries.gather(tx, name, settings.events, ms(watch.clock()))


def _deliver_next(watch: Watch, http: httpx.Client, name: str, settings: WebhookSettings) -> bool:
    """Make one delivery. False: there is none just now, or the other side is out of order."""
    now = watch.clock()
    with watch.store.tx() as tx:
        # Long enough for the call, and for a clock that is not ours.
        row = hook_deliveries.claim(tx, name, ms(now), ms(now + timedelta(seconds=2 * settings.timeout + 60)))
        if row is None:
            return False
        event = hook_deliveries.event(tx, row["seq"])
        body = payload(tx, event, with_text=settings.with_text)
    told, after = _post(watch, http, name, settings, event, body)
    return _settle(watch, row, told, after)


def _settle(watch: Watch, row: Row, told: Told, after: timedelta) -> bool:
    now = watch.clock()
    of_all = told.status is None or told.status < 400 or told.status >= 500 or told.status in _OF_ALL
    with watch.store.tx() as tx:
        if not told.error:
            events.append(tx, ms(now), hook_deliveries.delivered(tx, row, told, ms(now)))
            return True
        if ms(now) - row["since"] >= span_ms(GIVEN_UP):
            since = ms(now - GIVEN_UP)
            failed = hook_deliveries.give_up(tx, row, told, since, ms(now), all_of_it=of_all)
            events.append(tx, ms(now), failed)
        else:
            again = ms(now + max(after, backoff(row["attempts"])))
            hook_deliveries.later(tx, row, told, again, all_of_it=of_all)
    if row["attempts"] == 1 or told.error != row["error"]:
        log.warning("webhook %s: %s", row["webhook"], told.error)
    return not of_all


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts in vain: 5 s, then twice as long each time, up to an hour."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 20)), _LONGEST_WAIT)


def _post(
    watch: Watch, http: httpx.Client, name: str, settings: WebhookSettings, event: Row, body: dict[str, Any]
) -> tuple[Told, timedelta]:
    """How it went, and for how long the other side asks us to wait."""
    content = json.dumps(body, ensure_ascii=False).encode()
    # By the event's hash, which is no other's here or elsewhere, a receiver knows what came twice.
    headers = signed(settings.secret.get_secret_value(), f"evt_{event['hash'][:32]}", watch.clock(), content)
    request, began = _kept(settings.url, headers, body), time.monotonic()
    send = partial(
        exchange, http, "POST", settings.url, end=began + settings.timeout, most=_MOST, content=content,
        headers={"Content-Type": "application/json", "User-Agent": "Vigie", **headers},
    )  # fmt: skip
    try:
        answer = bounded(watch, f"webhook {name}", send, timedelta(seconds=settings.timeout + 5))
    except (ServiceError, TookTooLong) as error:
        said = "an earlier call still hangs" if isinstance(error, Busy) else str(error) or "no answer in time"
        return Told(request, _since(began), error=said), timedelta(0)
    return _told(request, answer, settings), timedelta(seconds=wait(answer.headers) or 0)


def _told(request: str, answer: Answer, settings: WebhookSettings) -> Told:
    # An answer may repeat what it was sent: people's words are kept in one place only.
    body = b"" if settings.with_text else answer.body[:_SHOWN]
    shown = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    wrong = "" if 200 <= answer.status < 300 else f"status {answer.status}"
    return Told(request, span_ms(answer.took), answer.status, shown, wrong)


def _kept(url: str, headers: dict[str, str], body: dict[str, Any]) -> str:
    """The request as it is kept: without the signature, without a path that may hold a key, and without what
    the person said."""
    shown = {name: value for name, value in headers.items() if name != "webhook-signature"}
    mention = body["data"]["mention"]
    if mention and "text" in mention:
        data = {**body["data"], "mention": {**mention, "text": "(not kept here)"}}
        body = {**body, "data": data}
    return json.dumps({"host": urlsplit(url).hostname, "headers": shown, "body": body}, ensure_ascii=False)


def _since(began: float) -> int:
    return int(1000 * (time.monotonic() - began))


def payload(tx: Tx, event: Row, *, with_text: bool) -> dict[str, Any]:
    """What is told of an event. Its mention is told as it stands now."""
    number = event["mention_id"]
    mention = None if number is None else _mention(views.mention_row(tx, number), with_text=with_text)
    return {
        "type": event["kind"],
        "timestamp": iso(event["at"]),
        "data": {
            "seq": event["seq"],
            "actor": event["actor"],
            "source": event["source"],
            "reply_id": event["reply_id"],
            "facts": json.loads(event["data"]),
            "mention": mention,
        },
    }


def _mention(row: Row, *, with_text: bool) -> dict[str, Any]:
    found = json.loads(row["analysis"] or "{}")
    told = {
        "id": row["id"], "network": row["network"], "remote_id": row["remote_id"], "url": row["url"],
        "kind": row["kind"], "addressed": bool(row["addressed"]), "state": row["state"],
        "priority": row["priority"], "process": row["process"], "assignee": row["assignee"],
        "posted_at": iso(row["posted_at"]), "due_at": iso_or_none(row["due_at"]),
        "version": row["version"], "sentiment": found.get("sentiment"), "intent": found.get("intent"),
        "lang": found.get("lang"), "outcome": row["outcome"],
    }  # fmt: skip
    return told | ({"text": row["text"]} if with_text else {})
