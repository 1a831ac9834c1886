"""Before something that would lock them out, users say their password once more: an open browser is not
enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.store import users
from bot.web import attempts, passwords
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.web.visit import Visit

_WRONG: Final = N_("This is not your present password.")


def proved(visit: Visit) -> str:
    """Empty if the form's field ``present`` is the user's password; else why not. It counts as an attempt to
    sign in, so nobody guesses here either."""
    keys = attempts.of_name(visit, visit.user.name)
    if wait := attempts.take(visit, keys):
        return attempts.told(visit, wait)
    with visit.web.store.read() as tx:
        row = users.by_id(tx, visit.user.id)
    if row is None or not passwords.matches(row["password"], visit.form.get("present", "")):
        return visit.say(_WRONG)
    attempts.forgive(visit, keys)
    return ""
