"""What must hold before a verb of the desk is done. Each check raises what the human is told."""

from __future__ import annotations

import unicodedata
from typing import Final

from bot.config import Settings
from bot.errors import NotAllowed, NotPossible, Sentence
from bot.models import ReplyState, State
from bot.roles import Role, may
from bot.store import Row, Tx, news, users, views

_NOT_ON_A_LINE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_ON_ITS_WAY: Final = frozenset({ReplyState.READY, ReplyState.SENDING, ReplyState.UNSURE})
# What a note may hold, in characters.
LONGEST_NOTE: Final = 10_000


def must_be_allowed(tx: Tx, actor: str, verb: str) -> None:
    """A user of the inbox may do what their role allows. A name without a user is one of the command line or
    of ``slack.users`` in the config, and may do all.

    Raises:
        NotAllowed: the role is too small, or they have left.
        NotPossible: it is no name.
    """
    if not _is_a_line(actor):
        raise NotPossible("give the name of who decides it, in letters on one line")
    user = users.by_name(tx, actor)
    if user is None:
        return
    if user["left_at"] is not None:
        raise NotAllowed("%(who)s has left: nobody acts under this name any more", who=actor)
    if not may(Role(user["role"]), verb):
        raise NotAllowed(
            "the role of %(who)s (%(role)s) does not allow this", who=actor, role=Role(user["role"])
        )


def must_be(tx: Tx, mention: Row, states: frozenset[State]) -> None:
    """Raises:
    NotPossible: it stands elsewhere.
    """
    if mention["state"] not in states:
        raise NotPossible(
            "mention %(id)s is %(state)s: %(news)s",
            id=mention["id"], state=State(mention["state"]), news=news.last(tx, mention["conversation_id"]),
        )  # fmt: skip


def no_draft(reply: Row) -> NotPossible:
    """The error for a reply that is no draft."""
    return NotPossible(
        "reply %(id)s is %(state)s, not a draft", id=reply["id"], state=ReplyState(reply["state"])
    )


def must_be_carried(settings: Settings, tx: Tx, reply: Row, mention: Row) -> None:
    """Somebody can carry this reply out, and no other one for the mention may stand there (promise 5).

    Raises:
        NotPossible: says what is in the way.
    """
    if not reply["responder"]:
        raise NotPossible(
            "nobody carries replies to %(network)s: answer there by hand, then "
            "`vigie exempt %(id)s answered_elsewhere`",
            network=mention["network"], id=mention["id"],
        )  # fmt: skip
    if reply["responder"] not in settings.responders:
        raise NotPossible("responder %(name)s is no longer in the config", name=reply["responder"])
    for other in views.replies_of(tx, mention["id"]):
        if other["state"] in _ON_ITS_WAY:
            raise NotPossible(
                "reply %(id)s is %(state)s: it must be settled first",
                id=other["id"], state=ReplyState(other["state"]),
            )  # fmt: skip


def must_be_sendable(text: str) -> None:
    """Raises:
    NotPossible: it is empty, or holds what no network takes.
    """
    if not text.strip():
        raise NotPossible("the text is empty")
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise NotPossible("the text holds characters that no network takes (NUL, or halves of pairs)")


def must_fit(settings: Settings, responder: str, text: str) -> None:
    """Raises:
    NotPossible: it is longer than the network takes.
    """
    service = settings.responders.get(responder)
    if service is None:
        return
    limits = service.plugin.build(service.config).limits
    if (length := limits.count(text)) > limits.maximum:
        raise NotPossible(
            "the text is too long: %(length)s %(unit)s, %(responder)s takes %(most)s",
            length=length, unit=Sentence(limits.unit), responder=responder, most=limits.maximum,
        )  # fmt: skip


def must_be_a_link(url: str) -> None:
    """Raises:
    NotPossible: it is none, or not fit for the log.
    """
    if not url.startswith(("https://", "http://")) or not _is_a_line(url):
        raise NotPossible("give the link under which the reply stands, such as https://example.com/1")


def must_be_a_name(text: str) -> None:
    """Raises:
    NotPossible: it is not on one line, or not fit to be printed.
    """
    if not _is_a_line(text):
        raise NotPossible("give a name, in letters on one line")


def must_be_a_reason(text: str) -> None:
    """Raises:
    NotPossible: it is empty, not on one line, or not fit to be printed.
    """
    if not _is_a_line(text):
        raise NotPossible("give a reason, in letters on one line")


def must_be_a_note(text: str) -> None:
    """Raises:
    NotPossible: it is empty or too long.
    """
    if not text.strip():
        raise NotPossible("the note is empty")
    if len(text) > LONGEST_NOTE:
        raise NotPossible("the note is too long: %(most)s characters at most", most=LONGEST_NOTE)
    if "\0" in text or any(unicodedata.category(c) == "Cs" for c in text):
        raise NotPossible("the note holds characters that cannot be kept (NUL, or halves of pairs)")


def _is_a_line(text: str) -> bool:
    """The log keeps names and reasons: on one line, and fit to be printed."""
    return bool(text.strip()) and not any(unicodedata.category(c) in _NOT_ON_A_LINE for c in text)
