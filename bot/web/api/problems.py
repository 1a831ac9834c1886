"""Which errors are told as which problems, and what the API's description says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.errors import Conflict, NotAllowed, NotPossible, StoreUnavailable, VigieError
from bot.web.problem import MEDIA, Problem

# What each is called by machines; where the status says it all, that is `about:blank`.
_KINDS: Final[Mapping[type[VigieError], tuple[int, str]]] = {
    Conflict: (409, "conflict"),
    NotAllowed: (403, "role"),
    NotPossible: (409, "not-possible"),
    StoreUnavailable: (503, "store-unavailable"),
}
_SOON: Final = "5"


def in_words(error: VigieError) -> Problem:
    """What an error of ours is told as."""
    status, kind = next(
        (told for type_, told in _KINDS.items() if isinstance(error, type_)), (500, "unexpected")
    )
    return Problem(status, str(error), kind, {"Retry-After": _SOON} if status == 503 else None)


def tell_problems(api: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Answer every error in this form. `routes` are all there are."""

    async def ours(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        assert isinstance(error, VigieError)
        return in_words(error).response()

    async def raised(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        assert isinstance(error, Problem)
        return error.response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        said = _DETAILS.get(error.status_code, HTTPStatus(error.status_code).phrase)
        headers = {"Allow": _allowed(request, routes)} if error.status_code == 405 else error.headers
        return Problem(error.status_code, said, headers=headers).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        assert isinstance(error, RequestValidationError)
        return _invalid(error.errors()).response()

    api.add_exception_handler(VigieError, ours)
    api.add_exception_handler(Problem, raised)
    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(RequestValidationError, invalid)


def _allowed(request: Request, routes: Sequence[APIRoute]) -> str:
    """What this address knows; a route by itself knows only its own method."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return ", ".join(
        sorted({m for route in routes if route.path_regex.match(path) for m in route.methods or ()})
    )


_DETAILS: Final = {
    400: "The request cannot be read.",
    404: "There is nothing at this address; /api/openapi.json lists what there is.",
    413: "That is more than is taken at once.",
    405: "This address does not know that method; /api/openapi.json lists what it knows.",
}


def _invalid(faults: Sequence[Mapping[str, Any]]) -> Problem:
    """Where each fault is and what is wrong, and never what was sent."""
    errors = [{"where": _place(fault["loc"]), "detail": _said(fault)} for fault in faults]
    return Problem(422, "What was sent does not fit; see errors.", "invalid", errors=errors)


def _said(fault: Mapping[str, Any]) -> str:
    return "it is not JSON" if fault["type"] == "json_invalid" else str(fault["msg"])


def _place(loc: Sequence[int | str]) -> str:
    """Such as ``query/limit``, or for a body a JSON pointer: ``#/version``."""
    where, *rest = map(str, loc)
    return f"{'#' if where == 'body' else where}/{'/'.join(rest)}".rstrip("/")


# --- What the API's own description says of it ---------------------------------------------------

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "Why not: https://www.rfc-editor.org/rfc/rfc9457. `type` is what programs go by.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people"},
        "version": {"type": "integer", "description": "Of a conflict: the version it has now"},
        "errors": {
            "type": "array",
            "description": "Of 422: each fault, and where it is",
            "items": {
                "type": "object",
                "required": ["where", "detail"],
                "properties": {"where": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_WHEN: Final = {
    400: "It cannot be read",
    401: "No token, or one that is not good (any more)",
    403: "The token, or the role of its user, does not allow it",
    404: "There is no such thing",
    409: "Somebody was first (`urn:vigie:problem:conflict`), or it does not fit where the mention stands"
    " (`urn:vigie:problem:not-possible`)",
    413: "Too large",
    415: "Not in a form that is read here",
    422: "What was sent does not fit",
    429: "Too many requests; `Retry-After` says for how long (seconds)",
    503: "The store cannot be written just now: nothing was done, ask again",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These, and what any call may be answered."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _WHEN[status], "content": content}
        for status in sorted({401, 403, 422, 429, 503, *statuses})
    }
