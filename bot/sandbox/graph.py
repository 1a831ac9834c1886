"""Meta's Graph API on loopback: a Facebook page and an Instagram account, on the wire as facebook-sdk asks.

https://developers.facebook.com/docs/graph-api/reference. Credentials: `TOKEN` is the page's access token,
`APP_SECRET` the app's secret (for ``appsecret_proof`` and webhooks), `VERIFY_TOKEN` that of the webhooks.

``POST /control/graph/hook`` {"url"} subscribes an app on this machine; ``/control/graph/push`` {"times",
"backwards"} sends it what happened since.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from bot.sandbox.faults import Fault
from bot.sandbox.graph_facts import EDGES, FIELDS, USUAL
from bot.sandbox.graph_fields import Field, Malformed, parse
from bot.sandbox.graph_hooks import Hooks
from bot.sandbox.graph_nodes import FB, IG, Graph, Node
from bot.sandbox.graph_writes import GraphError, missing, write
from bot.sandbox.town import Impossible, Town, Unknown
from bot.sandbox.wire import Answer, Request

TOKEN: Final = "sandbox-page-token"  # noqa: S105 -- it opens nothing but the sandbox
APP_SECRET: Final = "sandbox-app-secret"  # noqa: S105
VERIFY_TOKEN: Final = "sandbox-verify"  # noqa: S105
_OLDEST: Final = "v22.0"
_API: Final = "https://graph.facebook.com"
_PATH: Final = re.compile(r"(?:/(v\d+\.\d+))?/([A-Za-z0-9_.-]+)(?:/([a-z_]+))?/?")
_PAGE: Final = 25
_MOST: Final = 100


class GraphWire:
    """One page and one Instagram account, both the brand's."""

    name = "graph"

    def __init__(self, town: Town) -> None:
        self._town = town
        self._hooks = Hooks(town, APP_SECRET, VERIFY_TOKEN)

    def handle(self, request: Request) -> Answer:
        try:
            return self._answer(request, 200, self._do(request))
        except GraphError as error:
            return self._answer(request, error.status, _body(error))

    def writes(self, request: Request) -> bool:
        return request.method != "GET"

    def subject(self, request: Request) -> tuple[str, str] | None:
        if request.method != "POST" or (match := _PATH.fullmatch(request.path)) is None:
            return None
        if match[3] in ("comments", "replies"):
            return (FB if "_" in match[2] else IG, match[2])
        about = re.search(r'"(?:comment|post)_id":\s*"([0-9_]+)"', str(request.values.get("recipient")))
        return (FB, about[1]) if about else None

    def refuse(self, fault: Fault, request: Request, seconds: float) -> Answer:
        error = _REFUSALS.get(fault, _REFUSALS[Fault.ERROR_AFTER])
        headers = {}
        if fault is Fault.RATE_LIMITED:
            headers = self._usage(100, math.ceil(seconds / 60))
        return self._answer(request, error.status, _body(error), headers)

    def control(self, verb: str, values: dict[str, Any]) -> dict[str, Any]:
        if verb == "hook":
            self._hooks.subscribe(str(values.get("url", "")))
            return {"subscribed": True}
        if verb == "push":
            times = values.get("times", 1)
            if not isinstance(times, int) or not 1 <= times <= 10:
                raise Impossible("times is a figure from 1 to 10")
            return {"answers": self._hooks.push(times=times, backwards=bool(values.get("backwards")))}
        raise Unknown(f"there is no verb {verb!r}; there are hook, push")

    # --- One call --------------------------------------------------------------------------------------

    def _do(self, request: Request) -> dict[str, Any]:
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise GraphError(2500, "Unknown path components", kind="OAuthException")
        values = request.values
        _signed_in(request, values)
        graph = Graph(self._town, hidden=Fault.FROM_MISSING in request.struck)
        try:
            node = graph.node(match[2])
        except Unknown:
            raise missing(match[2], request.method.lower()) from None
        if request.method == "POST":
            return write(graph, node, match[3] or "", values)
        if request.method != "GET":
            raise missing(match[2], request.method.lower())
        view = _View(graph, match[1] or _OLDEST, values, reverse=Fault.OUT_OF_ORDER in request.struck)
        fields = _parsed(values.get("fields", ""))
        if match[3] is None:
            return view.node(node, fields)
        return view.edge(node, Field(match[3], values, fields))

    def _answer(
        self, request: Request, status: int, body: Any, headers: Mapping[str, str] | None = None
    ) -> Answer:
        match = _PATH.fullmatch(request.path)
        version = (match[1] if match else None) or _OLDEST
        common = {
            "Content-Type": "application/json; charset=UTF-8",
            "facebook-api-version": max(version, _OLDEST, key=_figure),
            "x-fb-trace-id": secrets.token_urlsafe(8),
            **(self._usage(1, 0) if status == 200 else {}),
            **(headers or {}),
        }
        return Answer(status, json.dumps(body).replace("/", "\\/").encode(), common)

    def _usage(self, percent: int, minutes: int) -> dict[str, str]:
        """https://developers.facebook.com/docs/graph-api/overview/rate-limiting"""
        counted = {"call_count": percent, "total_cputime": 1, "total_time": 1}
        business = {**counted, "type": "pages", "estimated_time_to_regain_access": minutes}
        page = self._town.brand.id_on(FB)
        return {
            "x-app-usage": json.dumps(counted),
            "x-business-use-case-usage": json.dumps({page: [business]}),
        }


def _figure(version: str) -> float:
    return float(version[1:])


def _signed_in(request: Request, values: Mapping[str, Any]) -> None:
    """The token, and the proof that who uses it knows the app's secret, where one is given:
    https://developers.facebook.com/docs/graph-api/guides/secure-requests"""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("OAuth ")
    token = str(values.get("access_token") or bearer)
    if not token:
        raise GraphError(104, "An access token is required to request this resource.")
    if token != TOKEN:
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
    proof = hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
    given = values.get("appsecret_proof")
    if given is not None and not hmac.compare_digest(str(given).encode(), proof.encode()):
        raise GraphError(
            100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException"
        )


def _parsed(fields: str) -> tuple[Field, ...]:
    try:
        return parse(fields)
    except Malformed as error:
        raise GraphError(2500, str(error)) from None


_REFUSALS: Final = {
    Fault.TOKEN_EXPIRED: GraphError(190, "Error validating access token: Session has expired.", subcode=463),
    Fault.RATE_LIMITED: GraphError(32, "(#32) Page request limit reached"),
    Fault.RATE_LIMITED_NO_RESET: GraphError(4, "(#4) Application request limit reached"),
    Fault.OUT_OF_CREDITS: GraphError(368, "The action attempted has been deemed abusive or is disallowed"),
    Fault.NOT_SUMMONED: GraphError(200, "(#200) Permissions error", status=403),
    Fault.DUPLICATE: GraphError(506, "(#506) Duplicate status message"),
    Fault.ERROR_AFTER: GraphError(2, "An unexpected error has occurred. Please retry later.", status=500),
}


def _body(error: GraphError) -> dict[str, Any]:
    found: dict[str, Any] = {"message": str(error), "type": error.kind, "code": error.code}
    if error.subcode is not None:
        found["error_subcode"] = error.subcode
    if error.status >= 500:
        found["is_transient"] = True
    return {"error": {**found, "fbtrace_id": secrets.token_urlsafe(8)}}


class _View:
    """Shows nodes and lists with the fields that were asked for, and no others."""

    def __init__(self, graph: Graph, version: str, values: Mapping[str, Any], *, reverse: bool) -> None:
        self._graph, self._version, self._reverse = graph, version, reverse
        self._signature = {key: values[key] for key in ("access_token", "appsecret_proof") if key in values}

    def node(self, node: Node, fields: Sequence[Field]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for field in fields or [Field(name) for name in USUAL[node.kind]]:
            if (value := self._value(node, field)) is not None:
                shown[field.name] = value
        return {**shown, "id": node.id}

    def _value(self, node: Node, field: Field) -> Any:
        if field.name == "id":
            return None
        if field.name in EDGES[node.kind]:
            found = self.edge(node, field)
            return found if found["data"] else None
        if field.name not in FIELDS[node.kind]:
            words = f"(#100) Tried accessing nonexisting field ({field.name}) on node type ({node.kind})"
            raise GraphError(100, words)
        value = FIELDS[node.kind][field.name](self._graph, node)
        if isinstance(value, Node):
            return self.node(value, field.below)
        return _only(value, field.below)

    def edge(self, node: Node, field: Field) -> dict[str, Any]:
        """One page of a list: https://developers.facebook.com/docs/graph-api/results"""
        if field.name not in EDGES[node.kind]:
            raise missing(node.id, "get")
        found = EDGES[node.kind][field.name](self._graph, node, field.arguments)
        found = [one for one in found if _between(one, field.arguments)]
        start, size = _start(found, field.arguments.get("after")), _size(field.arguments)
        part = found[start : start + size]
        shown = [self.node(one, field.below) for one in (reversed(part) if self._reverse else part)]
        if not part:
            return {"data": []}
        paging: dict[str, Any] = {"cursors": {"before": _cursor(part[0]), "after": _cursor(part[-1])}}
        if start + size < len(found):
            paging["next"] = self._next(node, field, paging["cursors"]["after"])
        return {"data": shown, "paging": paging}

    def _next(self, node: Node, field: Field, after: str) -> str:
        """The address of the next page, with everything that was asked, and the token: as in life."""
        asked = {name: value for name, value in field.arguments.items() if name not in ("after", "before")}
        if field.below:
            asked["fields"] = _written(field.below)
        query = urlencode({**self._signature, **asked, "limit": _size(field.arguments), "after": after})
        return f"{_API}/{self._version}/{node.id}/{field.name}?{query}"


def _only(value: Any, below: Sequence[Field]) -> Any:
    """Of an object, or of each in a list of them, the fields that were asked for."""
    if not below or not isinstance(value, dict | list):
        return value
    if isinstance(value, list):
        return [_only(one, below) for one in value]
    if "data" in value:
        return {"data": _only(value["data"], below)}
    names = {field.name: field for field in below}
    return {key: _only(one, names[key].below) for key, one in value.items() if key in names}


def _between(node: Node, arguments: Mapping[str, str]) -> bool:
    at = node.at or datetime.now(UTC)
    try:
        since, until = (float(arguments.get(name) or "nan") for name in ("since", "until"))
    except ValueError:
        raise GraphError(100, "(#100) since and until are times in seconds since 1970") from None
    return not (at.timestamp() < since or at.timestamp() > until)


def _cursor(node: Node) -> str:
    return base64.urlsafe_b64encode(node.id.encode()).decode().rstrip("=")


def _start(found: Sequence[Node], after: str | None) -> int:
    """Where the page behind a cursor begins. What it pointed at may have gone: then where it would stand."""
    if not after:
        return 0
    places = {_cursor(node): place for place, node in enumerate(found)}
    if after in places:
        return places[after] + 1
    try:
        gone = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode()
        number = int(gone.rpartition("_")[2])
    except ValueError:
        raise GraphError(100, "(#100) Invalid cursors values") from None
    numbers = [int(node.id.rpartition("_")[2]) for node in found]
    rising = numbers == sorted(numbers)
    return sum(one < number if rising else one > number for one in numbers)


def _size(arguments: Mapping[str, str]) -> int:
    limit = str(arguments.get("limit") or _PAGE)
    if not limit.isdecimal() or int(limit) < 1:
        raise GraphError(100, "(#100) Param limit must be a number greater than or equal to 1")
    return min(int(limit), _MOST)


def _written(fields: Sequence[Field]) -> str:
    """The fields as they were asked for."""
    return ",".join(
        field.name
        + "".join(f".{name}({value})" for name, value in field.arguments.items())
        + (f"{{{_written(field.below)}}}" if field.below else "")
        for field in fields
    )
