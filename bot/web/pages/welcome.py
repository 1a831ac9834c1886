"""Where a one-time link leads: somebody sets their password; the first administrator takes a name as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import events, invitations, ms, users
from bot.store.events import Event
from bot.web import passwords
from bot.web.routes import door, knock
from bot.web.stranger import Stranger
from bot.web.told import told
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.store import Row, Tx

_GONE = N_("This link was used before, or is older than a day: ask for a new one.")


def welcome(who: Stranger) -> Response:
    """Only shown: mail programs that look behind links use none up."""
    token = who.request.query_params.get("link", "")
    row = _found(who, token)
    if row is None:
        return who.render("error.html", 404, text=who.say(_GONE))
    return _page(who, row, token, 200, "")


def set_password(who: Stranger) -> Response:
    token, password = who.form.get("link", ""), who.form.get("password", "")
    row = _found(who, token)
    if row is None:
        return who.render("error.html", 404, text=who.say(_GONE))
    name = row["name"] or who.form.get("name", "")
    brand = who.web.app.watch.settings.root.brand
    fault = passwords.fault(password, who.form.get("again", ""), (name, brand.name, *brand.handles))
    if fault:
        return _page(who, row, token, 422, who.say(fault))
    hashed = passwords.hashed(password)
    try:
        with who.web.store.tx() as tx:
            used = invitations.use(tx, token)
            if used:
                _set(tx, row["user_id"], name, hashed, ms(who.web.clock()))
    except NotPossible as error:
        return _page(who, row, token, 422, told(who.language, error))
    if not used:
        return who.render("error.html", 404, text=who.say(_GONE))
    return RedirectResponse("/sign-in?set", 303)


def _set(tx: Tx, user_id: int | None, name: str, password: str, now: int) -> None:
    """Whoever has no number yet is the first, and an administrator; the link is good only while there is
    nobody, as each user that is added voids it."""
    log = []
    if user_id is None:
        user_id, name = users.add(tx, name, Role.ADMIN.value, now), users.a_name(name)
        log.append(Event("user_added", actor=name, data={"user": name, "role": Role.ADMIN.value}))
    users.set_password(tx, user_id, password)
    events.append(tx, now, [*log, Event("password_set", actor=name)])


def _found(who: Stranger, token: str) -> Row | None:
    with who.web.store.read() as tx:
        return invitations.find(tx, token, ms(who.web.clock()))


def _page(who: Stranger, row: Row, token: str, status: int, error: str) -> Response:
    typed = who.form.get("name", "")
    return who.render(
        "welcome.html", status, name=row["name"], typed=typed, link=token, error=error,
        shortest=passwords.SHORTEST, longest=passwords.LONGEST,
    )  # fmt: skip


ROUTES = [door("/welcome", welcome), knock("/welcome", set_password)]
