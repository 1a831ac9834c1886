"""The config in force, as people may see it: each key with its value and its meaning, and never a secret.

Values are taken from the checked models alone, where what is secret has the type of a secret. What stands
under `accounts:` is shown at the listeners and responders that use it, so it goes through their models too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, SecretBytes, SecretStr

from bot.config import Settings
from bot.config_services import Service

Secret = SecretStr | SecretBytes


class Key(NamedTuple):
    """A key, by its path below its section; its value as it would stand in the file, "" for an empty one;
    and what it means. `secret`: whether one is set there, which is all that is told."""

    path: str
    value: str
    about: str
    secret: bool = False
    default: bool = False


class Section(NamedTuple):
    name: str
    about: str
    keys: tuple[Key, ...]


def sections(settings: Settings) -> Iterator[Section]:
    """All of the config, in the order of its model."""
    root = settings.root
    services = {"listeners": settings.listeners, "responders": settings.responders}
    for name, field in type(root).model_fields.items():
        about = field.description or _about(getattr(root, name))
        if name == "accounts":
            yield Section(name, about, tuple(_accounts(settings)))
        elif name in services:
            yield Section(name, about, tuple(_services(getattr(root, name), services[name])))
        else:
            value, default = getattr(root, name), field.get_default(call_default_factory=True)
            yield Section(name, about, tuple(_keys("", value, "", default)))


def _about(value: Any) -> str:
    return " ".join((type(value).__doc__ or "").split()) if isinstance(value, BaseModel) else ""


def _accounts(settings: Settings) -> Iterator[Key]:
    """Their names and who uses them; never what they hold."""
    for account in settings.root.accounts:
        users = [
            f"{side}.{name}"
            for side, entries in (
                ("listeners", settings.root.listeners),
                ("responders", settings.root.responders),
            )
            for name, entry in entries.items()
            if entry.account == account
        ]
        yield Key(account, ", ".join(users), "")


def _services(entries: Mapping[str, BaseModel], built: Mapping[str, Service]) -> Iterator[Key]:
    for name, entry in entries.items():
        for key, field in type(entry).model_fields.items():  # what it holds besides stands in its own model
            yield from _keys(f"{name}.{key}", getattr(entry, key), field.description or "")
        yield from _model(name, built[name].config)


def _keys(path: str, value: Any, about: str, usual: Any = ..., *, brief: bool = False) -> Iterator[Key]:
    """A value, or all that is below it. Not one of an unknown type is written out.

    Args:
        usual: the default, if there is one.
        brief: leave out what is as usual: of each rule and each target, only what it says.
    """
    if isinstance(value, Secret):
        yield Key(path, "", about, secret=bool(value.get_secret_value()))
    elif brief and value == usual:
        return
    elif isinstance(value, BaseModel):
        yield from _model(path, value, brief=brief)
    elif isinstance(value, Mapping) and value and not _is_plain(value):
        for key, one in value.items():
            yield from _keys(_below(path, str(key)), one, about, brief=True)
    elif isinstance(value, tuple | list) and value and not _is_plain(value):
        for number, one in enumerate(value, start=1):
            yield from _keys(_below(path, str(getattr(one, "name", "") or number)), one, about, brief=True)
    else:
        yield Key(path, written(value), about, default=value == usual)


def _model(path: str, model: BaseModel, *, brief: bool = False) -> Iterator[Key]:
    for name, field in type(model).model_fields.items():
        usual = field.get_default(call_default_factory=True)
        value = getattr(model, name)
        yield from _keys(_below(path, name), value, field.description or "", usual, brief=brief)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


_PLAIN: Final = (str, int, float, bool, timedelta, date, time, Enum, PurePath)


def _is_plain(value: Any) -> bool:
    """Whether it can be written on one line: a list, or lists by their names, of plain values."""
    parts = value.values() if isinstance(value, Mapping) else value
    return all(
        isinstance(part, _PLAIN) or (isinstance(part, tuple | list | frozenset) and _is_plain(part))
        for part in parts
    )


def written(value: Any) -> str:
    """A plain value, as in the file. Whatever is of no plain type is not written out."""
    for kind, write in _WAYS:
        if isinstance(value, kind):
            return write(value)
    return "…"


_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]*@")


def without_credentials(text: str) -> str:
    """Without the user and the password that an address may hold."""
    return _CREDENTIALS.sub("…@", text)


def _length(value: timedelta) -> str:
    seconds, parts = round(value.total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        parts += [f"{number}{unit}"] if number else []
    return " ".join(parts) or "0s"


def _list(value: Iterable[Any]) -> str:
    parts = map(written, value)
    return ", ".join(sorted(parts) if isinstance(value, frozenset) else parts)


# The first that fits: whether a value is true is asked before whether it is a number.
_WAYS: Final[tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...]] = (
    (type(None), lambda _: ""),
    (bool, lambda value: "true" if value else "false"),
    (timedelta, _length),
    (Enum, lambda value: str(value.value)),
    ((str, PurePath), lambda value: without_credentials(str(value))),
    ((int, float, date, time), str),
    (Mapping, lambda value: "\n".join(f"{written(key)}: {written(one)}" for key, one in value.items())),
    ((tuple, list, frozenset), _list),
)
