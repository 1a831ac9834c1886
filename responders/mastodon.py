"""Replies on Mastodon, and on every server that speaks its API: https://docs.joinmastodon.org/methods/statuses/

A reply is never seen by more people than what it answers: a direct message is answered by a direct message.
Its author's @name is put before it, without which nobody would be told of it.

Mastodon keeps an ``Idempotency-Key`` for an hour; other servers (snac) ignore it. So before anything is sent
a second time, our own replies in that place are looked at.
"""

from __future__ import annotations

import html
import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, Final, Literal

from pydantic import Field

from accounts.mastodon import (
    Access,
    Entity,
    Gone,
    Server,
    author_id,
    back,
    entities,
    entity,
    ident,
    original,
    word,
)
from bot.errors import Refused, Retry, ServiceError, Unsure
from bot.models import Kind, Limits, Mention, Receipt, Refusal, Reply

_ID: Final = re.compile(r"[\w\-]{1,128}", re.ASCII)
_LEFT: Final = 100  # requests that asking before drafting leaves to those that listen and send
_AGAIN: Final = 60.0  # seconds until the listener has surely brought what was edited
_CLOCKS: Final = timedelta(hours=1)  # how far those of two machines may be apart
_PAGES: Final = 5  # of our own statuses, when an earlier attempt is looked for
_TAG: Final = re.compile(r"<[^<>]*+>")
_BREAK: Final = re.compile(r"<(?:br|/p|/li|/div)\b[^<>]*+>", re.IGNORECASE)
_TARGET: Final = re.compile(r"\(https?://[^\s()]*+\)")  # where a link leads to, as the listener writes it
_GONE: Final = "it is gone, or its author does not let us see it any more"

# --- Length: https://docs.joinmastodon.org/user/posting/#length -----------------------------------

_USUAL: Final = 500
_LINK: Final = 23  # what every link counts
_NAME: Final = 32  # room for "@name ": names have 30 characters at most on Mastodon
_KEPT: Final = 3600.0  # seconds for which a server's limits are taken to be what they were
_MISSED: Final = 60.0  # likewise, of a server that could not be asked
_ASKED: Final = 5.0  # seconds that asking for them may take
# Plain characters only: what Mastodon would take into a link besides is counted as it is typed.
_URL: Final = re.compile(
    r"(?<![\w@#$])https?://(?:[a-z0-9\-]+\.)+[a-z]{2,}(?::[0-9]+)?(?:[/?][\w!*';:=+,.$/%#\[\]\-~&@|?]*)?",
    re.IGNORECASE | re.ASCII,
)
_HANDLE: Final = re.compile(r"(?<![\w/])(@[A-Za-z0-9_][A-Za-z0-9_.\-]*+)@[\w.:\-]*\w")


def length(text: str, link: int = _LINK) -> int:
    """How many characters Mastodon counts in `text`, or a few more: a link counts `link`, ``@user@host`` only
    ``@user``. Mastodon counts what is seen as one character as one; here every code point counts."""
    return len(_URL.sub(partial(_as_link, link), _HANDLE.sub(r"\1", text)))


def _as_link(link: int, found: re.Match[str]) -> str:
    tail = len(found[0]) - len(found[0].rstrip("!*';:,.?"))
    return "-" * (link + tail)


USUAL: Final = Limits(_USUAL - _NAME, length)
_known: dict[str, tuple[float, Limits]] = {}


class _LimitsOfServer:
    """`Responder.limits`: the server's own, asked for when they are needed; 500 characters where it cannot be
    asked."""

    def __get__(self, responder: MastodonResponder | None, _: type) -> Limits:
        return USUAL if responder is None else responder.server_limits()


# --- Replies ---------------------------------------------------------------------------------------


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    visibility: Literal["public", "unlisted"] = Field(
        default="public",
        description="How what is public is answered: unlisted replies stand in the thread, but in no public "
        "timeline.",
    )


class MastodonResponder:
    """Answers on behalf of one account."""

    limits = _LimitsOfServer()

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.clock = clock

    @cached_property
    def _reader(self) -> Server:
        """Kept, as it knows how many requests are left to us."""
        return Server(self.config)

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Ask whether the status is there for us. Of many at once not all are asked about: the server grants
        only so many requests, and sending asks again.

        Raises:
            ServiceError: the server could not be asked.
        """
        if self._reader.left < _LEFT:
            return None
        try:
            _status(self._reader, mention)
        except Refused as refused:
            return Refusal(str(refused))
        return None

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply below the status, for those who see that one.

        Raises:
            Refused: the status is gone, or the server will not have the text.
            Retry, RateLimited, AuthFailed: it was not published.
            Unsure: it may have been published.
        """
        server = Server(self.config, self.config.timeout)
        if reply.attempt > 1 and (there := _find(server, reply)):
            return there
        status = _status(server, reply.mention)
        if _was_edited(status, reply.mention):
            raise Retry("its author has edited it: the new words must be heard first", _AGAIN)
        made = server.write(
            server.api.status_post,
            addressed(reply.text, word(entity(status.get("account")), "acct")),
            in_reply_to_id=reply.mention.remote_id,
            visibility=self._visibility(status, reply.mention),
            language=reply.mention.lang or None,
            # With what it answers: a store begun anew counts its replies from 1 again.
            idempotency_key=f"{reply.key}-{reply.mention.remote_id}",
        )
        if not entity(made):
            raise Unsure(f"{server.host} did not say what became of the reply")
        return _receipt(made)

    def find(self, reply: Reply) -> Receipt | None:
        """Look among our own statuses, below what it answers and among the latest, for the same text.

        Raises:
            Unsure: the server shows neither.
            ServiceError: it could not be asked.
        """
        return _find(Server(self.config, self.config.timeout), reply)

    def server_limits(self) -> Limits:
        """What the server takes, less the room for the author's name."""
        until, found = _known.get(self.config.url, (0.0, USUAL))
        if until <= self.clock():
            try:
                found, lasts = _limits(Server(self.config, min(_ASKED, self.config.timeout))), _KEPT
            except ServiceError:
                lasts = _MISSED
            _known[self.config.url] = (self.clock() + lasts, found)
        return found

    def _visibility(self, status: Entity, mention: Mention) -> str:
        """Never more than the status has; of a sort that we do not know (local, circles), direct."""
        seen = "direct" if mention.kind is Kind.MESSAGE else status.get("visibility")
        same = {"public": self.config.visibility, "unlisted": "unlisted", "private": "private"}
        return same.get(str(seen), "direct")


def addressed(text: str, handle: str) -> str:
    """`text` with its addressee's @handle before it, unless that stands in it already."""
    there = rf"(?<![\w@/])@{re.escape(handle)}(?![\w@]|[.\-]\w)"
    return text if not handle or re.search(there, text, re.IGNORECASE) else f"@{handle} {text}"


def _status(server: Server, mention: Mention) -> Entity:
    """What is to be answered, as it stands now.

    Raises:
        Refused: it is gone for us, or was never a status.
    """
    if mention.kind is Kind.SHARE or not _ID.fullmatch(mention.remote_id):
        raise Refused("this is no status that could be answered")
    try:
        found = entity(server.read(server.api.status, mention.remote_id))
    except Gone:
        raise Refused(_GONE) from None
    if not found:
        raise Retry(f"{server.host} does not show the status")
    return original(found)


def _was_edited(status: Entity, mention: Mention) -> bool:
    """Whether its words are others than those that were answered."""
    if not status.get("edited_at"):
        return False
    media = (word(one, "description") for one in entities(status.get("media_attachments")))
    now = " ".join([word(status, "spoiler_text"), _plain(word(status, "content")), *media])
    return _letters(now) != _letters(_TARGET.sub("", mention.text))


def _limits(server: Server) -> Limits:
    """Raises:
    ServiceError: the server does not say.
    """
    for ask in (server.api.instance_v2, server.api.instance_v1):
        try:
            found = _object(server.read(ask))
        except (Gone, Retry):
            continue
        rules = _object(_object(found.get("configuration")).get("statuses"))
        most = rules.get("max_characters") or found.get("max_toot_chars")
        link = rules.get("characters_reserved_per_url")
        if isinstance(most, int) and most > _NAME:
            return Limits(most - _NAME, partial(length, link=link if isinstance(link, int) else _LINK))
    raise Retry(f"{server.host} does not say how long a status may be")


def _object(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


# --- What stands there already ------------------------------------------------------------------------


def _find(server: Server, reply: Reply) -> Receipt | None:
    """As `MastodonResponder.find`."""
    us, since = server.me(), (reply.created_at or datetime.now(UTC)) - _CLOCKS
    below = _below(server, reply.mention)
    own = back(
        partial(server.read, server.api.account_statuses, us, exclude_reblogs=True, limit=40), since, _PAGES
    )
    for status in map(original, (*(below or ()), *own.items)):
        ours = author_id(status) == us and _answers(status, reply, gone=below is None)
        if ours and _same(server, status, reply):
            return _receipt(status)
    if below is None and own.since:
        raise Unsure(f"{server.host} does not show what stands below it, and our own statuses are too many")
    return None


def _below(server: Server, mention: Mention) -> tuple[Entity, ...] | None:
    """What stands below a status; `None` where the server does not show it, or not any more."""
    try:
        found = server.read(server.api.status_context, mention.remote_id)
    except Gone:
        return None
    return tuple(entities(_object(found).get("descendants")))


def _answers(status: Entity, reply: Reply, *, gone: bool) -> bool:
    """What answered a status that is gone answers nothing any more, says Mastodon."""
    to = ident(status, "in_reply_to_id")
    return to == reply.mention.remote_id or (gone and not to)


def _same(server: Server, status: Entity, reply: Reply) -> bool:
    """By what it shows; or by what was typed, of which some servers make more than Mastodon does."""
    sent = _bare(addressed(reply.text, reply.mention.author.handle))
    if _bare(_plain(word(status, "content"))) == sent:
        return True
    try:
        source = _object(server.read(server.api.status_source, ident(status)))
    except (Gone, Retry):
        return False
    return _bare(word(source, "text")) == sent


def _receipt(status: Entity) -> Receipt:
    return Receipt(ident(status), word(status, "url") or word(status, "uri"))


def _plain(content: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", content)))


def _bare(text: str) -> str:
    """Without what a server may change on the way: spaces, and the hosts of handles."""
    return "".join(unicodedata.normalize("NFC", _HANDLE.sub(r"\1", text)).split())


def _letters(text: str) -> str:
    return re.sub(r"\W", "", unicodedata.normalize("NFC", text))
