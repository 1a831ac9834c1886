"""Which drafts are offered, in which order, in which language, and how they are made to fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drafts import Candidate, candidates, cut, goes_alone, greeting_name
from bot.models import INTENTS, Analysis, Author, Decision, Kind, Limits, Mention, Process, State
from bot.templates import Brand, Template, default_templates

ACME = Brand(name="Acme", languages=("fr", "en"))
WIDE = Limits(2_000)


def template(name: str, text: str = "", **given: Any) -> Template:
    return Template.model_validate({"name": name, "text": text or f"This is {name}."} | given)


def mention(name: str = "Marie", **given: Any) -> Mention:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    facts: dict[str, Any] = {"kind": Kind.COMMENT, "author": Author(name=name)}
    return Mention("wordpress", "1", "Bonjour {{ 7*7 }}", at, **(facts | given))


def tagged(*intents: str, lang: str = "fr") -> Analysis:
    labels = intents or ("other",)
    return Analysis(lang, intent=labels[0], intents=tuple((label, 0.9) for label in labels))


def offered(
    *templates: Template,
    m: Mention | None = None,
    a: Analysis | None = None,
    d: Decision | None = None,
    limits: Limits = WIDE,
    brand: Brand = ACME,
) -> tuple[Candidate, ...]:
    return candidates(m or mention(), a or tagged(), d or Decision(State.WAITING), templates, limits, brand)


def names(found: tuple[Candidate, ...]) -> list[str]:
    return [candidate.template for candidate in found]


# --- Choice --------------------------------------------------------------------------------------


def test_the_most_special_template_comes_first() -> None:
    found = offered(
        template("any"),
        template("intent", intents=["question"]),
        template("process", process="service"),
        template("network", networks=["wordpress"]),
        a=tagged("question"),
    )
    assert names(found) == ["network", "process", "intent"]


def test_a_template_for_something_else_is_not_offered() -> None:
    found = offered(
        template("intent", intents=["praise"]),
        template("process", process="sales"),
        template("network", networks=["x"]),
        template("language", languages=["de"]),
        a=tagged("question"),
    )
    assert found == ()


def test_the_leading_intent_goes_before_one_that_holds_too() -> None:
    praise, question = template("praise", intents=["praise"]), template("question", intents=["question"])
    assert names(offered(praise, question, a=tagged("question", "praise"))) == ["question", "praise"]


def test_of_equals_the_one_that_stands_first_comes_first() -> None:
    assert names(offered(template("own"), template("shipped", languages=["fr"]))) == ["own", "shipped"]


def test_the_template_that_a_rule_names_comes_first_whatever_its_intent() -> None:
    d = Decision(State.WAITING, template="named")
    found = offered(template("special", networks=["wordpress"]), template("named", intents=["praise"]), d=d)
    assert names(found) == ["named", "special"]


def test_a_template_for_rules_is_offered_only_where_one_names_it() -> None:
    ours = (template("for a rule", by_rule=True), template("for all"))
    assert names(offered(*ours)) == ["for all"]
    assert names(offered(*ours, d=Decision(State.WAITING, template="for a rule"))) == [
        "for a rule",
        "for all",
    ]


def test_even_a_named_template_is_kept_to_its_network_and_language() -> None:
    d = Decision(State.WAITING, template="named")
    assert offered(template("named", networks=["x"]), template("named", languages=["en"]), d=d) == ()


def test_three_drafts_are_enough() -> None:
    assert len(offered(*(template(f"t{i}") for i in range(9)))) == 3


def test_a_draft_is_in_the_persons_language() -> None:
    fr, en = template("t", "Bonjour.", languages=["fr"]), template("t", "Hello.", languages=["en"])
    assert [(c.text, c.lang) for c in offered(fr, en, a=tagged(lang="en"))] == [("Hello.", "en")]
    assert [(c.text, c.lang) for c in offered(fr, en, a=tagged(lang="fr"))] == [("Bonjour.", "fr")]


@pytest.mark.parametrize("lang", ["de", "unknown"])
def test_a_person_of_another_language_is_answered_in_the_brands_first(lang: str) -> None:
    fr, en = template("t", "Bonjour.", languages=["fr"]), template("t", "Hello.", languages=["en"])
    assert [c.text for c in offered(en, fr, a=tagged(lang=lang))] == ["Bonjour."]


def test_where_analysis_knows_no_language_the_networks_word_counts() -> None:
    en = template("t", "Hello.", languages=["en"])
    assert [c.lang for c in offered(en, m=mention(lang="en-GB"), a=tagged(lang="unknown"))] == ["en"]


def test_without_a_template_in_the_persons_language_the_brands_first_serves() -> None:
    assert [c.lang for c in offered(template("t", languages=["fr"]), a=tagged(lang="en"))] == ["fr"]


# --- Words ---------------------------------------------------------------------------------------


def test_a_template_may_name_the_person_the_brand_and_where_things_stand() -> None:
    text = "{{ name }}|{{ brand }}|{{ signature }}|{{ contact }}|{{ network }}|{{ kind }}|{{ lang }}"
    (draft,) = offered(template("t", text), brand=ACME.model_copy(update={"contact": "aide@acme.example"}))
    assert draft.text == "Marie|Acme|L’équipe Acme|aide@acme.example|wordpress|comment|fr"


def test_a_greeting_without_a_name_leaves_no_hole() -> None:
    t = template("t", "Bonjour {{ name }}, merci {{ name }} de vos mots.")
    assert [c.text for c in offered(t, m=mention(name=""))] == ["Bonjour, merci de vos mots."]


@pytest.mark.parametrize("name", ["{{ 7*7 }}", "{% for i in range(9) %}", "{# #}", "{{ self }}"])
def test_what_a_person_is_called_never_becomes_a_template(name: str) -> None:
    (draft,) = offered(template("t", "Bonjour {{ name }}."), m=mention(name=name))
    assert draft.text == "Bonjour ."


def test_a_reply_is_signed_as_the_brand_says_or_by_its_team() -> None:
    brand = Brand(name="Acme", languages=("fr", "en", "de"), signatures={"en": "Ann from Acme"})
    assert [brand.signature(lang) for lang in ("fr", "en", "de")] == [
        "L’équipe Acme",
        "Ann from Acme",
        "Acme",
    ]
    assert Brand().signature("fr") == ""


def test_a_template_that_fails_on_the_data_gives_no_draft_and_no_crash() -> None:
    assert names(offered(template("bad", "{% if name > 3 %}a{% endif %}"), template("good"))) == ["good"]


def test_a_template_that_comes_to_nothing_gives_no_draft() -> None:
    assert offered(template("t", "{% if contact %}Write to us.{% endif %}")) == ()


# --- Names of people -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Marie", "Marie"),
        ("  Marie   Dupont ", "Marie Dupont"),
        ("Marie 🌸 Dupont ✨", "Marie Dupont"),
        ("Jean-Luc O’Neill", "Jean-Luc O’Neill"),
        ("J. K. Müller", "J. K. Müller"),
        ("𝓜𝓪𝓻𝓲𝓮", "Marie"),
        ("Zoë", "Zoë"),
        ("Лев", "Лев"),
        ("小林", "小林"),
        ("محمد", "محمد"),
        ("Ma\u00adrie", "Marie"),
        ("👩\u200d🚀 Léa", "Léa"),
    ],
)
def test_people_are_greeted_by_their_names_without_the_ornaments(name: str, greeted: str) -> None:
    assert greeting_name(name) == greeted


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "🌸", "...", "-", "x" * 41, "x " * 500),
        *("@marie", "marie@mail.example", "https://evil.example", "www.evil", "evil.example", "http：//x"),
        *("<b>Marie</b>", "**Marie**", "[Marie](x)", "marie_dupont", "`rm`", "#1", "user12345", "Ma|rie"),
        *("Marie\nDupont", "Marie\x00", "\u202eeiraM", "Ma\u2066rie", "ㅤ", "M\u0335\u0336a\u0335\u0336rie"),
        *("＠marie", "evil。example。com/x", "{{ name }}", "$(id)", "100 %", "a&b", '"Marie"'),
    ],
)
def test_better_no_name_than_a_strange_one(name: str) -> None:
    assert greeting_name(name) == ""


@given(st.text(max_size=60))
def test_whatever_the_name_nothing_but_letters_is_said_in_public(name: str) -> None:
    said = greeting_name(name)
    assert len(said) <= 40
    assert not set(said) & set("@<>[]{}#|\\/:\n\r\t\u202e\u200d")
    assert greeting_name(said) == said


# --- Limits --------------------------------------------------------------------------------------

LONG = "Bonjour. " + "Une phrase de plus. " * 20


def test_what_is_too_long_gives_way_to_a_shorter_template() -> None:
    found = offered(template("long", LONG, intents=["other"]), template("short"), limits=Limits(100))
    assert [(c.template, c.cut) for c in found] == [("short", False)]


def test_if_nothing_fits_the_shortest_is_cut_at_the_end_of_a_sentence_and_flagged() -> None:
    found = offered(template("longer", LONG * 2), template("long", LONG), limits=Limits(40))
    assert found == (Candidate("Bonjour. Une phrase de plus.", "long", cut=True, lang="fr"),)


def test_a_draft_that_fits_to_the_last_character_is_whole() -> None:
    (draft,) = offered(template("t", "Dix lettres."), limits=Limits(12))
    assert (draft.text, draft.cut) == ("Dix lettres.", False)
    assert offered(template("t", "Dix lettres."), limits=Limits(11))[0].cut


def test_the_network_counts_in_its_own_way() -> None:
    twice = Limits(20, lambda text: 2 * len(text))
    assert [c.text for c in offered(template("t", "Merci. Merci beaucoup."), limits=twice)] == ["Merci."]


def test_a_limit_that_nothing_can_meet_gives_no_draft() -> None:
    assert offered(template("t", "Supercalifragilistic"), limits=Limits(5)) == ()


@given(st.text(alphabet="ab .!?…,\n", max_size=80), st.integers(0, 60))
def test_a_cut_text_fits_and_is_a_beginning(text: str, maximum: int) -> None:
    short = cut(text, Limits(maximum))
    assert len(short) <= maximum
    assert text.startswith((short, short.removesuffix("…")))


# --- What may go out alone -----------------------------------------------------------------------

AUTO = Decision(State.WAITING, template="thanks", automatic=True)


def test_the_named_template_goes_alone_when_it_is_whole_and_in_the_persons_language() -> None:
    thanks = template("thanks", "Merci beaucoup. A bientôt.", languages=["fr"])
    drafts = offered(thanks, d=AUTO)
    assert goes_alone(AUTO, tagged(lang="fr"), drafts) == drafts[0]
    assert goes_alone(Decision(State.WAITING, template="thanks"), tagged(lang="fr"), drafts) is None
    assert goes_alone(AUTO, tagged(lang="de"), offered(thanks, d=AUTO, a=tagged(lang="de"))) is None
    assert goes_alone(AUTO, tagged(lang="fr"), offered(thanks, d=AUTO, limits=Limits(16))) is None
    assert goes_alone(AUTO, tagged(lang="fr"), offered(template("other"), d=AUTO)) is None
    assert goes_alone(AUTO, tagged(lang="fr"), ()) is None


# --- The templates that come with Vigie ----------------------------------------------------------


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("intent", INTENTS)
@pytest.mark.parametrize("process", list(Process))
def test_every_intent_finds_a_full_and_a_short_draft(intent: str, lang: str, process: Process) -> None:
    d = Decision(State.WAITING, process=process)
    found = offered(*default_templates(), a=tagged(intent, lang=lang), d=d)
    full, short = found[:2]
    special = process if process in {Process.CRISIS, Process.RECRUITING} else intent
    assert full.template == (special if special != "spam" else "other")
    assert short.template == full.template + "-short"
    assert len(short.text) < len(full.text) < 500


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("intent", INTENTS)
def test_every_intent_has_a_draft_for_the_shortest_network(intent: str, lang: str) -> None:
    name = "Maximilienne de la Tour-d’Auvergne"
    found = offered(*default_templates(), m=mention(name), a=tagged(intent, lang=lang), limits=Limits(280))
    assert found
    assert not any(c.cut for c in found)
