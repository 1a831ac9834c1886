"""Learning on the command line: fifty corrections, a candidate, and a verdict that people understand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.desk import Desk
from bot.errors import NotPossible
from tests.support.house import ANGRY, QUESTION, THANKS, House, comment
from tests.support.terminal import Terminal

REGRESSION = Path(__file__).parents[2] / "bot" / "analysis" / "regression.jsonl"
CONFIG = """
brand: {name: Banque Azur, languages: [fr, en]}
listeners: {day: {type: replay, path: none.jsonl, responder: ""}}
responders: {bell: {type: console}}
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    return Terminal(tmp_path, {})


def test_a_correction_is_shown_from_then_on_and_kept_as_a_label(house: House) -> None:
    house.hears(comment("1", QUESTION))
    row = house.mention("1")
    house.desk.correct(
        row["id"], {"sentiment": "negative", "intents": ["complaint", "churn"]}, row["version"], "Léa"
    )
    shown = json.loads(house.mention("1")["analysis"])
    assert (shown["sentiment"], shown["intent"]) == ("negative", "complaint")
    assert house.mention("1")["addressed"] == 1
    assert "corrected" in house.events("1")
    kept = house.row("SELECT labels, actor FROM corrections")
    assert (json.loads(kept["labels"])["intents"], kept["actor"]) == (["complaint", "churn"], "Léa")


@pytest.mark.parametrize("labels", [{}, {"sentiment": "rage"}, {"intents": ["buy"]}, {"urgency": "now"}])
def test_a_label_that_does_not_exist_is_refused(house: House, labels: dict[str, object]) -> None:
    house.hears(comment("1", THANKS))
    desk: Desk = house.desk
    with pytest.raises(NotPossible):
        desk.correct(house.mention("1")["id"], labels, house.mention("1")["version"], "Léa")
    assert house.rows("SELECT 1 FROM corrections") == []


def test_fifty_corrections_make_a_candidate_that_is_put_in_use_or_refused_in_words(
    terminal: Terminal, tmp_path: Path
) -> None:
    labelled = [json.loads(line) for line in REGRESSION.read_text("utf-8").splitlines()][:50]
    lines = [
        json.dumps({"text": one["text"], "remote_id": str(n), "network": "blog"})
        for n, one in enumerate(labelled)
    ]
    (tmp_path / "said.jsonl").write_text(
        "\n".join([*lines, json.dumps({"text": ANGRY, "network": "x"})]), "utf-8"
    )
    assert terminal.vigie("import", "said.jsonl").returncode == 0
    assert terminal.vigie("correct", "51", "--sentiment", "negative").returncode == 0  # on X
    for number, one in enumerate(labelled[:3], start=1):
        intents = [part for intent in one["intents"] for part in ("--intent", intent)]
        done = terminal.vigie("correct", str(number), "--sentiment", one["sentiment"], *intents)
        assert done.returncode == 0, done.stderr
    rest = [{k: one[k] for k in ("text", "lang", "sentiment", "intents")} for one in labelled[3:]]
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rest), "utf-8")
    done = terminal.vigie("train", "more.jsonl")
    assert "4 corrections in the store." in done.stdout
    assert "1 texts from X were left out" in done.stdout
    assert done.returncode in (0, 1), done.stderr
    assert ("Put in use" in done.stdout) is (done.returncode == 0)
    assert "regression set" in done.stdout
    if done.returncode == 0:
        assert "pipeline that ships" in terminal.vigie("train", "--rollback").stdout


def test_evaluate_says_how_good_the_tags_are_on_labelled_lines(terminal: Terminal, tmp_path: Path) -> None:
    text = "\n".join(REGRESSION.read_text("utf-8").splitlines()[:60])
    (tmp_path / "labelled.jsonl").write_text(text + "\nno json\n", "utf-8")
    done = terminal.vigie("evaluate", "labelled.jsonl", "--json")
    figures = json.loads(done.stdout)["vigie"]
    assert figures["texts"] == 60
    assert 34 < figures["figures"]["sentiment, macro recall"] <= 100
    assert sum(sum(row.values()) for row in figures["confusion"].values()) == 60
    assert "labelled.jsonl:61: the line is not JSON" in done.stderr
    assert done.returncode == 1
