"""Drafts as their editors show them: exactly what would be sent, how long the network finds it, and what it
costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bot.models import Price
from bot.price import price_of
from bot.store import Row
from bot.store.events import digest
from bot.web.words import N_

if TYPE_CHECKING:
    from bot.app import App

# What responders count in; a unit of an installed package stands as it is called.
UNITS: Final = (N_("characters"), N_("bytes"), N_("characters as X counts them"))
# A limit beyond this is none that anybody need be told of.
_ENDLESS: Final = 1_000_000


class Count(NamedTuple):
    """How long a text is on its network, in `unit`; `maximum` is None where there is no limit to speak of."""

    length: int
    unit: str
    maximum: int | None

    @property
    def over(self) -> bool:
        return self.maximum is not None and self.length > self.maximum


class Draft(NamedTuple):
    """One editor. `number` is that of the reply, 0 for a new one; `text` as it is stored, `base` its hash.
    `typed`: what this user typed and did not save; `changed`: somebody changed the draft since they began."""

    number: int
    text: str
    base: str
    row: Row | None = None
    counted: Count | None = None
    price: Price | None = None
    typed: str | None = None
    changed: bool = False


def count(app: App, responder: str, text: str) -> Count | None:
    """None: nobody carries replies there."""
    service = app.watch.responders.get(responder)
    if service is None:
        return None
    limits = service.limits
    most = limits.maximum if limits.maximum < _ENDLESS else None
    return Count(limits.count(text), limits.unit, most)


def price(app: App, responder: str, text: str, mention: Row) -> Price | None:
    """What it costs to send this; None where it costs nothing that is known."""
    return price_of(app.watch.settings, {"responder": responder, "text": text}, mention)


def drafts_of(app: App, mention: Row, replies: Sequence[Row], typed: Mapping[int, Row]) -> list[Draft]:
    """The drafts of a mention, in their order."""
    return [
        _draft(app, mention, row, typed.get(row["id"]))
        for row in replies
        if row["state"] in ("draft", "refused")
    ]


def _draft(app: App, mention: Row, row: Row, typed: Row | None) -> Draft:
    shown, base = row["text"], digest(row["text"])
    return Draft(
        row["id"], shown, base, row, count(app, row["responder"], shown),
        price(app, row["responder"], shown, mention), typed["text"] if typed else None,
        changed=typed is not None and typed["base"] not in ("", base),
    )  # fmt: skip


def new_draft(app: App, mention: Row, typed: Row | None) -> Draft:
    """The editor of a draft that nobody has saved."""
    responder = responder_of(app, mention)
    text: Any = typed["text"] if typed else ""
    return Draft(
        0, "", "", None, count(app, responder, text), price(app, responder, text, mention), text or None
    )


def responder_of(app: App, mention: Row) -> str:
    """Who carries a new answer to this mention; "" for nobody."""
    return app.watch.settings.routes.get(mention["listener"], "")
