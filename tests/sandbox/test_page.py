"""The page that everybody reads: what hostile texts do to it, and what it looks like to a machine."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bot.sandbox import page
from bot.sandbox.town import BRAND, Town
from tests.support.house import Clock

HOSTILE = [
    "<script>alert(1)</script>",
    "</p></article><img src=x onerror=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% for x in y %} {# no #} ${7*7} #{7*7}",
    "javascript:alert(1)",
    "[a](javascript:alert(1)) https://example.org/?a=<b>",
    "\u202egnorw ydaer",
    "&lt;b&gt; &amp;amp; &#60;",
    "\x00\x08\ufeff",
    "a" * 5_000,
    "]]><!--",
]


class Reader(HTMLParser):
    """What a browser would see: elements, attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._in = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._in = dict(attrs).get("class") or tag

    def handle_data(self, data: str) -> None:
        if self._in == "text":
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


@pytest.fixture
def town() -> Town:
    made = Town(Clock())
    made.add("perle", "Perle")
    return made


def plain(town: Town) -> Reader:
    """The page of a town in which the same was said in harmless words."""
    other = Town(Clock())
    other.add("perle", "Perle")
    for post in reversed(town.posts("x")):
        other.say("x", post.author, "harmless")
    return Reader(page.timeline(other))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_say_is_only_ever_text(town: Town, text: str) -> None:
    town.say("x", "perle", text)
    shown = Reader(page.timeline(town))
    assert shown.texts == [text]
    assert shown.tags == plain(town).tags
    assert {name for name, _ in shown.attributes} == {name for name, _ in plain(town).attributes}


@pytest.mark.parametrize("name", HOSTILE[:8])
def test_a_name_is_only_ever_text(town: Town, name: str) -> None:
    before = Reader(page.timeline(town)).tags
    town.add("perle", name)
    assert Reader(page.timeline(town)).tags == before


@pytest.mark.parametrize("text", HOSTILE)
def test_a_form_that_comes_back_is_only_ever_text(town: Town, text: str) -> None:
    shown = Reader(page.timeline(town, error=text, said={"text": text, "who": text}))
    usual = Reader(page.timeline(town, error="no", said={}))
    assert shown.tags == usual.tags
    assert [name for name, _ in shown.attributes] == [name for name, _ in usual.attributes]
    assert ("value", text) in shown.attributes


def test_a_text_that_runs_from_right_to_left_disturbs_nothing_else(town: Town) -> None:
    town.add("perle", "\u202eelreP")
    town.say("x", "perle", "\u202ecilbup")
    html = page.timeline(town)
    assert "<bdi>\u202eelreP</bdi>" in html
    assert "unicode-bidi: isolate" in html
    assert "\u2068\u202eelreP\u2069 (@perle)" in html.replace("&#x2068;", "\u2068").replace(
        "&#x2069;", "\u2069"
    )


def test_nothing_comes_from_elsewhere(town: Town) -> None:
    town.say("x", "perle", "https://elsewhere.example/a.png")
    shown = Reader(page.timeline(town))
    addresses = [value for name, value in shown.attributes if name in ("src", "href", "action", "srcset")]
    assert set(addresses) == {"/say", "/control/say"}
    assert "default-src 'none'" in page.HEADERS["Content-Security-Policy"]


def test_every_field_has_a_label_and_every_text_its_language(town: Town) -> None:
    town.add("ruth", "Ruth", language="en")
    town.say("x", "ruth", "Hello")
    html = page.timeline(town, "fr-FR,fr;q=0.9")
    assert '<html lang="fr">' in html
    assert 'lang="en" dir="auto">Hello' in html
    fields = re.findall(r"<(?:input|select) ", html)
    assert len(re.findall(r"<label>.*?</label>", html, re.DOTALL)) == len(fields) == 3
    assert '<html lang="en">' in page.timeline(town, "de")


def test_both_languages_say_everything() -> None:
    assert page._FRENCH.keys() == page._ENGLISH.keys()


def test_replies_stand_under_what_they_answer_and_the_brands_are_marked(town: Town) -> None:
    first = town.say("x", "perle", "Première question")
    town.say("x", "perle", "Autre sujet")
    town.say("x", BRAND, "Réponse", to=first.id)
    talks = page.threads(town)
    assert [[(one.post.text, one.depth, one.by_brand) for one in talk] for talk in talks] == [
        [("Première question", 0, False), ("Réponse", 1, True)],
        [("Autre sujet", 0, False)],
    ]
    assert page.timeline(town).count("the brand</span>") == 1


def test_under_each_post_the_older_answer_comes_first_and_whole_branches_stay_together(town: Town) -> None:
    top = town.say("x", "perle", "0")
    one = town.say("x", "perle", "1", to=top.id)
    town.say("x", "perle", "2", to=top.id)
    town.say("x", "perle", "1.1", to=one.id)
    (talk,) = page.threads(town)
    assert [one.post.text for one in talk] == ["0", "1", "1.1", "2"]


def test_an_answer_outlives_what_it_answers(town: Town) -> None:
    gone = town.say("x", "perle", "Oups")
    town.say("x", BRAND, "Réponse", to=gone.id)
    town.delete("x", gone.id)
    html = page.timeline(town)
    assert "Oups" not in html
    assert "answers something that is gone" in html


def test_an_answer_to_an_older_version_stands_under_the_new_one(town: Town) -> None:
    old = town.say("x", "perle", "Ma cart")
    town.say("x", BRAND, "Réponse", to=old.id)
    town.edit("x", old.id, "Ma carte")
    (talk,) = page.threads(town)
    assert [one.post.text for one in talk] == ["Ma carte", "Réponse"]
    assert "edited" in page.timeline(town)


def test_a_thousand_answers_deep_is_no_harder(town: Town) -> None:
    parent = town.say("x", "perle", "0").id
    for n in range(1_000):
        parent = town.say("x", "perle", str(n + 1), to=parent).id
    (talk,) = page.threads(town)
    assert len(talk) == 1_001
    assert max(one.depth for one in talk) == 4
    assert page.timeline(town).count("<article") == 1_001


def test_the_page_shows_itself_anew_with_and_without_javascript(town: Town) -> None:
    html = page.timeline(town)
    assert '<noscript><meta http-equiv="refresh" content="3">' in html
    assert html.count("<script>") == 1
    form = page.timeline(town, only_form=True)
    assert "refresh" not in form
    assert "<script>" not in form
    assert "<form" in form
