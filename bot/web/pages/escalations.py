"""What rings: why, since when, whom it called, and who has it in hand."""

from __future__ import annotations

from typing import Final, NamedTuple

from starlette.responses import Response

from bot.errors import NotAllowed, NotPossible
from bot.store import Row, events, rings
from bot.web import words
from bot.web.numbers import number
from bot.web.routes import action, page
from bot.web.visit import Visit
from bot.web.words import N_

SIZE: Final = 50
_MOST: Final = 1000
# What escalations are about, by the first part of their keys.
_KINDS: Final = {
    "mention": N_("Mention"), "outcome": N_("What came of it"), "reply": N_("Reply"), "source": N_("Source"),
    "account": N_("Account"), "responder": N_("Way out"), "webhook": N_("Webhook"), "crisis": N_("Crisis"),
    "recheck": N_("Deletions at the source"),
}  # fmt: skip
# Why they ring, in the words of the steps and of the rules that ship. A human's own reason stands as it is.
_WHY: Final = (
    N_("overdue"), N_("due soon"), N_("silent"), N_("nobody said what came of it"), N_("words of a crisis"),
    N_("an angry complaint"), N_("could not be analysed"), N_("nobody knows whether it is posted"),
    N_("no answer in time"), N_("the worker died while sending"), N_("this person asked us to stop"),
)  # fmt: skip
# What tiers are called that config gives no name.
_TIERS: Final = (N_("warned"), N_("due"))


class Matter(NamedTuple):
    """One escalation, ready to be shown. `about` is what it is about, with `name` beside it; `tier`: whom it
    called last, "" if nobody yet."""

    row: Row
    about: str
    name: str
    link: str
    tier: str


def show(visit: Visit) -> Response:
    """GET /escalations."""
    after = _after(visit.request.query_params.get("after", ""))
    with visit.web.store.read() as tx:
        ringing = rings.ringing(tx, SIZE + 1, after)
        calm = rings.acknowledged(tx, SIZE) if after is None else []
        count, head = rings.count(tx, _MOST), events.head(tx)
    last = ringing[SIZE - 1] if len(ringing) > SIZE else None
    return visit.render(
        "escalations.html", ringing=[_matter(visit, row) for row in ringing[:SIZE]],
        calm=[_matter(visit, row) for row in calm], count=count, most=_MOST, head=head,
        later=f"/escalations?after={last['opened_at']}-{last['id']}" if last else "", first=after is None,
    )  # fmt: skip


def acknowledge(visit: Visit) -> Response:
    """POST /escalations/acknowledge: stop the ringing of `key`, not its clock. Twice does no harm."""
    desk, key = visit.web.app.desk, visit.form.get("key", "")
    try:
        desk.acknowledge_key(key, visit.user.name)
    except NotAllowed:
        raise
    except NotPossible:
        return visit.back("/escalations", error=visit.say("It does not ring any more: somebody was first."))
    return visit.back(
        "/escalations", visit.say("Acknowledged: it is silent until its next step. The clock runs on.")
    )


def _matter(visit: Visit, row: Row) -> Matter:
    kind, _, name = row["key"].partition(":")
    link = "/sources" if kind in ("source", "account", "responder", "recheck") else ""
    if row["mention_id"] is not None:
        name = row["author_name"] or row["author_handle"] or visit.say("(no name)")
        link = f"/mentions/{row['mention_id']}"
    about = visit.say(_KINDS[kind]) if kind in _KINDS else row["key"]
    return Matter(row, about, name if kind in _KINDS else "", link, _tier(visit, row["tier"]))


def _tier(visit: Visit, tier: int) -> str:
    """What config calls the people who were called last."""
    tiers = visit.web.app.watch.settings.root.promises.tiers
    if tier == 0:
        return ""
    return visit.say(words.word(tiers[tier - 1].called)) if tier <= len(tiers) else visit.say("everybody")


def _after(text: str) -> tuple[int, int] | None:
    opened_at, _, last = text.partition("-")
    at, behind = number(opened_at), number(last)
    return None if at is None or behind is None else (at, behind)


ROUTES = [page("/escalations", show), action("/escalations/acknowledge", acknowledge)]
