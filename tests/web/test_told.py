"""What the desk refuses is told in the user's language: who was first, when, and what is in the way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import bot
from bot.errors import Conflict, NotPossible, Sentence, VigieError
from bot.models import ReplyState, State
from bot.stop import ASKED
from bot.store import news
from bot.web.language import Languages
from bot.web.told import told
from tests.support.house import START

BOT = Path(bot.__file__).parent
FRENCH = Languages(ZoneInfo("Europe/Paris")).named("fr")
RAISED = {"NotPossible": None, "NotAllowed": None, "Conflict": None, "Sentence": None}
BY_PEOPLE = (
    *BOT.glob("desk*.py"), BOT / "store/news.py", BOT / "store/corrections.py", BOT / "store/views.py",
    BOT / "store/notes.py", BOT / "store/persons.py", *(BOT / "web").glob("conversation*.py"),
    *(BOT / "web/pages").glob("conversation*.py"),
)  # fmt: skip


def raised() -> Iterator[str]:
    """All that the verbs of the desk can say to people."""
    for file in BY_PEOPLE:
        for _, text, _, _ in extract("python", io.BytesIO(file.read_bytes()), RAISED):
            if isinstance(text, str) and text:
                yield text
    yield f"{ASKED}: nothing may go out to them on %(network)s any more"
    for stories in (news._STORIES, news._BY_HAND, news._NATIVE):
        yield from stories.values()


def test_everything_that_the_desk_says_has_its_french() -> None:
    with (BOT / "web/locale/fr/conversation.po").open("rb") as file:
        known = {str(m.id) for m in read_po(file) if m.string}
    said = set(raised())
    assert len(said) > 60
    assert sorted(said - known) == []


@pytest.mark.parametrize(
    ("error", "english", "french"),
    [
        (
            NotPossible("reply %(id)s is %(state)s, not a draft", id=7, state=ReplyState.SENT),
            "reply 7 is sent, not a draft",
            "La réponse 7 est dans l’état «\u202fenvoyée\u202f», ce n’est pas un brouillon",
        ),
        (
            Conflict(
                "%(news)s; look again before you act",
                news=Sentence(
                    "%(story)s at %(at)s",
                    {"story": Sentence("%(who)s approved a reply", {"who": "Malik"}), "at": START},
                ),
            ),
            f"Malik approved a reply at {START.astimezone():%H:%M:%S}; look again before you act",
            "Malik a approuvé une réponse (10/03/2026 10:00)\u202f; regardez de nouveau avant d’agir",
        ),
        (
            NotPossible("nothing may go out on %(network)s", network="x"),
            "nothing may go out on x",
            "Nothing may go out on X",
        ),
        (
            NotPossible("100 % of what a driver says"),
            "100 % of what a driver says",
            "100 % of what a driver says",
        ),
        (NotPossible(""), "", ""),
    ],
    ids=["a code", "a sentence in a sentence", "a network", "no values, so no format", "nothing"],
)
def test_an_error_is_one_sentence_in_two_languages(error: VigieError, english: str, french: str) -> None:
    assert str(error) == english
    assert told(FRENCH, error) == french


def test_a_value_is_never_taken_for_a_format_or_a_mark() -> None:
    wild = "%(who)s <b> {0} %s"
    error = NotPossible("mention %(id)s is %(state)s: %(news)s", id=wild, state=State.NEW, news=wild)
    assert str(error) == f"mention {wild} is new: {wild}"
    assert wild in told(FRENCH, error)
