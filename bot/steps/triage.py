"""Triage: claim what is new, analyse it in a batch, decide, draft, and keep it all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot import drafts
from bot.decide import decide
from bot.errors import ServiceError
from bot.models import Analysis, Decision, Limits, Mention, Refusal, State
from bot.steps.watch import USUAL, TookTooLong, Wake, Watch, bounded, log, promise, surprise
from bot.store import ms, policies
from bot.store import triage as rows_of_triage
from bot.store.events import dump
from bot.store.mentions import Promise, Untriaged
from bot.store.replies import Draft
from bot.store.triage import Verdict

BATCH: Final = 200
_NO_LIMITS: Final = Limits(maximum=5000)  # nobody is there to send it
_UNREAD: Final = Decision(State.ESCALATED, addressed=True, escalate="could not be analysed")


def triage(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has a key
    """Go through all that is new, one batch after the other."""
    while claimed := _claim(watch):
        triage_these(watch, wake, claimed)


def triage_these(watch: Watch, wake: Wake, these: Sequence[Untriaged]) -> None:
    """Go through these. Without a lease on them, somebody else may be quicker: then nothing is changed."""
    verdicts = judge(watch, these)
    with watch.store.tx() as tx:
        policies.know(tx, watch.settings.root.promises, ms(watch.clock()))
        rows_of_triage.keep(tx, verdicts, ms(watch.clock()))
    for responder in {v.responder for v in verdicts if v.decision.automatic and v.drafts}:
        wake("deliver", responder)
    if any(v.decision.escalate for v in verdicts):
        wake("sweep", "")


def _claim(watch: Watch) -> list[Untriaged]:
    now, lease = ms(watch.clock()), watch.settings.root.delivery.lease
    with watch.store.tx() as tx:
        return rows_of_triage.claim_new(tx, now, now + lease // timedelta(milliseconds=1), BATCH)


def judge(watch: Watch, these: Sequence[Untriaged]) -> list[Verdict]:
    """What is to be done about each of these mentions. Reads only; talks to networks only to ask whether
    they would take a reply."""
    analyses, now = _analyse(watch, [about.mention for about in these]), watch.clock()
    asking = _Asking(watch)
    return [_verdict(asking, about, found, now) for about, found in zip(these, analyses, strict=True)]


class _Asking:
    """Asks responders whether they would take a reply. One that cannot say is not asked again in the same
    batch: a network that hangs must not hold up the people on all others."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._silent: set[str] = set()

    def may_reply(self, responder: str, mention: Mention) -> Refusal | None:
        """Why it would not; `None` if it would, or if nobody can say: then it shows when sending."""
        if not responder or responder in self._silent:
            return None
        try:
            call = partial(self.watch.responders[responder].can_reply, mention)
            return bounded(self.watch, f"ask {responder}", call, self.watch.settings.root.delivery.lease / 2)
        except ServiceError as error:
            reason = str(error)
        except TookTooLong:
            reason = "no answer in time"
        except Exception as error:  # noqa: BLE001 -- a step boundary
            reason = surprise(error, f"responder {responder}")
        self._silent.add(responder)
        log.warning("responder %s cannot say whether it may reply: %s", responder, reason)
        return None


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


def _verdict(asking: _Asking, about: Untriaged, analysis: Analysis | None, now: datetime) -> Verdict:
    watch, mention = asking.watch, about.mention
    responder = watch.settings.routes.get(about.listener, "")
    if analysis is None:
        unread = _UNREAD if mention.addressed else Decision(State.WAITING, addressed=False)
        return Verdict(about, "{}", unread, None, responder, ())
    decision, texts = decide(mention, analysis, watch.settings.root.rules, now), list[Draft]()
    tighter = _tighter(watch, about, decision)
    if decision.state is not State.IGNORED:
        decision, texts = _prepare(asking, responder, mention, analysis, decision)
    return Verdict(about, _json(analysis), decision, tighter, responder, texts)


def _tighter(watch: Watch, about: Untriaged, decision: Decision) -> Promise | None:
    """What is owed after the decision, where that is sooner than what was promised, or nothing was: triage
    may tighten a promise, never loosen it."""
    before, owed = about.promise, (decision.priority, decision.process)
    if not decision.addressed or (before is not None and owed == USUAL):
        return None
    found = promise(watch.settings.root.promises, about.mention.network, *owed, about.posted_at)
    return found if before is None or found.due_at < before.due_at else None


def _prepare(
    asking: _Asking, responder: str, mention: Mention, analysis: Analysis, decision: Decision
) -> tuple[Decision, list[Draft]]:
    """Candidate drafts, and the decision after what the network and the drafts allow."""
    if (refusal := asking.may_reply(responder, mention)) is not None:
        return _for_human(decision, refusal), []
    watch = asking.watch
    limits = watch.responders[responder].limits if responder else _NO_LIMITS
    settings = watch.settings
    found = drafts.candidates(mention, analysis, decision, settings.templates, limits, settings.root.brand)
    if decision.automatic and not (responder and drafts.goes_alone(decision, analysis, found)):
        decision = replace(decision, automatic=False)
    return decision, [Draft(c.text, c.template, c.cut) for c in found]


def _for_human(decision: Decision, refusal: Refusal) -> Decision:
    """The network would not take a reply: no dead draft, but a human who knows why."""
    if not decision.addressed:
        return replace(decision, automatic=False)
    return replace(decision, state=State.ESCALATED, automatic=False, escalate=refusal.reason)


def _json(analysis: Analysis) -> str:
    """The analysis as it is kept, every field that says something; of a score, what means something."""
    found = {
        "lang": analysis.lang,
        "sentiment": analysis.sentiment,
        "scores": {label: round(score, 4) for label, score in analysis.scores.items()},
        "intent": analysis.intent,
        "intents": [(label, round(score, 4)) for label, score in analysis.intents],
        "urgency": analysis.urgency,
        "needs_answer": analysis.needs_answer,
        "address": analysis.address,
    }
    for name, spans in (("personal_data", analysis.personal_data), ("aspects", analysis.aspects)):
        if spans:
            found[name] = [(span.kind, span.start, span.end) for span in spans]
    return dump(found)
