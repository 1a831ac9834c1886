"""The webhook's signature, by the example that Standard Webhooks implementations test with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from bot.models import Escalation
from bot.signatures import signed
from responders.webhook import Config, WebhookNotifier
from tests.support.scripted import playing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330, UTC)


def test_the_signature_is_the_one_that_other_libraries_compute() -> None:
    headers = signed(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_what_is_signed_is_what_is_sent_and_a_second_ring_is_another_message() -> None:
    with playing([{"request": "POST /x", "response": {}}] * 2) as script:
        notifier = WebhookNotifier(Config(url=f"{script.url}/x", secret=SecretStr(SECRET)), lambda: AT)
        for ring in (1, 2):
            notifier.notify(Escalation("esc.7", "overdue", "n° 7", ring, AT, text="😡 \ud83d"))
        script.check()
    ids = [asked.headers["webhook-id"] for asked in script.asked]
    assert ids == ["esc_7:1", "esc_7:2"]
    for asked in script.asked:
        expected = signed(SECRET, asked.headers["webhook-id"], AT, asked.body.encode())
        assert expected.items() <= asked.headers.items()


@pytest.mark.parametrize(
    "secret", ["", "too short", "whsec_dG9vIHNob3J0", "whsec_not base64 at all, but long enough"]
)
def test_a_weak_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValidationError, match="24") as caught:
        Config(url="https://alerts.example.org", secret=SecretStr(secret))
    assert not secret or secret not in str(caught.value)


def test_a_long_passphrase_will_do() -> None:
    Config(url="https://alerts.example.org", secret=SecretStr("correct horse battery staple"))


def test_people_s_words_do_not_travel_unprotected() -> None:
    with pytest.raises(ValidationError, match="https"):
        Config(url="http://alerts.example.org", secret=SecretStr(SECRET))
    Config(url="http://alerts.example.org", secret=SecretStr(SECRET), allow_http=True)
