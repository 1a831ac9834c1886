"""How a verb of the desk is done: who may, on which version, in one transaction with what the log says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bot import desk_checks as checks
from bot.config import Settings
from bot.errors import Conflict
from bot.store import Clock, Row, Store, Tx, conversations, events, ms, news, views
from bot.store.events import Event

Change = Callable[[Tx, Row, int], list[Event]]


@dataclass(frozen=True, slots=True)
class Acting:
    """What all verbs share. `actor` is the name of the human who acts, `token` the number of the token with
    which a program of theirs does it through the API; 0 for themselves."""

    store: Store
    settings: Settings
    clock: Clock
    token: int = 0

    @contextmanager
    def _allowed(self, actor: str, verb: str) -> Iterator[tuple[Tx, int]]:
        """The transaction of a verb that `actor` may do, and the time in ms."""
        with self.store.tx() as tx:
            checks.must_be_allowed(tx, actor, verb)
            yield tx, ms(self.clock())

    def _act(self, mention_id: int, verb: str, seen: int, actor: str, change: Change) -> None:
        with self._allowed(actor, verb) as (tx, now):
            mention = views.mention_row(tx, mention_id)
            if not conversations.act(tx, mention["conversation_id"], seen):
                first = news.last(tx, mention["conversation_id"])
                raise Conflict("%(news)s; look again before you act", news=first)
            self._log(tx, now, change(tx, mention, now))

    def _log(self, tx: Tx, now: int, log: Sequence[Event]) -> None:
        events.append(tx, now, events.through(self.token, log))
