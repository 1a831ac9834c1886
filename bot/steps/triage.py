"""Triage: claim what is new, analyse it in a batch, decide, draft, and keep it all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot import drafts
from bot.decide import decide
from bot.errors import ServiceError
from bot.models import Analysis, Decision, Limits, Mention, Refusal, State
from bot.steps.watch import USUAL, Wake, Watch, log, promise, surprise
from bot.store import Row, ms, policies
from bot.store import mentions as mention_rows
from bot.store import triage as rows_of_triage
from bot.store.events import dump
from bot.store.replies import Draft
from bot.store.triage import Verdict

BATCH: Final = 200
LEASE: Final = timedelta(seconds=60)
_UNREAD: Final = Decision(State.ESCALATED, addressed=True, escalate="could not be analysed")


def triage(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has a key
    """Go through all that is new, one batch after the other."""
    while rows := _claim(watch):
        verdicts = judge(watch, rows)
        with watch.store.tx() as tx:
            policies.know(tx, watch.settings.root.promises, ms(watch.clock()))
            rows_of_triage.keep(tx, verdicts, ms(watch.clock()))
        for responder in {v.responder for v in verdicts if v.decision.automatic and v.drafts}:
            wake("deliver", responder)
        if any(v.decision.escalate for v in verdicts):
            wake("sweep", "")


def _claim(watch: Watch) -> list[Row]:
    now = ms(watch.clock())
    with watch.store.tx() as tx:
        return rows_of_triage.claim_new(tx, now, now + LEASE // timedelta(milliseconds=1), BATCH)


def judge(watch: Watch, rows: Sequence[Row]) -> list[Verdict]:
    """What is to be done about each of these mentions. Reads only; talks to networks only to ask whether
    they would take a reply."""
    mentions = [mention_rows.mention(row) for row in rows]
    analyses = _analyse(watch, mentions)
    return [_verdict(watch, *found) for found in zip(rows, mentions, analyses, strict=True)]


def _analyse(watch: Watch, mentions: Sequence[Mention]) -> list[Analysis | None]:
    texts = [(m.text, m.lang) for m in mentions]
    try:
        return list(watch.tagger.tag(texts))
    except Exception as error:  # noqa: BLE001 -- a step boundary: one bad text must not hold up the others
        surprise(error, "analysis of a batch")
    return [_analyse_alone(watch, text) for text in texts]


def _analyse_alone(watch: Watch, text: tuple[str, str]) -> Analysis | None:
    try:
        return watch.tagger.tag([text])[0]
    except Exception as error:  # noqa: BLE001 -- this one goes to a human; it is no retry loop
        surprise(error, "analysis of a mention")
        return None


def _verdict(watch: Watch, row: Row, mention: Mention, analysis: Analysis | None) -> Verdict:
    if analysis is None:
        unread = _UNREAD if mention.addressed else Decision(State.WAITING, addressed=False)
        return Verdict(row, "{}", unread, None, _route(watch, row), ())
    root, now = watch.settings.root, watch.clock()
    decision = decide(mention, analysis, root.rules, now)
    owed = None
    promised = row["due_at"] is not None and (decision.priority, decision.process) == USUAL
    if decision.addressed and not promised:
        owed = promise(root.promises, mention.network, decision.priority, decision.process, row["posted_at"])
    responder, texts = _route(watch, row), list[Draft]()
    if decision.state is not State.IGNORED:
        decision, texts = _prepare(watch, responder, mention, analysis, decision)
    return Verdict(row, _json(analysis), decision, owed, responder, texts)


def _prepare(
    watch: Watch, responder: str, mention: Mention, analysis: Analysis, decision: Decision
) -> tuple[Decision, list[Draft]]:
    """Candidate drafts, and the decision after what the network and the drafts allow."""
    if (refusal := _may_reply(watch, responder, mention)) is not None:
        return _for_human(decision, refusal), []
    limits = watch.responders[responder].limits if responder else Limits(maximum=5000)
    settings = watch.settings
    found = drafts.candidates(mention, analysis, decision, settings.templates, limits, settings.root.brand)
    if decision.automatic and not (responder and drafts.goes_alone(decision, analysis, found)):
        decision = replace(decision, automatic=False)
    return decision, [Draft(c.text, c.template, c.cut) for c in found]


def _route(watch: Watch, row: Row) -> str:
    return watch.settings.routes.get(row["listener"], "")


def _may_reply(watch: Watch, responder: str, mention: Mention) -> Refusal | None:
    if not responder:
        return None
    try:
        return watch.responders[responder].can_reply(mention)
    except ServiceError as error:
        log.warning("responder %s cannot say whether it may reply: %s", responder, error)
    except Exception as error:  # noqa: BLE001 -- a step boundary: then the human finds out when sending
        surprise(error, f"responder {responder}")
    return None


def _for_human(decision: Decision, refusal: Refusal) -> Decision:
    """The network would not take a reply: no dead draft, but a human who knows why."""
    if not decision.addressed:
        return replace(decision, automatic=False)
    return replace(decision, state=State.ESCALATED, automatic=False, escalate=refusal.reason)


def _json(analysis: Analysis) -> str:
    """The analysis as it is kept, every field that says something."""
    found = {
        "lang": analysis.lang, "sentiment": analysis.sentiment, "scores": dict(analysis.scores),
        "intent": analysis.intent, "intents": analysis.intents, "urgency": analysis.urgency,
        "needs_answer": analysis.needs_answer, "address": analysis.address,
    }  # fmt: skip
    for name, spans in (("personal_data", analysis.personal_data), ("aspects", analysis.aspects)):
        if spans:
            found[name] = [(span.kind, span.start, span.end) for span in spans]
    return dump(found)
