"""One call of a program: who calls, the house, and the verbs of the desk in the caller's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Final

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes
from pydantic import AwareDatetime, BeforeValidator

from bot.actions import actions_for
from bot.desk import Desk
from bot.errors import Conflict, NotPossible
from bot.store import Row, Tx, as_json, views
from bot.store.as_json import WholeJson
from bot.store.tokens import Scope
from bot.web.api.guard import Caller, caller_of, must_have
from bot.web.problem import Problem
from bot.web.visit import Web

MOST: Final = 2**53 - 1  # how far every reader of JSON can count
Number = Annotated[int, Path(alias="id", ge=1, le=MOST)]
_BEARER: Final = HTTPBearer(
    scheme_name="token", description="A token, as its user makes it at /tokens", auto_error=False
)


def _an_instant(text: str) -> datetime:
    """As text alone: pydantic would take numbers for seconds."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("it must be a date and time such as 2026-01-31T09:30:00+01:00") from None


def _a_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("it must be a day such as 2026-01-31") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_an_instant)]
Day = Annotated[date, BeforeValidator(_a_day)]


@dataclass(frozen=True, slots=True)
class Call:
    """`scope` of the route was checked."""

    web: Web
    caller: Caller

    @property
    def desk(self) -> Desk:
        """The log says through which token it acts."""
        return replace(self.web.app.desk, token=self.caller.token)

    @property
    def name(self) -> str:
        """In whose name it acts."""
        return self.caller.name

    def whole(self, mention_id: int) -> WholeJson:
        """A mention with all that belongs to it.

        Raises:
            Problem: 404.
        """
        with self.web.store.read() as tx:
            row = mention_row(tx, mention_id)
            return as_json.whole(tx, row, actions_for(row, self.caller.role))

    def act(self, mention_id: int, verb: Callable[[], None]) -> WholeJson:
        """Do it, and tell how the mention stands then.

        Raises:
            Problem: 404; 409, with the version that the conversation has now.
            NotPossible: it does not fit where the mention stands.
        """
        with self.web.store.read() as tx:
            version = mention_row(tx, mention_id)["version"]
        try:
            verb()
        except Conflict as error:
            raise Problem(409, str(error), "conflict", version=version) from None
        return self.whole(mention_id)


def mention_row(tx: Tx, mention_id: int) -> Row:
    """Raises:
    Problem: 404.
    """
    try:
        return views.mention_row(tx, mention_id)
    except NotPossible:
        raise Problem(404, f"There is no mention {mention_id}.") from None


def _call(request: Request, scopes: SecurityScopes, _: Annotated[object, Depends(_BEARER)]) -> Call:
    """`Guard` has looked at the token; the last parameter is there for the API's description alone."""
    caller = caller_of(request.state)
    for scope in scopes.scopes:
        must_have(caller, Scope(scope))
    return Call(request.app.state.web, caller)


Reading = Annotated[Call, Security(_call, scopes=[Scope.READ])]
Acting = Annotated[Call, Security(_call, scopes=[Scope.ACT])]
Ruling = Annotated[Call, Security(_call, scopes=[Scope.ADMIN])]
