"""What happened to a mention, in words, as the log has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import from_json

from bot.store import Row
from bot.store.events import RULE, SYSTEM
from bot.web.reasons import reason
from bot.web.words import N_, word

if TYPE_CHECKING:
    from bot.web.language import Language

_WORDS: Final = {
    "heard": N_("Heard"),
    "addressed": N_("Recognised as speaking to us"),
    "triaged": N_("Read and tagged"),
    "drafted": N_("Drafts were written"),
    "draft_edited": N_("A draft was changed"),
    "discarded": N_("A draft was put aside"),
    "approved": N_("A reply was approved"),
    "attempted": N_("Handed to the network"),
    "sent": N_("The network confirmed the reply"),
    "answered": N_("Answered"),
    "confirmed": N_("Answered by hand, with the link"),
    "postponed": N_("The network asked to wait"),
    "refused": N_("The network refused the reply"),
    "unsure": N_("Nobody knows whether the reply was posted"),
    "not_found": N_("The reply is not there: it may go out again"),
    "stale": N_("Held back: the conversation moved after the approval"),
    "waits_again": N_("Waits for an answer again"),
    "assigned": N_("Given to %(to)s"),
    "exempted": N_("Closed without an answer: %(reason)s"),
    "reopened": N_("Reopened"),
    "sampled": N_("Looked at in the daily sample"),
    "escalated": N_("It rings: %(reason)s"),
    "escalated_by_hand": N_("Escalated"),
    "escalation_closed": N_("The ringing ended"),
    "raised": N_("The next tier of the ladder was called"),
    "rang": N_("It rang"),
    "ring_failed": N_("It rang, and reached nobody"),
    "acknowledged": N_("The ringing was acknowledged"),
    "handed_over": N_("Handed over: %(process)s"),
    "outcome": N_("What came of it: %(what)s"),
    "corrected": N_("The tags were corrected"),
    "edited": N_("Its author edited it"),
    "deleted": N_("Its author deleted it"),
    "dropped": N_("Its author deleted it"),
    "restored": N_("Its author restored it"),
    "shown_again": N_("Its author restored it"),
    "asked_to_stop": N_("Asked us to stop"),
    "noted": N_("A note was left"),
    "note_edited": N_("A note was changed"),
    "linked": N_("Linked with another account"),
    "unlinked": N_("No longer linked with another account"),
}
_GIVEN_BACK: Final = N_("Given back to the queue")


class Happened(NamedTuple):
    """One event: when (ms), what, and who did it ("" for Vigie itself), be it by a program with a token."""

    at: int
    what: str
    who: str


def happened(language: Language, rows: Sequence[Row]) -> list[Happened]:
    """The last first. Kinds of events that are new to this list stand as they are called."""
    found = []
    for row in reversed(rows):
        data = from_json(row["data"])
        what, who = _what(language, row["kind"], data), _who(language, row["actor"], data.get("token", 0))
        found.append(Happened(row["at"], what, who))
    return found


def _what(language: Language, kind: str, data: Mapping[str, Any]) -> str:
    text = _WORDS.get(kind)
    if text is None:
        return word(kind)
    if kind == "assigned" and not data.get("to"):
        text = _GIVEN_BACK
    if "%(" not in text:
        return language.gettext(text)
    codes = {name: _code(language, data.get(name, "")) for name in ("reason", "process", "what")}
    return language.gettext(text, to=data.get("to", ""), **codes)


def _code(language: Language, value: str) -> str:
    """A code in words; a reason as it stands, unless it is one of ours."""
    return reason(language, value) if " " in value else language.gettext(word(value))


def _who(language: Language, actor: str, token: int) -> str:
    if token:
        return language.gettext("%(name)s, by token %(number)s", name=actor, number=token)
    if actor.startswith(RULE):
        return language.gettext("rule %(name)s", name=actor.removeprefix(RULE))
    return "" if actor in (SYSTEM, "listener") else actor
