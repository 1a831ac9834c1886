"""Who may sign in, for administrators: adding, roles, one-time links, second factors, leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from bot.errors import NotPossible
from bot.roles import Role
from bot.store import ms, staff, users
from bot.web.links import link
from bot.web.numbers import whole
from bot.web.routes import action, page
from bot.web.told import told
from bot.web.visit import Visit
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.store import Row, Tx

_HERE: Final = "/users"


def everybody(visit: Visit, status: int = 200, error: str = "", **shown: Any) -> Response:
    with visit.web.store.read() as tx:
        rows = users.everybody(tx)
    context = {"given": "", "to": "", "typed": "", **shown}
    return visit.render(
        "users.html", status, rows=rows, roles=list(Role), error=error,
        required=visit.web.settings.second_factor, **context,
    )  # fmt: skip


def add(visit: Visit) -> Response:
    """The link is shown by the answer itself, once; no page shows it again."""
    name = visit.form.get("name", "")
    try:
        with visit.web.store.tx() as tx:
            token = staff.add(tx, name, _role(visit), visit.user.name, ms(visit.web.clock()))
    except NotPossible as error:
        return everybody(visit, 409, told(visit.language, error), typed=name)
    return everybody(visit, given=link(visit.web.settings, token), to=users.a_name(name))


def new_link(visit: Visit) -> Response:
    with visit.web.store.tx() as tx:
        row = _user(visit, tx)
        token = staff.new_link(tx, row, visit.user.name, ms(visit.web.clock()))
    return everybody(visit, given=link(visit.web.settings, token), to=row["name"])


def change_role(visit: Visit) -> Response:
    role = _role(visit)

    def change(tx: Tx, row: Row, actor: str, now: int) -> None:
        if row["role"] != role:
            staff.change_role(tx, row, role, actor, now)

    return _done(visit, change, N_("%(name)s has another role now, and signs in anew."))


def reset_factor(visit: Visit) -> Response:
    return _done(visit, staff.reset_factor, N_("The second factor of %(name)s is gone."))


def sign_out(visit: Visit) -> Response:
    return _done(visit, staff.sign_out, N_("%(name)s is signed out everywhere."))


def remove(visit: Visit) -> Response:
    return _done(visit, staff.remove, N_("%(name)s cannot sign in any more."))


def _done(visit: Visit, verb: Callable[[Tx, Row, str, int], None], said: str) -> Response:
    try:
        with visit.web.store.tx() as tx:
            row = _user(visit, tx)
            verb(tx, row, visit.user.name, ms(visit.web.clock()))
    except NotPossible as error:
        return visit.back(_HERE, error=told(visit.language, error))
    return visit.back(_HERE, said=visit.say(said, name=row["name"]))


def _user(visit: Visit, tx: Tx) -> Row:
    row = users.by_id(tx, whole(visit.form.get("user", "")))
    if row is None or row["left_at"] is not None:
        raise NotPossible(N_("There is no such user."))
    return row


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form.get("role", ""))
    except ValueError:
        raise NotPossible(N_("There is no such role.")) from None


ROUTES = [
    page(_HERE, everybody, Role.ADMIN),
    action(_HERE, add, Role.ADMIN),
    action("/users/link", new_link, Role.ADMIN),
    action("/users/role", change_role, Role.ADMIN),
    action("/users/second-factor", reset_factor, Role.ADMIN),
    action("/users/sign-out", sign_out, Role.ADMIN),
    action("/users/remove", remove, Role.ADMIN),
]
