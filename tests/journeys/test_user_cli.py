"""`vigie user`: each command in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.store import open_store, users
from tests.journeys.test_cli import CONFIG, Terminal
from tests.support import terminal
from tests.support.loopback import free_port


@pytest.fixture
def vigie(tmp_path: Path) -> Terminal:
    (tmp_path / "config.yaml").write_text(CONFIG.replace('listen: ""', "listen: 127.0.0.1:8700"), "utf-8")
    return Terminal(tmp_path)


def test_the_first_administrator_is_added_before_the_first_run(vigie: Terminal) -> None:
    done = vigie("user", "add", "Zoé Petit", "--role", "admin")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^http://127\.0\.0\.1:8700/welcome\?link=[\w-]{43}$", done.stdout, re.MULTILINE), (
        done.stdout
    )
    assert "welcome" not in done.stderr, "printed, not logged"
    assert vigie.json("user", "list") == [
        {"name": "Zoé Petit", "role": "admin", "password": False, "second_factor": False, "left": False}
    ]
    assert vigie("audit").returncode == 0


def test_the_link_names_the_address_of_the_config(vigie: Terminal) -> None:
    config = vigie.folder / "config.yaml"
    config.write_text(config.read_text("utf-8").replace(
        "listen: 127.0.0.1:8700", 'url: "https://vigie.example.com", behind_tls: true, secret_key: "${KEY}"'
    ), "utf-8")  # fmt: skip
    assert "https://vigie.example.com/welcome?link=" in vigie("user", "add", "Léa", KEY="0" * 32).stdout


def test_users_come_change_and_go(vigie: Terminal) -> None:
    vigie("user", "add", "Zoé", "--role", "admin")
    vigie("user", "add", "Marc")
    assert vigie("user", "role", "marc", "lead").returncode == 0
    store = open_store(f"sqlite:///{vigie.folder / 'vigie.db'}")
    with store.tx() as tx:
        row = users.here(tx, "Marc")
        users.set_password(tx, row["id"], "a hash")
        users.set_totp(tx, row["id"], "A SECRET")
    store.close()
    assert vigie("user", "list").stdout.splitlines() == [
        "Marc: lead, second factor",
        "Zoé: admin, no password yet",
    ]
    assert "/welcome?link=" in vigie("user", "reset", "Marc").stdout
    assert vigie("user", "list").stdout.splitlines()[0] == "Marc: lead, no password yet"
    assert vigie("user", "remove", "Marc").returncode == 0
    assert vigie("user", "list").stdout.splitlines()[-1] == "Marc: lead, has left"
    log = vigie("export", "--events").stdout
    kinds = re.findall('"kind": "([a-z_]+)"', log)
    assert kinds == ["user_added"] * 2 + ["role_changed", "second_factor_reset", "link_made", "user_removed"]
    assert set(re.findall('"actor": "([^"]+)"', log)) == {"Léa"}
    assert vigie("audit").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("add", "vigie"), "goes by in the log"), (("add", "zoé"), "there is a user Zoé already"),
     (("role", "Nobody", "lead"), "there is no user Nobody"), (("remove", "Zoé"), "last administrator"),
     (("role", "Zoé", "agent"), "last administrator"), (("add", "x" * 61), "1 to 60 characters"),
     (("role", "Zoé", "boss"), "boss")],
)  # fmt: skip
def test_what_cannot_be_done_is_said_with_exit_2(
    vigie: Terminal, arguments: tuple[str, ...], says: str
) -> None:
    vigie("user", "add", "Zoé", "--role", "admin")
    done = vigie("user", *arguments)
    assert done.returncode == 2
    assert says in done.stderr


def test_without_a_store_there_is_nobody_to_list(vigie: Terminal) -> None:
    done = vigie("user", "list")
    assert done.returncode == 2
    assert "there is no store" in done.stderr


def test_a_daemon_without_a_terminal_says_how_to_get_in_and_writes_no_link_anywhere(tmp_path: Path) -> None:
    listen = f'listen: "127.0.0.1:{free_port()}"'
    (tmp_path / "config.yaml").write_text(CONFIG.replace('listen: ""', listen), "utf-8")
    shell = terminal.Terminal(tmp_path, {})
    said = []
    for _ in range(2):
        with shell.daemon() as daemon:
            daemon.until(lambda daemon=daemon: "The inbox: " in daemon.log.read_text())  # type: ignore[misc]
            daemon.end()
        said.append(daemon.log.read_text())
        assert shell.vigie("user", "add", f"Zoé {len(said)}", "--role", "admin").returncode == 0
    assert ["vigie user add NAME --role admin" in text for text in said] == [True, False]
    assert not any("welcome?link=" in text for text in said)
