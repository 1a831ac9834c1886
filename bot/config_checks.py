"""What no single section of a config can see: names that must exist elsewhere, times that must fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from pydantic import BaseModel, SecretStr

from bot.config_faults import bare_secret, guess
from bot.config_sections import Root
from bot.config_services import Services, routes
from bot.errors import Fault
from bot.templates import default_templates
from bot.yaml_file import Place, YamlFile


def crossed(file: YamlFile, root: Root, services: Services) -> Iterator[Fault]:
    """The faults of a config whose sections are each without fault."""
    yield from _unknown_account_keys(file, root, services)
    yield from _secrets(file, root)
    yield from _names_of_responders(file, root, services)
    yield from _lease(file, root, services)
    yield from _rules(file, root)


def _names_of_responders(file: YamlFile, root: Root, services: Services) -> Iterator[Fault]:
    each = services["responders"].items()

    def there_is_none(place: Place, name: str, what: str, able: Collection[str]) -> Iterator[Fault]:
        if name not in able:
            yield file.fault(
                place, f"there is no responder {name!r} {what}", f"there are: {', '.join(able) or 'none yet'}"
            )

    replying = [name for name, service in each if service.plugin.replies]
    for name, entry in root.listeners.items():
        if entry.responder:
            place = ("listeners", name, "responder")
            yield from there_is_none(place, entry.responder, "that can reply", replying)
    notifying = [name for name, service in each if service.plugin.notifies]
    for i, tier in enumerate(root.promises.tiers):
        for target in tier.to:
            yield from there_is_none(
                ("promises", "tiers", i, "to"), target, "that can tell people", notifying
            )
    telling = [name for name, service in each if service.plugin.tells]
    for target in root.digest.to:
        yield from there_is_none(("digest", "to"), target, "that can carry a digest", telling)
    if root.slack:
        slack = [name for name, service in each if service.plugin.kind == "slack"]
        yield from there_is_none(("slack", "responder"), root.slack.responder, "of type slack", slack)


def _lease(file: YamlFile, root: Root, services: Services) -> Iterator[Fault]:
    responders = services["responders"]
    for name in sorted(set(routes(root, services).values()) & set(responders)):
        timeout = timedelta(seconds=getattr(responders[name].config, "timeout", 0))
        if timeout >= root.delivery.lease:
            seconds = timeout.total_seconds()
            wrong = f"the lease must be longer than the timeout of responder {name!r} ({seconds:g}s)"
            yield file.fault(("delivery", "lease"), wrong, "or a reply could be sent twice")


def _rules(file: YamlFile, root: Root) -> Iterator[Fault]:
    templates = {template.name for template in (*root.templates, *default_templates())}
    for i, rule in enumerate(root.rules):
        if rule.template and rule.template not in templates:
            wrong = f"there is no template {rule.template!r}"
            yield file.fault(("rules", i, "template"), wrong, guess(rule.template, templates))
        if rule.exempt and rule.exempt not in root.exemptions:
            wrong = f"{rule.exempt!r} is none of exemptions:"
            yield file.fault(("rules", i, "exempt"), wrong, guess(rule.exempt, root.exemptions))


def _secrets(file: YamlFile, root: Root) -> Iterator[Fault]:
    for name, section in root:
        for key, value in section if isinstance(section, BaseModel) else ():
            if isinstance(value, SecretStr):
                yield from bare_secret(file, (name, key), value.get_secret_value())
    for name, webhook in root.webhooks.items():
        yield from bare_secret(file, ("webhooks", name, "secret"), webhook.secret.get_secret_value())


def _unknown_account_keys(file: YamlFile, root: Root, services: Services) -> Iterator[Fault]:
    for account, values in root.accounts.items():
        users = [
            *(services["listeners"].get(n) for n, e in root.listeners.items() if e.account == account),
            *(services["responders"].get(n) for n, e in root.responders.items() if e.account == account),
        ]
        known = {key for service in users if service for key in service.plugin.config.model_fields}
        for key in values if any(users) else ():
            if key not in known:
                wrong = "no listener or responder of this account knows this key"
                yield file.fault(("accounts", account, key), wrong, guess(key, known))
