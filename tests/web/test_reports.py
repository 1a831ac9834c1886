"""Reports: what the page says is what happened, and all over time it is what the audit says."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from jinja2.ext import babel_extract

from bot.hours import Calendar
from bot.models import INTENTS, SENTIMENTS, Author, Kind
from bot.reports.figures import Asked, Figures, Rows, figures
from bot.reports.period import between
from bot.reports.tables import tables
from bot.store import figures as rows_of
from bot.store import ms
from bot.store.sqlite import SqliteStore
from bot.web.language import Languages
from bot.web.words import word
from tests.support import hostile
from tests.support.house import ANGRY, QUESTION, THANKS, House, build_house, comment
from tests.support.month_of_mentions import month
from tests.support.signed_in import Visitor, signed_in
from tests.support.terminal import Terminal

TAGS = [*(f"sentiment_{one}" for one in SENTIMENTS), *(f"intent_{one}" for one in INTENTS)]
MARCH = "from=2026-03-01&to=2026-03-31"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house after a month; nobody changes anything there."""
    return month(tmp_path_factory.mktemp("month"), a_day=6)


def over_all_time(house: House, **narrowed: str) -> Figures:
    root = house.app.watch.settings.root
    zone = ZoneInfo(root.promises.calendar.timezone)
    period = between(date(1970, 1, 1), date(2100, 1, 1), zone)
    asked = Asked(period, **narrowed)
    with house.app.watch.store.read() as tx:
        return figures(rows_of.rows(tx, asked), asked, root.promises.calendar, ms(house.clock()))


def page(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


# --- The figures are those of the audit ----------------------------------------------------------


def test_over_all_time_the_books_are_those_of_the_audit(busy: House) -> None:
    told, found = busy.audit(), over_all_time(busy)
    books = found.books
    assert told["balanced"], told["problems"]
    assert told["addresses"] > 50
    for name in ("addresses", "answered", "exempted", "deleted", "open", "overdue"):
        assert getattr(books, name) == told[name], name
    assert books.rates == told["answer_rate"]
    assert {reason: sum(numbers) for reason, numbers in found.exempted.items()} == told["exemptions"]
    assert sum(rules for _, rules in found.exempted.values()) == told["exempted_by_rule"]


def test_the_networks_of_the_filter_add_up_to_all(busy: House) -> None:
    with busy.app.watch.store.read() as tx:
        networks = rows_of.networks(tx)
    assert networks == ["facebook", "instagram", "wordpress", "x"]
    parts = [over_all_time(busy, network=name) for name in networks]
    whole = over_all_time(busy)
    assert sum(one.books.addresses for one in parts) == whole.books.addresses
    assert sum(sum(s.mentions for s in one.said) for one in parts) == sum(s.mentions for s in whole.said)
    assert sum(sum(n for n, _ in one.shares.values()) for one in parts) == sum(
        n for n, _ in whole.shares.values()
    )


def test_networks_are_called_by_their_names_on_the_page_and_by_their_codes_in_files(busy: House) -> None:
    viewer = signed_in(busy, "viewer")
    page = viewer.get("/reports?from=1970-01-01&network=wordpress").text
    assert '<option value="wordpress" selected>WordPress</option>' in page
    assert '<th scope="row" dir="auto">WordPress</th>' in page
    table = viewer.get("/reports.csv?table=networks&from=1970-01-01&network=wordpress").text
    assert "\nwordpress," in table.replace("\r", "")


def test_one_process_alone_is_what_it_is_among_all(busy: House) -> None:
    whole = over_all_time(busy)
    for process, books in whole.processes.items():
        assert over_all_time(busy, process=process).books == books


def test_everything_that_was_said_is_a_share_or_counted_in_the_volume(busy: House) -> None:
    found = over_all_time(busy)
    every = busy.row("SELECT COUNT(*) AS n FROM mentions")["n"]
    shares = sum(number for number, _ in found.shares.values())
    assert shares + sum(one.mentions for one in found.said) == every
    assert sum(one.addresses for one in found.said) == found.books.addresses
    assert (
        sum(sum(one.sentiments.values()) for one in found.said)
        == sum(one.mentions for one in found.said)
        - busy.row("SELECT COUNT(*) AS n FROM mentions WHERE analysis IS NULL AND kind <> 'share'")["n"]
    )


# --- When somebody was answered ------------------------------------------------------------------


def test_an_answer_given_on_the_network_counts_from_when_it_was_posted_there(house: House) -> None:
    house.hears(comment("m1", QUESTION))
    house.clock.forward(hours=1)
    posted = house.clock()
    house.clock.forward(hours=9)  # and is only noticed after the promise was over
    house.hears(comment("a1", "Oui.", in_reply_to="m1", own=True, posted_at=posted))
    books = over_all_time(house).books
    assert (books.kept, books.clock.median) == (1, 3_600_000)


def test_a_reply_of_ours_counts_from_when_it_went_out(house: House) -> None:
    house.hears(comment("m1", QUESTION))
    house.clock.forward(hours=2)
    house.approve("m1")
    house.deliver()
    assert over_all_time(house).books.clock.median == 2 * 3_600_000


def test_a_holding_reply_is_no_first_answer(tmp_path: Path) -> None:
    house = build_house(
        tmp_path,
        extra="""
        rules: [{name: seen, when: {intents: [praise]}, template: seen, approve: auto}]
        templates: [{name: seen, by_rule: true, holding: true, text: "Merci, nous regardons."}]
        """,
    )
    house.hears(comment("m1", THANKS))
    house.deliver()
    assert len(house.paper.published) == 1
    assert house.mention("m1")["state"] == "waiting"
    house.clock.forward(hours=3)
    house.hears(comment("a1", "Oui, à 9 h.", in_reply_to="m1", own=True, posted_at=house.clock()))
    assert house.mention("m1")["state"] == "answered"
    assert over_all_time(house).books.clock.median == 3 * 3_600_000


def test_who_was_answered_along_with_a_later_message_was_answered_then(house: House) -> None:
    house.hears(comment("m1", ANGRY, conversation="t"))
    house.hears(comment("m2", QUESTION, conversation="t"))
    house.clock.forward(hours=1)
    house.approve("m2")
    house.deliver()
    books = over_all_time(house).books
    assert (books.answered, books.clock.bars.count(2)) == (2, 1)


def test_shares_are_counted_for_reach_and_nowhere_else(house: House) -> None:
    share = comment("s1", "RT", kind=Kind.SHARE, author=Author("p", followers=1200))
    house.hears(share, comment("m1", QUESTION))
    found = over_all_time(house)
    assert found.shares == {"blog": (1, 1200)}
    assert sum(one.mentions for one in found.said) == found.books.addresses == 1


# --- The page ------------------------------------------------------------------------------------


def test_both_answer_rates_stand_side_by_side_and_what_they_count_is_said(busy: House) -> None:
    told = words(page(signed_in(busy, "viewer", "Zoé"), f"/reports?{MARCH}"))
    rate = busy.audit()["answer_rate"]
    assert f"Answered, of all addresses {100 * rate['all']:.1f}".rstrip("0").rstrip(".") in told
    assert f"Answered, after exemptions {100 * rate['after_exemptions']:.1f}".rstrip("0").rstrip(".") in told
    assert "Holding replies do not count" in told


def test_every_table_is_on_the_page_with_what_it_counts(busy: House) -> None:
    text = page(signed_in(busy), f"/reports?{MARCH}")
    for table in tables(over_all_time(busy)).values():
        assert html.escape(table.about, quote=False)[:40] in html.unescape(text), table.name
    assert text.count("<caption") >= 10


def test_every_chart_has_a_title_and_a_description(busy: House) -> None:
    text = page(signed_in(busy), f"/reports?{MARCH}")
    charts = re.findall(r"<svg[^>]*role=\"img\"[^>]*>.*?</svg>", text, re.DOTALL)
    assert len(charts) >= 12
    for chart in charts:
        (names,) = re.findall(r'aria-labelledby="([^"]+)"', chart)
        assert all(f'id="{name}"' in chart for name in names.split())
        assert re.search(r"<desc[^>]*>[^<]{20,}</desc>", chart)


def test_no_id_is_on_the_page_twice_and_no_style_or_script_in_it(busy: House) -> None:
    text = page(signed_in(busy), f"/reports?{MARCH}")
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert not re.search(r"\sstyle=|<style|<script(?! src)|\son\w+=", text)


def test_the_page_is_french_for_who_reads_french(busy: House) -> None:
    told = words(page(signed_in(busy, name="Zoé", lang="fr"), f"/reports?{MARCH}"))
    for said in ("Répondues, sur toutes les adresses", "Promesses tenues", "Délai de première réponse",
                 "lundi", "clôturées sans réponse", "mars 2026"):  # fmt: skip
        assert said in told
    for said in ("Answered", "Addresses", "Nothing in this period", "The figures"):
        assert said not in told


def test_every_text_of_these_pages_has_its_french() -> None:
    french = Languages(ZoneInfo("UTC")).named("fr").catalog
    missing = [text for text in texts_of_templates() if french.gettext(text) == text and text not in _SAME]
    for table in tables(nothing()).values():
        titles = (table.title, table.about, *(word(column.title) for column in table.columns))
        missing += [text for text in titles if french.gettext(text) == text and text not in _SAME]
    assert missing == []


# What French says in the same word.
_SAME = {"Audit", "Source", "Sections", "Volume", "Sentiment", "plus", "Mention %(id)s", "question", "spam",
         "suggestion"}  # fmt: skip


def texts_of_templates() -> Iterator[str]:
    folder = resources.files("bot.web") / "templates"
    for name in ("reports", "report_body", "report_file", "charts", "audit", "settings"):
        source = io.BytesIO((folder / f"{name}.html").read_bytes())
        for _, _, found, _ in babel_extract(source, ("_",), [], {"extensions": "jinja2.ext.do"}):
            yield from [found] if isinstance(found, str) else [one for one in found or () if one]


def nothing() -> Figures:
    period = between(date(2026, 3, 1), date(2026, 3, 1), ZoneInfo("UTC"))
    said = [dict.fromkeys(("mentions", "addresses", *TAGS), 0) for _ in period.buckets()]
    return figures(Rows((), said, (), (), (), (), ()), Asked(period), Calendar(), period.end)


@pytest.mark.parametrize("preset", ["today", "7days", "30days", "month", "last_month"])
def test_each_preset_has_a_page(busy: House, preset: str) -> None:
    assert 'aria-current="true"' in page(signed_in(busy), f"/reports?period={preset}")


def test_a_report_of_nothing_has_a_page_too(house: House) -> None:
    told = words(page(signed_in(house), "/reports"))
    assert "Nobody was answered yet." in told
    assert "Nothing in this period." in told


@pytest.mark.parametrize(
    "query", ["from=x", "from=2026-03-02&to=2026-03-01", "period=week", "from=0001-01-01", "to=99999-01-01"]
)
def test_a_period_that_is_none_is_said_and_another_shown(house: House, query: str) -> None:
    answer = signed_in(house).get(f"/reports?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "Were people answered?" in answer.text


def test_a_period_of_all_years_has_a_page(busy: House) -> None:
    page(signed_in(busy), "/reports?from=1970-01-01&to=2100-01-01")


@pytest.mark.parametrize("kind", hostile.TEXTS)
def test_hostile_texts_are_shown_as_text(house: House, kind: str) -> None:
    evil = hostile.TEXTS[kind]
    house.hears(hostile.mention("m1", evil))
    text = page(signed_in(house), f"/reports?{MARCH}")
    clean = re.sub(r'value="[^"]*"', "", text)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert ' onfocus="' not in text
    assert "\u202e" not in clean
    assert "javascript:" not in text
    assert len(text) < 400_000


def test_who_is_not_signed_in_sees_no_figure(house: House) -> None:
    visitor = signed_in(house)
    visitor.client.cookies.clear()
    for path in ("/reports", "/reports.csv", "/reports.json", "/reports/mentions.csv"):
        assert visitor.get(path).status_code == 303


# --- For programs, and as a file -----------------------------------------------------------------


def test_the_json_holds_every_table_with_seconds_and_iso_times(busy: House) -> None:
    found = json.loads(signed_in(busy).get(f"/reports.json?{MARCH}").content)
    assert (found["from"], found["to"], found["timezone"]) == ("2026-03-01", "2026-03-31", "Europe/Paris")
    assert set(found["tables"]) == set(tables(over_all_time(busy)))
    assert found["tables"]["times"][0]["from"] == "2026-02-28T23:00:00+00:00"
    assert found["tables"]["waits"][1] == found["tables"]["waits"][1] | {"from": 300.0, "to": 900.0}
    assert found["tables"]["books"][0]["addresses"] == busy.audit()["addresses"]


def test_the_command_writes_one_file_that_asks_for_nothing(busy: House, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    terminal = Terminal(_folder(busy), {})
    days = ("--from", "2026-03-01", "--to", "2026-03-31")
    done = terminal.vigie("report", *days, "--html", str(file), "--lang", "fr")
    assert done.returncode == 0, done.stderr
    text = file.read_text("utf-8")
    assert "Délai de première réponse" in words(text)
    assert not re.search(r"<script|<link|<img|src=|href=|@import|url\((?!#)", text)
    assert "<svg" in text


def test_the_command_prints_what_the_page_says(busy: House) -> None:
    terminal = Terminal(_folder(busy), {})
    days = ("--from", "2026-03-01", "--to", "2026-03-31")
    told = busy.audit()
    found = terminal.json("report", *days)
    assert found["tables"]["books"][0]["answered"] == told["answered"]
    text = terminal.vigie("report", *days).stdout
    assert f"{told['addresses']} addresses = {told['answered']} answered" in " ".join(text.split())
    csv = terminal.vigie("report", *days, "--csv", "networks", "--lang", "en", "--network", "x").stdout
    assert [line.partition(",")[0] for line in csv.splitlines()] == ["\ufeffNetwork", "x"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--from", "2026-03-02", "--to", "2026-03-01"], "is before"),
        (["--from", "yesterday"], "is no day"),
        (["--csv", "nothing"], "there are: books"),
        (["--csv", "books", "--json"], "say one of"),
    ],
)
def test_a_report_that_cannot_be_is_refused_in_words(busy: House, options: list[str], why: str) -> None:
    done = Terminal(_folder(busy), {}).vigie("report", *options)
    assert done.returncode == 2
    assert why in done.stderr


def _folder(house: House) -> Path:
    store = house.app.watch.store
    assert isinstance(store, SqliteStore)
    return store.path.parent
