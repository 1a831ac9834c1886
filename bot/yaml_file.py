"""Reads YAML and remembers the line of every key, so that a fault can be shown where it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from bot.errors import ConfigError, Fault

Place = tuple[str | int, ...]
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(slots=True)
class YamlFile:
    """A parsed file. `data` has ``${NAME}`` filled in from the environment; `faults` says what could not
    be; `filled` are the places that hold something from the environment."""

    path: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    filled: set[Place] = field(default_factory=set)

    def fault(self, place: Place, wrong: str, mend: str = "") -> Fault:
        """A fault at `place`, or where it would have to stand."""
        at = place
        while at and at not in self.lines:
            at = at[:-1]
        return Fault(self.path, self.lines.get(at, 1), dotted(place), wrong, mend)


def dotted(place: Place) -> str:
    """``("rules", 0, "when")`` as ``rules[0].when``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def read(path: Path, environment: Mapping[str, str] = os.environ) -> YamlFile:
    """Parse the file.

    Raises:
        ConfigError: it cannot be read or is not YAML; with the line, where there is one.
    """
    file = YamlFile(str(path))
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except FileNotFoundError:
        mend = "copy the config.yaml that comes with Vigie, or name yours with --config"
        raise ConfigError([Fault(str(path), 1, "", "there is no such file", mend)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), 1, "", f"it cannot be read: {error}")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        wrong = f"this is not YAML: {error.problem}"
        mend = "look at the indentation and the quotes of this line and the one above"
        raise ConfigError([Fault(str(path), line, "", wrong, mend)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Fault(str(path), 1, "", f"this is not YAML: {error}")]) from None
    try:
        file.data = {} if node is None else _value(file, node, (), environment)
    except RecursionError:
        wrong = "an anchor (&name) holds its own alias (*name), or it is too deep"
        raise ConfigError([Fault(str(path), 1, "", wrong)]) from None
    return file


def _value(file: YamlFile, node: yaml.Node, place: Place, environment: Mapping[str, str]) -> Any:
    file.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(file, node, place, environment)
    if isinstance(node, yaml.SequenceNode):
        return [_value(file, item, (*place, i), environment) for i, item in enumerate(node.value)]
    value = _scalar(node)
    return _filled(file, value, place, environment) if isinstance(value, str) else value


def _mapping(
    file: YamlFile, node: yaml.MappingNode, place: Place, environment: Mapping[str, str]
) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        # Keys are names: `on`, `no` or 12 as a key are meant as they are written.
        key = str(key_node.value)
        here = (*place, key)
        file.lines[here] = key_node.start_mark.line + 1
        if key in found:
            file.faults.append(file.fault(here, "this key stands here twice", "keep one of the two"))
        found[key] = _value(file, value_node, here, environment)
    return found


def _scalar(node: yaml.Node) -> Any:
    """What a plain scalar means, without YAML 1.1's surprise that 9:30 is a number in base 60."""
    if node.tag == "tag:yaml.org,2002:int" and ":" in node.value:
        return node.value
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except ValueError:  # such as the date 2026-13-45
        return node.value
    finally:
        loader.dispose()


def _filled(file: YamlFile, text: str, place: Place, environment: Mapping[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if not environment.get(name):
            wrong = f"the environment variable {name} is not set"
            file.faults.append(file.fault(place, wrong, f"set it where Vigie starts: export {name}=..."))
            # Something that fits most types, so that the rest of the file is still looked at.
            return match[0]
        return environment[name]

    filled = _VARIABLE.sub(fill, text)
    if filled != text or _VARIABLE.search(text):
        file.filled.add(place)
    return filled
