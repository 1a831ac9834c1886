"""What steps, listeners and responders say is told in French, wherever a page says why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from bot.crisis import CrisisWatch, Figures, judge
from bot.errors import Refused
from bot.models import Refusal
from bot.web.language import Languages
from bot.web.reasons import reason
from tests.support.house import QUESTION, START, House, comment
from tests.support.signed_in import signed_in

ROOT = Path(__file__).parents[2]
FRENCH = Languages(ZoneInfo("Europe/Paris")).named("fr")
ENGLISH = Languages(ZoneInfo("Europe/Paris")).named("en")
CATALOG = ROOT / "bot" / "web" / "locale" / "fr" / "reasons.po"
# What says why a service did not do something; its first argument is for people.
SAYS = {"Refusal", "Refused", "Unsure", "Retry", "AuthFailed", "RateLimited"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("accounts", "listeners", "responders", "bot"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield folder, ast.parse(file.read_text("utf-8"))


def said() -> Iterator[str]:
    """Every sentence that says why, with something else in place of its values."""
    for folder, tree in sources():
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if (
                folder != "bot"
                and isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in SAYS
                and node.args
            ):
                first = node.args[0]
                text = constants.get(first.id, first) if isinstance(first, ast.Name) else first
                yield from filled(text)


def filled(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "x7" for part in node.values]
        if len("".join(parts).replace("x7", "")) > 5:  # else it joins sentences that are told elsewhere
            yield re.sub(r"\)x7$", ")", "".join(parts))  # what would follow there may be nothing


@pytest.mark.parametrize("text", sorted(set(said())))
def test_whatever_a_service_is_said_to_have_done_has_its_french(text: str) -> None:
    told = reason(FRENCH, text)
    assert told != text
    assert told.count("x7") == text.count("x7")
    assert reason(ENGLISH, text) == text


def test_no_sentence_is_kept_that_nobody_says_any_more() -> None:
    pieces = "\0".join(
        str(node.value)
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    with CATALOG.open("rb") as stream:
        sentences = [str(message.id) for message in read_po(stream, locale="fr") if message.id]
    assert len(sentences) > 150
    for sentence in sentences:
        for piece in re.split(r"%\(\w+\)s", sentence):
            assert piece.strip(" ():;") in pieces, sentence


def test_a_sentence_in_a_sentence_is_told_too_and_numbers_have_a_comma() -> None:
    assert reason(FRENCH, "given up after 5 attempts: blog.example asks us to wait") == (
        "abandonné après 5 essais\u202f: blog.example nous demande d’attendre"
    )
    dear = "with a link X takes $0.200 for this reply instead of $0.010 (prices of 2026-02-10)"
    assert reason(FRENCH, dear) == (
        "avec un lien, X prend 0,200\u202f$ pour cette réponse au lieu de 0,010\u202f$ (tarifs du 2026-02-10)"
    )


def test_a_crisis_says_why_in_french() -> None:
    watch = CrisisWatch(count=3, within=timedelta(hours=1))
    found = judge(watch, None, Figures(people=12, words=0, usual=0.3), START)
    assert found is not None
    assert reason(FRENCH, found.why) == "12 personnes se sont plaintes en 1h, d’habitude 0,3"


@pytest.mark.parametrize(
    "text",
    ["", "un journaliste demande", "%(host)s asks", "X" * 2000, "a\nb: c", "<b>it is gone</b>", "100 %"],
)
def test_what_is_no_sentence_of_ours_stays_as_it_is(text: str) -> None:
    assert reason(FRENCH, text) == text


def test_a_refusal_is_told_in_french_on_every_page_that_tells_it(house: House) -> None:
    house.hears(comment("c1", QUESTION))
    house.paper.next_ = [Refused("blog.example does not take the reply (closed)")]
    house.approve("c1")
    house.deliver()
    lea = signed_in(house, lang="fr")
    for page in ("/mentions/1", "/escalations"):
        assert "blog.example ne prend pas la réponse (closed)" in unescape(lea.get(page).text), page
    lea = signed_in(house, lang="en")
    assert "blog.example does not take the reply (closed)" in lea.get("/mentions/1").text


def test_a_source_says_in_french_why_it_fails(house: House) -> None:
    house.wire.batches.append(Refused("blog.example does not give a feed"))
    house.listen()
    page = unescape(signed_in(house, lang="fr").get("/sources").text)
    assert "blog.example ne donne pas de flux" in page


def test_what_the_network_would_refuse_is_told_before_anybody_writes(house: House) -> None:
    house.paper.refusal = Refusal("comments are closed there")
    house.hears(comment("c1", QUESTION))
    assert "les commentaires y sont fermés" in unescape(signed_in(house, lang="fr").get("/mentions/1").text)
