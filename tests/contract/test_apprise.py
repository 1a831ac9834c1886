"""The Apprise notifier: the real library, to servers on loopback."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.config import load
from bot.errors import ConfigError, Refused, Retry
from bot.logs import secrets_in
from bot.models import Escalation, Priority
from responders.apprise import AppriseNotifier, Config
from tests.support import mail
from tests.support.scripted import Script, nobody, playing

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
CALL = Escalation(
    "mention:7", "overdue", "", 2, AT, mention_id=7, network="facebook", author="Zoé", priority=Priority.HIGH,
    text="Votre appli plante\n@here <!channel> \x1b[2J & personne ne répond", due_at=AT,
    url="https://mastodon.example/@zoe/1",
)  # fmt: skip
SECRET = "not-a-real-password"


def as_json(script: Script) -> str:
    """The Apprise URL of a script that takes JSON; the password goes into a header."""
    return script.url.replace("http://", f"json://vigie:{SECRET}@") + "/hook"


def notifier(*urls: str, timeout: float = 5) -> AppriseNotifier:
    return AppriseNotifier(Config(urls=tuple(map(SecretStr, urls)), timeout=timeout))


def taken(**response: Any) -> dict[str, Any]:
    return {"request": "POST /hook", "response": response}


def test_an_escalation_arrives_as_plain_text_with_the_person_s_words() -> None:
    with playing([taken()]) as script:
        receipt = notifier(as_json(script)).notify(CALL)
        script.check()
    sent = json.loads(script.asked[0].body)
    assert sent["title"] == "Vigie [high]: overdue: Zoé on facebook"
    assert sent["message"].splitlines() == [
        "Why: overdue",
        "From: Zoé on facebook",
        "Answer due: 2026-03-10 09:00 UTC",
        "Rings for the 2. time",
        "Number in Vigie: 7",
        "https://mastodon.example/@zoe/1",
        "",
        "| Votre appli plante",
        "| @\u200bhere <\u200b!channel> [2J & personne ne répond",
    ]
    assert receipt.remote_id == "apprise:mention:7:2"


def test_a_digest_arrives_as_mail_with_subject_and_text() -> None:
    with mail.receiving() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}/?from=vigie@example.org&to=team@example.org"
        notifier(url).tell("Banque Azur, lundi 9 mars 2026", "Adresses : 12\nTaux de réponse : 100,0 %\n")
    (told,) = mailbox.messages
    assert told["Subject"] == "Banque Azur, lundi 9 mars 2026"
    assert "team@example.org" in told["To"]
    text = told.get_body(("plain",))
    assert text is not None
    assert "Taux de réponse : 100,0 %" in text.get_content()


def test_in_mail_that_is_shown_as_html_nobody_s_words_are_markup() -> None:
    with mail.receiving() as mailbox:
        notifier(f"mailto://127.0.0.1:{mailbox.port}/?from=a@example.org&to=b@example.org").notify(CALL)
    page = mailbox.messages[0].get_body(("html",))
    assert page is None or "<!channel>" not in page.get_content()


@pytest.mark.parametrize("response", [{"status": 500}, {"status": 401}, {"drop": True}])
def test_what_was_not_taken_is_tried_again(response: dict[str, Any]) -> None:
    with playing([taken(**response)]) as script, pytest.raises(Retry, match="did not take it: 1"):
        notifier(as_json(script)).notify(CALL)


def test_where_nobody_listens_it_is_tried_again() -> None:
    with pytest.raises(Retry):
        notifier(nobody().replace("http://", "json://")).notify(CALL)


def test_mail_that_is_turned_away_is_tried_again() -> None:
    with mail.receiving(refuses=True) as mailbox, pytest.raises(Retry):
        notifier(f"mailto://127.0.0.1:{mailbox.port}/?from=a@example.org&to=b@example.org").notify(CALL)


def test_a_service_that_does_not_answer_is_given_up_in_time() -> None:
    with playing([taken(after=3)]) as script:
        begun = time.monotonic()
        with pytest.raises(Retry):
            notifier(as_json(script), timeout=1).notify(CALL)
        assert time.monotonic() - begun < 2


def test_one_address_that_takes_it_will_do_and_the_log_names_the_other_by_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with playing([taken()]) as script:
        notifier(nobody().replace("http://", "json://"), as_json(script), f"nonsense://{SECRET}").notify(CALL)
        script.check()
    assert "reached 1 of 3 urls: unknown to Apprise: 3; did not take it: 1" in caplog.text


def test_addresses_that_apprise_does_not_know_are_refused_by_their_place() -> None:
    with pytest.raises(Refused, match="unknown to Apprise: 1, 2"):
        notifier(f"nonsense://{SECRET}", "more-nonsense://x").notify(CALL)


def test_no_address_and_nobody_s_words_reach_the_log_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with playing([taken(status=500)]) as script, pytest.raises(Retry) as caught:
        notifier(as_json(script), f"nonsense://{SECRET}").notify(CALL)
    said = caplog.text + str(caught.value)
    assert SECRET not in said
    assert "personne ne répond" not in said
    assert secrets_in([notifier(f"json://x:{SECRET}@y").config]) == {f"json://x:{SECRET}@y"}


@pytest.mark.parametrize("urls", [(), ("team@example.org",)])
def test_no_address_at_all_and_what_is_none_are_refused_without_being_shown(urls: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(urls=tuple(map(SecretStr, urls)))
    assert "team@example.org" not in str(caught.value)


def test_an_address_must_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "brand: {name: Azur}\nresponders:\n  mail:\n    type: apprise\n"
        '    urls:\n      - ${MAIL_URL}\n      - "mailtos://me:secret-word@example.org"\n',
        "utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(file, {"MAIL_URL": "mailtos://me:other@example.org"})
    assert "responders.mail.urls[1]" in str(caught.value)
    assert "urls[0]" not in str(caught.value)
    assert "secret-word" not in str(caught.value)
