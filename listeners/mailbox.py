"""Who writes to the brand's mailbox, read by IMAP.

- The folder in which people's messages come. Each is an address, unless a machine wrote it, or a list, or our
  own address: those are kept as posts that speak to nobody, and never answered (RFC 3834).
- The folder of what was sent, so that an answer given from any mail program counts.

Nothing is marked, moved or deleted. Messages are counted by UID; where the server counts anew (UIDVALIDITY),
the last days are read again and the store drops what it knows:
https://www.rfc-editor.org/rfc/rfc3501#section-2.3.1.1
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Final

from pydantic import Field

from accounts import mail_headers
from accounts.mailbox import Access, Folder, Imap, Raw, opened
from bot.models import Author, Batch, Kind, Mention
from listeners._mail_text import words_of

log = logging.getLogger(__name__)

_AT_ONCE: Final = 10  # messages in one request: 20 MB at most
_PAGE: Final = 200  # messages that one poll reads of a folder; what follows is read at the next one
_DAY: Final = timedelta(days=1)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class Config(Access, extra="forbid", frozen=True, hide_input_in_errors=True):
    network: str = Field(
        default="mailbox", min_length=1, description="The name it goes by; give each mailbox its own."
    )
    first_days: float = Field(default=1, ge=0, description="How many days back the very first poll looks.")
    overlap_days: float = Field(
        default=2, ge=0, description="How many days are read again where the server counts its messages anew."
    )
    timeout: float = Field(default=20, gt=0, description="Seconds to wait for one answer.")


@dataclass(frozen=True)
class _Reached:
    """How far a folder was read: the last UID, what it is valid for, and when everything was read before."""

    validity: int
    uid: int
    at: datetime


@dataclass(frozen=True)
class _Place:
    """How far we have come. `floor`: the very first poll looked no further back."""

    floor: datetime
    folders: Mapping[str, _Reached] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> _Place:
        found = json.loads(cursor)
        folders = {
            name: _Reached(one["validity"], one["uid"], datetime.fromisoformat(one["at"]))
            for name, one in found["folders"].items()
        }
        return cls(datetime.fromisoformat(found["floor"]), folders)

    def cursor(self) -> str:
        folders = {
            name: {"validity": one.validity, "uid": one.uid, "at": one.at.isoformat()}
            for name, one in self.folders.items()
        }
        return json.dumps({"floor": self.floor.isoformat(), "folders": folders})


class MailboxListener:
    """Reads one mailbox."""

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock

    def poll(self, cursor: str | None) -> Batch:
        """What has come, and what was sent, since `cursor`.

        Raises:
            AuthFailed: the server does not accept the username and password.
            Retry: it is out of order or not there, or lacks a folder.
        """
        now = self.clock()
        place = _Place.read(cursor) if cursor else _Place(now - timedelta(days=self.config.first_days))
        found, reached = list[Mention](), dict[str, _Reached]()
        with opened(self.config) as imap:
            for name, own in self._folders(imap):
                raws, reached[name] = self._read(imap, imap.open(name), place, now)
                found += (self._mention(raw, own=own) for raw in raws)
        return Batch(
            mentions=tuple(found),
            cursor=_Place(place.floor, {**place.folders, **reached}).cursor(),
            complete_to=min(one.at for one in reached.values()),
            complete_from=place.floor if cursor is None else None,
        )

    def _folders(self, imap: Imap) -> Iterator[tuple[str, bool]]:
        yield self.config.folder, False
        if (sent := imap.sent()) and sent != self.config.folder:
            yield sent, True

    def _read(self, imap: Imap, folder: Folder, place: _Place, now: datetime) -> tuple[list[Raw], _Reached]:
        """What is new in a folder, at most a page, and how far it was read by that."""
        before, known = place.folders.get(folder.name), 0
        if before and before.validity == folder.validity:
            known, since = before.uid, _EVER
            uids = imap.after(known)
        else:
            since = self._again(before, place)
            # The server has its own idea of where a day begins.
            uids = imap.since((since - _DAY).date())
        page = list(_fetched(imap, uids[:_PAGE]))
        raws = [raw for raw in page if raw.received >= since]
        if len(uids) <= _PAGE:
            return raws, _Reached(folder.validity, max(known, folder.last, *uids), now)
        until = min(now, *(raw.received for raw in page[-1:]))
        return raws, _Reached(folder.validity, uids[_PAGE - 1], until)

    def _again(self, before: _Reached | None, place: _Place) -> datetime:
        """From when on to read a folder that is new to us, or whose messages were counted anew."""
        if before is None:
            return place.floor
        log.warning("the mail server counts a folder's messages anew: the last days are read again")
        return max(place.floor, before.at - timedelta(days=self.config.overlap_days))

    def _mention(self, raw: Raw, *, own: bool) -> Mention:
        message = mail_headers.parsed(raw.data)
        parent = mail_headers.parent_id(message)
        # The first of References began it all; a message without them has the thread of what it answers.
        root = mail_headers.ids(message, "References")[:1]
        robot = "" if own else mail_headers.robot(message, self.config.ours)
        return Mention(
            network=self.config.network,
            remote_id=mail_headers.message_id(message, raw.data),
            text=_text(message, own=own, first=not (parent or own)),
            posted_at=mail_headers.posted_at(message, raw.received),
            author=_author(message, self.config.ours),
            kind=Kind.POST if robot else Kind.MESSAGE,
            addressed=not (own or robot),
            in_reply_to=parent,
            conversation=next(iter(root), ""),
            own=own,
        )


def _fetched(imap: Imap, uids: Sequence[int]) -> Iterable[Raw]:
    for start in range(0, len(uids), _AT_ONCE):
        yield from sorted(imap.messages(uids[start : start + _AT_ONCE]), key=lambda raw: raw.uid)


def _author(message: Message, ours: frozenset[str]) -> Author:
    """By the address they write from; the handle is where an answer goes, which may be another one."""
    who = mail_headers.letter(message, ours)
    return Author(who.author.address, who.answer_to, who.author.name)


def _text(message: Message, *, own: bool, first: bool) -> str:
    """What was written, or at least what it was about: nobody is lost over a part that cannot be read."""
    ours = own and any(one.startswith(mail_headers.OUR_ID) for one in mail_headers.ids(message, "Message-ID"))
    try:
        return words_of(message, first=first, whole=ours)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as fault:
        log.warning("a message has a part that cannot be read (%s)", type(fault).__name__)
        return mail_headers.subject(message)
