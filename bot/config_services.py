"""The listeners and responders of a config file, each ready to be built: its own keys and its account's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from bot import plugins
from bot.config_faults import bare_secret, in_words
from bot.config_sections import ListenerEntry, ResponderEntry, Root
from bot.errors import Fault
from bot.plugins import Plugin, Side
from bot.yaml_file import Place, YamlFile


@dataclass(frozen=True, slots=True)
class Service:
    """A listener or responder that can be built: ``plugin.build(config)``."""

    name: str
    plugin: Plugin
    config: BaseModel


Services = Mapping[Side, Mapping[str, Service]]


def services(file: YamlFile, side: Side, faults: list[Fault]) -> dict[str, Service]:
    """Those of one side that have no fault, by name. The faults of the others are added to `faults`."""
    entries = file.data.get(side)
    read = (
        _Entry(file, side, name, entry)
        for name, entry in (entries.items() if isinstance(entries, dict) else ())
        if isinstance(entry, dict) and isinstance(entry.get("type"), str)  # else the root says so
    )
    return {entry.name: service for entry in read if (service := entry.service(faults))}


def routes(root: Root, services: Services) -> dict[str, str]:
    """Who answers what a listener heard: as written, else the responder that shares its account, else ""."""
    by_account = {
        entry.account: name
        for name, entry in root.responders.items()
        if entry.account and name in services["responders"] and services["responders"][name].plugin.replies
    }
    return {
        name: entry.responder if entry.responder is not None else by_account.get(entry.account, "")
        for name, entry in root.listeners.items()
    }


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry under `listeners:` or `responders:`, as it stands in the file."""

    file: YamlFile
    side: Side
    name: str
    keys: Mapping[str, Any]

    def service(self, faults: list[Fault]) -> Service | None:
        try:
            plugin = plugins.find(self.side, self.keys["type"])
        except LookupError as error:
            faults.append(self.file.fault((self.side, self.name, "type"), str(error)))
            return None
        values, found = self._values(plugin), [*self._account_faults()]
        config = self._config(plugin, values, found)
        for key, field in plugin.config.model_fields.items():
            if key in values:
                found += self._bare_secrets(key, field.annotation, values[key])
        faults += found
        return None if found or config is None else Service(self.name, plugin, config)

    def _config(self, plugin: Plugin, values: Mapping[str, Any], faults: list[Fault]) -> BaseModel | None:
        """`None` without a fault: all that is wrong is a variable that is not set, which is said already."""
        try:
            return plugin.config.model_validate(values)
        except ValidationError as error:
            faults += in_words(self.file, error, plugin.config, self._place, self._common)
            return None

    def _values(self, plugin: Plugin) -> dict[str, Any]:
        """What the plugin's own settings are made from: its keys of the entry, and of the account."""
        mine = {k: v for k, v in self.keys.items() if k not in self._common}
        return {k: v for k, v in (self._account or {}).items() if k in plugin.config.model_fields} | mine

    def _place(self, loc: Place) -> Place:
        """Where something of the plugin's settings stands: in the entry, or in its account."""
        inherited = loc and loc[0] not in self.keys and loc[0] in (self._account or ())
        return ("accounts", self.keys["account"], *loc) if inherited else (self.side, self.name, *loc)

    def _account_faults(self) -> Iterator[Fault]:
        account = self.keys.get("account")
        if account and isinstance(account, str) and self._account is None:  # else the root says so
            place, mend = (self.side, self.name, "account"), f"add it under accounts: as {account}:"
            yield self.file.fault(place, f"there is no account {account!r}", mend)

    def _bare_secrets(self, key: str, annotation: Any, value: Any) -> Iterator[Fault]:
        if annotation in (SecretStr, SecretStr | None):
            yield from bare_secret(self.file, self._place((key,)), value)
        if annotation == tuple[SecretStr, ...] and isinstance(value, list):
            for i, one in enumerate(value):
                yield from bare_secret(self.file, self._place((key, i)), one)

    @property
    def _account(self) -> Mapping[str, Any] | None:
        accounts, name = self.file.data.get("accounts"), self.keys.get("account")
        found = accounts.get(name) if isinstance(accounts, dict) and isinstance(name, str) else None
        return found if isinstance(found, dict) else None

    @property
    def _common(self) -> tuple[str, ...]:
        return tuple((ListenerEntry if self.side == "listeners" else ResponderEntry).model_fields)
