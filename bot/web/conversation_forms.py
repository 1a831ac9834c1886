"""What the forms on the page of a conversation hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.errors import NotPossible
from bot.store import views
from bot.web.numbers import whole
from bot.web.queue_filters import Filters

if TYPE_CHECKING:
    from bot.web.visit import Visit


def mention_of(visit: Visit) -> int:
    """Which mention the page or the form is about."""
    return int(visit.request.path_params["id"])


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


def filters_of(visit: Visit) -> Filters:
    """The list that somebody works through: the addresses of all pages and forms here carry it along."""
    return Filters.of(visit.request.query_params)


def address(visit: Visit, number: int, verb: str = "", **more: int) -> str:
    """The page of a mention, or one of its forms, in that list."""
    return filters_of(visit).on(f"/mentions/{number}/{verb}".rstrip("/"), **more)


def seen(visit: Visit) -> int:
    """The version of the conversation that the form shows."""
    return whole(visit.form.get("seen", ""))


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
