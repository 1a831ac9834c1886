"""Setting up one's second factor, and taking it away."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from bot.roles import Role
from bot.store import events, ms, sessions, users
from bot.store.events import Event
from bot.web import totp
from bot.web.prove import proved
from bot.web.routes import SECOND_FACTOR, action, page
from bot.web.visit import Visit
from bot.web.words import N_

_ACCOUNT: Final = "/account"
_WRONG_CODE: Final = N_("This code is wrong: look whether your phone's clock is right, and try the next one.")
_REQUIRED: Final = N_("Your role asks for a second factor: an administrator can reset it.")


def set_up(visit: Visit) -> Response:
    """The secret stays with the session until a code shows that the phone has it."""
    with visit.web.store.read() as tx:
        row, secret = users.by_id(tx, visit.user.id), sessions.being_set_up(tx, visit.token)
    if not secret:
        secret = totp.new_secret()
        with visit.web.store.tx() as tx:
            sessions.set_up(tx, visit.token, secret)
    address = totp.address(secret, visit.user.name, visit.web.app.watch.settings.root.brand.name)
    picture, replaces = totp.picture(address), bool(row and row["totp"])
    return visit.render(
        "second_factor.html", replaces=replaces, secret=secret, picture=picture, address=address
    )


def confirm(visit: Visit) -> Response:
    if wrong := proved(visit):
        return visit.back(SECOND_FACTOR, error=wrong)
    now = ms(visit.web.clock())
    with visit.web.store.tx() as tx:
        secret = sessions.being_set_up(tx, visit.token)
        step = totp.step_of(secret, visit.form.get("code", ""), now) if secret else None
        if step is not None:
            users.set_totp(tx, visit.user.id, secret, step)
            sessions.set_up(tx, visit.token, "")
            sessions.end_all(tx, visit.user.id, but=visit.token)
            events.append(tx, now, [Event("second_factor_set", actor=visit.user.name)])
    if step is None:
        return visit.back(SECOND_FACTOR, error=visit.say(_WRONG_CODE))
    said = visit.say("Your second factor is set up: sign-in asks for its code from now on.")
    return visit.back(_ACCOUNT, said=said)


def take_away(visit: Visit) -> Response:
    if visit.user.role in visit.web.settings.second_factor:
        return visit.back(_ACCOUNT, error=visit.say(_REQUIRED))
    if wrong := proved(visit):
        return visit.back(_ACCOUNT, error=wrong)
    with visit.web.store.tx() as tx:
        users.set_totp(tx, visit.user.id, "")
        sessions.end_all(tx, visit.user.id, but=visit.token)
        events.append(tx, ms(visit.web.clock()), [Event("second_factor_removed", actor=visit.user.name)])
    return visit.back(_ACCOUNT, said=visit.say("Your second factor is taken away."))


ROUTES = [
    page(SECOND_FACTOR, set_up),
    action(SECOND_FACTOR, confirm, Role.VIEWER),
    action(f"{SECOND_FACTOR}/remove", take_away, Role.VIEWER),
]
