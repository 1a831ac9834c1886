"""A month at a brand, as it might be: what people wrote on four networks, what was answered, closed, deleted
and forgotten. All of it went through the real steps and the real desk, so the books balance.

    python -m tests.support.month_of_mentions FOLDER [--many N]
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.meter import Charge
from bot.models import Author, Kind, Mention, Process
from bot.store import samples, spend
from tests.support.house import Clock, House, build_house

FIRST: Final = datetime(2026, 3, 1, tzinfo=UTC)
NOW: Final = datetime(2026, 3, 30, 15, 20, tzinfo=UTC)
CONFIG: Final = """
brand:
  name: Banque Azur
  handles: ["@banqueazur"]
  languages: [fr, en]
listeners:
  blog: {type: replay, path: none.jsonl, responder: paper}
responders:
  paper: {type: console}
promises:
  calendar:
    timezone: Europe/Paris
    hours: {"mon-fri": ["09:00-12:00", "14:00-18:00"], "sat": ["09:00-12:00"]}
  targets:
    - {process: sales, answer_within: 4h, outcome_within: 5d}
    - {answer_within: 8h}
rules:
  - {name: thanks, when: {needs_answer: false, addressed: true}, exempt: no_answer_needed}
  - {name: buying, when: {intents: [purchase]}, process: sales}
  - {name: ideas, when: {intents: [suggestion]}, process: product}
"""
_NETWORKS: Final = (("x", 5), ("facebook", 4), ("instagram", 2), ("wordpress", 1))
_TEXTS: Final = (
    ("Bonjour, à quelle heure ouvre l'agence de Lyon le samedi ?", 6),
    ("C'est une honte, ma carte est bloquée depuis trois semaines et personne ne répond !!!", 5),
    ("Merci beaucoup pour votre aide, votre équipe est formidable !", 4),
    ("Je voudrais ouvrir un compte joint, comment faire et à quel prix ?", 3),
    ("Vous devriez proposer le virement instantané gratuit dans l'application.", 2),
    ("Je quitte cette banque, trop de frais, je ferme mon compte demain.", 2),
    ("Your app crashes every time I open it, can somebody help me please?", 3),
    ("Gagnez 5000 € par jour, cliquez ici http://spam.example !!!", 1),
)
_AROUND: Final = ("Article intéressant sur les taux immobiliers", "La banque Azur ouvre une agence à Metz")


def month(folder: Path, a_day: int = 40, seed: int = 7) -> House:
    """A house at `NOW`, after a month with about so many mentions a day."""
    chance = random.Random(seed)
    house = build_house(folder, CONFIG, clock=Clock(FIRST))
    for day in range(30):
        _day(house, FIRST + timedelta(days=day), a_day, chance)
    house.clock.now = NOW
    house.sweep()
    with house.app.watch.store.tx() as tx:
        samples.draw(tx, house.app.watch.settings.root.sample)
        for day in range(30):
            charges = [
                Charge("post read", 400, 2_000_000),
                Charge("post written", chance.randrange(20), 210_000),
            ]
            spend.add(tx, "x", charges, FIRST + timedelta(days=day))
    return house


def _day(house: House, day: datetime, number: int, chance: random.Random) -> None:
    busy = 0.4 if day.weekday() >= 5 else 3.0 if day.day == 17 else 1.0
    said = [_mention(day, f"{day:%d}-{i}", chance) for i in range(round(number * busy))]
    said = [one for one in said if one.posted_at < NOW]
    house.clock.now = min(day + timedelta(days=1), NOW)
    house.hears(*said)
    addresses = [one for one in said if one.addressed]
    gone = [one.remote_id for one in addresses if chance.random() < 0.02]
    answers = [
        _answer(one, chance) for one in addresses if chance.random() < 0.9 and one.remote_id not in gone
    ]
    house.hears(*(one for one in answers if one.posted_at < NOW), deleted=gone)
    for one in addresses:
        _at_the_desk(house, one.remote_id, chance)
    house.sweep()
    if chance.random() < 0.8:
        house.clock.forward(minutes=chance.randrange(3, 90))
        for row in house.rows("SELECT mention_id FROM escalations WHERE closed_at IS NULL"
                              " AND acknowledged_at IS NULL LIMIT 3"):  # fmt: skip
            house.desk.acknowledge(row["mention_id"], "Léa")


def _at_the_desk(house: House, remote_id: str, chance: random.Random) -> None:
    row, lot = house.mention(remote_id), chance.random()
    if row["state"] == "answered" and row["process"] != "service" and lot < 0.5:
        what = chance.choice(("accepted", "resolved", "converted", "shipped", "declined"))
        house.desk.outcome(row["id"], what, "Karim")
    elif row["state"] in ("waiting", "escalated") and lot < 0.5:
        reason = chance.choice(("spam", "not_for_us", "answered_elsewhere", "abuse"))
        house.desk.exempt(row["id"], reason, row["version"], chance.choice(("Léa", "Karim", "Zoé")))
    elif row["state"] in ("waiting", "escalated") and lot < 0.6:
        house.desk.hand_over(row["id"], Process.RECRUITING, row["version"], "Léa")


def _mention(day: datetime, number: str, chance: random.Random) -> Mention:
    posted = day + timedelta(seconds=chance.triangular(0, 86_399, 45_000))
    network = _one(_NETWORKS, chance)
    author = Author(id=f"p{chance.randrange(900)}", name="Claire", followers=chance.randrange(2000))
    kind = Kind.SHARE if chance.random() < 0.12 else Kind.COMMENT
    addressed = kind is Kind.COMMENT and chance.random() < 0.6
    text = _one(_TEXTS, chance) if addressed else chance.choice(_AROUND)
    return Mention(
        network=network, remote_id=number, text=text, posted_at=posted, author=author, kind=kind,
        addressed=addressed, url=f"https://{network}.example/{number}",
    )  # fmt: skip


def _answer(one: Mention, chance: random.Random) -> Mention:
    waited = timedelta(minutes=chance.lognormvariate(4.6, 1.1))
    return Mention(
        network=one.network, remote_id=f"a{one.remote_id}", text="Bonjour, nous regardons cela.", own=True,
        posted_at=one.posted_at + waited, in_reply_to=one.remote_id,
    )  # fmt: skip


def _one(weighted: tuple[tuple[str, int], ...], chance: random.Random) -> str:
    return chance.choices([word for word, _ in weighted], [weight for _, weight in weighted])[0]


if __name__ == "__main__":
    month(Path(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 40)
