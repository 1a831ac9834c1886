"""What humans said that mentions really are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.errors import NotPossible
from bot.models import INTENTS, SENTIMENTS, URGENCIES
from bot.store.engine import Row, Tx
from bot.store.events import dump

_ONE_OF: Final = {"sentiment": SENTIMENTS, "urgency": URGENCIES}


def check(labels: Mapping[str, Any]) -> None:
    """Refuse labels that mean nothing.

    Raises:
        NotPossible: says which, and what there is instead.
    """
    if not labels:
        raise NotPossible(
            "say what it really is: a sentiment, an intent, an urgency, or whether it needs an answer"
        )
    for name, known in _ONE_OF.items():
        if name in labels and labels[name] not in known:
            raise NotPossible(
                "%(label)r is no %(what)s; there are: %(known)s",
                label=labels[name], what=name, known=", ".join(known),
            )  # fmt: skip
    for intent in labels.get("intents", ()):
        if intent not in INTENTS:
            raise NotPossible(
                "%(label)r is no intent; there are: %(known)s", label=intent, known=", ".join(INTENTS)
            )


def add(tx: Tx, mention: Row, labels: Mapping[str, Any], actor: str, now: int) -> None:
    """Keep a correction, and show it in place of the tags."""
    tx.run(
        "INSERT INTO corrections (mention_id, labels, actor, at) VALUES (?, ?, ?, ?)",
        (mention["id"], dump(labels), actor, now),
    )
    shown = {**json.loads(mention["analysis"] or "{}"), **labels}
    if labels.get("intents"):
        shown["intent"] = labels["intents"][0]
        shown["intents"] = [[intent, 1.0] for intent in labels["intents"]]
    tx.run("UPDATE mentions SET analysis = ? WHERE id = ?", (dump(shown), mention["id"]))


def last(tx: Tx, mention_id: int) -> Row | None:
    """The last correction of a mention: actor, labels (JSON), at (ms)."""
    return tx.row("SELECT * FROM corrections WHERE mention_id = ? ORDER BY id DESC LIMIT 1", (mention_id,))


def labelled(tx: Tx) -> Iterator[dict[str, Any]]:
    """One labelled line for each corrected mention, as training reads them; the last word counts."""
    rows = tx.rows(
        "SELECT m.id, m.network, m.text, m.analysis, c.labels FROM corrections c"
        " JOIN mentions m ON m.id = c.mention_id WHERE m.deleted_at IS NULL ORDER BY c.id"
    )
    said: dict[int, dict[str, Any]] = {}
    for row in rows:
        lang = json.loads(row["analysis"] or "{}").get("lang", "")
        line = said.setdefault(row["id"], {
            "text": row["text"], "lang": "" if lang == "unknown" else lang, "network": row["network"],
            "situation": f"mention-{row['id']}",
        })  # fmt: skip
        line |= json.loads(row["labels"])
    yield from said.values()
