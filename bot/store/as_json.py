"""Rows as machines read them: one shape each, for ``--json`` and for the API. Times are in ISO 8601, in UTC.

The shapes are `TypedDict`s, so that the API's own description is made of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from bot.exemptions import proposed
from bot.instants import instant
from bot.store import events, notes, sources, views
from bot.store.engine import Row, Tx

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class AuthorJson(TypedDict):
    """Who wrote, as the network shows them; each may be empty."""

    id: str
    handle: str
    name: str


class MentionJson(TypedDict):
    """One mention. `version` is that of its conversation: what a verb must name as seen."""

    id: int
    network: str
    remote_id: str
    url: str
    author: AuthorJson
    text: str
    kind: str
    addressed: bool
    state: str
    priority: str
    process: str
    assignee: str
    posted_at: Time
    due_at: Time | None
    version: int
    sentiment: str | None
    intent: str | None
    lang: str | None
    deleted: bool
    proposed: str | None
    outcome: str | None
    outcome_due_at: Time | None


class PersonJson(TypedDict):
    """All that the same person ever said on that network, and what became of it."""

    said: int
    addresses: int
    answered: int
    exempted: int
    open: int
    first_at: Time
    last_at: Time
    answered_at: Time | None


class ReplyJson(TypedDict):
    """A draft, or a reply; `reason` says why it is not sent."""

    id: int
    mention_id: int
    responder: str
    state: str
    text: str
    template: str
    cut: bool
    holding: bool
    created_at: Time
    approved_by: str | None
    approved_at: Time | None
    attempts: int
    reason: str
    remote_id: str
    url: str


class SaidJson(TypedDict):
    """One message of a conversation; `own`: the brand's. `id` is a mention's, or an answer's."""

    id: int
    at: Time
    own: bool
    text: str
    url: str


class EventJson(TypedDict):
    """One line of the event log: who did what, and through which token, where a program did it."""

    at: Time
    kind: str
    actor: str
    token: int | None


class NoteJson(TypedDict):
    """What staff tell each other; never sent."""

    id: int
    mention_id: int
    actor: str
    text: str
    at: Time
    edited_at: Time | None


class PromiseJson(TypedDict):
    """By when an answer is owed, under which version of the policy; and by when an outcome."""

    due_at: Time | None
    policy: str | None
    outcome_due_at: Time | None


class WholeJson(MentionJson):
    """One mention with all that belongs to it. `stopped`: nothing may go out to this person any more; `tags`:
    what analysis, or a human, says of it; `drafts`: all replies, candidates in their order; `actions`: the
    verbs that fit now."""

    stopped: bool
    promise: PromiseJson
    tags: dict[str, Any]
    person: PersonJson
    drafts: list[ReplyJson]
    conversation: list[SaidJson]
    notes: list[NoteJson]
    history: list[EventJson]
    actions: list[str]


class SourceJson(TypedDict):
    """What a listener has heard: complete from one instant to the other, but for the gaps."""

    listener: str
    complete_from: Time | None
    complete_to: Time | None
    failing_since: Time | None
    error: str
    gaps: list[list[Time]]


class EscalationJson(TypedDict):
    """What rings. `key` names the matter: ``mention:17``, ``source:blog``..."""

    key: str
    mention_id: int | None
    reason: str
    subject: str
    tier: int
    rings: int
    opened_at: Time
    acknowledged_by: str | None
    acknowledged_at: Time | None
    error: str


def mention(row: Row) -> MentionJson:
    """A row of ``mentions`` with the `version` of its conversation."""
    found = json.loads(row["analysis"] or "{}")
    return {
        "id": row["id"], "network": row["network"], "remote_id": row["remote_id"], "url": row["url"],
        "author": {"id": row["author_id"], "handle": row["author_handle"], "name": row["author_name"]},
        "text": row["text"], "kind": row["kind"], "addressed": bool(row["addressed"]), "state": row["state"],
        "priority": row["priority"], "process": row["process"], "assignee": row["assignee"],
        "posted_at": iso(row["posted_at"]), "due_at": iso_or_none(row["due_at"]), "version": row["version"],
        "sentiment": found.get("sentiment"), "intent": found.get("intent"), "lang": found.get("lang"),
        "deleted": row["deleted_at"] is not None, "proposed": proposal(row) or None,
        "outcome": row["outcome"], "outcome_due_at": iso_or_none(row["outcome_due_at"]),
    }  # fmt: skip


def proposal(row: Row) -> str:
    """The reason for which analysis proposes to close this address without an answer; "" for none."""
    waits = row["addressed"] and row["state"] in ("waiting", "escalated")
    return proposed(json.loads(row["analysis"] or "{}")) if waits else ""


def person(row: Row) -> PersonJson:
    """What `bot.store.views.person` tells."""
    return {
        "said": row["said"], "addresses": row["addresses"], "answered": row["answered"],
        "exempted": row["exempted"], "open": row["open"], "first_at": iso(row["first_at"]),
        "last_at": iso(row["last_at"]), "answered_at": iso_or_none(row["answered_at"]),
    }  # fmt: skip


def whole(tx: Tx, row: Row, actions: Sequence[str]) -> WholeJson:
    """A row of `bot.store.views.mention_row`, with all that belongs to it."""
    promise: PromiseJson = {
        "due_at": iso_or_none(row["due_at"]), "policy": row["policy"],
        "outcome_due_at": iso_or_none(row["outcome_due_at"]),
    }  # fmt: skip
    return {
        **mention(row),
        "stopped": row["stopped_at"] is not None,
        "promise": promise,
        "tags": json.loads(row["analysis"] or "{}"),
        "person": person(views.person(tx, row)),
        "drafts": [reply(r) for r in views.replies_of(tx, row["id"])],
        "conversation": [said(line) for line in views.conversation(tx, row)],
        "notes": [note(n) for n in notes.of_conversation(tx, row["conversation_id"])],
        "history": [event(e) for e in events.of_mention(tx, row["id"])],
        "actions": list(actions),
    }


_OF_REPLY: Final = (
    "id", "mention_id", "responder", "state", "text", "template", "approved_by", "attempts", "reason",
    "remote_id", "url",
)  # fmt: skip


def reply(row: Row) -> ReplyJson:
    """A row of ``replies``."""
    made: Any = {name: row[name] for name in _OF_REPLY} | {
        "cut": bool(row["cut"]), "holding": bool(row["holding"]),
        "created_at": iso(row["created_at"]), "approved_at": iso_or_none(row["approved_at"]),
    }  # fmt: skip
    found: ReplyJson = made
    return found


def said(line: Mapping[str, Any]) -> SaidJson:
    """One line of `bot.store.views.conversation`."""
    return {
        "id": line["id"], "at": iso(line["at"]), "own": bool(line["own"]), "text": line["text"],
        "url": line["url"],
    }  # fmt: skip


def event(row: Row) -> EventJson:
    """A row of ``events``, without what it holds for the proof alone."""
    return {
        "at": iso(row["at"]), "kind": row["kind"], "actor": row["actor"],
        "token": json.loads(row["data"]).get("token"),
    }  # fmt: skip


def note(row: Row) -> NoteJson:
    """A row of ``notes``."""
    return {
        "id": row["id"], "mention_id": row["mention_id"], "actor": row["actor"], "text": row["text"],
        "at": iso(row["at"]), "edited_at": iso_or_none(row["edited_at"]),
    }  # fmt: skip


def source(tx: Tx, row: Row) -> SourceJson:
    """A row of ``sources``."""
    return {
        "listener": row["listener"], "complete_from": iso_or_none(row["complete_from"]),
        "complete_to": iso_or_none(row["complete_to"]), "failing_since": iso_or_none(row["failing_since"]),
        "error": row["error"],
        "gaps": [[iso(g["from_at"]), iso(g["to_at"])] for g in sources.gaps(tx, row["listener"])],
    }  # fmt: skip


def escalation(row: Row) -> EscalationJson:
    """A row of ``escalations``."""
    return {
        "key": row["key"], "mention_id": row["mention_id"], "reason": row["reason"],
        "subject": row["subject"], "tier": row["tier"], "rings": row["rings"],
        "opened_at": iso(row["opened_at"]), "acknowledged_by": row["acknowledged_by"],
        "acknowledged_at": iso_or_none(row["acknowledged_at"]), "error": row["error"],
    }  # fmt: skip


def iso(value: int) -> str:
    """An instant (ms), such as ``2026-03-10T09:00:00+00:00``."""
    return instant(value).isoformat(timespec="seconds")


def iso_or_none(value: int | None) -> str | None:
    return None if value is None else iso(value)
