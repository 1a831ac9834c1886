"""The config in force, to be read. It is changed in its file, where its history can be kept."""

from __future__ import annotations

from starlette.responses import Response

from bot.roles import Role
from bot.web.config_view import sections
from bot.web.routes import page
from bot.web.visit import Visit


def show(visit: Visit) -> Response:
    return visit.render("settings.html", sections=list(sections(visit.web.app.watch.settings)))


ROUTES = [page("/settings", show, Role.LEAD)]
