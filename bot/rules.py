"""What does a rule of config ask for, and what does it say? The models, and how they match. Pure.

A rule matches when all that its `when` asks for holds. Words are compared whole, without case, accents
and typographic apostrophes. How the rules together make a decision stands in `bot.decide`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.models import INTENTS, SENTIMENTS, URGENCIES, Analysis, Kind, Mention, Priority, Process

_STRICT: Final = ConfigDict(frozen=True, extra="forbid")


def one_of(words: Iterable[str]) -> Callable[[str], str]:
    """A validator that lets only these words pass, and names them to who wrote another."""
    known = tuple(words)

    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is unknown; write one of {', '.join(known)}")
        return value

    return check


Intent = Annotated[str, AfterValidator(one_of(INTENTS)), Field(json_schema_extra={"enum": list(INTENTS)})]
Sentiment = Annotated[
    str, AfterValidator(one_of(SENTIMENTS)), Field(json_schema_extra={"enum": list(SENTIMENTS)})
]
Urgency = Annotated[
    str, AfterValidator(one_of(URGENCIES)), Field(json_schema_extra={"enum": list(URGENCIES)})
]


# --- Words in texts ------------------------------------------------------------------------------

_MARKS: Final = re.compile("[\u0300-\u036f]+")


def plain(text: str) -> str:
    """A text without case, accents, ligatures and typographic apostrophes, so that words compare."""
    if text.isascii():
        return text.lower()
    try:  # most texts in French or English are spared four passes through Unicode's tables
        short = text.encode("cp1252").translate(_WESTERN)
    except UnicodeEncodeError:
        return _bare(text)
    return _bare(text) if _NOT_ONE in short else short.decode("ascii")


def _bare(text: str) -> str:
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return bare.replace("’", "'").replace("œ", "oe").replace("æ", "ae")


def _western(byte: int) -> bytes:
    bare = _bare(bytes([byte]).decode("cp1252", "ignore"))
    return bare.encode() if len(bare) == 1 and bare.isascii() else _NOT_ONE


_NOT_ONE: Final = b"\xff"  # what is bare as two letters, or as none of ASCII: ligatures, fractions, quotes
_WESTERN: Final = b"".join(map(_western, range(256)))


def _finder(keywords: Iterable[str]) -> Callable[[str], bool]:
    """Finds any of the keywords as whole words in a plain text; a space stands for any white space."""
    words = [plain(keyword).split() for keyword in keywords]
    firsts = {parts[0] for parts in words}
    either = "|".join(r"\s+".join(map(re.escape, parts)) for parts in words)
    whole = re.compile(rf"(?<!\w)(?:{either})(?!\w)").search

    def found(text: str) -> bool:
        for first in firsts:  # a plain search is many times faster than the pattern, and mostly enough
            if first in text:
                return whole(text) is not None
        return False

    return found


# --- Rules ---------------------------------------------------------------------------------------


class Facts:
    """What rules look at, worked out once a mention; the text is made plain only if a rule asks for words."""

    __slots__ = ("addressed", "analysis", "intents", "lang", "mention", "text")

    def __init__(self, mention: Mention, analysis: Analysis) -> None:
        self.mention, self.analysis = mention, analysis
        self.addressed = mention.addressed or bool(analysis.address)
        self.intents = {label for label, _ in analysis.intents} or {analysis.intent}
        self.lang = mention.lang[:2].lower() if analysis.lang == "unknown" else analysis.lang
        self.text: str | None = None

    def plain_text(self) -> str:
        if self.text is None:
            self.text = plain(self.mention.text)
        return self.text


Test = Callable[[Facts], bool]


class When(BaseModel):
    """What a mention must be like for a rule to match: all that is given here, one of each list."""

    model_config = _STRICT
    intents: frozenset[Intent] = Field(default=frozenset(), description="Any of these holds, leading or not")
    sentiments: frozenset[Sentiment] = Field(default=frozenset(), description="negative, neutral, positive")
    negative_at_least: float | None = Field(
        default=None, ge=0, le=1, description="Probability from which on a negative text counts as angry"
    )
    networks: frozenset[str] = Field(
        default=frozenset(), description="Names of networks, as listeners give them"
    )
    kinds: frozenset[Kind] = Field(default=frozenset(), description="post, comment, reply, review, message")
    languages: frozenset[str] = Field(default=frozenset(), description="ISO 639-1 codes, for example fr")
    urgencies: frozenset[Urgency] = Field(default=frozenset(), description="low, normal, high, crisis")
    authors: frozenset[str] = Field(
        default=frozenset(), description="Their ids or handles, with or without @"
    )
    followers_at_least: int | None = Field(default=None, ge=1, description="How many follow the author")
    keywords: tuple[str, ...] = Field(
        default=(),
        description="Any of these stands in the text: whole words, whatever their case and accents",
    )
    addressed: bool | None = Field(default=None, description="true: only addresses; false: only others")
    needs_answer: bool | None = Field(
        default=None, description="false: only what seems to need no answer, such as thanks"
    )

    @model_validator(mode="after")
    def _nothing_is_empty(self) -> Self:
        if any(not plain(keyword).strip() for keyword in self.keywords):
            raise ValueError("an empty keyword would match nothing; take it out")
        if any(not _person(author) for author in self.authors):
            raise ValueError("an empty author would match everybody without a name; take it out")
        return self

    def tests(self) -> tuple[Test, ...]:
        """One test for each thing that is asked, cheapest first."""
        return tuple(test for given, test in self._every_test() if given)

    def _every_test(self) -> Iterable[tuple[bool, Test]]:
        intents, kinds, languages = self.intents, self.kinds, self.languages
        low, crowd = self.negative_at_least or 0.0, self.followers_at_least or 0
        people = frozenset(_person(author) for author in self.authors)
        yield self.addressed is not None, lambda f: f.addressed is self.addressed
        yield self.needs_answer is not None, lambda f: f.analysis.needs_answer is self.needs_answer
        yield bool(intents), lambda f: not intents.isdisjoint(f.intents)
        yield bool(self.urgencies), lambda f: f.analysis.urgency in self.urgencies
        yield bool(self.sentiments), lambda f: f.analysis.sentiment in self.sentiments
        yield bool(low), lambda f: f.analysis.scores.get("negative", 0.0) >= low
        yield bool(self.networks), lambda f: f.mention.network in self.networks
        yield bool(kinds), lambda f: f.mention.kind in kinds
        yield bool(languages), lambda f: f.lang in languages
        yield bool(crowd), lambda f: (f.mention.author.followers or 0) >= crowd
        yield bool(people), lambda f: _is_among(f.mention, people)
        if self.keywords:
            found = _finder(self.keywords)
            yield True, lambda f: found(f.plain_text())


def _person(name: str) -> str:
    return name.strip().removeprefix("@").casefold()


def _is_among(mention: Mention, people: frozenset[str]) -> bool:
    author = mention.author
    return _person(author.id) in people or _person(author.handle) in people


class Rule(BaseModel):
    """One line of the policy. What it leaves out it does not speak of; it must say something."""

    model_config = _STRICT
    name: str = Field(
        min_length=1,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Stands in the history of every mention that it matched",
    )
    when: When = Field(default=When(), description="Default: every mention")
    process: Process | None = Field(default=None, description="Where the person is passed on")
    template: str | None = Field(default=None, min_length=1, description="Name of the template drafted first")
    priority: Priority | None = Field(default=None, description="low, normal, high or crisis")
    escalate: bool | str | None = Field(
        default=None,
        description="Tell people at once: true, or the reason in words; false: no later rule may",
    )
    approve: Literal["human", "auto"] | None = Field(
        default=None, description="auto: the template goes out by itself where that is safe. Default: human"
    )
    ignore: Literal[True] | None = Field(
        default=None, description="Not our business. Never holds for an address"
    )
    exempt: str | None = Field(
        default=None,
        min_length=1,
        description="Close an address without an answer, for this reason of exemptions:, in the rule's name. "
        "Never holds for somebody who is unhappy or asks something",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        said = {name for name in _SAYS if getattr(self, name) is not None}
        if not said:
            raise ValueError(f"the rule says nothing; give one of {', '.join(_SAYS)}")
        if self.ignore and said != {"ignore"}:
            raise ValueError(f"a rule that ignores cannot also say {', '.join(sorted(said - {'ignore'}))}")
        if self.approve == "auto" and not self.template:
            raise ValueError("approve: auto must name the template that may go out by itself")
        return self

    def __hash__(self) -> int:
        """Names tell rules apart; hashing every field would cost more than a decision."""
        return hash(self.name)

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """The rule matches where each of these holds."""
        return self.when.tests()

    @cached_property
    def reason(self) -> str:
        """Why it escalates, in words; "" where it does not."""
        return self.escalate if isinstance(self.escalate, str) else self.name if self.escalate else ""

    @cached_property
    def keeps(self) -> bool:
        """Does it want a human to see also what is no address?"""
        return bool(self.process or self.template or self.escalate)


_SAYS: Final = ("process", "template", "priority", "escalate", "approve", "ignore", "exempt")


def _named_apart(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ValueError(f"two rules are called {rule.name!r}; histories could not tell them apart")
        seen.add(rule.name)
    return rules


DEFAULT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="crisis",
        when=When(urgencies=frozenset({"crisis"})),
        process=Process.CRISIS,
        priority=Priority.CRISIS,
        escalate="words of a crisis",
    ),
    Rule(
        name="angry complaint",
        when=When(intents=frozenset({"complaint"}), negative_at_least=0.8),
        process=Process.SERVICE,
        priority=Priority.HIGH,
        escalate="an angry complaint",
    ),
    Rule(
        name="about to leave",
        when=When(intents=frozenset({"churn"})),
        process=Process.SERVICE,
        priority=Priority.HIGH,
    ),
    Rule(name="complaint", when=When(intents=frozenset({"complaint"})), process=Process.SERVICE),
    Rule(name="spam", when=When(intents=frozenset({"spam"})), ignore=True),
    Rule(name="wants to buy", when=When(intents=frozenset({"purchase"})), process=Process.SALES),
    Rule(name="suggestion", when=When(intents=frozenset({"suggestion"})), process=Process.PRODUCT),
    Rule(
        name="wants to work here",
        when=When(
            intents=frozenset({"question", "other"}),
            keywords=(
                *("candidature", "alternance", "offre d'emploi", "offres d'emploi", "vous recrutez"),
                *("recrutez-vous", "internship", "job opening", "job openings", "are you hiring"),
            ),
        ),
        process=Process.RECRUITING,
    ),
    Rule(name="question", when=When(intents=frozenset({"question"})), process=Process.SERVICE),
    Rule(
        name="praise",
        when=When(intents=frozenset({"praise"}), addressed=True),
        process=Process.COMMUNICATION,
        priority=Priority.LOW,
    ),
)
"""The rules that hold where config gives none."""

Rules = Annotated[tuple[Rule, ...], AfterValidator(_named_apart)]
"""The rules of config, in order, no two of one name."""
