"""`web:` in config.yaml: the inbox is not opened to others unguarded."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from bot import logs
from bot.config import load
from bot.errors import ConfigError
from bot.roles import Role
from bot.web_settings import WebSettings
from tests.support.house import CONFIG

KEY = "0123456789abcdef" * 2
TLS: dict[str, Any] = {"behind_tls": True, "url": "https://vigie.example.com", "secret_key": KEY}


def fault(**keys: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        WebSettings.model_validate(keys)
    return str(caught.value)


def test_by_default_it_is_open_to_this_machine_alone() -> None:
    settings = WebSettings()
    assert settings.place == ("127.0.0.1", 8700)
    assert settings.address == "http://127.0.0.1:8700"
    assert settings.second_factor == ()


@pytest.mark.parametrize("listen", ["0.0.0.0:8700", "[::]:8700", "192.0.2.1:8700", "vigie.example.com:80"])
def test_it_refuses_to_listen_beyond_this_machine_without_tls_in_front(listen: str) -> None:
    assert "would be unencrypted" in fault(listen=listen)
    assert "would be unencrypted" in fault(listen=listen, secret_key=KEY)


@pytest.mark.parametrize("listen", ["0.0.0.0:8700", "127.0.0.1:8700"])
def test_behind_tls_it_needs_a_secret_key(listen: str) -> None:
    assert "a secret_key is needed" in fault(listen=listen, **TLS | {"secret_key": None})


@pytest.mark.parametrize("url", ["", "http://vigie.example.com"])
def test_behind_tls_it_needs_to_know_under_which_name_it_is_reached(url: str) -> None:
    assert "the address is needed under which people reach it" in fault(**TLS | {"url": url})


def test_with_all_of_them_it_opens() -> None:
    settings = WebSettings.model_validate({"listen": "0.0.0.0:8700", **TLS})
    assert settings.address == "https://vigie.example.com"
    assert settings.key == KEY.encode()


@pytest.mark.parametrize("key", ["secret_key", "metrics_token"])
def test_a_short_secret_is_none(key: str) -> None:
    text = fault(**{key: "too-short-to-be-secret"})
    assert "32 characters at least" in text
    assert "too-short-to-be-secret" not in text


@pytest.mark.parametrize("url", ["vigie.example.com", "ftp://x", "https://", "javascript:alert(1)"])
def test_a_url_is_an_address_of_the_web(url: str) -> None:
    assert "is no address" in fault(url=url)


def test_roles_that_need_a_second_factor_are_named_by_role() -> None:
    assert WebSettings.model_validate({"second_factor": ["admin"]}).second_factor == (Role.ADMIN,)
    assert "second_factor" in fault(second_factor=["boss"])


def test_no_inbox_needs_no_key() -> None:
    assert WebSettings.model_validate({"listen": ""}).listen == ""


@pytest.mark.parametrize("key", ["secret_key", "metrics_token"])
def test_a_secret_does_not_stand_in_the_file(tmp_path: Path, key: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG + f"\nweb: {{{key}: {KEY}}}\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert f"web.{key}: a secret must not stand in the file" in str(caught.value)
    assert KEY not in str(caught.value)


def test_its_secrets_are_struck_from_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bot.app import log_to_terminal

    file = tmp_path / "config.yaml"
    file.write_text(CONFIG + '\nweb: {secret_key: "${KEY}", metrics_token: "${TOKEN}"}\n', "utf-8")
    token = "fedcba9876543210" * 2
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        log_to_terminal(load(file, {"KEY": KEY, "TOKEN": token}))
        logging.getLogger("vigie").warning("%s and %s", KEY, token)
        assert "*** and ***" in capsys.readouterr().err
    finally:
        root.handlers[:], root.level = before
    assert logs.secrets_in([load(file, {"KEY": KEY, "TOKEN": token}).root.web]) == {KEY, token}
