"""On what was a promise made, and how does the bell of an escalation go on? For steps and desk alike.

The instants of a promise are those of the policy that it was made under. Who is called, how often and for how
long an acknowledgement holds, is what config says now: the people of today must be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json

from bot.authors import author_tier
from bot.ladder import Bell, Ladder
from bot.models import Mention, Priority, Process
from bot.policy import Promises, policy_version
from bot.promises import Terms, counted_from, ladder_of, ladder_of_matter, outcome_due_at, owed
from bot.proof import read_policy
from bot.store import Row, Tx, escalations, instant, ms, policies
from bot.store.mentions import Promise, Waits

# What an address is taken for until it was read: its promise is made in the moment it is heard.
USUAL: Final = (Priority.NORMAL, Process.SERVICE)


# --- Promises ------------------------------------------------------------------------------------


def terms_for(
    policy: Promises, mention: Mention, posted_at: int, waits: Waits, owed_as: tuple[str, str] = USUAL
) -> Terms:
    """On what an address is promised an answer, posted at an instant (ms) by somebody who `waits` already;
    `owed_as`: its priority and process."""
    oldest = None if waits.oldest is None else instant(waits.oldest)
    since, goal = counted_from(instant(posted_at), oldest, answered=waits.answered)
    author = author_tier(policy.authors, mention.author, mention.network)
    return Terms(mention.network, ms(since), *owed_as, author, goal)


def promise(policy: Promises, terms: Terms, *, usual: bool = False) -> Promise:
    """What is owed on these terms, under a policy. `usual`: anybody may tell them without them being kept."""
    due, first = owed(policy, terms)
    kept = {} if usual else terms.facts()
    return Promise(ms(due), policy_version(policy), ms(first), kept, usual, outcome(policy, terms))


def outcome(policy: Promises, terms: Terms) -> int | None:
    """When it must be said what came of it (ms); `None` if that is not promised."""
    due = outcome_due_at(policy, terms)
    return None if due is None else ms(due)


def terms(network: str, posted_at: int, kept: Mapping[str, Any]) -> Terms:
    """The terms of a promise, from what was kept of them: what is not there is as usual."""
    return Terms(network, posted_at).after(kept)


def terms_of(mention: Row) -> Terms:
    """On what the promise of this mention was made."""
    kept = from_json(mention["terms"]) if mention["terms"] else {}
    return terms(mention["network"], mention["posted_at"], kept)


def tightened(policy: Promises, mention: Row, priority: str, process: str) -> Promise | None:
    """The promise for another priority or process; `None` where it is no sooner than the one in force. It
    rings from the first tier on that has not rung."""
    new = terms_of(mention)._replace(priority=priority, process=process)
    found = promise(policy, new)
    if mention["due_at"] is None or found.due_at >= mention["due_at"]:
        return None
    left = rungs(ladder_of(policy, new))[mention["tier"] :]
    return found._replace(alarm_at=left[0] if left else None, outcome_due_at=None)


# --- The bell ------------------------------------------------------------------------------------


def bell_of(row: Row) -> Bell:
    """How far the ringing of an escalation has come."""
    at = row["acknowledged_at"]
    return Bell(row["tier"] - 1, row["repeats"], None if at is None else instant(at))


def ladder_for(tx: Tx, policy: Promises, row: Row, mention: Row | None) -> Ladder:
    """The ladder of an escalation: that of its promise, where a promise is what it rings for; else it rings
    around the clock, from when it came up."""
    if mention is not None and row["key"] == f"mention:{mention['id']}" and mention["addressed"]:
        return ladder_of_promise(tx, policy, mention)
    if mention is not None and row["key"] == escalations.key_of_outcome(mention["id"]):
        return _ladder_of_outcome(tx, policy, row, mention)
    return ladder_of_matter(policy, instant(row["opened_at"]))


def is_outcome(row: Row) -> bool:
    """Whether an escalation rings for an outcome, not for an answer."""
    return bool(row["key"].startswith("outcome:"))


def is_doubt(row: Row) -> bool:
    """Whether an escalation rings for a reply of which nobody knows whether it is posted."""
    return bool(row["key"].startswith("reply:"))


def ladder_of_promise(tx: Tx, policy: Promises, mention: Row) -> Ladder:
    """The ladder of the promise for an address."""
    return ladder_of(_made_under(tx, policy, mention), terms_of(mention))


def rungs(ladder: Ladder) -> list[int]:
    """When its tiers ring (ms), in order."""
    return [ms(ladder.add(length)) for length in ladder.rungs]


def acknowledged(tx: Tx, policy: Promises, row: Row, mention: Row | None, now: datetime) -> int:
    """When an escalation rings again (ms) that is acknowledged now: the clock runs on."""
    bell = bell_of(row).acknowledged(now)
    return ms(ladder_for(tx, policy, row, mention).next(now, bell).at)


def _ladder_of_outcome(tx: Tx, policy: Promises, row: Row, mention: Row) -> Ladder:
    asked = terms_of(mention)._replace(priority=mention["priority"], process=mention["process"])
    made = _made_under(tx, policy, mention)
    if outcome(made, asked) == mention["outcome_due_at"]:
        return ladder_of(made, asked._replace(goal="outcome"))
    # It was promised on other terms, before the process or the priority changed.
    return ladder_of_matter(policy, instant(row["opened_at"]))


def _made_under(tx: Tx, policy: Promises, mention: Row) -> Promises:
    """The policy that a promise was made under, with the people of the policy of today."""
    version = mention["policy"]
    if version == policy_version(policy) or (body := policies.body_of(tx, version)) is None:
        return policy
    try:
        made = _read(version, body)
    except ValueError:  # the audit says so; whoever waits must be rung for all the same
        return policy
    return made.calling_as(policy)


_read: Final = lru_cache(maxsize=32)(read_policy)
