"""From corrections to a pipeline in use, or to a refusal with reasons."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.analysis import Tagger
from bot.analysis.comparison import compare
from bot.analysis.examples import example, part, read, split
from bot.analysis.fit import platt, temperature
from bot.analysis.sgd import Plan, Targets, Weights, hashed, logits, probabilities, train
from bot.analysis.training import CLOSED, REGRESSION, Outcome, current, rollback
from bot.analysis.training import train as train_files
from bot.errors import NotPossible
from bot.models import Analysis

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def labelled(text: str, sentiment: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "lang": "fr", "sentiment": sentiment, **more}


def corrections(count: int, sentiment: str = "negative", **more: Any) -> list[dict[str, Any]]:
    """Remarks in a brand's own slang, which no public set knows."""
    return [
        labelled(
            f"encore une glazouille sur ma ligne ce matin, épisode {i}",
            sentiment,
            intents=["complaint"],
            **more,
        )
        for i in range(count)
    ]


def written(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def trained(tmp_path: Path, lines: list[dict[str, Any]], at: datetime = NOON, **options: Any) -> Outcome:
    file = written(tmp_path / "corrections.jsonl", lines)
    (tmp_path / "models").mkdir(exist_ok=True)
    return train_files([file], tmp_path / "models", at, **options)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("learned")
    return folder, trained(folder, corrections(50))


def test_fifty_corrections_are_learned_and_nothing_else_gets_worse(learned: tuple[Path, Outcome]) -> None:
    folder, outcome = learned
    assert outcome.promoted, outcome.reasons
    assert outcome.learned_from + outcome.held_out == 50
    found = Tagger(current(folder / "models")).tag([("une glazouille de plus sur la ligne", "fr")])[0]
    before = Tagger().tag([("une glazouille de plus sur la ligne", "fr")])[0]
    assert found.scores["negative"] > before.scores["negative"]


def test_every_reason_is_a_sentence_that_names_the_set_and_the_figures(learned: tuple[Path, Outcome]) -> None:
    assert all(reason.startswith("On the ") and reason.endswith(".") for reason in learned[1].reasons)


def test_a_candidate_taught_nonsense_is_refused_with_reasons_and_not_kept(tmp_path: Path) -> None:
    frozen, _ = read([REGRESSION])
    wrong = {"positive": "negative", "negative": "positive", "neutral": "positive"}
    lies = [labelled(one.text, wrong[one.sentiment or "neutral"], situation="lies-4") for one in frozen] * 3
    outcome = trained(tmp_path, lies)
    assert not outcome.promoted
    assert any("sentiment, macro recall" in reason and "worse" in reason for reason in outcome.reasons)
    assert current(tmp_path / "models") == ""
    assert not (tmp_path / "models" / outcome.version).exists()


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        outcome = trained(tmp_path / name, corrections(30))
        weights = tmp_path / name / "models" / outcome.version / "vigie_scores" / "mood.npz"
        sums.append(hashlib.sha256(weights.read_bytes()).hexdigest())
    assert sums[0] == sums[1]


def test_posts_from_x_stay_out_unless_a_reason_is_given(tmp_path: Path) -> None:
    lines = [*corrections(20), *corrections(20, network="x")]
    outcome = trained(tmp_path, lines)
    assert outcome.left_out == 20
    reasoned = trained(
        tmp_path, lines, NOON + timedelta(hours=1), closed_reason="contract with X of 2026-01-05"
    )
    assert reasoned.left_out == 0
    history = json.loads((tmp_path / "models" / "history.json").read_text(encoding="utf-8"))
    assert [entry["closed_reason"] for entry in history] == ["", "contract with X of 2026-01-05"]
    assert "x" in CLOSED


def test_only_posts_from_x_leave_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match="nothing to learn from"):
        trained(tmp_path, corrections(5, network="x"))


def test_rollback_goes_back_one_step_at_a_time_and_then_says_so(tmp_path: Path) -> None:
    none = tmp_path / "no regression set.jsonl"
    first = trained(tmp_path, corrections(20), regression=none)
    second = trained(tmp_path, corrections(20), NOON + timedelta(hours=1), regression=none)
    assert first.promoted
    assert second.promoted
    assert rollback(tmp_path / "models") == first.version
    assert current(tmp_path / "models").endswith(first.version)
    assert rollback(tmp_path / "models") == ""
    assert current(tmp_path / "models") == ""
    with pytest.raises(NotPossible, match="nothing to go back to"):
        rollback(tmp_path / "models")


def test_a_line_that_is_no_example_is_named_by_number_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    good = json.dumps(labelled("merci", "positive"))
    bad = ["not json", "", '{"text": 1}', '{"text": "a", "sentiment": "glad"}']
    file.write_text("\n".join([good, *bad, good]), encoding="utf-8")
    found, faults = read([file])
    assert [one.text for one in found] == ["merci", "merci"]
    assert [fault.removeprefix(f"{file}:").split(":")[0] for fault in faults] == ["2", "4", "5"]
    assert "sentiment must be one of" in faults[2]


@pytest.mark.parametrize(
    "line",
    [
        [], "x", 3, None, {}, {"text": None}, {"text": "a", "intents": "question"},
        {"text": "a", "intents": ["joy"]}, {"text": "a", "needs_answer": "yes"},
        {"text": "a", "urgency": "now"}, {"text": "a", "personal_data": [1]},
    ],
)  # fmt: skip
def test_a_line_of_the_wrong_shape_is_refused_in_words(line: Any) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        example(line)


def test_texts_of_one_situation_fall_into_one_part() -> None:
    lines = [example(labelled(f"texte {i}", "neutral", situation=f"s{i % 40}")) for i in range(400)]
    parts = [{one.situation for one in some} for some in split(lines)]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert all(parts)


def test_the_part_of_a_text_without_a_situation_is_that_of_its_words() -> None:
    assert part(example({"text": "Merci  beaucoup"})) == part(example({"text": "merci beaucoup "}))


def test_a_table_learns_what_tells_two_sorts_apart() -> None:
    texts = ["le train est en retard", "le train est à l'heure"] * 30
    wanted = np.array([[1.0], [0.0]] * 30, dtype=np.float32)
    data = hashed(texts, 12)
    weights = train(
        Weights.start(1, 12), data, Targets(wanted, np.ones(60, np.float32)), Plan(epochs=5, batch=8)
    )
    held = probabilities(logits(weights, data), ())
    assert held[0, 0] > 0.9
    assert held[1, 0] < 0.1


def test_training_tells_of_every_epoch() -> None:
    told: list[int] = []
    data = hashed(["a b", "c d", "e f"], 12)
    targets = Targets(np.ones((3, 1), np.float32), np.ones(3, np.float32))
    train(
        Weights.start(1, 12),
        data,
        targets,
        Plan(epochs=3, batch=2, on_epoch=lambda epoch, _: told.append(epoch)),
    )
    assert told == [1, 2, 3]


def test_platt_finds_how_often_a_score_is_right() -> None:
    random = np.random.default_rng(1)
    scores = random.normal(size=4000).astype(np.float32)
    wanted = (random.random(4000) < 1 / (1 + np.exp(-(2 * scores - 1)))).astype(np.float32)
    slope, shift = platt(scores, wanted)
    assert slope == pytest.approx(2, abs=0.25)
    assert shift == pytest.approx(-1, abs=0.2)


def test_a_boastful_model_is_cooled() -> None:
    random = np.random.default_rng(1)
    scores = random.normal(size=(3000, 3))
    held = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wanted = np.eye(3)[[random.choice(3, p=p) for p in held]]
    assert temperature((4 * scores).astype(np.float32), wanted.astype(np.float32)) == pytest.approx(
        0.25, abs=0.05
    )


def test_a_difference_in_one_text_of_many_is_chance() -> None:
    wanted = [example(labelled(f"t{i}", ("negative", "neutral", "positive")[i % 3])) for i in range(60)]
    right = [Analysis(sentiment=one.sentiment or "") for one in wanted]
    found = compare("a set", wanted, right, [Analysis(sentiment="neutral"), *right[1:]])
    assert found.fallen == ()
    worse = compare("a set", wanted, right, [Analysis(sentiment="neutral")] * 30 + right[30:])
    assert any("macro recall" in reason for reason in worse.fallen)
