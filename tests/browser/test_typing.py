"""What somebody types is there again: after a reload, and after the session ended in the middle of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from bot.store import users
from bot.web import passwords
from tests.support.browsing import Window, opened, sign_in, window
from tests.support.sandboxed import Sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PASSWORD: Final = "trois petits phares la nuit"
TEXT: Final = "Bonjour,\n\nvotre carte est « débloquée » <depuis ce matin>.\n"
MORE: Final = "Bonne journée !"
PAGE: Final = "/mentions/1"


@pytest.fixture
def token(town: Sandboxed) -> str:
    """Léa is signed in, and has a password; somebody waits for her answer."""
    town.says("x", "claire_m", "bonjour, ma carte est bloquée depuis hier, comment la débloquer ?")
    town.hear()
    token = sign_in(town.app, "Léa", "agent")
    with town.app.watch.store.tx() as tx:
        row = users.by_name(tx, "Léa")
        assert row is not None
        users.set_password(tx, row["id"], passwords.hashed(PASSWORD))
    again = sign_in(town.app, "Léa", "agent")
    return again if again != token else token


def begins(she: Window) -> None:
    she.open(PAGE)
    she.unfold("Edit", she.page.locator(".draft").first)
    she.page.locator(".draft textarea").first.fill(TEXT)


def signs_in(she: Window) -> None:
    she.fill("Name", "Léa")
    she.fill("Password", PASSWORD)
    she.press("Sign in")


def test_a_reload_keeps_what_was_typed(browser: Browser, town: Sandboxed, token: str) -> None:
    with opened(town.app) as url, window(browser, url, token=token) as she:
        begins(she)
        she.page.reload()
        expect(she.page.locator("[data-state]").first).to_have_text(
            she.say("Kept: it is here again after a reload, on any machine.")
        )
        she.page.reload()
        she.shows("You had typed this; it was kept, and is not saved yet.")
        expect(she.page.locator(".draft textarea").first).to_have_value(TEXT)
        she.page.locator(".draft textarea").first.fill(TEXT + MORE)
        she.open("/")
    # And on another machine.
    with opened(town.app) as url, window(browser, url, token=sign_in(town.app, "Léa", "agent")) as she:
        she.open(PAGE)
        expect(she.page.locator(".draft textarea").first).to_have_value(TEXT + MORE)


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_session_that_ends_while_somebody_types_loses_nothing(
    browser: Browser, town: Sandboxed, token: str, script: bool
) -> None:
    with opened(town.app) as url, window(browser, url, token=token, script=script) as she:
        she.expected = {401, 403}
        begins(she)
        town.clock.forward(hours=9)
        if script:
            she.page.locator(".draft textarea").first.blur()
            expect(she.page.locator("[data-state].warned")).to_have_text(
                she.say("You are signed out. Sign in again in another tab; your text stays here.")
            )
        she.press("Approve and send this text", she.page.locator(".draft").first)
        she.shows("What you typed is kept: sign in, and it stands where you left it. It was not sent.")
        signs_in(she)
        expect(she.page.locator(".draft textarea").first).to_have_value(TEXT)
        assert she.path == PAGE
        assert town.town.accepted == []
        she.press("Approve and send this text", she.page.locator(".draft").first)
        she.shows("Approved, and on its way. Nobody else waits.")
        town.deliver()
    (sent,) = town.town.accepted
    assert sent.text.rstrip() == f"@claire_m {TEXT}".rstrip() or sent.text.rstrip() == TEXT.rstrip()


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_note_that_came_too_late_is_shown_to_be_copied(
    browser: Browser, town: Sandboxed, token: str, script: bool
) -> None:
    with opened(town.app) as url, window(browser, url, token=token, script=script) as she:
        she.expected = {401, 403}
        she.open(PAGE)
        she.fill("Note", TEXT, she.page.locator(".notes"))
        town.clock.forward(hours=9)
        she.press("Leave a note")
        signs_in(she)
        she.shows("You are signed in. This was typed before and was kept nowhere: copy it, then go on.")
        expect(she.page.locator("textarea")).to_have_value(TEXT)
        she.follow("Go on")
        expect(she.page.locator(".talk")).to_be_visible()
