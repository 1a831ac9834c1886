"""config.yaml as `Settings`. `load` reports everything that is wrong with it in one go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot import yaml_file
from bot.config_checks import crossed
from bot.config_faults import in_words
from bot.config_sections import AnalysisSettings, Brand, Root
from bot.config_services import Service, Services, routes, services
from bot.errors import ConfigError, Fault
from bot.meter import Budget
from bot.plugins import Side
from bot.templates import Template, default_templates
from bot.yaml_file import YamlFile

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Settings:
    """A config without fault. `routes` says which responder answers what a listener heard ("" nobody)."""

    root: Root
    listeners: Mapping[str, Service]
    responders: Mapping[str, Service]
    routes: Mapping[str, str]
    templates: tuple[Template, ...]

    @property
    def budgets(self) -> dict[str, Budget]:
        """What each account may spend, by name, of those that spend anything."""
        sides: Services = {"listeners": self.listeners, "responders": self.responders}
        return {
            self.account_of(side, name): budget
            for side, services in sides.items()
            for name, service in services.items()
            if isinstance(budget := getattr(service.config, "budget", None), Budget)
        }

    def account_of(self, side: Side, name: str) -> str:
        """Who pays for what a listener or responder does, and signs in for it: its account, or itself."""
        entries = self.root.listeners if side == "listeners" else self.root.responders
        return (entries[name].account if name in entries else "") or f"{side}.{name}"

    @property
    def notifiers(self) -> tuple[str, ...]:
        """Who can tell people, in the order of the file."""
        return tuple(name for name, service in self.responders.items() if service.plugin.notifies)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read, fill in and check a config file.

    Raises:
        ConfigError: with ALL faults, each with its line, its path, what is wrong and what would be right.
    """
    file = yaml_file.read(path, environment)
    faults = list(file.faults)
    if not isinstance(file.data, dict):
        raise ConfigError([file.fault((), "the file must hold keys and values", "begin with brand:")])
    root = _checked(file, file.data, Root, (), faults)
    found: dict[Side, dict[str, Service]] = {
        "listeners": services(file, "listeners", faults),
        "responders": services(file, "responders", faults),
    }
    faults += crossed(file, root, found) if root else ()
    if faults or root is None:
        raise ConfigError(sorted(set(faults), key=lambda f: (f.line, f.path)))
    shipped = default_templates() if root.default_templates else ()
    templates = (*root.templates, *shipped)
    return Settings(root, found["listeners"], found["responders"], routes(root, found), templates)


def brand_and_analysis(path: Path) -> tuple[Brand, AnalysisSettings]:
    """What tagging needs of a config; nothing else of it has to be right, and no secret to be there.

    Raises:
        ConfigError: with the faults of these two sections.
    """
    file, faults = yaml_file.read(path), list[Fault]()
    data = file.data if isinstance(file.data, dict) else {}
    brand = _checked(file, data.get("brand", {}), Brand, ("brand",), faults)
    analysis = _checked(file, data.get("analysis", {}), AnalysisSettings, ("analysis",), faults)
    if brand is None or analysis is None:
        raise ConfigError(faults)
    return brand, analysis


def _checked(
    file: YamlFile, data: Any, model: type[Model], base: tuple[str, ...], faults: list[Fault]
) -> Model | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults += in_words(file, error, model, lambda loc: (*base, *loc))
        return None


def ready_to_run(settings: Settings, file: str) -> None:
    """Refuse to start a watch that would hear nothing, or ring for nobody.

    Raises:
        ConfigError: says which of them is missing.
    """
    faults = []
    if not settings.listeners:
        faults.append(Fault(file, 1, "listeners", "there is none, so nothing would be heard", "add one"))
    if not settings.notifiers:
        mend = "add a responder that can tell people, such as {type: console} or {type: webhook}"
        wrong = "none of them can tell people, so alarms would ring for nobody"
        faults.append(Fault(file, 1, "responders", wrong, mend))
    if faults:
        raise ConfigError(faults)
