"""What a template may be: a small language, checked when the config is loaded."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bot.templates import WORDS, Template, Templates, check, default_templates


@pytest.mark.parametrize(
    "text",
    [
        "Merci.",
        "Bonjour{% if name %} {{ name }}{% endif %},",
        "{{ name or 'vous' }}",
        "{{ name|default('vous')|upper }}",
        "{% if lang == 'fr' and not contact %}a{% elif kind in 'message' %}b{% else %}c{% endif %}",
        "{{ 'Mme' if name else 'Madame' }}",
        "{# a note #}{% raw %}{{ name }}{% endraw %}",
    ],
)
def test_words_names_and_conditions_are_allowed(text: str) -> None:
    assert check(text) is None


# Known ways out of the sandbox (CVE-2024-56326, CVE-2025-27516 and the classics), and ways to keep it busy.
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''|attr('format') }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ name.format_map }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum() }}",
    "{{ namespace() }}",
    "{{ joiner }}",
    "{{ range(10**9)|list }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for c in name %}{{ c }}{% endfor %}",
    "{{ 'x' * 10**9 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ name|replace('', name) }}",
    "{{ name|indent(100000000) }}",
    "{{ name|map('upper') }}",
    "{% set x = 1 %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'templates.yaml' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape false %}{% endautoescape %}",
    "{{ [name, name] }}",
    "{{ {'a': 1} }}",
    "{{ name[0] }}",
    "{{ name is defined }}",
    "{{ config }}",
    "{{ text }}",
    "{{ name|default(x=1) }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_there_is_no_way_out_and_no_way_to_keep_it_busy(text: str) -> None:
    began = time.process_time()
    assert check(text) is not None
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Bonjour {{ nom }}", "'nom' is unknown; a template may name name, brand, signature"),
        ("a\nb {{ name", "line 2: unexpected end of template"),
        ("{% if name %}a", "line 1: Unexpected end of template"),
        ("{% for c in name %}{% endfor %}", "line 1: for has no place in a reply"),
        ("\n\n{{ name.x }}", "line 3: getattr has no place in a reply"),
        ("{{ name|shout }}", "line 1: the filter 'shout' is not among"),
        ("{{ name|title }}", "line 1: the filter 'title' is not among capitalize, default"),
        ("x" * 5001, "it has 5001 characters; 5000 are allowed"),
        ("{{ " + "(" * 2000 + "name" + ")" * 2000 + " }}", "nested too deeply"),
        ("{{ " + "not " * 100 + "name }}", "nested too deeply"),
        ("{% if name %}" * 150 + "{% endif %}" * 150, "nested too deeply"),
    ],
)
def test_a_fault_is_told_in_words(text: str, told: str) -> None:
    assert told in (check(text) or "")


@pytest.mark.parametrize("depth", range(1, 20))
def test_what_passes_the_check_can_be_compiled(depth: int) -> None:
    for text in ("{{ " + "not " * depth + "name }}", "{% if name %}" * depth + "x" + "{% endif %}" * depth):
        if check(text) is None:
            assert Template(name="t", text=text).compiled


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": "{{ nom }}"}, "'nom' is unknown"),
        ({"text": " \n"}, "the template is empty"),
        ({"text": "a", "intents": ["thanks"]}, "'thanks' is unknown; write one of question"),
        ({"text": "a", "language": "fr"}, "Extra inputs are not permitted"),
        ({"text": "a", "process": "legal"}, "'service', 'sales'"),
    ],
)
def test_a_faulty_template_is_found_when_the_config_is_loaded(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Template.model_validate({"name": "t"} | given)
    assert told in str(refused.value)


def test_one_name_stands_once_in_each_language() -> None:
    both = TypeAdapter(Templates)
    fr, en = ({"name": "t", "text": "a", "languages": [lang]} for lang in ("fr", "en"))
    assert len(both.validate_python([fr, en])) == 2
    with pytest.raises(ValidationError, match="two templates are called 't' in fr"):
        both.validate_python([fr, en, fr])
    with pytest.raises(ValidationError, match="two templates are called 't' in any language"):
        both.validate_python([{"name": "t", "text": "a"}] * 2)


# --- The templates that come with Vigie ----------------------------------------------------------

SHIPPED = [pytest.param(t, id=f"{t.name}-{t.languages[0]}") for t in default_templates()]


@pytest.mark.parametrize("template", SHIPPED)
def test_what_ships_is_sound_and_well_set(template: Template) -> None:
    text = template.text
    assert check(text) is None
    assert "'" not in text  # typographic apostrophes
    assert "  " not in text
    assert "\n" not in text
    said = re.sub(r"\{[{%].*?[%}]\}", "", text)
    assert not re.search(r"[\[\]<>]|\bXXX\b|TODO", said)  # nothing that must be filled in by hand
    if template.languages == ("fr",):
        assert not re.search(r"[^\u00a0][!?:;]", said)
        assert not re.search(r"\b(tu|te|toi|ton|ta|tes)\b", said)
    else:
        assert "\u00a0" not in said


def test_what_ships_names_each_word_that_it_offers_to_others() -> None:
    assert set(WORDS) == {"name", "brand", "signature", "contact", "network", "kind", "lang"}
    assert {lang for t in default_templates() for lang in t.languages} == {"fr", "en"}
