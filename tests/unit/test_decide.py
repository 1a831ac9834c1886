"""Rules in, one decision out: first word stands, and what no rule can change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.decide import decide
from bot.models import INTENTS, SENTIMENTS, URGENCIES, Analysis, Author, Decision, Kind, Mention, State
from bot.rules import DEFAULT_RULES, Rule, Rules

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def mention(text: str = "Bonjour", **given: Any) -> Mention:
    facts: dict[str, Any] = {"kind": Kind.COMMENT, "addressed": True, "posted_at": NOW}
    return Mention("wordpress", "1", text, **(facts | given))


def tagged(*intents: str, **given: Any) -> Analysis:
    labels = intents or ("other",)
    facts: dict[str, Any] = {
        "lang": "fr",
        "intent": labels[0],
        "intents": tuple((label, 0.9) for label in labels),
    }
    return Analysis(**(facts | given))


def rules(*given: dict[str, Any]) -> tuple[Rule, ...]:
    numbered = [{"name": f"rule {i}"} | rule for i, rule in enumerate(given, 1)]
    return TypeAdapter(Rules).validate_python(numbered)


def decided(m: Mention, a: Analysis, *given: dict[str, Any]) -> Decision:
    return decide(m, a, rules(*given), NOW)


# --- Reading from the top ------------------------------------------------------------------------


def test_without_a_rule_an_address_waits_for_service_as_urgently_as_analysis_says() -> None:
    d = decided(mention(), tagged(urgency="high"))
    assert (d.state, d.process, d.priority, d.escalate, d.automatic) == (
        *(State.WAITING, "service", "high", "", False),
    )


def test_the_first_word_on_each_field_stands() -> None:
    d = decided(
        mention(),
        tagged(),
        {"priority": "low"},
        {"priority": "high", "process": "sales"},
        {"process": "product", "template": "a"},
        {"template": "b", "escalate": "first"},
        {"escalate": "second"},
    )
    assert (d.priority, d.process, d.template, d.escalate) == ("low", "sales", "a", "first")
    assert d.rules == ("rule 1", "rule 2", "rule 3", "rule 4", "rule 5")


def test_only_rules_that_match_speak() -> None:
    d = decided(
        mention(),
        tagged("praise"),
        {"when": {"intents": ["complaint"]}, "priority": "high"},
        {"priority": "low"},
    )
    assert (d.priority, d.rules) == ("low", ("rule 2",))


def test_escalate_true_gives_the_rules_name_as_the_reason() -> None:
    d = decided(mention(), tagged(), {"name": "influencer", "escalate": True})
    assert (d.state, d.escalate) == (State.ESCALATED, "influencer")


def test_escalate_false_keeps_later_rules_from_calling_people() -> None:
    d = decided(mention(), tagged(), {"escalate": False}, {"escalate": "late"})
    assert (d.state, d.escalate) == (State.WAITING, "")


# --- Who is owed an answer -----------------------------------------------------------------------


def test_an_address_is_never_ignored_whatever_a_rule_says() -> None:
    d = decided(mention(), tagged("spam"), {"ignore": True})
    assert (d.state, d.addressed, d.rules) == (State.WAITING, True, ("rule 1",))


def test_a_mention_that_is_no_address_is_ignored_when_no_rule_wants_it() -> None:
    d = decided(mention(addressed=False), tagged("praise"), {"priority": "high"})
    assert (d.state, d.addressed) == (State.IGNORED, False)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"process": "sales"}, State.WAITING),
        ({"template": "t"}, State.WAITING),
        ({"escalate": True}, State.ESCALATED),
        ({"escalate": False}, State.IGNORED),
        ({"approve": "human"}, State.IGNORED),
    ],
)
def test_a_rule_may_bring_a_mention_before_people(said: dict[str, Any], state: State) -> None:
    assert decided(mention(addressed=False), tagged(), said).state is state


def test_of_a_rule_that_ignores_and_one_that_wants_it_the_first_is_heard() -> None:
    m, ignores, wants = mention(addressed=False), {"ignore": True}, {"escalate": True, "process": "sales"}
    ignored = decided(m, tagged(), ignores, wants)
    assert (ignored.state, ignored.escalate) == (State.IGNORED, "")
    assert ignored.rules == ("rule 1", "rule 2")
    assert decided(m, tagged(), wants, ignores).state is State.ESCALATED


def test_analysis_raises_a_mention_to_an_address_and_says_why() -> None:
    d = decided(mention(addressed=False), tagged(address="handle"), {"ignore": True})
    assert (d.state, d.addressed, d.reason) == (State.WAITING, True, "handle")


def test_analysis_never_lowers_an_address() -> None:
    d = decided(mention(), tagged(needs_answer=False))
    assert (d.state, d.addressed, d.reason) == (State.WAITING, True, "comment on wordpress")


def test_a_share_is_owed_nothing_even_when_it_names_the_brand() -> None:
    d = decide(mention(kind=Kind.SHARE), tagged("complaint", address="handle"), DEFAULT_RULES, NOW)
    assert d == Decision(State.IGNORED)


# --- What may go out by itself -------------------------------------------------------------------

AUTO = {"template": "thanks", "approve": "auto"}


def test_a_template_goes_out_by_itself_where_one_rule_says_both_so_and_which() -> None:
    d = decided(mention(), tagged("praise", sentiment="positive"), AUTO)
    assert (d.automatic, d.template) == (True, "thanks")


def test_the_default_is_a_human() -> None:
    assert not decided(mention(), tagged("praise"), {"template": "thanks"}).automatic


def test_approval_for_one_template_lets_no_other_go() -> None:
    assert not decided(mention(), tagged("praise"), {"template": "refund"}, AUTO).automatic
    assert not decided(mention(), tagged("praise"), {"approve": "human"}, AUTO).automatic


@pytest.mark.parametrize(
    "a",
    [
        tagged("praise", sentiment="negative"),
        tagged("complaint"),
        tagged("praise", "complaint"),
        tagged("question", "churn"),
        tagged("praise", urgency="crisis"),
    ],
)
def test_nothing_goes_out_by_itself_to_somebody_unhappy(a: Analysis) -> None:
    assert not decided(mention(), a, AUTO).automatic


def test_nothing_goes_out_by_itself_when_people_are_called() -> None:
    assert not decided(mention(), tagged("praise"), AUTO | {"escalate": True}).automatic
    assert not decided(mention(), tagged("praise"), AUTO, {"escalate": True}).automatic


def test_nothing_goes_out_by_itself_to_somebody_who_wrote_long_ago() -> None:
    """An import of last year's mentions must not answer them all."""
    assert not decided(mention(posted_at=NOW - timedelta(hours=25)), tagged("praise"), AUTO).automatic
    assert decided(mention(posted_at=NOW - timedelta(hours=23)), tagged("praise"), AUTO).automatic


# --- The rules that come with Vigie --------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "expected"),
    [
        (tagged("complaint", scores={"negative": 0.95}), ("escalated", "service", "high")),
        (tagged("complaint", scores={"negative": 0.5}), ("waiting", "service", "normal")),
        (tagged("question", urgency="crisis"), ("escalated", "crisis", "crisis")),
        (tagged("churn"), ("waiting", "service", "high")),
        (tagged("purchase"), ("waiting", "sales", "normal")),
        (tagged("suggestion"), ("waiting", "product", "normal")),
        (tagged("question"), ("waiting", "service", "normal")),
        (tagged("praise"), ("waiting", "communication", "low")),
        (tagged("spam"), ("waiting", "service", "normal")),
        (tagged("other"), ("waiting", "service", "normal")),
    ],
)
def test_each_intent_finds_its_process(a: Analysis, expected: tuple[str, str, str]) -> None:
    d = decide(mention(), a, DEFAULT_RULES, NOW)
    assert (d.state, d.process, d.priority) == expected
    assert not d.automatic


@pytest.mark.parametrize(
    ("intent", "state"),
    [
        *(("complaint", "waiting"), ("churn", "waiting"), ("question", "waiting"), ("purchase", "waiting")),
        *(("suggestion", "waiting"), ("praise", "ignored"), ("spam", "ignored"), ("other", "ignored")),
    ],
)
def test_of_what_is_no_address_only_what_matters_comes_before_people(intent: str, state: str) -> None:
    assert decide(mention(addressed=False), tagged(intent), DEFAULT_RULES, NOW).state == state


@pytest.mark.parametrize("text", ["Une offre d’emploi à Lyon ?", "ALTERNANCE 2026 ?", "Are you hiring?"])
def test_who_wants_to_work_here_is_passed_on_to_recruiting(text: str) -> None:
    assert decide(mention(text), tagged("question"), DEFAULT_RULES, NOW).process == "recruiting"


# --- Whatever comes ------------------------------------------------------------------------------

analyses = st.builds(
    Analysis,
    lang=st.sampled_from(["fr", "en", "unknown"]),
    sentiment=st.sampled_from(SENTIMENTS),
    scores=st.fixed_dictionaries({"negative": st.floats(0, 1)}),
    intents=st.lists(st.tuples(st.sampled_from(INTENTS), st.just(0.5)), max_size=3).map(tuple),
    urgency=st.sampled_from(URGENCIES),
    needs_answer=st.booleans(),
    address=st.sampled_from(["", "handle"]),
)
mentions = st.builds(
    Mention,
    st.just("x"),
    st.just("1"),
    st.text(max_size=40),
    st.just(NOW),
    author=st.builds(Author, handle=st.sampled_from(["", "@a"]), followers=st.none() | st.integers(0, 9999)),
    kind=st.sampled_from(Kind),
    addressed=st.booleans(),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "intents": st.sets(st.sampled_from(INTENTS), min_size=1),
        "sentiments": st.sets(st.sampled_from(SENTIMENTS), min_size=1),
        "urgencies": st.sets(st.sampled_from(URGENCIES), min_size=1),
        "addressed": st.booleans(),
        "negative_at_least": st.floats(0, 1),
        "followers_at_least": st.integers(1, 9999),
        "keywords": st.just(["a", "é"]),
    },
)
sayings = st.just({"ignore": True}) | st.fixed_dictionaries(
    {"priority": st.sampled_from(URGENCIES)},
    optional={
        "escalate": st.booleans() | st.just("reason"),
        "template": st.just("t"),
        "process": st.sampled_from(["sales", "crisis"]),
    },
)


def rule(when: dict[str, Any], said: dict[str, Any], auto: bool) -> dict[str, Any]:
    return {"when": when} | said | ({"approve": "auto"} if auto and "template" in said else {})


policies = st.lists(st.builds(rule, conditions, sayings, st.booleans()), max_size=5).map(lambda r: rules(*r))


@given(mentions, analyses, policies)
def test_whatever_the_rules_promises_hold(m: Mention, a: Analysis, policy: tuple[Rule, ...]) -> None:
    d = decide(m, a, policy, NOW)
    assert d == decide(m, a, policy, NOW)
    assert not (d.addressed and d.state is State.IGNORED)
    if m.kind is Kind.SHARE:
        assert d.state is State.IGNORED
        return
    assert d.addressed is (m.addressed or bool(a.address))
    assert d.state in {State.IGNORED, State.WAITING, State.ESCALATED}
    assert (d.state is State.ESCALATED) is bool(d.escalate)
    if d.automatic:
        assert d.template
        assert d.state is State.WAITING
        assert a.sentiment != "negative"
        assert not {"complaint", "churn"} & {label for label, _ in a.intents}


# --- Faults of the config ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "the rule says nothing; give one of process, template, priority"),
        ({"ignore": True, "template": "t"}, "a rule that ignores cannot also say template"),
        ({"approve": "auto"}, "approve: auto must name the template"),
        ({"approve": "robot"}, "'human' or 'auto'"),
        ({"ignore": False}, "Input should be True"),
        ({"priority": "urgent"}, "'low', 'normal', 'high' or 'crisis'"),
        ({"priority": "low", "when": {"intents": ["angry"]}}, "'angry' is unknown; write one of question,"),
        ({"priority": "low", "when": {"sentiments": ["bad"]}}, "'bad' is unknown; write one of negative,"),
        ({"priority": "low", "when": {"keywords": ["  "]}}, "an empty keyword would match nothing"),
        ({"priority": "low", "when": {"authors": ["@"]}}, "an empty author would match everybody"),
        ({"priority": "low", "when": {"negative_at_least": 80}}, "less than or equal to 1"),
        ({"priority": "low", "when": {"keyword": ["a"]}}, "Extra inputs are not permitted"),
        ({"name": "", "priority": "low"}, "at least 1 character"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rules(given)
    assert told in str(refused.value)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two rules are called 'a'"):
        rules({"name": "a", "priority": "low"}, {"name": "a", "priority": "high"})


def test_editors_are_told_which_intents_there_are() -> None:
    schema = TypeAdapter(Rules).json_schema()
    assert schema["$defs"]["When"]["properties"]["intents"]["items"]["enum"] == list(INTENTS)
