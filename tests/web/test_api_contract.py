"""The API keeps what its own description says: schemathesis plays every operation, with what the description
allows and with what it does not, one by one and in sequence, and holds each answer against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from bot.web import make_app
from tests.support.house import ANGRY, CONFIG, QUESTION, House, build_house, comment
from tests.support.program import program
from tests.support.signed_in import browser

EXAMPLES: Final = 15
HOST: Final = "127.0.0.1:8700"
# What the rate limit is for is tested elsewhere.
OPEN: Final = CONFIG + "web: {api_calls: 1000000000}\n"


@dataclass(slots=True)
class Played:
    """What came of it: how often each check was made, how often each status was the answer to each operation,
    and what was wrong."""

    checks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def inhabited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Some people wait, so that there is something to act on."""
    house = build_house(tmp_path_factory.mktemp("contract"), OPEN)
    house.hears(*(comment(f"c{n}", ANGRY if n % 2 else QUESTION, by=f"p{n}") for n in range(6)))
    yield house
    house.app.watch.store.close()


@pytest.fixture(scope="module")
def played(inhabited: House) -> Played:
    house, found = inhabited, Played()
    config, token = SchemathesisConfig(), program(house, "admin", "admin", "Ada").token
    ours = config.projects.default
    ours.base_url = f"http://{HOST}/api"
    ours.headers = {"Authorization": f"Bearer {token}"}
    ours.generation = GenerationConfig(
        max_examples=EXAMPLES, deterministic=True, modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    )
    app = make_app(house.app, house.wake)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, config=config, headers={"host": HOST})
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            _note(found, event)
        elif isinstance(event, FatalError | NonFatalError):
            found.wrong.append(repr(event))
    return found


def _note(found: Played, event: ScenarioFinished) -> None:
    recorder = event.recorder
    for case, checks in recorder.checks.items():
        for check in checks:
            found.checks[check.name] += 1
            if check.failure_info is not None:
                told = check.failure_info
                found.wrong.append(f"{recorder.label}: {check.name}: {told.failure}\n{told.code_sample}")
        interaction = recorder.interactions.get(case)
        if interaction is not None and interaction.response is not None:
            label = recorder.cases[case].value.operation.label
            found.statuses[label, interaction.response.status_code] += 1


def test_every_answer_is_as_the_description_says(played: Played) -> None:
    assert played.wrong == []


def test_every_kind_of_check_was_made(played: Played) -> None:
    assert min(played.checks.values()) > 500
    for name in ("not_a_server_error", "status_code_conformance", "content_type_conformance",
                 "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance",
                 "ignored_auth", "unsupported_method"):  # fmt: skip
        assert played.checks[name], name


def test_every_operation_was_played_and_most_came_to_a_good_end(played: Played, inhabited: House) -> None:
    described = browser(inhabited).get("/api/openapi.json").json()["paths"]
    operations = {f"{verb.upper()} {path}" for path, verbs in described.items() for verb in verbs}
    assert {label for label, _ in played.statuses} >= operations
    good = {label for label, status in played.statuses if status == 200}
    assert len(good & operations) > len(operations) / 2, operations - good


def test_the_books_balance_after_all_that(played: Played, inhabited: House) -> None:
    assert played.checks
    found = inhabited.audit()
    assert found["balanced"], found["problems"]
    assert found["addresses"] > 6
