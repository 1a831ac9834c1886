"""What somebody's role lets them see, and what an address that they were given answers when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from bot.roles import Role
from tests.support.browsing import Window, opened, sign_in, window
from tests.support.sandboxed import Sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What is offered in the menu, and by a conversation, to whom.
MENU: Final = {"/settings": Role.LEAD, "/users": Role.ADMIN, "/webhooks": Role.ADMIN}
VERBS: Final = {"approve": Role.AGENT, "note": Role.AGENT, "exempt": Role.AGENT, "reopen": Role.LEAD}


@pytest.fixture
def waits(town: Sandboxed) -> tuple[str, str]:
    """The page of one who waits, and of one who was closed without an answer."""
    open_, closed = (town.says("x", who, "comment débloquer ma carte ?") for who in ("claire_m", "paulvidal"))
    town.hear()
    row = town.mention(closed)
    town.app.desk.exempt(row["id"], "spam", row["version"], "Léa")
    return f"/mentions/{town.mention(open_)['id']}", f"/mentions/{row['id']}"


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_shown_what_it_may_do_and_nothing_else(
    browser: Browser, town: Sandboxed, waits: tuple[str, str], role: Role
) -> None:
    token = sign_in(town.app, "Zoé", role.value)
    with opened(town.app) as url, window(browser, url, token=token) as they:
        they.expected = {403}
        they.open("/")
        expect(they.page.locator(".item")).to_have_count(1)
        walks_the_menu(they, role)
        offered = verbs(they, waits)
        assert offered == {verb for verb, least in VERBS.items() if role.includes(least)}
        they.open("/reports")
        every_text = they.page.locator("a[href^='/reports/mentions.csv']")
        expect(every_text).to_have_count(int(role.includes(Role.LEAD)))


def walks_the_menu(they: Window, role: Role) -> None:
    offered = {one.get_attribute("href") for one in they.page.locator(".me a").all()}
    for path, least in MENU.items():
        may = role.includes(least)
        assert (path in offered) is may, path
        they.open(path)
        heading = they.page.locator("h1")
        if may:
            expect(they.page.locator(".flash.bad")).to_have_count(0)
        else:
            they.shows("Your role does not allow this: ask an administrator of this inbox.")
        expect(heading).to_be_visible()


def verbs(they: Window, waits: tuple[str, str]) -> set[str]:
    """Those of `VERBS` whose forms these pages hold."""
    found = set()
    for path in waits:
        they.open(path)
        expect(they.page.locator(".thread")).to_be_visible()
        actions = [form.get_attribute("action") or "" for form in they.page.locator("main form").all()]
        found |= {action.rpartition("/")[2] for action in actions}
        if they.page.locator("[name=do][value=approve]").count():
            found.add("approve")
    return found & VERBS.keys()
