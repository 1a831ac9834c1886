"""Deliver: claim a reply, write the attempt, send, settle. Never twice (promise 5), and never anything but
what was approved for the conversation that the approver saw (promise 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from bot.errors import AuthFailed, RateLimited, Refused, Retry, Unsure
from bot.models import Receipt, Reply
from bot.steps.metered import metered
from bot.steps.unwritable import rings_directly
from bot.steps.watch import Busy, TookTooLong, Wake, Watch, bounded, log, surprise
from bot.stop import ASKED
from bot.store import Row, Tx, answers, events, instant, ms, span_ms, views
from bot.store import escalations as escalation_rows
from bot.store import mentions as mention_rows
from bot.store import replies as rows_of_replies
from bot.store.events import Event

LONGEST_BACKOFF: Final = timedelta(minutes=15)
BUSY_PAUSE: Final = timedelta(seconds=1)
AUTH_PAUSE: Final = timedelta(minutes=5)


@rings_directly
def deliver(watch: Watch, wake: Wake, name: str) -> None:  # noqa: ARG001 -- every step has a wake
    """Send everything that is ready for one responder."""
    while not watch.stopping.is_set() and (claimed := _claim(watch, name)) is not None:
        if claimed and not _attempt(watch, name, *claimed):
            return


def deliver_one(watch: Watch, reply_id: int) -> None:
    """Send one reply now, if it is ready and nobody else sends it."""
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        row = rows_of_replies.claim_one(tx, reply_id, now, _lease(watch, now))
        claimed = _prepare(watch, tx, row, now) if row else None
    if row and claimed:
        _attempt(watch, row["responder"], *claimed)


def _claim(watch: Watch, name: str) -> tuple[Row, Reply] | tuple[()] | None:
    """The next reply, with its attempt written down; () if it was put back; `None` if there is none."""
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        row = rows_of_replies.claim(tx, name, now, _lease(watch, now))
        return None if row is None else _prepare(watch, tx, row, now) or ()


def _lease(watch: Watch, now: int) -> int:
    return now + span_ms(watch.settings.root.delivery.lease)


def _prepare(watch: Watch, tx: Tx, row: Row, now: int) -> tuple[Row, Reply] | None:
    most = watch.settings.root.delivery.attempts
    if row["attempts"] > most:
        tried = f"given up after {most} attempts: {row['reason']}"
        events.append(tx, now, rows_of_replies.refuse(tx, row, tried, now))
        return None
    found = views.mention_row(tx, row["mention_id"])
    if (stale := _stale(row, found)) is not None:
        events.append(tx, now, rows_of_replies.put_back(tx, row, stale))
        return None
    reply = as_reply(row, found)
    data = {"attempt": row["attempts"], "key": reply.key}
    events.append(tx, now, [Event("attempted", row["mention_id"], row["id"], data=data)])
    return row, reply


def as_reply(row: Row, mention: Row) -> Reply:
    """A reply row as its responder gets it. The key stays the same for the same approved text."""
    return Reply(
        key=f"vigie-{row['id']}-{row['approved_hash'][:16]}",
        text=row["text"],
        mention=mention_rows.mention(mention),
        attempt=row["attempts"],
        created_at=instant(row["created_at"]),
    )


def _stale(row: Row, mention: Row) -> str | None:
    if mention["conversation_said"] != row["approved_said"]:
        return "the conversation moved after the approval"
    if events.digest(row["text"]) != row["approved_hash"]:
        return "the text is not the one that was approved"
    if mention["state"] != "answering":
        return f"the mention is {mention['state']}"
    if mention["stopped_at"] is not None:
        return ASKED
    return None


def _attempt(watch: Watch, name: str, row: Row, reply: Reply) -> bool:
    """Make one attempt and settle it. False: nothing more can go out through this responder for now."""
    delivery = watch.settings.root.delivery
    responder = watch.responders[name]
    try:
        with metered(watch, "responders", name):
            call = partial(responder.send, reply)
            receipt = bounded(watch, f"deliver {name}", call, delivery.lease, about=row["id"])
    except RateLimited as error:
        return _pause(watch, name, row, str(error), timedelta(seconds=error.after or 60))
    except Retry as error:
        return _try_later(watch, row, str(error), error.after)
    except AuthFailed as error:
        return _pause(watch, name, row, str(error), AUTH_PAUSE, ring=True)
    except Refused as error:
        reason = str(error)
        _settle(watch, lambda tx, now: rows_of_replies.refuse(tx, row, reason, now))
    except Unsure as error:
        _doubt(watch, row, str(error))
    except Busy:
        return _pause(watch, name, row, "an earlier send still hangs", BUSY_PAUSE)
    except TookTooLong:
        _doubt(watch, row, "no answer in time")
    except Exception as error:  # noqa: BLE001 -- whatever it was, it may have been published
        _doubt(watch, row, surprise(error, f"responder {name}"))
    else:
        _sent(watch, name, row, receipt)
    return True


def _sent(watch: Watch, name: str, row: Row, receipt: Receipt) -> None:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        answers.from_reply(tx, row, receipt.remote_id, receipt.url, now)
        events.append(tx, now, escalation_rows.close(tx, _key(watch, name), now, _subject(name)))


def _try_later(watch: Watch, row: Row, reason: str, after: float | None) -> bool:
    backoff = min(watch.settings.root.delivery.backoff * 2 ** (row["attempts"] - 1), LONGEST_BACKOFF)
    wait = int(1000 * max(after or 0.0, backoff.total_seconds()))
    _settle(watch, lambda tx, now: rows_of_replies.postpone(tx, row, now + wait, reason))
    return True


def _pause(watch: Watch, name: str, row: Row, reason: str, pause: timedelta, *, ring: bool = False) -> bool:
    """The whole account must wait, not this reply alone; and where it needs a human, it rings once."""

    def change(tx: Tx, now: int) -> list[Event]:
        until = now + span_ms(pause)
        log_of = rows_of_replies.postpone(tx, row, until, reason, counts=False)
        rows_of_replies.hold_back(tx, name, until)
        if ring:
            log_of += escalation_rows.open_one(tx, _key(watch, name), reason, _subject(name), now)
        return log_of

    _settle(watch, change)
    log.warning("responder %s: %s", name, reason)
    return False


def _doubt(watch: Watch, row: Row, reason: str) -> None:
    _settle(watch, lambda tx, now: rows_of_replies.doubt(tx, row, reason, now, now + look_after(watch)))


def look_after(watch: Watch) -> int:
    """Milliseconds that a network may still take with what it was sent, before what it does not show surely
    never arrived."""
    return span_ms(watch.settings.root.delivery.look_after)


def _settle(watch: Watch, change: Callable[[Tx, int], list[Event]]) -> None:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        events.append(tx, now, change(tx, now))


def _key(watch: Watch, responder: str) -> str:
    """Of the account, where there is one: its listener may have found out first, and it rings once."""
    account = watch.settings.root.responders[responder].account
    return escalation_rows.key_of_account(account) if account else f"responder:{responder}"


def _subject(responder: str) -> str:
    return f"responder {responder}"
