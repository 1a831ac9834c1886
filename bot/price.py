"""What a reply will cost, for whoever is about to approve it."""

from __future__ import annotations

from bot.config import Settings
from bot.models import Price
from bot.store import Row, mentions
from responders.base import Priced


def price_of(settings: Settings, reply: Row, mention: Row) -> Price | None:
    """The price of sending this reply now, where its responder knows; `None` where nobody does."""
    service = settings.responders.get(reply["responder"])
    if service is None or not hasattr(service.plugin.build, "price"):
        return None
    responder: Priced = service.plugin.build(service.config)
    return responder.price(reply["text"], mentions.mention(mention))
