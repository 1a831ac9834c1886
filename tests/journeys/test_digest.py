"""The daily digest, from what was heard to whom it is told, at least once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import App, build
from bot.config import load
from bot.errors import AuthFailed, ConfigError, Retry
from bot.models import Escalation, Receipt
from bot.steps import digest
from bot.steps.watch import no_wake
from tests.support import webhooks
from tests.support.house import ANGRY, CONFIG, QUESTION, START, THANKS, House, build_house, comment
from tests.support.terminal import Terminal

AT_NINE = """
digest: {at: "09:00"}
promises: {calendar: {timezone: Europe/Paris}}
"""


@dataclass
class Herald:
    """A notifier that keeps what it was told; an exception in `next_` is raised instead."""

    told: list[tuple[str, str]] = field(default_factory=list)
    next_: list[Exception] = field(default_factory=list)

    def notify(self, escalation: Escalation) -> Receipt:
        return Receipt(escalation.key)

    def tell(self, subject: str, text: str) -> Receipt:
        if self.next_:
            raise self.next_.pop(0)
        self.told.append((subject, text))
        return Receipt("told")


@dataclass
class Morning:
    """A house whose notifiers are heralds."""

    house: House
    heralds: dict[str, Herald]

    @property
    def told(self) -> list[str]:
        """Every subject that anybody was told."""
        return [subject for herald in self.heralds.values() for subject, _ in herald.told]

    def at(self, moment: str) -> None:
        """The step runs at that moment, in UTC."""
        self.house.clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        digest(self.house.app.watch, no_wake)

    def every_minute(self, begin: str, hours: int) -> None:
        self.at(begin)
        for _ in range(60 * hours):
            self.house.clock.forward(minutes=1)
            digest(self.house.app.watch, no_wake)


def morning(
    folder: Path, extra: str = AT_NINE, names: tuple[str, ...] = ("herald",), config: str = CONFIG
) -> Morning:
    house = build_house(folder, config + "  bell: {type: console}\n", extra)
    heralds = {name: Herald() for name in names}
    watch = replace(house.app.watch, notifiers=dict(heralds))
    return Morning(replace(house, app=App(watch, house.desk)), heralds)


@pytest.fixture
def early(tmp_path: Path) -> Morning:
    return morning(tmp_path)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, {}, columns=160)


def test_it_is_told_once_a_day_at_its_hour(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.every_minute("2026-03-10T22:00", 48)
    assert [subject.partition(" : ")[0] for subject in early.told] == [
        "Banque Azur, mardi 10 mars 2026",
        "Banque Azur, mercredi 11 mars 2026",
    ]
    assert [row["day"] for row in early.house.rows("SELECT day FROM digests ORDER BY day")] == [
        "2026-03-10", "2026-03-11",
    ]  # fmt: skip


def test_a_source_of_which_nothing_is_heard_is_told_though_nobody_said_why(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-11T08:00")
    ((_, text),) = early.heralds["herald"].told
    assert "Non entendue : blog, pendant 14 h 00 min en tout (1×) ; elle ne l’est toujours pas" in text


def test_a_source_that_may_be_silent_for_days_is_not_missed_before(tmp_path: Path) -> None:
    weekly = CONFIG.replace("responder: paper", "responder: paper, silent_after: 8d")
    early = morning(tmp_path, config=weekly)
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-12T08:00")
    early.at("2026-03-19T08:00")
    (_, calm), (_, missed) = early.heralds["herald"].told
    assert "toutes les sources ont été entendues" in calm
    assert "Non entendue : blog" in missed


@pytest.mark.parametrize(("night", "hour"), [("2026-03-28", "07:00"), ("2026-10-24", "08:00")])
def test_in_a_night_in_which_the_clocks_change_it_is_told_once_and_at_its_hour(
    early: Morning, night: str, hour: str
) -> None:
    early.house.clock.now = datetime.fromisoformat(f"{night}T10:00").replace(tzinfo=UTC)
    early.house.hears(comment("1", QUESTION, posted_at=early.house.clock()))
    early.every_minute(f"{night}T12:00", 34)
    assert len(early.told) == 1
    sent = early.house.row("SELECT sent_at FROM digests")["sent_at"]
    assert f"{datetime.fromtimestamp(sent / 1000, UTC):%H:%M}" == hour


def test_nothing_is_told_of_days_before_the_watch_began_or_where_no_hour_is_set(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    early = morning(tmp_path / "one")
    early.at("2026-03-10T12:00")
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-10T12:01")
    assert early.told == []
    (tmp_path / "two").mkdir()
    never = morning(tmp_path / "two", "")
    never.house.hears(comment("1", QUESTION))
    never.every_minute("2026-03-11T00:00", 30)
    assert never.told == []


def test_where_it_reached_nobody_it_is_told_again_a_minute_later(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.heralds["herald"].next_ = [
        Retry("out of order"),
        AuthFailed("no"),
        ValueError("what nobody foresaw"),
    ]
    early.at("2026-03-11T08:00")
    early.at("2026-03-11T08:00:30")
    assert len(early.heralds["herald"].next_) == 2
    for minute in range(1, 5):
        early.at(f"2026-03-11T08:0{minute}")
    assert len(early.told) == 1


def test_one_who_was_reached_is_enough_and_the_others_do_not_hold_it_up(tmp_path: Path) -> None:
    early = morning(tmp_path, names=("broken", "herald"))
    early.heralds["broken"].next_ = [Retry("out of order")]
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-11T08:00")
    early.at("2026-03-11T08:05")
    assert {name: len(one.told) for name, one in early.heralds.items()} == {"broken": 0, "herald": 1}


def test_a_crash_after_it_was_taken_up_loses_none(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.heralds["herald"].next_ = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        early.at("2026-03-11T08:00")
    early.at("2026-03-11T08:02")
    assert len(early.told) == 1


def test_what_was_told_of_no_day_is_in_the_next_one(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-11T08:00")
    early.house.clock.now = START + timedelta(days=2)
    early.house.hears(comment("2", QUESTION, posted_at=early.house.clock()))
    early.at("2026-03-15T08:00")  # nothing ran for three days
    assert early.told[1].startswith("Banque Azur, mercredi 11 mars 2026 – samedi 14 mars 2026 : adresses 1,")


def test_a_clock_that_is_set_back_tells_nothing_again(early: Morning) -> None:
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-12T08:00")
    early.every_minute("2026-03-10T08:00", 48)
    assert len(early.told) == 1


def test_only_those_named_are_told(tmp_path: Path) -> None:
    extra = AT_NINE.replace('"09:00"', '"09:00", to: [bell]')
    early = morning(tmp_path, extra, names=("bell", "herald"))
    early.house.hears(comment("1", QUESTION))
    early.at("2026-03-11T08:00")
    assert {name: len(one.told) for name, one in early.heralds.items()} == {"bell": 1, "herald": 0}


def test_who_cannot_carry_a_digest_is_a_fault_of_the_config(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG + 'digest: {at: "09:00", to: [nobody]}\n', "utf-8")
    with pytest.raises(ConfigError, match=r"no responder 'nobody' that can carry a digest.*there are: paper"):
        load(file)


def test_a_second_daemon_on_the_store_tells_nothing_twice(early: Morning, tmp_path: Path) -> None:
    early.house.hears(comment("1", QUESTION))
    other = morning(tmp_path)
    other.house.clock.now = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
    early.heralds["herald"].next_ = [Retry("")]
    early.at("2026-03-11T08:00")
    digest(other.house.app.watch, no_wake)
    early.at("2026-03-11T08:02")
    digest(other.house.app.watch, no_wake)
    assert len(early.told + other.told) == 1


def test_it_says_what_came_of_the_day(tmp_path: Path, terminal: Terminal) -> None:
    early = morning(tmp_path)
    house = early.house
    house.hears(comment("1", QUESTION), comment("2", ANGRY, by="zoe"), comment("3", THANKS, by="max"))
    house.approve("1")
    house.clock.forward(minutes=90)
    house.deliver()
    row = house.mention("3")
    house.desk.exempt(row["id"], "", row["version"], "Léa")
    house.wire.batches.append(AuthFailed("the token is no longer good"))
    house.listen()
    house.clock.forward(hours=2)
    house.listen()
    house.clock.now = datetime(2026, 3, 11, 7, 59, tzinfo=UTC)
    house.listen()
    early.at("2026-03-11T08:00")
    ((subject, text),) = early.heralds["herald"].told
    assert subject == "Banque Azur, mardi 10 mars 2026 : adresses 3, répondues 1, en retard 1"
    for line in (
        "Adresses : 3 = répondues 1 + dispensées 1 + supprimées par leur auteur 0 + ouvertes 1",
        "Taux de réponse : 33,3 % de toutes, 50,0 % hors dispenses",
        "Ouvertes à cette heure : 1 (service 1)",
        "Closes sans réponse : no_answer_needed 1 ; par une règle : 0",
        "Non entendue : blog, pendant 2 h 00 min en tout (1×)",
    ):
        assert line in text.splitlines()
    assert "La moitié de ces personnes a attendu moins de 1 h 30 min" in text
    printed = terminal.vigie("digest", "--day", "2026-03-10").stdout
    assert "Taux de réponse : 33,3 % de toutes, 50,0 % hors dispenses" in printed
    found = terminal.json("digest", "--day", "2026-03-10")
    assert (found["addresses"], found["answered"], found["open"]) == (3, 1, 1)
    assert found["answer_rate"] == {"all": 0.3333, "after_exemptions": 0.5}
    assert found["outages"] == [{"listener": "blog", "length": 7_200_000, "times": 1, "goes_on": False}]
    assert terminal.vigie("digest", "--day", "tomorrow").returncode == 2


def test_it_reaches_a_webhook_signed_and_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", webhooks.SECRET)
    with webhooks.receiving() as receiver:
        hook = f'  hook: {{type: webhook, url: "{receiver.url}", secret: "${{HOOK_SECRET}}"}}\n'
        house = build_house(tmp_path, CONFIG + hook, AT_NINE)
        house.hears(comment("1", QUESTION))
        house.clock.now = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
        app = build(house.app.watch.settings, f"sqlite:///{tmp_path / 'vigie.db'}", house.clock)
        digest(app.watch, no_wake)
        app.watch.store.close()
        (message,) = receiver.messages.values()
    assert receiver.forged == 0
    assert message["type"] == "text"
    assert message["data"]["subject"].startswith("Banque Azur, mardi 10 mars 2026 : adresses 1,")
    assert "Taux de réponse" in message["data"]["text"]
    assert "Taux de réponse" in capsys.readouterr().out


def test_a_holding_reply_is_no_answer_that_somebody_had_early(tmp_path: Path) -> None:
    rules = (
        "rules: [{name: seen, when: {intents: [praise]}, template: seen, approve: auto}]\n"
        'templates: [{name: seen, by_rule: true, holding: true, text: "Merci, nous regardons."}]\n'
    )
    early = morning(tmp_path, AT_NINE + rules)
    early.house.hears(comment("1", THANKS))
    early.house.deliver()
    early.house.clock.forward(hours=3)
    early.house.approve("1")
    early.house.deliver()
    early.at("2026-03-11T08:00")
    ((_, text),) = early.heralds["herald"].told
    assert "3 h 00 min" in text
