"""A small cast, and what they say in the first minutes. All of them are invented.

Maud keeps a blog; she has asked eleven banks in public whether anybody reads what people write to them, and
ten never answered. The others are the sort of people that any brand hears: a blocked card, a thank-you,
praise, a complaint, a journalist, the customer of a competitor, a plain share, a spammer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Final

from bot.sandbox.town import BRAND, Impossible, Town


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody who moves in when the play begins."""

    handle: str
    name: str
    language: str = "fr"
    followers: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What `who` says, `at` seconds after the beginning. `key` names it, so that later lines can answer,
    quote or share it. `private`: as a direct message to the brand. `once_answered`: the seconds count from
    when the brand answered that line, and it is that answer which is answered; never, if there is none."""

    at: float
    who: str
    network: str
    text: str
    key: str = ""
    to: str = ""
    quotes: str = ""
    shares: str = ""
    photo: bool = False
    private: bool = False
    once_answered: str = ""


CAST: Final = (
    Role("maudkerb", "Maud Kerbiriou", followers=1_830),
    Role("perle_dlf", "Perle Delafosse", followers=212),
    Role("ruthashdown", "Ruth Ashdown", "en", 96),
    Role("jossdubout", "Joss Dubout", followers=41),
    Role("tomfielding", "Tom Fielding", "en", 340),
    Role("solene_presse", "Solène Abgrall", followers=9_420),
    Role("gaspard_m", "Gaspard Montjoie", followers=158),
    Role("ninaokwu", "Nina Okwu", "en", 512),
    Role("gains_faciles", "Gains Faciles", followers=7),
)


def script() -> tuple[Line, ...]:
    """What they say; it stands in script.jsonl, a line each."""
    text = (resources.files("bot.sandbox") / "script.jsonl").read_text("utf-8")
    return tuple(Line(**json.loads(line)) for line in text.splitlines())


class Play:
    """The script on its way through a town: `perform` waits by the wall clock, `up_to` says what is due."""

    def __init__(self, town: Town, lines: Iterable[Line] | None = None) -> None:
        self._town, self._left = town, list(script() if lines is None else lines)
        self._said: dict[str, str] = {}
        self._answered: dict[str, tuple[float, str]] = {}
        for role in CAST:
            town.add(role.handle, role.name, language=role.language, followers=role.followers)

    def perform(self, stop: threading.Event) -> None:
        """Say all of it in real time, until `stop` is set."""
        began = time.monotonic()
        while self._left and not stop.is_set():
            self.up_to(time.monotonic() - began)
            stop.wait(0.2)

    def up_to(self, seconds: float) -> None:
        """Say what is due, `seconds` after the beginning. What hangs on something that is gone is dropped."""
        self._look_for_answers(seconds)
        for line in [line for line in self._left if self._due(line, seconds)]:
            self._left.remove(line)
            try:
                self._say(line)
            except (LookupError, Impossible):
                continue

    def _due(self, line: Line, seconds: float) -> bool:
        if not line.once_answered:
            return line.at <= seconds
        when = self._answered.get(line.once_answered)
        return when is not None and when[0] + line.at <= seconds

    def _look_for_answers(self, seconds: float) -> None:
        for key in {line.once_answered for line in self._left if line.once_answered} - self._answered.keys():
            if key not in self._said:
                continue
            for answer in self._town.answers_to("x", self._said[key]):
                if answer.author == BRAND:
                    self._answered.setdefault(key, (seconds, answer.id))

    def _say(self, line: Line) -> None:
        if line.private:
            self._town.message(line.network, line.who, BRAND, line.text)
            return
        answered = self._answered.get(line.once_answered, (0.0, ""))[1]
        said = self._town.say(
            line.network,
            line.who,
            line.text,
            to=answered or self._id(line.to),
            quotes=self._id(line.quotes),
            shares=self._id(line.shares),
            photo=line.photo,
        )
        if line.key:
            self._said[line.key] = said.id

    def _id(self, key: str) -> str | None:
        return self._said[key] if key else None
