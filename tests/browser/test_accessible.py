"""Every page can be read and used by everybody (WCAG 2.2 AA, as far as axe-core can see it), in light and in
dark, on a phone and on a desk; and no page is wider than a phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from starlette.routing import Route

from bot.steps.watch import no_wake
from bot.store import invitations, ms, users
from bot.web import make_app, passwords
from tests.support.browsing import DESK, PHONE, Window, axe, opened, sign_in, window
from tests.support.full_house import at, full_house
from tests.support.house import QUESTION, House, comment

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PASSWORD: Final = "trois petits phares la nuit"
# What answers machines, and the scripts of pages; and files.
NO_PAGES: Final = frozenset({"/live", "/healthz", "/metrics", "/mentions/{id}/here"})
FILES: Final = (".csv", ".json")
EVERYTHING: Final = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Light and dark differ in their colours alone; a phone and a desk in what stands where.
COLOURS: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
PLACES: Final = {
    "type": "rule",
    "values": [*COLOURS["values"], "target-size", "scrollable-region-focusable", "nested-interactive"],
}
Look = tuple[int, Literal["light", "dark"], dict[str, Any]]
EVERY_LOOK: Final[tuple[Look, ...]] = (
    (PHONE, "light", PLACES), (PHONE, "dark", COLOURS),
    (DESK, "light", EVERYTHING), (DESK, "dark", COLOURS),
)  # fmt: skip
# Of a page that has been looked at in every way, with something else on it.
ONE_LOOK: Final[tuple[Look, ...]] = ((PHONE, "light", EVERYTHING),)
RUN: Final = """
async ([part, rules]) => {
  const found = await axe.run(part, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(" | ")}`);
}
"""
# All but the menu, which would lie over the page.
UNFOLD: Final = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
WIDER: Final = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
def she(browser: Browser) -> Iterator[Any]:
    """A browser of an administrator of a house: `she(house)`."""
    closing: list[Any] = []

    def comes(house: House, lang: str = "fr", token: str = "") -> Window:
        served = opened(house.app)
        url = served.__enter__()
        shown = window(browser, url, lang, init=axe(), token=token or sign_in(house.app, "Ada", "admin"))
        closing.extend((served, shown))
        return shown.__enter__()

    yield comes
    while closing:
        closing.pop().__exit__(None, None, None)


def faults(shown: Window, looks: Sequence[Look] = EVERY_LOOK, part: str = "html") -> list[str]:
    """What is wrong with the page that is shown, or a part of it."""
    page, found = shown.page, list[str]()
    page.evaluate(UNFOLD)
    for width, scheme, rules in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if page.evaluate(WIDER):
            found.append(f"wider than {width}")
        found += [f"{width} {scheme}: {one}" for one in page.evaluate(RUN, [part, rules])]
    page.emulate_media(color_scheme="light")
    return [f"{shown.path} {one}" for one in found]


def pages(house: House, mention: str = "") -> list[str]:
    """The address of every page: of whatever a GET shows, but for `NO_PAGES` and files. `mention`: the number
    of the one whose pages are meant."""
    routes = [one for one in make_app(house.app, no_wake).routes if isinstance(one, Route)]
    shown = {one.path_format for one in routes if one.methods and "GET" in one.methods}
    assert shown >= NO_PAGES
    found = sorted(one for one in shown - NO_PAGES if not one.endswith(FILES))
    return [one.format(id=mention) for one in found if mention or "{id}" not in one]


def invited(house: House) -> str:
    with house.app.watch.store.tx() as tx:
        return f"/welcome?link={invitations.invite(tx, None, ms(house.clock()))}"


def test_every_page_of_a_house_with_a_month_of_mentions(she: Any, tmp_path: Path) -> None:
    house = full_house(tmp_path)
    places = (
        "in doubt", "refused", "on its way", "answered", "closed", "deleted", "new", "rings", "in hand",
        "awkward 0", "awkward 1", "awkward 2",
    )  # fmt: skip
    number = str(house.mention("waits")["id"])
    more = (
        *(at(house, one) for one in places), f"/mentions/{number}?why=1", "/?state=all",
        "/?q=agence&intent=question", "/?q=nowhere",
    )  # fmt: skip
    shown = she(house)
    found = []
    shown.expected = {404}  # "/welcome" without a link
    for path in pages(house, number):
        shown.open(path)
        found += faults(shown)
    for path in more:
        shown.open(path)
        found += faults(shown, ONE_LOOK)
    assert not found, "\n".join(found)


def test_every_page_of_an_empty_house(she: Any, house: House) -> None:
    shown = she(house, "en")
    shown.expected = {400, 404}  # a period that is none, and "/welcome" without a link
    found = []
    for path in (*pages(house), invited(house), "/reports?from=x"):
        shown.open(path)
        found += faults(shown, ONE_LOOK)
    assert not found, "\n".join(found)


def test_pages_that_say_no(she: Any, house: House) -> None:
    """403, 404, 409, and a form that was sent too late."""
    house.hears(comment("1", QUESTION))
    shown = she(house, token=sign_in(house.app, "Zoé", "viewer"))
    shown.expected = {403, 404, 409}
    found = []
    for path in ("/users", "/nowhere", "/mentions/4711", "/static/nothing.css", "/welcome?link=none"):
        shown.open(path)
        found += faults(shown)
    shown.context.clear_cookies()
    token = sign_in(house.app, "Ada", "admin")
    shown.context.add_cookies([{"name": "vigie", "value": token, "url": shown.url}])
    shown.open("/users")
    shown.page.evaluate("document.querySelectorAll('[name=user]').forEach((one) => { one.value = 4711; })")
    shown.page.locator("form[action='/users/link'] button").first.click()
    found += faults(shown)
    shown.open("/mentions/1")
    shown.page.locator(".notes textarea").fill("Un mot")
    house.clock.forward(hours=9)
    shown.press("Leave a note")
    found += faults(shown)
    assert not found, "\n".join(found)


def test_pages_that_answer_a_form(she: Any, house: House) -> None:
    """Wrong passwords, second factors, what is shown once, and the help on keys."""
    house.hears(comment("1", QUESTION))
    shown = she(house, "en")
    shown.expected = {403, 422}
    with house.app.watch.store.tx() as tx:
        ada = users.by_name(tx, "Ada")
        assert ada is not None
        users.set_password(tx, ada["id"], passwords.hashed(PASSWORD))
        users.set_totp(tx, ada["id"], "JBSWY3DPEHPK3PXP")
    shown.context.clear_cookies()
    found = []
    for password in ("wrong", PASSWORD):
        shown.open("/sign-in")
        shown.fill("Name", "Ada")
        shown.fill("Password", password)
        shown.press("Sign in")
        found += faults(shown)
    token = sign_in(house.app, "Ada", "admin")
    shown.context.add_cookies([{"name": "vigie", "value": token, "url": shown.url}])
    shown.open("/users")
    shown.fill("Name", "Zoé")
    shown.press("Add")
    found += faults(shown)
    shown.open("/tokens")
    shown.fill("What it is for", "tickets")
    shown.fill("Present password", PASSWORD)
    shown.press("Make it")
    found += faults(shown)
    for path in ("/", "/mentions/1"):
        shown.open(path)
        shown.page.keyboard.press("?")
        found += faults(shown)
    shown.open("/audit")
    shown.page.locator(".me summary").click()
    found += faults(shown, part=".me")
    assert not found, "\n".join(found)


def test_axe_finds_what_is_wrong(she: Any, house: House) -> None:
    shown = she(house)
    shown.open("/")
    assert faults(shown) == []
    shown.page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=/static/vigie.svg><input>')"
    )
    shown.page.evaluate("document.querySelector('h1').style.cssText = 'min-width: 2000px; color: #8888'")
    found = "\n".join(faults(shown))
    wrong = ("1440 light: image-alt", "1440 light: label", "390 dark: color-contrast", "wider than 390")
    assert [one for one in wrong if one not in found] == []
