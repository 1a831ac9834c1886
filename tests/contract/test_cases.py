"""Plays the cases of tests/fixtures/ against every listener and responder: what goes over the wire, and
what comes of each answer. A new network brings a fixtures folder and no code for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr

from bot import errors, jsonl, plugins
from bot.models import Batch, Escalation, Priority, Receipt, Refusal, Reply
from tests.contract.test_services import SERVICES, config, fixture
from tests.support.scripted import nobody, playing

NOW = datetime.fromisoformat("2026-01-31T12:00:00Z")
ESCALATION = {"key": "e1", "reason": "overdue", "subject": "an address", "ring": 1, "at": NOW}

CASES = [
    pytest.param(side, name, case, id=f"{name}-{side.removesuffix('s')}: {case['name']}")
    for side, name in SERVICES
    for case in fixture(side, name)["cases"]
]


def outcome(service: Any, step: dict[str, Any], cursor: str | None) -> Any:
    """Do what a step says; what came of it, or the error."""
    try:
        if "mention" in step:
            mention = jsonl.mention_from(step["mention"], NOW)
        match step.get("do", "poll"):
            case "poll":
                return service.poll(cursor)
            case "can_reply":
                return service.can_reply(mention)
            case "notify":
                values = {**ESCALATION, **step["escalation"]}
                return service.notify(Escalation(**{**values, "priority": Priority.HIGH}))
            case verb:
                return getattr(service, verb)(Reply("k1", step["text"], mention))
    except errors.ServiceError as error:
        return error


def check(found: Any, expected: dict[str, Any] | None, secrets: list[str]) -> None:
    """Compare what came of a step with what the fixture says should have."""
    if isinstance(found, errors.ServiceError):
        assert (type(found).__name__, str(found)) == ((expected or {}).get("error"), str(found))
        assert expected is not None
        assert expected["says"] in str(found)
        assert not [secret for secret in secrets if secret in str(found)]
        assert getattr(found, "after", None) == expected.get("after", getattr(found, "after", None))
    elif isinstance(found, Batch):
        assert expected is not None
        check_batch(found, expected)
    elif isinstance(found, Receipt):
        assert {"remote_id": found.remote_id, "url": found.url} == expected
    elif isinstance(found, Refusal):
        assert expected is not None
        assert expected["refusal"] in found.reason
    else:
        assert found is None
        assert expected is None


def check_batch(batch: Batch, expected: dict[str, Any]) -> None:
    found = [json.loads(jsonl.render(mention)) for mention in batch.mentions]
    for mention in found:
        mention.setdefault("own", False)
    wanted = expected["mentions"]
    assert [{key: got.get(key) for key in want} for got, want in zip(found, wanted, strict=False)] == wanted
    assert len(found) == len(wanted)
    for name in ("complete_from", "complete_to"):
        if name in expected:
            at = getattr(batch, name)
            assert (at and at.isoformat().replace("+00:00", "Z")) == expected[name]
    assert list(batch.deleted) == expected.get("deleted", [])


@contextlib.contextmanager
def service(
    side: Any, name: str, case: dict[str, Any], exchanges: list[Any]
) -> Iterator[tuple[Any, list[str]]]:
    """The service, talking to a script; at the end, all of the script must have been played."""
    plugin = plugins.find(side, name)
    with playing(exchanges) as script:
        values = {
            **config(side, name, nobody() if case.get("nobody") else script.url),
            **case.get("config", {}),
        }
        settings = plugin.config.model_validate(values)
        secrets = [str(values[key]) for key, value in settings if isinstance(value, SecretStr)]
        yield plugin.build(settings), secrets
        script.check()


@pytest.mark.parametrize(("side", "name", "case"), CASES)
def test_what_is_sent_and_what_comes_of_the_answer(side: Any, name: str, case: dict[str, Any]) -> None:
    steps = case.get("steps", [case])
    exchanges = [exchange for step in steps for exchange in step.get("exchanges", [])]
    cursor = json.dumps(case["cursor"]) if "cursor" in case else None
    with service(side, name, case, exchanges) as (built, secrets):
        for step in steps:
            found = outcome(built, step, cursor)
            texts = [step[key] for key in ("text",) if key in step]
            check(found, step["expect"], secrets + texts)
            cursor = found.cursor if isinstance(found, Batch) else cursor
