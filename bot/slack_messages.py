"""How what waits for a human looks in Slack: a message with its buttons, and the form for editing. Pure.

What people wrote, and drafts to the letter, stand in rich text, where nothing is markup and nothing pings:
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from accounts.slack import date, escaped, link, shortened
from bot.models import Limits
from bot.store import Row, instant

EVENT: Final = "vigie_mention"
FORM: Final = "edit"
TEXT: Final = "text"
# What Slack takes in one input: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
LONGEST_INPUT: Final = 3000
_WORDS: Final = 3000
_DRAFTS: Final = 3
WAITS: Final = frozenset({"waiting", "escalated"})
OVER: Final = frozenset({"answered", "exempted", "deleted", "ignored"})
_STANDS: Final = {
    "waiting": "Waits for an answer",
    "escalated": "Waits for an answer, and rings",
    "answering": "An answer is on its way",
    "answered": "Answered",
    "exempted": "Closed without an answer",
    "deleted": "Deleted by its author",
    "ignored": "Nothing to do",
}
Block = dict[str, Any]


class Case(NamedTuple):
    """All that one message shows. `rings`: why it rings, as long as nobody acknowledged. `last`: the last
    thing that happened, in words. `limits`: of the responder, where there is one. `costs`: what to know of a
    draft's price, by its number."""

    mention: Row
    drafts: Sequence[Row]
    answer: str
    rings: Sequence[str]
    last: str
    limits: Limits | None
    costs: Mapping[int, str]


class Button(NamedTuple):
    """What a button or form carries: what it is about, the version that the person saw, and (a form) the
    message that it came from."""

    mention: int | None = None
    reply: int | None = None
    seen: int = 0
    key: str = ""
    ts: str = ""

    def written(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def read(cls, text: str) -> Button:
        """Raises:
        ValueError, TypeError: it is none of ours.
        """
        return cls(**json.loads(text))


def headline(case: Case) -> str:
    """One line: where it stands, whose it is. Notifications show it."""
    mention = case.mention
    who = mention["author_name"] or mention["author_handle"] or "somebody"
    line = f"{_STANDS.get(mention['state'], 'New')}: {shortened(who, 100)} on {mention['network']}"
    return escaped(" ".join(line.split()))


def of_mention(case: Case, inbox_url: str) -> list[Block]:
    """The message about one mention."""
    mention, waits = case.mention, case.mention["state"] in WAITS
    why = [shortened(f"Rings: {'; '.join(case.rings)}", 500)] if case.rings else []
    found = [_section("\n".join([f"*{headline(case)}*", *map(escaped, [*why, case.last])]))]
    if mention["text"].strip():
        found.append(_quote(shortened(mention["text"], _WORDS)))
    shown = case.drafts[:_DRAFTS] if waits else ()
    for number, draft in enumerate(shown, 1):
        found += _draft(case, draft, f"Draft {number}" if len(case.drafts) > 1 else "Draft")
    if buttons := _buttons(case):
        found.append({"type": "actions", "block_id": "mention", "elements": buttons})
    details = [*_details(case), link(_place(inbox_url, mention["id"]), "Open in Vigie")]
    details += [link(mention["url"], f"See it on {mention['network']}"), link(case.answer, "See the answer")]
    return [*found, _context([part for part in details if part])]


def of_matter(row: Row, inbox_url: str) -> list[Block]:
    """The message about something that rings and is no mention, such as a source that fell silent."""
    found = [_section(f"*{escaped(matter(row))}*\n{escaped(shortened(row['reason'], 500))}")]
    if row["acknowledged_at"] is None:
        button = Button(key=row["key"])
        elements = [_button("acknowledge", "Acknowledge", button)]
        found.append({"type": "actions", "block_id": "matter", "elements": elements})
    details = [date(instant(row["opened_at"])), link(_place(inbox_url, None), "Open in Vigie")]
    return [*found, _context([part for part in details if part])]


def matter(row: Row) -> str:
    """One line on it."""
    if row["acknowledged_at"] is not None:
        return f"{row['acknowledged_by']} sees to it: {row['subject']}"
    return f"Rings: {row['subject']}"


def matter_over(key: str) -> list[Block]:
    """The message about something that rings no more."""
    return [_section(f"*{escaped(f'Over: {key}')}*")]


def form(mention: Row, draft: Row, limits: Limits | None, ts: str) -> Block:
    """The form in which a draft is edited, opened from message `ts`. It keeps the version that was seen."""
    told = Button(mention["id"], draft["id"], mention["version"], ts=ts).written()
    count = f"{counted(draft['text'], limits)} now. " if limits else ""
    hint = f"{count}It is not sent by saving: approve it afterwards."
    element = {
        "type": "plain_text_input",
        "action_id": TEXT,
        "multiline": True,
        "initial_value": draft["text"],
        "max_length": LONGEST_INPUT,
    }
    label = f"Answer on {mention['network']}"
    words = shortened(mention["text"], _WORDS)
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": told,
        "title": _plain("Edit the draft"),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "blocks": [
            *([_quote(words)] if words.strip() else []),
            {
                "type": "input",
                "block_id": TEXT,
                "label": _plain(label),
                "hint": _plain(hint),
                "element": element,
            },
        ],
    }


def counted(text: str, limits: Limits) -> str:
    """``"123 of 280 weighted characters"``."""
    return f"{limits.count(text):,} of {limits.maximum:,} {limits.unit}"


def _draft(case: Case, draft: Row, title: str) -> list[Block]:
    mention = case.mention
    told = Button(mention["id"], draft["id"], mention["version"])
    about = [counted(draft["text"], case.limits)] if case.limits else []
    about += ["shortened to fit: look at its end"] if draft["cut"] else []
    about += [case.costs[draft["id"]]] if draft["id"] in case.costs else []
    about += [shortened(f"refused: {draft['reason']}", 300)] if draft["state"] == "refused" else []
    heading = f"*{title}*" + (f"  ·  {escaped(', '.join(about))}" if about else "")
    elements = [
        _button("approve", "Approve", told, style="primary"),
        _button("edit", "Edit", told),
        _button("reject", "Reject", told),
    ]
    return [
        _section(heading),
        _quote(draft["text"]),
        {"type": "actions", "block_id": f"draft {draft['id']}", "elements": elements},
    ]


def _buttons(case: Case) -> list[Block]:
    mention = case.mention
    told, found = Button(mention["id"], None, mention["version"]), list[Block]()
    if mention["state"] in WAITS and not mention["assignee"]:
        found.append(_button("take", "Take it", told))
    if case.rings and mention["state"] not in OVER:
        found.append(_button("acknowledge", "Acknowledge", told))
    return found


def _details(case: Case) -> list[str]:
    mention = case.mention
    with_ = f"with {escaped(mention['assignee'])}" if mention["assignee"] else ""
    urgent = f"priority {mention['priority']}" if mention["priority"] in ("high", "crisis") else ""
    due = mention["due_at"] if mention["state"] not in OVER else None
    return [f"n° {mention['id']}", with_, urgent, f"due {date(instant(due))}" if due is not None else ""]


def _place(inbox_url: str, mention: int | None) -> str:
    return inbox_url.replace("{mention}", "" if mention is None else str(mention))


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _quote(text: str) -> Block:
    letters = [{"type": "text", "text": text}]
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": letters}]}


def _context(parts: Sequence[str]) -> Block:
    text = {"type": "mrkdwn", "text": "  ·  ".join(parts), "verbatim": True}
    return {"type": "context", "elements": [text]}


def _button(action: str, text: str, told: Button, **style: str) -> Block:
    button = {"type": "button", "action_id": action, "text": _plain(text), "value": told.written()}
    return {**button, **style}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
