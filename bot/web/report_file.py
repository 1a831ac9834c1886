"""A report as one HTML file: the same templates as the page, with their style inside."""

from __future__ import annotations

from importlib import resources

from bot.reports.figures import Figures
from bot.web.language import Languages
from bot.web.report_cells import shown


def as_html(found: Figures, brand: str, language: str) -> str:
    """The file, in French or English; it needs nothing else and no network.

    Raises:
        KeyError: there is no such language.
    """
    zone = found.asked.period.zone
    known = Languages(zone).named(language)
    static = resources.files("bot.web") / "static"
    style = "\n".join((static / name).read_text("utf-8") for name in ("vigie.css", "reports.css"))
    return known.render("report_file.html", brand=brand, zone=zone, style=style, **shown(found, known))
