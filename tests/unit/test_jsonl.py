"""A mention as a line of JSON: what is required, what is assumed, and what is said of a fault."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import jsonl
from bot.models import Author, Kind, Mention

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

# What a database stores as text: no halves of surrogate pairs, no U+0000.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
mentions = st.builds(
    Mention,
    network=texts.filter(bool),
    remote_id=texts.filter(bool),
    text=texts,
    posted_at=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    author=st.builds(Author, texts, texts, texts, st.none() | st.integers(0, 10**9)),
    kind=st.sampled_from(Kind),
    addressed=st.booleans(),
    url=texts,
    lang=texts,
    in_reply_to=texts,
    conversation=texts,
    own=st.booleans(),
)


@given(mentions)
def test_a_mention_survives_the_way_out_and_in_again(mention: Mention) -> None:
    assert jsonl.parse(jsonl.render(mention), NOW) == mention
    assert "\n" not in jsonl.render(mention)


def test_only_the_text_is_required_and_the_rest_is_honest() -> None:
    mention = jsonl.parse(b'{"text": "Bonjour"}', NOW)
    assert (mention.network, mention.kind, mention.addressed, mention.own) == (
        "import",
        Kind.POST,
        False,
        False,
    )
    assert (mention.posted_at, mention.author) == (NOW, Author())


def test_a_line_without_an_id_gets_the_same_one_whenever_it_is_read() -> None:
    line = '{"text": "Bonjour", "author": {"name": "Zoé", "id": "7"}, "posted_at": "2026-01-01"}'
    again = '{"posted_at": "2026-01-01", "author": {"id": "7", "name": "Zoé"}, "text": "Bonjour"}'
    other = line.replace("Zoé", "Léa")
    ids = [jsonl.parse(one, NOW + timedelta(days=n)).remote_id for n, one in enumerate([line, again, other])]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-31T10:30:00+01:00", NOW),
        ("2026-01-31T09:30:00Z", NOW),
        ("2026-01-31 09:30", NOW),
        ("2026-01-31", NOW.replace(hour=0, minute=0)),
    ],
)
def test_times_become_utc_and_without_a_zone_are_taken_as_utc(written: str, meant: datetime) -> None:
    posted_at = jsonl.parse(json.dumps({"text": "", "posted_at": written}), NOW).posted_at
    assert (posted_at, posted_at.tzinfo) == (meant, UTC)


@pytest.mark.parametrize("text", ["", "😡🔥", "x" * 100_000, "\u202eevil", "a\tb\nc"])
def test_unusual_texts_are_kept_as_they_are(text: str) -> None:
    assert jsonl.parse(json.dumps({"text": text}), NOW).text == text


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("", "the line is not JSON"),
        ("{", "the line is not JSON"),
        (b'{"text": "\xff"}', "the line is not UTF-8 (byte 11)"),
        ("[" * 100_000, "the line is not JSON that can be read"),
        ("7" * 5_000, "the line is not JSON that can be read"),
        ("[]", "the line must be an object"),
        ("{}", "text is missing"),
        ('{"text": null}', "text is missing"),
        ('{"text": 7}', "text must be text"),
        ('{"text": "", "remote_id": 7}', "remote_id must be text"),
        ('{"text": "", "addressed": 1}', "addressed must be true or false"),
        ('{"text": "", "own": "no"}', "own must be true or false"),
        ('{"text": "", "kind": "rant"}', "kind must be one of post, comment, reply, review, message, share"),
        ('{"text": "", "kind": []}', "kind must be one of"),
        ('{"text": "", "author": "Zoé"}', "author must be an object"),
        ('{"text": "", "author": {"id": 7}}', "author.id must be text"),
        ('{"text": "", "author": {"followers": true}}', "author.followers must be a whole number"),
        ('{"text": "", "author": {"followers": -1}}', "author.followers must be a whole number"),
        ('{"text": "", "posted_at": 1769851800}', "posted_at must be a date and time"),
        ('{"text": "", "posted_at": "yesterday"}', "posted_at must be a date and time"),
        ('{"text": "", "posted_at": "0001-01-01T00:00:00+12:00"}', "posted_at must be a date and time"),
    ],
)
def test_a_fault_names_the_field(line: str | bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=r"\A" + fault.replace("(", r"\(").replace(")", r"\)")):
        jsonl.parse(line, NOW)


def test_a_fault_never_quotes_what_a_person_wrote() -> None:
    with pytest.raises(ValueError, match="posted_at") as caught:
        jsonl.parse('{"text": "my IBAN is FR76", "posted_at": "my IBAN is FR76"}', NOW)
    assert "IBAN" not in str(caught.value)


def test_unknown_fields_and_nulls_are_passed_over() -> None:
    line: dict[str, Any] = {"text": "x", "likes": 3, "author": None, "kind": None, "lang": None}
    assert jsonl.parse(json.dumps(line), NOW).lang == ""


def test_a_time_elsewhere_is_the_same_instant() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-5)))
    line = {"text": "", "posted_at": there.isoformat()}
    assert jsonl.mention_from(line, NOW).posted_at == NOW
