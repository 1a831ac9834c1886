"""What networks are called. A mention names its network by a code, from its listener or from the config."""

from __future__ import annotations

from typing import Final

from bot.web.words import N_

NAMES: Final = {
    "x": "X", "facebook": "Facebook", "instagram": "Instagram", "mastodon": "Mastodon", "bluesky": "Bluesky",
    "reddit": "Reddit", "wordpress": "WordPress", "rss": "RSS", "mailbox": N_("E-mail"),
    "reviews": N_("Reviews"), "import": N_("Imported"),
}  # fmt: skip
