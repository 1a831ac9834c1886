"""Replies on Bluesky.

A record's key is ours to choose (https://atproto.com/specs/record-key), which is what makes a reply
exactly-once: every attempt to send the same approved text writes to the same key, made from that of the
reply, and says that nothing may stand there yet (``swapRecord: null``). So a second attempt, even one at the
same moment, can neither add a post nor change one. After a doubt the core looks first all the same; to try
again at once would be safe.

A post says itself when it was written, and Bluesky goes by it: a reply that claimed the time of its draft
would stand below what its reader has seen already, and ring for nobody. So it is the moment of the attempt.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from accounts.bluesky import Access, Xrpc, account
from accounts.xrpc import POST, Rejected, link, mapping, place
from bot.errors import Refused, Retry, Unsure
from bot.models import Kind, Limits, Mention, Receipt, Refusal, Reply

# https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json
_GRAPHEMES: Final = 300
_BYTES: Final = 3_000
_DIGITS: Final = "234567abcdefghijklmnopqrstuvwxyz"
_LINK: Final = re.compile(r"\bhttps?://(?=\w)[^\s<>\"«»“”]+")
_AFTER: Final = ".,;:!?…'’*_~"  # what belongs to the sentence and not to the link that ends it
# https://atproto.com/specs/handle
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HANDLE: Final = re.compile(rf"(?<![\w@./-])@((?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)\b")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


class Config(Access, frozen=True):
    """What it takes to answer."""


def _length(text: str) -> int:
    """Both limits as one: graphemes, or tenths of its bytes where these run out first (family emoji do)."""
    import regex

    return max(len(regex.findall(r"\X", text)), -(-len(text.encode()) * _GRAPHEMES // _BYTES))


class BlueskyResponder:
    """Answers for one account."""

    limits = Limits(maximum=_GRAPHEMES, count=_length)

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.config = config
        self.clock = clock
        self._account = account(config)

    def can_reply(self, mention: Mention) -> Refusal | None:
        """Ask whether the post is there, and whether its author lets us reply.

        Raises:
            ServiceError: Bluesky could not be asked.
        """
        with self._account.open(self._end) as xrpc:
            try:
                _position(xrpc, mention)
            except Rejected:
                raise
            except Refused as refused:
                return Refusal(str(refused))
            return None

    def send(self, reply: Reply) -> Receipt:
        """Publish the reply under its post.

        Raises:
            Refused: the post is gone or closed to us, or Bluesky will not have the text.
            Retry, RateLimited, AuthFailed: it was not published.
            Unsure: it may have been; or something else stands where it should.
        """
        with self._account.open(self._end) as xrpc:
            above = _position(xrpc, reply.mention)
            record = _record(reply, above, list(_facets(xrpc, reply)), self.clock())
            new = {"repo": xrpc.me.did, "collection": POST, "rkey": _key(reply)}
            try:
                done = xrpc.write("com.atproto.repo.putRecord", {**new, "record": record, "swapRecord": None})
            except Rejected as rejected:
                if rejected.code == "InvalidSwap" and (there := _find(xrpc, reply)) is not None:
                    return there
                raise
            if done.get("uri") != _uri(xrpc, reply):
                raise Unsure(f"{xrpc.host} did not say what became of the reply")
            return _receipt(xrpc, reply)

    def find(self, reply: Reply) -> Receipt | None:
        """Look under the key that this reply has.

        Raises:
            Unsure: something else stands there.
            ServiceError: Bluesky could not be asked.
        """
        with self._account.open(self._end) as xrpc:
            return _find(xrpc, reply)

    @property
    def _end(self) -> float:
        return time.monotonic() + self.config.timeout


def _position(xrpc: Xrpc, mention: Mention) -> dict[str, Any]:
    """Where a reply to the mention hangs: the post itself and the one that its thread begins with, as they
    stand now.

    Raises:
        Refused: it is gone, or its author does not let us reply.
        ServiceError: as `Xrpc.query`.
    """
    where = place(mention.remote_id)
    if where is None or where[1] != POST or mention.kind is Kind.SHARE:
        raise Refused("this is no post that could be answered")
    post = _post(xrpc, mention.remote_id)
    viewer, author = mapping(post.get("viewer")), mapping(mapping(post.get("author")).get("viewer"))
    if author.get("blockedBy") or author.get("blocking"):
        raise Refused(_blocked(author))
    if viewer.get("replyDisabled"):
        raise Refused("its author lets only some people reply there, and not this account")
    parent = _reference(post)
    if parent is None:
        raise Retry(f"{xrpc.host} does not show the post as it should")
    root = _reference(mapping(mapping(mapping(post.get("record")).get("reply")).get("root")))
    return {"root": root or parent, "parent": parent}


def _post(xrpc: Xrpc, uri: str) -> dict[str, Any]:
    try:
        answer = xrpc.query("app.bsky.feed.getPostThread", uri=uri, depth=0, parentHeight=0)
    except Rejected as rejected:
        if rejected.code == "NotFound":
            raise Refused("the post is gone, or hidden from this account") from None
        raise
    thread = mapping(answer.get("thread"))
    if thread.get("blocked"):
        raise Refused(_blocked(mapping(mapping(thread.get("author")).get("viewer"))))
    if thread.get("notFound"):
        raise Refused("the post is gone, or hidden from this account")
    return mapping(thread.get("post"))


def _blocked(viewer: dict[str, Any]) -> str:
    return (
        "this account has blocked its author"
        if viewer.get("blocking")
        else "its author has blocked this account"
    )


def _reference(found: dict[str, Any]) -> dict[str, str] | None:
    uri, cid = found.get("uri"), found.get("cid")
    return {"uri": uri, "cid": cid} if isinstance(uri, str) and isinstance(cid, str) else None


def _record(
    reply: Reply, above: dict[str, Any], facets: list[dict[str, Any]], now: datetime
) -> dict[str, Any]:
    record: dict[str, Any] = {"$type": POST, "text": reply.text, "reply": above}
    record["createdAt"] = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if facets:
        record["facets"] = facets
    if _LANGUAGE.fullmatch(reply.mention.lang):
        record["langs"] = [reply.mention.lang]
    return record


# --- The key: the same for every attempt of one reply ---------------------------------------------


def _key(reply: Reply) -> str:
    """A TID (https://atproto.com/specs/tid): 13 digits, of a time in microseconds and ten bits more. Drafts
    are made by the hundred in one millisecond; so the time is one in the 71 minutes before, which the reply's
    key chooses together with the ten bits."""
    at = (reply.created_at or reply.mention.posted_at).astimezone(UTC)
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6
    chosen = int.from_bytes(hashlib.sha256(reply.key.encode()).digest()[:8], "big") % 2**42
    number, digits = (round(micros) << 10) - chosen, ""
    for _ in range(13):
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
    return digits


def _uri(xrpc: Xrpc, reply: Reply) -> str:
    return f"at://{xrpc.me.did}/{POST}/{_key(reply)}"


def _find(xrpc: Xrpc, reply: Reply) -> Receipt | None:
    """As `BlueskyResponder.find`."""
    where = {"repo": xrpc.me.did, "collection": POST, "rkey": _key(reply)}
    try:
        there = mapping(xrpc.query("com.atproto.repo.getRecord", **where).get("value"))
    except Rejected as rejected:
        if rejected.code == "RecordNotFound":
            return None
        raise
    parent = mapping(mapping(there.get("reply")).get("parent")).get("uri")
    if (there.get("text"), parent) != (reply.text, reply.mention.remote_id):
        raise Unsure("another post of this account stands where this reply would")
    return _receipt(xrpc, reply)


def _receipt(xrpc: Xrpc, reply: Reply) -> Receipt:
    uri = _uri(xrpc, reply)
    return Receipt(uri, link(uri, xrpc.me.handle))


# --- Facets, which can be clicked: https://docs.bsky.app/docs/advanced-guides/post-richtext ---------------


def _facets(xrpc: Xrpc, reply: Reply) -> Iterator[dict[str, Any]]:
    """Links with their scheme, and handles that somebody has. Where they stand is counted in bytes."""
    text, taken = reply.text, list[tuple[int, int]]()
    for found in _LINK.finditer(text):
        url = _trimmed(found[0])
        taken.append((found.start(), found.end()))
        yield _facet(text, found.start(), url, {"$type": "app.bsky.richtext.facet#link", "uri": url})
    for found in _HANDLE.finditer(text):
        inside = any(start <= found.start() < end for start, end in taken)
        if not inside and (did := _did(xrpc, found[1].lower(), reply.mention)):
            yield _facet(
                text, found.start(), found[0], {"$type": "app.bsky.richtext.facet#mention", "did": did}
            )


def _trimmed(url: str) -> str:
    """Without what follows it in the sentence."""
    while url[-1] in _AFTER or (
        url[-1] in ")]" and url.count(url[-1]) > url.count("(["[")]".index(url[-1])])
    ):
        url = url[:-1]
    return url


def _facet(text: str, start: int, part: str, feature: dict[str, str]) -> dict[str, Any]:
    begin = len(text[:start].encode())
    return {"index": {"byteStart": begin, "byteEnd": begin + len(part.encode())}, "features": [feature]}


def _did(xrpc: Xrpc, handle: str, mention: Mention) -> str:
    """Who has the handle; "" if nobody does."""
    if handle == mention.author.handle.removeprefix("@").lower() and mention.author.id.startswith("did:"):
        return mention.author.id
    try:
        found = xrpc.query("com.atproto.identity.resolveHandle", handle=handle).get("did")
    except Rejected:
        return ""
    return found if isinstance(found, str) else ""
