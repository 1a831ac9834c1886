"""The page on which somebody is answered: GET /mentions/{id}, and what its forms do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from bot.analysis import Tagger
from bot.errors import Conflict, NotAllowed, NotPossible, StoreUnavailable
from bot.models import INTENTS, SENTIMENTS, URGENCIES, Outcome, Process
from bot.store import Row, Tx, ms, news, presence, queue, typing, views
from bot.web import drafts
from bot.web.conversation_forms import (
    address,
    filters_of,
    lines,
    mention_of,
    reply_of,
    seen,
    text_of,
)
from bot.web.conversation_view import view
from bot.web.numbers import whole
from bot.web.routes import action, page
from bot.web.told import told
from bot.web.visit import Visit

# --- Looking ---------------------------------------------------------------------------------------


def conversation(visit: Visit) -> Response:
    """Raises:
    NotPossible: there is no such mention.
    """
    number = mention_of(visit)
    with visit.web.store.read() as tx:
        shown = view(visit, tx, number)
    done = whole(visit.request.query_params.get("done", ""))
    root = visit.web.app.watch.settings.root
    page = visit.render(
        "conversation.html", v=shown, m=shown.mention, intents=INTENTS, sentiments=SENTIMENTS,
        urgencies=URGENCIES, processes=tuple(Process), outcomes=tuple(Outcome), reasons=root.exemptions,
        why=_why(visit, shown.mention), done=done if done != number else 0, filters=filters_of(visit),
        address=partial(address, visit),
    )  # fmt: skip
    page.background = BackgroundTask(_is_here, visit, number)
    return page


def here(visit: Visit) -> Response:
    """For the page's script: who else is here, and what happened since the version that it shows."""
    number = mention_of(visit)
    with visit.web.store.read() as tx:
        mention = views.mention_row(tx, number)
        others = presence.others(tx, mention["conversation_id"], visit.user.id, ms(visit.web.clock()))
        last = news.last(tx, mention["conversation_id"])
    return JSONResponse({
        "version": mention["version"], "news": told(visit.language, last),
        "here": [
            {"text": _at_it(visit, row["name"], writes=bool(row["writes"])), "writes": bool(row["writes"])}
            for row in others
        ],
    }, background=BackgroundTask(_is_here, visit, number))  # fmt: skip


def _at_it(visit: Visit, name: str, *, writes: bool) -> str:
    if writes:
        return visit.say("%(name)s is writing an answer", name=name)
    return visit.say("%(name)s is looking at this too", name=name)


def _is_here(visit: Visit, number: int) -> None:
    """Tell the others. It is written down now and then, not with every look. Nobody waits for it, and
    nothing is lost where it cannot be written."""
    now, store = ms(visit.web.clock()), visit.web.store
    with store.read() as tx:
        place = views.mention_row(tx, number)["conversation_id"]
        known = presence.is_known(tx, place, visit.user.id, now)
    if not known:
        with suppress(StoreUnavailable), store.tx() as tx:
            presence.here(tx, place, visit.user.id, now)


def _why(visit: Visit, mention: Row) -> tuple[str, ...]:
    """The words that weighed most, if they are asked for: that takes a moment."""
    tagger = visit.web.app.watch.tagger
    if "why" not in visit.request.query_params or not isinstance(tagger, Tagger):
        return ()
    return tagger.tag([(mention["text"], mention["lang"])], why=True)[0].why


# --- Typing ----------------------------------------------------------------------------------------


def keep_typed(visit: Visit) -> Response:
    """What is typed so far, from the page's script; it is there again on any machine."""
    number, reply = mention_of(visit), reply_of(visit)
    with visit.web.store.tx() as tx:
        kept = _keep(visit, tx, number, reply)
    return JSONResponse({"kept": kept})


def count(visit: Visit) -> Response:
    """How long a text is as its network counts, and what it costs, for the page's script."""
    app, text, reply = visit.web.app, text_of(visit), reply_of(visit)
    with visit.web.store.read() as tx:
        mention = views.mention_row(tx, mention_of(visit))
        responder = views.reply_row(tx, reply)["responder"] if reply else drafts.responder_of(app, mention)
    page = visit.language.environment.get_template("counted.html").make_module({"visit": visit})
    counted, price = drafts.count(app, responder, text), drafts.price(app, responder, text, mention)
    return JSONResponse({
        "count": str(page.counted(counted)), "price": str(page.priced(price)),  # type: ignore[attr-defined]
        "over": counted is not None and counted.over,
    })  # fmt: skip


def _keep(visit: Visit, tx: Tx, number: int, reply: int) -> bool:
    form, now = visit.form, ms(visit.web.clock())
    return typing.keep(
        tx, number, reply or None, visit.user.id, text_of(visit), seen(visit), now, form.get("base")
    )


# --- Answering -------------------------------------------------------------------------------------


def answer(visit: Visit) -> Response:
    """The buttons below a draft: `do` is "approve", "save", "reject" or "forget". What was typed is lost
    with none of them, unless it is said so."""
    number, reply, do = mention_of(visit), reply_of(visit), visit.form.get("do", "")
    if do == "forget":
        _let_go(visit, number, reply)
        return visit.back(address(visit, number), visit.say("What you had typed is gone."))
    verbs: dict[str, Callable[[Visit, int, int], Response]] = {
        "approve": _approve, "save": _save, "reject": _reject,
    }  # fmt: skip
    if do not in verbs:
        raise NotPossible("there is no such button")
    try:
        return verbs[do](visit, number, reply)
    except (Conflict, NotPossible) as error:
        return _not_done(visit, number, reply, error)


def _not_done(visit: Visit, number: int, reply: int, error: Conflict | NotPossible) -> Response:
    """Back to the conversation, which says who was first and what they wrote, with the text in its editor."""
    if isinstance(error, NotAllowed):
        raise error
    kept = False
    if "text" in visit.form:
        with visit.web.store.tx() as tx:
            kept = _differs(visit, tx, reply) and _keep(visit, tx, number, reply)
    why = told(visit.language, error)
    if not why.endswith("."):
        why += "."
    return visit.back(
        address(visit, number), error=f"{why} {visit.say('Your text is kept below.')}" if kept else why
    )


def _differs(visit: Visit, tx: Tx, reply: int) -> bool:
    """Whether this text is another than the draft that the store holds."""
    return not reply or lines(views.reply_row(tx, reply)["text"]) != text_of(visit)


def _approve(visit: Visit, number: int, reply: int) -> Response:
    desk, version, who = visit.web.app.desk, seen(visit), visit.user.name
    with visit.web.store.read() as tx:
        mention = views.mention_row(tx, number)
        as_it_stands = bool(reply) and ("text" not in visit.form or not _differs(visit, tx, reply))
    if as_it_stands:
        desk.approve(reply, version, who)
    else:
        reply = desk.answer(number, reply or None, text_of(visit), version, who)
    with visit.web.store.tx() as tx:
        typing.drop_all(tx, number, visit.user.id)
    with visit.web.store.read() as tx:
        responder = views.reply_row(tx, reply)["responder"]
        after = _next(visit, tx, mention)
    visit.web.wake("deliver", responder)
    person = mention["author_name"] or mention["author_handle"] or visit.say("this person")
    if after is None:
        return visit.back(address(visit, number), _nobody_else(visit))
    said = visit.say("The answer to %(name)s is approved, and on its way. Here is the next.", name=person)
    return visit.back(address(visit, after, done=number), said)


def _next(visit: Visit, tx: Tx, mention: Row) -> int | None:
    """Who waits behind this one in the list that somebody works through; behind the last, its first."""
    wanted = replace(filters_of(visit).wanted(visit.user.name, ms(visit.web.clock())), state=queue.UNANSWERED)
    behind = queue.beside(tx, wanted, queue.place_of(mention))[1]
    return behind or queue.first(tx, wanted, mention["id"])


def _nobody_else(visit: Visit) -> str:
    if filters_of(visit).query():
        return visit.say("Approved, and on its way. Nobody else waits in this view.")
    return visit.say("Approved, and on its way. Nobody else waits.")


def _save(visit: Visit, number: int, reply: int) -> Response:
    visit.web.app.desk.edit(number, reply or None, text_of(visit), seen(visit), visit.user.name)
    _let_go(visit, number, reply)
    if typed := whole(visit.form.get("typed", "")):
        _let_go(visit, number, typed)
    return visit.back(f"{address(visit, number)}#drafts", visit.say("Saved. It is not sent yet."))


def _reject(visit: Visit, number: int, reply: int) -> Response:
    visit.web.app.desk.reject(reply, seen(visit), visit.user.name)
    return visit.back(
        address(visit, number), visit.say("Put aside. The person still waits, and so does the clock.")
    )


def _let_go(visit: Visit, number: int, reply: int) -> None:
    with visit.web.store.tx() as tx:
        typing.drop(tx, number, reply or None, visit.user.id)


ROUTES: Final = [
    page("/mentions/{id:number}", conversation),
    page("/mentions/{id:number}/here", here),
    action("/mentions/{id:number}/answer", answer),
    action("/mentions/{id:number}/typing", keep_typed),
    action("/mentions/{id:number}/count", count),
]
