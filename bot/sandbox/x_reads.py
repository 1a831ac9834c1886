"""What can be read on X: mentions, a user's posts, searches, quotes, posts by id, direct messages."""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox import x_params, x_problems, x_query
from bot.sandbox.faults import Fault
from bot.sandbox.town import BRAND, Post, Town
from bot.sandbox.wire import Answer, Request, in_json
from bot.sandbox.x_fields import wanted
from bot.sandbox.x_params import OF_LISTS, OF_POSTS, Window, known_only
from bot.sandbox.x_problems import Invalid
from bot.sandbox.x_view import NETWORK, View, handle_of, visible

_MENTIONS_KEPT: Final = 800
_TWEETS_KEPT: Final = 3200
_OF_MESSAGES: Final = frozenset(
    {"dm_event.fields", "event_types", "expansions", "media.fields", "tweet.fields", "user.fields"}
    | {"max_results", "pagination_token"}
)


class Reads:
    """Each takes the request and the ids in its path.

    Raises:
        Invalid: X would answer 400.
    """

    def __init__(self, town: Town) -> None:
        self._town = town

    def me(self, request: Request) -> Answer:
        known_only(request.query, {"user.fields", "tweet.fields", "expansions"})
        return in_json(200, {"data": self._view(request).user(self._town.brand, wanted(request.query).user)})

    def mentions(self, request: Request, user: str) -> Answer:
        known_only(request.query, OF_LISTS)
        name, view = handle_of(self._town, user).lower(), self._view(request)
        posts = [
            post
            for post in self._town.posts(NETWORK)
            if not post.shares and post.author.lower() != name and name in view.mentioned(post)
        ]
        asked = x_params.window(request.query, least=5, default=10)
        return self._list(request, posts[:_MENTIONS_KEPT], asked)

    def tweets_of(self, request: Request, user: str) -> Answer:
        known_only(request.query, OF_LISTS | {"exclude"})
        left_out = x_params.listed(request.query, "exclude", {"replies", "retweets"})
        author = handle_of(self._town, user)
        posts = [
            post
            for post in self._town.posts(NETWORK)
            if post.author == author
            and not (post.in_reply_to and "replies" in left_out)
            and not (post.shares and "retweets" in left_out)
        ]
        asked = x_params.window(request.query, least=5, default=10)
        return self._list(request, posts[:_TWEETS_KEPT], asked)

    def search(self, request: Request) -> Answer:
        """Bare shares are never found: https://docs.x.com/changelog, 4 May 2026."""
        query = request.query
        known_only(query, OF_LISTS | {"query", "next_token", "sort_order"})
        if not query.get("query"):
            raise Invalid("query", "", "The `query` query parameter can not be empty")
        view, test = self._view(request), x_query.parse(query["query"])
        asked = x_params.window(query, least=10, default=10)
        asked = x_params.recent(query, asked, self._town.clock())
        posts = [post for post in self._town.posts(NETWORK) if not post.shares and test(view.facts(post))]
        return self._list(request, posts, asked)

    def quotes(self, request: Request, number: str) -> Answer:
        known_only(request.query, OF_POSTS | {"max_results", "pagination_token", "exclude"})
        asked = x_params.window(request.query, least=10, default=10)
        quoted = visible(self._town, number)
        versions = quoted.versions if quoted else ()
        posts = [post for post in self._town.posts(NETWORK) if post.quotes in versions]
        return self._list(request, posts, asked, ids=False)

    def tweets(self, request: Request) -> Answer:
        known_only(request.query, OF_POSTS | {"ids"})
        found, errors = [], []
        for number in x_params.ids(request.query):
            post = visible(self._town, number)
            if post:
                found.append(post)
            else:
                errors.append(x_problems.not_found("tweet", "ids", number))
        answer = self._view(request).posts(found, wanted(request.query))
        if errors:
            answer["errors"] = errors + answer.get("errors", [])
        return in_json(200, answer)

    def tweet(self, request: Request, number: str) -> Answer:
        known_only(request.query, OF_POSTS)
        asked, post = wanted(request.query), visible(self._town, number)
        if post is None:
            return in_json(200, {"errors": [x_problems.not_found("tweet", "id", number)]})
        answer = self._view(request).posts([post], asked)
        return in_json(200, answer | {"data": answer["data"][0]})

    def messages(self, request: Request, other: str | None = None) -> Answer:
        known_only(request.query, _OF_MESSAGES)
        asked = x_params.window(request.query, least=1, default=100)
        if other is None:
            found = [one for one in self._town.messages(NETWORK) if BRAND in (one.author, one.to)]
        else:
            found = self._town.messages(NETWORK, between=(BRAND, handle_of(self._town, other)))
        below = [one for one in found if asked.until is None or one.number < asked.until]
        page = below[: asked.size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if len(below) > len(page):
            meta["next_token"] = x_params.token(page[-1].number)
        view = self._view(request)
        return in_json(200, view.messages(page, wanted(request.query, messages=True)) | {"meta": meta})

    def _list(self, request: Request, posts: list[Post], asked: Window, *, ids: bool = True) -> Answer:
        """One page of what lies in the window, newest first. `ids`: its newest and oldest are told."""
        fields = wanted(request.query)
        found = [post for post in posts if asked.has(post)]
        page = found[: asked.size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page and ids:
            meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        if len(found) > len(page):
            meta["next_token"] = x_params.token(page[-1].number)
        if Fault.OUT_OF_ORDER in request.struck:
            page = page[::2][::-1] + page[1::2]
        return in_json(200, self._view(request).posts(page, fields) | {"meta": meta})

    def _view(self, request: Request) -> View:
        return View(self._town, without_authors=Fault.FROM_MISSING in request.struck)
