"""The public data sets that the shipped model is built from, as examples. Their texts are not in this repo;
`NOTICE` names them and their licences.

Each set is a folder with ``train.jsonl`` and perhaps ``dev.jsonl``, lines of ``{"text", "label", "lang"}``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bot.analysis.examples import Example, one_hot

TWEETS: Final = {
    "en": "tweeteval-sentiment",
    "fr": "xlmt-fr",
    "es": "xlmt-es",
    "it": "xlmt-it",
    "pt": "xlmt-pt",
    "de": "xlmt-de",
}
TWEET_WEIGHT: Final = {"en": 1.0, "fr": 2.5}
REVIEWS: Final = {"en": "appreviews-en", "fr": "appreviews-fr"}
REVIEW_WEIGHT: Final = 0.3


def lines(data: Path, name: str, part: str = "train") -> Iterator[dict[str, Any]]:
    """The lines of one set; none if it has no such part."""
    file = data / name / f"{part}.jsonl"
    if file.exists():
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def tweets(data: Path, lang: str, part: str = "train") -> list[Example]:
    """Tweets with their sentiment."""
    return [
        Example(line["text"], lang, one_hot(line["label"]), weight=TWEET_WEIGHT.get(lang, 1.0))
        for line in lines(data, TWEETS[lang], part)
    ]


def reviews(data: Path, lang: str, part: str = "train") -> list[Example]:
    """Reviews of apps: stars as sentiment, reported problems as complaints, wishes as suggestions."""
    return [_review(line, lang) for line in lines(data, REVIEWS[lang], part)]


def _review(line: dict[str, Any], lang: str) -> Example:
    labels, stars = line["label"], line["star_sentiment"]
    problem, wish = "problem_report" in labels, "feature_request" in labels
    intents = {"complaint": problem, "suggestion": wish, "spam": False}
    if not problem and not wish:
        intents |= {"praise": stars == "positive", "complaint": stars == "negative"}
    return Example(line["text"], lang, one_hot(stars), intents, weight=REVIEW_WEIGHT)


def messages(data: Path) -> list[Example]:
    """Text messages, spam or not: all they teach is that one label."""
    return [
        Example(line["text"], "en", intents={"spam": line["label"] == "spam"}, weight=0.3)
        for line in lines(data, "sms-spam")
    ]


def requests(data: Path) -> list[Example]:
    """A customer's questions to a bank."""
    known = {"question": True, "spam": False, "praise": False, "suggestion": False}
    return [
        Example(line["text"], "en", intents=known, weight=0.2) for line in list(lines(data, "banking77"))[::5]
    ]


def chatter(data: Path) -> list[Example]:
    """Tweets as examples of what is no spam."""
    every = [*tweets(data, "en")[::10], *tweets(data, "fr")]
    return [Example(one.text, one.lang, intents={"spam": False}, weight=0.3) for one in every]


def everything(data: Path) -> list[Example]:
    """All that the shipped model learns from, besides the corpus in the repo."""
    moods = [one for lang in TWEETS for one in tweets(data, lang)]
    return [
        *moods,
        *reviews(data, "en"),
        *reviews(data, "fr"),
        *messages(data),
        *requests(data),
        *chatter(data),
    ]
