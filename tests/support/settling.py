"""Sending as the core does, over a line that loses things."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from bot.errors import Retry, Unsure
from bot.models import Receipt, Reply
from responders.base import Responder

_OFTEN = 100


class Settled(NamedTuple):
    """How often nobody knew whether it stands there, and whether looking for it ended that."""

    unsure: int
    found: bool = False


def settle(talk: Responder, reply: Reply) -> Settled:
    """Send it until it stands there. What is unsure is never sent again before it was looked for."""
    unsure = 0
    for attempt in range(1, _OFTEN):
        try:
            talk.send(replace(reply, attempt=attempt))
        except Unsure:
            unsure += 1
            if looked_for(talk, reply):
                return Settled(unsure, found=True)
        except Retry:
            continue
        else:
            return Settled(unsure)
    raise AssertionError("never settled")


def looked_for(talk: Responder, reply: Reply) -> Receipt | None:
    """What `find` says in the end."""
    for _ in range(_OFTEN):
        try:
            return talk.find(reply)
        except Retry:
            continue
    raise AssertionError("it could never be looked for")
