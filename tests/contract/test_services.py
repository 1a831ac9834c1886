"""What holds for every listener, responder and notifier. It finds them by itself."""

from __future__ import annotations

import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, SecretStr, ValidationError

import listeners
import responders
from bot import plugins
from bot.models import Limits
from bot.plugins import Plugin, Side

FIXTURES = Path(__file__).parent.parent / "fixtures"
PACKAGES: dict[Side, ModuleType] = {"listeners": listeners, "responders": responders}
SERVICES: list[tuple[Side, str]] = [
    (side, module.name)
    for side, package in PACKAGES.items()
    for module in pkgutil.iter_modules(package.__path__)
    if module.name != "base" and not module.name.startswith("_")
]
every_service = pytest.mark.parametrize(("side", "name"), SERVICES, ids=str)


def fixture(side: Side, name: str) -> dict[str, Any]:
    """The fixture file of a service: its config, and its cases."""
    folder = FIXTURES / name
    text = (folder / f"{side.removesuffix('s')}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text.replace("{folder}", str(folder)))
    return found


def config(side: Side, name: str, url: str = "http://127.0.0.1:9") -> dict[str, Any]:
    values = fixture(side, name)["config"]
    return {
        key: value.replace("{url}", url) if isinstance(value, str) else value for key, value in values.items()
    }


def built(plugin: Plugin, values: dict[str, Any]) -> Any:
    return plugin.build(plugin.config.model_validate(values))


@every_service
def test_it_is_found_by_its_name_and_is_one_class_with_its_settings(side: Side, name: str) -> None:
    plugin = plugins.find(side, name)
    assert plugin.config.__name__ == "Config"
    assert issubclass(plugin.config, BaseModel)
    assert name in plugins.names(side)


@every_service
def test_it_has_the_methods_of_its_contract(side: Side, name: str) -> None:
    plugin = plugins.find(side, name)
    methods = {"poll": ["cursor"]} if side == "listeners" else {}
    if plugin.replies:
        methods |= {"can_reply": ["mention"], "send": ["reply"], "find": ["reply"]}
        assert isinstance(plugin.build.limits, Limits)
    if plugin.notifies:
        methods["notify"] = ["escalation"]
    assert methods
    for method, arguments in methods.items():
        assert list(inspect.signature(getattr(plugin.build, method)).parameters)[1:] == arguments


@every_service
def test_its_settings_are_explained_and_closed(side: Side, name: str) -> None:
    model = plugins.find(side, name).config
    assert model.model_config.get("extra") == "forbid"
    assert model.model_config.get("frozen") is True
    assert [key for key, field in model.model_fields.items() if not field.description] == []
    assert model.model_fields["timeout"].default <= 30
    with pytest.raises(ValidationError, match="nonsense"):
        model.model_validate({**config(side, name), "nonsense": 1})


@every_service
def test_its_secrets_are_shown_nowhere(side: Side, name: str) -> None:
    plugin, values = plugins.find(side, name), config(side, name)
    fields = plugin.config.model_fields
    for key in fields:
        if key.endswith(("password", "secret", "token", "key")):
            assert fields[key].annotation in (SecretStr, SecretStr | None)
    secrets = [values[key] for key in values if fields[key].annotation in (SecretStr, SecretStr | None)]
    settings = plugin.config.model_validate(values)
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {plugin.build(settings)!r}"
    assert not [secret for secret in secrets if secret in shown]
    with pytest.raises(ValidationError) as caught:
        plugin.config.model_validate({**values, "timeout": "soon"})
    assert not [secret for secret in secrets if secret in str(caught.value)]


BUILD = """
import json, sys
import pydantic
class Warm(pydantic.BaseModel):
    secret: pydantic.SecretStr = pydantic.Field(default=None)
from bot import plugins
side, name, values = json.loads(sys.argv[1])
before = set(sys.modules)
plugin = plugins.find(side, name)
foreign = {m.split(".")[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)
foreign -= {"accounts", "bot", "listeners", "responders", "pydantic"}
assert not foreign, f"imported too early: {foreign}"
settings = plugin.config.model_validate(values)
def refuse(event, arguments):
    if event.startswith(("socket.", "open", "subprocess.", "os.")):
        raise SystemExit(f"building does I/O: {event} {arguments}")
sys.addaudithook(refuse)
plugin.build(settings)
"""


@every_service
def test_importing_it_is_cheap_and_building_it_touches_nothing(side: Side, name: str) -> None:
    arguments = json.dumps([side, name, config(side, name)])
    done = subprocess.run(
        [sys.executable, "-c", BUILD, arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
