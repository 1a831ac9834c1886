"""What the forms on the page of a conversation hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bot.errors import NotPossible
from bot.store import views

if TYPE_CHECKING:
    from bot.web.visit import Visit

_MOST: Final = 2**63 - 1  # what the store can number


def mention_of(visit: Visit) -> int:
    """Which mention the page or the form is about."""
    return min(int(visit.request.path_params["id"]), _MOST)


def reply_of(visit: Visit) -> int:
    """Which reply to this mention the form is about, 0 for a new one.

    Raises:
        NotPossible: there is none of that number, or it belongs to another mention.
    """
    reply = whole(visit.form.get("reply", ""))
    with visit.web.store.read() as tx:
        if reply and views.reply_row(tx, reply)["mention_id"] != mention_of(visit):
            raise NotPossible("there is no reply %(id)s", id=reply)
    return reply


def path_of(number: int) -> str:
    """The page of a mention."""
    return f"/mentions/{number}"


def seen(visit: Visit) -> int:
    """The version of the conversation that the form shows."""
    return whole(visit.form.get("seen", ""))


def whole(text: str) -> int:
    """A number that a form holds; 0 for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0


def text_of(visit: Visit) -> str:
    """What somebody wrote."""
    return lines(visit.form.get("text", ""))


def lines(text: str) -> str:
    """Browsers end each line of a form with CR and LF."""
    return text.replace("\r\n", "\n")


def other_of(visit: Visit) -> int:
    """The mention that somebody names, by its number or by the address of its page.

    Raises:
        NotPossible: it is neither.
    """
    found = re.search(r"([0-9]{1,15})\D*$", visit.form.get("other", "").partition("?")[0])
    if found is None:
        raise NotPossible("give the number of a message that they wrote from their other account")
    return int(found[1])
