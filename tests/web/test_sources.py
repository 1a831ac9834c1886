"""Where we listen, through what we answer, and what it costs: seen by everybody who may sign in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import AuthFailed, Retry
from bot.meter import Charge
from bot.store import escalations, events, ms, spend
from tests.support.hostile import HOSTILE, harmless
from tests.support.house import CONFIG, QUESTION, START, House, build_house, comment
from tests.support.signed_in import signed_in

ONE_THAT_COSTS = """
brand: {name: Banque Azur, handles: ["@banqueazur"]}
accounts:
  ours:
    handle: "@banqueazur"
    access_token: ${X_TOKEN}
    access_token_secret: ${X_SECRET}
    consumer_key: ${X_KEY}
    consumer_secret: ${X_SECRET}
    budget: {day: 2, month: 30}
listeners:
  x: {type: x, account: ours}
responders:
  x: {type: x, account: ours}
  paper: {type: console}
"""


def test_how_far_a_source_is_complete_and_how_far_it_lags(house: House) -> None:
    house.hears(comment("a", QUESTION), complete_to=START - timedelta(minutes=4))
    page = signed_in(house, "viewer").get("/sources").text
    for said in ("blog", "replay", "listens", "Complete from", "10/03/2026, 08:56", "4 min", "no gap"):
        assert said in page, said


def test_a_source_that_was_never_asked_says_so(house: House) -> None:
    assert "not asked yet" in signed_in(house).get("/sources").text


def test_a_source_that_fails_says_since_when_and_why(house: House) -> None:
    house.wire.batches.append(Retry("the blog answers 503"))
    house.listen()
    house.clock.forward(hours=1)
    house.sweep()
    page = signed_in(house).get("/sources").text
    for said in ("fails", "10/03/2026, 09:00", "the blog answers 503", "Rings since"):
        assert said in page, said


def test_a_silent_source_is_no_source_in_order(house: House) -> None:
    house.hears(comment("a", QUESTION))
    house.clock.forward(hours=1)
    page = signed_in(house).get("/sources").text
    assert "is silent" in page
    assert ">listens<" not in page


def test_the_latest_gaps_are_named_and_the_others_counted(house: House) -> None:
    house.hears(comment("a", QUESTION))
    with house.app.watch.store.tx() as tx:
        for day in range(8):
            begins = ms(START - timedelta(days=10 - day))
            tx.run(
                "INSERT INTO gaps (listener, from_at, to_at) VALUES ('blog', ?, ?)",
                (begins, begins + 7_200_000),
            )
    page = signed_in(house).get("/sources").text
    assert page.count("(2 h 00 min)") == 5
    assert "8 in all" in page
    assert "07/03/2026, 09:00" in page
    assert "28/02/2026" not in page


def test_a_source_that_is_no_longer_in_the_config_is_still_shown(house: House) -> None:
    with house.app.watch.store.tx() as tx:
        tx.run("INSERT INTO sources (listener, since) VALUES ('gone', 0)")
    page = signed_in(house).get("/sources").text
    assert "no longer in the config" in page


def test_what_is_on_its_way_out_and_what_is_out_of_order(house: House) -> None:
    house.hears(comment("a", QUESTION))
    house.approve("a")
    house.paper.next_.append(AuthFailed("the token is no longer good"))
    house.deliver()
    page = signed_in(house).get("/sources").text
    assert "out of order" in page
    assert "the token is no longer good" in page
    assert "<dt>Approved, to be sent</dt><dd>1" in page
    assert "held until" in page


def test_what_an_account_spent_stands_beside_its_budget_and_no_secret_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"X_TOKEN": "123-a-very-secret-token", "X_SECRET": "another-secret", "X_KEY": "a-third-secret"}
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    house = build_house(tmp_path, ONE_THAT_COSTS)
    with house.app.watch.store.tx() as tx:
        spend.add(tx, "ours", [Charge("post read", 100, 500_000)], house.clock() - timedelta(days=1))
        spend.add(tx, "ours", [Charge("post read", 200, 1_000_000)], house.clock())
    page = signed_in(house, "viewer").get("/sources").text
    for said in ("ours", "1 USD of 2 USD", "50%", "1.5 USD of 30 USD", "5%", "<meter"):
        assert said in page, said
    for secret in secrets.values():
        assert secret not in page


def test_what_costs_nothing_has_no_table_of_costs(house: House) -> None:
    assert "What it costs" not in signed_in(house).get("/sources").text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_errors_are_shown_as_text(house: House, text: str) -> None:
    words = text.replace("\ud83d", "")
    with house.app.watch.store.tx() as tx:
        tx.run(
            "INSERT INTO sources (listener, since, failing_since, error) VALUES (?, 0, 0, ?)",
            (words[:90] or "x", words),
        )
        events.append(tx, 0, escalations.open_one(tx, "responder:paper", words, "", 0))
    page = signed_in(house).get("/sources")
    assert page.status_code == 200
    harmless(page.text)


def test_it_is_french_for_whom_reads_french(tmp_path: Path) -> None:
    house = build_house(tmp_path, CONFIG)
    house.hears(comment("a", QUESTION))
    page = signed_in(house, lang="fr").get("/sources").text
    for said in ("Ce que nous écoutons", "à l’écoute", "Canaux d’envoi", "en ordre"):
        assert said in page, said
