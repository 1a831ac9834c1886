"""What the watch tells: what rings, what each source has heard, the proof."""

from __future__ import annotations

import threading
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from typing_extensions import TypedDict

from bot.audit import audit as recompute
from bot.store import as_json, escalations, ms, sources
from bot.store.as_json import EscalationJson, SourceJson
from bot.web.api.call import Acting, Reading
from bot.web.api.problems import answers
from bot.web.problem import Problem

router: Final = APIRouter(responses=answers(), tags=["watch"])
# The whole log is read for it: one at a time.
AUDITING: Final = threading.Lock()
_LATER: Final = "10"


class EscalationsJson(TypedDict):
    """What is open, the oldest first."""

    escalations: list[EscalationJson]


class SourcesJson(TypedDict):
    """Every listener that was ever heard through."""

    sources: list[SourceJson]


@router.get("/escalations")
def ringing(call: Reading) -> EscalationsJson:
    """What rings, and what was acknowledged and is not over yet."""
    with call.web.store.read() as tx:
        return {"escalations": [as_json.escalation(row) for row in escalations.open_rows(tx)]}


@router.post("/escalations/{key:path}/acknowledge", responses=answers(400, 404, 409, 413))
def acknowledge(call: Acting, key: Annotated[str, Path(min_length=1, max_length=300)]) -> EscalationJson:
    """Stop the ringing, not the clock, of a matter such as ``source:blog``."""
    found = _open(call, key)
    if found["acknowledged_at"] is None:
        call.desk.acknowledge_key(key, call.name)
    return _open(call, key)


def _open(call: Acting, key: str) -> EscalationJson:
    with call.web.store.read() as tx:
        found = next((row for row in escalations.open_rows(tx) if row["key"] == key), None)
    if found is None:
        raise Problem(404, "Nothing of that name rings.")
    return as_json.escalation(found)


@router.get("/sources")
def heard(call: Reading) -> SourcesJson:
    """From when to when each listener has heard everything, and its gaps."""
    with call.web.store.read() as tx:
        return {"sources": [as_json.source(tx, row) for row in sources.all_rows(tx)]}


@router.get("/audit")
def audit(call: Reading) -> dict[str, Any]:
    """The proof, as ``vigie audit --json`` prints it: the books and every promise, recomputed from the event
    log."""
    if not AUDITING.acquire(blocking=False):
        raise Problem(429, "Another audit is under way.", "too-many", {"Retry-After": _LATER})
    try:
        with call.web.store.read() as tx:
            return recompute(tx, ms(call.web.clock()))
    finally:
        AUDITING.release()
