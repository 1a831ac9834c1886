"""What a person wrote, out of all that a mail program sends along."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import mail_headers
from listeners._mail_text import own_words, words_of

OUTLOOK = """Merci, c'est réglé.

________________________________
De : Banque Exemple <care@example.org>
Envoyé : lundi 2 mars 2026 10:00
À : Zoé <zoe@example.com>
Objet : Re: Carte

Bonjour Zoé,
"""
QUOTES = {
    "nothing quoted": ("Bonjour\n\nMerci", "Bonjour\n\nMerci"),
    "French": ("Merci !\n\nLe lun. 2 mars à 10:00, Banque <care@x.fr> a écrit :\n\n> Bonjour\n", "Merci !"),
    "French, broken": ("Merci !\n\nLe 2 mars, Banque\n<care@x.fr> a\nécrit :\n> Bonjour", "Merci !"),
    "French, not marked": ("Merci !\nLe 02/03/2026 à 10:00, Banque a écrit\u00a0:\nBonjour", "Merci !"),
    "English": ("Thanks!\n\nOn Mon, 2 Mar at 10:00, Bank <care@x.fr>\nwrote:\n> Hello\n> There", "Thanks!"),
    "answers between": ("On 2 Mar, care@x.fr wrote:\n> Which card?\nThe blue one.\n> Since when?\nMonday.",
                        "The blue one.\nMonday."),
    "Outlook": (OUTLOOK, "Merci, c'est réglé."),
    "Outlook in English": ("Done.\n\nFrom: Bank\nSent: Monday\nTo: Zoé\nSubject: Card\n\nHello", "Done."),
    "original": ("Done.\n-----Original Message-----\nHello", "Done."),
    "original in French": ("Fait.\n----- Message d’origine -----\nBonjour", "Fait."),
    "signature": ("Bonjour\n-- \nZoé\nTél. 01", "Bonjour"),
    "telephone": ("Bonjour\n\nEnvoyé de mon iPhone", "Bonjour"),
    "telephone in English": ("Hello\n\nSent from my Galaxy", "Hello"),
    "only a quote": ("> Bonjour", "> Bonjour"),
    "what only looks like one": ("On the sign one wrote:\nclosed", "On the sign one wrote:\nclosed"),
    "a list of places": ("De : Lyon\nà Paris", "De : Lyon\nà Paris"),
    "a forward is what it is about": ("Voyez :\n---------- Forwarded message ---------\nPhishing",
                                      "Voyez :\n---------- Forwarded message ---------\nPhishing"),
    "lines ended in every way": ("a\r\nb\rc", "a\nb\nc"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "own"), QUOTES.values(), ids=QUOTES)
def test_what_was_quoted_is_cut_off(text: str, own: str) -> None:
    assert own_words(text) == own


def read(raw: bytes) -> str:
    return words_of(mail_headers.parsed(raw), first=False)


def part(kind: str, body: bytes, more: bytes = b"") -> bytes:
    return b"Content-Type: " + kind.encode() + b"\n" + more + b"\n" + body


CHARSETS = {
    "utf-8": ('text/plain; charset="utf-8"', "café".encode()),
    "windows": ("text/plain; charset=windows-1252", "café".encode("cp1252")),
    "it says latin, and is more": ("text/plain; charset=iso-8859-1", "café €".encode("cp1252")),
    "it says ascii, and is not": ("text/plain; charset=us-ascii", "café".encode()),
    "it says nothing": ("text/plain", "café".encode()),
    "nobody knows it": ("text/plain; charset=klingon", "café".encode()),
    "it is none": ("text/plain; charset=zlib", "café".encode()),
    "it says utf-8, and is not": ("text/plain; charset=utf-8", "café".encode("latin-1")),
}


@pytest.mark.parametrize(("kind", "body"), CHARSETS.values(), ids=CHARSETS)
def test_every_charset_is_read(kind: str, body: bytes) -> None:
    assert read(part(kind, body)).startswith("café")


def test_encodings_that_are_broken_lose_what_is_broken_and_no_more() -> None:
    assert read(part("text/plain", b"Qm9uam91cg=", b"Content-Transfer-Encoding: base64\n")).startswith(
        "Bonjou"
    )
    assert "=ZZ" in read(part("text/plain", b"Bonjour =ZZ", b"Content-Transfer-Encoding: quoted-printable\n"))


def test_plain_text_goes_before_html_and_html_will_do() -> None:
    message = EmailMessage()
    message.set_content("En clair")
    message.add_alternative("<p>En <b>beau</b></p>", subtype="html")
    assert read(message.as_bytes()) == "En clair"
    message.get_payload()[0].set_content(" \n")  # type: ignore[index, union-attr]
    assert read(message.as_bytes()) == "En beau"


def test_html_is_read_up_to_what_it_quotes() -> None:
    for quote in (
        '<div class="gmail_quote">Bonjour Zoé</div>',
        '<blockquote type="cite">Bonjour Zoé</blockquote>',
        '<hr><div id="divRplyFwdMsg">Bonjour Zoé</div>',
    ):
        source = f"<html><head><style>p {{}}</style></head><p>C'est <a href='https://x.example/a'>ici</a></p>{quote}"
        assert read(part("text/html", source.encode())) == "C'est ici (https://x.example/a)"


def test_what_is_attached_is_named_and_not_opened() -> None:
    message = EmailMessage()
    message.set_content("Voici.")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="facture d'été.pdf")
    message.add_attachment("secret", subtype="csv", filename="a]b.csv")
    message.add_attachment(EmailMessage())
    found = read(message.as_bytes())
    names = ("facture d'été.pdf", "a b.csv", "message/rfc822")
    assert found == "Voici.\n\n" + "\n".join(f"[pièce jointe : {name}]" for name in names)


def test_what_is_passed_on_to_us_is_read_whole() -> None:
    quote = (
        b'<p>Voyez</p><div class="gmail_quote"><p>De : x<br>Date : y<br>Objet : z</p><p>Phishing</p></div>'
    )
    assert "Phishing" in read(b"Subject: TR: Carte\n" + part("text/html", quote))
    assert "Phishing" not in read(b"Subject: Carte\n" + part("text/html", quote))


def test_lines_that_flow_are_joined_and_quotes_are_not() -> None:
    body = b"Bonjour, je \nvous ecris.\n> cite \nRien.\n-- \nZoe"
    assert read(part("text/plain; format=flowed", body)) == "Bonjour, je vous ecris.\nRien."
    assert read(part("text/plain; format=flowed; delsp=yes", b"Bon \njour")) == "Bonjour"


def test_a_subject_in_any_charset_stands_before_a_first_message() -> None:
    for subject in (
        b"=?iso-8859-1?q?Carte_bloqu=E9e?=",
        "Carte bloquée".encode(),
        "Carte bloquée".encode("cp1252"),
    ):
        message = mail_headers.parsed(b"Subject: " + subject + b"\n\nBonjour")
        assert words_of(message, first=True) == "Carte bloquée\n\nBonjour"


def test_a_name_in_broken_code_is_shown_as_it_came() -> None:
    code = "=?utf-8?b?=?utf-8?b?=?utf-8?b?"  # the standard library has an error of its own for this one
    assert mail_headers.words(mail_headers.parsed(f"From: {code}\n\n".encode()), "From") == code


def test_names_in_code_part_nobody() -> None:
    head = b"From: =?utf-8?q?Z=2C_o=C3=A9_=3Cevil=40x=2Efr=3E?= <zoe@example.com>\n\n"
    (found,) = mail_headers.people(mail_headers.parsed(head), "From")
    assert (found.address, found.name) == ("zoe@example.com", "Z, oé <evil@x.fr>")


def test_what_nobody_can_read_takes_no_time() -> None:
    began = time.monotonic()
    for text in (
        "> " * 200_000,
        "On 1\n" * 100_000,
        "From: x\n" * 100_000,
        "On 2 x wrote:\n> a\n" * 30_000,
        "- " * 300_000,
    ):
        own_words(text[:400_000])
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))
    read(nested + b"\nBonjour")
    read(b"Content-Type: text/html\n\n" + b'<div class="' * 100_000)
    assert time.monotonic() - began < 20


HEADERS = (
    "From",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "Content-Type",
    "List-Id",
    "Content-Disposition",
)
PIECES = st.sampled_from(
    [b"=?utf-8?b?", b"?=", b"<", b">", b"@", b'"', b"\\", b";", b"=", b"*0*=", b"charset", b"filename",
     b"multipart/mixed", b"boundary=x", b"\n--x\n", b"text/html", b"message/rfc822", b"\xe9", b"\0", b"a",
     b"1", b" ", b"\n ", b"\n\n", b",", b":", b"(", b")", b"%", b"''", b"idna", b"base64"]
)  # fmt: skip


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.sampled_from(HEADERS), st.lists(PIECES, max_size=8)), max_size=6),
    st.lists(PIECES, max_size=20),
)
def test_nothing_that_anybody_sends_stops_the_reading(
    heads: list[tuple[str, list[bytes]]], body: list[bytes]
) -> None:
    raw = (
        b"".join(name.encode() + b": " + b"".join(value) + b"\n" for name, value in heads)
        + b"\n"
        + b"".join(body)
    )
    message, ours = mail_headers.parsed(raw), frozenset({"care@example.org"})
    words_of(message, first=True)
    mail_headers.robot(message, ours)
    mail_headers.parent_id(message)
    mail_headers.message_id(message, raw)
