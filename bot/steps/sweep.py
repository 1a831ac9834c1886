"""Sweep: what must not be forgotten. Promises near or past due, attempts nobody settled, sources that fell
silent; and the bell for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from bot.errors import Refused, ServiceError, Unsure
from bot.models import Escalation, Priority, Reply
from bot.promises import Promises, Ring, due_at, next_ring
from bot.steps.deliver import as_reply, look_after
from bot.steps.watch import USUAL, TookTooLong, Wake, Watch, bounded, hangs, log, surprise
from bot.store import Row, Tx, answers, events, instant, ms, sources, views
from bot.store import escalations as escalation_rows
from bot.store import replies as rows_of_replies
from bot.store import triage as rows_of_triage
from bot.store.events import Event

# How long after a ringing that reached nobody, or that died half way, it rings again.
_AGAIN: Final = timedelta(minutes=1)


def sweep(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has a key
    """Look after everything once."""
    raise_alarms(watch)
    doubt_expired(watch)
    for responder in look_for_unsure(watch):
        wake("deliver", responder)
    watch_sources(watch)
    ring(watch)


# --- Promises ------------------------------------------------------------------------------------


def raise_alarms(watch: Watch) -> None:
    """Put every address whose promise is near or past before people, however many there are."""
    now, before = ms(watch.clock()), list[int]()
    while True:
        with watch.store.tx() as tx:
            due = rows_of_triage.alarming(tx, now)
            log_of = [event for row in due for event in _alarm(watch, tx, row, now)]
            events.append(tx, now, log_of)
        if not due or before == (before := [row["id"] for row in due]):
            return


def _alarm(watch: Watch, tx: Tx, row: Row, now: int) -> list[Event]:
    """The next rung of the ladder; after a pause, the highest that is due."""
    last = len(watch.settings.root.promises.tiers)
    following = _next_ring(watch, row, now)
    tier = min(max(following.number, row["tier"] + 1), last)
    next_at = ms(following.at) if tier < last else None
    reason = "overdue" if row["due_at"] <= now else "due soon"
    return rows_of_triage.raise_alarm(tx, row, tier, reason, next_at, now)


def _next_ring(watch: Watch, row: Row, now: int) -> Ring:
    """By the ladder of the promise in force; and when that falls due it rings, whatever the ladder says."""
    policy, posted_at = watch.settings.root.promises, instant(row["posted_at"])
    priority, process = _promised_as(policy, row)
    found = next_ring(policy, row["network"], priority, process, posted_at, after=instant(now))
    if now < row["due_at"] < ms(found.at):
        return found._replace(at=instant(row["due_at"]))
    return found


def _promised_as(policy: Promises, row: Row) -> tuple[str, str]:
    """The priority and process that the promise was made for. A later priority or process may have a looser
    target, which loosens no promise. A promise of an earlier policy is none of these: the row's own."""
    own = (row["priority"], row["process"])
    others = (
        (str(t.priority).replace("*", own[0]), str(t.process).replace("*", own[1])) for t in policy.targets
    )
    posted_at = instant(row["posted_at"])
    for named in (own, USUAL, *others):
        if ms(due_at(policy, row["network"], *named, posted_at)) == row["due_at"]:
            return named
    return own


# --- Attempts that nobody settled ----------------------------------------------------------------


def doubt_expired(watch: Watch) -> None:
    """A worker died in the middle of a send: it may have been published."""
    delivery = watch.settings.root.delivery
    now, longest = ms(watch.clock()), delivery.lease // timedelta(milliseconds=1)
    with watch.store.tx() as tx:
        for row in rows_of_replies.expired(tx, now, longest):
            look_at = now + look_after(watch)  # what it sent may still be under way
            events.append(tx, now, rows_of_replies.doubt(tx, row, "the worker died while sending", look_at))


def look_for_unsure(watch: Watch) -> set[str]:
    """Ask each network whether an earlier attempt got through. Who has something to send again."""
    with watch.store.read() as tx:
        waiting = [
            (row, as_reply(row, views.mention_row(tx, row["mention_id"])))
            for row in rows_of_replies.unsure(tx, ms(watch.clock()))
        ]
    return {row["responder"] for row, reply in waiting if _look(watch, row, reply)}


def _look(watch: Watch, row: Row, reply: Reply) -> bool:
    """True: it surely stands nowhere, and is ready again."""
    name, lease = row["responder"], watch.settings.root.delivery.lease
    responder = watch.responders.get(name)
    if responder is None:
        return _ask_human(watch, row, f"responder {name} is no longer in the config")
    if hangs(watch, f"deliver {name}"):
        return _look_later(watch, row, "an earlier send still hangs")
    try:
        receipt = bounded(watch, f"find {name}", lambda: responder.find(reply), lease)
    except Unsure as error:
        return _ask_human(watch, row, str(error))
    except ServiceError as error:
        return _look_later(watch, row, str(error))
    except TookTooLong:
        return _look_later(watch, row, "no answer in time")
    except Exception as error:  # noqa: BLE001 -- a step boundary: nothing is sent until somebody can look
        return _look_later(watch, row, surprise(error, f"responder {name}"))
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        if receipt is not None:
            answers.from_reply(tx, row, receipt.remote_id, receipt.url, now, actor="find")
        else:
            events.append(tx, now, rows_of_replies.never_arrived(tx, row, now))
    return receipt is None


def _ask_human(watch: Watch, row: Row, reason: str) -> bool:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        events.append(tx, now, rows_of_replies.ask_human(tx, row, f"may already be posted: {reason}", now))
    return False


def _look_later(watch: Watch, row: Row, reason: str) -> bool:
    with watch.store.tx() as tx:
        rows_of_replies.look_later(tx, row, ms(watch.clock()) + look_after(watch), reason)
    return False


# --- Sources -------------------------------------------------------------------------------------


def watch_sources(watch: Watch) -> None:
    """A listener that cannot listen is an incident (promise 7)."""
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        for name, entry in watch.settings.root.listeners.items():
            source = sources.of(tx, name, now)
            limit = entry.silent_after // timedelta(milliseconds=1)
            if now - sources.last_heard(source) > limit:
                reason = source["error"] or "silent"
                key = sources.key(name)
                events.append(tx, now, escalation_rows.open_one(tx, key, reason, f"listener {name}", now))


# --- The bell ------------------------------------------------------------------------------------


def ring(watch: Watch) -> None:
    """Ring for everything that must, again and again until somebody acknowledges."""
    now, down = ms(watch.clock()), dict[str, str]()
    again = now + _AGAIN // timedelta(milliseconds=1)
    while True:
        with watch.store.tx() as tx:
            rows = escalation_rows.claim_ringing(tx, now, again)
            calls = [(row, _escalation(watch, tx, row)) for row in rows]
        for row, call in calls:
            _ring_one(watch, row, call, down)
        if not rows:
            return


def _ring_one(watch: Watch, row: Row, call: Escalation, down: dict[str, str]) -> None:
    """`down` is filled with the notifiers that were out of order, and why: none of them is waited for again
    in this sweep, however many matters ring."""
    named = _targets(watch, row["tier"])
    reached, problems = _tell(watch, named, call, down)
    # Whom the tier names cannot be reached: everybody else is told, and it rings again soon.
    others, more = (0, []) if reached else _tell(watch, set(watch.notifiers) - named, call, down)
    problems += more
    now = watch.clock()
    error = "" if reached or others else "; ".join(problems) or "there is nobody to tell"
    with watch.store.tx() as tx:
        again = _again(watch, tx, row, ms(now)) if reached else ms(now + _AGAIN)
        events.append(tx, ms(now), escalation_rows.rang(tx, row, again, error))
    for problem in problems:
        log.warning("%s: not told: %s", row["key"], problem)


def _targets(watch: Watch, tier: int) -> set[str]:
    named = watch.settings.root.promises.tiers[max(tier, 1) - 1].to
    return set(named or watch.notifiers) & set(watch.notifiers)


def _tell(watch: Watch, names: set[str], call: Escalation, down: dict[str, str]) -> tuple[int, list[str]]:
    reached, problems = 0, list[str]()
    for name in sorted(names):
        try:
            if name not in down:
                bounded(watch, f"notify {name}", partial(watch.notifiers[name].notify, call), _AGAIN)
                reached += 1
        except Refused as error:  # this message, not the notifier
            problems.append(f"{name}: {error}")
        except ServiceError as error:
            down[name] = str(error)
        except TookTooLong:
            down[name] = "no answer in time"
        except Exception as error:  # noqa: BLE001 -- a step boundary: the others must still ring
            problems.append(f"{name}: {surprise(error, f'notifier {name}')}")
    return reached, problems + [f"{name}: {down[name]}" for name in sorted(names & set(down))]


def _again(watch: Watch, tx: Tx, row: Row, now: int) -> int:
    """A promise rings by its own clock, so that nobody is called at night for office hours."""
    if row["mention_id"] is not None:
        mention = views.mention_row(tx, row["mention_id"])
        if mention["addressed"]:
            return ms(_next_ring(watch, mention, now).at)
    return now + watch.settings.root.promises.repeat // timedelta(milliseconds=1)


def _escalation(watch: Watch, tx: Tx, row: Row) -> Escalation:
    call = Escalation(
        key=row["key"], reason=row["reason"], subject=row["subject"], ring=row["rings"] + 1, at=watch.clock()
    )
    if row["mention_id"] is None:
        return call
    mention = views.mention_row(tx, row["mention_id"])
    return replace(
        call,
        mention_id=mention["id"],
        network=mention["network"],
        author=mention["author_name"] or mention["author_handle"],
        text=mention["text"],
        url=mention["url"],
        due_at=instant(mention["due_at"]) if mention["due_at"] is not None else None,
        priority=Priority(mention["priority"]),
    )
