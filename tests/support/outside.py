"""What lies outside of a house on a random day: networks that people write on, notifiers, and fate, by which
a process dies or is overtaken at any of its transactions and calls.

All of it is repeatable: what happens depends on nothing but the script of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.errors import ServiceError
from bot.models import Batch, Escalation, Limits, Mention, Receipt, Refusal, Reply
from bot.store import Store, Tx
from tests.support.house import START, Clock

PAGE: Final = 8


class Doom(BaseException):
    """The process ends here. No step may catch it, as none can catch a power cut."""


@dataclass
class Fate:
    """What befalls one process, at the so-manieth point from now on. A point within a transaction can only be
    the last one: nobody else can write meanwhile."""

    left: int = 0
    act: Callable[[], None] | None = None
    fatal: bool = False
    met: bool = False

    def spin(self, points: int, act: Callable[[], None], *, fatal: bool) -> None:
        self.left, self.act, self.fatal, self.met = points, act, fatal, False

    def rest(self) -> None:
        self.act = None

    def point(self, *, inside: bool = False) -> None:
        if self.act is None or (inside and not self.fatal):
            return
        self.left -= 1
        if self.left <= 0:
            act, self.act, self.met = self.act, None, True
            act()


@dataclass
class Mortal:
    """A store whose process may die before, at and after each transaction."""

    store: Store
    fate: Fate

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        self.fate.point()
        with self.store.tx() as tx:
            yield tx
            self.fate.point(inside=True)
        self.fate.point()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        self.fate.point()
        with self.store.read() as tx:
            yield tx

    def close(self) -> None:
        self.store.close()


@dataclass
class Town:
    """A network. `log` is what happened there, in order: somebody wrote or changed something (a mention), or
    took it down (its id). `said` is what stands there now; `own` are ids of what the brand said by hand."""

    name: str
    clock: Clock
    log: list[Mention | str] = field(default_factory=list)
    said: dict[str, Mention] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    published: list[Reply] = field(default_factory=list)
    polls_raise: list[Exception] = field(default_factory=list)
    # What was logged before this place is no longer shown, since then.
    lost: int = 0
    lost_at: datetime = START
    read_to: datetime = START

    def write(self, mention: Mention) -> None:
        self.log.append(mention)
        if mention.own:
            self.own.add(mention.remote_id)
        else:
            self.said[mention.remote_id] = mention

    def take_down(self, remote_id: str, *, silently: bool = False) -> None:
        self.said.pop(remote_id, None)
        if not silently:
            self.log.append(remote_id)

    def page(self, cursor: str | None) -> Batch:
        """What happened since, up to whatever contradicts what stands on the same page."""
        gap = cursor is not None and int(cursor) < self.lost
        end = start = max(int(cursor or 0), self.lost)
        kinds = dict[str, type]()
        for entry in self.log[start : start + PAGE]:
            remote_id = entry if isinstance(entry, str) else entry.remote_id
            if kinds.setdefault(remote_id, type(entry)) is not type(entry):
                break
            end += 1
        if end == len(self.log):
            self.read_to = max(self.lost_at, self.clock())
        part = self.log[start:end]
        return Batch(
            tuple(entry for entry in part if isinstance(entry, Mention)),
            str(end),
            self.read_to,
            complete_from=self.lost_at if gap else None,
            deleted=tuple(entry for entry in part if isinstance(entry, str)),
        )

    def lose(self) -> None:
        """What was not heard by now is not shown any more."""
        self.lost, self.lost_at = len(self.log), self.clock()


@dataclass
class Line:
    """What one process sees of a town: its listener and its responder. `send_raises` holds what the next
    calls of `send` do; those that nobody can be sure of come after publishing, if `stands_all_the_same`."""

    town: Town
    fate: Fate
    witness: Callable[[Town, Reply], None]
    limits: Limits = field(default_factory=lambda: Limits(maximum=500))
    send_raises: list[Exception] = field(default_factory=list)
    stands_all_the_same: bool = False
    find_raises: Exception | None = None
    refusal: Refusal | None = None

    def poll(self, cursor: str | None) -> Batch:
        self.fate.point()
        if self.town.polls_raise:
            raise self.town.polls_raise.pop(0)
        batch = self.town.page(cursor)
        self.fate.point()
        return batch

    def can_reply(self, mention: Mention) -> Refusal | None:
        self.fate.point()
        return self.refusal

    def send(self, reply: Reply) -> Receipt:
        self.fate.point()
        self.witness(self.town, reply)
        if self.send_raises:
            error = self.send_raises.pop(0)
            if self.stands_all_the_same:
                self.town.published.append(reply)
            raise error
        self.town.published.append(reply)
        self.fate.point()
        return receipt(reply)

    def find(self, reply: Reply) -> Receipt | None:
        self.fate.point()
        if self.find_raises is not None:
            raise self.find_raises
        return next((receipt(one) for one in self.town.published if one.key == reply.key), None)


class Rechecking(Line):
    """A line of a network that does not tell by itself what was deleted."""

    def deleted(self, remote_ids: Sequence[str]) -> Sequence[str]:
        self.fate.point()
        return [one for one in remote_ids if one not in self.town.said]


@dataclass
class Bell:
    """A notifier, as one process sees it; `told` is what people were told by it."""

    fate: Fate
    told: list[Escalation] = field(default_factory=list)
    raises: ServiceError | None = None

    def notify(self, escalation: Escalation) -> Receipt:
        self.fate.point()
        if self.raises is not None:
            raise self.raises
        self.told.append(escalation)
        self.fate.point()
        return Receipt(escalation.key)

    def tell(self, subject: str, text: str) -> Receipt:
        self.fate.point()
        if self.raises is not None:
            raise self.raises
        return Receipt(subject)


def receipt(reply: Reply) -> Receipt:
    """What the network says of a reply that stands there."""
    return Receipt(f"r-{reply.key}", f"https://{reply.mention.network}.example/{reply.key}")


def echo(reply: Reply, mention: Mention) -> Mention:
    """A reply of ours as the network lists it."""
    return replace(
        mention, remote_id=receipt(reply).remote_id, url=receipt(reply).url, text=reply.text, own=True,
        in_reply_to=reply.mention.remote_id,
    )  # fmt: skip
