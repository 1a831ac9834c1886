"""/healthz and /metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.steps.pulse import beats
from bot.store import ms
from tests.support.doors import house_behind_tls
from tests.support.house import House, build_house, comment
from tests.support.signed_in import browser

if TYPE_CHECKING:
    from pathlib import Path


def figures(text: str) -> dict[str, float]:
    """{name{label}: value} of what Prometheus' own parser reads."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_house_that_runs_is_well(house: House) -> None:
    answer = browser(house).get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_step_that_hangs_is_not_well_and_nothing_else_is_told(house: House) -> None:
    house.app.engine()
    assert set(beats(house.app.watch)) >= {"listen", "triage", "deliver", "sweep"}
    house.clock.forward(minutes=5)
    answer = browser(house).get("/healthz")
    assert (answer.status_code, answer.text) == (503, "not ok\n")


def test_a_step_that_ran_is_well_again(house: House) -> None:
    engine = house.app.engine()
    house.clock.forward(minutes=5)
    for task in ("triage", "deliver", "sweep"):
        engine._run(task, "paper")
    assert browser(house).get("/healthz").status_code == 200


def test_a_daemon_without_a_step_does_not_miss_it(house: House) -> None:
    house.app.engine(only=["triage"])
    assert set(beats(house.app.watch)) == {"triage"}


def test_a_slow_pace_is_no_illness(tmp_path: Path) -> None:
    house = build_house(tmp_path, extra="pace: {sweep: 10m, triage: 10m, deliver: 10m}")
    house.app.engine()
    house.clock.forward(minutes=29)
    assert browser(house).get("/healthz").status_code == 200


def test_a_store_that_cannot_be_read_is_not_well(house: House, tmp_path: Path) -> None:
    client = browser(house)
    assert client.get("/healthz").status_code == 200
    house.app.watch.store.close()
    for file in tmp_path.glob("vigie.db*"):
        file.unlink()
    (tmp_path / "vigie.db").write_bytes(b"this is no database" * 1000)
    assert client.get("/healthz").status_code == 503
    assert client.get("/metrics").status_code == 503


def test_the_figures_are_those_of_the_store(house: House) -> None:
    house.hears(comment("c1", "Bonjour, quels sont vos horaires ?"), comment("c2", "Merci !"))
    house.hears(comment("c3", "C'est une honte, ma carte est bloquée et personne ne répond !!!"))
    house.approve("c1")
    assert figures(browser(house).get("/metrics").text)["vigie_replies ready"] == 1
    house.deliver()
    house.desk.exempt(house.mention("c2")["id"], "no_answer_needed", house.mention("c2")["version"], "Léa")
    house.clock.forward(days=3)
    house.sweep()
    found = figures(browser(house).get("/metrics").text)
    books = house.audit()
    for name in ("open", "overdue", "answered", "exempted", "deleted"):
        assert found[f"vigie_addresses {name}"] == books[name], name
    assert found["vigie_addresses overdue"] == 1
    assert found["vigie_escalations_unacknowledged"] == books["escalated_unacknowledged"] > 0
    assert found["vigie_replies ready"] == found["vigie_replies unsure"] == books["unsure"] == 0
    assert found["vigie_source_lag_seconds blog"] == 3 * 86_400


def test_the_figures_tell_how_long_ago_steps_ran(house: House) -> None:
    house.app.engine()
    house.clock.forward(seconds=42)
    assert figures(browser(house).get("/metrics").text)["vigie_step_age_seconds sweep"] == 42


def test_the_figures_name_nobody_and_nothing_of_the_machine(house: House) -> None:
    house.hears(comment("c1", "Mes mots à moi", by="claire"))
    text = browser(house).get("/metrics").text
    for private in ("claire", "Claire", "mots", "python", "process_", "1.", "/"):
        assert private not in re.sub(r"\d+\.\d+", "", text), private


@pytest.mark.parametrize(("peer", "status"), [("10.0.0.7", 403), ("testclient", 403), ("::1", 200)])
def test_without_a_token_only_this_machine_reads_them(house: House, peer: str, status: int) -> None:
    client = browser(house)
    client._transport.client = (peer, 4000)
    assert client.get("/metrics").status_code == status


def test_behind_a_proxy_everybody_needs_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(house_behind_tls(tmp_path, monkeypatch))
    assert client.get("/metrics").status_code == 403


def test_with_a_token_whoever_holds_it_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = "0123456789" * 4
    monkeypatch.setenv("METRICS", token)
    house = house_behind_tls(tmp_path, monkeypatch, ', metrics_token: "${METRICS}"')
    client = browser(house)
    for given in (f"Bearer {token}", f"bearer {token}"):
        assert client.get("/metrics", headers={"authorization": given}).status_code == 200
    for given in (f"Bearer {token}x", f"Basic {token}", "Bearer é", "Bearer ", ""):
        assert client.get("/metrics", headers={"authorization": given.encode()}).status_code == 403, given


def test_the_time_of_a_scrape_is_the_clocks(house: House) -> None:
    house.hears(comment("c1", "Bonjour"))
    house.clock.forward(hours=1)
    lag = figures(browser(house).get("/metrics").text)["vigie_source_lag_seconds blog"]
    assert lag == (ms(house.clock()) - house.row("SELECT complete_to FROM sources")["complete_to"]) / 1000
