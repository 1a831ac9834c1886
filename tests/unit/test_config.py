"""The config: all faults at once, each with its line, what is wrong and what would be right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from bot.config import load, ready_to_run
from bot.config_sections import (
    AnalysisSettings,
    Brand,
    Delivery,
    Hooks,
    ListenerEntry,
    Pace,
    ResponderEntry,
    Root,
)
from bot.errors import ConfigError
from bot.policy import Promises
from bot.schema import config_schema
from bot.web_settings import WebSettings

ROOT = Path(__file__).parents[2]
GOOD = """\
brand: {name: Banque Azur}
accounts:
  blog: {url: "https://blog.example.org", username: vigie, password: "${BLOG_PASSWORD}"}
listeners:
  blog: {type: wordpress, account: blog}
responders:
  blog: {type: wordpress, account: blog}
  bell: {type: console}
"""
SECRETS = {"BLOG_PASSWORD": "abcd efgh ijkl"}


def faults(tmp_path: Path, text: str, environment: dict[str, str] = SECRETS) -> list[str]:
    file = tmp_path / "config.yaml"
    file.write_text(text, "utf-8")
    try:
        load(file, environment)
    except ConfigError as error:
        return [str(fault).removeprefix(f"{file}:") for fault in error.faults]
    return []


def test_a_good_config_has_no_fault_and_answers_go_through_the_same_account(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []
    settings = load(tmp_path / "config.yaml", SECRETS)
    assert settings.routes == {"blog": "blog"}
    assert settings.notifiers == ("bell",)


def test_every_fault_is_told_in_one_go_each_with_its_line(tmp_path: Path) -> None:
    text = """\
brand: {nam: Banque Azur}
store: 12
listeners:
  blog: {type: wordpres, account: blog}
  feed: {type: rss, url: "https://x.example/feed", evry: 1m}
  day: {type: replay, path: x.jsonl, every: soon, responder: nobody}
responders:
  bell: {type: console}
promises:
  targets: [{answer_within: 4}]
  tiers: [{at: 1.0}, {at: 0.5}]
rules:
  - {name: a, when: {intents: [rage]}, process: servce}
"""
    found = "\n".join(faults(tmp_path, text))
    for line, path, wrong in [
        (1, "brand.nam", "did you mean name"),
        (4, "listeners.blog.type", "there is no listener of type 'wordpres'; there are: "),
        (5, "listeners.feed.evry", "did you mean every"),
        (6, "listeners.day.every", "write for example"),
        (10, "promises.targets[0].answer_within", "say the unit"),
        (11, "promises.tiers", "put them in order"),
        (13, "rules[0].when.intents", "'rage' is unknown"),
        (13, "rules[0].process", "service"),
    ]:
        assert re.search(rf"^{line}: {re.escape(path)}[^:]*: .*{re.escape(wrong)}", found, re.MULTILINE), (
            path,
            found,
        )


def test_a_missing_secret_names_the_variable_and_says_nothing_else_of_it(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD, {})
    assert found.startswith("3: accounts.blog.password: the environment variable BLOG_PASSWORD is not set;")
    assert found.endswith("export BLOG_PASSWORD=...")


def test_a_secret_in_the_file_itself_is_a_fault_and_is_not_repeated(tmp_path: Path) -> None:
    (found,) = set(faults(tmp_path, GOOD.replace("${BLOG_PASSWORD}", "hunter2 hunter2")))
    assert found.startswith("3: accounts.blog.password: a secret must not stand in the file")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "section",
    ["slack: {users: {U1: lea}, app_token: %s, responder: bell}", "web: {secret_key: %s}"],
)
def test_a_secret_of_a_section_must_not_stand_in_the_file_either(tmp_path: Path, section: str) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    told = faults(tmp_path, GOOD + section % secret)
    assert [one for one in told if "a secret must not stand in the file" in one]
    assert not [one for one in told if secret in one]
    told = faults(tmp_path, GOOD + section % "${KEY}", SECRETS | {"KEY": secret})
    assert not [one for one in told if "a secret must not stand in the file" in one]


def test_what_the_sandbox_takes_for_a_secret_is_none_and_may_stand_in_the_file(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD.replace("${BLOG_PASSWORD}", "sandbox-password")) == []
    assert faults(tmp_path, GOOD.replace("${BLOG_PASSWORD}", "my-sandbox-password")) != []


def test_a_key_of_an_account_that_nobody_knows_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD.replace("username: vigie,", "username: vigie, usrname: x,"))
    assert found == (
        "3: accounts.blog.usrname: no listener or responder of this account knows this key; "
        "did you mean username?"
    )


def test_a_lease_no_longer_than_a_responders_timeout_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD + "delivery: {lease: 20s}\n")
    assert found.startswith(
        "9: delivery.lease: the lease must be longer than the timeout of responder 'blog' (20s)"
    )


def test_alarms_for_somebody_who_does_not_exist_are_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD + "promises:\n  tiers:\n    - {at: 1.0, to: [slak]}\n")
    assert (
        found
        == "11: promises.tiers[0].to: there is no responder 'slak' that can tell people; there are: bell"
    )


def test_a_rule_that_names_no_template_there_is_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD + "rules:\n  - {name: thanks, template: no such one, approve: auto}\n")
    assert found.startswith("10: rules[0].template: there is no template 'no such one'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brand: [", "1: this is not YAML"),
        ("a: b: c", "1: this is not YAML"),
        ("- just\n- a list\n", "the file must hold keys and values"),
        ("", "brand: this key is missing"),
        ("brand: {name: A}\nbrand: {name: B}\n", "2: brand: this key stands here twice"),
        ("brand: {name: A}\npromises: {calendar: {hours: {mon: 9:30}}}\n", "promises.calendar.hours"),
        ("brand: {name: A}\nlisteners: hello\n", "2: listeners: "),
        ("brand: {name: A}\nlisteners: {x: }\n", "2: listeners.x: "),
        ("brand: {name: A}\naccounts: {x: 5}\n", "2: accounts.x: "),
        (GOOD.replace("account: blog}", "account: [blog]}", 1), "5: listeners.blog.account: "),
        (re.sub("blog: {url.*}", "- blog", GOOD), "2: accounts: "),
        ("brand: &it {name: *it}\n", "an anchor (&name) holds its own alias"),
    ],
)
def test_a_file_that_is_no_config_is_told_in_words(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(faults(tmp_path, text))


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; copy the config"):
        load(tmp_path / "none.yaml")


def test_a_watch_that_would_hear_nothing_or_ring_for_nobody_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("brand: {name: A}\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        ready_to_run(load(file), str(file))
    assert [fault.path for fault in caught.value.faults] == ["listeners", "responders"]


# --- The config.yaml that comes with Vigie -------------------------------------------------------


def test_the_config_that_comes_with_vigie_is_good_but_for_its_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        load(ROOT / "config.yaml", {})
    assert [fault.path for fault in caught.value.faults] == ["accounts.blog.password"]
    load(ROOT / "config.yaml", {"VIGIE_BLOG_PASSWORD": "x"})


def test_the_config_that_comes_with_vigie_names_every_key() -> None:
    text = (ROOT / "config.yaml").read_text("utf-8")
    models = (Root, Brand, Promises, ListenerEntry, ResponderEntry, Hooks, WebSettings, AnalysisSettings,
              Delivery, Pace)  # fmt: skip
    missing = [key for model in models for key in model.model_fields if not re.search(rf"\b{key}:", text)]
    assert missing == []


def test_the_defaults_it_shows_are_those_of_the_code() -> None:
    shown = load(ROOT / "config.yaml", {"VIGIE_BLOG_PASSWORD": "x"}).root
    plain = Root(brand=Brand(name="Banque Azur"))
    for key in ("rules", "exemptions", "default_templates", "analysis", "delivery", "pace", "store", "hooks",
                "web", "stop_words"):  # fmt: skip
        assert getattr(shown, key) == getattr(plain, key), key
    for key in ("targets", "tiers", "repeat"):
        assert getattr(shown.promises, key) == getattr(plain.promises, key), key
    entry, default = shown.listeners["blog"], ListenerEntry(type="x")
    for key in ("every", "poll_timeout", "silent_after", "recheck", "recheck_days"):
        assert getattr(entry, key) == getattr(default, key), key


def test_the_schema_accepts_the_config_that_comes_with_vigie() -> None:
    data = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
    jsonschema.Draft202012Validator(config_schema()).validate(data)
    data["listeners"]["blog"]["evry"] = "1m"
    assert not jsonschema.Draft202012Validator(config_schema()).is_valid(data)


def test_the_schema_is_json_and_knows_every_listener_and_responder() -> None:
    text = json.dumps(config_schema())
    for kind in ("wordpress", "rss", "replay", "console", "webhook"):
        assert f'"const": "{kind}"' in text
