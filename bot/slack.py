"""The desk in Slack: buttons and a form under the messages of the channel, over Socket Mode or HTTP.

https://docs.slack.dev/interactivity. What is clicked is acknowledged at once and then done by the desk's
verbs, with the version of the conversation that the person saw; the message then shows what the store has.
Nothing that people type in the channel or in a thread is read, let alone published. If Slack is down,
everything goes on without it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from accounts.slack import SILENT, Web, fault
from bot import slack_messages
from bot.errors import Conflict, NotPossible, ServiceError, StoreUnavailable, VigieError
from bot.slack_board import Board, Subject
from bot.slack_messages import FORM, LONGEST_INPUT, TEXT, WAITS, Button
from bot.slack_settings import SlackSettings
from bot.steps.watch import Wake, no_wake, surprise
from bot.store import events, news, views
from responders.slack import Config

if TYPE_CHECKING:
    from slack_bolt import App as Bolt
    from slack_bolt.adapter.socket_mode import SocketModeHandler
    from slack_bolt.response import BoltResponse

    from bot.app import App

log = logging.getLogger("vigie")
# Clicks that are remembered, so that one which Slack delivers twice is done once.
_REMEMBERED: Final = 2000
_BUTTONS: Final = ("approve", "edit", "reject", "take", "acknowledge")


class Click(NamedTuple):
    """Who pressed what, and where. `trigger` opens one form; every delivery of a click has the same."""

    trigger: str
    user: str
    ts: str
    told: Button

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Click:
        return cls(
            body["trigger_id"],
            body["user"]["id"],
            body["container"]["message_ts"],
            Button.read(body["actions"][0]["value"]),
        )

    @property
    def subject(self) -> Subject:
        return self.told.key if self.told.mention is None else self.told.mention


class SlackDesk:
    """One channel's buttons. `start` keeps its messages up to date and, with an app token, listens;
    `dispatch` takes requests that came over HTTP. `wake` is told that a reply may go out.

    Raises:
        NotPossible: the config has no such responder, or it is no Slack.
    """

    def __init__(self, app: App, settings: SlackSettings, wake: Wake = no_wake) -> None:
        self._watch, self._desk, self._settings, self._wake = app.watch, app.desk, settings, wake
        service = app.watch.settings.responders.get(settings.responder)
        if service is None or not isinstance(service.config, Config):
            raise NotPossible(f"slack.responder: there is no responder {settings.responder!r} of type slack")
        config = service.config
        self._channel = config.channel
        self._web = Web(config.token.get_secret_value(), config.api_url, config.timeout)
        self.board = Board(app.watch, self._web, config.channel, config.inbox_url, drafts=settings.drafts)
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._socket: SocketModeHandler | None = None
        self._bolt = self._built()

    # --- Its life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Talks to Slack in threads of its own; returns at once."""
        for work in (self._keep_up, *([self._listen] if self._settings.app_token else [])):
            threading.Thread(target=work, name=f"slack {work.__name__}", daemon=True).start()

    def stop(self) -> None:
        """Take no more clicks. What was clicked before is kept in the store."""
        self._ended.set()
        if self._socket is not None:
            self._socket.close()  # type: ignore[no-untyped-call]

    @property
    def over_http(self) -> bool:
        """Whether requests over HTTP are taken."""
        return self._settings.signing_secret is not None

    def take(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, dict[str, str]]:
        """As `dispatch`, for a web server: status, body and headers of the answer."""
        answer = self.dispatch(body.decode("utf-8", "replace"), headers)
        return answer.status, answer.body or "", {name: values[0] for name, values in answer.headers.items()}

    def dispatch(self, body: str, headers: Mapping[str, str]) -> BoltResponse:
        """Answer a POST by Slack. Who it is from its signature says, and how old it is (5 minutes at most).

        Raises:
            NotPossible: there is no signing secret, so that anybody could have sent it.
        """
        from slack_bolt import BoltRequest  # noqa: PLC0415 -- only who uses Slack pays for it

        if not self._settings.signing_secret:
            raise NotPossible("slack.signing_secret is not set: nothing is taken over HTTP")
        request = BoltRequest(body=body, headers={name: [value] for name, value in headers.items()})
        return self._bolt.dispatch(request)

    def _keep_up(self) -> None:
        while not self._ended.is_set():
            try:
                self.board.tick()
            except StoreUnavailable as error:
                log.error("slack: %s", error)  # noqa: TRY400 -- the text says all
            except Exception as error:  # noqa: BLE001 -- a boundary: the next tick tries again
                surprise(error, "slack: the board")
            self._ended.wait(self._settings.every.total_seconds())

    def _listen(self) -> None:
        from slack_bolt.adapter.socket_mode import SocketModeHandler  # noqa: PLC0415
        from slack_sdk.errors import SlackApiError  # noqa: PLC0415

        secret = self._settings.app_token
        assert secret is not None, "started only with one"
        while not self._ended.is_set():
            try:
                self._socket = SocketModeHandler(self._bolt, secret.get_secret_value(), logger=SILENT)
                self._socket.connect()  # type: ignore[no-untyped-call]
            except SlackApiError as error:
                self._unheard(str(fault(self._web.host, error)))
            except Exception as error:  # noqa: BLE001 -- a boundary: it is tried again
                self._unheard(type(error).__name__)
            else:
                break  # from here on the SDK connects anew by itself
        if self._ended.is_set():
            self.stop()

    def _unheard(self, why: str) -> None:
        log.warning("slack: Socket Mode cannot be reached (%s); trying again in half a minute", why)
        self._ended.wait(30)

    def _built(self) -> Bolt:
        from slack_bolt import App as Bolt  # noqa: PLC0415
        from slack_bolt.authorization import AuthorizeResult  # noqa: PLC0415

        web, secret = self._web.client(), self._settings.signing_secret

        def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            # No question to Slack before a click is acknowledged, for which there are 3 seconds.
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=web.token)

        bolt = Bolt(
            name="slack_bolt.desk",  # loggers of that name are silenced: never "vigie"
            logger=SILENT,
            client=web,
            authorize=authorize,
            signing_secret=secret.get_secret_value() if secret else None,
        )
        for verb in _BUTTONS:
            bolt.action(verb)(self._button(verb))
        bolt.view(FORM)(self._form_sent)
        bolt.error(_unforeseen)
        return bolt

    # --- Buttons ---------------------------------------------------------------------------------------

    def _button(self, verb: str) -> Callable[..., None]:
        def pressed(ack: Callable[..., Any], body: dict[str, Any]) -> None:
            ack()
            click = Click.of(body)
            if self._is_first(click.trigger):
                self._press(verb, click)

        return pressed

    def _is_first(self, number: str) -> bool:
        """Slack may deliver the same click again."""
        with self._lock:
            if number in self._seen:
                return False
            self._seen[number] = ""
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return True

    def _press(self, verb: str, click: Click) -> None:
        who = self._settings.users.get(click.user)
        if who is None:
            return self._whisper(click.user, _STRANGER.format(id=click.user))
        try:
            if verb == "edit":
                return self._open_form(click)
            self._do(verb, click.told, who)
        except VigieError as error:
            self._whisper(click.user, self._why_not(verb, click.subject, error))
        return self.board.refresh(click.subject, click.ts)

    def _do(self, verb: str, told: Button, who: str) -> None:
        """Raises:
        Conflict, NotPossible, StoreUnavailable: nothing was done.
        """
        desk, reply = self._desk, told.reply or 0
        if verb == "acknowledge" and told.mention is None:
            desk.acknowledge_key(told.key, who)
        elif verb == "acknowledge":
            desk.acknowledge(told.mention or 0, who)
        elif verb == "take":
            desk.assign(told.mention or 0, who, told.seen, who)
        elif verb == "reject":
            desk.reject(reply, told.seen, who)
        else:
            desk.approve(reply, told.seen, who)
            with self._watch.store.read() as tx:
                self._wake("deliver", views.reply_row(tx, reply)["responder"])

    # --- The form --------------------------------------------------------------------------------------

    def _open_form(self, click: Click) -> None:
        """Raises:
        NotPossible: the draft is no longer one, or does not go into a form.
        """
        with self._watch.store.read() as tx:
            case = self.board.case(tx, click.told.mention or 0)
        draft = next((one for one in case.drafts if one["id"] == click.told.reply), None)
        if draft is None or case.mention["version"] != click.told.seen:
            raise Conflict(f"{case.last}; look again before you act")
        if len(draft["text"]) > LONGEST_INPUT:
            raise NotPossible("this draft is too long for a form in Slack; edit it in Vigie")
        try:
            self._web.call(
                "views_open",
                trigger_id=click.trigger,
                view=slack_messages.form(case.mention, draft, case.limits, click.ts),
            )
        except ServiceError as error:
            raise NotPossible(f"the form could not be opened: {error}") from None

    def _form_sent(self, ack: Callable[..., Any], body: dict[str, Any]) -> None:
        """What is wrong with the text is said in the form, which stays open with it."""
        number, told = str(body["trigger_id"]), Button.read(body["view"]["private_metadata"])
        if self._is_first(number):
            self._seen[number] = self._save(body, told)
        if wrong := self._seen.get(number):
            ack(response_action="errors", errors={TEXT: wrong})
            return
        ack()
        self.board.refresh(told.mention or 0, told.ts)

    def _save(self, body: Mapping[str, Any], told: Button) -> str:
        """What is wrong, "" if the text was kept."""
        user, text = body["user"]["id"], body["view"]["state"]["values"][TEXT][TEXT]["value"] or ""
        if (who := self._settings.users.get(user)) is None:
            return _STRANGER.format(id=user)
        try:
            self._desk.edit(told.mention or 0, told.reply, text, told.seen, who)
        except VigieError as error:
            return self._why_not("edit", told.mention or 0, error)
        return ""

    # --- What people are told ----------------------------------------------------------------------------

    def _why_not(self, verb: str, subject: Subject, error: VigieError) -> str:
        """Who was first, where somebody was; else what is in the way."""
        if isinstance(subject, str) or not isinstance(error, Conflict | NotPossible):
            return f"Nothing was done: {error}."
        with self._watch.store.read() as tx:
            mention = views.mention_row(tx, subject)
            people = [row["actor"] for row in events.of_mention(tx, subject) if _human(row["actor"])]
            last = news.last(tx, mention["conversation_id"])
        if mention["state"] in WAITS and verb != "acknowledge":
            return f"Nothing was done: {error}."
        return f"Already handled{f' by {people[-1]}' if people else ''}: {last}."

    def _whisper(self, user: str, text: str) -> None:
        """Only that person sees it."""
        try:
            self._web.call("chat_postEphemeral", channel=self._channel, user=user, text=text)
        except ServiceError as error:
            log.warning("slack: somebody could not be told why nothing was done: %s", error)


_STRANGER: Final = (
    "Vigie does not know you, so nothing was done. Whoever keeps its config can add you under slack.users: "
    "{id}: your name"
)


def _human(actor: str) -> bool:
    return actor != events.SYSTEM and not actor.startswith(events.RULE)


def _unforeseen(error: Exception) -> None:
    surprise(error, "slack: a click")
