"""The inbox: pages for people, and an API for programs. Views are thin: they read a view of the store, or
hand a verb to the desk and send the browser back to a page.

`make_app` puts it together; each file of `bot/web/pages/` holds the pages of one matter and their `ROUTES`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from bot.serving import Serving
from bot.web.links import first_link

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from bot.app import App
    from bot.steps import Wake

__all__ = ["first_link", "make_app", "open_inbox"]

_AT_ONCE: Final = 500


def open_inbox(app: App, wake: Wake) -> Serving | None:
    """Open the inbox in a thread of its own, if the config says where.

    Raises:
        NotPossible: somebody else is at that address.
    """
    settings = app.watch.settings.root.web
    if not settings.listen:
        return None
    return Serving("web.listen", settings.place, partial(make_app, app, wake), _AT_ONCE)


def make_app(app: App, wake: Wake) -> Starlette:
    """The inbox over one house, as an ASGI application."""
    from bot.web.app import assemble  # noqa: PLC0415 -- loads the server's libraries, in the server's thread

    return assemble(app, wake)
