"""Networks at their worst, through the whole house: a token that ends, and more at once than a page holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.faults import Calls, Fault
from bot.store import instant, sources
from tests.support.sandboxed import NETWORKS, Sandboxed, sandboxed


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Sandboxed]:
    with sandboxed(tmp_path) as house:
        yield house


@pytest.mark.parametrize("network", NETWORKS)
def test_250_mentions_between_two_polls_with_pages_of_100_are_250_rows(town: Sandboxed, network: str) -> None:
    town.root(network)
    town.hear()
    said = set()
    for i in range(250):
        town.clock.forward(milliseconds=200)
        said.add(town.says(network, f"p{i % 25}", f"bonjour, où en est mon virement {i} ?"))
    for _ in range(3):
        town.hear()
        heard = [row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions ORDER BY id")]
        assert len(heard) == 250
        assert set(heard) == said
    books = town.audit()
    assert (books["addresses"], books["open"], books["balanced"]) == (250, 250, True)
    assert [source["gaps"] for source in books["sources"]] == [[], []]


def test_a_token_that_ends_is_an_incident_at_once_and_what_was_missed_is_heard_after_its_renewal(
    town: Sandboxed,
) -> None:
    before = town.says("x", "claire", "bonjour, une question ?")
    town.hear()
    covered = instant(town.rows("SELECT * FROM sources WHERE listener = 'x'")[0]["complete_to"])
    town.sandbox.faults.switch_on("x", Fault.TOKEN_EXPIRED, Calls.ALL)
    missed = [town.says("x", f"p{i}", f"il y a quelqu'un {i} ?") for i in range(3)]
    others = town.says("facebook", "zoe", "et ma carte ?")

    town.hear()  # one poll is enough
    town.sweep()
    (incident,) = town.rows("SELECT * FROM escalations WHERE closed_at IS NULL AND mention_id IS NULL")
    assert (incident["key"], incident["rings"]) == ("account:x", 1)
    assert any("listener x" in str(message) for message in town.slack.messages)
    assert {row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions")} == {before, others}
    record = town.rows("SELECT * FROM sources WHERE listener = 'x'")[0]
    assert instant(record["complete_to"]) == covered
    assert record["failing_since"] is not None
    others_record = town.rows("SELECT * FROM sources WHERE listener = 'facebook'")[0]
    assert others_record["failing_since"] is None

    town.hear(hours=2)
    late = town.says("x", "max", "toujours personne ?")
    town.sandbox.faults.clear()
    town.hear()
    assert {row["remote_id"] for row in town.rows("SELECT remote_id FROM mentions WHERE network = 'x'")} == {
        before, *missed, late,
    }  # fmt: skip
    assert town.rows("SELECT * FROM escalations WHERE key = 'account:x' AND closed_at IS NULL") == []
    record = town.rows("SELECT * FROM sources WHERE listener = 'x'")[0]
    assert record["failing_since"] is None
    assert instant(record["complete_to"]) >= town.clock() - timedelta(minutes=2)
    with town.app.watch.store.read() as tx:
        assert sources.gaps(tx, "x") == []  # all of it was still there to be read
    kinds = [row["kind"] for row in town.rows("SELECT kind FROM events WHERE source = 'x' ORDER BY seq")]
    assert [kind for kind in kinds if kind.startswith("source")] == ["source_failed", "source_recovered"]
    # Those who were not heard meanwhile are owed from when they wrote.
    rows = [town.mention(one) for one in missed]
    assert all(row["heard_at"] - row["posted_at"] > 2 * 3_600_000 for row in rows)
    assert all(row["due_at"] - row["posted_at"] <= 8 * 3_600_000 for row in rows)
    assert town.audit()["balanced"]
