"""Mailbox listener and responder against servers that misbehave, and messages as they really come: nobody is
lost, no machine is answered, nothing goes out twice."""

from __future__ import annotations

import email.policy
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import AuthFailed, Refused, Retry, Unsure
from bot.models import Author, Batch, Kind, Mention, Receipt, Reply
from listeners import mailbox as listening
from responders import mailbox as answering
from responders._smtp import Way, submit
from tests.support import mailboxes
from tests.support.mail_like import PASSWORD, Office, running

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
HEADS = {
    "From": "Zoé <Zoe@Example.com>",
    "To": "care@example.org",
    "Subject": "Carte",
    "Date": "Tue, 10 Mar 2026 08:59:00 +0000",
    "Message-ID": "<1@example.com>",
}


@pytest.fixture
def office() -> Iterator[Office]:
    with running() as started:
        yield started


def account(office: Office, **more: Any) -> dict[str, Any]:
    ways = {"imap": "127.0.0.1", "imap_port": office.imap_port, "tls": False}
    return {"address": "care@example.org", "password": PASSWORD, **ways, **more}


def listener(office: Office, now: datetime = NOW, **more: Any) -> listening.MailboxListener:
    return listening.MailboxListener(listening.Config(**account(office, **more)), lambda: now)


def responder(office: Office, **more: Any) -> answering.MailboxResponder:
    ways = {"smtp": "127.0.0.1", "smtp_port": office.smtp_port, "timeout": 3, **more}
    return answering.MailboxResponder(answering.Config(**account(office, **ways)))


def letter(body: str = "Bonjour", /, **heads: str | None) -> str:
    """A message as it goes over the wire. In the names of `heads`, _ stands for -; None leaves one out."""
    named = {name.replace("_", "-"): value for name, value in heads.items()}
    lines = [f"{name}: {value}" for name, value in {**HEADS, **named}.items() if value is not None]
    return "\n".join([*lines, "", body])


def heard(office: Office, message: str | bytes, **more: Any) -> Mention:
    office.keep(message, NOW)
    return listener(office, **more).poll(None).mentions[-1]


def ids(batch: Batch) -> list[str]:
    return [mention.remote_id for mention in batch.mentions]


# --- Listening ---------------------------------------------------------------------------------------


def test_a_message_is_an_address_with_its_subject_before_it(office: Office) -> None:
    found = heard(office, letter("Ma carte est bloquée.\n"))
    assert found == Mention(
        network="mailbox",
        remote_id="1@example.com",
        text="Carte\n\nMa carte est bloquée.",
        posted_at=NOW - timedelta(minutes=1),
        author=Author("zoe@example.com", "zoe@example.com", "Zoé"),
        kind=Kind.MESSAGE,
        addressed=True,
    )


def test_each_poll_brings_what_is_new_and_nothing_is_marked(office: Office) -> None:
    ears = listener(office)
    for number in range(3):
        office.keep(letter(Message_ID=f"<{number}@x>"), NOW)
    first = ears.poll(None)
    second = ears.poll(first.cursor)
    office.keep(letter(Message_ID="<3@x>"), NOW)
    third = ears.poll(second.cursor)
    assert (ids(first), ids(second), ids(third)) == (["0@x", "1@x", "2@x"], [], ["3@x"])
    verbs = {command.removeprefix("UID ").split()[0] for command in office.commands}
    assert verbs == {"CAPABILITY", "AUTHENTICATE", "LIST", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"}
    assert not [one for one in office.commands if "BODY[" in one], "only what peeks"


def test_a_first_poll_does_not_flood_and_an_old_mailbox_stays_old(office: Office) -> None:
    for number in range(50):
        office.keep(letter(Message_ID=f"<{number}@x>"), NOW - timedelta(days=9))
    ears = listener(office)
    first = ears.poll(None)
    assert (ids(first), first.complete_from) == ([], NOW - timedelta(days=1))
    assert ids(ears.poll(first.cursor)) == []


def test_a_great_backlog_is_read_in_several_polls_and_whole(office: Office) -> None:
    for number in range(450):
        office.keep(letter(Message_ID=f"<{number}@x>"), NOW - timedelta(minutes=500 - number))
    ears, batches = listener(office), list[Batch]()
    for _ in range(3):
        batches.append(ears.poll(batches[-1].cursor if batches else None))
    assert [len(batch.mentions) for batch in batches] == [200, 200, 50]
    assert [batch.complete_to for batch in batches] == [
        NOW - timedelta(minutes=301), NOW - timedelta(minutes=101), NOW
    ]  # fmt: skip


def test_a_mailbox_that_counts_anew_is_read_again_for_some_days(office: Office) -> None:
    office.keep(letter(Message_ID="<old@x>"), NOW - timedelta(days=20))
    office.keep(letter(Message_ID="<known@x>"), NOW - timedelta(hours=5))
    first = listener(office).poll(None)
    office.keep(letter(Message_ID="<new@x>"), NOW + timedelta(days=3))
    office.validity = 8
    second = listener(office, NOW + timedelta(days=4)).poll(first.cursor)
    assert (ids(first), ids(second)) == (["known@x"], ["known@x", "new@x"])


def test_what_the_brand_sent_is_its_own(office: Office) -> None:
    office.keep(letter("Réponse", From="care@example.org", In_Reply_To="<1@example.com>"), NOW, "Sent")
    (own,) = listener(office).poll(None).mentions
    assert (own.own, own.addressed, own.in_reply_to, own.text) == (True, False, "1@example.com", "Réponse")


def test_an_answer_belongs_to_the_conversation_that_it_goes_on(office: Office) -> None:
    found = heard(office, letter(In_Reply_To="<b@x>", References="<a@x>\n <b@x>"))
    assert (found.conversation, found.in_reply_to, found.text) == ("a@x", "b@x", "Bonjour")


def test_a_message_without_id_has_one_that_stays(office: Office) -> None:
    first = heard(office, letter(Message_ID=None))
    again = listener(office).poll(None).mentions[-1]
    other = heard(office, letter("Autre chose", Message_ID="garbled"))
    assert first.remote_id == again.remote_id != other.remote_id
    assert first.remote_id.startswith("sha256-")


@pytest.mark.parametrize(
    ("date", "minutes"),
    [("Tue, 10 Mar 2026 09:30:00 +0100", -30), ("Tue, 10 Mar 2099 08:00:00 +0000", 0), ("hier", 0),
     ("Thu, 1 Jan 1970 00:00:00 +0000", 0), (None, 0), ("Tue, 10 Mar 2026 08:00:00 +9999999", 0)],
)  # fmt: skip
def test_a_clock_that_is_wrong_counts_for_nothing(office: Office, date: str | None, minutes: int) -> None:
    assert heard(office, letter(Date=date)).posted_at == NOW + timedelta(minutes=minutes)


def test_a_form_on_the_web_site_speaks_for_who_filled_it_in(office: Office) -> None:
    for sender in ("care@example.org", "no-reply@forms.example"):
        found = heard(office, letter(From=sender, Reply_To="Zoé <zoe@example.com>"))
        assert (found.author.id, found.author.name, found.addressed) == ("zoe@example.com", "Zoé", True)


ROBOTS: dict[str, dict[str, str | None]] = {
    "an absence": {"Auto-Submitted": "auto-replied (vacation)"},
    "a machine": {"Auto-Submitted": "auto-generated"},
    "Exchange": {"X-Auto-Response-Suppress": "All"},
    "a newsletter": {"Precedence": "bulk"},
    "a list": {"List-Id": "<news.example.com>"},
    "a bounce": {"Return-Path": "<>"},
    "a report": {"Content-Type": 'multipart/report; boundary="x"'},
    "the postmaster": {"From": "MAILER-DAEMON@example.com"},
    "nobody": {"From": "no-reply@example.com"},
    "nobody in French": {"From": "ne-pas-repondre@example.com"},
    "ourselves": {"From": "care@example.org"},
    "ourselves by id": {"Message-ID": "<vigie-1@example.org>"},
    "without sender": {"From": None},
    "a sender that is none": {"From": "Mail Delivery System <>"},
    "an old vacation": {"X-Autoreply": "yes"},
}


@pytest.mark.parametrize("heads", ROBOTS.values(), ids=ROBOTS)
def test_a_machine_is_heard_and_never_answered(office: Office, heads: dict[str, str | None]) -> None:
    found = heard(office, letter("Bonjour", **heads))
    assert (found.addressed, found.kind) == (False, Kind.POST)
    assert responder(office).can_reply(found) is not None
    # Nor if somebody had taken it for a person.
    taken = replace(found, kind=Kind.MESSAGE, author=Author("zoe@example.com", "zoe@example.com"))
    with pytest.raises(Refused):
        responder(office).send(Reply("k", "Bonjour", taken))
    assert office.taken == []


@pytest.mark.parametrize(
    "heads",
    [{"Auto-Submitted": "no"}, {"X-Auto-Response-Suppress": "None"}, {"Return-Path": "<zoe@example.com>"},
     {"From": "norepland@example.com"}, {"List-Id": "Care <care.example.org>", "Precedence": "list"}],
    ids=str,
)  # fmt: skip
def test_a_person_is_taken_for_one(office: Office, heads: dict[str, str | None]) -> None:
    assert heard(office, letter("Bonjour", **heads)).addressed


@pytest.mark.parametrize("sender", ["Zoé Martin zoe@example.com", '"zoe martin"@example.com', "zoe@"])
def test_whose_address_cannot_be_read_is_left_to_a_human(office: Office, sender: str) -> None:
    found = heard(office, letter(From=sender))
    assert (found.addressed, found.kind, found.author) == (True, Kind.MESSAGE, Author(name=sender))
    refusal = responder(office).can_reply(found)
    assert refusal is not None
    assert "whom an answer would reach" in refusal.reason


def test_servers_that_cannot_be_used_are_told_apart(office: Office) -> None:
    with pytest.raises(AuthFailed, match="username and password"):
        listener(office, password="wrong").poll(None)
    office.says = {"AUTHENTICATE": b"TAG NO [UNAVAILABLE] zoe@example.com\r\n"}
    with pytest.raises(Retry, match="just now") as caught:
        listener(office).poll(None)
    assert "zoe" not in str(caught.value)
    office.says = {"FETCH": b"* 1 FETCH (UID 1 BODY[] {999999999}\r\n"}
    office.keep(letter(), NOW)
    with pytest.raises(Retry, match="no answer that can be used"):
        listener(office).poll(None)
    office.says = {"SEARCH": b""}
    with pytest.raises(Retry):
        listener(office).poll(None)
    office.says = {}
    with pytest.raises(Retry, match="look at folder"):
        listener(office, folder="Courrier").poll(None)


@pytest.mark.parametrize("verb", ["LIST", "SEARCH", "FETCH"])
def test_what_a_server_will_not_show_is_not_taken_for_nothing(office: Office, verb: str) -> None:
    office.keep(letter(), NOW)
    office.says = {verb: b"TAG NO [SERVERBUG] zoe@example.com\r\n"}
    with pytest.raises(Retry, match="does not show") as caught:
        listener(office).poll(None)
    assert "zoe" not in str(caught.value)
    office.says = {}
    assert len(listener(office).poll(None).mentions) == 1


def test_passwords_go_unprotected_to_nobody_else(office: Office) -> None:
    with pytest.raises(ValidationError, match="on this machine"):
        listening.Config(**account(office, imap="imap.example.org"))
    with pytest.raises(ValidationError, match="on this machine"):
        answering.Config(**account(office, smtp="smtp.example.org"))


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    mailboxes.require()
    with mailboxes.running() as servers:
        servers.join("care@example.org")
        values = account(Office(), imap="localhost", tls=True) | {"imap_port": servers.imap_port}
        with pytest.raises(Retry, match="SSLCertVerificationError"):
            listening.MailboxListener(listening.Config(**values)).poll(None)


# --- Answering ---------------------------------------------------------------------------------------

TEXT = "Bonjour Zoé,\n\n.\n..point\nFrom ici à là, « ça va » ?\n" + "x" * 1200


@pytest.fixture
def reply(office: Office) -> Reply:
    """To a message that lies in the mailbox."""
    return Reply("vigie-1-abc", TEXT, heard(office, letter()))


def unstuffed(data: bytes) -> bytes:
    return b"\r\n".join(line.removeprefix(b".") for line in data.split(b"\r\n"))


def sent(office: Office) -> EmailMessage:
    """The one message that was taken, as its recipient's program reads it."""
    ((_, data),) = office.taken
    message = message_from_bytes(unstuffed(data), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_an_answer_arrives_as_it_was_approved_and_in_its_conversation(office: Office, reply: Reply) -> None:
    responder(office, name="Banque Exemple, S.A. à Lyon").send(reply)
    message = sent(office)
    assert message.get_content().splitlines() == TEXT.splitlines()
    assert str(message["From"]) == '"Banque Exemple, S.A. à Lyon" <care@example.org>'
    assert (message["To"], message["Subject"]) == ("zoe@example.com", "Re: Carte")
    assert (message["In-Reply-To"], message["References"]) == ("<1@example.com>", "<1@example.com>")
    assert [one.data for one in office.folders["Sent"]] == [unstuffed(office.taken[0][1])]


def test_long_ids_and_old_conversations_stay_what_they_are(office: Office) -> None:
    long = ["a" * 300 + "@x", *(f"{number}{'b' * 60}@x" for number in range(40))]
    heads: dict[str, str | None] = {
        "References": "\n ".join(f"<{one}>" for one in long),
        "Subject": "RE: Été à la plage " * 9,
    }
    mention = heard(office, letter("Bonjour", **heads))
    responder(office).send(Reply("k", "Oui", mention))
    raw = office.taken[0][1]
    assert b"=?utf-8?q?=3C" not in raw
    references = str(message_from_bytes(raw)["References"]).split()
    assert (references[0], references[-1], len(references)) == (f"<{long[0]}>", "<1@example.com>", 12)
    assert str(sent(office)["Subject"]).strip() == ("RE: Été à la plage " * 9).strip()


def test_no_header_can_be_slipped_in(office: Office) -> None:
    evil = "=?utf-8?q?Carte=0D=0ABcc:_all@example.com=0D=0A=0D=0Aspam?="
    mention = heard(office, letter(Subject=evil, Reply_To="zoe@example.com"))
    responder(office, name="Banque\r\nBcc: all@example.com").send(Reply("k", "Oui", mention))
    assert "Bcc" not in sent(office)
    assert sent(office)["Subject"] == "Re: Carte Bcc: all@example.com spam"
    odd = replace(mention, author=Author("zoe@example.com>\r\nRCPT TO:<all@example.com"))
    assert responder(office).can_reply(odd) is not None


def test_the_answer_goes_where_its_author_wants_it(office: Office) -> None:
    mention = heard(office, letter(Reply_To="Zoé <zoe@home.example>"))
    assert (mention.author.id, mention.author.handle) == ("zoe@example.com", "zoe@home.example")
    responder(office).send(Reply("k", "Oui", mention))
    assert "zoe@home.example" in office.taken[0][0]


def test_a_message_that_was_moved_is_answered_all_the_same(office: Office, reply: Reply) -> None:
    office.folders["INBOX"].clear()
    responder(office).send(reply)
    assert (sent(office)["Subject"], sent(office)["References"]) == ("Re: Carte", "<1@example.com>")


AFTERWARDS = [
    ({"RCPT": 450}, Retry), ({"RCPT": 550}, Refused), ({"AUTH": 535}, AuthFailed), ({"AUTH": 454}, Retry),
    ({"MAIL": 550}, AuthFailed), ({"MAIL": 552}, Refused), ({"DATA": 0}, Retry), ({"DATA": 451}, Retry),
    ({".": 0}, Unsure), ({".": 399}, Unsure), ({".": 451}, Retry), ({".": 554}, Refused),
    ({"MAIL": 0}, Retry),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "error"), AFTERWARDS, ids=str)
def test_what_the_server_says_decides_what_comes_next(
    office: Office, reply: Reply, answers: dict[str, int], error: type[Exception]
) -> None:
    office.answers = answers
    with pytest.raises(error) as caught:
        responder(office).send(reply)
    assert "zoe" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert office.folders["Sent"] == []


def test_a_server_that_never_says_what_became_of_it_is_not_waited_for(office: Office, reply: Reply) -> None:
    office.answers = {".": -1}
    began = time.monotonic()
    with pytest.raises(Unsure, match="did not say"):
        responder(office, timeout=1).send(reply)
    assert time.monotonic() - began < 5
    office.answers = {"RCPT": -1}
    with pytest.raises(Retry):
        responder(office, timeout=1).send(reply)


def test_where_tls_is_not_offered_no_password_goes_out(office: Office) -> None:
    way = Way("127.0.0.1", office.smtp_port, tls=True, login=("care@example.org", PASSWORD))
    with pytest.raises(Retry, match="SMTPNotSupportedError"):
        submit(way, "care@example.org", "zoe@example.com", b"Subject: x\r\n", time.monotonic() + 5)
    assert office.commands == ["EHLO"]
    assert PASSWORD not in repr(way)


def test_a_mailbox_that_breaks_off_lets_nothing_out(office: Office, reply: Reply) -> None:
    office.says = {"LIST": b""}
    with pytest.raises(Retry):
        responder(office).send(reply)
    assert office.taken == []


def test_a_reply_that_stands_in_sent_never_goes_out_again(office: Office, reply: Reply) -> None:
    first = responder(office).send(reply)
    assert responder(office).send(replace(reply, attempt=2)) == first
    assert responder(office).find(reply) == first == Receipt(first.remote_id)
    assert len(office.taken) == 1


def test_what_is_missing_in_sent_proves_something_only_if_the_server_keeps_it(
    office: Office, reply: Reply
) -> None:
    with pytest.raises(Unsure, match="no copy"):
        responder(office).find(reply)
    assert responder(office, server_keeps_sent=True).find(reply) is None
    responder(office, server_keeps_sent=True).send(reply)
    assert office.folders["Sent"] == [], "the server does it"


def test_a_copy_that_cannot_be_kept_does_not_undo_the_answer(
    office: Office, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    office.says = {"APPEND": b"TAG NO [OVERQUOTA] zoe@example.com\r\n", "CREATE": b"TAG NO no\r\n"}
    assert responder(office).send(reply).remote_id
    assert "no copy of it could be kept" in caplog.text
    assert "zoe" not in caplog.text


def test_sent_is_made_where_there_is_none(office: Office, reply: Reply) -> None:
    del office.folders["Sent"]
    responder(office).send(reply)
    assert len(office.folders["Sent"]) == 1


def test_two_machines_do_not_talk_for_ever(office: Office, reply: Reply) -> None:
    hands = responder(office, most_a_day=3)
    for number in range(3):
        hands.send(replace(reply, key=f"k{number}"))
    with pytest.raises(Refused, match="machines"):
        hands.send(replace(reply, key="k4"))
    assert len(office.taken) == 3


def test_our_own_copy_is_heard_as_it_was_sent(office: Office, reply: Reply) -> None:
    quoting = replace(reply, text="Vous écriviez :\n> 4\n-- \nOui.")
    receipt = responder(office).send(quoting)
    own = next(
        one for one in listener(office, datetime.now(UTC), first_days=9000).poll(None).mentions if one.own
    )
    assert (own.remote_id, own.text.split()) == (receipt.remote_id, quoting.text.split())
