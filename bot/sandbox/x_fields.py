"""Which fields and expansions there are on X, and which of them a request asks for.

https://docs.x.com/x-api/fundamentals/fields, https://docs.x.com/x-api/fundamentals/expansions
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.sandbox.x_params import Query, listed


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What can be asked for. What the sandbox knows nothing of is left out of answers, as X leaves out what is
# empty.
POST_FIELDS: Final = _names(
    "article attachments author_id card_uri community_id context_annotations conversation_id created_at "
    "display_text_range edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang "
    "non_public_metrics note_tweet organic_metrics possibly_sensitive promoted_metrics public_metrics "
    "referenced_tweets reply_settings scopes source text withheld"
)
USER_FIELDS: Final = _names(
    "affiliation connection_status created_at description entities id location most_recent_tweet_id name "
    "pinned_tweet_id profile_banner_url profile_image_url protected public_metrics receives_your_dm "
    "subscription_type url username verified verified_type withheld"
)
MESSAGE_FIELDS: Final = _names(
    "attachments created_at dm_conversation_id entities event_type id participant_ids referenced_tweets "
    "sender_id text"
)
MEDIA_FIELDS: Final = _names(
    "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width"
)
POST_EXPANSIONS: Final = _names(
    "attachments.media_keys attachments.poll_ids author_id edit_history_tweet_ids entities.mentions.username "
    "geo.place_id in_reply_to_user_id referenced_tweets.id referenced_tweets.id.author_id"
)
MESSAGE_EXPANSIONS: Final = _names("attachments.media_keys participant_ids referenced_tweets.id sender_id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which fields and expansions a request asks for."""

    post: frozenset[str]
    user: frozenset[str]
    expansions: frozenset[str]
    message: frozenset[str] = frozenset()


def wanted(query: Query, *, messages: bool = False) -> Wanted:
    """What is expanded, its field comes too.

    Raises:
        Invalid: a field or an expansion that there is not.
    """
    listed(query, "media.fields", MEDIA_FIELDS)
    expansions = listed(query, "expansions", MESSAGE_EXPANSIONS if messages else POST_EXPANSIONS)
    fields = frozenset(one.partition(".")[0] for one in expansions)
    return Wanted(
        listed(query, "tweet.fields", POST_FIELDS) | fields,
        listed(query, "user.fields", USER_FIELDS),
        expansions,
        (listed(query, "dm_event.fields", MESSAGE_FIELDS) if messages else frozenset()) | fields,
    )
