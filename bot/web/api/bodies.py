"""What the verbs are told. Every field is checked here for its form; what it means is checked by the desk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, StrictBool

from bot.models import Process
from bot.web.api.call import MOST


def _a_number(value: object) -> object:
    """Neither a text nor a truth value, which pydantic would take for one."""
    if type(value) not in (int, float):
        raise ValueError("it must be a whole number")
    return value


Version = Annotated[int, Field(ge=0, le=MOST), BeforeValidator(_a_number)]
# What a human reads on one line; which characters of it may stand there is for the desk to say.
Line = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")]


class Body(BaseModel, extra="forbid"):
    """The JSON of a request."""


class Seen(Body):
    """A verb that depends on what the caller saw."""

    version: Version = Field(
        description="The version that you saw; if it is another one by now, nothing is done: 409"
    )


class Assign(Seen):
    to: str = Field(max_length=200, description='A name; "" takes it back')


class Exempt(Seen):
    reason: str = Field(
        default="", max_length=200, description='One of exemptions: in the config; "" for what is proposed'
    )


class Escalate(Seen):
    reason: Line


class HandOver(Seen):
    process: Process


class Judge(Seen):
    right: StrictBool = Field(description="Whether a rule was right to close it without an answer")


class Confirm(Seen):
    url: Url = Field(description="Where the answer stands")


class Write(Seen):
    text: Text


class Correct(Seen):
    """At least one of them."""

    sentiment: Literal["negative", "neutral", "positive"] | None = None
    intents: (
        Annotated[
            list[
                Literal["question", "complaint", "praise", "purchase", "suggestion", "churn", "spam", "other"]
            ],
            Field(min_length=1, max_length=8),
        ]
        | None
    ) = Field(default=None, description="The leading one first")
    urgency: Literal["low", "normal", "high", "crisis"] | None = None
    needs_answer: StrictBool | None = None


class Resolve(Seen):
    verdict: Literal["sent", "again", "discard"] = Field(
        description="It stands there (then with its url); it surely does not: send it; give it up"
    )
    url: Url | Literal[""] = ""


class Outcome(Body):
    what: Literal["accepted", "resolved", "converted", "shipped", "declined"]


class Note(Body):
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
