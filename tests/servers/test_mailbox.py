"""A bank's day in its mailbox, for real: dovecot and an SMTP server, ten people, two machines, the daemon,
and a community manager. The SMTP server dies three times in the middle of sending: before it took anything,
when it had a part of the message, and when it had delivered it and not yet said so.

It is one story, told in its order; each chapter is a function that says what must be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import pytest

from bot.config import load
from bot.desk import Desk
from bot.store import Row, Store, open_store, utcnow, views
from tests.support import mailboxes
from tests.support.mailboxes import PASSWORD, Person, Servers
from tests.support.terminal import Daemon, Terminal

CONFIG = """
brand: {{name: Banque Exemple, languages: [fr, en]}}
web: {{listen: ""}}
accounts:
  care: {{address: care@banque.example, password: "${{MAIL_PASSWORD}}", imap: localhost, imap_port: {imap}}}
listeners:
  care: {{type: mailbox, account: care, every: 1s}}
responders:
  care: {{type: mailbox, account: care, smtp: localhost, smtp_port: {smtp}, name: Banque Exemple, timeout: 4}}
  bell: {{type: console}}
delivery: {{lease: 6s, look_after: 1s, backoff: 1s}}
pace: {{triage: 1s, deliver: 1s, sweep: 1s}}
"""
PEOPLE = {
    "amina": "Bonjour, ma carte est bloquée depuis trois semaines et personne ne répond !",
    "hugo": "Bonjour, à quelle heure ouvre votre agence de Lyon le samedi ?",
    "claire": "C'est une honte, votre application plante tous les matins depuis la mise à jour.",
    "lea": "Bonjour, comment puis-je augmenter le plafond de ma carte pour les vacances ?",
    "zoe": "Bonjour, pouvez-vous me rappeler au sujet de mon crédit immobilier ?",
    "john": "Hello, how do I open an account for my daughter? She is twelve.",
    "mary": "My transfer has been missing for five days, please help me with that.",
    "peter": "Can I still change the address on my account, or is it too late for this month?",
    "sam": "Thank you so much for your help yesterday, your team was really great!",
    "kate": "I was charged twice for the same payment, could you please have a look at it?",
}
FRENCH = {"amina", "hugo", "claire", "lea", "zoe"}
AGAIN = "J'oubliais : c'est pour un voyage au Portugal, à partir de lundi prochain."
NATIVE = "Dear John, with her passport, at any of our branches."
DEATHS: tuple[tuple[Literal["before", "during", "after"], str], ...] = (
    ("before", "amina"),
    ("during", "peter"),
    ("after", "zoe"),
)


@dataclass
class Stage:
    """Who is there, what they said, and what Vigie keeps of it."""

    servers: Servers
    brand: Person
    terminal: Terminal
    store: Store
    desk: Desk
    people: dict[str, Person] = field(default_factory=dict)
    said: dict[str, EmailMessage] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        with self.store.read() as tx:
            return tx.rows(
                "SELECT m.*, c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id"
                " ORDER BY m.id"
            )

    def row(self, name: str) -> Row:
        """The last that somebody wrote."""
        return [one for one in self.rows() if one["author_id"] == address(name)][-1]

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.rows())

    def replies(self, name: str) -> list[Row]:
        number = self.row(name)["id"]
        with self.store.read() as tx:
            return views.replies_of(tx, number)


def address(name: str) -> str:
    return f"{name}@people.example"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    mailboxes.require()
    with mailboxes.running() as servers:
        brand = servers.join("care@banque.example", "Banque Exemple")
        file = tmp_path / "config.yaml"
        file.write_text(CONFIG.format(imap=servers.imap_port, smtp=servers.smtp_port), "utf-8")
        secrets = {"MAIL_PASSWORD": PASSWORD, "SSL_CERT_FILE": str(servers.certificate)}
        monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
        settings = load(file)
        store = open_store(f"sqlite:///{tmp_path / 'vigie.db'}")
        yield Stage(servers, brand, Terminal(tmp_path, secrets), store, Desk(store, settings, utcnow))
        store.close()


def test_nobody_who_writes_to_the_mailbox_is_met_with_silence(stage: Stage) -> None:
    with stage.terminal.daemon() as daemon:
        ten_people_are_heard_and_drafted(stage, daemon)
        one_writes_again_and_one_is_answered_from_another_program(stage, daemon)
        machines_are_heard_and_owed_nothing(stage, daemon)
        for when, name in DEATHS:
            the_server_dies_in_the_middle_of_sending(stage, daemon, when, name)
        everybody_else_is_answered(stage, daemon)
        assert daemon.end() < 5
    the_books_balance(stage)
    everybody_has_one_answer_and_no_machine_has_any(stage)
    the_mailbox_is_as_people_left_it(stage)
    nothing_leaked(stage)


def ten_people_are_heard_and_drafted(stage: Stage, daemon: Daemon) -> None:
    for name, text in PEOPLE.items():
        stage.people[name] = stage.servers.join(address(name), name.capitalize())
        stage.said[name] = stage.people[name].says(stage.brand.address, f"Message de {name}", text)
    daemon.until(lambda: stage.states()["waiting"] + stage.states()["escalated"] == 10)
    assert all(row["addressed"] for row in stage.rows())
    assert {row["author_id"]: row["text"] for row in stage.rows()} == {
        address(name): f"Message de {name}\n\n{text}" for name, text in PEOPLE.items()
    }
    assert {name for name in PEOPLE if stage.replies(name)[0]["text"].startswith("Bonjour")} == FRENCH


def one_writes_again_and_one_is_answered_from_another_program(stage: Stage, daemon: Daemon) -> None:
    first = str(stage.said["lea"]["Message-ID"])
    quote = (
        f"{AGAIN}\n\nLe dim. 1 mars 2026 à 10:00, Léa <{address('lea')}> a\nécrit :\n\n> {PEOPLE['lea']}\n"
    )
    stage.said["lea"] = stage.people["lea"].says(
        stage.brand.address, "Re: Message de lea", quote, In_Reply_To=first, References=first
    )
    question = str(stage.said["john"]["Message-ID"])
    answer = stage.brand.writes(
        address("john"), "Re: Message de john", NATIVE, In_Reply_To=question, References=question
    )
    with stage.servers.smtp(stage.brand.address) as smtp:
        smtp.send_message(answer)
    stage.brand.keeps(answer)
    daemon.until(lambda: stage.row("john")["state"] == "answered")
    daemon.until(lambda: len(stage.rows()) == 11 and stage.replies("lea"))
    assert stage.row("lea")["text"] == AGAIN
    assert len({row["conversation_id"] for row in stage.rows() if row["author_id"] == address("lea")}) == 1


def machines_are_heard_and_owed_nothing(stage: Stage, daemon: Daemon) -> None:
    away = stage.servers.join("absent@people.example")
    away.says(
        stage.brand.address, "Absence du bureau", "Bonjour, je suis absent jusqu'à lundi. Merci !",
        Auto_Submitted="auto-replied",
    )  # fmt: skip
    postmaster = stage.servers.join("mailer-daemon@people.example")
    bounce = postmaster.writes(stage.brand.address, "Undelivered Mail", "It could not be delivered.")
    bounce.make_mixed()
    bounce.replace_header("Content-Type", 'multipart/report; report-type="delivery-status"; boundary="x"')
    with stage.servers.smtp() as smtp:
        smtp.send_message(bounce, "<>", [stage.brand.address])
    daemon.until(lambda: len(stage.rows()) == 13 and not stage.states()["new"])
    machines = stage.rows()[-2:]
    assert [row["addressed"] for row in machines] == [0, 0]
    assert [row["state"] for row in machines] == ["ignored", "ignored"]


def the_server_dies_in_the_middle_of_sending(stage: Stage, daemon: Daemon, when: str, name: str) -> None:
    assert when in ("before", "during", "after")
    stage.servers.dies(when, address(name))  # type: ignore[arg-type]
    approve(stage, name)
    daemon.until(stage.servers.has_died)
    stage.servers.start()
    if when != "before":  # the server had all of it, for all that we know: nothing goes out by itself
        daemon.until(lambda: unsure(stage, name))
        (doubted,) = unsure(stage, name)
        there = [one for one in stage.people[name].got() if one["Message-ID"]]
        assert len(there) == (when == "after")
        verdict, link = ("sent", "https://mail.banque.example/zoe") if there else ("again", "")
        stage.desk.resolve(doubted["id"], verdict, stage.row(name)["version"], "Camille", link)
    daemon.until(lambda: stage.row(name)["state"] == "answered")


def unsure(stage: Stage, name: str) -> list[Row]:
    return [one for one in stage.replies(name) if one["state"] == "unsure"]


def approve(stage: Stage, name: str) -> None:
    draft = next(one for one in stage.replies(name) if one["state"] == "draft")
    stage.desk.approve(draft["id"], stage.row(name)["version"], "Camille")


def everybody_else_is_answered(stage: Stage, daemon: Daemon) -> None:
    for name in PEOPLE:
        if stage.row(name)["state"] in ("waiting", "escalated"):
            approve(stage, name)
    daemon.until(lambda: stage.states() == {"answered": 11, "ignored": 2})


def the_books_balance(stage: Stage) -> None:
    books = stage.terminal.json("audit")
    assert (books["addresses"], books["answered"], books["open"]) == (11, 11, 0)
    assert (books["balanced"], books["unsure"], books["chain"]["ok"]) == (True, 0, True)


def everybody_has_one_answer_and_no_machine_has_any(stage: Stage) -> None:
    for name, person in stage.people.items():
        (answer,) = person.got()
        assert answer["From"] == "Banque Exemple <care@banque.example>" or name == "john"
        assert answer["To"] == person.address
        assert answer["Subject"] == f"Re: Message de {name}"
        assert answer["In-Reply-To"] == stage.said[name]["Message-ID"]
        assert str(stage.said[name]["Message-ID"]) in str(answer["References"])
        assert "Auto-Submitted" not in answer
        assert answer.get_content().split() == expected(stage, name).split()
    for machine in ("absent", "mailer-daemon"):
        assert Person(stage.servers, address(machine)).got() == []


def expected(stage: Stage, name: str) -> str:
    if name == "john":
        return NATIVE
    (sent,) = [one for one in stage.replies(name) if one["state"] == "sent"]
    return str(sent["text"])


def the_mailbox_is_as_people_left_it(stage: Stage) -> None:
    assert stage.brand.unseen() == len(stage.brand.got()) == 13
    kept = Counter(one["To"] for one in stage.brand.got('"Envoy&AOk-s"'))
    # Of the one whose server died after delivering, no copy could be kept.
    assert kept == Counter(address(name) for name in PEOPLE if name != "zoe")


def nothing_leaked(stage: Stage) -> None:
    printed = "".join(stage.terminal.printed)
    kept = b"".join(path.read_bytes() for path in stage.terminal.folder.iterdir() if path.is_file())
    assert PASSWORD not in printed
    assert PASSWORD.encode() not in kept
    assert "people.example" not in printed
