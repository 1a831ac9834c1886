"""The forms beside a conversation: one verb of the desk each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from bot.errors import Conflict, NotAllowed, NotPossible
from bot.models import Process
from bot.store import views
from bot.web.conversation_forms import address, lines, mention_of, other_of, reply_of, seen
from bot.web.numbers import whole
from bot.web.routes import action
from bot.web.told import told
from bot.web.visit import Visit
from bot.web.words import N_

Verb = Callable[[Visit, int], None]


def _verb(verb: Verb, said: str) -> Callable[[Visit], Response]:
    """A form that does one thing, says so, and shows the conversation again."""

    def handler(visit: Visit) -> Response:
        number = mention_of(visit)
        try:
            verb(visit, number)
        except NotAllowed:
            raise
        except (Conflict, NotPossible) as error:
            return visit.back(address(visit, number), error=f"{told(visit.language, error)}.")
        return visit.back(address(visit, number), visit.say(said))

    return handler


def _assign(v: Visit, number: int) -> None:
    v.web.app.desk.assign(number, v.form.get("to", ""), seen(v), v.user.name)


def _exempt(v: Visit, number: int) -> None:
    v.web.app.desk.exempt(number, v.form.get("reason", ""), seen(v), v.user.name)


def _escalate(v: Visit, number: int) -> None:
    v.web.app.desk.escalate(number, v.form.get("reason", ""), seen(v), v.user.name)
    v.web.wake("sweep", "")


def _hand_over(v: Visit, number: int) -> None:
    if (to := v.form.get("process", "")) not in tuple(Process):
        raise NotPossible("choose a process")
    v.web.app.desk.hand_over(number, Process(to), seen(v), v.user.name)


def _outcome(v: Visit, number: int) -> None:
    v.web.app.desk.outcome(number, v.form.get("what", ""), v.user.name)


def _acknowledge(v: Visit, number: int) -> None:
    v.web.app.desk.acknowledge(number, v.user.name)


def _confirm(v: Visit, number: int) -> None:
    v.web.app.desk.confirm(number, v.form.get("url", "").strip(), seen(v), v.user.name)


def _resolve(v: Visit, number: int) -> None:  # noqa: ARG001
    reply, verdict = reply_of(v), v.form.get("verdict", "")
    v.web.app.desk.resolve(reply, verdict, seen(v), v.user.name, v.form.get("url", "").strip())
    if verdict == "again":
        with v.web.store.read() as tx:
            v.web.wake("deliver", views.reply_row(tx, reply)["responder"])


def _reopen(v: Visit, number: int) -> None:
    v.web.app.desk.reopen(number, seen(v), v.user.name)


def _judge(v: Visit, number: int) -> None:
    v.web.app.desk.judge(number, seen(v), v.user.name, right=v.form.get("verdict") == "ok")


def _correct(v: Visit, number: int) -> None:
    labels: dict[str, Any] = {name: v.form[name] for name in ("sentiment", "urgency") if name in v.form}
    if "intent" in v.form:
        labels["intents"] = [v.form["intent"]]
    v.web.app.desk.correct(number, labels, seen(v), v.user.name)


def _note(v: Visit, number: int) -> None:
    # Not called text, as answers are: what comes too late is put back into an editor, and a note into none.
    words, note = lines(v.form.get("words", "")), whole(v.form.get("note", ""))
    v.web.app.desk.note(number, words, v.user.name, note or None)


def _link(v: Visit, number: int) -> None:
    v.web.app.desk.link(number, other_of(v), v.user.name)


def _unlink(v: Visit, number: int) -> None:
    v.web.app.desk.unlink(number, other_of(v), v.user.name)


_VERBS: Final[dict[str, tuple[Verb, str]]] = {
    "assign": (_assign, N_("Done: it is in other hands. The clock runs on.")),
    "exempt": (_exempt, N_("Closed without an answer, in your name.")),
    "escalate": (_escalate, N_("It rings until somebody acknowledges it.")),
    "handover": (_hand_over, N_("Handed over.")),
    "outcome": (_outcome, N_("Noted what came of it.")),
    "acknowledge": (_acknowledge, N_("Acknowledged: it is silent until its next tier. The clock runs on.")),
    "confirm": (_confirm, N_("Noted as answered.")),
    "resolve": (_resolve, N_("Noted.")),
    "reopen": (_reopen, N_("Reopened: it waits for an answer again.")),
    "judge": (_judge, N_("Noted, thank you.")),
    "correct": (_correct, N_("Corrected. Training learns from it.")),
    "note": (_note, N_("Noted. Only colleagues see it.")),
    "link": (_link, N_("Linked: their history is shown together.")),
    "unlink": (_unlink, N_("No longer linked.")),
}
ROUTES: Final = [action(f"/mentions/{{id:number}}/{name}", _verb(*verb)) for name, verb in _VERBS.items()]
