"""Sweep: what must not be forgotten. Promises near or past due, attempts nobody settled, sources that fell
silent; and the bell for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from bot.errors import Refused, ServiceError, Unsure
from bot.grouping import Due, Message, grouped
from bot.ladder import Ladder, people
from bot.models import Escalation, Priority, Receipt, Reply
from bot.ringing import bell_of, is_doubt, is_outcome, ladder_for, ladder_of_promise, rungs
from bot.steps.bells import keep_to_the_clock
from bot.steps.crises import KEY as CRISIS
from bot.steps.crises import watch_crisis
from bot.steps.deliver import as_reply, look_after
from bot.steps.metered import metered
from bot.steps.unwritable import rings_directly
from bot.steps.watch import TookTooLong, Wake, Watch, bounded, incident, log, surprise, under_way
from bot.store import Row, Tx, answers, events, instant, ms, sources, span_ms, views
from bot.store import escalations as escalation_rows
from bot.store import replies as rows_of_replies
from bot.store import triage as rows_of_triage
from bot.store.events import Event

# How long after a ringing that reached nobody, or that died half way, it rings again.
_AGAIN: Final = timedelta(minutes=1)


@rings_directly
def sweep(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has a key
    """Look after everything once."""
    watch_crisis(watch)
    raise_alarms(watch)
    doubt_expired(watch)
    for responder in look_for_unsure(watch):
        wake("deliver", responder)
    ring_for_doubts(watch)
    watch_sources(watch)
    keep_to_the_clock(watch)
    ring(watch)


# --- Promises ------------------------------------------------------------------------------------


def raise_alarms(watch: Watch) -> None:
    """Put every address whose promise is near or past before people, however many there are; and every
    process that owes an outcome."""
    now = ms(watch.clock())
    _all_of(watch, rows_of_triage.alarming, partial(_alarm, watch), now)
    _all_of(watch, rows_of_triage.outcomes_due, rows_of_triage.ring_for_outcome, now)


def _all_of(
    watch: Watch,
    due_rows: Callable[[Tx, int], list[Row]],
    act: Callable[[Tx, Row, int], list[Event]],
    now: int,
) -> None:
    before = list[int]()
    while True:
        with watch.store.tx() as tx:
            due = due_rows(tx, now)
            log_of = [event for row in due for event in act(tx, row, now)]
            events.append(tx, now, log_of)
        if not due or before == (before := [row["id"] for row in due]):
            return


def _alarm(watch: Watch, tx: Tx, row: Row, now: int) -> list[Event]:
    """The next tier of the ladder; after a pause, the highest that is due. And when the promise falls due it
    rings, whatever the ladder says."""
    at = rungs(ladder_of_promise(tx, watch.settings.root.promises, row))
    later = [*(one for one in at if one > now), *([row["due_at"]] if row["due_at"] > now else [])]
    tier = max(sum(one <= now for one in at), row["tier"], 1)
    reason = "overdue" if row["due_at"] <= now else "due soon"
    return rows_of_triage.raise_alarm(tx, row, tier, reason, min(later, default=None), now)


# --- Attempts that nobody settled ----------------------------------------------------------------


def doubt_expired(watch: Watch) -> None:
    """A worker died in the middle of a send: it may have been published."""
    delivery = watch.settings.root.delivery
    # Another daemon's clock may be ahead of ours: by up to a lease, that is no clock set back.
    now, longest = ms(watch.clock()), 2 * span_ms(delivery.lease)
    with watch.store.tx() as tx:
        for row in rows_of_replies.expired(tx, now, longest):
            look_at = now + look_after(watch)  # what it sent may still be under way
            reason = "the worker died while sending"
            events.append(tx, now, rows_of_replies.doubt(tx, row, reason, now, look_at))


def hold_what_is_under_way(watch: Watch) -> None:
    """While a send still goes on here, nobody may look, find nothing, and send it again: neither this process
    nor another daemon on the same store, which cannot see it."""
    if sends := under_way(watch):
        with watch.store.tx() as tx:
            rows_of_replies.hold_doubts(tx, sends, ms(watch.clock()) + look_after(watch))


def look_for_unsure(watch: Watch) -> set[str]:
    """Ask each network whether an earlier attempt got through. Who has something to send again."""
    hold_what_is_under_way(watch)
    with watch.store.read() as tx:
        waiting = [
            (row, as_reply(row, views.mention_row(tx, row["mention_id"])))
            for row in rows_of_replies.unsure(tx, ms(watch.clock()))
        ]
    return {row["responder"] for row, reply in waiting if _look(watch, row, reply)}


def _look(watch: Watch, row: Row, reply: Reply) -> bool:
    """True: it surely stands nowhere, and is ready again."""
    try:
        receipt = _find(watch, row, reply)
    except Unsure as error:
        return _ask_human(watch, row, str(error))
    except ServiceError as error:
        return _look_later(watch, row, str(error))
    except TookTooLong:
        return _look_later(watch, row, "no answer in time")
    except Exception as error:  # noqa: BLE001 -- a step boundary: nothing is sent until somebody can look
        return _look_later(watch, row, surprise(error, f"responder {row['responder']}"))
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        if receipt is not None:
            answers.from_reply(tx, row, receipt.remote_id, receipt.url, now, actor="find")
        else:
            events.append(tx, now, rows_of_replies.never_arrived(tx, row, now))
    return receipt is None


def _find(watch: Watch, row: Row, reply: Reply) -> Receipt | None:
    """Raises:
    Unsure: there is no way to look, or nobody who could.
    ServiceError, TookTooLong: the network could not be asked.
    """
    name, lease = row["responder"], watch.settings.root.delivery.lease
    responder = watch.responders.get(name)
    if responder is None:
        raise Unsure(f"responder {name} is no longer in the config")
    with metered(watch, "responders", name):
        return bounded(watch, f"find {name}", lambda: responder.find(reply), lease)


def _ask_human(watch: Watch, row: Row, reason: str) -> bool:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        events.append(tx, now, rows_of_replies.ask_human(tx, row, f"may already be posted: {reason}", now))
    return False


def _look_later(watch: Watch, row: Row, reason: str) -> bool:
    with watch.store.tx() as tx:
        rows_of_replies.look_later(tx, row, ms(watch.clock()) + look_after(watch), reason)
    return False


def ring_for_doubts(watch: Watch) -> None:
    """Nobody knows for too long whether a reply was posted: a human must know that much."""
    now = watch.clock()
    with watch.store.tx() as tx:
        before = ms(now - watch.settings.root.delivery.unsure_limit)
        events.append(tx, ms(now), rows_of_replies.ring_for_doubts(tx, before, ms(now)))


# --- Sources -------------------------------------------------------------------------------------


def watch_sources(watch: Watch) -> None:
    """A listener that cannot listen is an incident (promise 7)."""
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        for name, entry in watch.settings.root.listeners.items():
            source = sources.of(tx, name, now)
            if sources.is_silent(sources.last_heard(source), entry.silent_after, now):
                reason = source["error"] or sources.SILENT
                out = bool(source["signed_out"])
                events.append(tx, now, incident(watch, tx, name, reason, now, signed_out=out))


# --- The bell ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    """An escalation that must ring now, how far its bell has come, and whom to call next."""

    row: Row
    escalation: Escalation
    ladder: Ladder
    steps: Iterator[tuple[int, frozenset[str]]]
    tier: int = -1
    names: frozenset[str] = frozenset()
    reached: bool = False
    problems: list[str] = field(default_factory=list)

    def climbs(self) -> bool:
        """Go on to the next who can be called; False: there is nobody left."""
        self.tier, self.names = next(self.steps, (self.tier, frozenset()))
        return bool(self.names)


def ring(watch: Watch) -> None:
    """Ring for everything that must, again and again until somebody acknowledges. Of whom nobody can be
    reached, the next tier is called in their place; if there is none, it is tried again in a minute."""
    calls = _claim(watch)
    down, left = dict[str, str](), calls
    while left := [call for call in left if not call.reached and call.climbs()]:
        due = [Due(call.names, call.escalation) for call in left]
        _send(watch, grouped(due, watch.settings.root.promises.at_once), left, down)
    _settle(watch, calls)


def _claim(watch: Watch) -> list[_Call]:
    """All that must ring now. What is not settled within a minute, as we died, rings again."""
    now, calls = ms(watch.clock()), list[_Call]()
    while True:
        with watch.store.tx() as tx:
            rows = escalation_rows.claim_ringing(tx, now, now + span_ms(_AGAIN))
            calls += [_call(watch, tx, row) for row in rows]
        if not rows:
            return calls


def _call(watch: Watch, tx: Tx, row: Row) -> _Call:
    policy = watch.settings.root.promises
    mention = None if row["mention_id"] is None else views.mention_row(tx, row["mention_id"])
    ladder = ladder_for(tx, policy, row, mention)
    tier = ladder.called(watch.clock(), bell_of(row))
    steps = people(policy.tiers, tier, watch.notifiers)
    return _Call(row, _escalation(watch, row, mention, ladder), ladder, steps)


def _escalation(watch: Watch, row: Row, mention: Row | None, ladder: Ladder) -> Escalation:
    now, tiers = watch.clock(), watch.settings.root.promises.tiers
    call = Escalation(
        key=row["key"], reason=row["reason"], subject=row["subject"], ring=row["rings"] + 1, at=now
    )
    if mention is None:
        return replace(call, priority=Priority.CRISIS) if row["key"] == CRISIS else call
    due_at = mention["outcome_due_at"] if is_outcome(row) else mention["due_at"]
    tier = ladder.reached(now) if len(ladder.rungs) == len(tiers) and not is_doubt(row) else -1
    return replace(
        call,
        mention_id=mention["id"],
        network=mention["network"],
        author=mention["author_name"] or mention["author_handle"],
        text=mention["text"],
        url=mention["url"],
        due_at=None if due_at is None else instant(due_at),
        priority=Priority(mention["priority"]),
        tier=tiers[tier].called if tier >= 0 else "",
    )


def _send(watch: Watch, messages: Sequence[Message], calls: Sequence[_Call], down: dict[str, str]) -> None:
    """Send each message to whom it is for, and note for each call whether it reached anybody. `down` is
    filled with the notifiers that are out of order, and why: none of them is waited for again in this sweep,
    however much rings."""
    by_key = {call.escalation.key: call for call in calls}
    for message in messages:
        about = [by_key[one.key] for one in message.escalations]
        for name in sorted(message.to):
            if not (problem := _tell(watch, name, message.shown, down)):
                for call in about:
                    call.reached = True
                continue
            for call in about:
                call.problems.append(problem)
            log.warning("%s: not told: %s", message.shown.key, problem)


def _tell(watch: Watch, name: str, call: Escalation, down: dict[str, str]) -> str:
    """Tell one notifier. "" if that went well, else what is wrong."""
    try:
        if name not in down:
            bounded(watch, f"notify {name}", partial(watch.notifiers[name].notify, call), _AGAIN)
            return ""
    except Refused as error:  # this message, not the notifier
        return f"{name}: {error}"
    except ServiceError as error:
        down[name] = str(error)
    except TookTooLong:
        down[name] = "no answer in time"
    except Exception as error:  # noqa: BLE001 -- a step boundary: the others must still ring
        return f"{name}: {surprise(error, f'notifier {name}')}"
    return f"{name}: {down[name]}"


def _settle(watch: Watch, calls: Sequence[_Call]) -> None:
    now, log_of = watch.clock(), list[Event]()
    with watch.store.tx() as tx:
        for call in calls:
            if call.reached:
                bell = bell_of(call.row).rang(call.tier)
                again = ms(call.ladder.next(now, bell).at)
                log_of.append(escalation_rows.rang(tx, call.row, again, bell.tier + 1, bell.repeats))
            else:
                error = "; ".join(call.problems) or "there is nobody to tell"
                log_of += escalation_rows.failed(tx, call.row, ms(now + _AGAIN), error)
        events.append(tx, ms(now), log_of)
