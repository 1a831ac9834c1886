"""The config as a JSON Schema, for editors that complete and check YAML."""

from __future__ import annotations

from typing import Any

from bot import plugins
from bot.config_sections import ListenerEntry, ResponderEntry, Root
from bot.plugins import Side

Common = type[ListenerEntry] | type[ResponderEntry]


def config_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of config.yaml with every listener and responder that is installed."""
    schema = Root.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    sides: tuple[tuple[Side, Common], ...] = (("listeners", ListenerEntry), ("responders", ResponderEntry))
    for side, entry in sides:
        kinds = [_entry(side, entry, kind, definitions) for kind in plugins.names(side)]
        definitions[entry.__name__] = {"oneOf": kinds}
    return schema


def _entry(side: Side, common: Common, kind: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """What an entry of one type may hold. Keys may come from its account, so only the type is required."""
    shared = common.model_json_schema()
    own = plugins.find(side, kind).config.model_json_schema()
    definitions.update(own.pop("$defs", {}))
    return {
        "type": "object",
        "title": kind,
        "properties": {**shared["properties"], **own["properties"], "type": {"const": kind}},
        "required": ["type"],
        "additionalProperties": False,
    }
