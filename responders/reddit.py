"""Answers on Reddit, as the brand's account: below comments and posts, and to messages.

POST /api/comment (https://www.reddit.com/dev/api#POST_api_comment) knows no key and takes the same words
twice. So after a doubt we look below what was answered; where Reddit does not show all that stands there, a
human does.

Docs: docs/networks/reddit.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from accounts.reddit import Account, Session, Thing, link, things
from bot.errors import Refused, Unsure
from bot.models import Limits, Mention, Receipt, Refusal, Reply

_COMMENT, _POST = "t1_", "t3_"
_CANNOT_LOOK: Final = "Reddit does not show what stands there: look whether the reply does"


class Config(Account, extra="forbid", frozen=True, hide_input_in_errors=True):
    pass


class RedditResponder:
    """Answers as one account."""

    limits = Limits(maximum=10_000)

    def __init__(self, config: Config) -> None:
        self.config = config

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Whether it is still there, and the thread open.

        Raises:
            ServiceError: Reddit could not be asked.
        """
        if not mention.remote_id.startswith((_COMMENT, _POST)):
            return None
        thing = self._there(self._session(), mention)
        if thing is None or "[deleted]" in (thing.get("body"), thing.get("selftext")):
            return Refusal("it is gone")
        if thing.get("locked") or thing.get("archived"):
            return Refusal("the thread is closed")
        return None

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply below what it answers.

        Raises:
            RateLimited: Reddit wants a break; nothing was published.
            Refused, AuthFailed, Retry: it was not published.
            Unsure: it may have been.
        """
        data = {"text": reply.text, "thing_id": reply.mention.remote_id}
        answer = self._session().post("api/comment/", data)
        try:
            (thing,) = things({"children": answer["data"]["things"]})
        except (KeyError, TypeError, ValueError):
            raise Unsure("Reddit did not say what became of the reply") from None
        return _receipt(thing)

    def find(self, reply: Reply) -> Receipt | None:
        """Look for it below what it answers.

        Raises:
            Unsure: that was a message, or is gone, or Reddit does not show everything below it.
            ServiceError: Reddit could not be asked.
        """
        name = reply.mention.remote_id
        if not name.startswith((_COMMENT, _POST)):
            raise Unsure(_CANNOT_LOOK)
        session = self._session()
        thing = self._there(session, reply.mention)
        if thing is None:
            raise Unsure(_CANNOT_LOOK)
        below, whole = _below(session, thing)
        ours = [one for one in below if self.config.wrote(one) and one.get("parent_id") == name]
        found = next((one for one in ours if _same(str(one.get("body") or ""), reply.text)), None)
        if found is None and not whole:
            raise Unsure(_CANNOT_LOOK)
        return _receipt(found) if found else None

    def _session(self) -> Session:
        return Session(self.config, time.monotonic() + self.config.timeout)

    def _there(self, session: Session, mention: Mention) -> Thing | None:
        found = session.info([mention.remote_id])
        return next((one for one in found if one["name"] == mention.remote_id), None)


def _below(session: Session, thing: Thing) -> tuple[list[Thing], bool]:
    """What answers a comment or a post directly, and whether that is all of it."""
    post = str(thing.get("link_id") or thing["name"]).removeprefix(_POST)
    is_comment = str(thing["name"]).startswith(_COMMENT)
    focus: dict[str, str | int] = {"comment": str(thing["name"]).removeprefix(_COMMENT), "context": 0}
    try:
        tree = session.get(
            f"comments/{post}/", limit=500, depth=2, sort="new", **(focus if is_comment else {})
        )[1]
        if is_comment:
            (top,) = (one for one in tree["data"]["children"] if one["data"].get("name") == thing["name"])
            tree = top["data"]["replies"]
        children = tree["data"]["children"] if isinstance(tree, Mapping) else []  # "" where there are none
    except (Refused, KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Unsure(_CANNOT_LOOK) from None
    return things({"children": children}), not any(_hides(one) for one in children)


def _hides(child: Any) -> bool:
    return isinstance(child, Mapping) and child.get("kind") == "more"


def _same(body: str, text: str) -> bool:
    """Reddit may trim what it is sent, and end its lines otherwise."""
    return body.split() == text.split()


def _receipt(thing: Thing) -> Receipt:
    return Receipt(str(thing["name"]), link(thing))
