"""A conversation as its network shows it: theirs and ours, in the order of time."""

from __future__ import annotations

from typing import Any, Final

from bot.store.engine import Row, Tx

# As much of a conversation as one page holds.
MOST: Final = 100
# So much of what others say around it is shown, from among so many of them, nearest first: a post may have
# comments by the ten thousand.
OTHERS: Final = 6
_NEAR: Final = 40


def thread(tx: Tx, mention: Row) -> list[dict[str, Any]]:
    """What was said, oldest first, and what of ours is on its way: {"side", "at" (ms), "text", "url", "by",
    "state", ...}.

    `side`: "theirs" (with `id`, `kind`, `edited_at`, `deleted_at`), "ours" (`by`: who approved it, a rule, or
    None for an answer given on the network), "on_its_way" (a reply that is not confirmed, with `reason`),
    "before" (what of ours they spoke to first), or "others" (what other people said around it in the same
    public thread, with `id` and `state`).
    """
    conversation = (mention["conversation_id"], MOST)
    said = [
        *_all(tx, _THEIRS, conversation),
        *_all(tx, _OURS, conversation),
        *_all(tx, _ON_ITS_WAY, conversation),
        *_others(tx, mention),
    ]
    first = min((one for one in said if one["side"] == "theirs"), key=lambda one: one["at"])
    if first["in_reply_to"]:
        said += _all(tx, _BEFORE, (mention["network"], first["in_reply_to"]))
    known = {(one["side"], one["id"]): one for one in reversed(said)}
    for one in list(known.values()):
        if one["side"] == "before" and ("ours", one["id"]) in known:
            del known["before", one["id"]]
    order = {"before": 0, "others": 1, "theirs": 2, "ours": 3, "on_its_way": 4}
    return sorted(known.values(), key=lambda one: (one["at"], order[one["side"]], one["id"]))


def _others(tx: Tx, mention: Row) -> list[dict[str, Any]]:
    """What was said to, and what is nearest; nothing where people speak to us alone."""
    if mention["kind"] == "message":
        return []
    here = mention["conversation_id"]
    asked = _all(tx, _ASKED, (here, mention["network"], mention["in_reply_to"]))
    return [*asked, *_all(tx, _AROUND, (here, here, _NEAR, mention["posted_at"], OTHERS))]


def _all(tx: Tx, sql: str, params: tuple[object, ...]) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.rows(sql, params)]


_THEIRS: Final = (
    "SELECT 'theirs' AS side, id, posted_at AS at, text, url, kind, state, addressed, edited_at, deleted_at,"
    " in_reply_to, author_name, author_handle FROM mentions WHERE conversation_id = ?"
    " ORDER BY id DESC LIMIT ?"
)
_OTHERS: Final = (
    "SELECT 'others' AS side, m.id, m.posted_at AS at, m.text, m.url, m.kind, m.state, m.author_name,"
    " m.author_handle FROM mentions m WHERE m.conversation_id <> ?"
    " AND m.kind NOT IN ('message', 'share') AND m.deleted_at IS NULL"
)
_ASKED: Final = f"{_OTHERS} AND m.network = ? AND m.remote_id = ?"
# Conversations are numbered as they begin.
_AROUND: Final = (
    f"{_OTHERS} AND m.conversation_id IN (SELECT c.id FROM conversations o JOIN conversations c"
    " ON c.network = o.network AND c.thread = o.thread WHERE o.id = ? ORDER BY ABS(c.id - o.id) LIMIT ?)"
    " ORDER BY ABS(m.posted_at - ?), m.id LIMIT ?"
)
_OURS: Final = (
    "SELECT 'ours' AS side, a.id, a.posted_at AS at, a.text, a.url, a.reply_id, r.approved_by AS by,"
    " r.holding FROM mentions m JOIN answers a ON a.network = m.network AND a.in_reply_to = m.remote_id"
    " LEFT JOIN replies r ON r.id = a.reply_id WHERE m.conversation_id = ? ORDER BY a.id DESC LIMIT ?"
)
_ON_ITS_WAY: Final = (
    "SELECT 'on_its_way' AS side, r.id, r.approved_at AS at, r.text, '' AS url, r.state, r.reason,"
    " r.approved_by AS by FROM mentions m JOIN replies r ON r.mention_id = m.id"
    " WHERE m.conversation_id = ? AND r.state IN ('ready', 'sending', 'unsure') ORDER BY r.id DESC LIMIT ?"
)
_BEFORE: Final = (
    "SELECT 'before' AS side, id, posted_at AS at, text, url FROM answers WHERE network = ? AND remote_id = ?"
)
