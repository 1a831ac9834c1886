"""French and English: nothing that people read is left in the other language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from jinja2 import Environment

from bot.web.language import Languages

WEB = Path(__file__).parents[2] / "bot" / "web"
PLACES = re.compile(r"%\((\w+)\)")
LANGUAGES = Languages(ZoneInfo("Europe/Paris"))
# Functions whose first argument is a text for people.
TOLD = {"say", "N_", "gettext", "_", "NotPossible", "Conflict"}


def test_every_text_has_its_french() -> None:
    catalog = LANGUAGES.named("fr").catalog
    known = known_texts()
    missing = {text for text in (*in_templates(), *told_in_code()) if catalog.gettext(text) == text}
    assert sorted(missing - known) == []


def known_texts() -> set[str]:
    """What the catalogs name, also where the French is the English."""
    return {str(m.id[0] if isinstance(m.id, tuple) else m.id) for m in messages()}


def test_the_french_names_the_same_values() -> None:
    for message in messages():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(PLACES.findall(str(ids[-1])))
        for one in said:
            assert set(PLACES.findall(str(one))) <= wanted | {"num"}, message.id


def test_no_catalog_keeps_what_nobody_says_any_more() -> None:
    """Of reasons.po see test_reasons.py."""
    said = {*in_templates(), *in_code(), *(str(message.id) for message in messages("reasons.po"))}
    assert sorted(known_texts() - said) == []


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de, en;q=0.5, fr;q=0.7", "fr"),
        ("", "en"),
        ("*;q=x", "en"),
        ("it", "en"),
    ],
)
def test_the_browser_s_first_known_language_is_taken(accepted: str, code: str) -> None:
    assert LANGUAGES.best("", accepted).code == code


def test_what_the_user_chose_goes_before_the_browser() -> None:
    assert LANGUAGES.best("en", "fr").code == "en"


def test_lengths_and_shares_are_written_as_the_language_does() -> None:
    english, french = LANGUAGES.named("en"), LANGUAGES.named("fr")
    assert (english.length(93_600_000), french.length(93_600_000)) == ("1 d 2 h", "1 j 2 h")
    assert (english.percent(0.985), french.percent(0.985)) == ("98.5%", "98,5\u202f%")
    assert english.percent(None) == "–"


def test_a_network_goes_by_its_own_name_and_one_of_the_config_as_it_stands_there() -> None:
    english, french = LANGUAGES.named("en"), LANGUAGES.named("fr")
    assert [english.network(code) for code in ("x", "facebook", "mailbox")] == ["X", "Facebook", "E-mail"]
    assert [french.network(code) for code in ("reviews", "import")] == ["Avis", "Importé"]
    assert [french.network(code) for code in ("blog_2", "sales", "")] == ["blog_2", "sales", ""]


def messages(files: str = "*.po") -> Iterator[Message]:
    for file in sorted((WEB / "locale" / "fr").glob(files)):
        with file.open("rb") as stream:
            yield from (message for message in read_po(stream, locale="fr") if message.id)


def in_templates() -> Iterator[str]:
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])  # noqa: S701 -- nothing is rendered
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    extract = environment.extract_translations  # type: ignore[attr-defined]
    for file in sorted((WEB / "templates").glob("*.html")):
        for _, _, text in extract(file.read_text("utf-8")):
            if text:
                yield text if isinstance(text, str) else str(text[0])


def told_in_code() -> Iterator[str]:
    """What is handed to a function that translates, or raised at the desk."""
    for file in (*WEB.rglob("*.py"), *(WEB.parent).glob("desk*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in TOLD and isinstance(node.args[0].value, str):
                yield node.args[0].value


def in_code() -> Iterator[str]:
    """All texts in the code."""
    for file in WEB.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
