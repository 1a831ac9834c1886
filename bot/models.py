"""What crosses doors: frozen dataclasses, enums and the state graphs. Imports nothing of ours.

Every instant is an aware ``datetime`` in UTC; every length of time is a ``timedelta``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar


class Kind(StrEnum):
    """What sort of message a mention is. A share is counted for reach and owed nothing."""

    POST = "post"
    COMMENT = "comment"
    REPLY = "reply"
    REVIEW = "review"
    MESSAGE = "message"
    SHARE = "share"


class State(StrEnum):
    """Where a mention stands. The graph is `MENTION_GRAPH`."""

    NEW = "new"
    IGNORED = "ignored"
    WAITING = "waiting"
    ESCALATED = "escalated"
    ANSWERING = "answering"
    ANSWERED = "answered"
    EXEMPTED = "exempted"
    DELETED = "deleted"


class ReplyState(StrEnum):
    """Where a reply stands. The graph is `REPLY_GRAPH`."""

    DRAFT = "draft"
    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNSURE = "unsure"
    DISCARDED = "discarded"


class Priority(StrEnum):
    """How urgent an address is, least urgent first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRISIS = "crisis"


class Process(StrEnum):
    """Where a person is passed on, so that something happens."""

    SERVICE = "service"
    SALES = "sales"
    PRODUCT = "product"
    COMMUNICATION = "communication"
    RECRUITING = "recruiting"
    CRISIS = "crisis"


class Outcome(StrEnum):
    """What can come of an address, as its process confirms it."""

    ACCEPTED = "accepted"
    RESOLVED = "resolved"
    CONVERTED = "converted"
    SHIPPED = "shipped"
    DECLINED = "declined"


INTENTS: Final = ("question", "complaint", "praise", "purchase", "suggestion", "churn", "spam", "other")
SENTIMENTS: Final = ("negative", "neutral", "positive")
URGENCIES: Final = tuple(p.value for p in Priority)


S = TypeVar("S", bound=StrEnum)


# --- The state graphs: the only place where they are written -------------------------------------

# Beyond the main roads of the design: an answer given natively on the network, or a deletion by the author,
# may end an address wherever it stands; a rule may let an answer go out by itself (new -> answering); what
# its author edits is read again (-> new), unless people look at it already; taking back an exemption, and
# an author who restores a post, open it again; a reply that cannot be sent puts the address before a human
# at once (answering -> escalated).
MENTION_GRAPH: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.NEW: frozenset(
            {State.IGNORED, State.WAITING, State.ESCALATED, State.ANSWERING, State.ANSWERED, State.DELETED}
        ),
        State.IGNORED: frozenset({State.NEW, State.WAITING, State.DELETED}),
        State.WAITING: frozenset(
            {State.NEW, State.ANSWERING, State.ESCALATED, State.EXEMPTED, State.ANSWERED, State.DELETED}
        ),
        State.ESCALATED: frozenset({State.ANSWERING, State.EXEMPTED, State.ANSWERED, State.DELETED}),
        State.ANSWERING: frozenset({State.ANSWERED, State.WAITING, State.ESCALATED, State.DELETED}),
        State.ANSWERED: frozenset(),
        State.EXEMPTED: frozenset({State.WAITING}),
        State.DELETED: frozenset({State.WAITING}),
    }
)
# What still owes an answer when `addressed`.
OPEN_STATES: Final = frozenset({State.NEW, State.WAITING, State.ESCALATED, State.ANSWERING})

# ready, sending -> draft: the conversation moved after approval (promise 6), which is looked at when the
# attempt is claimed; draft -> discarded: rejected, or another candidate was chosen; refused -> draft or
# ready: a human edits it, or has mended what was in the way and approves it again.
REPLY_GRAPH: Final[Mapping[ReplyState, frozenset[ReplyState]]] = MappingProxyType(
    {
        ReplyState.DRAFT: frozenset({ReplyState.READY, ReplyState.DISCARDED}),
        ReplyState.READY: frozenset({ReplyState.SENDING, ReplyState.DRAFT, ReplyState.DISCARDED}),
        ReplyState.SENDING: frozenset(
            {ReplyState.SENT, ReplyState.READY, ReplyState.DRAFT, ReplyState.REFUSED, ReplyState.UNSURE}
        ),
        ReplyState.SENT: frozenset(),
        ReplyState.REFUSED: frozenset({ReplyState.DRAFT, ReplyState.READY, ReplyState.DISCARDED}),
        ReplyState.UNSURE: frozenset({ReplyState.SENT, ReplyState.READY, ReplyState.DISCARDED}),
        ReplyState.DISCARDED: frozenset(),
    }
)


def check_graph(graph: Mapping[S, frozenset[S]], states: type[S], start: S) -> None:
    """Refuse a graph with a state that is not listed, cannot be reached, or that is no road's end by
    oversight.

    Raises:
        ValueError: says which state.
    """
    if missing := set(states) - set(graph):
        raise ValueError(f"states without a line in the graph: {sorted(missing)}")
    reached, todo = {start}, [start]
    while todo:
        for after in graph[todo.pop()] - reached:
            reached.add(after)
            todo.append(after)
    if lost := set(states) - reached:
        raise ValueError(f"states that nothing leads to: {sorted(lost)}")


# --- What comes in -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote. Networks hide much: every field but `id` may be empty, and `id` may be "" too."""

    id: str = ""
    handle: str = ""
    name: str = ""
    followers: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """One message that names or speaks to the brand, as one network gave it.

    `remote_id` is the network's own id, unique within `network`. `conversation` is the thread's id on
    the network where it has one; empty, the store takes the thread of the message it replies to.
    `addressed` is the listener's fact (promise 2): the network itself says that the person spoke *to*
    the brand. `own` marks a message by the brand itself: it never becomes a mention; where it replies
    to somebody it is a native answer.
    """

    network: str
    remote_id: str
    text: str
    posted_at: datetime
    author: Author = Author()
    kind: Kind = Kind.POST
    addressed: bool = False
    url: str = ""
    lang: str = ""
    in_reply_to: str = ""
    conversation: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What one `poll` brought.

    `cursor` is opaque to the core and stored with the mentions in one transaction. `complete_to`:
    everything posted before it has been reported, now or earlier. `complete_from`: from when on that
    holds for *this* batch; `None` where it joins the poll before, an instant where the network no
    longer shows what lies between (a gap, which is recorded). `deleted` holds remote ids that their
    authors took down. `retry_after`: seconds the network asked us to stay away.
    """

    mentions: tuple[Mention, ...]
    cursor: str | None
    complete_to: datetime
    complete_from: datetime | None = None
    deleted: tuple[str, ...] = ()
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """What a network pushed to us by itself. The next poll brings it again, if it is of any use."""

    mentions: tuple[Mention, ...] = ()
    deleted: tuple[str, ...] = ()


# --- What is thought of it -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text, in characters: ``text[start:end]``."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the pipeline says of one text. Scores are probabilities, 0 to 1.

    `lang` is an ISO 639-1 code or "unknown". `scores` has one entry for each of `SENTIMENTS`, `intents`
    one for each that holds, strongest first; `intent` leads. `needs_answer` is a proposal and never
    lowers `addressed`; `address` says why the text speaks *to* the brand ("handle", "vocative"), "" where
    it does not seem to, and may raise it. `why` names the words that weighed most, strongest first.
    """

    lang: str = "unknown"
    sentiment: str = "neutral"
    scores: Mapping[str, float] = field(default_factory=dict)
    intent: str = "other"
    intents: tuple[tuple[str, float], ...] = ()
    urgency: str = "normal"
    needs_answer: bool = True
    address: str = ""
    personal_data: tuple[Span, ...] = ()
    aspects: tuple[Span, ...] = ()
    why: tuple[str, ...] = ()


class Exempt(NamedTuple):
    """An address is closed without an answer: by the rule of that name, for a reason from the short list."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a mention, and which rules said so (`rules`, in order).

    `addressed` may have been raised from what the listener said, never lowered; `reason` says why.
    `template` names the one that a rule chose; with `automatic` it may go out without a human. `escalate`
    is the reason for which people must be told at once, "" where they need not be. `exempt`: a rule closes
    the address without an answer, and why.
    """

    state: State
    addressed: bool = False
    priority: Priority = Priority.NORMAL
    process: Process = Process.SERVICE
    template: str = ""
    automatic: bool = False
    escalate: str = ""
    exempt: Exempt | None = None
    rules: tuple[str, ...] = ()
    reason: str = ""


# --- What goes out -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a text may be on a network: `count(text)` must not exceed `maximum`."""

    maximum: int
    count: Callable[[str], int] = len
    unit: str = "characters"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the network will not take a reply to this mention, in words for a human."""

    reason: str


class Price(NamedTuple):
    """What it costs to send a text, in US dollars, and what a human should know about it ("" for nothing)."""

    amount: float
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply on its way out. `key` is the same for every attempt to send the same approved text."""

    key: str
    text: str
    mention: Mention
    attempt: int = 1
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The network's confirmation: the id and the public link of what now stands there."""

    remote_id: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """What a notifier tells people. `key` stays the same when the same escalation rings again.

    `subject` says what it is about in words; `text` are the person's own words (data, to be escaped);
    `due_at` is the promise, if there is one, and `tier` how far it has come: "warned", "due", "overdue" or
    what config calls it.
    """

    key: str
    reason: str
    subject: str
    ring: int
    at: datetime
    mention_id: int | None = None
    network: str = ""
    author: str = ""
    text: str = ""
    url: str = ""
    due_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    tier: str = ""


check_graph(MENTION_GRAPH, State, State.NEW)
check_graph(REPLY_GRAPH, ReplyState, ReplyState.DRAFT)
