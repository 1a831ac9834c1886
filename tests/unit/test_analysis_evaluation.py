"""The figures mean what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from bot.analysis.evaluation import auc, evaluate, expected_calibration_error
from bot.analysis.examples import Example, example
from bot.models import Analysis


def wanted(sentiment: str, **more: object) -> Example:
    return example({"text": "x", "lang": "en", "sentiment": sentiment, **more})


def test_macro_recall_is_the_mean_over_moods_not_over_texts() -> None:
    examples = [wanted("negative")] * 8 + [wanted("neutral"), wanted("positive")]
    found = [Analysis(sentiment="negative")] * 10
    report = evaluate(examples, lambda _: found)
    assert report.figures["sentiment, macro recall"] == pytest.approx(100 / 3, abs=0.01)
    assert report.confusion["neutral"] == {"negative": 1, "neutral": 0, "positive": 0}
    assert report.f1["negative"] == pytest.approx(100 * 16 / 18, abs=0.01)


def test_a_figure_nobody_can_know_is_left_out() -> None:
    report = evaluate([example({"text": "x", "urgency": "high"})], lambda _: [Analysis(urgency="crisis")])
    assert report.figures == {"pressing found": 100.0}


def test_a_person_called_spam_lowers_its_precision() -> None:
    examples = [wanted("neutral", intents=["spam"]), wanted("neutral", intents=["complaint"])]
    found = [Analysis(intent="spam", intents=(("spam", 0.99),))] * 2
    assert evaluate(examples, lambda _: found).figures["spam precision"] == 50


def test_each_language_has_its_own_figures_where_there_are_several() -> None:
    examples = [example({"text": "x", "lang": lang, "urgency": "high"}) for lang in ("fr", "en")]
    found = [Analysis(urgency="high"), Analysis(urgency="low")]
    figures = evaluate(examples, lambda _: found).figures
    assert (figures["pressing found fr"], figures["pressing found en"], figures["pressing found"]) == (
        100,
        0,
        50,
    )


def test_calibration_error_is_nought_for_one_who_knows_how_often_he_is_right() -> None:
    sure = np.array([0.75] * 4)
    assert expected_calibration_error(sure, np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(0)
    assert expected_calibration_error(sure, np.zeros(4)) == pytest.approx(0.75)


def test_auc_is_the_chance_of_the_right_order() -> None:
    holds = np.array([True, False, True, False])
    assert auc(np.array([0.9, 0.1, 0.8, 0.2]), holds) == 100
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), holds) == 50
    assert auc(np.array([0.5, 0.5]), np.array([True, True])) is None
