"""The day of somebody who answers for a brand, from the first link to signing out: in French and in English,
with JavaScript and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from bot.web import first_link
from tests.support.browsing import Window, opened, window
from tests.support.sandboxed import Sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAME: Final = "Léa Martin"
PASSWORD: Final = "trois petits phares la nuit"
PEOPLE: Final = (
    ("x", "claire_m", "bonjour, ma carte est bloquée depuis hier, comment la débloquer ?"),
    ("x", "paulvidal", "à quelle heure ouvre l’agence de Lyon le samedi ?"),
    ("facebook", "ines_b", "Votre application plante à chaque virement, c’est très agaçant."),
    ("x", "tomfielding", "your app logs me out three times a day, what is going on?"),
    ("facebook", "gaspard", "Je voudrais ouvrir un compte joint, quelles pièces faut-il ?"),
    ("x", "maud_k", "vous devriez proposer le virement instantané aux associations."),
)
ANSWER: Final = "Bonjour, merci de votre message. Nous regardons cela tout de suite & revenons vers vous 🙂"
NOTE: Final = "Cliente depuis 2009 : son conseiller est prévenu."


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_whole_day(browser: Browser, town: Sandboxed, lang: str, script: bool) -> None:
    for network, who, text in PEOPLE:
        town.says(network, who, text)
        town.clock.forward(minutes=7)
    town.hear()
    link = urlsplit(first_link(town.app) or "")
    with opened(town.app) as url, window(browser, url, lang, script=script) as she:
        she.open(f"{link.path}?{link.query}")
        comes_in(she)
        answers_the_most_pressing(she, town)
        does_the_rest(she, town)
        finds_and_proves(she, town)
        changes_the_language(she)
        leaves(she)


def comes_in(she: Window) -> None:
    """A name and a password, then the queue."""
    expect(she.page.locator("html")).to_have_attribute("lang", she.lang)
    she.fill("Name", NAME)
    she.fill("New password", PASSWORD)
    she.fill("The same once more", PASSWORD)
    she.press("Set the password")
    signs_in(she)
    she.shows("Queue")
    expect(she.page.locator(".item")).to_have_count(len(PEOPLE))


def signs_in(she: Window) -> None:
    she.fill("Name", NAME)
    she.fill("Password", PASSWORD)
    she.press("Sign in")


def answers_the_most_pressing(she: Window, town: Sandboxed) -> None:
    """What the first of the queue wrote is read, its draft rewritten, and sent as it was shown."""
    first = town.rows("SELECT * FROM mentions WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT 1")[0]
    she.page.locator(".item a.open").first.click()
    assert she.path == f"/mentions/{first['id']}"
    expect(she.page.locator("#this .said")).to_have_text(first["text"])
    draft = she.page.locator(".draft").first
    she.unfold("Edit", draft)
    editor = draft.locator("textarea")
    editor.fill(ANSWER)
    count = _counted(she, town, first["network"])
    if she.script:
        expect(draft.locator("[data-count]")).to_have_text(count)
        expect(draft.locator("[data-preview] .said")).to_have_text(ANSWER)
    she.press("Save the draft", draft)
    she.shows("Saved. It is not sent yet.")
    shown = she.page.locator(".draft").filter(has_text=ANSWER)
    expect(shown.locator(".count").first).to_have_text(count)
    preview = shown.locator(".willsend .said").inner_text()
    she.press("Approve and send", shown)
    she.shows(
        "The answer to %(name)s is approved, and on its way. Here is the next.", name=_name(town, first["id"])
    )
    assert she.path not in {f"/mentions/{first['id']}", "/"}
    town.deliver()
    (answer,) = town.town.answers_to(first["network"], first["remote_id"])
    assert answer.text == preview == ANSWER
    she.follow("Back to the one that you just answered")
    expect(she.page.locator(".message.ours .said")).to_have_text(ANSWER)


def does_the_rest(she: Window, town: Sandboxed) -> None:
    """Five others wait: one is taken, one closed, one handed over, one rings, and one is tagged anew."""
    taken, closed, handed, loud, tagged = _waiting(she)
    she.open(taken)
    she.press("Take it")
    she.shows("with %(name)s", name=NAME)
    she.fill("Note", NOTE, she.page.locator(".notes"))
    she.press("Leave a note")
    expect(she.page.locator(".note .said")).to_have_text(NOTE)

    she.open(closed)
    if not she.button("Close, in my name").is_visible():
        she.unfold("Close without an answer")
    she.choose("Reason", "answered_elsewhere")
    she.press("Close, in my name")
    she.shows("Closed without an answer, in your name.")

    she.open(handed)
    she.unfold("Hand over to a process")
    she.choose("Process", "product", she.page.locator(".verbs"))
    she.press("Hand over")
    she.shows("Handed over.")

    she.open(loud)
    she.unfold("Escalate")
    she.fill("Why, in a few words", "Un journaliste nous lit")
    she.press("Let it ring")
    she.shows("It rings until somebody acknowledges it.")
    town.sweep()
    she.follow("Escalations")
    she.shows("Un journaliste nous lit")
    she.page.locator(".bell").filter(has_text="Un journaliste").get_by_role("button").click()
    she.shows("Acknowledged: it is silent until its next step. The clock runs on.")

    she.open(tagged)
    she.unfold("Not right? Correct it")
    she.press("suggestion")
    she.shows("Corrected. Training learns from it.")
    expect(she.page.locator("#tags .tag.intent")).to_have_text([she.say("suggestion")])


def finds_and_proves(she: Window, town: Sandboxed) -> None:
    """Search, reports, and the books: they balance on the page as in the store."""
    she.follow("Queue")
    she.fill("Search words, names and answers", "associations")
    she.press("Search")
    expect(she.page.locator(".item")).to_have_count(1)
    expect(she.page.locator(".item .words")).to_contain_text("virement instantané aux associations")
    she.follow("Reports")
    expect(she.page.locator("h1")).to_have_text(she.say("Reports"))
    she.follow("Audit")
    she.shows("The books balance: the log and the tables tell the same of every single address.")
    books = town.audit()
    assert books["balanced"]
    assert books["chain"]["ok"]
    counted = she.page.locator(".balance b").all_inner_texts()
    assert counted == [str(books[name]) for name in ("addresses", "answered", "exempted", "deleted", "open")]
    assert counted == ["6", "1", "1", "0", "4"]


def changes_the_language(she: Window) -> None:
    she.page.locator(".me summary").click()
    she.follow("Your account")
    other = {"fr": "en", "en": "fr"}[she.lang]
    she.choose("Language", other)
    she.press("Keep")
    expect(she.page.locator("html")).to_have_attribute("lang", other)
    she.lang = other
    she.shows("Kept.")


def leaves(she: Window) -> None:
    """Neither the way back nor an address that one remembers leads in again."""
    she.page.locator(".me summary").click()
    she.press("Sign out")
    at_the_door(she)
    she.page.go_back()
    at_the_door(she)
    she.open("/mentions/1")
    at_the_door(she)


def at_the_door(she: Window) -> None:
    expect(she.page.locator("input[type=password]")).to_be_visible()
    expect(she.page.locator(".item, .talk, .me")).to_have_count(0)


def _waiting(she: Window) -> list[str]:
    she.open("/")
    links = she.page.locator(".item a.open").all()
    return [link.get_attribute("href") or "" for link in links]


def _name(town: Sandboxed, number: int) -> str:
    (row,) = town.rows("SELECT author_name, author_handle FROM mentions WHERE id = ?", number)
    return str(row["author_name"] or row["author_handle"])


def _counted(she: Window, town: Sandboxed, network: str) -> str:
    """How long the answer is, as its network counts."""
    limits = town.app.watch.responders[network].limits
    number = she.language.number
    unit = she.say(limits.unit)
    return she.say(
        "%(n)s of %(most)s %(unit)s", n=number(limits.count(ANSWER)), most=number(limits.maximum), unit=unit
    )
