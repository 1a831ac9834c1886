"""X's search language, as far as somebody who listens for a brand needs it.

https://docs.x.com/x-api/posts/search/integrate/operators
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.sandbox.x_problems import Invalid

LONGEST: Final = 512
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<open>\() | (?P<close>\)) | (?P<minus>-)(?=\S) | (?P<or>OR)(?=[\s(]|$) |
    (?P<operator>[a-z_]+):(?:"(?P<quoted>[^"]+)"|(?P<value>[^\s()"]+)) |
    "(?P<phrase>[^"]+)" | (?P<word>[^\s()":]+))""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a search looks at. All texts in lower case. `links`: whole addresses."""

    text: str
    author: str
    to: str
    mentions: tuple[str, ...]
    links: tuple[str, ...]
    conversation: str
    replied_to: str
    quoted: str
    shared: str
    lang: str
    photo: bool


Test = Callable[[Facts], bool]


def parse(query: str) -> Test:
    """The query as a test for one post.

    Raises:
        Invalid: it is too long, cannot be read, or has nothing to stand on.
    """
    if len(query) > LONGEST:
        raise Invalid("query", query, f"The query length is {len(query)}; it may not be over {LONGEST}.")
    parser = _Parser(query)
    test = parser.either()
    if parser.kind:
        raise parser.wrong("no viable alternative")
    if not parser.stands_alone:
        raise parser.wrong("there is no stand-alone operator")
    return test


class _Parser:
    """Recursive descent: OR binds less than a space, which means AND."""

    def __init__(self, query: str) -> None:
        self._query, self._at = query, 0
        self.stands_alone = False
        self._negated = False
        self._step()

    def _step(self) -> None:
        self.found = _TOKEN.match(self._query, self._at)
        if self.found:
            self._at = self.found.end()
        elif self._query[self._at :].strip():
            raise self.wrong("no viable alternative")
        self.kind = (self.found.lastgroup or "") if self.found else ""

    def wrong(self, what: str) -> Invalid:
        return Invalid("query", self._query, f"There were errors processing your request: {what}.")

    def either(self) -> Test:
        tests = [self._all()]
        while self.kind == "or":
            self._step()
            tests.append(self._all())
        return lambda facts: any(test(facts) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self.kind not in ("", "or", "close"):
            tests.append(self._one())
        return lambda facts: all(test(facts) for test in tests)

    def _one(self) -> Test:
        if self.kind == "minus":
            self._step()
            self._negated, before = True, self._negated
            inner = self._one()
            self._negated = before
            return lambda facts: not inner(facts)
        if self.kind == "open":
            self._step()
            inner = self.either()
            if self.kind != "close":
                raise self.wrong("a parenthesis is not closed")
            self._step()
            return inner
        return self._atom()

    def _atom(self) -> Test:
        if self.found is None or self.kind in ("or", "close"):
            raise self.wrong("no viable alternative")
        groups = self.found.groupdict()
        operator, value = groups["operator"], (groups["quoted"] or groups["value"] or "").lower()
        test = self._operator(operator, value) if operator else _said(groups["phrase"] or groups["word"])
        self.stands_alone |= not self._negated and operator not in _NEEDS_OTHERS
        self._step()
        return test

    def _operator(self, operator: str, value: str) -> Test:
        if operator in ("is", "has"):
            made: Callable[[str], Test] | None = _FLAGS.get(f"{operator}:{value}")
        else:
            made = _OPERATORS.get(operator)
        if made is None:
            raise self.wrong(f"Reference to invalid operator '{operator}:{value}'")
        return made(value)


def _said(text: str) -> Test:
    """A word, a phrase, an @handle or a #tag: whole words, in any case."""
    text = text.lower()
    if text.startswith("@"):
        return lambda facts: text[1:] in facts.mentions
    pattern = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    return lambda facts: pattern.search(facts.text) is not None


def _same_site(link: str) -> str:
    return link.replace("twitter.com", "x.com")


_OPERATORS: Final[dict[str, Callable[[str], Test]]] = {
    "from": lambda value: lambda facts: facts.author == value.removeprefix("@"),
    "to": lambda value: lambda facts: facts.to == value.removeprefix("@"),
    "conversation_id": lambda value: lambda facts: facts.conversation == value,
    "in_reply_to_tweet_id": lambda value: lambda facts: facts.replied_to == value,
    "quotes_of_tweet_id": lambda value: lambda facts: facts.quoted == value,
    "retweets_of_tweet_id": lambda value: lambda facts: facts.shared == value,
    "url": lambda value: lambda facts: any(_same_site(value) in _same_site(link) for link in facts.links),
    "lang": lambda value: lambda facts: facts.lang == value,
}
_FLAGS: Final[dict[str, Callable[[str], Test]]] = {
    "is:quote": lambda _: lambda facts: bool(facts.quoted),
    "is:reply": lambda _: lambda facts: bool(facts.replied_to),
    "is:retweet": lambda _: lambda facts: bool(facts.shared),
    "has:links": lambda _: lambda facts: bool(facts.links),
    "has:media": lambda _: lambda facts: facts.photo,
    "has:images": lambda _: lambda facts: facts.photo,
}
_NEEDS_OTHERS: Final = {"is", "has", "lang"}
