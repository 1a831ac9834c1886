"""X's refusals, in its own words.

https://docs.x.com/x-api/fundamentals/response-codes-and-errors; the words of the 402 and 403 answers as they
are reported by its users.
"""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox.wire import Answer, Headers, in_json

_TYPES: Final = "https://api.x.com/2/problems"
NOT_SUMMONED: Final = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by "
    "the author of the post you are replying to."
)
DUPLICATE: Final = "You are not allowed to create a Tweet with duplicate content."
NOT_VISIBLE: Final = "You attempted to reply to a Tweet that is deleted or not visible to you."
NO_MESSAGES: Final = "You do not have permission to DM one or more participants."


class Invalid(Exception):
    """Something about the request is wrong: 400, with the parameter and X's kind of words."""

    def __init__(self, parameter: str, value: str, message: str) -> None:
        super().__init__(message)
        self.parameter, self.value = parameter, value


def problem(
    status: int,
    title: str,
    detail: str,
    kind: str = "about:blank",
    headers: Headers | None = None,
    **more: Any,
) -> Answer:
    """`kind` is the last part of one of X's types of problems, or "about:blank"."""
    where = kind if kind == "about:blank" else f"{_TYPES}/{kind}"
    body = {"title": title, "detail": detail, "type": where, "status": status, **more}
    return in_json(status, body, headers, "application/problem+json; charset=utf-8")


def invalid(error: Invalid) -> Answer:
    said = [{"parameters": {error.parameter: [error.value]}, "message": str(error)}]
    detail = "One or more parameters to your request was invalid."
    return problem(400, "Invalid Request", detail, "invalid-request", errors=said)


def forbidden(detail: str) -> Answer:
    return problem(403, "Forbidden", detail)


def unauthorized() -> Answer:
    return problem(401, "Unauthorized", "Unauthorized")


def too_many(headers: Headers) -> Answer:
    return problem(429, "Too Many Requests", "Too Many Requests", headers=headers)


def out_of_credits(account: str) -> Answer:
    detail = f"Your enrolled account [{account}] does not have any credits to fulfill this request."
    return problem(402, "CreditsDepleted", detail, "credits", account_id=account)


def internal() -> Answer:
    return problem(500, "Internal Server Error", "Something is broken.", "internal-error")


def nowhere() -> Answer:
    """What X says to a path that it does not know: nothing."""
    return Answer(404, b"")


def not_found(kind: str, parameter: str, value: str) -> dict[str, str]:
    """One entry of ``errors`` in an answer that is fine otherwise. `kind`: "tweet" or "user"."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_TYPES}/resource-not-found",
    }
