"""What answering on Facebook and on Instagram has in common."""

from __future__ import annotations

import re
import time
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from accounts.meta import Access
from bot.errors import Refused, ServiceError, Unsure
from bot.models import Kind, Limits, Mention, Receipt, Reply

if TYPE_CHECKING:
    from accounts.graph import ModernGraph

_ID: Final = re.compile(r"[0-9]{1,32}(?:_[0-9]{1,32}){0,2}", re.ASCII)


class Standing(NamedTuple):
    """Something that stands in a thread already."""

    id: str
    author: str
    text: str
    at: datetime | None
    url: str = ""


class Looking(ABC):
    """How both look for a reply; where it would stand is up to each."""

    config: Access

    def find(self, reply: Reply) -> Receipt | None:
        """Look for the same words of ours where they would stand. As `Responder.find`."""
        with self._graph() as graph:
            try:
                return self._find(graph, reply)
            except Refused as gone:
                raise Unsure(f"what was answered cannot be read any more: {gone}") from None

    def _graph(self) -> ModernGraph:
        from accounts.graph import ModernGraph

        return ModernGraph(self.config, time.monotonic() + self.config.timeout)

    def _already(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        """Where Meta says that it stands there already, as `_find`; not to know means that it may."""
        try:
            return self._find(graph, reply) if graph.twice else None
        except ServiceError:
            return None

    @abstractmethod
    def _find(self, graph: ModernGraph, reply: Reply) -> Receipt | None:
        """Raises:
        ServiceError: Meta could not be asked, or does not show all of it.
        """


def units(text: str) -> int:
    """Meta says characters, and not which: UTF-16 units are the most that it may mean."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def limits(most: int) -> Limits:
    return Limits(most, units)


def place(mention: Mention) -> str:
    """The id of what is answered.

    Raises:
        Refused: nothing of Meta's has such an id, or it takes no answer.
    """
    if mention.kind is Kind.SHARE or not is_id(mention.remote_id):
        raise Refused("this is nothing that could be answered")
    return mention.remote_id


def is_id(value: str) -> bool:
    return _ID.fullmatch(value) is not None


def nested(mention: Mention) -> bool:
    """Is it a comment under a comment?"""
    return mention.kind is Kind.COMMENT and mention.conversation not in ("", mention.remote_id)


def ours(reply: Reply, us: str, there: Iterable[Standing], *, thread: bool) -> Receipt | None:
    """The reply, if it stands there. `thread`: others may speak there too, and be answered in the same words.

    Raises:
        Unsure: it does, and may be the answer to somebody else, or not ours.
    """
    all_, mention = list(there), reply.mention
    alike = [one for one in all_ if _same(one.text, reply.text) and _since(one, mention)]
    found = [one for one in alike if one.author == us]
    if not found:
        if any(not one.author for one in alike):
            raise Unsure("these very words stand there, and Meta does not show who wrote them: look there")
        return None
    strangers = [one for one in all_ if not one.author or one.author not in (us, mention.author.id)]
    if thread and any(_before(one, found[0]) for one in strangers):
        raise Unsure(
            "these very words stand in this thread already, but maybe for somebody else in it: look whether "
            "this person was answered"
        )
    return Receipt(found[0].id, found[0].url)


def not_in_thread(reply: Reply, us: str, there: Iterable[Standing]) -> None:
    """A reply to a reply hangs under the first comment, where nobody sees whom it is for.

    Raises:
        Unsure: the same words stand there.
    """
    if any(one.author in (us, "") and _same(one.text, reply.text) for one in there):
        raise Unsure("these very words stand in this thread already: look whether for this person")


def _same(one: str, other: str) -> bool:
    """The same words: networks trim, and fold white space."""
    return _words(one) == _words(other)


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()


def _since(one: Standing, mention: Mention) -> bool:
    """Nothing answers what was not said yet. Meta's dates have no fractions of a second."""
    return one.at is None or one.at >= mention.posted_at.replace(microsecond=0)


def _before(one: Standing, other: Standing) -> bool:
    return one.at is None or other.at is None or one.at <= other.at
