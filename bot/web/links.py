"""One-time links, by which somebody sets their password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.store import invitations, ms, users

if TYPE_CHECKING:
    from bot.app import App
    from bot.web_settings import WebSettings


def first_link(app: App) -> str | None:
    """The link by which the first administrator of a new house takes their name and password; None once there
    is a user. To be shown once, to who starts Vigie, and written down nowhere. It replaces the one before."""
    with app.watch.store.tx() as tx:
        if users.count(tx):
            return None
        token = invitations.invite(tx, None, ms(app.watch.clock()))
    return link(app.watch.settings.root.web, token)


def link(settings: WebSettings, token: str) -> str:
    """Where a one-time link leads."""
    return f"{settings.address}/welcome?link={token}"
