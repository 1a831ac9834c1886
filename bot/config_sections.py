"""What may stand in config.yaml: its sections, each with its keys, their defaults and their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from bot import templates
from bot.crisis import CrisisWatch
from bot.durations import SomeTime
from bot.exemptions import Sample
from bot.listen_at import ListensAt
from bot.policy import Promises
from bot.reports.schedule import DigestSettings
from bot.rules import DEFAULT_RULES, Rules
from bot.slack_settings import SlackSettings
from bot.stop import DEFAULT_WORDS
from bot.templates import Templates
from bot.web_settings import WebSettings
from bot.webhook_settings import WebhookSettings

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")
EXEMPTIONS: Final = (
    "no_answer_needed",
    "spam",
    "abuse",
    "not_for_us",
    "answered_elsewhere",
    "asked_to_stop",
    "duplicate",
)


class Brand(templates.Brand):
    """Whom Vigie watches for."""

    name: str = Field(min_length=1, description="The name that people use, as it stands in replies")
    handles: tuple[str, ...] = Field(
        default=(), description="Other names and @handles by which it is addressed"
    )


class ListenerEntry(BaseModel):
    """What every listener has; its file adds its own keys."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str = Field(description="Which file of listeners/ reads this source")
    account: str = Field(default="", description="The entry of accounts: with its address and credentials")
    responder: str | None = Field(
        default=None,
        description='Who answers what is heard here; "" for nobody. Default: the responder of that account',
    )
    every: SomeTime = Field(default=timedelta(minutes=1), description="How often it is polled")
    poll_timeout: SomeTime = Field(
        default=timedelta(minutes=2), description="A poll that takes longer is given up"
    )
    silent_after: SomeTime = Field(
        default=timedelta(minutes=15),
        description="Not heard for so long, it rings like an unanswered address",
    )
    recheck: SomeTime = Field(
        default=timedelta(hours=20),
        description="How often it asks what was deleted, where its network does not tell by itself",
    )
    recheck_days: int = Field(
        default=30, ge=1, description="What was posted before so many days is asked after no more"
    )


class ResponderEntry(BaseModel):
    """What every responder and notifier has; its file adds its own keys."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str = Field(description="Which file of responders/ carries texts out")
    account: str = Field(default="", description="The entry of accounts: with its address and credentials")


class Delivery(BaseModel):
    """How replies go out."""

    model_config = _STRICT
    lease: SomeTime = Field(
        default=timedelta(seconds=60),
        description="What a worker took up and did not settle by then, because it died, is taken from it: an "
        "attempt to send counts as unsure. Longer than any responder's timeout",
    )
    look_after: SomeTime = Field(
        default=timedelta(seconds=10), description="How long a network may take to show what it accepted"
    )
    backoff: SomeTime = Field(
        default=timedelta(seconds=5),
        description="Wait after the first failed attempt; doubles up to 15 minutes",
    )
    attempts: int = Field(default=8, ge=1, le=50, description="After so many, a human is asked")
    unsure_limit: SomeTime = Field(
        default=timedelta(minutes=15),
        description="When nobody knows for so long whether a reply was posted, it rings",
    )


class Pace(BaseModel):
    """How often the steps look for work. They are woken as well whenever there is some."""

    model_config = _STRICT
    triage: SomeTime = timedelta(seconds=1)
    deliver: SomeTime = timedelta(seconds=1)
    sweep: SomeTime = timedelta(seconds=5)


class Hooks(ListensAt, frozen=True):
    """The door at which networks push by themselves: POST /hooks/LISTENER. Polling goes on all the same."""


class AnalysisSettings(BaseModel):
    """How texts are tagged."""

    model_config = _STRICT
    model: str = Field(
        default="", description="A spaCy pipeline, by package name or path; default: the one that ships"
    )
    models: Path = Field(
        default=Path("vigie-models"), description="The folder where `vigie train` keeps pipelines"
    )
    train_on_x: str = Field(
        default="",
        description="X's terms forbid training on its content. A reason here (such as a contract with X) "
        "lets corrections of posts from X take part",
    )
    aspects: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Products and themes, and the words for them"
    )


class Root(BaseModel):
    """config.yaml."""

    model_config = _STRICT
    brand: Brand
    store: str = Field(
        default="sqlite:///vigie.db", description="sqlite:///relative.db or sqlite:////absolute.db"
    )
    accounts: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict, description="Addresses and credentials, once for both directions"
    )
    listeners: Mapping[str, ListenerEntry] = Field(default_factory=dict, description="Who hears")
    responders: Mapping[str, ResponderEntry] = Field(
        default_factory=dict, description="Who answers, and who tells people"
    )
    promises: Promises = Field(default=Promises(), description="When an answer is owed")
    crisis: CrisisWatch = Field(default=CrisisWatch(), description="When many complain at once")
    rules: Rules = Field(default=DEFAULT_RULES, description="What to do about a mention, read from the top")
    templates: Templates = Field(default=(), description="Texts for drafts, offered before those that ship")
    default_templates: bool = Field(
        default=True, description="Whether to offer the templates that ship as well"
    )
    exemptions: tuple[str, ...] = Field(
        default=EXEMPTIONS,
        min_length=1,
        description="The reasons for which an address may be closed without an answer",
    )
    sample: Sample = Field(
        default=Sample(), description="What a human looks at of that which rules closed without an answer"
    )
    digest: DigestSettings = Field(
        default=DigestSettings(), description="What the day brought, told once a day"
    )
    stop_words: tuple[str, ...] = Field(
        default=DEFAULT_WORDS,
        description="Whoever writes nothing but one of these gets nothing more from us",
    )
    web: WebSettings = WebSettings()
    webhooks: Mapping[str, WebhookSettings] = Field(
        default_factory=dict, description="Other systems that are told what happened"
    )
    hooks: Hooks = Hooks()
    slack: SlackSettings | None = Field(
        default=None, description="Buttons in Slack; default: none, and nobody acts from there"
    )
    analysis: AnalysisSettings = AnalysisSettings()
    delivery: Delivery = Delivery()
    pace: Pace = Pace()
