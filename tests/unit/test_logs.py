"""Nothing leaks: no secret reaches a line of the log, whatever is logged and however."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from pydantic import BaseModel, SecretStr

from bot import logs

CANARY = 'kanari/3n "s\'esame" é+\\'


class Account(BaseModel):
    username: str = "bot"
    password: SecretStr = SecretStr(CANARY)
    token: SecretStr | None = None
    short: SecretStr = SecretStr("ab")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is written to standard error by a log that knows the secrets, every level of it."""
    root, vigie = logging.getLogger(), logging.getLogger("vigie")
    handlers, levels = root.handlers[:], (root.level, vigie.level)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.set_up([Account()], verbose=True)
    yield written
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    vigie.setLevel(levels[1])


@pytest.mark.parametrize(
    "level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
)
@pytest.mark.parametrize("name", ["vigie", "httpx", "apscheduler.executors", "root"])
def test_a_secret_is_struck_at_every_level_and_from_every_library(
    lines: io.StringIO, name: str, level: int
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    log = logging.getLogger(name)
    log.log(level, "the password is " + CANARY)
    log.log(level, "the password is %s, really %r", CANARY, {"password": CANARY})
    log.log(level, "GET https://x.example/?token=%s", quote_plus(CANARY))
    log.log(level, "body %s", json.dumps({"password": CANARY}))
    assert "***" in lines.getvalue() or not log.isEnabledFor(level)
    for written in (CANARY, repr(CANARY)[1:-1], quote_plus(CANARY), json.dumps(CANARY)[1:-1]):
        assert written not in lines.getvalue()


def test_a_secret_is_struck_from_a_traceback(lines: io.StringIO) -> None:
    try:
        int(f"signed in as bot:{CANARY}")
    except ValueError:
        logging.getLogger("vigie").exception("it fell")
    assert "ValueError: invalid literal" in lines.getvalue()
    assert "signed in as bot:***" in lines.getvalue()
    assert CANARY not in lines.getvalue()


def test_a_secret_is_not_shown_by_a_line_whose_arguments_do_not_fit() -> None:
    for message in ("two %s and %s", "%d", "%(name)s"):
        record = logging.LogRecord("vigie", logging.INFO, "x.py", 7, message, (CANARY,), None)
        line = logs.Struck([CANARY]).format(record)
        assert line == "INFO x.py:7: a log line that cannot be written"


def test_the_longer_of_two_secrets_goes_first() -> None:
    struck = logs.Struck(["sesame", "open sesame now"])
    record = logging.LogRecord("vigie", logging.INFO, "", 1, "open sesame now", None, None)
    assert struck.format(record).endswith("***")
    assert "open" not in struck.format(record)


def test_no_line_is_torn_by_a_secret_of_two_letters(lines: io.StringIO) -> None:
    logging.getLogger("vigie").info("about a cab")
    assert "about a cab" in lines.getvalue()


def test_libraries_stay_silent_below_a_warning(lines: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://blog.example/?author=Claire")
    logging.getLogger("vigie").debug("woken")
    assert "Claire" not in lines.getvalue()
    assert "woken" in lines.getvalue()


def test_every_secret_of_a_service_is_known() -> None:
    assert logs.secrets_in([Account(token=SecretStr("t0ken")), Account()]) == {CANARY, "t0ken", "ab"}
