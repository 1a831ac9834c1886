"""The audit: the books, the chain, what was closed without an answer, and the sample of it.

To recompute everything from the log takes about a second for each 30,000 events, so a long log is read when
somebody asks for it, in a thread of its own, and what was found is kept with its time.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from bot.audit import audit
from bot.errors import VigieError
from bot.roles import Role
from bot.store import Clock, Store, Tx, ms, proofs, samples, sources, span_ms
from bot.web.numbers import whole
from bot.web.routes import action, page
from bot.web.visit import Visit

log = logging.getLogger(__name__)

AT_ONCE: Final = 3_000
"""A log of so many events is read while the page is made: it takes a tenth of a second."""
_GIVEN_UP: Final = span_ms(timedelta(minutes=30))
_SHOWN: Final = 10


def show(visit: Visit) -> Response:
    now = ms(visit.web.clock())
    with visit.web.store.read() as tx:
        length, running = proofs.events(tx), proofs.running(tx, now - _GIVEN_UP)
        proof, done_at = _proof(tx, length, now)
        waiting = samples.waiting(tx)
        heard = [(row, sources.gaps(tx, row["listener"])) for row in sources.all_rows(tx)]
    return visit.render(
        "audit.html", proof=proof, done_at=done_at, running=running, length=length, at_once=length <= AT_ONCE,
        sample=waiting[:_SHOWN], to_judge=len(waiting), sources=heard,
        by=(proof or {}).get("exempted_by", ()),
    )  # fmt: skip


def _proof(tx: Tx, length: int, now: int) -> tuple[dict[str, Any] | None, int]:
    """What is known of the books, and since when: by a short log at once, else by the last proof."""
    if length <= AT_ONCE:
        return _found(tx, now), now
    if (last := proofs.last(tx)) is None:
        return None, 0
    row, found = last
    return found, int(row["asked_at"])


def _found(tx: Tx, now: int) -> dict[str, Any]:
    who = [[row["reason"], row["actor"], row["number"]] for row in proofs.exempted_by(tx)]
    return {**audit(tx, now), "exempted_by": who}


def ask(visit: Visit) -> Response:
    """Begin a proof, unless one is being worked out."""
    web, now = visit.web, ms(visit.web.clock())
    with web.store.tx() as tx:
        number = proofs.ask(tx, visit.user.name, now, now - _GIVEN_UP)
    if number is not None:
        threading.Thread(
            target=work_out, args=(web.store, web.clock, number, now), name="proof", daemon=True
        ).start()
    return visit.back("/audit")


def work_out(store: Store, clock: Clock, number: int, now: int) -> None:
    """Read the whole log, in one transaction that only reads, and keep what was found."""
    try:
        with store.read() as tx:
            found = _found(tx, now)
        with store.tx() as tx:
            proofs.done(tx, number, found, ms(clock()))
    except VigieError as error:  # a full disk, say; the next proof is asked for by hand
        log.warning("the proof could not be worked out: %s", error)


def judge(visit: Visit) -> Response:
    """A human looked at one of the sample."""
    number, seen = int(visit.request.path_params["id"]), whole(visit.form.get("seen", ""))
    right = visit.form.get("verdict") == "ok"
    visit.web.app.desk.judge(number, seen, visit.user.name, right=right)
    said = (
        visit.say("Noted: the rule was right.")
        if right
        else visit.say("Noted: this person waits for an answer again.")
    )
    return visit.back("/audit#sample", said)


ROUTES = [
    page("/audit", show),
    action("/audit/proof", ask, Role.VIEWER),
    action("/audit/sample/{id:number}", judge, Role.LEAD),
]
