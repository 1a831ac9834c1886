"""What JavaScript adds to the queue and to a conversation: news without a reload, and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.support.browsing import Window, opened, sign_in, window
from tests.support.sandboxed import Sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def focused(she: Window) -> str:
    """Where the link leads, or how the field is called, that has the focus."""
    return str(
        she.page.evaluate(
            "(({href, name, tagName}) => href ? new URL(href).pathname : name || tagName)"
            "(document.activeElement)"
        )
    )


def version(town: Sandboxed, number: int) -> int:
    (row,) = town.rows(
        "SELECT c.version FROM mentions m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ?",
        number,
    )
    return int(row["version"])


def test_somebody_new_comes_into_the_queue_by_itself(browser: Browser, town: Sandboxed) -> None:
    town.says("x", "claire_m", "ma carte est bloquée, comment la débloquer ?")
    town.hear()
    token = sign_in(town.app, "Léa", "agent")
    with opened(town.app) as url, window(browser, url, token=token) as she:
        she.open("/")
        expect(she.page.locator(".item")).to_have_count(1)
        expect(she.page.locator(".live")).to_have_text(she.say("Updates by itself"))
        she.page.keyboard.press("j")
        at = focused(she)
        she.page.evaluate("window.stays = true")
        town.says("x", "paulvidal", "Pourquoi mon virement est-il refusé ?")
        town.hear()
        expect(she.page.locator(".item")).to_have_count(2)
        expect(she.page.locator("#news")).to_have_text(she.say("1 new in this view"))
        expect(she.page.locator("#tabs .count").first).to_have_text("2")
        assert focused(she) == at != "BODY"
        assert she.page.evaluate("window.stays")


def test_all_of_it_can_be_done_with_keys(browser: Browser, town: Sandboxed) -> None:
    for who in ("claire_m", "paulvidal", "ines_b"):
        town.says("x", who, "à quelle heure ouvre l’agence de Lyon le samedi ?")
        town.clock.forward(minutes=5)
    town.hear()
    token = sign_in(town.app, "Léa", "agent")
    with opened(town.app) as url, window(browser, url, token=token) as she:
        keys = she.page.keyboard
        she.open("/")
        in_the_queue(she)
        keys.press("Enter")
        she.page.wait_for_url(f"{url}/mentions/2")
        keys.press("j")
        she.page.wait_for_url(f"{url}/mentions/3")
        keys.press("k")
        she.page.wait_for_url(f"{url}/mentions/2")
        the_help(she)
        edits_and_approves(she, town)
        she.page.wait_for_load_state()
        keys.press("g")
        keys.press("q")
        she.page.wait_for_url(f"{url}/")


def test_keys_and_news_stay_in_the_list_that_one_works_through(browser: Browser, town: Sandboxed) -> None:
    for who in ("claire_m", "paulvidal", "ines_b"):
        town.says("x", who, "à quelle heure ouvre l’agence de Lyon le samedi ?")
        town.clock.forward(minutes=5)
    town.hear()
    for number in (1, 3):
        town.app.desk.assign(number, "Léa", version(town, number), "Malik")
    mine = "?assignee=%40me"
    token = sign_in(town.app, "Léa", "agent")
    with opened(town.app) as url, window(browser, url, token=token) as she:
        keys = she.page.keyboard
        she.open(f"/{mine}")
        keys.press("j")
        keys.press("Enter")
        she.page.wait_for_url(f"{url}/mentions/1{mine}")
        she.page.evaluate("window.stays = true")
        town.app.desk.escalate(1, "une journaliste", version(town, 1), "Malik")
        expect(she.page.locator("[data-live=verbs]")).to_contain_text("une journaliste")
        expect(she.page.locator("#changed a")).to_have_attribute("href", f"/mentions/1{mine}")
        assert she.page.evaluate("window.stays")
        form = she.page.locator("form[action*='/acknowledge']")
        expect(form).to_have_attribute("action", f"/mentions/1/acknowledge{mine}")
        keys.press("j")
        she.page.wait_for_url(f"{url}/mentions/3{mine}")
        keys.press("k")
        she.page.wait_for_url(f"{url}/mentions/1{mine}")
        keys.press("g")
        keys.press("q")
        she.page.wait_for_url(f"{url}/{mine}")


def in_the_queue(she: Window) -> None:
    keys = she.page.keyboard
    keys.press("j")
    assert focused(she) == "/mentions/1"
    keys.press("j")
    keys.press("j")
    assert focused(she) == "/mentions/3"
    keys.press("k")
    assert focused(she) == "/mentions/2"
    keys.press("/")
    assert focused(she) == "q"
    keys.type("j?")
    expect(she.page.locator("#q")).to_have_value("j?")
    expect(she.page.locator("#keys")).to_be_hidden()
    she.page.locator("#q").fill("")
    she.page.locator("h1").click()
    keys.press("j")
    keys.press("j")
    assert focused(she) == "/mentions/2"


def the_help(she: Window) -> None:
    she.page.keyboard.press("?")
    expect(she.page.locator("#keys")).to_be_visible()
    expect(she.page.locator("#keys")).to_contain_text(she.say("Approve and send it"))
    she.page.keyboard.press("Escape")
    expect(she.page.locator("#keys")).to_be_hidden()


def edits_and_approves(she: Window, town: Sandboxed) -> None:
    """One stroke sends nothing; the second does."""
    keys, answer = she.page.keyboard, "Bonjour, de 9 h à midi."
    keys.press("e")
    keys.press("ControlOrMeta+a")
    keys.insert_text(answer)  # letter by letter, Chromium now and then waits for ever after an accented one
    keys.press("Escape")
    keys.press("a")
    expect(she.page.locator("#changed")).to_have_text(she.say("Press a once more to send this answer."))
    assert town.rows("SELECT 1 FROM replies WHERE state = 'ready'") == []
    keys.press("a")
    she.shows("The answer to %(name)s is approved, and on its way. Here is the next.", name="paulvidal")
    town.deliver()
    assert [one.text for one in town.town.accepted] == [answer]
