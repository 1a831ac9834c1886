"""The queue, page by page: what waits, in the order of its promises; what is over, or was searched for, the
newest first.

A page begins behind the last row of the one before it, so that a long queue costs no more than a short one,
and nobody is passed over while rows come and go. What is narrowed is read from one index: see migration 0007.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from bot.store.engine import Row, Tx, marks, rows_of_marks

OPEN: Final = "open"
ALL: Final = "all"
UNANSWERED: Final = "unanswered"
WAITS: Final = ("waiting", "escalated", "answering")
OVER: Final = ("answered", "exempted", "deleted")
STATES: Final = (OPEN, *WAITS, *OVER, ALL)

# As the partial indexes say it, or they are not used.
_WAITS: Final = "state IN ('waiting', 'escalated', 'answering')"
_OVER: Final = "state IN ('answered', 'exempted', 'deleted')"
# Newest first, so many rows are looked through at a time, and so many times for one page at most.
_WINDOW: Final = 2000
_WINDOWS: Final = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mentions are wanted; "" or None narrows nothing.

    `state`: one of `STATES`, or `UNANSWERED` for what waits and has no answer on its way. `assignee`: "" for
    what is nobody's. `due_by`: what was promised by then (ms).
    `words`: what all of these occur in (see `Tx.matching`).
    """

    state: str = OPEN
    network: str = ""
    process: str = ""
    intent: str = ""
    sentiment: str = ""
    priority: str = ""
    assignee: str | None = None
    due_by: int | None = None
    words: tuple[str, ...] = ()

    @property
    def by_promise(self) -> bool:
        """Whether it is the queue itself, in the order of its promises."""
        return not self.words and self.waits

    @property
    def waits(self) -> bool:
        """Whether nothing else than what waits is wanted."""
        return self.state in (OPEN, UNANSWERED, *WAITS)


class Place(NamedTuple):
    """Where a row stands. Newest first, only its `id` counts."""

    id: int
    addressed: int = 0
    due_at: int | None = None


class Page(NamedTuple):
    """`rows` as `_shown` has them. `earlier`, `later`: before and behind which place there is more; None:
    nowhere. Where there are rows by the thousand that do not match, a page may end before it is full."""

    rows: list[Row]
    earlier: Place | None
    later: Place | None


NOTHING: Final = Page([], None, None)


class _Found(NamedTuple):
    """At most so many places as asked for, and from where there may be more."""

    places: list[Place]
    more: Place | None


def page(tx: Tx, wanted: Wanted, size: int, after: Place | None = None, before: Place | None = None) -> Page:
    """At most `size` rows: the first ones, those after a place, or those right before one."""
    if before is not None:
        found = _find(tx, wanted, before, size, back=True)
        if found.more is None and len(found.places) < size:
            return page(tx, wanted, size)  # the beginning, and full
        places = found.places[::-1]
        return Page(_shown(tx, places), found.more, places[-1] if places else before)
    found = _find(tx, wanted, after, size, back=False)
    first = found.places[0] if found.places else after
    return Page(_shown(tx, found.places), first if after is not None else None, found.more)


def count(tx: Tx, wanted: Wanted, cap: int) -> int:
    """How many wait; `cap` if they are that many or more."""
    where, params = _narrowed(wanted)
    row = tx.row(
        f"SELECT COUNT(*) AS n FROM (SELECT 1 FROM mentions WHERE {where} LIMIT ?) AS some", (*params, cap)
    )
    return int(row["n"]) if row else 0


def beside(tx: Tx, wanted: Wanted, place: Place) -> tuple[int | None, int | None]:
    """The mentions right before and behind a place, whether or not what stands there is wanted itself."""
    before, behind = (_find(tx, wanted, place, 1, back=back).places for back in (True, False))
    return before[0].id if before else None, behind[0].id if behind else None


def first(tx: Tx, wanted: Wanted, but: int) -> int | None:
    """The first of all, this one left out."""
    found = _find(tx, wanted, None, 2, back=False).places
    return next((place.id for place in found if place.id != but), None)


def networks(tx: Tx) -> list[str]:
    """Where mentions were ever heard, read from the index one by one."""
    return [row["value"] for row in tx.rows(_DISTINCT.format(column="network", where="1 = 1"))]


def assignees(tx: Tx) -> list[str]:
    """Whom anything that waits is assigned to."""
    where = f"{_WAITS} AND assignee <> ''"
    return [row["value"] for row in tx.rows(_DISTINCT.format(column="assignee", where=where))]


_DISTINCT: Final = (
    "WITH RECURSIVE known (value) AS (SELECT MIN({column}) FROM mentions WHERE {where} UNION ALL"
    " SELECT (SELECT MIN(m.{column}) FROM mentions m WHERE {where} AND m.{column} > known.value) FROM known"
    " WHERE known.value IS NOT NULL) SELECT value FROM known WHERE value IS NOT NULL"
)


def _find(tx: Tx, wanted: Wanted, place: Place | None, size: int, *, back: bool) -> _Found:
    if wanted.by_promise:
        return _promised(tx, wanted, place, size, back=back)
    return _newest(tx, wanted, place, size, back=back)


# --- In the order of promises --------------------------------------------------------------------


def _promised(tx: Tx, wanted: Wanted, place: Place | None, size: int, *, back: bool) -> _Found:
    """Addresses by their promise come first, then what is owed nothing."""
    found = list[Place]()
    for addressed in (0, 1) if back else (1, 0):
        if place is None or place.addressed == addressed:
            found += _part(tx, wanted, addressed, place, size + 1 - len(found), back=back)
        elif (place.addressed > addressed) is not back:
            found += _part(tx, wanted, addressed, None, size + 1 - len(found), back=back)
    return _Found(found[:size], found[size - 1] if len(found) > size else None)


def _part(
    tx: Tx, wanted: Wanted, addressed: int, place: Place | None, limit: int, *, back: bool
) -> list[Place]:
    """Of one of the two parts: the places behind `place`, or from its beginning on."""
    where, params = _narrowed(wanted)
    beyond, direction = ("<", "DESC") if back else (">", "ASC")
    # What is owed nothing was promised nothing.
    where += " AND addressed = 1" if addressed else " AND addressed = 0 AND due_at IS NULL"
    if place is not None and addressed:
        where, params = f"{where} AND (due_at, id) {beyond} (?, ?)", [*params, place.due_at, place.id]
    elif place is not None:
        where, params = f"{where} AND id {beyond} ?", [*params, place.id]
    order = f"due_at {direction}, id {direction}" if addressed else f"id {direction}"
    rows = tx.rows(
        f"SELECT id, addressed, due_at FROM mentions WHERE {where} ORDER BY {order} LIMIT ?", (*params, limit)
    )
    return [place_of(row) for row in rows]


# --- Newest first --------------------------------------------------------------------------------


def _newest(tx: Tx, wanted: Wanted, place: Place | None, size: int, *, back: bool) -> _Found:
    found, reached = list[Place](), place
    for ids in _windows(tx, wanted, place, back=back):
        found += _fitting(tx, wanted, ids, back=back)
        if len(found) > size:
            return _Found(found[:size], found[size - 1])
        reached = Place(ids[-1])
        if len(ids) < _WINDOW:
            return _Found(found, None)
    return _Found(found, reached if reached != place else None)


def _windows(tx: Tx, wanted: Wanted, place: Place | None, *, back: bool) -> Iterator[list[int]]:
    """Ids to look through, newest first, or oldest first if `back`."""
    at = None if place is None else place.id
    for _ in range(_WINDOWS):
        if not (ids := _window(tx, wanted, at, back=back)):
            return
        yield ids
        at = ids[-1]


def _window(tx: Tx, wanted: Wanted, at: int | None, *, back: bool) -> list[int]:
    if wanted.words:
        return tx.matching(wanted.words, _WINDOW, **{"above" if back else "below": at})
    over = wanted.state in OVER
    where, params = (f"{_OVER} AND state = ?", [wanted.state]) if over else ("id > 0", list[Any]())
    if at is not None:
        where, params = f"{where} AND id {'>' if back else '<'} ?", [*params, at]
    rows = tx.rows(
        f"SELECT id FROM mentions WHERE {where} ORDER BY id {'ASC' if back else 'DESC'} LIMIT ?",
        (*params, _WINDOW),
    )
    return [row["id"] for row in rows]


def _fitting(tx: Tx, wanted: Wanted, ids: Sequence[int], *, back: bool) -> list[Place]:
    where, params = _narrowed(wanted)
    # In this order, or a network is read from end to end.
    rows = tx.rows(
        f"WITH some (number) AS (VALUES {rows_of_marks(len(ids), 1)}) SELECT id, addressed, due_at"
        f" FROM some CROSS JOIN mentions WHERE id = number AND {where}",
        (*ids, *params),
    )
    return sorted(map(place_of, rows), reverse=not back)


# --- What both share -----------------------------------------------------------------------------


def place_of(row: Row) -> Place:
    """Where a mention stands."""
    return Place(row["id"], row["addressed"], row["due_at"])


def _narrowed(wanted: Wanted) -> tuple[str, list[Any]]:
    """The condition, and its parameters."""
    said, params = [_WAITS] if wanted.waits else ["id > 0"], list[Any]()
    if wanted.state == UNANSWERED:
        said = [*said, "state <> 'answering'"]
    elif wanted.state not in (OPEN, ALL):
        said, params = [*said, "state = ?"], [wanted.state]
    for column in ("network", "process", "intent", "sentiment", "priority"):
        if value := getattr(wanted, column):
            said, params = [*said, f"{column} = ?"], [*params, value]
    if wanted.assignee is not None:
        # In these words, so that the index of what is assigned can be used.
        some = "assignee = ? AND assignee <> ''" if wanted.assignee else "assignee = ?"
        said, params = [*said, some], [*params, wanted.assignee]
    if wanted.due_by is not None:
        said, params = [*said, "addressed = 1 AND due_at <= ?"], [*params, wanted.due_by]
    return " AND ".join(said), params


def _shown(tx: Tx, places: Sequence[Place]) -> list[Row]:
    """What the queue shows of each: the beginning of its text, its tags, how many drafts it has (`drafts`),
    since when it rings (`rings_since`), and how many others of its conversation wait (`others`)."""
    ids = [place.id for place in places]
    found = {row["id"]: row for row in tx.rows(_SHOWN.format(marks=marks(len(ids))), ids)} if ids else {}
    return [found[number] for number in ids]


_SHOWN: Final = f"""
    SELECT m.id, m.network, m.kind, m.author_name, m.author_handle, SUBSTR(m.text, 1, 300) AS text, m.lang,
        m.posted_at, m.addressed, m.state, m.priority, m.process, m.due_at, m.assignee, m.intent, m.sentiment,
        m.deleted_at, m.ended_at, m.analysis,
        (SELECT COUNT(*) FROM replies r WHERE r.mention_id = m.id AND r.state = 'draft') AS drafts,
        (SELECT MIN(e.opened_at) FROM escalations e WHERE e.mention_id = m.id AND e.closed_at IS NULL
            AND e.acknowledged_at IS NULL) AS rings_since,
        (SELECT COUNT(*) FROM mentions o WHERE o.conversation_id = m.conversation_id AND o.id <> m.id
            AND o.{_WAITS}) AS others
    FROM mentions m WHERE m.id IN ({{marks}})
"""
