"""The settings page: everything that holds, with its meaning, and not one secret."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr

from bot import plugins
from bot.config import Settings, load
from bot.config_sections import Root
from bot.config_services import Service
from bot.plugins import Side
from bot.web.config_view import Key, sections, without_credentials
from tests.support.house import House, build_house
from tests.support.signed_in import signed_in

SECRET: Final = "hush-0123456789-0123456789-0123456789"
SIDES: Final[tuple[Side, ...]] = ("listeners", "responders")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


def keys(settings: Settings) -> dict[str, Key]:
    return {f"{s.name}.{key.path}".rstrip("."): key for s in sections(settings) for key in s.keys}


def with_secrets(model: type[BaseModel]) -> tuple[BaseModel, int]:
    """One of that model in which every secret is set, down to its last section, and how many there are."""
    values, number = dict[str, Any](), 0
    one: Any
    for name, field in model.model_fields.items():
        kind = str(get_origin(field.annotation))
        inner = model_in(field.annotation)
        if inner is not None:
            one, more = with_secrets(inner)
            number += more
        elif "SecretStr" in str(field.annotation):
            one, number = SecretStr(SECRET), number + 1
        else:
            values[name] = None if field.is_required() else field.get_default(call_default_factory=True)
            continue
        values[name] = (one,) if "tuple" in kind else {"it": one} if "Mapping" in kind else one
    return model.model_construct(**values), number


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``Model | None``, ``tuple[Model, ...]``, ``Mapping[str, Model]``..."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(model_in, get_args(annotation))), None)


EVERY: Final = [(side, kind) for side in SIDES for kind in plugins.names(side)]


@pytest.mark.parametrize(("side", "kind"), EVERY)
def test_no_secret_of_any_network_is_ever_shown(house: House, side: Side, kind: str) -> None:
    plugin = plugins.find(side, kind)
    config, number = with_secrets(plugin.config)
    root = house.app.watch.settings.root
    entry = next(iter(getattr(root, side).values())).model_copy(update={"type": kind})
    entries: dict[str, Any] = {one: {"it": entry} if one == side else {} for one in SIDES}
    built = {one: {"it": Service("it", plugin, config)} if one == side else {} for one in SIDES}
    settings = Settings(root.model_copy(update=entries), built["listeners"], built["responders"], {}, ())
    shown = keys(settings)
    assert sum(key.secret for key in shown.values()) == number
    assert SECRET not in str(shown)


def test_no_secret_of_the_config_itself_is_ever_shown() -> None:
    root, number = with_secrets(Root)
    assert isinstance(root, Root)
    assert number >= 3, "the inbox's key, and those of Slack"
    shown = keys(Settings(root.model_copy(update={"listeners": {}, "responders": {}}), {}, {}, {}, ()))
    assert sum(key.secret for key in shown.values()) == number
    assert SECRET not in str(shown)


def test_a_secret_in_the_environment_reaches_neither_the_page_nor_its_source(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        """
brand: {name: Banque Azur}
accounts:
  blog: {url: "https://blog.example", username: vigie, password: "${BLOG}"}
listeners:
  blog: {type: wordpress, account: blog}
responders:
  blog: {type: wordpress, account: blog}
  hook: {type: webhook, url: "https://hooks.example/x", secret: "${HOOK}"}
web: {secret_key: "${KEY}", url: "https://editor:pa55word@vigie.example"}
""",
        "utf-8",
    )
    names = {name: f"{SECRET}-{name}" for name in ("BLOG", "HOOK", "KEY")}
    shown = keys(load(tmp_path / "config.yaml", names))
    assert SECRET not in str(shown)
    assert "pa55word" not in str(shown)
    assert shown["web.url"].value == "https://…@vigie.example"
    secret = {path for path, key in shown.items() if key.secret}
    assert {"listeners.blog.password", "responders.blog.password", "web.secret_key"} <= secret
    assert shown["accounts.blog"].value == "listeners.blog, responders.blog"


def test_what_somebody_adds_to_an_entry_is_not_shown_unless_its_model_knows_it(house: House) -> None:
    root = house.app.watch.settings.root
    entry = root.listeners["blog"].model_copy(update={"token": SECRET})
    held = house.app.watch.settings
    changed = root.model_copy(update={"listeners": {"blog": entry}, "accounts": {"a": {"token": SECRET}}})
    shown = keys(Settings(changed, held.listeners, held.responders, held.routes, ()))
    assert SECRET not in str(shown)


def test_every_key_of_the_config_is_shown_with_its_value(tmp_path: Path) -> None:
    extra = """
    promises:
      calendar: {timezone: Europe/Paris, hours: {"mon-fri": ["09:00-12:00"]}, closed: [2026-12-24]}
      targets:
        - {process: sales, answer_within: 90m}
        - {answer_within: 1d}
    rules:
      - {name: angry, when: {sentiments: [negative]}, priority: high}
    """
    shown = keys(build_house(tmp_path, extra=extra).app.watch.settings)
    values = {path: key.value for path, key in shown.items()}
    assert values["brand.name"] == "Banque Azur"
    assert values["promises.calendar.hours"].splitlines()[0] == "mon: 09:00-12:00"
    assert values["promises.calendar.closed"] == "2026-12-24"
    assert values["promises.targets.1.process"] == "sales"
    assert values["promises.targets.1.answer_within"] == "1h 30m"
    assert values["rules.angry.when.sentiments"] == "negative"
    assert values["default_templates.default_templates".partition(".")[0]] == "true"
    assert shown["promises.repeat"].default
    assert not shown["promises.calendar.timezone"].default
    assert {path.partition(".")[0] for path in values} == {*Root.model_fields} - {"accounts"}  # none


def test_what_is_of_no_plain_type_is_not_written_out() -> None:
    assert without_credentials("postgresql://vigie:pw@db/vigie") == "postgresql://…@db/vigie"
    assert without_credentials("https://blog.example/a@b") == "https://blog.example/a@b"


def test_the_page_is_for_leads_and_cannot_be_written_to(house: House) -> None:
    assert signed_in(house, "agent").get("/settings").status_code == 403
    lead = signed_in(house, "lead", "Zoé")
    answer = lead.get("/settings")
    assert answer.status_code == 200
    assert lead.post("/settings").status_code == 405
    told = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())
    assert "Banque Azur" in told
    assert "Under which address people reach it" in told


def test_the_page_is_french_around_the_keys(house: House) -> None:
    text = signed_in(house, "lead", lang="fr").get("/settings").text
    assert "Signification" in text
    assert "par défaut" in text


def test_names_in_the_config_are_shown_as_text(tmp_path: Path) -> None:
    config = """
    brand: {name: "<b>Azur</b>", handles: ["<script>x</script>"]}
    listeners:
      blog: {type: replay, path: none.jsonl, responder: paper}
    responders:
      paper: {type: console}
    """
    text = signed_in(build_house(tmp_path, config), "lead").get("/settings").text
    assert "<b>Azur" not in text
    assert "<script>x" not in text
