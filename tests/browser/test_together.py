"""Two people at one conversation, and a person who writes again: nobody is overtaken without being told, and
nothing that somebody typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.support.browsing import Window, opened, sign_in, window
from tests.support.sandboxed import Sandboxed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIRST: Final = "Bonjour Claire, votre carte est débloquée."
SECOND: Final = "Bonjour, quelqu’un de l’agence vous appelle ce matin."
PAGE: Final = "/mentions/1"


@pytest.fixture(autouse=True)
def _somebody_waits(town: Sandboxed) -> None:
    town.says("x", "claire_m", "bonjour, ma carte est bloquée depuis hier, comment la débloquer ?")
    town.hear()


@contextmanager
def at_it(browser: Browser, town: Sandboxed, url: str, name: str, *, script: bool = True) -> Iterator[Window]:
    """Somebody who has the conversation before them, in French."""
    token = sign_in(town.app, name, "agent")
    with window(browser, url, token=token, script=script) as they:
        they.open(PAGE)
        yield they


def writes(they: Window, text: str) -> None:
    """An answer of their own in place of the draft."""
    they.unfold("Edit", they.page.locator(".draft").first)
    they.page.locator(".draft textarea").first.fill(text)


def approves(they: Window) -> None:
    they.page.locator(".draft").first.get_by_role(
        "button", name=they.say("Approve and send this text"), exact=True
    ).click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_two_approve_and_the_second_reads_what_the_first_wrote_and_keeps_their_own(
    browser: Browser, town: Sandboxed, script: bool
) -> None:
    with (
        opened(town.app) as url,
        at_it(browser, town, url, "Léa", script=script) as lea,
        at_it(browser, town, url, "Karim", script=script) as karim,
    ):
        expect(karim.page.locator("#here")).to_have_text(
            karim.say("%(name)s is looking at this too", name="Léa")
        )
        writes(lea, FIRST)
        writes(karim, SECOND)
        if script:
            expect(lea.page.locator("#here")).to_have_text(
                lea.say("%(name)s is writing an answer", name="Karim"), timeout=40_000
            )
        approves(lea)
        lea.shows("Approved, and on its way. Nobody else waits.")
        if script:
            expect(karim.page.locator("#changed")).to_be_visible()
            expect(karim.page.locator(".draft textarea").first).to_have_value(SECOND)
        approves(karim)
        clash = karim.page.locator(".clash")
        expect(clash.locator("h2")).to_have_text(
            karim.say("%(name)s answered while you were writing", name="Léa")
        )
        expect(clash.locator("time")).to_be_visible()
        expect(clash.locator(".said")).to_have_text(FIRST)
        expect(karim.page.locator(".unsent textarea")).to_have_value(SECOND)
        expect(karim.page.locator(".flash.bad")).to_contain_text("Léa")
        town.deliver()
    (answer,) = town.town.answers_to("x", town.mention(_remote(town))["remote_id"])
    assert answer.text == FIRST


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_who_approves_after_the_person_wrote_again_is_stopped_and_keeps_the_text(
    browser: Browser, town: Sandboxed, script: bool
) -> None:
    with opened(town.app) as url, at_it(browser, town, url, "Léa", script=script) as lea:
        writes(lea, FIRST)
        town.town.say("x", "claire_m", "Trop tard, je suis passée à l’agence.", to=_remote(town))
        town.hear()
        if script:
            expect(lea.page.locator("#changed")).to_be_visible()
            expect(lea.page.locator(".thread")).to_contain_text("je suis passée à l’agence")
        approves(lea)
        expect(lea.page.locator(".flash.bad")).to_contain_text(lea.say("Your text is kept below."))
        expect(lea.page.locator(".thread")).to_contain_text("je suis passée à l’agence")
        expect(lea.page.locator(".draft textarea").first).to_have_value(FIRST)
        town.deliver()
        assert town.town.answers_to("x", _remote(town)) == [
            one for one in town.town.answers_to("x", _remote(town)) if one.author == "claire_m"
        ]
        approves(lea)
        lea.shows("The answer to %(name)s is approved, and on its way. Here is the next.", name="claire_m")
        town.deliver()
    assert FIRST in [one.text for one in town.town.answers_to("x", _remote(town))]


def _remote(town: Sandboxed) -> str:
    (row,) = town.rows("SELECT remote_id FROM mentions WHERE id = 1")
    return str(row["remote_id"])
