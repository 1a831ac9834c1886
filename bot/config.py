"""config.yaml as `Settings`. `load` reports everything that is wrong with it in one go."""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import os
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from bot import drafts, plugins, yaml_file
from bot.crisis import CrisisWatch
from bot.decide import DEFAULT_RULES, Rules
from bot.drafts import Template, Templates
from bot.errors import ConfigError, Fault
from bot.exemptions import Sample
from bot.hours import SomeTime
from bot.meter import Budget
from bot.plugins import Plugin, Side
from bot.promises import Promises
from bot.reports.schedule import DigestSettings
from bot.slack_settings import SlackSettings
from bot.stop import DEFAULT_WORDS
from bot.yaml_file import Place, YamlFile

Model = typing.TypeVar("Model", bound=BaseModel)
_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
# What the sandbox on this machine takes for credentials: known to everybody, and good for nothing else.
_SANDBOX: Final = "sandbox-"
EXEMPTIONS: Final = (
    "no_answer_needed",
    "spam",
    "abuse",
    "not_for_us",
    "answered_elsewhere",
    "asked_to_stop",
    "duplicate",
)


class Brand(drafts.Brand):
    """Whom Vigie watches for."""

    name: str = Field(min_length=1, description="The name that people use, as it stands in replies")
    handles: tuple[str, ...] = Field(
        default=(), description="Other names and @handles by which it is addressed"
    )


class ListenerEntry(BaseModel):
    """What every listener has; its file adds its own keys."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str = Field(description="Which file of listeners/ reads this source")
    account: str = Field(default="", description="The entry of accounts: with its address and credentials")
    responder: str | None = Field(
        default=None,
        description='Who answers what is heard here; "" for nobody. Default: the responder of that account',
    )
    every: SomeTime = Field(default=timedelta(minutes=1), description="How often it is polled")
    poll_timeout: SomeTime = Field(
        default=timedelta(minutes=2), description="A poll that takes longer is given up"
    )
    silent_after: SomeTime = Field(
        default=timedelta(minutes=15),
        description="Not heard for so long, it rings like an unanswered address",
    )
    recheck: SomeTime = Field(
        default=timedelta(hours=20),
        description="How often it asks what was deleted, where its network does not tell by itself",
    )
    recheck_days: int = Field(
        default=30, ge=1, description="What was posted before so many days is asked after no more"
    )


class ResponderEntry(BaseModel):
    """What every responder and notifier has; its file adds its own keys."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str = Field(description="Which file of responders/ carries texts out")
    account: str = Field(default="", description="The entry of accounts: with its address and credentials")


class Delivery(BaseModel):
    """How replies go out."""

    model_config = _STRICT
    lease: SomeTime = Field(
        default=timedelta(seconds=60),
        description="What a worker took up and did not settle by then, because it died, is taken from it: an "
        "attempt to send counts as unsure. Longer than any responder's timeout",
    )
    look_after: SomeTime = Field(
        default=timedelta(seconds=10), description="How long a network may take to show what it accepted"
    )
    backoff: SomeTime = Field(
        default=timedelta(seconds=5),
        description="Wait after the first failed attempt; doubles up to 15 minutes",
    )
    attempts: int = Field(default=8, ge=1, le=50, description="After so many, a human is asked")
    unsure_limit: SomeTime = Field(
        default=timedelta(minutes=15),
        description="When nobody knows for so long whether a reply was posted, it rings",
    )


class Pace(BaseModel):
    """How often the steps look for work. They are woken as well whenever there is some."""

    model_config = _STRICT
    triage: SomeTime = timedelta(seconds=1)
    deliver: SomeTime = timedelta(seconds=1)
    sweep: SomeTime = timedelta(seconds=5)


class Hooks(BaseModel):
    """The door at which networks push by themselves: POST /hooks/LISTENER. Polling goes on all the same."""

    model_config = _STRICT
    listen: str = Field(default="", description='Such as "127.0.0.1:8710"; default: there is no door')
    behind_tls: bool = Field(
        default=False,
        description="That a proxy with a certificate stands before an address others can reach",
    )

    @field_validator("listen")
    @classmethod
    def _is_an_address(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if listen and not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f'{listen!r} is no address and port; write for example "127.0.0.1:8710"')
        return listen

    @model_validator(mode="after")
    def _is_not_open(self) -> Hooks:
        if self.listen and not self.behind_tls and not _is_loopback(self.place[0]):
            raise ValueError(
                "others can reach this address, and what is pushed there would pass unencrypted: write "
                '"127.0.0.1:PORT", or say behind_tls: true if a proxy with a certificate stands before it'
            )
        return self

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AnalysisSettings(BaseModel):
    """How texts are tagged."""

    model_config = _STRICT
    model: str = Field(
        default="", description="A spaCy pipeline, by package name or path; default: the one that ships"
    )
    models: Path = Field(
        default=Path("vigie-models"), description="The folder where `vigie train` keeps pipelines"
    )
    train_on_x: str = Field(
        default="",
        description="X's terms forbid training on its content. A reason here (such as a contract with X) "
        "lets corrections of posts from X take part",
    )
    aspects: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Products and themes, and the words for them"
    )


class Root(BaseModel):
    """config.yaml."""

    model_config = _STRICT
    brand: Brand
    store: str = Field(
        default="sqlite:///vigie.db", description="sqlite:///relative.db or sqlite:////absolute.db"
    )
    accounts: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="Addresses and credentials, once for both directions"
    )
    listeners: Mapping[str, ListenerEntry] = Field(default_factory=dict, description="Who hears")
    responders: Mapping[str, ResponderEntry] = Field(
        default_factory=dict, description="Who answers, and who tells people"
    )
    promises: Promises = Field(default=Promises(), description="When an answer is owed")
    crisis: CrisisWatch = Field(default=CrisisWatch(), description="When many complain at once")
    rules: Rules = Field(default=DEFAULT_RULES, description="What to do about a mention, read from the top")
    templates: Templates = Field(default=(), description="Texts for drafts, offered before those that ship")
    default_templates: bool = Field(
        default=True, description="Whether to offer the templates that ship as well"
    )
    exemptions: tuple[str, ...] = Field(
        default=EXEMPTIONS,
        min_length=1,
        description="The reasons for which an address may be closed without an answer",
    )
    sample: Sample = Field(
        default=Sample(), description="What a human looks at of that which rules closed without an answer"
    )
    digest: DigestSettings = Field(
        default=DigestSettings(), description="What the day brought, told once a day"
    )
    stop_words: tuple[str, ...] = Field(
        default=DEFAULT_WORDS,
        description="Whoever writes nothing but one of these gets nothing more from us",
    )
    hooks: Hooks = Hooks()
    slack: SlackSettings | None = Field(
        default=None, description="Buttons in Slack; default: none, and nobody acts from there"
    )
    analysis: AnalysisSettings = AnalysisSettings()
    delivery: Delivery = Delivery()
    pace: Pace = Pace()


@dataclass(frozen=True, slots=True)
class Service:
    """A listener or responder that can be built: ``plugin.build(config)``."""

    name: str
    plugin: Plugin
    config: BaseModel


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
        sides = (("listeners", self.root.listeners, self.listeners),
                 ("responders", self.root.responders, self.responders))  # fmt: skip
        return {
            entries[name].account or f"{side}.{name}": budget
            for side, entries, services in sides
            for name, service in services.items()
            if isinstance(budget := getattr(service.config, "budget", None), Budget)
        }

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
    root = _root(file, faults)
    services = {side: dict(_services(file, side, faults)) for side in typing.get_args(Side)}
    faults += _crossed(file, root, services) if root else ()
    if faults or root is None:
        raise ConfigError(sorted(set(faults), key=lambda f: (f.line, f.path)))
    shipped = drafts.default_templates() if root.default_templates else ()
    templates = (*root.templates, *shipped)
    routes = _routes(root, services)
    return Settings(root, services["listeners"], services["responders"], routes, templates)


def brand_and_analysis(path: Path) -> tuple[Brand, AnalysisSettings]:
    """What tagging needs of a config; nothing else of it has to be right, and no secret to be there.

    Raises:
        ConfigError: with the faults of these two sections.
    """
    file, faults = yaml_file.read(path), list[Fault]()
    brand = _section(file, "brand", Brand, faults)
    analysis = _section(file, "analysis", AnalysisSettings, faults)
    if brand is None or analysis is None:
        raise ConfigError(faults)
    return brand, analysis


def _section(file: YamlFile, key: str, model: type[Model], faults: list[Fault]) -> Model | None:
    data = file.data if isinstance(file.data, dict) else {}
    try:
        return model.model_validate(data.get(key, {}))
    except ValidationError as error:
        faults += _faults(file, error, model, (key,))
        return None


def _root(file: YamlFile, faults: list[Fault]) -> Root | None:
    try:
        return Root.model_validate(file.data)
    except ValidationError as error:
        faults += _faults(file, error, Root, ())
        return None


# --- Listeners and responders: their own keys, and those of their account -----------------------


def _services(file: YamlFile, side: Side, faults: list[Fault]) -> Iterator[tuple[str, Service]]:
    entries = file.data.get(side)
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            continue  # the root says so
        place: Place = (side, name)
        try:
            plugin = plugins.find(side, entry["type"])
        except LookupError as error:
            faults.append(file.fault((*place, "type"), str(error)))
            continue
        found = _own_faults(file, side, name, entry, plugin)
        faults += found
        with contextlib.suppress(ValidationError):  # of which the faults tell, or that a variable is not set
            if not found:
                config = plugin.config.model_validate(_values(file, side, entry, plugin))
                yield name, Service(name, plugin, config)


def _values(file: YamlFile, side: Side, entry: Mapping[str, Any], plugin: Plugin) -> dict[str, Any]:
    """What the plugin's own settings are made from: its keys of the entry, and of the account."""
    account = _account(file, entry)
    mine = {k: v for k, v in entry.items() if k not in _common(side)}
    return {k: v for k, v in account.items() if k in plugin.config.model_fields} | mine


def _own_faults(
    file: YamlFile, side: Side, name: str, entry: Mapping[str, Any], plugin: Plugin
) -> list[Fault]:
    faults = list[Fault]()
    account = entry.get("account")
    if account and not isinstance((file.data.get("accounts") or {}).get(account), dict):
        wrong = f"there is no account {account!r}"
        faults.append(file.fault((side, name, "account"), wrong, f"add it under accounts: as {account}:"))
    values = _values(file, side, entry, plugin)

    def place(key: str) -> Place:
        inherited = key not in entry and key in _account(file, entry)
        return ("accounts", str(account), key) if inherited else (side, name, key)

    try:
        plugin.config.model_validate(values)
    except ValidationError as error:
        faults += _faults(file, error, plugin.config, (side, name), place, set(_common(side)))
    for key, field in plugin.config.model_fields.items():
        if (
            key in values
            and field.annotation in (SecretStr, SecretStr | None)
            and place(key) not in file.filled
            and not str(values[key]).startswith(_SANDBOX)
        ):
            mend = f"write {key}: ${{SOME_NAME}} and set that variable where Vigie starts"
            faults.append(file.fault(place(key), "a secret must not stand in the file", mend))
        if field.annotation == tuple[SecretStr, ...] and isinstance(values.get(key), list):
            bare = [i for i in range(len(values[key])) if (*place(key), i) not in file.filled]
            wrong, mend = "a secret must not stand in the file", "write ${SOME_NAME} and set that variable"
            faults += [file.fault((*place(key), i), wrong, mend) for i in bare]
    return faults


def _account(file: YamlFile, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    accounts = file.data.get("accounts")
    found = accounts.get(entry.get("account")) if isinstance(accounts, dict) else None
    return found if isinstance(found, dict) else {}


def _common(side: Side) -> tuple[str, ...]:
    return tuple((ListenerEntry if side == "listeners" else ResponderEntry).model_fields)


# --- What no single section can see --------------------------------------------------------------


def _crossed(file: YamlFile, root: Root, services: Mapping[str, Mapping[str, Service]]) -> Iterator[Fault]:
    yield from _unknown_account_keys(file, root, services)
    yield from _slack(file, root, services)
    responders = services["responders"]
    for name, entry in root.listeners.items():
        if entry.responder and not (
            entry.responder in responders and responders[entry.responder].plugin.replies
        ):
            able = ", ".join(n for n, s in responders.items() if s.plugin.replies) or "none yet"
            wrong = f"there is no responder {entry.responder!r} that can reply"
            yield file.fault(("listeners", name, "responder"), wrong, f"there are: {able}")
    notifiers = [n for n, s in responders.items() if s.plugin.notifies]
    for i, tier in enumerate(root.promises.tiers):
        for target in (t for t in tier.to if t not in notifiers):
            wrong = f"there is no responder {target!r} that can tell people"
            able = ", ".join(notifiers) or "none yet"
            yield file.fault(("promises", "tiers", i, "to"), wrong, f"there are: {able}")
    for name in sorted(set(_routes(root, services).values()) & set(responders)):
        timeout = timedelta(seconds=getattr(responders[name].config, "timeout", 0))
        if timeout >= root.delivery.lease:
            seconds = timeout.total_seconds()
            wrong = f"the lease must be longer than the timeout of responder {name!r} ({seconds:g}s)"
            yield file.fault(("delivery", "lease"), wrong, "or a reply could be sent twice")
    names = {template.name for template in (*root.templates, *drafts.default_templates())}
    for i, rule in enumerate(root.rules):
        if rule.template and rule.template not in names:
            wrong = f"there is no template {rule.template!r}"
            yield file.fault(("rules", i, "template"), wrong, _guess(rule.template, names))
    yield from _crossed_closing(file, root, [n for n, s in responders.items() if s.plugin.tells])


def _crossed_closing(file: YamlFile, root: Root, telling: list[str]) -> Iterator[Fault]:
    for i, rule in enumerate(root.rules):
        if rule.exempt and rule.exempt not in root.exemptions:
            wrong = f"{rule.exempt!r} is none of exemptions:"
            yield file.fault(("rules", i, "exempt"), wrong, _guess(rule.exempt, set(root.exemptions)))
    for target in (t for t in root.digest.to if t not in telling):
        wrong = f"there is no responder {target!r} that can carry a digest"
        yield file.fault(("digest", "to"), wrong, f"there are: {', '.join(telling) or 'none yet'}")


def _slack(file: YamlFile, root: Root, services: Mapping[str, Mapping[str, Service]]) -> Iterator[Fault]:
    if root.slack is None:
        return
    able = [name for name, service in services["responders"].items() if service.plugin.kind == "slack"]
    if root.slack.responder not in able:
        wrong = f"there is no responder {root.slack.responder!r} of type slack"
        yield file.fault(("slack", "responder"), wrong, f"there are: {', '.join(able) or 'none yet'}")
    for key, value in root.slack:
        if (
            isinstance(value, SecretStr)
            and ("slack", key) not in file.filled
            and not (value.get_secret_value().startswith(_SANDBOX))
        ):
            mend = f"write {key}: ${{SOME_NAME}} and set that variable where Vigie starts"
            yield file.fault(("slack", key), "a secret must not stand in the file", mend)


def _unknown_account_keys(
    file: YamlFile, root: Root, services: Mapping[str, Mapping[str, Service]]
) -> Iterator[Fault]:
    for account, values in root.accounts.items():
        users = [
            services[side][name]
            for side, entries in (("listeners", root.listeners), ("responders", root.responders))
            for name, entry in entries.items()
            if entry.account == account and name in services[side]
        ]
        known = {key for service in users for key in service.plugin.config.model_fields}
        for key in values if users else ():
            if key not in known:
                wrong = "no listener or responder of this account knows this key"
                yield file.fault(("accounts", account, key), wrong, _guess(key, known))


def _routes(root: Root, services: Mapping[str, Mapping[str, Service]]) -> dict[str, str]:
    """Who answers what: as written, else the responder that shares the listener's account."""
    by_account = {
        entry.account: name
        for name, entry in root.responders.items()
        if entry.account and name in services["responders"] and services["responders"][name].plugin.replies
    }
    return {
        name: entry.responder if entry.responder is not None else by_account.get(entry.account, "")
        for name, entry in root.listeners.items()
    }


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


# --- Faults in words -----------------------------------------------------------------------------


def _faults(
    file: YamlFile,
    error: ValidationError,
    model: type[BaseModel],
    base: Place,
    place: typing.Callable[[str], Place] | None = None,
    also: set[str] = frozenset(),  # type: ignore[assignment]
) -> Iterator[Fault]:
    for found in error.errors(include_url=False, include_input=False):
        loc: Place = tuple(p for p in found["loc"] if not (isinstance(p, str) and p.startswith("function-")))
        here = (*place(str(loc[0])), *loc[1:]) if place and loc else (*base, *loc)
        wrong, mend = found["msg"], ""
        if found["type"] == "extra_forbidden":
            wrong, mend = "this key is not known here", _guess(str(loc[-1]), _keys(model, loc[:-1]) | also)
        elif found["type"] == "missing":
            wrong = "this key is missing"
            if (about := _about(model, loc)) is not None:
                mend = about
        elif "error" in found.get("ctx", {}):
            wrong = str(found["ctx"]["error"])
        if here in file.filled and "${" in str(_at(file.data, here)):
            continue  # the variable is not set, which is said already
        yield file.fault(here, wrong[:1].lower() + wrong[1:], mend)


def _at(data: Any, place: Place) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _guess(key: str, known: set[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known))}" if known else ""


def _keys(model: type[BaseModel], loc: Place) -> set[str]:
    """The keys that fit at a place below `model`."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return set(model.model_fields)


def _about(model: type[BaseModel], loc: Place) -> str | None:
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    missing = model.model_fields.get(str(loc[-1]))
    return missing.description if missing else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``Model | None``, ``tuple[Model, ...]``, ``Mapping[str, Model]``, ``Annotated``..."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
