"""Does a stored deadline follow from what was written down when it was made? Pure.

What the event log must hold for it, in the `data` of events of one mention, in order:

- ``heard``: ``network``, ``posted_at`` (ms);
- every event that makes or tightens a promise: ``due_at`` (ms) and ``policy`` (its version), and with them
  whatever of `Terms` changed: ``priority``, ``process``, ``author`` (the author tier), ``goal`` and ``since``
  (ms). Until an event says otherwise these are normal, service, nobody in particular, the first answer, and
  the time of the post;
- where an outcome is promised: ``outcome_due_at`` (ms) and ``policy``.

The policies stand in the store, by version. Author tiers are facts, as priorities are: not judged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from bot.instants import ms
from bot.policy import Promises, version_of
from bot.promises import Terms, due_at

__all__ = ["disproved", "follow", "read_policy", "recompute"]


def follow(known: Terms | None, data: Mapping[str, Any]) -> Terms | None:
    """The terms after one more event of a mention; `None` as long as nothing was heard of it."""
    if known is None:
        if "network" not in data or "posted_at" not in data:
            return None
        known = Terms(data["network"], data["posted_at"])
    return known.after(data)


def recompute(policy: Promises, terms: Terms) -> int:
    """The deadline that follows from a policy and the terms of a promise (ms).

    Raises:
        ValueError: the goal is an outcome, and none is promised.
    """
    return ms(due_at(policy, terms))


def disproved(policies: Mapping[str, Promises], terms: Terms | None, data: Mapping[str, Any]) -> str:
    """What is wrong with the deadlines that an event stored; "" if nothing is, or it stored none.

    `terms` are those after this event (`follow`); `policies` the stored ones, by version.
    """
    if terms is None:
        return "a promise was made for what was never heard" if "due_at" in data else ""
    for key, goal in (("due_at", terms.goal), ("outcome_due_at", "outcome")):
        if data.get(key) is not None:
            if (policy := policies.get(data.get("policy", ""))) is None:
                return f"the policy {data.get('policy')} is not known"
            try:
                right = recompute(policy, terms._replace(goal=goal))
            except ValueError as error:
                return str(error)
            if right != data[key]:
                return f"{key} is {data[key]}, by its policy it was {right}"
    return ""


@lru_cache
def read_policy(version: str, body: str) -> Promises:
    """A stored policy, as it was.

    Raises:
        ValueError: it is not the one that its version names, or this edition cannot read it.
    """
    if (found := version_of(body)) != version:
        raise ValueError(f"the policy {version} was changed: what is stored is {found}")
    try:
        return Promises.model_validate_json(body)
    except ValidationError as error:
        raise ValueError(f"the policy {version} cannot be read: {error.error_count()} faults") from None
