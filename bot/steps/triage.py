"""Triage: claim what is new, analyse it in a batch, decide, draft, and keep it all in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from bot import drafts
from bot.crisis import CrisisWatch, raised, sign
from bot.decide import decide
from bot.errors import ServiceError
from bot.exemptions import must_be_answered
from bot.models import Analysis, Decision, Limits, Mention, Refusal, State
from bot.policy import Promises, policy_version
from bot.promises import Terms
from bot.ringing import USUAL, outcome, promise, terms, terms_for
from bot.steps.metered import metered
from bot.steps.unwritable import rings_directly
from bot.steps.watch import TookTooLong, Wake, Watch, bounded, log, surprise
from bot.stop import ASKED, is_stop
from bot.store import crises, ms, policies, span_ms, stops
from bot.store import mentions as mention_rows
from bot.store import triage as rows_of_triage
from bot.store.events import dump
from bot.store.mentions import NOBODY_WAITS, Promise, Untriaged, Waits
from bot.store.replies import Draft
from bot.store.triage import Verdict

BATCH: Final = 200
_NO_LIMITS: Final = Limits(maximum=5000)  # nobody is there to send it
_UNREAD: Final = Decision(State.ESCALATED, addressed=True, escalate="could not be analysed")


@rings_directly
def triage(watch: Watch, wake: Wake, key: str = "") -> None:  # noqa: ARG001 -- every step has a key
    """Go through all that is new, one batch after the other."""
    while not watch.stopping.is_set() and (claimed := _claim(watch)):
        triage_these(watch, wake, claimed)


def triage_these(watch: Watch, wake: Wake, these: Sequence[Untriaged]) -> None:
    """Go through these. Without a lease on them, somebody else may be quicker: then nothing is changed."""
    verdicts = judge(watch, these)
    with watch.store.tx() as tx:
        policies.know(tx, watch.settings.root.promises, ms(watch.clock()))
        kept = rows_of_triage.keep(tx, verdicts, ms(watch.clock()))
        stops.heard(tx, [_key(v) for v in kept if _asks_to_stop(watch, v)], ms(watch.clock()))
    for responder in {v.responder for v in verdicts if v.decision.automatic and v.drafts}:
        wake("deliver", responder)
    if any(v.decision.escalate for v in verdicts):
        wake("sweep", "")


def _claim(watch: Watch) -> list[Untriaged]:
    now, lease = ms(watch.clock()), watch.settings.root.delivery.lease
    with watch.store.tx() as tx:
        return rows_of_triage.claim_new(tx, now, now + span_ms(lease), BATCH)


def judge(watch: Watch, these: Sequence[Untriaged]) -> list[Verdict]:
    """What is to be done about each of these mentions. Reads only; talks to networks only to ask whether
    they would take a reply."""
    analyses, now = _analyse(watch, [about.mention for about in these]), watch.clock()
    with watch.store.read() as tx:
        asking = _Asking(
            watch,
            stops.of(tx, {about.conversation_id for about in these}),
            mention_rows.waiting(tx, {about.conversation_id for about in these if about.promise is None}),
            crisis=crises.on(tx) is not None,
        )
    return [_verdict(asking, about, found, now) for about, found in zip(these, analyses, strict=True)]


def _asks_to_stop(watch: Watch, verdict: Verdict) -> bool:
    """Whether somebody asks us to stop of whom only the analysis says that they speak to us: those of whom
    the network says so were heard before."""
    raised = verdict.decision.addressed and not verdict.about.mention.addressed
    return raised and is_stop(verdict.about.mention.text, watch.settings.root.stop_words)


def _key(verdict: Verdict) -> tuple[str, str]:
    return verdict.about.mention.network, verdict.about.mention.remote_id


class _Asking:
    """Asks responders whether they would take a reply. One that cannot say is not asked again in the same
    batch: a network that hangs must not hold up the people on all others. `stopped`: the conversations with
    people who want no reply; `waits`: who waits in those in which nothing was promised yet; `crisis`: whether
    one is on."""

    def __init__(
        self, watch: Watch, stopped: Collection[int], waits: dict[int, Waits], *, crisis: bool
    ) -> None:
        self.watch, self.waits, self.crisis = watch, waits, crisis
        self._stopped = stopped
        self._silent: set[str] = set()

    def wants_none(self, about: Untriaged, decision: Decision) -> bool:
        """Whether the person asked us to stop, before or just now."""
        just_now = decision.addressed and is_stop(about.mention.text, self.watch.settings.root.stop_words)
        return just_now or about.conversation_id in self._stopped

    def may_reply(self, responder: str, mention: Mention) -> Refusal | None:
        """Why it would not; `None` if it would, or if nobody can say: then it shows when sending."""
        if not responder or responder in self._silent:
            return None
        try:
            call = partial(self.watch.responders[responder].can_reply, mention)
            with metered(self.watch, "responders", responder):
                return bounded(
                    self.watch, f"ask {responder}", call, self.watch.settings.root.delivery.lease / 2
                )
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
    root, texts = watch.settings.root, list[Draft]()
    decision = decide(mention, analysis, root.rules, now)
    if asking.crisis and decision.addressed:
        decision = replace(decision, priority=raised(root.crisis, decision.priority))
    owed = must_be_answered(analysis.sentiment, {intent for intent, _ in analysis.intents}, analysis.urgency)
    tighter = _tighter(asking, about, decision)
    if decision.state is not State.IGNORED:
        if asking.wants_none(about, decision):
            decision = _for_human(decision, Refusal(ASKED))
        elif decision.exempt is None:
            decision, texts = _prepare(asking, responder, mention, analysis, decision)
    kept = owed and decision.state is not State.IGNORED
    seen = _sign(root.crisis, mention, analysis)
    found = Verdict(about, _json(analysis), decision, tighter, responder, texts, kept, seen)
    return _with_outcome(root.promises, found) if decision.addressed else found


def _sign(watch: CrisisWatch, mention: Mention, analysis: Analysis) -> int:
    if (seen := sign(watch, mention, analysis, mention.author.id)) is None:
        return 0
    return crises.COMPLAINT * seen.complaint + crises.WORD * seen.word


def _terms(policy: Promises, asking: _Asking, about: Untriaged, owed: tuple[str, str]) -> Terms:
    """On what it would be promised an answer after the decision: it is counted from where the promise in
    force is, if there is one."""
    if about.promise is not None:
        made = terms(about.mention.network, about.posted_at, about.promise.terms)
        return made._replace(priority=owed[0], process=owed[1])
    waits = asking.waits.get(about.conversation_id, NOBODY_WAITS)
    asking.waits[about.conversation_id] = waits.also(about.posted_at)
    return terms_for(policy, about.mention, about.posted_at, waits, owed)


def _with_outcome(policy: Promises, found: Verdict) -> Verdict:
    """With the promise of an outcome that follows from the decision, where it is sooner than the one made, or
    none was."""
    if not policy.has_outcomes:
        return found
    about, decision = found.about, found.decision
    made = found.promise or about.promise
    assert made is not None, "an address has a promise"
    asked = terms(about.mention.network, about.posted_at, made.terms)
    due = outcome(policy, asked._replace(priority=decision.priority, process=decision.process))
    before = about.promise.outcome_due_at if about.promise else None
    if due is None or (before is not None and before <= due):
        return found
    return found._replace(outcome_due_at=due, policy=policy_version(policy))


def _tighter(asking: _Asking, about: Untriaged, decision: Decision) -> Promise | None:
    """What is owed after the decision, where that is sooner than what was promised, or nothing was: triage
    may tighten a promise, never loosen it."""
    before, owed = about.promise, (decision.priority, decision.process)
    if not decision.addressed or (before is not None and owed == USUAL):
        return None
    policy = asking.watch.settings.root.promises
    found = promise(policy, _terms(policy, asking, about, owed))._replace(outcome_due_at=None)
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
    return decision, [Draft(c.text, c.template, c.cut, c.holding) for c in found]


def _for_human(decision: Decision, refusal: Refusal) -> Decision:
    """The network would not take a reply: no dead draft, but a human who knows why."""
    if not decision.addressed:
        return replace(decision, automatic=False)
    return replace(decision, state=State.ESCALATED, automatic=False, exempt=None, escalate=refusal.reason)


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
