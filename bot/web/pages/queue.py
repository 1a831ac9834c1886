"""The queue: who waits, the most pressing promise first. Also the page that the inbox begins with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from starlette.responses import RedirectResponse, Response

from bot.models import INTENTS, SENTIMENTS, Priority, Process
from bot.roles import Role
from bot.store import Tx, events, ms, queue, saved_views, users
from bot.store.as_json import proposal
from bot.web import words
from bot.web.queue_filters import ANYBODY, DUE, ME, NOBODY, Filters
from bot.web.routes import action, page
from bot.web.visit import Visit

SIZE: Final = 25
_MOST: Final = 1000
# What marks a request of the page's own script: only what changes is sent. See static/queue.js.
_FRAGMENT: Final = "x-fragment"


class Tab(NamedTuple):
    """A view of the queue that is one click away. `waiting`: how many wait there, None where nobody counted;
    `view`: the number of a saved one."""

    name: str
    href: str
    current: bool
    waiting: int | None = None
    view: int = 0


class Choice(NamedTuple):
    """One field of the filters: its options are (value, label)."""

    name: str
    label: str
    chosen: str
    options: Sequence[tuple[str, str]]


def show(visit: Visit) -> Response:
    """GET /: the filters and the place in the queue are all in the address, so that any view is a link."""
    filters = Filters.of(visit.request.query_params)
    if (tidy := filters.address()) != visit.request.url.query:
        return RedirectResponse(f"/?{tidy}" if tidy else "/", 303)
    now = ms(visit.web.clock())
    with visit.web.store.read() as tx:
        shown = _shown(visit, tx, filters, now)
        if visit.request.headers.get(_FRAGMENT) != "list":
            shown["choices"] = _choices(visit, tx, filters)
    return visit.render("queue.html" if "choices" in shown else "queue_news.html", **shown)


def _shown(visit: Visit, tx: Tx, filters: Filters, now: int) -> dict[str, Any]:
    wanted = filters.wanted(visit.user.name, now)
    found = queue.page(tx, wanted, SIZE, filters.after, filters.before) if filters.finds else queue.NOTHING
    tabs = _tabs(visit, tx, filters, now)
    here = len(found.rows)
    if found.earlier or found.later:
        here = queue.count(tx, wanted, _MOST) if wanted.by_promise else 0
    return {
        "rows": found.rows, "top": filters.link(), "here": here, "most": _MOST, "filters": filters,
        "earlier": filters.link(before=found.earlier) if found.earlier else "",
        "later": filters.link(after=found.later) if found.later else "",
        "tabs": tabs, "saved": next((tab for tab in tabs if tab.current and tab.view), None),
        "head": events.head(tx), "me": visit.user.name, "proposal": proposal,
    }  # fmt: skip


def _tabs(visit: Visit, tx: Tx, filters: Filters, now: int) -> list[Tab]:
    """What everybody has, with how many there are of each; then the views that this user saved."""
    fixed = (
        (visit.say("All that waits"), Filters()),
        (visit.say("Overdue"), Filters(due="over")),
        (visit.say("Mine"), Filters(assignee=ME)),
        (visit.say("Nobody’s"), Filters(assignee=NOBODY)),
    )
    here = filters.query()
    tabs = [
        Tab(name, f.link(), f.query() == here, queue.count(tx, f.wanted(visit.user.name, now), _MOST))
        for name, f in fixed
    ]
    saved = saved_views.of(tx, visit.user.id)
    own = [Tab(row["name"], f"/?{row['query']}", row["query"] == here, view=row["id"]) for row in saved]
    return tabs + own


def _choices(visit: Visit, tx: Tx, filters: Filters) -> list[Choice]:
    say, word = visit.say, partial(_word, visit)
    here = {row["name"] for row in users.everybody(tx) if row["left_at"] is None}
    people = sorted(
        name for name in (here | {*queue.assignees(tx)}) - {visit.user.name} if name.isprintable()
    )
    waits = say("Everything") if filters.words else say("All that waits")
    names = {"": waits, queue.OPEN: say("All that waits"), queue.ALL: say("Everything")}
    states = ["", *([queue.OPEN] if filters.words else []), *queue.WAITS, *queue.OVER]
    states += [] if filters.words else [queue.ALL]
    any_ = ("", say("Any"))
    sources = [(name, visit.language.network(name)) for name in queue.networks(tx) if name.isprintable()]
    whom = [
        (ANYBODY, say("Anybody")),
        (ME, say("Me")),
        (NOBODY, say("Nobody")),
        *((one, one) for one in people),
    ]
    labels = {
        "state": (say("State"), [(code, names.get(code) or word(code)) for code in states]),
        "due": (say("Time left"), [any_, *((code, say(text)) for code, text in DUE.items())]),
        "network": (say("Network"), [any_, *sources]),
        "process": (say("Process"), [any_, *((str(one), word(one)) for one in Process)]),
        "intent": (say("Intent"), [any_, *((one, word(one)) for one in INTENTS)]),
        "sentiment": (say("Sentiment"), [any_, *((one, word(one)) for one in SENTIMENTS)]),
        "priority": (say("Priority"), [any_, *((str(one), word(one)) for one in Priority)]),
        "assignee": (say("Assigned to"), whom),
    }
    found = [
        Choice(name, label, getattr(filters, name), options) for name, (label, options) in labels.items()
    ]
    return [_with_chosen(choice) for choice in found]


def _word(visit: Visit, code: str) -> str:
    return visit.say(words.word(code))


def _with_chosen(choice: Choice) -> Choice:
    """What a link asks for is shown as chosen, even if nothing like it is left."""
    if choice.chosen in {value for value, _ in choice.options}:
        return choice
    return choice._replace(options=[*choice.options, (choice.chosen, choice.chosen)])


# --- Saved views ---------------------------------------------------------------------------------


def save(visit: Visit) -> Response:
    """POST /views: `query`, as in an address, under `name`.

    Raises:
        NotPossible: no name, or too many views.
    """
    query = Filters.of_text(visit.form.get("query", "")).query()
    with visit.web.store.tx() as tx:
        saved_views.add(tx, visit.user.id, visit.form.get("name", ""), query)
    return visit.back(f"/?{query}" if query else "/", visit.say("The view is saved."))


def remove(visit: Visit) -> Response:
    """POST /views/{id}/remove: one of theirs."""
    with visit.web.store.tx() as tx:
        saved_views.remove(tx, visit.user.id, visit.request.path_params["id"])
    return visit.back("/", visit.say("The view is removed."))


ROUTES = [
    page("/", show),
    action("/views", save, Role.VIEWER),
    action("/views/{id:number}/remove", remove, Role.VIEWER),
]
