"""What is to be done about a mention? Ordered rules from config in, one `Decision` out. Pure.

Rules are read from the top. Each one that matches fills what no earlier one has said: the first word on
each field stands. `Decision.rules` names all that matched.

What no rule can change:
- An address is never ignored (promise 2). A share always is, and is owed nothing.
- Analysis may raise a mention to an address, never lower one.
- A template goes out by itself only where one rule says both so and which, and only to somebody who is
  not unhappy (no negative text, complaint, farewell or crisis), for whom nobody is called, and who wrote
  within the last day: history that is imported shall not be answered by a machine.
- A rule closes an address without an answer only where that person is not unhappy, asks nothing, and nobody
  is called for them; and not where a template goes out to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from bot.exemptions import is_unhappy, must_be_answered
from bot.models import Analysis, Decision, Exempt, Kind, Mention, Priority, Process, State
from bot.rules import Facts, Rule

_AUTOMATIC_WITHIN: Final = timedelta(days=1)


def decide(mention: Mention, analysis: Analysis, rules: Sequence[Rule], now: datetime) -> Decision:
    """What to do about one mention. Where no rule speaks of it, the priority is the analysis's urgency,
    the process is service, nobody is called, and a human approves.

    A mention that is no address is ignored, unless a rule gives it a process or a template or escalates
    it, and no earlier one ignores it.
    """
    if mention.kind is Kind.SHARE:
        return Decision(State.IGNORED)
    facts, matched = Facts(mention, analysis), []
    for rule in rules:
        for test in rule.tests:
            if not test(facts):
                break
        else:
            matched.append(rule)
    reason = f"{mention.kind.value} on {mention.network}" if mention.addressed else analysis.address
    owed = must_be_answered(analysis.sentiment, facts.intents, analysis.urgency)
    return _decision(
        tuple(matched), facts.addressed, analysis.urgency, _is_content(facts, now), not owed, reason
    )


# Few mentions differ in what the rules say of them; to build the same decision again would be half the cost.
@lru_cache(maxsize=1024)
def _decision(
    matched: tuple[Rule, ...], addressed: bool, urgency: str, content: bool, closable: bool, reason: str
) -> Decision:
    """What the matching rules say together, within what no rule can change."""
    names = tuple(rule.name for rule in matched)
    if not (addressed or _is_kept(matched)):
        return Decision(State.IGNORED, rules=names)
    drafts = next((rule for rule in matched if rule.template), None)
    approves = next((rule for rule in matched if rule.approve), None)
    calls = next((rule.reason for rule in matched if rule.escalate is not None), "")
    lets_go = approves is not None and approves is drafts and approves.approve == "auto"
    automatic = lets_go and content and not calls
    closes = next((Exempt(rule.name, rule.exempt) for rule in matched if rule.exempt), None)
    return Decision(
        state=State.ESCALATED if calls else State.WAITING,
        addressed=addressed,
        priority=next((rule.priority for rule in matched if rule.priority), Priority(urgency)),
        process=next((rule.process for rule in matched if rule.process), Process.SERVICE),
        template=(drafts.template if drafts else None) or "",
        automatic=automatic,
        escalate=calls,
        exempt=closes if addressed and closable and not calls and not automatic else None,
        rules=names,
        reason=reason,
    )


def _is_kept(matched: Sequence[Rule]) -> bool:
    """Is a mention that is no address for a human all the same? The first rule that has a say decides."""
    return next((rule.keeps for rule in matched if rule.keeps or rule.ignore), False)


def _is_content(facts: Facts, now: datetime) -> bool:
    """May a machine answer this person: not unhappy, and just wrote?"""
    unhappy = is_unhappy(facts.analysis.sentiment, facts.intents, facts.analysis.urgency)
    return not unhappy and now - facts.mention.posted_at <= _AUTOMATIC_WITHIN
