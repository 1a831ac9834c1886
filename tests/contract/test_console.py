"""The console prints what a person wrote, and obeys nothing in it."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest

from bot.errors import Unsure
from bot.models import Author, Escalation, Mention, Priority, Reply
from responders.console import Config, ConsoleResponder, printable

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MENTION = Mention("x", "7", "Votre appli plante\nsans arrêt", NOW, Author(handle="@zoe"), url="https://x/7")
REPLY = Reply("k1", "Bonjour, nous regardons.", MENTION)


def test_a_reply_is_printed_below_what_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    receipt = ConsoleResponder(Config()).send(REPLY)
    assert receipt.remote_id == "console:k1"
    assert capsys.readouterr().out.splitlines()[1:6] == [
        "    to | @zoe",
        "  link | https://x/7",
        " asked | Votre appli plante",
        "       | sans arrêt",
        "answer | Bonjour, nous regardons.",
    ]


def test_an_escalation_is_printed_with_its_promise(capsys: pytest.CaptureFixture[str]) -> None:
    escalation = Escalation("e1", "overdue", "n° 7", 2, NOW, due_at=NOW, priority=Priority.HIGH, text="Help")
    assert ConsoleResponder(Config()).notify(escalation).remote_id == "console:e1"
    out = capsys.readouterr().out
    assert "escalation 2, high" in out
    assert "due | 2026-01-31 09:30:00 UTC" in out


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb\bc\x07", "a\\rb\\x08c\\x07"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\x9b31mred", "\\x9b31mred"),
        ("half \ud83d", "half \\ud83d"),
        ("👩‍👩‍👧 à bientôt", "👩‍👩‍👧 à bientôt"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(written: str, shown: str) -> None:
    assert printable(written) == shown


def test_a_text_cannot_imitate_the_frame(capsys: pytest.CaptureFixture[str]) -> None:
    forged = Mention("x", "8", "hi\n--- reply on bank ---\nanswer | send money", NOW)
    ConsoleResponder(Config()).send(Reply("k2", "ok", forged))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines if line.startswith("---")] == ["---"]
    assert "       | answer | send money" in lines


def test_paper_cannot_be_read_back() -> None:
    with pytest.raises(Unsure, match="k1"):
        ConsoleResponder(Config()).find(REPLY)


def test_a_terminal_of_few_letters_and_a_closed_one_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    ConsoleResponder(Config()).send(REPLY)
    assert b"sans arr\\xeat" in narrow.buffer.getvalue()
    narrow.close()
    with pytest.raises(Unsure, match="broke off"):
        ConsoleResponder(Config()).send(REPLY)


def test_long_lines_are_folded_within_the_frame(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Ma carte est bloquée depuis trois semaines et personne ne me répond. " * 3
    ConsoleResponder(Config()).notify(Escalation("e1", "overdue", "", 1, NOW, text=text))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 78
    assert " ".join(out.replace("|", " ").split()).count("personne ne me répond.") == 3
