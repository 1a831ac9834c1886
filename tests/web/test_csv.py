"""Files for spreadsheets: whatever people write, no cell of theirs is ever run as a formula."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.spreadsheet import BOM, line, safe
from bot.store import figures
from tests.support import hostile
from tests.support.house import START, House, build_house, comment
from tests.support.signed_in import Visitor, signed_in

MARCH = "from=2026-03-01&to=2026-03-31"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


def read(text: str, separator: str = ",") -> list[list[str]]:
    assert text.startswith(BOM), "Excel would not read it as UTF-8"
    return list(csv.reader(io.StringIO(text.removeprefix(BOM)), delimiter=separator))


def download(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    return str(answer.content.decode())


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", "\uff1d1"]
)
def test_a_text_that_begins_as_a_formula_is_prefixed(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("cell", [-1, -1.5, 0, 3])
def test_numbers_stay_numbers(cell: float) -> None:
    assert safe(cell) == cell


def test_nothing_is_an_empty_cell_and_a_plain_text_stays_as_it_is() -> None:
    assert (safe(None), safe(""), safe("a=1"), safe("l’été")) == ("", "", "a=1", "l’été")


def test_with_a_decimal_comma_cells_are_parted_by_semicolons() -> None:
    assert line([1.5, "a;b", 2], comma=True) == '1,5;"a;b";2\r\n'
    assert line([1.5, "a,b", 2]) == '1.5,"a,b",2\r\n'


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=5))
def test_what_is_read_back_is_what_was_written_but_for_the_apostrophe(cells: list[str]) -> None:
    (row,) = list(csv.reader(io.StringIO(line(cells), newline="")))
    for cell, found in zip(cells, row, strict=True):
        assert found in (cell.replace("\0", "\ufffd"), "'" + cell.replace("\0", "\ufffd"))
        assert not found.lstrip(" \u200b").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("kind", hostile.TEXTS)
def test_no_text_of_a_mention_is_run_by_a_spreadsheet(house: House, kind: str) -> None:
    house.hears(hostile.mention("m1", hostile.TEXTS[kind]))
    header, row = read(download(signed_in(house, "lead"), f"/reports/mentions.csv?{MARCH}"))
    cells = dict(zip(header, row, strict=True))
    stored = house.row("SELECT text FROM mentions")["text"]
    assert cells["text"].removeprefix("'") == stored.removeprefix("'")
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d")) for cell in row)


@pytest.mark.parametrize("kind", hostile.TEXTS)
def test_no_name_of_a_network_is_run_by_a_spreadsheet(house: House, kind: str) -> None:
    house.hears(hostile.mention("m1", hostile.TEXTS[kind]))
    _, row = read(download(signed_in(house), f"/reports.csv?table=networks&{MARCH}"))
    assert not row[0].lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    assert row[1] == "1"


def test_every_mention_of_the_period_is_in_the_file_once(house: House) -> None:
    number = figures.MENTIONS + 1  # so that there are two pages
    house.hears(*(comment(f"m{i}", "Bonjour ?") for i in range(number)))  # all posted in the same instant
    header, *rows = read(download(signed_in(house, "lead"), f"/reports/mentions.csv?{MARCH}"))
    assert [row[header.index("remote_id")] for row in rows] == [f"m{i}" for i in range(number)]
    assert {row[header.index("posted_at")] for row in rows} == {START.isoformat()}


def test_the_file_of_mentions_holds_the_period_and_the_filters_alone(house: House) -> None:
    house.hears(comment("m1", "Bonjour ?"), comment("m2", "Bonjour ?", network="x"))
    lead = signed_in(house, "lead")
    _, *rows = read(download(lead, f"/reports/mentions.csv?{MARCH}&network=x"))
    assert [row[2] for row in rows] == ["m2"]
    assert len(read(download(lead, "/reports/mentions.csv?from=2026-04-01&to=2026-04-30"))) == 1


def test_what_its_author_deleted_is_in_the_file_without_its_words(house: House) -> None:
    house.hears(comment("m1", "Un secret", by="marcel"))
    house.hears(deleted=["m1"])
    text = download(signed_in(house, "lead"), f"/reports/mentions.csv?{MARCH}")
    assert "m1" in text
    assert "secret" not in text
    assert "Marcel" not in text


def test_a_french_reader_gets_what_french_spreadsheets_read(house: House) -> None:
    house.hears(comment("m1", "Bonjour ?"))
    text = download(signed_in(house, lang="fr"), f"/reports.csv?table=books&{MARCH}")
    header, row = read(text, ";")
    assert header[:2] == ["Adresses", "Répondues"]
    assert row[0] == "1"


def test_lengths_are_minutes_and_times_are_on_the_brands_clock(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="promises: {calendar: {timezone: Europe/Paris}}")
    house.hears(comment("m1", "Bonjour ?"))
    house.clock.forward(hours=1)
    house.hears(comment("a1", "Oui.", in_reply_to="m1", own=True, posted_at=house.clock()))
    agent = signed_in(house)
    header, row = read(download(agent, f"/reports.csv?table=books&{MARCH}"))
    assert row[header.index("Median wait (minutes)")] == "60.0"
    _, first, *_ = read(download(agent, f"/reports.csv?table=times&{MARCH}"))
    assert first[0] == "2026-03-01T00:00+01:00"


def test_mentions_with_their_texts_are_for_leads(house: House) -> None:
    assert signed_in(house, "agent").get(f"/reports/mentions.csv?{MARCH}").status_code == 403
    assert signed_in(house, "lead", "Zoé").get(f"/reports/mentions.csv?{MARCH}").status_code == 200


def test_a_table_or_a_day_that_there_is_not_is_told_in_words(house: House) -> None:
    agent = signed_in(house)
    missing = agent.get(f"/reports.csv?table=nothing&{MARCH}")
    assert (missing.status_code, "there are: books, networks" in missing.text) == (404, True)
    for path in ("/reports.csv", "/reports.json"):
        assert agent.get(f"{path}?from=yesterday").status_code == 400
    assert signed_in(house, "lead", "Zoé").get("/reports/mentions.csv?from=x").status_code == 400
