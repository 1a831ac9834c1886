"""All that the page of a conversation shows, read in one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from bot.actions import actions_for
from bot.exemptions import proposed
from bot.models import OPEN_STATES
from bot.promises import Terms
from bot.ringing import terms_of
from bot.roles import may
from bot.store import (
    Row,
    Tx,
    corrections,
    escalations,
    events,
    exemptions,
    ms,
    notes,
    persons,
    presence,
    queue,
    threads,
    typing,
    users,
    views,
)
from bot.web import drafts
from bot.web.conversation_forms import filters_of
from bot.web.drafts import Draft
from bot.web.history import Happened, happened

if TYPE_CHECKING:
    from bot.web.visit import Visit

# So much of what the person said elsewhere is shown.
ELSEWHERE: Final = 8
_UNFOLDED: Final = 6


@dataclass(frozen=True, slots=True)
class View:
    """What the template is given. `can`: the verbs that fit, for this user."""

    mention: Row
    can: tuple[str, ...]
    thread: list[dict[str, Any]]
    accounts: list[persons.Account]
    alike: list[Row]
    elsewhere: list[Row]
    terms: Terms
    tags: Mapping[str, Any]
    corrected: Row | None
    drafts: list[Draft]
    new: Draft | None
    unsent: list[Row]
    doubts: list[Row]
    taken: Row | None
    closed: Row | None
    ringing: list[Row]
    notes: list[Row]
    history: list[Happened]
    here: list[Row]
    staff: list[str]
    before: int | None
    after: int | None
    proposed: str
    by_hand: bool

    @property
    def folded(self) -> int:
        """How much of the thread, from its beginning on, is folded away: never what the page is about."""
        places = [(one["side"], one["id"]) for one in self.thread]
        this, last = ("theirs", self.mention["id"]), len(places) - _UNFOLDED
        return max(min(last, places.index(this) - 1) if this in places else last, 0)

    @property
    def waits(self) -> bool:
        """Whether the promise still runs."""
        return bool(self.mention["addressed"]) and self.mention["state"] in OPEN_STATES

    @property
    def open(self) -> bool:
        """Whether a draft may be approved."""
        return "approve" in self.can


def view(visit: Visit, tx: Tx, number: int) -> View:
    """Raises:
    NotPossible: there is no such mention.
    """
    app, mention = visit.web.app, views.mention_row(tx, number)
    can = _can(visit, tx, mention)
    replies, typed = views.replies_of(tx, number), typing.of_user(tx, number, visit.user.id)
    shown = drafts.drafts_of(app, mention, replies, typed)
    editors = {0, *(draft.number for draft in shown)} if "approve" in can else set()
    accounts = persons.accounts(tx, mention)
    before, after = _beside(visit, tx, mention)
    return View(
        mention=mention, can=can, thread=threads.thread(tx, mention), accounts=accounts,
        alike=persons.alike(tx, accounts),
        elsewhere=persons.history(tx, accounts, mention["conversation_id"], ELSEWHERE),
        terms=terms_of(mention), tags=from_json(mention["analysis"] or "{}"),
        corrected=corrections.last(tx, number), drafts=shown,
        new=drafts.new_draft(app, mention, typed.get(0)) if "approve" in can else None,
        unsent=[row for place, row in sorted(typed.items()) if place not in editors],
        doubts=[row for row in replies if row["state"] == "unsure"],
        taken=_taken(replies, typed, visit.user.name), closed=exemptions.in_force(tx, number),
        ringing=escalations.open_for(tx, number), notes=notes.of_conversation(tx, mention["conversation_id"]),
        history=happened(visit.language, events.of_mention(tx, number)),
        here=presence.others(tx, mention["conversation_id"], visit.user.id, ms(visit.web.clock())),
        staff=_staff(visit, tx), before=before, after=after,
        proposed=proposed(from_json(mention["analysis"] or "{}")),
        by_hand=not drafts.responder_of(app, mention),
    )  # fmt: skip


def _beside(visit: Visit, tx: Tx, mention: Row) -> tuple[int | None, int | None]:
    """The mentions before and after this one in the list that somebody works through."""
    filters = filters_of(visit)
    if not filters.finds:
        return None, None
    wanted = filters.wanted(visit.user.name, ms(visit.web.clock()))
    return queue.beside(tx, wanted, queue.place_of(mention))


def _can(visit: Visit, tx: Tx, mention: Row) -> tuple[str, ...]:
    can = actions_for(mention, visit.user.role)
    closed = exemptions.in_force(tx, mention["id"])
    sampled = closed is not None and closed["sampled"] and not closed["verdict"]
    return (*can, "judge") if sampled and may(visit.user.role, "judge") else can


def _taken(replies: list[Row], typed: Mapping[int, Row], name: str) -> Row | None:
    """The reply that somebody else approved while this user was writing."""
    if not typed:
        return None
    gone = [row for row in replies if row["state"] in ("ready", "sending", "sent", "unsure")]
    return next((row for row in reversed(gone) if row["approved_by"] != name), None)


def _staff(visit: Visit, tx: Tx) -> list[str]:
    """To whom a mention can be given: the users of the inbox, and those whom config knows by Slack."""
    slack = visit.web.app.watch.settings.root.slack
    known = {row["name"] for row in users.everybody(tx) if row["left_at"] is None and row["role"] != "viewer"}
    return sorted({*known, *(slack.users.values() if slack else ())})
