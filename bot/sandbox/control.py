"""``/control/...``: make anybody say anything, and switch faults on. Answers the page at ``/`` as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from bot.sandbox import page
from bot.sandbox.faults import Calls, Fault, Faults
from bot.sandbox.town import NETWORKS, Impossible, Person, Post, Town, Unknown
from bot.sandbox.wire import Answer, Controlled, Request, Wire, in_html, in_json

Values = dict[str, Any]
_REQUIRED: Final = object()
_OF_SAY: Final = {"network", "who", "text", "to", "quotes", "shares", "photo", "private", "replies"}


class Control:
    """``POST /control/VERB`` with JSON or a form. What is wrong comes back as 400 and says how to mend it."""

    def __init__(self, town: Town, faults: Faults, wires: Mapping[str, Wire]) -> None:
        self._town, self._faults, self._wires = town, faults, wires
        self._verbs: dict[str, tuple[Callable[[Values], Values], set[str]]] = {
            "say": (self._say, _OF_SAY),
            "edit": (self._edit, {"network", "id", "text"}),
            "delete": (self._delete, {"network", "id"}),
            "person": (self._person, {"handle", "name", "language", "followers"}),
            "faults": (self._switch, {"wire", "fault", "calls", "chance", "times", "seconds", "clear"}),
        }
        self._views: dict[str, Callable[[], Any]] = {
            "/control/state": town.state,
            "/control/timeline": self._timeline,
            "/control/faults": self._switched,
        }

    def handle(self, request: Request) -> Answer:
        if request.method == "GET":
            return self._get(request)
        verb = request.path.removeprefix("/control/")
        if request.method != "POST" or verb == request.path:
            return in_json(404, {"error": "there is nothing here; see GET / and POST /control/say"})
        try:
            done = self._do(verb, _values(request.form or request.json))
        except (LookupError, ValueError) as error:
            return self._wrong(request, str(error))
        return Answer(303, b"", {"Location": "/"}) if request.form else in_json(200, done)

    def _wrong(self, request: Request, error: str) -> Answer:
        """A form comes back with what was in it."""
        if not request.form:
            return in_json(400, {"error": error})
        again = page.timeline(self._town, _language(request), error=error, said=request.form)
        return in_html(400, again, page.HEADERS)

    def _get(self, request: Request) -> Answer:
        if request.path in ("/", "/say"):
            shown = page.timeline(self._town, _language(request), only_form=request.path == "/say")
            return in_html(200, shown, page.HEADERS)
        view = self._views.get(request.path)
        if view is None:
            return in_json(404, {"error": "there is nothing here; see GET /"})
        return in_json(200, view())

    def _do(self, verb: str, values: Values) -> Values:
        name, _, own = verb.partition("/")
        wire = self._wires.get(name)
        if isinstance(wire, Controlled):
            return wire.control(own, values)
        if verb not in self._verbs:
            raise Unknown(f"there is no verb {verb!r}; there are {', '.join(self._verbs)}")
        do, known = self._verbs[verb]
        if unknown := sorted(values.keys() - known):
            raise Impossible(f"{verb} knows {', '.join(sorted(known))}, not {', '.join(unknown)}")
        return do(values)

    # --- verbs ---------------------------------------------------------------------------------------

    def _say(self, values: Values) -> Values:
        network, who = _network(values), _text(values, "who")
        text, to = _text(values, "text", ""), _text(values, "to", None)
        if _truth(values, "private"):
            return {"id": self._town.message(network, who, to or self._town.brand.handle, text).id}
        said = self._town.say(
            network,
            who,
            text,
            to=to,
            quotes=_text(values, "quotes", None),
            shares=_text(values, "shares", None),
            photo=_truth(values, "photo"),
            replies=_text(values, "replies", "everyone"),
        )
        return {"id": said.id}

    def _edit(self, values: Values) -> Values:
        return {"id": self._town.edit(_network(values), _text(values, "id"), _text(values, "text")).id}

    def _delete(self, values: Values) -> Values:
        return {"id": self._town.delete(_network(values), _text(values, "id")).id}

    def _person(self, values: Values) -> Values:
        language, followers = _text(values, "language", "fr"), _figure(values, "followers", 0)
        person = self._town.add(
            _text(values, "handle"), _text(values, "name", ""), language=language, followers=int(followers)
        )
        return {"handle": person.handle, "ids": person.ids}

    def _switch(self, values: Values) -> Values:
        if _truth(values, "clear"):
            self._faults.clear(_text(values, "wire", None))
            return {"faults": self._switched()}
        wire = _text(values, "wire")
        if wire not in self._wires:
            raise Unknown(f"there is no wire {wire!r}; there are {', '.join(self._wires)}")
        self._faults.switch_on(
            wire,
            _one_of(values, "fault", [one.value for one in Fault]),
            _one_of(values, "calls", [one.value for one in Calls], Calls.ALL.value),
            chance=_figure(values, "chance", 1.0),
            times=int(_figure(values, "times", 1)) if "times" in values else None,
            seconds=_figure(values, "seconds", 1.0),
        )
        return {"faults": self._switched()}

    # --- views -----------------------------------------------------------------------------------------

    def _switched(self) -> list[Values]:
        return [asdict(one) for one in self._faults.settings()]

    def _timeline(self) -> list[Values]:
        """Everything that stands in public, newest first."""
        posts = [post for network in NETWORKS for post in self._town.posts(network)]
        posts.sort(key=lambda post: post.at, reverse=True)
        return [_as_json(post, self._town.person(post.author)) for post in posts]


def _as_json(post: Post, author: Person) -> Values:
    values = asdict(post) | {"name": author.name, "at": post.at.isoformat()}
    values["edited_at"] = post.edited_at and post.edited_at.isoformat()
    return {key: value for key, value in values.items() if key not in {"number", "deleted_at", "replaced"}}


def _language(request: Request) -> str:
    return request.headers.get("accept-language", "")


def _values(sent: Any) -> Values:
    if not isinstance(sent, dict):
        raise Impossible("send a JSON object, or a form")
    return {key: value for key, value in sent.items() if value != ""}  # an empty field of a form


def _network(values: Values) -> str:
    return _one_of(values, "network", list(NETWORKS))


def _one_of(values: Values, key: str, known: list[str], default: str | None = None) -> str:
    value = values.get(key, default)
    if value not in known:
        raise Impossible(f"{key} is one of {', '.join(known)}")
    return str(value)


def _text(values: Values, key: str, default: Any = _REQUIRED) -> Any:
    value = values.get(key, default)
    if value is _REQUIRED or not isinstance(value, str | None):
        raise Impossible(f"{key} is missing, or no text")
    return value


def _truth(values: Values, key: str) -> bool:
    value = values.get(key, False)
    if value not in (True, False, "on", "true", "false"):
        raise Impossible(f"{key} is true or false")
    return value in (True, "on", "true")


def _figure(values: Values, key: str, default: float) -> float:
    try:
        return float(values.get(key, default))
    except (TypeError, ValueError):
        raise Impossible(f"{key} is a figure") from None
