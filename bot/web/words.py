"""The words for what the store calls by codes: states, tags, processes, events. English here, French in
``locale/fr``."""

from __future__ import annotations

from typing import Final


def N_(text: str) -> str:  # noqa: N802 -- gettext's own name for "to be translated, but not now"
    return text


WORDS: Final = {
    # States of a mention, and of a reply.
    "new": N_("new"), "ignored": N_("nothing to do"), "waiting": N_("waiting"), "escalated": N_("ringing"),
    "answering": N_("being answered"), "answered": N_("answered"), "exempted": N_("closed without an answer"),
    "deleted": N_("deleted by its author"), "draft": N_("draft"), "ready": N_("approved"),
    "sending": N_("being sent"), "sent": N_("sent"), "refused": N_("refused"), "unsure": N_("in doubt"),
    "discarded": N_("put aside"),
    # Sentiment, intent, urgency, priority.
    "negative": N_("negative"), "neutral": N_("neutral"), "positive": N_("positive"), "mixed": N_("mixed"),
    "question": N_("question"), "complaint": N_("complaint"), "praise": N_("praise"),
    "purchase": N_("wants to buy"), "suggestion": N_("suggestion"), "churn": N_("wants to leave"),
    "spam": N_("spam"), "other": N_("other"), "low": N_("low"), "normal": N_("normal"), "high": N_("high"),
    "urgent": N_("urgent"), "crisis": N_("crisis"),
    # Processes and outcomes.
    "service": N_("service"), "sales": N_("sales"), "product": N_("product"),
    "communication": N_("communication"), "recruiting": N_("recruiting"), "accepted": N_("accepted"),
    "resolved": N_("resolved"), "converted": N_("converted"), "shipped": N_("shipped"),
    "declined": N_("declined"),
    # Reasons for an exemption, those that ship.
    "no_answer_needed": N_("no answer needed"), "abuse": N_("abuse"), "not_for_us": N_("not for us"),
    "answered_elsewhere": N_("answered elsewhere"), "asked_to_stop": N_("asked us to stop"),
    "duplicate": N_("duplicate"),
    # Roles.
    "viewer": N_("viewer"), "agent": N_("agent"), "lead": N_("lead"), "admin": N_("administrator"),
}  # fmt: skip


def word(code: str) -> str:
    """The English for a code; a code of the brand's own, such as a reason from its config, as it stands."""
    return WORDS.get(code, code.replace("_", " "))
