"""One's own account: language, password, second factor, and where one is signed in."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import events, ms, sessions, users
from bot.store.events import Event
from bot.web import passwords, signed_in
from bot.web.browsers import browser
from bot.web.language import LANGUAGES
from bot.web.prove import proved
from bot.web.routes import action, page
from bot.web.visit import Visit

_HERE: Final = "/account"


def account(visit: Visit) -> Response:
    with visit.web.store.read() as tx:
        row = users.by_id(tx, visit.user.id)
        where = sessions.of_user(tx, visit.user.id, *signed_in.limits(visit.web))
    return visit.render(
        "account.html", row=row, sessions=where, this=sessions.hashed(visit.token),
        required=visit.user.role in visit.web.settings.second_factor,
        shortest=passwords.SHORTEST, longest=passwords.LONGEST,
    )  # fmt: skip


def set_language(visit: Visit) -> Response:
    lang = visit.form.get("lang", "")
    if lang and lang not in LANGUAGES:
        raise NotPossible("there is no such language here")
    with visit.web.store.tx() as tx:
        users.set_language(tx, visit.user.id, lang)
    language = visit.web.languages.best(lang, visit.request.headers.get("accept-language", ""))
    return visit.back(_HERE, said=language.gettext("Kept."))


def change_password(visit: Visit) -> Response:
    """Whoever else is signed in under this name no longer is; and this browser gets a new session."""
    password, brand = visit.form.get("password", ""), visit.web.app.watch.settings.root.brand
    wrong = proved(visit)
    if not wrong:
        names = (visit.user.name, brand.name, *brand.handles)
        wrong = visit.say(passwords.fault(password, visit.form.get("again", ""), names))
    if wrong:
        return visit.back(_HERE, error=wrong)
    hashed, now = passwords.hashed(password), ms(visit.web.clock())
    with visit.web.store.tx() as tx:
        users.set_password(tx, visit.user.id, hashed)
        token = sessions.begin(tx, visit.user.id, now, browser(visit.request))
        events.append(tx, now, [Event("password_set", actor=visit.user.name)])
    said = visit.say("Your password is changed. Wherever else you were signed in, you are no longer.")
    return signed_in.give(visit.renewed(token).back(_HERE, said=said), visit.web, token)


def end_session(visit: Visit) -> Response:
    """One of one's own, or all but this."""
    if wrong := proved(visit):
        return visit.back(_HERE, error=wrong)
    which = visit.form.get("session", "")
    with visit.web.store.tx() as tx:
        if which == "others":
            sessions.end_all(tx, visit.user.id, but=visit.token)
        else:
            sessions.end_hashed(tx, visit.user.id, which)
    return visit.back(_HERE, said=visit.say("Signed out there."))


ROUTES = [
    page(_HERE, account),
    action("/account/language", set_language, Role.VIEWER),
    action("/account/password", change_password, Role.VIEWER),
    action("/account/sessions", end_session, Role.VIEWER),
]
