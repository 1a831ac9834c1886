"""Tokens, with which programs come to the API in a user's name: making, and taking back. Administrators see
everybody's, and may take back any."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import events, ms, tokens
from bot.store.tokens import Scope
from bot.web.numbers import whole
from bot.web.prove import proved
from bot.web.routes import action, page
from bot.web.visit import Visit
from bot.web.words import N_

_HERE: Final = "/tokens"
_LONGEST: Final = 60
_MOST: Final = 50
# For how many days one may be good.
DAYS: Final = (7, 30, 90, 365)
_UNNAMED: Final = N_("Give it a name, by which you will know it: one line, at most 60 characters.")
_MANY: Final = N_("You have as many tokens as one may have: take some back first.")


def show(visit: Visit, status: int = 200, error: str = "", **shown: Any) -> Response:
    now, admin = ms(visit.web.clock()), visit.user.may_be(Role.ADMIN)
    with visit.web.store.read() as tx:
        rows = tokens.in_force(tx, now, 0 if admin else visit.user.id)
    context = {"given": "", "name": "", **shown}
    return visit.render(
        "tokens.html", status, error=error, days=DAYS, scopes=tokens.scopes_of(visit.user.role),
        mine=[row for row in rows if row["user_id"] == visit.user.id],
        others=[row for row in rows if row["user_id"] != visit.user.id],
        url=f"{visit.web.url}/api", **context,
    )  # fmt: skip


def make(visit: Visit) -> Response:
    """It is shown by the answer itself, once; no page shows it again, and the store has only its hash."""
    name = " ".join(visit.form.get("name", "").split())
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        return show(visit, 409, visit.say(_UNNAMED), name=name[:_LONGEST])
    scope, days = _scope(visit), _days(visit)
    if wrong := proved(visit):
        return show(visit, 403, wrong, name=name)
    token = _made(visit, name, scope, days)
    return show(visit, given=token, name=name) if token else show(visit, 409, visit.say(_MANY), name=name)


def _made(visit: Visit, name: str, scope: Scope, days: int) -> str:
    """The token; "" where the user has too many."""
    now = visit.web.clock()
    user = {"id": visit.user.id, "name": visit.user.name}
    with visit.web.store.tx() as tx:
        if len(tokens.in_force(tx, ms(now), visit.user.id)) >= _MOST:
            return ""
        token, made = tokens.make(tx, user, name, scope, ms(now), ms(now + timedelta(days=days)))
        events.append(tx, ms(now), [made])
    return token


def revoke(visit: Visit) -> Response:
    number = whole(visit.form.get("token", ""))
    of_user = 0 if visit.user.may_be(Role.ADMIN) else visit.user.id
    with visit.web.store.tx() as tx:
        now = ms(visit.web.clock())
        done = tokens.revoke(tx, number, visit.user.name, now, of_user)
        events.append(tx, now, done)
    if not done:
        return visit.back(_HERE, error=visit.say("There is no such token, or it opens nothing already."))
    return visit.back(_HERE, said=visit.say("Taken back: nothing opens to it any more."))


def _scope(visit: Visit) -> Scope:
    found = next((s for s in tokens.scopes_of(visit.user.role) if s == visit.form.get("scope")), None)
    if found is None:
        raise NotPossible("your role does not allow a token of that scope")
    return found


def _days(visit: Visit) -> int:
    found = next((days for days in DAYS if str(days) == visit.form.get("days")), None)
    if found is None:
        raise NotPossible("a token is good for 7, 30, 90 or 365 days")
    return found


ROUTES = [
    page(_HERE, show),
    action(_HERE, make, Role.VIEWER),
    action("/tokens/revoke", revoke, Role.VIEWER),
]
