"""Faults of a config file in words: where, what is wrong, and what would be right."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bot.errors import Fault
from bot.yaml_file import Place, YamlFile

# What the sandbox on this machine takes for credentials: known to everybody, and good for nothing else.
_SANDBOX: Final = "sandbox-"


def in_words(
    file: YamlFile,
    error: ValidationError,
    model: type[BaseModel],
    place: Callable[[Place], Place] = lambda loc: loc,
    also: Collection[str] = (),
) -> Iterator[Fault]:
    """Everything that pydantic found.

    Args:
        place: where in the file a place within the model stands.
        also: the keys that may stand there besides the model's own.
    """
    for found in error.errors(include_url=False, include_input=False):
        loc: Place = tuple(p for p in found["loc"] if not (isinstance(p, str) and p.startswith("function-")))
        wrong, mend = found["msg"], ""
        if found["type"] == "extra_forbidden":
            wrong, mend = "this key is not known here", guess(str(loc[-1]), _keys(model, loc[:-1]) | {*also})
        elif found["type"] == "missing":
            wrong, mend = "this key is missing", _about(model, loc)
        elif "error" in found.get("ctx", {}):
            wrong = str(found["ctx"]["error"])
        here = place(loc)
        if here in file.filled and "${" in str(_at(file.data, here)):
            continue  # the variable is not set, which is said already
        yield file.fault(here, wrong[:1].lower() + wrong[1:], mend)


def bare_secret(file: YamlFile, place: Place, value: object) -> Iterator[Fault]:
    """A secret that stands in the file itself instead of the environment."""
    if place not in file.filled and not str(value).startswith(_SANDBOX):
        key = f"{place[-1]}: " if isinstance(place[-1], str) else ""
        mend = f"write {key}${{SOME_NAME}} and set that variable where Vigie starts"
        yield file.fault(place, "a secret must not stand in the file", mend)


def guess(key: str, known: Collection[str]) -> str:
    """What was meant by a name that is not known."""
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known))}" if known else ""


def _at(data: Any, place: Place) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _keys(model: type[BaseModel], loc: Place) -> set[str]:
    """The keys that fit at a place below `model`."""
    return set(_model_at(model, loc).model_fields)


def _about(model: type[BaseModel], loc: Place) -> str:
    missing = _model_at(model, loc[:-1]).model_fields.get(str(loc[-1]))
    return (missing and missing.description) or ""


def _model_at(model: type[BaseModel], loc: Place) -> type[BaseModel]:
    for part in loc:
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``Model | None``, ``tuple[Model, ...]``, ``Mapping[str, Model]``, ``Annotated``..."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
