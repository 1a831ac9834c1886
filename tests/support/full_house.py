"""A house with something on every page: a month of mentions, and one mention in every state in which somebody
may find one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bot.errors import Refused, Unsure
from bot.models import Author
from bot.roles import Role
from bot.store import saved_views, staff, users
from tests.support.house import ANGRY, QUESTION, THANKS, House, comment
from tests.support.month_of_mentions import NOW, month

# What no line breaks by itself, what reads from right to left, and what was not meant as text.
AWKWARD: Final = (
    "Donaudampfschifffahrtsgesellschaftskapitän" * 6,
    "مرحبا، متى تفتح الوكالة؟",
    "<b>bonjour</b> {{ 7 * 7 }} https://banque.example/" + "chemin/" * 40,
)


def full_house(folder: Path) -> House:
    """Its users are Ada, an administrator, Zoé and Karim; `at` tells where one finds its mentions."""
    house = month(folder, a_day=3)
    _waiting(house)
    _settled(house)
    _in_trouble(house)
    _users(house)
    return house


def at(house: House, remote_id: str) -> str:
    """The page of a mention."""
    return f"/mentions/{house.mention(remote_id)['id']}"


def _said(house: House, remote_id: str, text: str, by: str = "claire", **facts: Any) -> None:
    author = Author(id=by, handle=by, name=f"{by.capitalize()} Martin", followers=310)
    house.hears(comment(remote_id, text, author=author, posted_at=house.clock(), **facts))


def _waiting(house: House) -> None:
    """Somebody waits, with a history, notes, and drafts that two people write at."""
    _said(house, "waits", QUESTION, conversation="t1")
    _said(house, "waits too", ANGRY, conversation="t1")
    _said(house, "elsewhere", THANKS, network="x")
    number, desk = house.mention("waits")["id"], house.desk
    desk.note(number, "Cliente depuis 2009.", "Léa")
    desk.link(number, house.mention("elsewhere")["id"], "Léa")
    desk.edit(
        number, None, "Bonjour Claire, le samedi de 9 h à midi.", house.mention("waits")["version"], "Léa"
    )
    for place, text in enumerate(AWKWARD):
        _said(house, f"awkward {place}", text, by=f"p{place}")
    _said(house, "rings", ANGRY, by="paul")
    loud = house.mention("rings")
    desk.escalate(loud["id"], "Un journaliste nous lit", loud["version"], "Léa")
    _said(house, "in hand", ANGRY, by="odile")
    held = house.mention("in hand")
    desk.escalate(held["id"], "Elle appelle trois fois par jour", held["version"], "Léa")
    desk.acknowledge(held["id"], "Léa")


def _settled(house: House) -> None:
    """Answered, closed by hand, and deleted."""
    for remote_id in ("answered", "closed", "deleted"):
        _said(house, remote_id, QUESTION, by=remote_id)
    house.approve("answered")
    house.deliver()
    closed = house.mention("closed")
    house.desk.exempt(closed["id"], "spam", closed["version"], "Léa")
    house.hears(deleted=["deleted"])
    _said(house, "on its way", QUESTION, by="ines")


def _in_trouble(house: House) -> None:
    """A reply that may stand there already, one that the network refused, and one that is about to be sent.
    And somebody whom nobody has read yet."""
    for remote_id, error in (
        ("in doubt", Unsure("the connection was dropped")),
        ("refused", Refused("this person takes no replies")),
    ):
        _said(house, remote_id, QUESTION, by="tom")
        house.approve(remote_id)
        house.paper.next_.append(error)
        house.deliver()
    house.approve("on its way")
    house.wire.says(comment("new", QUESTION, by="ali", posted_at=house.clock()))
    house.listen()


def _users(house: House) -> None:
    now = int(NOW.timestamp() * 1000)
    with house.app.watch.store.tx() as tx:
        number = users.add(tx, "Ada", "admin", now)
        staff.add(tx, "Zoé", Role.VIEWER, "Ada", now)
        staff.add(tx, "Karim", Role.LEAD, "Ada", now)
        saved_views.add(tx, number, "Cartes", "intent=question")
