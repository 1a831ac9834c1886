"""A real browser before the inbox. Nothing goes wrong in silence there: an error in a page's console, a
script that fails, what the Content-Security-Policy stops, and a request to anywhere but this machine fail the
test.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bot.serving import Serving
from bot.steps.watch import no_wake
from bot.store import ms, sessions, users
from bot.web import make_app
from bot.web.language import Language, Languages
from tests.support.needs import need

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright

    from bot.app import App

PHONE: Final = 390
DESK: Final = 1440
_LOCALES: Final = {"fr": "fr-FR", "en": "en-GB"}
# Everything but this machine is asked of a proxy that is not there.
_ARGUMENTS: Final = ("--no-sandbox", "--disable-dev-shm-usage", "--proxy-server=127.0.0.1:9")
_HERE: Final = ("http://127.0.0.1:", "data:", "blob:", "about:")
_LANGUAGES: Final = Languages(ZoneInfo("UTC"))


def chromium(play: Playwright) -> Browser:
    """The one that Debian packages."""
    found = shutil.which("chromium") or ""
    need("browser", "" if found else "chromium is not installed")
    return play.chromium.launch(executable_path=found, args=list(_ARGUMENTS))


def axe() -> Path:
    """The file of axe-core, https://github.com/dequelabs/axe-core"""
    folder = Path(os.environ.get("VIGIE_AXE") or Path.home() / ".cache/vigie-test/axe")
    file = folder / "node_modules/axe-core/axe.min.js"
    need("axe-core", "" if file.exists() else f"{file} is missing")
    return file


@contextmanager
def opened(app: App) -> Iterator[str]:
    """The inbox of a house at its address, with a real server."""
    serving = Serving("web.listen", ("127.0.0.1", 0), partial(make_app, app, no_wake), 100)
    try:
        yield serving.url
    finally:
        app.watch.stopping.set()
        serving.close()
        _until_closed(serving)


def _until_closed(serving: Serving) -> None:
    deadline = time.monotonic() + 20
    while not serving.is_closed():
        assert time.monotonic() < deadline, "the server does not end"
        time.sleep(0.02)


def sign_in(app: App, name: str, role: str, lang: str = "") -> str:
    """The token of a new session; the user is made where there is none of that name."""
    with app.watch.store.tx() as tx:
        row = users.by_name(tx, name)
        now = ms(app.watch.clock())
        number = row["id"] if row else users.add(tx, name, role, now)
        users.set_language(tx, number, lang)
        return sessions.begin(tx, number, now)


@dataclass
class Window:
    """One person's browser, as `page` of playwright, and short ways to use it. Buttons, links and labels are
    called by their English texts, and looked for in the language of the page.

    `faults` is everything that went wrong; `expected` the statuses that the browser may complain of.
    """

    context: BrowserContext
    page: Page
    url: str
    lang: str
    script: bool = True
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("request", lambda request: self._asked(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        refused = any(
            f"the server responded with a status of {status}" in message.text for status in self.expected
        )
        told = message.type in ("error", "warning") or message.text.startswith("[DOM]")
        if told and not refused:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(_HERE):
            self.faults.append(f"{self.page.url}: asks for {url}")

    @property
    def language(self) -> Language:
        return _LANGUAGES.named(self.lang)

    def say(self, text: str, **values: Any) -> str:
        """It in the language of the page."""
        return self.language.gettext(text, **values)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    @property
    def path(self) -> str:
        """Where it is, without the part behind "#"."""
        return self.page.url.removeprefix(self.url).partition("#")[0]

    @property
    def main(self) -> Locator:
        return self.page.locator("main")

    def button(self, name: str, within: Locator | None = None, **values: Any) -> Locator:
        place = within or self.page.locator("body")
        return place.get_by_role("button", name=self.say(name, **values), exact=True)

    def press(self, name: str, within: Locator | None = None, **values: Any) -> None:
        """A button; the first that one can see."""
        self.button(name, within, **values).first.click()

    def follow(self, name: str, within: Locator | None = None, **values: Any) -> None:
        """A link."""
        place = within or self.page.locator("body")
        place.get_by_role("link", name=self.say(name, **values)).first.click()

    def unfold(self, name: str, within: Locator | None = None) -> None:
        """What hides behind a summary."""
        (within or self.main).locator("summary").filter(has_text=self.say(name)).first.click()

    def fill(self, label: str, text: str, within: Locator | None = None) -> None:
        (within or self.main).get_by_label(self.say(label), exact=True).first.fill(text)

    def choose(self, label: str, value: str, within: Locator | None = None) -> None:
        place = within or self.main
        place.get_by_role("combobox", name=self.say(label), exact=True).first.select_option(value)

    def shows(self, text: str, **values: Any) -> None:
        """Wait until the page says it."""
        from playwright.sync_api import expect

        expect(self.main).to_contain_text(self.say(text, **values))


@contextmanager
def window(browser: Browser, url: str, lang: str = "fr", **facts: Any) -> Iterator[Window]:
    """A fresh profile. `facts`: `width` of the window, `dark`, `script` (False: JavaScript is off), `token`
    of a session, `init`: a script for every page."""
    width, script = facts.get("width", DESK), facts.get("script", True)
    context = browser.new_context(
        locale=_LOCALES[lang], viewport={"width": width, "height": 900}, java_script_enabled=script,
        color_scheme="dark" if facts.get("dark") else "light", reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(20_000)
    if "init" in facts:
        context.add_init_script(path=facts["init"])
    if "token" in facts:
        context.add_cookies([{"name": "vigie", "value": facts["token"], "url": url}])
    shown = Window(context, context.new_page(), url, lang, script)
    try:
        yield shown
        assert not shown.faults, shown.faults
    finally:
        context.close()
