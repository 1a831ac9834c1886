"""Sign-in: name and password, then the second factor of who has one; and sign-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response

from bot.roles import Role
from bot.steps.watch import log
from bot.store import events, ms, sessions, users
from bot.store.events import Event
from bot.web import attempts, passwords, returning, signed_in, stranger, totp
from bot.web.browsers import browser
from bot.web.routes import action, door, knock
from bot.web.stranger import Stranger
from bot.web.visit import Visit
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.store import Row, Tx

# Longer than any name is; what comes behind it is not looked at.
_LONGEST_NAME: Final = 200
_WRONG: Final = N_("This name and this password do not go together.")
_WRONG_CODE: Final = N_("This code is wrong, or was used before: wait for the next one.")
_TOO_LATE: Final = N_("This took too long: begin with your name and your password once more.")


def sign_in(who: Stranger) -> Response:
    kept = returning.from_query(who.request)
    if signed_in.visit(who.request) is not None:
        return RedirectResponse(kept["next"], 303)
    said = N_("You are signed out.") if "out" in who.request.query_params else ""
    said = N_("Your password is set: sign in with it.") if "set" in who.request.query_params else said
    return _page(who, kept, said=said)


def check_password(who: Stranger) -> Response:
    kept, password = returning.from_form(who.form), who.form.get("password", "")
    name = who.form.get("name", "")[:_LONGEST_NAME]
    keys = attempts.of_name(who, name)
    wait = attempts.take(who, keys)
    with who.web.store.read() as tx:
        row = users.by_typed(tx, name)
    if wait:
        _note(row, "too many attempts")
        return _page(who, kept, 429, name=name, error=attempts.told(who, wait))
    stored = row["password"] if row is not None and row["left_at"] is None else ""
    right = passwords.matches(stored, password)
    if row is None or not right:
        _note(row, "wrong password")
        return _page(who, kept, 403, name=name, error=_WRONG)
    if passwords.is_stale(stored):
        anew = passwords.hashed(password)
        with who.web.store.tx() as tx:
            users.rehash(tx, row["id"], stored, anew)
        row = {**row, "password": anew}
    attempts.forgive(who, keys)
    return _half(who, row, kept) if row["totp"] else _let_in(who, row, kept)


def check_code(who: Stranger) -> Response:
    kept, now = returning.from_form(who.form), ms(who.web.clock())
    with who.web.store.read() as tx:
        row = sessions.find_half(tx, who.token, now)
    if row is None:
        return _page(who, kept, 403, error=_TOO_LATE)
    keys = attempts.of_code(who, row["id"])
    if wait := attempts.take(who, keys):
        _note(row, "too many codes")
        return _code_page(who, kept, 429, attempts.told(who, wait))
    step = totp.step_of(row["totp"], who.form.get("code", ""), now)
    with who.web.store.tx() as tx:
        right = step is not None and users.take_step(tx, row["id"], step) and sessions.end_half(tx, who.token)
    if not right:
        _note(row, "wrong code")
        return _code_page(who, kept, 403, who.say(_WRONG_CODE))
    attempts.forgive(who, keys)
    return _let_in(who, row, kept)


def _half(who: Stranger, row: Row, kept: dict[str, str]) -> Response:
    """A new token for the browser: whoever knew the old one knows nothing of what comes."""
    with who.web.store.tx() as tx:
        if not _unchanged(tx, row):
            return _page(who, kept, 403, name=row["name"], error=_WRONG)
        token = sessions.begin_half(tx, row["id"], ms(who.web.clock()))
    return _code_page(Stranger(who.web, who.request, who.language, token, True), kept, 200, "")


def _let_in(who: Stranger, row: Row, kept: dict[str, str]) -> Response:
    """A new session: the one that this browser had ends, and so does its token as a stranger."""
    web, now = who.web, ms(who.web.clock())
    before = who.request.cookies.get(signed_in.cookie_name(web), "")
    with web.store.tx() as tx:
        if not _unchanged(tx, row):
            return _page(who, kept, 403, name=row["name"], error=_WRONG)
        sessions.end(tx, before)
        sessions.clear(tx, *signed_in.limits(web))
        token = sessions.begin(tx, row["id"], now, browser(who.request))
        events.append(tx, now, [Event("signed_in", actor=row["name"])])
    answer: Response = RedirectResponse(kept["next"], 303)
    if not returning.keep(web, kept, row["id"]):
        answer = who.render("late.html", text=kept["text"], next=kept["next"])
    response = signed_in.give(answer, web, token)
    response.delete_cookie(stranger.cookie_name(web), secure=web.secure, httponly=True, samesite="lax")
    return response


def _unchanged(tx: Tx, row: Row) -> bool:
    """Whether password and second factor are what they were when they were asked for: to look at them takes a
    moment, and a change in that moment is meant to keep somebody out."""
    now = users.by_id(tx, row["id"])
    return now is not None and (now["password"], now["totp"]) == (row["password"], row["totp"])


def sign_out(visit: Visit) -> Response:
    web = visit.web
    with web.store.tx() as tx:
        sessions.end(tx, visit.token)
    response = RedirectResponse("/sign-in?out", 303, {"clear-site-data": '"storage"'})
    response.delete_cookie(signed_in.cookie_name(web), secure=web.secure, httponly=True, samesite="lax")
    return response


def _note(row: Row | None, why: str) -> None:
    """The number of the user alone: in place of a name that is none, somebody may have typed a password."""
    log.warning("web: a sign-in was refused (%s): %s", why, f"user {row['id']}" if row else "no user of ours")


def _page(
    who: Stranger, kept: dict[str, str], status: int = 200, name: str = "", error: str = "", said: str = ""
) -> Response:
    return who.render(
        "sign_in.html", status, kept=kept, name=name, late=False, error=who.say(error), said=who.say(said)
    )


def _code_page(who: Stranger, kept: dict[str, str], status: int, error: str) -> Response:
    return who.render("sign_in_code.html", status, kept=kept, error=error)


ROUTES = [
    door("/sign-in", sign_in),
    knock("/sign-in", check_password),
    knock("/sign-in/code", check_code),
    action("/sign-out", sign_out, Role.VIEWER),
]
