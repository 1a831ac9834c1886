"""The house of a random day: its configs, its tagger, and what its store notes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bot.models import Analysis

TOWNS: Final = ("blog", "forum")
BELLS: Final = ("slack", "mail")
REASONS: Final = ("spam", "no_answer_needed", "answered_elsewhere")
_HOUSE: Final = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners:
  blog: {type: replay, path: none.jsonl, responder: blog, silent_after: 15m}
  forum: {type: replay, path: none.jsonl, responder: forum, silent_after: 2h, recheck: 5h}
responders: {blog: {type: console}, forum: {type: console}, slack: {type: console}, mail: {type: console}}
rules:
  - {name: angry, when: {intents: [complaint]}, priority: high, escalate: an angry complaint}
  - {name: thank them, when: {intents: [praise]}, template: thanks, approve: auto, priority: low}
  - {name: nothing to say, when: {intents: [other], sentiments: [positive]}, exempt: no_answer_needed}
  - {name: ask, when: {intents: [question]}, process: sales}
templates: [{name: thanks, text: "Merci à vous !"}]
sample: {share: 0.5, at_least: 1}
delivery: {attempts: 3}
"""
_ALWAYS: Final = """
promises:
  targets:
    - {process: sales, answer_within: 2h, next_within: 1h, outcome_within: 1d}
    - {priority: high, answer_within: 1h}
    - {priority: low, answer_within: 24h}
    - {answer_within: 8h}
"""
_OFFICE: Final = """
digest: {at: "09:00", to: [mail]}
crisis: {count: 3, words: [fraude]}
promises:
  calendar:
    timezone: Europe/Paris
    hours: {mon-fri: ["09:00-12:00", "14:00-17:30"], sat: ["01:00-04:00"], sun: ["01:00-04:00"]}
    holidays: {country: FR}
  authors: {press: {ids: [zoe]}}
  targets:
    - {priority: crisis, answer_within: 1h, clock: always}
    - {author: press, answer_within: 30m}
    - {network: forum, answer_within: 3h, next_within: 1h, outcome_within: 2d}
    - {priority: high, answer_within: 1h}
    - {answer_within: 4h}
  tiers:
    - {at: 0.5, to: [slack]}
    - {at: 1.0, to: [slack, mail], repeat: 10m}
    - {at: 1.5, to: [mail]}
  repeat: 20m
  cap: 2
  acknowledged_for: 1h
  at_once: 3
"""
_SHORT: Final = """
promises:
  calendar: {timezone: America/New_York, hours: {mon-sun: ["00:00-03:30"]}}
  targets: [{answer_within: 20m}]
  tiers: [{at: 1.0}]
  at_once: 1
"""
CONFIGS: Final = (_HOUSE + _ALWAYS, _HOUSE + _OFFICE, _HOUSE + _SHORT)
# A Tuesday morning; the evenings before the nights on which the clocks change in Paris and New York; a
# Friday evening before a Monday that is a holiday in France.
MORNINGS: Final = (
    datetime(2026, 3, 10, 9, 0, tzinfo=UTC),
    datetime(2026, 3, 28, 22, 0, tzinfo=UTC),
    datetime(2026, 10, 24, 21, 0, tzinfo=UTC),
    datetime(2026, 3, 8, 4, 0, tzinfo=UTC),
    datetime(2026, 11, 1, 3, 0, tzinfo=UTC),
    datetime(2026, 4, 3, 15, 0, tzinfo=UTC),
)
_NOTED: Final = (
    "CREATE TRIGGER {what}_walked AFTER UPDATE OF state ON {table} WHEN OLD.state <> NEW.state"
    " BEGIN INSERT INTO walked (what, id, before, after) VALUES ('{what}', NEW.id, OLD.state, NEW.state); END"
)
_REFUSED: Final = (
    "CREATE TRIGGER {name} BEFORE {change} BEGIN SELECT RAISE(ABORT, 'an address was lost'); END"
)
# Written by the store itself, so that no step in between is missed.
WALKED: Final = (
    "CREATE TABLE walked (seq INTEGER PRIMARY KEY, what TEXT, id INTEGER, before TEXT, after TEXT) STRICT",
    _NOTED.format(what="mention", table="mentions"),
    _NOTED.format(what="reply", table="replies"),
    _REFUSED.format(
        name="lowered", change="UPDATE OF addressed ON mentions WHEN NEW.addressed < OLD.addressed"
    ),
    _REFUSED.format(name="removed", change="DELETE ON mentions"),
)


class Quick:
    """Tags by the first word. The shipped pipeline would take most of the time, and here its verdicts do not
    matter, only that there are all kinds of them."""

    INTENTS: Final = {"merci": "praise", "honte": "complaint", "fraude": "complaint", "où": "question"}
    MOODS: Final = {"merci": "positive", "ok": "positive", "honte": "negative", "fraude": "negative"}

    def tag(self, texts: Sequence[tuple[str, str]]) -> list[Analysis]:
        if any("poison" in text for text, _ in texts):
            raise RuntimeError
        return [self._one(text) for text, _ in texts]

    def _one(self, text: str) -> Analysis:
        word = text.partition(" ")[0]
        intent, mood = self.INTENTS.get(word, "other"), self.MOODS.get(word, "neutral")
        return Analysis(
            lang="fr", sentiment=mood, scores={mood: 0.9}, intent=intent, intents=((intent, 0.9),),
            needs_answer=word not in ("merci", "ok"), address="vocative" if word == "vous" else "",
        )  # fmt: skip
