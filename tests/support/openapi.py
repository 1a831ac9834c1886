"""X's own description of its API, as a judge: of what our adapter asks, and of what the sandbox answers.

tests/contracts/x-openapi.json has, unchanged, those paths of X's OpenAPI document (version 2.167) that we
use, and what they refer to. X is about to call a Tweet a Post there. On most paths the document has the new
names only; tweepy 4.17 speaks and reads the old ones, which X's own pages still teach and the document itself
still lists on its streams. So the old names of ``tweet.fields``, ``user.fields`` and ``expansions`` are held
against those of the stream, and in answers against the new ones, by the table `_NEW_NAMES`.

An answer must name nothing that the document does not: a misspelt field would pass otherwise.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft4Validator, FormatChecker

Json = dict[str, Any]
_FILE: Final = Path(__file__).parent.parent / "contracts" / "x-openapi.json"
_STREAM: Final = "/2/tweets/search/stream"
_OLD_PARAMETERS: Final = {"tweet.fields", "user.fields", "expansions"}
_NEW_NAMES: Final = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "tweets": "posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
}
# RFC 7807 says about:blank where the status says it all; of the others X tells only in its pages.
_UNLISTED_PROBLEMS: Final = {"about:blank", "https://api.x.com/2/problems/credits"}
_FORMATS: Final = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and bool(datetime.fromisoformat(value)))


def check_request(method: str, path: str, query: dict[str, str], json_body: Any) -> None:
    """
    Raises:
        AssertionError: X's document knows no such call, or a parameter or the body is not as it says.
    """
    template, operation = _operation(method, path)
    known = {one["name"]: one for one in _parameters(operation)}
    for name, value in _in_path(template, path).items():
        _hold(value, known[name]["schema"], f"{name} in the path")
    for name, value in query.items():
        _hold_parameter(name, value, known)
    missing = {
        name for name, one in known.items() if one["in"] == "query" and one.get("required")
    } - query.keys()
    assert not missing, f"{method} {template} lacks {', '.join(sorted(missing))}"
    described = operation.get("requestBody")
    assert (json_body is None) == (described is None), (
        f"{method} {template}: a body, or none, was not expected"
    )
    if described:
        _hold(json_body, described["content"]["application/json"]["schema"], "the body")


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """
    Raises:
        AssertionError: the answer is not as X's document says.
    """
    responses = _operation(method, path)[1]["responses"]
    if str(status) in responses:
        schema = responses[str(status)]["content"]["application/json"]["schema"]
        return _hold(_renamed(body), schema, "the answer", closed=True)
    assert status >= 400, f"{method} {path} never answers {status}"
    content = responses["default"]["content"]["application/problem+json"]["schema"]
    if isinstance(body, dict) and body.get("type") in _UNLISTED_PROBLEMS:
        content = {"type": "object", "required": ["type", "title", "detail"]}
    return _hold(body, content, "the problem")


def _operation(method: str, path: str) -> tuple[str, Json]:
    # The longest first: "/2/users/me" is no "/2/users/{id}".
    for template, operations in sorted(_document()["paths"].items(), key=lambda pair: "{" in pair[0]):
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return template, operations[method.lower()]
    raise AssertionError(f"X's document has no {method} {path}")


def _parameters(operation: Json) -> list[Json]:
    return [_resolved(one) for one in operation.get("parameters", [])]


def _resolved(described: Json) -> Json:
    if "$ref" not in described:
        return described
    found: Any = _document()
    for part in described["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _in_path(template: str, path: str) -> dict[str, str]:
    match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
    assert match
    return {name: unquote(value) for name, value in match.groupdict().items()}


def _hold_parameter(name: str, value: str, known: dict[str, Json]) -> None:
    if name in _OLD_PARAMETERS and ("post.fields" in known or name == "tweet.fields"):
        described = next(
            one for one in _parameters(_document()["paths"][_STREAM]["get"]) if one["name"] == name
        )
        if name in known and _fits(_read(value, known[name]["schema"]), known[name]["schema"]):
            return
    else:
        assert name in known, f"X knows no parameter {name}"
        described = known[name]
    _hold(_read(value, described["schema"]), described["schema"], name)


def _read(value: str, schema: Json) -> Any:
    """What stands in the query, as the type that it shall have."""
    if schema.get("type") == "array":
        return value.split(",")
    if schema.get("type") == "integer":
        assert re.fullmatch(r"-?\d+", value), f"{value!r} is no whole number"
        return int(value)
    return value


def _renamed(value: Any) -> Any:
    """An answer with the new names."""
    if isinstance(value, list):
        return [_renamed(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {_NEW_NAMES.get(name, name): _renamed(one) for name, one in value.items()}


def _fits(value: Any, schema: Json, *, closed: bool = False) -> bool:
    return not list(_faults(value, schema, closed=closed))


def _hold(value: Any, schema: Json, what: str, *, closed: bool = False) -> None:
    faults = _faults(value, schema, closed=closed)
    assert not faults, f"{what}: " + "; ".join(faults)


def _faults(value: Any, schema: Json, *, closed: bool) -> list[str]:
    whole = {"components": _components(closed), **_as_draft_4(schema, closed=closed)}
    validator = Draft4Validator(whole, format_checker=_FORMATS)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in validator.iter_errors(value)]


@cache
def _document() -> Json:
    document: Json = json.loads(_FILE.read_text("utf-8"))
    return document


@cache
def _components(closed: bool) -> Json:
    components: Json = _as_draft_4(_document()["components"], closed=closed)
    return components


def _as_draft_4(schema: Any, *, closed: bool) -> Any:
    """OpenAPI 3.0 is JSON Schema draft 4 but for nullable and discriminator (which here only says which of
    `oneOf` it is, and so does the enum of its type). Problems stay open: X adds to them."""
    if isinstance(schema, list):
        return [_as_draft_4(one, closed=closed) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _as_draft_4(one, closed=closed) for name, one in schema.items() if name != "discriminator"}
    if made.pop("nullable", False) is True:
        made = {"anyOf": [made, {"type": "null"}]}
    elif closed and made.get("type") == "object" and "properties" in made and not _is_problem(made):
        made.setdefault("additionalProperties", False)
    return made


def _is_problem(schema: Json) -> bool:
    return {"title", "detail", "type"} <= set(schema["properties"])
