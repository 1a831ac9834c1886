"""A month of a brand's life, drawn from a seed: who writes what and when, what breaks, and when the three
humans are there. Nothing here knows of the house."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from bot.errors import AuthFailed, Retry, Unsure
from bot.models import (
    Analysis,
    Author,
    Batch,
    Escalation,
    Kind,
    Limits,
    Mention,
    Receipt,
    Refusal,
    Reply,
)
from tests.support.house import Clock, tagger

PARIS: Final = ZoneInfo("Europe/Paris")
# A month with four public holidays in France: 1, 8, 14 and 25 May.
BEGINS: Final = datetime(2026, 5, 1, tzinfo=PARIS).astimezone(UTC)
DAYS: Final = 31
TICK: Final = timedelta(minutes=15)
TOWNS: Final = ("page", "blog")
HOLIDAYS: Final = {date(2026, 5, day) for day in (1, 8, 14, 25)}


def paris(day: int, hour: int) -> datetime:
    """An hour of that May, by the clock on the wall in Paris."""
    return datetime(2026, 5, day, hour, tzinfo=PARIS).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when until when something is so."""

    begins: datetime
    ends: datetime

    def holds(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


DEAF: Final = Stretch(paris(18, 0), paris(19, 0))  # the listener of the blog
SLACK_DOWN: Final = Stretch(paris(20, 10), paris(20, 16))
SIGNED_OUT: Final = Stretch(paris(21, 9), paris(21, 21))  # the responder of the page
CRISIS: Final = Stretch(paris(12, 14), paris(12, 17))

# --- What people say ---

_SAID: Final = {
    "complaint": (
        "C'est une honte, {what} ne marche plus depuis {when} et personne ne répond !",
        "Toujours aucune réponse au sujet de {what}, c'est inadmissible.",
        "Votre agence de {where} m'a facturé {what} deux fois, remboursez-moi.",
        "Terrible service in {where}: {what} has been broken since {when}.",
        "Je suis très déçu par {what}, je quitte la banque.",
    ),
    "question": (
        "Bonjour, à quelle heure ouvre l'agence de {where} {when} ?",
        "Comment puis-je activer {what} depuis l'étranger ?",
        "Hello, how do I order {what} online?",
        "Est-ce que {what} est disponible à {where} ?",
    ),
    "praise": (
        "Merci beaucoup pour votre aide avec {what}, votre équipe de {where} est formidable !",
        "Bravo à l'agence de {where}, accueil parfait {when}.",
        "Great service in {where}, thank you so much for {what}!",
    ),
    "thanks": ("Merci !", "Merci 👍", "Ok merci", "👍", "Thanks!"),
    "other": ("Météo à {where} : 12 degrés {when}.", "Photo de {where} {when}", "{what}, {where}, {when}"),
}
_WHAT: Final = ("ma carte", "l'application", "le virement", "mon compte", "le chéquier", "the app", "my card")
_WHERE: Final = ("Lyon", "Paris", "Metz", "Nantes", "Lille", "Nice", "Brest")
_WHEN: Final = ("hier", "lundi", "samedi", "ce matin", "trois semaines", "yesterday")
_USUAL: Final = {"complaint": 22, "question": 40, "praise": 18, "thanks": 12, "other": 8}
_ANGRY: Final = {"complaint": 90, "question": 10}


def _says(dice: Random, at: datetime) -> str:
    weights = _ANGRY if CRISIS.holds(at) else _USUAL
    kind = dice.choices(list(weights), list(weights.values()))[0]
    frame = dice.choice(_SAID[kind])
    return frame.format(what=dice.choice(_WHAT), where=dice.choice(_WHERE), when=dice.choice(_WHEN))


# --- When they say it ---


@cache
def _hour_weight(weekend: bool, hour: int) -> float:
    day = 0.08 if hour < 7 else 1.4 if 18 <= hour < 22 else 1.0
    return day * (0.6 if weekend else 1.0)


def _weights(dice: Random) -> list[float]:
    """How much is written in each tick, compared to others: days and nights, weekends, holidays, eight bursts
    of an hour and one afternoon on which everybody complains."""
    bursts = [BEGINS + timedelta(hours=dice.randrange(DAYS * 24)) for _ in range(8)]
    found = list[float]()
    for number in range(DAYS * 24 * 4):
        at = BEGINS + number * TICK
        here = at.astimezone(PARIS)
        weight = _hour_weight(here.weekday() >= 5 or here.date() in HOLIDAYS, here.hour)
        weight += 8 * any(burst <= at < burst + timedelta(hours=1) for burst in bursts)
        found.append(weight + 9 * CRISIS.holds(at))
    return found


def numbers(dice: Random, addresses: int) -> list[int]:
    """How many addresses are written in each tick; `addresses` in all."""
    weights = _weights(dice)
    whole, so_far, given, found = sum(weights), 0.0, 0, list[int]()
    for weight in weights:
        so_far += weight
        upto = round(addresses * so_far / whole)
        found.append(upto - given)
        given = upto
    return found


# --- Where they say it ---


@dataclass
class Town:
    """A network, with its listener. `log` holds what was said and taken down, in order;
    `said` what stands there, and `answered` to what the brand answered by hand."""

    name: str
    clock: Clock
    log: list[Mention | str] = field(default_factory=list)
    said: list[Mention] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def poll(self, cursor: str | None) -> Batch:
        if self.name == "blog" and DEAF.holds(self.clock()):
            raise Retry("503")
        start = int(cursor or 0)
        part = self.log[start : start + 400]
        last = {entry if isinstance(entry, str) else entry.remote_id: entry for entry in part}
        end = start + len(part)
        now = self.clock()
        complete_to = now if end == len(self.log) else now - timedelta(minutes=5)
        return Batch(
            tuple(entry for entry in last.values() if isinstance(entry, Mention)), str(end), complete_to,
            deleted=tuple(entry for entry in last.values() if isinstance(entry, str)),
        )  # fmt: skip

    def write(self, dice: Random, number: int, at: datetime) -> None:
        """Somebody writes to the brand; one in 15 again, to what they wrote before."""
        again = dice.choice(self.said[-400:]) if self.said and dice.random() < 1 / 15 else None
        author = again.author if again else Author(id=f"u{number}", name=f"Nom {number}")
        mention = Mention(
            network=self.name, remote_id=f"m{number}", text=_says(dice, at), posted_at=at, author=author,
            kind=Kind.COMMENT, addressed=True, url=f"https://{self.name}.example/{number}",
            in_reply_to=again.remote_id if again else "",
        )  # fmt: skip
        self.log.append(mention)
        self.said.append(mention)

    def take_down(self, dice: Random) -> None:
        """Somebody deletes what they wrote lately."""
        self.log.append(self.said.pop(dice.randrange(max(0, len(self.said) - 300), len(self.said))).remote_id)

    def answers(self, remote_id: str, at: datetime) -> None:
        """A human answers in the network's own inbox."""
        self.answered.append(remote_id)
        self.log.append(
            Mention(
                network=self.name, remote_id=f"own{len(self.answered)}", text="Bonjour, nous regardons cela.",
                posted_at=at, author=Author(id="brand"), in_reply_to=remote_id, own=True,
            )
        )  # fmt: skip


# --- Who answers ---


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody at the desk, on working days from nine to six, who sleeps late as they please."""

    name: str
    late: dict[date, timedelta]

    def is_there(self, at: datetime) -> bool:
        here = at.astimezone(PARIS)
        day = here.date()
        if here.weekday() >= 5 or day in HOLIDAYS or here.hour == 12 or here.hour >= 18:
            return False
        return here - here.replace(hour=9, minute=0) >= self.late[day]


def humans(dice: Random) -> list[Human]:
    """Three of them. On one day in four one comes hours late, and sometimes not at all."""
    days = [(BEGINS.astimezone(PARIS) + timedelta(days=number)).date() for number in range(DAYS + 10)]
    late = (timedelta(0), timedelta(0), timedelta(minutes=20), timedelta(minutes=45), timedelta(hours=3))
    never = timedelta(hours=24)
    return [
        Human(name, {day: never if dice.random() < 0.05 else dice.choice(late) for day in days})
        for name in ("Léa", "Marc", "Nour")
    ]


# --- What the house is given of it ---


class Reads:
    """The shipped pipeline, which reads each text once: people say the same thing in the same words more
    often than time allows to read it anew."""

    def __init__(self) -> None:
        self.known = dict[tuple[str, str], Analysis]()

    def tag(self, texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        fresh = sorted({text for text in texts if text not in self.known})
        self.known.update(zip(fresh, tagger().tag(fresh), strict=True))
        return [self.known[text] for text in texts]


@dataclass
class Pen:
    """The responder of a town: what it published is counted here. One send in 300 is accepted in silence."""

    town: Town
    dice: Random
    limits: Limits = field(default_factory=lambda: Limits(maximum=500))
    published: dict[str, Reply] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)

    def can_reply(self, mention: Mention) -> Refusal | None:
        return None

    def send(self, reply: Reply) -> Receipt:
        if self.town.name == "page" and SIGNED_OUT.holds(self.town.clock()):
            raise AuthFailed("the token has expired")
        self.published[reply.key] = reply
        self.times[reply.key] += 1
        self.people[reply.mention.remote_id] += 1
        if self.dice.random() < 1 / 300:
            raise Unsure("502")
        return self._receipt(reply)

    def find(self, reply: Reply) -> Receipt | None:
        return self._receipt(reply) if reply.key in self.published else None

    def _receipt(self, reply: Reply) -> Receipt:
        return Receipt(f"r-{reply.key}", f"https://{self.town.name}.example/r-{reply.key}")


@dataclass
class Phone:
    """A notifier. `told` counts messages, `grouped` those about several at once."""

    name: str
    clock: Clock
    told: int = 0
    grouped: int = 0
    failed: int = 0

    def notify(self, escalation: Escalation) -> Receipt:
        if self.name == "slack" and SLACK_DOWN.holds(self.clock()):
            self.failed += 1
            raise Retry("503")
        self.told += 1
        self.grouped += escalation.key.startswith("group:")
        return Receipt(escalation.key)
